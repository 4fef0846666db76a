/**
 * The thread that decodes and renders, one frame at a time. In: what the image says of itself, the bytes of one frame, and how it shall
 * look. Out: a JPEG or PNG, or that it cannot be done. What comes in is not trusted: this thread may be ended at any moment.
 */
import { parentPort } from 'node:worker_threads';
import imaging from 'dcmjs-imaging';
import sharp from 'sharp';
import type { ImageElements, Rendering } from '../../protocols/dicom/rendering.ts';

export type RenderJob = {
  readonly elements: ImageElements;
  readonly transferSyntax: string;
  readonly frame: ArrayBuffer;
  readonly rendering: Rendering;
};
export type RenderedFrame = { readonly image: Uint8Array };
type RenderResult = RenderedFrame | { readonly problem: string };

const { DicomImage, NativePixelDecoder, WindowLevel } = imaging;
const ready = NativePixelDecoder.initializeAsync();
sharp.concurrency(1);
sharp.cache(false);

parentPort?.on('message', async (job: RenderJob) => {
  const result = await render(job).catch((error: unknown): RenderResult => ({ problem: error instanceof Error ? error.name : 'failed' }));
  parentPort?.postMessage(result);
});

async function render({ elements, transferSyntax, frame, rendering }: RenderJob): Promise<RenderResult> {
  await ready;
  const image = new DicomImage({ ...elements, PixelData: [frame], _vrMap: { PixelData: 'OW' } }, transferSyntax);
  const { window, viewport, region, format, quality } = rendering;
  const windowLevel = window && new WindowLevel(window.width, window.center);
  const { pixels, width, height } = image.render({ frame: 0, renderOverlays: false, ...(windowLevel ? { windowLevel } : {}) });
  let picture = sharp(Buffer.from(pixels), { raw: { width, height, channels: 4 } }).removeAlpha();
  if (region) {
    const [left, top] = [Math.min(region.left, width - 1), Math.min(region.top, height - 1)];
    picture = picture.extract({ left, top, width: Math.min(region.width, width - left), height: Math.min(region.height, height - top) });
  }
  if (viewport) picture = picture.resize({ ...viewport, fit: 'inside' });
  return { image: await (format === 'png' ? picture.png() : picture.jpeg({ quality })).toBuffer() };
}
