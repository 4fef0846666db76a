#!/usr/bin/env node
// Starts waystation.ts with a Node that runs TypeScript: this one when it is new enough, else the one pinned in the checkout.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The first release that strips types without a flag and without a warning. */
const NEEDED = [22, 18];

const program = fileURLToPath(new URL('./waystation.ts', import.meta.url));

if (isNewEnough(process.versions.node)) await import('./waystation.ts');
else runPinned();

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

function runPinned() {
  const node = pinnedNode();
  if (node === null) {
    console.error(`error: waystation needs Node ${NEEDED.join('.')} or newer, and this is ${process.versions.node}`);
    console.error('  run `npm ci` in the checkout: it brings a Node of its own');
    process.exit(2);
  }
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends Ctrl-C to both; the child decides when it is over.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`error: ${node} cannot be started: ${error.message}`);
    process.exit(2);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}

/** The npm package `node`, a devDependency. */
function pinnedNode() {
  try {
    const home = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const path = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}
