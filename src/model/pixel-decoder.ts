/** Compressed frames become native pixels in a thread of their own, which whoever decodes is handed: what comes in is not trusted. */
import type { Failure } from './failure.ts';

/** One frame, and what its image says of it (PS3.3 §C.7.6.3). */
export type EncodedFrame = {
  readonly transferSyntax: string;
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly photometric: string;
  /** Given away: nobody else may read them afterwards. */
  readonly bytes: Uint8Array<ArrayBuffer>;
};

/** Native little-endian pixels, colour by pixel; or why there are none. The frame is read when its turn comes, so that one at a time is held. */
export type DecodeFrame = (read: () => Promise<EncodedFrame | Failure>) => Promise<Buffer | Failure>;

export type PixelDecoder = { readonly decode: DecodeFrame; close(): Promise<void> };
