/** Two workers at once: the order and the images of a case may be worked off in the same moment, by different transactions. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import type { NewInstance } from '../../src/model/instance.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { freshDatabase } from '../support/database.ts';
import { orderMessage } from '../support/order-message.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

const PAIRS = 120;
let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let pools: Database[];
let corridors: Corridor[];

beforeAll(async () => {
  fresh = await freshDatabase();
  pools = [openDatabase(fresh.url), openDatabase(fresh.url)];
  const config = testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-race-') });
  corridors = [];
  for (const pool of pools) corridors.push({ ...(await openCorridor(pool, config, silentLog)), workers: 2 });
});
afterAll(async () => {
  for (const pool of pools) await pool.close();
  await fresh.drop();
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
const base = { blob: null, disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() } as const;

function order(n: number): NewEntry {
  const { bytes, controlId, patient } = orderMessage(n, { run: 'RACE' });
  return { ...base, kind: 'hl7v2', peer: 'ris', type: 'ORM^O01', controlId, digest: sha256(bytes), lane: `ris ${patient}`, payload: bytes };
}

function images(n: number): NewEntry {
  const { accession, patient } = orderMessage(n, { run: 'RACE' });
  const uid = (part: string) =>
    `2.25.${BigInt(
      `0x${sha256(Buffer.from(`${part} ${n}`))
        .toString('hex')
        .slice(0, 24)}`,
    )}`;
  const attributes: [string, string, unknown][] = [
    ['00080018', 'UI', uid('instance')],
    ['00080016', 'UI', '1.2.840.10008.5.1.4.1.1.2'],
    ['00080050', 'SH', accession],
    ['00080060', 'CS', 'CT'],
    ['00100020', 'LO', patient],
    ['00100021', 'LO', 'HOSP'],
    ['0020000D', 'UI', uid('study')],
    ['0020000E', 'UI', uid('series')],
  ];
  const header = Buffer.from(JSON.stringify(Object.fromEntries(attributes.map(([tag, vr, value]) => [tag, { vr, Value: [value] }]))));
  const instance: NewInstance = {
    sopInstanceUid: uid('instance'),
    studyUid: uid('study'),
    seriesUid: uid('series'),
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntax: '1.2.840.10008.1.2.1',
    modality: 'CT',
    frames: 1,
    peer: 'ct',
    blob: '0'.repeat(64),
    bytes: 1,
    datasetOffset: 0,
    pixelOffset: null,
    number: null,
    digest: sha256(header),
    header,
    received: new Date(),
  };
  const lane = `ct ${uid('study')}`;
  return {
    ...base,
    kind: 'dicom',
    peer: 'ct',
    type: instance.sopClassUid,
    controlId: uid('instance'),
    digest: instance.digest,
    blob: instance.blob,
    lane,
    payload: header,
    instance,
  };
}

async function workOff(corridor: Corridor): Promise<void> {
  for (let idle = 0; idle < 3; ) idle = (await runBatch(corridor)) === 0 ? idle + 1 : 0;
}

async function count(sql: string): Promise<number> {
  return (await fresh.database.query<{ n: number }>(`select count(*)::int as n from ${sql}`)).rows[0]?.n ?? -1;
}

describe('two workers', () => {
  it('make one case, one Patient and one Task of every order and its images', async () => {
    const journal = openJournal(fresh.database);
    const pairs = Array.from({ length: PAIRS }, (_, n) => (n % 2 ? [order(n), images(n)] : [images(n), order(n)])).flat();
    await Promise.all(pairs.map((entry) => journal.append(entry)));
    await Promise.all(corridors.map(workOff));
    expect(await count(`pending`)).toBe(0);
    expect(await count(`outcome where state <> 'done'`)).toBe(0);
    expect(await count(`cases where phase <> 'cancelled'`)).toBe(PAIRS);
    expect(await count(`resource where type = 'Task'`)).toBe(PAIRS);
    expect(await count(`resource where type = 'Patient'`)).toBe(PAIRS);
    expect(await count(`resource where type = 'ImagingStudy' and case_id is not null`)).toBe(PAIRS);
    expect(
      await count(
        `(select case_id from case_key_member group by case_id having count(distinct kind) filter (where kind in ('study', 'placer')) = 2) whole`,
      ),
    ).toBe(PAIRS);
  });

  it('give the same message twice, under two control ids, the same resources', async () => {
    const journal = openJournal(fresh.database);
    const again = Array.from({ length: PAIRS }, (_, n) => order(n)).map((entry, n) => ({
      ...entry,
      controlId: `AGAIN${n}`,
      lane: `again ${n}`,
    }));
    await Promise.all(again.map((entry) => journal.append(entry)));
    await Promise.all(corridors.map(workOff));
    expect(await count(`outcome where state <> 'done'`)).toBe(0);
    expect(await count(`resource where type = 'ServiceRequest'`)).toBe(PAIRS);
    expect(await count(`cases where phase <> 'cancelled'`)).toBe(PAIRS);
  });
});
