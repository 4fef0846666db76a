/** A directory whose names survive a power cut: a file that is synced has its bytes on the disk, and perhaps not its name (fsync(2)). */
import { open } from 'node:fs/promises';

/** The names in it are on the disk when it resolves. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
