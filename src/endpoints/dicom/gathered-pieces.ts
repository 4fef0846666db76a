/** The bytes of a small object as they come: in: fragments whose memory is not ours. Out: the same bytes in few pieces. */
import type { Blocks } from '../../store/spare-blocks.ts';

export type GatheredPieces = {
  add(fragment: Buffer): void;
  pieces(): Buffer[];
  /** The pieces are not touched any more after this. */
  giveBack(): void;
};

export function gatheredPieces(blocks: Blocks): GatheredPieces {
  const taken: Buffer[] = [];
  let filled = blocks.bytes;
  return {
    add: (fragment) => {
      for (let at = 0; at < fragment.length; ) {
        if (filled === blocks.bytes) {
          taken.push(blocks.take());
          filled = 0;
        }
        const copied = fragment.copy(taken.at(-1) as Buffer, filled, at);
        filled += copied;
        at += copied;
      }
    },
    pieces: () => taken.map((block, index) => (index === taken.length - 1 ? block.subarray(0, filled) : block)),
    giveBack: () => {
      for (const block of taken.splice(0)) blocks.giveBack(block);
      filled = blocks.bytes;
    },
  };
}
