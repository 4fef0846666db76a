/** Keys that several cases name, and a group that a case goes away from: through the whole corridor, with the database. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { CaseState } from '../../src/model/case.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import type { NewInstance } from '../../src/model/instance.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { type Database, openDatabase, type Transaction } from '../../src/store/database.ts';
import { readResources } from '../../src/store/resource-store.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let pool: Database;
let corridor: Corridor;
let sent = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  pool = openDatabase(fresh.url);
  const config = {
    ...testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-keys-') }),
    destinations: ['general', 'neuro'].map((group) => ({ kind: 'pull' as const, name: group, group })),
    routes: [
      { when: { hint: 'modality:MR' }, to: 'neuro' },
      { when: {}, to: 'general' },
    ],
  };
  corridor = await openCorridor(pool, config, silentLog);
});
afterAll(async () => {
  await pool.close();
  await fresh.drop();
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
const base = { blob: null, disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() } as const;

type Said = { placer: string; accession: string; control?: string };

/** One ORM^O01 of a patient, an OBR for each order. */
async function order(patient: string, ...orders: Said[]): Promise<void> {
  const controlId = `M${++sent}`;
  const groups = orders.flatMap(({ placer, accession, control = 'NW' }) => [
    `ORC|${control}|${placer}^RIS|||||^^^20260302^^R`,
    `OBR|1|${placer}^RIS||24725-4^Head^LN||||||||||||||${accession}||||||RAD`,
  ]);
  const head = `MSH|^~\\&|RIS|H|W|W|20260302081500||ORM^O01|${controlId}|P|2.5.1`;
  const payload = Buffer.from([head, `PID|1||${patient}^^^HOSP^MR||Muster^Erika||19700101|F`, ...groups, ''].join('\r'));
  await append({ ...base, kind: 'hl7v2', peer: 'ris', type: 'ORM^O01', controlId, digest: sha256(payload), lane: 'ris', payload });
}

/** One more instance of a study. */
async function images(study: string, accession: string, patient: string, modality = 'CT'): Promise<void> {
  const uid = `2.25.${++sent}`;
  const attributes: [string, string, string][] = [
    ['00080018', 'UI', uid],
    ['00080050', 'SH', accession],
    ['00080060', 'CS', modality],
    ['00100020', 'LO', patient],
    ['00100021', 'LO', patient === '' ? '' : 'HOSP'],
    ['0020000D', 'UI', study],
    ['0020000E', 'UI', `${study}.1`],
  ];
  const said = attributes.filter(([, , value]) => value !== '').map(([tag, vr, value]) => [tag, { vr, Value: [value] }]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(said)));
  const instance: NewInstance = {
    sopInstanceUid: uid,
    studyUid: study,
    seriesUid: `${study}.1`,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntax: '1.2.840.10008.1.2.1',
    modality,
    frames: 1,
    peer: 'ct',
    blob: '0'.repeat(64),
    bytes: 1,
    datasetOffset: 0,
    pixelOffset: null,
    digest: sha256(header),
    header,
    received: new Date(),
  };
  const entry = { kind: 'dicom', peer: 'ct', type: instance.sopClassUid, controlId: uid, lane: `ct ${study}`, payload: header } as const;
  await append({ ...base, ...entry, digest: instance.digest, instance });
}

async function append(entry: NewEntry): Promise<void> {
  await openJournal(fresh.database).append(entry);
}

async function workOff(by: Corridor = corridor): Promise<void> {
  while ((await runBatch(by)) > 0);
}

async function cases(): Promise<CaseState[]> {
  const { rows } = await fresh.database.query<{ content: Buffer }>('select content from cases order by id');
  return rows.map(({ content }) => JSON.parse(content.toString()) as CaseState);
}

/** The live case of a placer number. */
async function ordered(placer: string): Promise<CaseState> {
  return (await cases()).find(({ keys }) => keys.some(({ kind, value }) => kind === 'placer' && value === placer)) as CaseState;
}

async function studiesOf(...placers: string[]): Promise<string[][]> {
  return Promise.all(placers.map(async (placer) => (await ordered(placer)).studies.map(({ uid }) => uid)));
}

describe('a key that several cases name', () => {
  it('brings a study to both orders of one message', async () => {
    await order('P1', { placer: 'A1', accession: 'A' }, { placer: 'A2', accession: 'A' });
    await workOff();
    await images('1.1', 'A', 'P1');
    await workOff();
    expect(await studiesOf('A1', 'A2')).toEqual([['1.1'], ['1.1']]);
  });

  it('brings a study that came first to both orders of one message', async () => {
    await images('1.2', 'B', 'P1');
    await workOff();
    await order('P1', { placer: 'B1', accession: 'B' }, { placer: 'B2', accession: 'B' });
    await workOff();
    expect(await studiesOf('B1', 'B2')).toEqual([['1.2'], ['1.2']]);
  });

  it.each(['order first', 'images first'])(
    'brings to each of two patients under one accession number what is his: %s',
    async (sequence) => {
      const [one, two] = [`C1${sequence}`, `C2${sequence}`];
      const orders = [() => order('P1', { placer: one, accession: sequence }), () => order('P2', { placer: two, accession: sequence })];
      const study = `1.3.${sequence.length}`;
      const arrivals = [...orders, () => images(study, sequence, 'P2')];
      if (sequence === 'images first') arrivals.reverse();
      for (const arrive of arrivals) {
        await arrive();
        await workOff();
      }
      expect(await studiesOf(one, two)).toEqual([[], [study]]);
    },
  );

  it('brings images to the order that replaced a cancelled one', async () => {
    await order('P1', { placer: 'D1', accession: 'D' });
    await order('P1', { placer: 'D1', accession: 'D', control: 'CA' });
    await order('P1', { placer: 'D2', accession: 'D' });
    await workOff();
    await images('1.4', 'D', 'P1');
    await workOff();
    expect(await studiesOf('D1', 'D2')).toEqual([[], ['1.4']]);
  });

  it('keeps images that name no patient from the order of a number', async () => {
    await order('P1', { placer: 'E1', accession: 'E' });
    await workOff();
    for (let slice = 0; slice < 2; slice++) {
      await images('1.5', 'E', '');
      await workOff();
    }
    expect(await studiesOf('E1')).toEqual([[]]);
    const waiting = (await cases()).filter(({ studies }) => studies.some(({ uid }) => uid === '1.5'));
    expect(waiting.map(({ studies }) => studies[0]?.instances)).toEqual([2]);
  });
});

