/** The landing log and what is done behind it, on real files: what landed is there again, and is let go of only once it is safe elsewhere. */
import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LandedEntry } from '../../src/journal/landed-entry.ts';
import { openLanding } from '../../src/journal/landing-session.ts';
import { openPlacer, type Placer } from '../../src/journal/placer-session.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import { openBlobs } from '../../src/store/blob-store.ts';
import { openLandingLog } from '../../src/store/landing-log-store.ts';
import { RECORD_HEADER_BYTES } from '../../src/store/landing-record.ts';
import type { LandedPlace } from '../../src/store/landing-segments-store.ts';
import { until } from '../support/until.ts';

const SIZES = { segmentBytes: 64 * 1024, maxSegments: 4 };
const QUIET = { info: () => {}, warn: () => {}, error: () => {} };
const UNCOUNTED = { count: () => {}, gauge: () => {}, observe: () => {} };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waystation-landing-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const openLog = (now = 1, sizes = SIZES) => openLandingLog(join(directory, 'landing'), now, sizes);
const textsOf = async (left: readonly LandedPlace[]): Promise<string[]> =>
  Promise.all(
    left.map(async ({ segment, offset, factsBytes, fileBytes }) => {
      const file = await readFile(join(directory, 'landing', String(segment.number)));
      const at = offset + RECORD_HEADER_BYTES;
      return `${file.toString('utf8', at, at + factsBytes)} ${fileBytes}`;
    }),
  );

describe('the landing log', () => {
  it('has what was appended, in its order, when it is opened again', async () => {
    const { log, left } = await openLog();
    expect(left).toEqual([]);
    const many = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all(many.map((n) => log.append(Buffer.from(`object ${n}`), [Buffer.alloc(n * 100, n), Buffer.alloc(5, n)])));
    await log.close();
    const again = await openLog();
    expect(await textsOf(again.left)).toEqual(many.map((n) => `object ${n} ${n * 100 + 5}`));
    await again.log.close();
  });

  it('takes nothing from an earlier lap for its own, and nothing that was not written whole', async () => {
    const { log } = await openLog();
    const places = [];
    for (let n = 0; n < 4; n++) places.push(await log.append(Buffer.from(`old ${n}`), [Buffer.alloc(9000, n)]));
    await until(
      async () => {
        log.turn();
        return log.filling();
      },
      (lap) => lap === null,
    );
    await log.free((places[0] as (typeof places)[0]).segment);
    const [first, second] = [
      await log.append(Buffer.from('new 0'), [Buffer.alloc(9000)]),
      await log.append(Buffer.from('new 1'), [Buffer.alloc(9000)]),
    ];
    expect([first.segment.number, first.offset]).toEqual([places[0]?.segment.number, 0]);
    await log.close();
    const file = await open(join(directory, 'landing', String(second.segment.number)), 'r+');
    await file.write(Buffer.from([1]), 0, 1, second.offset + 8000);
    await file.close();
    const again = await openLog();
    expect(await textsOf(again.left)).toEqual(['new 0 9000']);
    await again.log.close();
  });

  it('lets whoever comes when it is full wait until a segment is freed', async () => {
    const { log } = await openLog();
    const places = [];
    for (let n = 0; n < 16; n++) places.push(await log.append(Buffer.from(`object ${n}`), [Buffer.alloc(15_000)]));
    expect(log.fullness()).toBe(1);
    let isThere = false;
    const late = log.append(Buffer.from('late'), [Buffer.alloc(15_000)]).then((place) => {
      isThere = true;
      return place;
    });
    await readdir(directory);
    expect(isThere).toBe(false);
    const { segment } = places[4] as (typeof places)[0];
    await log.free(segment);
    expect((await late).segment.number).toBe(segment.number);
    expect(await readdir(join(directory, 'landing'))).toHaveLength(4);
    await log.close();
  });
});

