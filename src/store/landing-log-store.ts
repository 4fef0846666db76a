/**
 * The landing log: small files and what is to be told of them, made durable with one sync for all that came at the same moment.
 * In: facts and a file. Out: their place, once both would survive a power cut.
 * Promises: a record is durable only when all before it in its segment are; memory and disk are bounded (who comes when all segments are
 * taken waits until one is freed); what was not freed is found again by `openLandingLog`.
 */
import { bytesOf, encodeRecord, recordBytes } from './landing-record.ts';
import { type LandedPlace, type LandingSizes, openSegments, type Segment, type Segments, writeAll } from './landing-segments-store.ts';

/** Half a gigabyte: what comes in some seconds at the speed of a local network. */
const SIZES: LandingSizes = { segmentBytes: 16 * 1024 * 1024, maxSegments: 32 };
/** Written, and synced, at once. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024;

export type LandingLog = {
  /** Facts and file of a record may have half of this each. */
  readonly maxBytes: number;
  /** Durable when it resolves. The pieces must not change before. Rejects with the error of the file system. */
  append(facts: Buffer, file: readonly Buffer[]): Promise<LandedPlace>;
  /** The lap that more may be written to; null where there is none. */
  filling(): number | null;
  /** Ends that, unless something is being written. */
  turn(): void;
  /** Nothing in it is needed any more. */
  free(segment: Segment): Promise<void>;
  /** Part of the segments that are taken, 0 to 1. */
  fullness(): number;
  close(): Promise<void>;
};

type Waiting = {
  readonly facts: Buffer;
  readonly file: readonly Buffer[];
  readonly bytes: number;
  resolve(place: LandedPlace): void;
  reject(error: unknown): void;
};
type Filling = { readonly segment: Segment; at: number };

/**
 * Opens the log in a directory, which it makes where it is missing. `left`: what landed and was not freed, in the order in which it came.
 * `now`: milliseconds, by which the laps of this process are told from those of an earlier one.
 */
export async function openLandingLog(
  directory: string,
  now: number,
  sizes: LandingSizes = SIZES,
): Promise<{ readonly log: LandingLog; readonly left: readonly LandedPlace[] }> {
  const { segments, left } = await openSegments(directory, now, sizes);
  return { log: landingLog(segments, sizes.segmentBytes), left };
}

function landingLog(segments: Segments, segmentBytes: number): LandingLog {
  const waiting: Waiting[] = [];
  let filling: Filling | null = null;
  let running: Promise<void> | null = null;

  const roomFor = async (bytes: number): Promise<Filling> => {
    if (filling && filling.at + bytes > segmentBytes) filling = null;
    filling ??= { segment: await segments.take(), at: 0 };
    if (filling.at > segmentBytes / 4) segments.makeAhead();
    return filling;
  };
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group: Waiting[] = [];
      try {
        const into = await roomFor((waiting[0] as Waiting).bytes);
        group.push(...waiting.splice(0, groupOf(waiting, Math.min(MAX_GROUP_BYTES, segmentBytes - into.at))));
        into.at += await write(segments, into, group);
      } catch (error) {
        for (const one of group.length > 0 ? group : waiting.splice(0)) one.reject(error);
      }
    }
    running = null;
  };

  return {
    maxBytes: segmentBytes / 4,
    append: (facts, file) =>
      new Promise((resolve, reject) => {
        waiting.push({ facts, file, bytes: recordBytes(facts.length, bytesOf(file)), resolve, reject });
        running ??= Promise.resolve().then(drain);
      }),
    filling: () => filling?.segment.lap ?? null,
    turn: () => {
      if (!running && filling && filling.at > 0) filling = null;
    },
    free: (segment) => segments.free(segment),
    fullness: () => segments.fullness(),
    close: async () => {
      await running;
      await segments.close();
    },
  };
}

/** How many of those that wait go into so many bytes: one at least. */
function groupOf(waiting: readonly Waiting[], bytes: number): number {
  let left = bytes;
  const beyond = waiting.findIndex((one) => {
    left -= one.bytes;
    return left < 0;
  });
  return beyond === -1 ? waiting.length : Math.max(1, beyond);
}

/** Nobody hears of any of them before all are on the disk. Returns how many bytes they take. */
async function write(segments: Segments, { segment, at }: Filling, group: readonly Waiting[]): Promise<number> {
  const file = segments.file(segment);
  const records = group.map((one) => encodeRecord(segment.lap, one.facts, one.file));
  await writeAll(
    file,
    records.flatMap(({ pieces }) => pieces),
    at,
  );
  await file.datasync();
  let offset = at;
  for (const [index, { header }] of records.entries()) {
    const { factsBytes, fileBytes, bodyCrc } = header;
    group[index]?.resolve({ segment, offset, factsBytes, fileBytes, bodyCrc });
    offset += recordBytes(factsBytes, fileBytes);
  }
  return offset - at;
}