describe('a case that goes up into another', () => {
  it('is joined there by a worker that had looked for it before', async () => {
    await images('1.6.1', 'F', 'P6');
    await images('1.6.2', 'F', 'P6');
    await order('P6', { placer: 'F1', accession: 'G' });
    await workOff();
    // The late worker has read that accession F leads to the images' case; then the order and these images become one case.
    await images('1.6.2', 'F', 'P6');
    const late = { ...corridor, database: pausing(pool, 'case-keys-members', () => joinByHand('F1', '1.6.1')) };
    await workOff(late);
    expect((await studiesOf('F1'))[0]?.sort()).toEqual(['1.6.1', '1.6.2']);
    expect((await ordered('F1')).studies.find(({ uid }) => uid === '1.6.2')?.instances).toBe(2);
    expect(
      (await cases()).filter(({ patientKeys, phase }) => phase !== 'cancelled' && patientKeys.some(({ value }) => value === 'P6')),
    ).toHaveLength(1);
  });

  /** An order names the study of a waiting case: both become one, by another worker. */
  async function joinByHand(placer: string, study: string): Promise<void> {
    const { rows } = await fresh.database.query<{ seq: number }>('select seq from pending');
    await fresh.database.query('delete from pending');
    const controlId = `M${++sent}`;
    const lines = [
      `MSH|^~\\&|RIS|H|W|W|20260302081500||OMI^O23^OMI_O23|${controlId}|P|2.5.1`,
      'PID|1||P6^^^HOSP^MR||Muster^Erika||19700101|F',
      `ORC|XO|${placer}^RIS|||||^^^20260302^^R`,
      `OBR|1|${placer}^RIS||24725-4^Head^LN||||||||||||||G||||||RAD`,
      `IPC|G^RIS|RP1^RIS|${study}^RIS|SPS1^RIS|CT`,
      '',
    ];
    const payload = Buffer.from(lines.join('\r'));
    await append({ ...base, kind: 'hl7v2', peer: 'ris', type: 'OMI^O23', controlId, digest: sha256(payload), lane: 'other', payload });
    await workOff();
    for (const { seq } of rows) await fresh.database.query('insert into pending (seq, part) values ($1, 0)', [seq]);
  }

  /** A database that lets something happen once, after a statement of that name. */
  function pausing(database: Database, name: string, happen: () => Promise<void>): Database {
    let done = false;
    const watch = (tx: Transaction): Transaction => ({
      inTransaction: true,
      async query(text, values) {
        const result = await tx.query<never>(text, values);
        if (!done && typeof text !== 'string' && text.name === name) {
          done = true;
          await happen();
        }
        return result;
      },
    });
    return { ...database, transaction: (work, tries) => database.transaction((tx) => work(watch(tx)), tries) };
  }
});

describe('a case that goes to another group', () => {
  const readersOf = async (references: string[]) => {
    const found = await readResources(fresh.database, references);
    return references.map((reference) => found.get(reference)?.readers);
  };

  it('is out of the sight of the first one, and its patient, too', async () => {
    await order('P7', { placer: 'H1', accession: 'H' });
    await workOff();
    const { task, serviceRequest, patient } = await ordered('H1');
    expect(await readersOf([task, serviceRequest, patient])).toEqual([['general'], ['general'], ['general']]);
    await images('1.7', 'H', 'P7', 'MR');
    await workOff();
    const { studies } = await ordered('H1');
    const all = [task, serviceRequest, patient, ...studies.map(({ imagingStudy }) => imagingStudy)];
    expect(await readersOf(all)).toEqual([['neuro'], ['neuro'], ['neuro'], ['neuro']]);
  });

  it('leaves the patient in its sight when another of its cases is of him', async () => {
    await order('P8', { placer: 'I1', accession: 'I1' }, { placer: 'I2', accession: 'I2' });
    await workOff();
    await images('1.8', 'I2', 'P8', 'MR');
    await workOff();
    const [stays, goes] = [await ordered('I1'), await ordered('I2')];
    expect(goes.patient).toBe(stays.patient);
    expect(await readersOf([stays.task, goes.task, stays.patient])).toEqual([['general'], ['neuro'], ['general', 'neuro']]);
  });
});