describe('what landed', () => {
  it('is in the journal with the digests of its file and its dataset, and in the blob store, once it has settled', async () => {
    const { house, journaled } = await openHouse();
    expect(await house.landing.land(entryOf(1), fileOf(1))).toBe(true);
    await house.landing.settled();
    const file = Buffer.concat(fileOf(1));
    expect(journaled).toHaveLength(1);
    expect(journaled[0]).toMatchObject({ ...entryOf(1), disposition: 'accepted', blob: sha256(file).toString('hex') });
    expect(journaled[0]?.digest).toEqual(sha256(file.subarray(4)));
    expect(await house.blobs.verify(sha256(file).toString('hex'))).toBe(true);
    await house.close();
    expect(await house.leftAfter()).toEqual([]);
  });

  it('outlives a journal that takes nothing, and nothing more lands meanwhile', async () => {
    const { house, journaled, database } = await openHouse();
    database.away = true;
    expect(await house.landing.land(entryOf(1), fileOf(1))).toBe(true);
    await house.landing.settled();
    expect(await house.landing.land(entryOf(2), fileOf(2))).toBe(false);
    await house.close();
    expect(journaled).toEqual([]);
    const next = await openHouse();
    await next.house.landing.settled();
    expect(next.journaled.map(({ controlId }) => controlId)).toEqual(['1.2.1']);
    await next.house.close();
  });

  it('comes to the journal by itself once that takes it again', async () => {
    const { house, journaled, database } = await openHouse();
    database.away = true;
    await house.landing.land(entryOf(1), fileOf(1));
    await house.landing.settled();
    database.away = false;
    expect(
      await until(
        async () => journaled.length,
        (count) => count > 0,
      ),
    ).toBe(1);
    expect(await house.landing.land(entryOf(2), fileOf(2))).toBe(true);
    await house.landing.settled();
    expect(journaled.map(({ controlId }) => controlId)).toEqual(['1.2.1', '1.2.2']);
    await house.close();
  });

  it('is let go of only after its file was synced: a disk that fails keeps it in the log', async () => {
    const { house, journaled } = await openHouse(() => ({ sync: () => Promise.reject(new Error('EIO')) }));
    for (let n = 0; n < 3; n++) await house.landing.land(entryOf(n), fileOf(n));
    await house.landing.settled();
    expect(journaled).toHaveLength(3);
    await house.close().catch(() => {});
    expect(await house.leftAfter()).toHaveLength(3);
  });

  it('keeps what lands while others are let go of', async () => {
    const [syncing, syncMay, placeMay] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const synced: (readonly string[])[] = [];
    let mayPlace = Promise.resolve();
    const { house, journaled } = await openHouse(
      ({ place, sync }) => ({
        place: (places) => mayPlace.then(() => place(places)),
        sync: async (digests) => {
          synced.push(digests);
          syncing.resolve();
          await syncMay.promise;
          await sync(digests);
        },
      }),
      { ...SIZES, maxSegments: 8 },
    );
    // Eight to a segment: more than half of the segments are taken, and the fifth is being filled.
    for (let n = 0; n < 33; n++) await house.landing.land(entryOf(n), fileOf(n, 7000));
    await house.landing.settled();
    await syncing.promise;
    mayPlace = placeMay.promise;
    for (let n = 33; n < 41; n++) await house.landing.land(entryOf(n), fileOf(n, 7000));
    syncMay.resolve();
    const left = await until(house.leftAfter, (places) => places.length <= 9);
    expect(left).toHaveLength(9);
    expect(synced).toHaveLength(4);
    placeMay.resolve();
    await house.landing.settled();
    expect(journaled.map(({ controlId }) => controlId)).toEqual(Array.from({ length: 41 }, (_, n) => `1.2.${n}`));
    await house.close();
    expect(await house.leftAfter()).toEqual([]);
  });

  it('is placed anew before it is synced once more: what a disk lost it tells once', async () => {
    let fails = true;
    const { house } = await openHouse(({ sync }) => ({
      sync: async (digests) => {
        if (!fails) return sync(digests);
        fails = false;
        await writeFile(house.blobs.path(digests[0] as string), 'lost');
        throw new Error('EIO');
      },
    }));
    await house.landing.land(entryOf(1), fileOf(1));
    await house.landing.settled();
    expect(
      await until(
        async () => fails,
        (one) => !one,
      ),
    ).toBe(false);
    await house.close();
    expect(await house.leftAfter()).toEqual([]);
    expect(await house.blobs.verify(sha256(Buffer.concat(fileOf(1))).toString('hex'))).toBe(true);
  });

  it('takes nothing more where the log is nearly full and nothing of it can be let go of', async () => {
    let fails = true;
    const { house, journaled } = await openHouse(({ sync }) => ({
      sync: (digests) => (fails ? Promise.reject(new Error('EIO')) : sync(digests)),
    }));
    let landed = 0;
    while (await house.landing.land(entryOf(landed), fileOf(landed, 7000))) landed++;
    expect(landed).toBeGreaterThan(8);
    fails = false;
    const again = async () => house.landing.land(entryOf(landed), fileOf(landed, 7000));
    expect(await until(again, (isLanded) => isLanded)).toBe(true);
    await house.landing.settled();
    expect(journaled).toHaveLength(landed + 1);
    await house.close();
    expect(await house.leftAfter()).toEqual([]);
  });

  it('goes on landing for longer than the log is, for segments are freed meanwhile', async () => {
    const { house, journaled } = await openHouse();
    for (let n = 0; n < 60; n++) expect(await house.landing.land(entryOf(n), fileOf(n, 7000))).toBe(true);
    await house.landing.settled();
    expect(journaled.map(({ controlId }) => controlId)).toEqual(Array.from({ length: 60 }, (_, n) => `1.2.${n}`));
    expect((await readdir(join(directory, 'landing'))).length).toBeLessThanOrEqual(SIZES.maxSegments);
    await house.close();
    expect(await house.leftAfter()).toEqual([]);
  });
});

async function openHouse(over: (placer: Placer) => Partial<Placer> = () => ({}), sizes = SIZES) {
  const { log, left } = await openLog(Date.now(), sizes);
  const blobs = await openBlobs(directory);
  const journaled: NewEntry[] = [];
  const database = { away: false };
  const journal = {
    append: async (entry: NewEntry) => {
      if (database.away) throw new Error('terminating connection');
      journaled.push(entry);
      return { seq: journaled.length, duplicate: false, answer: entry.answer };
    },
  };
  const real = openPlacer(directory);
  const placer = { ...real, ...over(real) };
  const landing = openLanding(log, left, { journal, placer, log: QUIET, metrics: UNCOUNTED });
  const leftAfter = async () => {
    const again = await openLog();
    await again.log.close();
    return again.left;
  };
  return { house: { landing, blobs, close: () => landing.close(), leftAfter }, journaled, database };
}

function entryOf(n: number): LandedEntry {
  return {
    ...{ kind: 'dicom', peer: 'ct', type: '1.2.840.10008.5.1.4.1.1.2', controlId: `1.2.${n}`, lane: 'ct|1.2', payload: Buffer.from('{}') },
    received: new Date('2026-03-02T08:00:00Z'),
    instance: {
      ...{ studyUid: '1.2', seriesUid: '1.2.1', transferSyntax: '1.2.840.10008.1.2.1', modality: 'CT', number: n, frames: 1, bytes: 104 },
      ...{ datasetOffset: 4, pixelOffset: null },
    },
  };
}

function fileOf(n: number, bytes = 100): Buffer[] {
  return [Buffer.from('DICM'), Buffer.alloc(bytes, n)];
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
