/**
 * Modalities that send studies: each association sends one study after the other, and an object that got no success is sent again, over a
 * new association where the old one was lost. Imports nothing from src.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CtSlice } from './ct-slice.ts';
import { openStoreAssociation, type StoreAssociation, type StoreTarget } from './store-sender.ts';

export type StoreLoadOptions = {
  /** Where the gateway is just now: asked for every association. */
  readonly target: () => StoreTarget;
  readonly associations: number;
  readonly slicesOf: (study: number) => readonly CtSlice[];
  /** Rest after each object. */
  readonly restMs: number;
  /** The object was answered with success. */
  readonly onStored: (slice: CtSlice, study: number) => void;
};

export type StoreLoad = {
  /** Begins no new study; resolves when every object of those that were begun has been stored. */
  stop(): Promise<void>;
};

const RETRY_MS = 100;

export function startStoreLoad(options: StoreLoadOptions): StoreLoad {
  let stopping = false;
  const run = async (sender: number): Promise<void> => {
    const link: { association: StoreAssociation | null } = { association: null };
    for (let study = sender; !stopping; study += options.associations) {
      for (const slice of options.slicesOf(study)) {
        await storeUntilTaken(link, slice, options);
        options.onStored(slice, study);
        await pause(options.restMs);
      }
    }
    await link.association?.release();
  };
  const running = Promise.all(Array.from({ length: options.associations }, (_, sender) => run(sender)));
  return {
    stop: async () => {
      stopping = true;
      await running;
    },
  };
}

async function storeUntilTaken(
  link: { association: StoreAssociation | null },
  slice: CtSlice,
  { target }: StoreLoadOptions,
): Promise<void> {
  for (;;) {
    try {
      link.association ??= await openStoreAssociation(target());
      if ((await link.association.store(slice)) === 0) return;
    } catch {
      link.association?.destroy();
      link.association = null;
    }
    await pause(RETRY_MS);
  }
}
