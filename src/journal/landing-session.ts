/**
 * Where objects land that come one after the other: their sender has his answer once the landing log is synced, and what is dear is done
 * behind his back for many at once: the file is given its place in the blob store, its entry is written into the journal.
 * In: an entry without its digests, and the file in pieces. Out: it is durable.
 * Promises: what landed reaches the journal and the blob store, however often the gateway is killed meanwhile; in the order in which it
 * landed; a segment of the log is freed only when all that was in it is committed and synced elsewhere; while the database or the disk does
 * not take anything nothing more lands, so that senders hear of it; what could not be synced is placed anew before it is synced again, for a
 * disk that has failed says so once.
 */
import type { NewEntry } from '../model/entry.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { reasonOf } from '../store/database-failure.ts';
import type { LandingLog } from '../store/landing-log-store.ts';
import type { LandedPlace, Segment } from '../store/landing-segments-store.ts';
import { type Blocks, spareBlocks } from '../store/spare-blocks.ts';
import type { Journal } from './journal.ts';
import { decodeFacts, encodeFacts, isStorable, type LandedEntry } from './landed-entry.ts';
import type { Placed } from './landing-worker.ts';
import type { Placer } from './placer-session.ts';

export type Landing = {
  /** Of the file: what is larger is better written where it stays. */
  readonly maxBytes: number;
  /** Memory for the pieces of files to come. */
  readonly blocks: Blocks;
  /** True once the object is durable; false where it is not taken, and has to be stored by whoever has it. The pieces must not change before. */
  land(entry: LandedEntry, file: readonly Buffer[]): Promise<boolean>;
  /** Resolves when what had landed is in the journal, or cannot be brought there now. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

export type LandingDeps = {
  readonly journal: Pick<Journal, 'append'>;
  readonly placer: Placer;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** Brought to the journal at once. */
const BATCH = 64;
/** After a batch, unless somebody waits: more arrive, and one commit serves more of them. */
const REST_MS = 100;
const OUTAGE_REST_MS = 1_000;
/** Above this part of its segments the log frees some; below, only once nothing has come for a while: most files are on the disk by then. */
const HALF_FULL = 0.5;
/** Above this it takes nothing more before some are freed. */
const NEARLY_FULL = 0.7;
const IDLE_MS = 2_000;
const LOOK_MS = 250;
const ROOM_POLL_MS = 10;
const BLOCK_BYTES = 256 * 1024;
const SPARE_BLOCKS = 32;

export function openLanding(log: LandingLog, left: readonly LandedPlace[], deps: LandingDeps): Landing {
  const queue = [...left];
  const settling = openSettling(left.length);
  const kept = openKept(log, deps.placer);
  let failing = false;
  /** Nothing can be freed. */
  let stuck = false;
  let lastLanded = performance.now();

  const bring = async (): Promise<void> => {
    const batch = queue.slice(0, BATCH);
    try {
      const placed = await deps.placer.place(batch);
      await Promise.all(placed.map((one) => deps.journal.append(entryOf(one))));
      for (const [index, place] of batch.entries()) kept.add(place, (placed[index] as Placed).blob);
      queue.splice(0, batch.length);
      failing = false;
      settling.passed(batch.length);
      if (log.fullness() > HALF_FULL) freeing.wake();
    } catch (error) {
      if (!failing) deps.log.error('landing.failed', { reason: reasonOf(error), waiting: queue.length });
      failing = true;
      settling.giveUp();
    }
    deps.metrics.gauge('waystation_landing_objects', queue.length);
  };
  const free = (): Promise<void> => kept.free(() => queue[0]?.segment.lap ?? Number.POSITIVE_INFINITY);
  const freeWhereDue = async (): Promise<void> => {
    const isIdle = queue.length === 0 && performance.now() - lastLanded > IDLE_MS;
    if (isIdle) log.turn();
    if (isIdle || log.fullness() > HALF_FULL) await free();
  };
  const bringing = startLoop(async () => {
    if (queue.length > 0) await bring();
    return failing ? OUTAGE_REST_MS : queue.length > 0 && !settling.isAwaited() ? REST_MS : queue.length > 0 ? 0 : null;
  });
  const freeing = startLoop(async () => {
    try {
      await freeWhereDue();
      stuck = false;
      return LOOK_MS;
    } catch (error) {
      if (!stuck) deps.log.error('landing.not-freed', { reason: reasonOf(error) });
      stuck = true;
      return OUTAGE_REST_MS;
    }
  });
  let closing = false;
  const isFull = (): boolean => log.fullness() > NEARLY_FULL;
  const takesNothing = (): boolean => failing || closing || (stuck && isFull());

  return {
    maxBytes: log.maxBytes / 2,
    blocks: spareBlocks(BLOCK_BYTES, SPARE_BLOCKS),
    land: async (entry, file) => {
      const facts = encodeFacts(entry);
      if (!isStorable(entry) || facts.length > log.maxBytes / 2) return false;
      while (!takesNothing() && isFull()) await pause(ROOM_POLL_MS);
      if (takesNothing()) return false;
      const place = await log.append(facts, file);
      lastLanded = performance.now();
      settling.landed();
      if (queue.push(place) === 1) bringing.wake();
      return true;
    },
    settled: async () => {
      if (failing) return;
      const settled = settling.settled();
      bringing.wake();
      await settled;
    },
    close: async () => {
      closing = true;
      await Promise.all([bringing.stop(), freeing.stop()]);
      while (queue.length > 0 && !failing) await bring();
      log.turn();
      try {
        await free();
      } finally {
        await deps.placer.close();
        await log.close();
      }
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Works again and again; `work` says how long it rests then, null: until it is woken. */
function startLoop(work: () => Promise<number | null>) {
  let stopping = false;
  let woken = false;
  let wake = (): void => {};
  const rest = (ms: number | null): Promise<void> =>
    new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (woken || stopping) wake();
    });
  const run = async (): Promise<void> => {
    while (!stopping) {
      woken = false;
      await rest(await work());
    }
  };
  const running = run();
  return {
    wake: (): void => {
      woken = true;
      wake();
    },
    stop: (): Promise<void> => {
      stopping = true;
      wake();
      return running;
    },
  };
}

/** Who waits for what had landed when he asked. */
function openSettling(left: number) {
  let landed = left;
  let passed = 0;
  let waiting: { readonly until: number; readonly tell: () => void }[] = [];
  const tell = (whom: (until: number) => boolean): void => {
    const told = waiting.filter(({ until }) => whom(until));
    waiting = waiting.filter(({ until }) => !whom(until));
    for (const one of told) one.tell();
  };
  return {
    landed: (): void => {
      landed++;
    },
    passed: (count: number): void => {
      passed += count;
      tell((until) => until <= passed);
    },
    giveUp: (): void => tell(() => true),
    isAwaited: (): boolean => waiting.length > 0,
    settled: (): Promise<void> =>
      passed >= landed ? Promise.resolve() : new Promise((resolve) => waiting.push({ until: landed, tell: resolve })),
  };
}

/** Files that have their place in the blob store and may not be on its disk yet, by the segment that has them still. */
function openKept(log: LandingLog, placer: Pick<Placer, 'place' | 'sync'>) {
  const segments = new Map<number, Kept>();
  const synced = async (kept: Kept): Promise<void> => {
    const wasTried = kept.tried;
    kept.tried = true;
    // What was written and lost since is not in a file whose next sync succeeds.
    if (wasTried) await placer.place(kept.places);
    await placer.sync([...kept.digests]);
  };
  return {
    add: (place: LandedPlace, digest: string): void => {
      const { segment } = place;
      const known = segments.get(segment.lap) ?? { segment, places: [], digests: new Set<string>(), tried: false };
      known.places.push(place);
      known.digests.add(digest);
      segments.set(segment.lap, known);
    },
    /** Of the segments before the lap that waits, which goes on meanwhile; never the one that is being filled. */
    free: async (waits: () => number): Promise<void> => {
      for (const [lap, kept] of segments) {
        if (lap >= waits() || lap === log.filling()) continue;
        await synced(kept);
        await log.free(kept.segment);
        segments.delete(lap);
      }
    },
  };
}

type Kept = { readonly segment: Segment; readonly places: LandedPlace[]; readonly digests: Set<string>; tried: boolean };

function entryOf({ facts, blob, digest }: Placed): NewEntry {
  const told = { blob, digest: Buffer.from(digest), disposition: 'accepted', detail: '', answer: Buffer.alloc(0), effects: [] } as const;
  return { ...decodeFacts(Buffer.from(facts)), ...told };
}
