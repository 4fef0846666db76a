/**
 * What takes a thread for seconds, in a thread of its own: a HEIC picture decoded by libheif, compiled to WebAssembly; a JPEG turned upright
 * without a loss.
 */
import { parentPort, workerData } from 'node:worker_threads';
import decode from 'heic-decode';
import { turnedJpeg } from '../../protocols/media/jpeg-turn.ts';

export type PictureJob =
  | { readonly kind: 'heic'; readonly file: Uint8Array }
  | { readonly kind: 'turn'; readonly file: Uint8Array; readonly orientation: number };

/** What the thread says: the picture in RGBA, or the turned file, or nothing. */
export type PictureResult = { readonly columns: number; readonly rows: number; readonly bytes: Uint8Array } | null;

parentPort?.postMessage(await done(workerData as PictureJob));

async function done(job: PictureJob): Promise<PictureResult> {
  if (job.kind === 'turn') {
    const turned = turnedJpeg(Buffer.from(job.file), job.orientation);
    return turned && { columns: 0, rows: 0, bytes: turned };
  }
  const { width, height, data } = await decode({ buffer: job.file });
  return { columns: width, rows: height, bytes: new Uint8Array(data.buffer) };
}
