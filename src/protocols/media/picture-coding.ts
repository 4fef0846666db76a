/**
 * How a picture that is no JPEG is coded. In: a file, and what kind it is. Out: which decoder reads it, and how it was coded with loss (PS3.3
 * §C.7.6.1.1.5.2, Lossy Image Compression Method; its terms are not closed); or why it is none that DICOM has a place for: it moves, or is several.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { readAvif } from './heif.ts';
import type { PictureKind } from './location.ts';
import { isAnimatedPng } from './png.ts';
import { readTiff } from './tiff.ts';
import { readWebp } from './webp.ts';

export type StillKind = Exclude<PictureKind, 'gif'>;
export type LossyMethod = 'ISO_10918_1' | 'ISO_14496_10' | 'ISO_23008_2' | 'RFC_6386' | 'AV1';
export type PictureCoding = { readonly lossy: LossyMethod | null; readonly decoder: 'heic' | 'other' };

export function codingOf(file: Buffer, kind: Exclude<StillKind, 'jpeg'>): PictureCoding | Failure {
  switch (kind) {
    case 'png':
      return isAnimatedPng(file) ? MOVES : { lossy: null, decoder: 'other' };
    case 'webp': {
      const facts = readWebp(file);
      if (!facts) return failure('delivery', 'invalid', 'the WebP is not whole');
      return facts.animated ? MOVES : { lossy: facts.lossy ? 'RFC_6386' : null, decoder: 'other' };
    }
    case 'tiff': {
      const facts = readTiff(file);
      if (!facts) return failure('delivery', 'invalid', 'the TIFF is not whole, or is one of 64 bits');
      if (facts.pictures > 1) return failure('delivery', 'invalid', `a TIFF of ${facts.pictures} pictures: send each as a file of its own`);
      return { lossy: facts.lossy ? 'ISO_10918_1' : null, decoder: 'other' };
    }
    case 'heif': {
      const avif = readAvif(file);
      if (avif?.animated) return MOVES;
      return avif ? { lossy: 'AV1', decoder: 'other' } : { lossy: 'ISO_23008_2', decoder: 'heic' };
    }
  }
}

const MOVES = failure('delivery', 'invalid', 'an animated picture is not taken: send it as MP4, or one picture of it');
