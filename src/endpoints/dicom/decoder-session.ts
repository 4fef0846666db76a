/** The thread that decompresses frames for the DICOM doors and for what is sent. In: an encoded frame. Out: its pixels, or why there are none. */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { PixelDecoder } from '../../model/pixel-decoder.ts';
import { openCodecThread, TIMEOUT } from './codec-thread-session.ts';
import type { DecodedFrame, DecodeJob } from './decode-worker.ts';

const DEFAULT_LIMIT_MS = 60_000;

/** Nothing is started before there is work. */
export function openDecoder(limitMs = DEFAULT_LIMIT_MS): PixelDecoder {
  const script = new URL('./decode-worker.ts', import.meta.url);
  const transferred = ({ frame }: DecodeJob): ArrayBuffer[] => [frame.bytes.buffer];
  const thread = openCodecThread<DecodeJob, DecodedFrame>(script, { limitMs, transferred, failed });
  return {
    decode: async (read) => {
      const done = await thread.run(async () => {
        const frame = await read();
        return isFailure(frame) ? frame : { frame };
      });
      return isFailure(done) ? done : Buffer.from(done.pixels.buffer, done.pixels.byteOffset, done.pixels.byteLength);
    },
    close: thread.close,
  };
}

/** A machine that is busy may have time later; a frame that no decoder understands is the same each time. */
function failed(problem: string): Failure {
  if (problem === TIMEOUT) return failure('dicom', 'timeout', 'cannot be decompressed: a frame takes too long', 'transient');
  return failure('dicom', 'invalid', `cannot be decompressed: a frame is not understood (${problem})`);
}
