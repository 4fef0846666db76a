/** Memory that one reader or writer leaves to the next: hundreds of megabytes a second must not each be allocated, cleared and collected. */
export type Blocks = {
  readonly bytes: number;
  take(): Buffer;
  /** Whoever gives a block back does not touch it again, nor may anything still write from it. */
  giveBack(block: Buffer): void;
};

/** At most `count` are kept; more are made where more are needed at once. */
export function spareBlocks(bytes: number, count: number): Blocks {
  const spare: Buffer[] = [];
  return {
    bytes,
    take: () => spare.pop() ?? Buffer.allocUnsafeSlow(bytes),
    giveBack: (block) => {
      if (spare.length < count) spare.push(block);
    },
  };
}
