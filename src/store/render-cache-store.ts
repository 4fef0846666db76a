/**
 * Rendered images on disk, by name: bounded in bytes, those that were asked for longest ago go first. It begins empty at each start, so that
 * nothing half-written is ever served.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type RenderCache = { get(name: string): Promise<Buffer | null>; put(name: string, bytes: Buffer): Promise<void> };

const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;

/** `name` is 64 hexadecimal digits. */
export async function openRenderCache(dataDirectory: string, maxBytes = DEFAULT_MAX_BYTES): Promise<RenderCache> {
  const directory = join(dataDirectory, 'rendered');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  /** In the order of use. */
  const sizes = new Map<string, number>();
  let held = 0;
  const forget = async (name: string): Promise<void> => {
    held -= sizes.get(name) ?? 0;
    sizes.delete(name);
    await rm(join(directory, name), { force: true });
  };
  return {
    get: async (name) => {
      const size = sizes.get(name);
      if (size === undefined) return null;
      sizes.delete(name);
      sizes.set(name, size);
      return readFile(join(directory, name)).catch(() => null);
    },
    put: async (name, bytes) => {
      if (bytes.length > maxBytes || sizes.has(name)) return;
      sizes.set(name, bytes.length);
      held += bytes.length;
      for (const oldest of sizes.keys()) {
        if (held <= maxBytes) break;
        await forget(oldest);
      }
      const temporary = join(directory, randomUUID());
      try {
        await writeFile(temporary, bytes, { mode: 0o600 });
        await rename(temporary, join(directory, name));
      } catch {
        // A full disk: it is rendered again.
        await rm(temporary, { force: true });
        await forget(name);
      }
    },
  };
}
