/**
 * A picture that DICOM does not take as it is coded, decoded: upright, in sRGB, eight bits a sample. HEIC by libheif in a thread of its own,
 * everything else by sharp. Promises: bounded time, and bounded pixels before the first is decoded.
 */
import { Worker } from 'node:worker_threads';
import type { Sharp } from 'sharp';
import { type Failure, failure } from '../../model/failure.ts';
import { heifPixels } from '../../protocols/media/heif.ts';
import type { PictureJob, PictureResult } from './picture-worker.ts';

/** Phones have up to 50 million; of three bytes each while they are decoded. */
const MAX_PIXELS = 64_000_000;
const LIMIT_SECONDS = 60;

export type Decoded = { readonly rows: number; readonly columns: number; readonly components: 1 | 3; readonly samples: Buffer };

export async function decodePicture(file: Buffer, coding: 'heic' | 'other'): Promise<Decoded | Failure> {
  try {
    const sharp = await loadSharp();
    if (coding !== 'heic') return await decoded(sharp(file, { limitInputPixels: MAX_PIXELS }).autoOrient());
    const pixels = heifPixels(file);
    if (pixels === 0 || pixels > MAX_PIXELS) return failure('delivery', 'too-large', `a picture of ${pixels} pixels`);
    const heic = await inThread({ kind: 'heic', file });
    if (!heic) return failure('delivery', 'invalid', 'the HEIC picture cannot be decoded');
    return await decoded(sharp(heic.bytes, { raw: { width: heic.columns, height: heic.rows, channels: 4 } }));
  } catch (error) {
    return failure(
      'delivery',
      'invalid',
      `the picture cannot be decoded: ${error instanceof Error ? error.message.split('\n')[0] : 'failed'}`,
    );
  }
}

async function decoded(picture: Sharp): Promise<Decoded> {
  const { data, info } = await picture
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .timeout({ seconds: LIMIT_SECONDS })
    .toBuffer({ resolveWithObject: true });
  return { rows: info.height, columns: info.width, components: info.channels === 1 ? 1 : 3, samples: data };
}

/** A baseline JPEG turned upright without a loss; null where that cannot be. */
export async function turnUpright(file: Buffer, orientation: number): Promise<Buffer | null> {
  const turned = await inThread({ kind: 'turn', file, orientation });
  return turned && Buffer.from(turned.bytes.buffer, turned.bytes.byteOffset, turned.bytes.length);
}

function inThread(job: PictureJob): Promise<PictureResult> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./picture-worker.ts', import.meta.url), { workerData: job });
    const settle = (result: PictureResult): void => {
      clearTimeout(timer);
      void worker.terminate();
      resolve(result);
    };
    const timer = setTimeout(() => settle(null), LIMIT_SECONDS * 1000);
    worker.once('message', settle);
    worker.once('error', () => settle(null));
    worker.once('exit', () => settle(null));
  });
}

let srgb: Promise<Buffer> | null = null;

/** The ICC profile of what `decodePicture` gives. */
export function srgbProfile(): Promise<Buffer> {
  srgb ??= readProfile();
  return srgb;
}

async function readProfile(): Promise<Buffer> {
  const sharp = await loadSharp();
  const one = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000000' } });
  const { icc } = await sharp(await one.withIccProfile('srgb').png().toBuffer()).metadata();
  return icc ?? Buffer.alloc(0);
}

/** With the first picture: its libraries take 20 MB. */
async function loadSharp() {
  return (await import('sharp')).default;
}
