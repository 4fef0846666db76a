/**
 * What takes a thread for seconds, in a thread of its own: a HEIC picture decoded by libheif, compiled to WebAssembly; a JPEG turned upright
 * without a loss. What comes in is not trusted: a small file may say that it is a huge picture, and to each decoder in another place.
 */
import { parentPort, workerData } from 'node:worker_threads';
import heic from 'heic-decode';
import { turnedJpeg } from '../../protocols/media/jpeg-turn.ts';

export type PictureJob =
  | { readonly kind: 'heic'; readonly file: Uint8Array; readonly maxPixels: number; readonly maxDecoderBytes: number }
  | { readonly kind: 'turn'; readonly file: Uint8Array; readonly orientation: number };

export type HeldPicture = { readonly columns: number; readonly rows: number; readonly bytes: Uint8Array<ArrayBuffer> };

/** What the thread says: the picture in RGBA, or the turned file; or why there is none. */
export type PictureResult = HeldPicture | { readonly problem: 'broken' | 'memory' | 'pixels' };

/** Of WebAssembly. */
const PAGE_BYTES = 65_536;

const result = await done(workerData as PictureJob);
parentPort?.postMessage(result, 'bytes' in result ? [result.bytes.buffer] : []);

async function done(job: PictureJob): Promise<PictureResult> {
  if (job.kind === 'heic') return decodedHeic(job);
  const turned = turnedJpeg(Buffer.from(job.file), job.orientation);
  return turned ? { columns: 0, rows: 0, bytes: new Uint8Array(turned) } : { problem: 'broken' };
}

async function decodedHeic({ file, maxPixels, maxDecoderBytes }: PictureJob & { readonly kind: 'heic' }): Promise<PictureResult> {
  const memory = boundDecoder(maxDecoderBytes);
  try {
    const [picture] = await heic.all({ buffer: file });
    if (!picture) return { problem: memory.refused() ? 'memory' : 'broken' };
    if (picture.width * picture.height > maxPixels) return { problem: 'pixels' };
    const { width, height, data } = await picture.decode();
    return { columns: width, rows: height, bytes: new Uint8Array(data.buffer) };
  } catch {
    return { problem: memory.refused() ? 'memory' : 'broken' };
  }
}

/** WebAssembly has its memory beside the heap of the thread, whose limits do not count it: more than this it does not get. */
function boundDecoder(maxBytes: number): { refused(): boolean } {
  const grow = WebAssembly.Memory.prototype.grow;
  let refused = false;
  WebAssembly.Memory.prototype.grow = function (this: WebAssembly.Memory, pages: number): number {
    if (this.buffer.byteLength + pages * PAGE_BYTES > maxBytes) {
      refused = true;
      throw new RangeError('the decoder asks for more memory than it may have');
    }
    return grow.call(this, pages);
  };
  return { refused: () => refused };
}
