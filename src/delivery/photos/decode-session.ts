/**
 * A picture that DICOM does not take as it is coded, decoded: upright, in sRGB, eight bits a sample. HEIC by libheif in a thread of its own,
 * everything else by sharp. Promises: bounded time, bounded pixels before the first is decoded, bounded memory.
 */
import { Worker } from 'node:worker_threads';
import type { Sharp } from 'sharp';
import { type Failure, failure } from '../../model/failure.ts';
import { heifPixels } from '../../protocols/media/heif.ts';
import type { PictureJob, PictureResult } from './picture-worker.ts';

/** Phones have up to 50 million; of three bytes each while they are decoded. */
const MAX_PIXELS = 64_000_000;
const LIMIT_SECONDS = 60;
/** Of the JavaScript in the thread; pictures are no part of it. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 24 };
/** libheif has a picture as it is coded, and again as it is given out. */
const MAX_DECODER_BYTES = 1024 * 1024 * 1024;

export type Decoded = { readonly rows: number; readonly columns: number; readonly components: 1 | 3; readonly samples: Buffer };

export async function decodePicture(
  file: Buffer,
  coding: 'heic' | 'other',
  maxDecoderBytes = MAX_DECODER_BYTES,
): Promise<Decoded | Failure> {
  try {
    const sharp = await loadSharp();
    if (coding !== 'heic') return await decoded(sharp(file, { limitInputPixels: MAX_PIXELS }).autoOrient());
    const pixels = heifPixels(file);
    if (pixels === 0 || pixels > MAX_PIXELS) return failure('delivery', 'too-large', `a picture of ${pixels} pixels`);
    const heic = await inThread({ kind: 'heic', file, maxPixels: MAX_PIXELS, maxDecoderBytes });
    if ('problem' in heic) return notDecoded(heic.problem);
    return await decoded(sharp(heic.bytes, { raw: { width: heic.columns, height: heic.rows, channels: 4 } }));
  } catch (error) {
    return failure(
      'delivery',
      'invalid',
      `the picture cannot be decoded: ${error instanceof Error ? error.message.split('\n')[0] : 'failed'}`,
    );
  }
}

function notDecoded(problem: (PictureResult & { problem: string })['problem']): Failure {
  if (problem === 'memory') return failure('delivery', 'too-large', 'to decode the HEIC picture takes more memory than it may have');
  if (problem === 'pixels') return failure('delivery', 'too-large', 'the HEIC picture has more pixels than it says');
  return failure('delivery', 'invalid', 'the HEIC picture cannot be decoded');
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
  return 'bytes' in turned ? Buffer.from(turned.bytes.buffer) : null;
}

function inThread(job: PictureJob): Promise<PictureResult> {
  return new Promise((resolve) => {
    // What a decoder says of a broken picture is not for our log.
    const options = { workerData: job, resourceLimits: THREAD_LIMITS, stdout: true, stderr: true };
    const worker = new Worker(new URL('./picture-worker.ts', import.meta.url), options);
    const settle = (result: PictureResult): void => {
      clearTimeout(timer);
      void worker.terminate();
      resolve(result);
    };
    const timer = setTimeout(() => settle({ problem: 'broken' }), LIMIT_SECONDS * 1000);
    worker.once('message', settle);
    worker.once('error', ({ code }: NodeJS.ErrnoException) =>
      settle({ problem: code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'broken' }),
    );
    worker.once('exit', () => settle({ problem: 'broken' }));
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
