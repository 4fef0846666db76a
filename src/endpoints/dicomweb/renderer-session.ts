/** The thread that renders frames for looking at. In: a frame and how it shall look. Out: the picture, or why there is none. No more than a few wait. */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { openCodecThread, TIMEOUT } from '../dicom/codec-thread-session.ts';
import type { RenderedFrame, RenderJob } from './render-worker.ts';

/** `read` gets the frame, or says why there is none. */
export type Renderer = { render(read: () => Promise<RenderJob | Failure>): Promise<Buffer | Failure>; close(): Promise<void> };

const DEFAULT_LIMIT_MS = 20_000;
const MAX_WAITING = 32;

export function openRenderer(limitMs = DEFAULT_LIMIT_MS): Renderer {
  const script = new URL('./render-worker.ts', import.meta.url);
  const failed = (problem: string): Failure => failure('dicomweb', problem === TIMEOUT ? 'timeout' : 'invalid', problem);
  const thread = openCodecThread<RenderJob, RenderedFrame>(script, { limitMs, transferred: ({ frame }) => [frame], failed });
  let waiting = 0;
  return {
    render: async (read) => {
      if (waiting >= MAX_WAITING) return failure('dicomweb', 'out-of-resources', 'too many wait to be rendered', 'transient');
      waiting++;
      const done = await thread.run(read).finally(() => waiting--);
      return isFailure(done) ? done : Buffer.from(done.image.buffer, done.image.byteOffset, done.image.byteLength);
    },
    close: thread.close,
  };
}
