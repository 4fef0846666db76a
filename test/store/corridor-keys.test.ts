/** Keys that several cases name, and a group that a case goes away from: through the whole corridor, with the database. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { matchCases } from '../../src/cases/match-step.ts';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { CaseKey, CasePart, CaseState } from '../../src/model/case.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Entry, NewEntry } from '../../src/model/entry.ts';
import type { NewInstance } from '../../src/model/instance.ts';
import { workOf } from '../../src/model/work.ts';
import { type Corridor, runBatch, saveWork } from '../../src/pipeline.ts';
import { openBatch } from '../../src/store/batch.ts';
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
    number: null,
    digest: sha256(header),
    header,
    received: new Date(),
  };
  const entry = { kind: 'dicom', peer: 'ct', type: instance.sopClassUid, controlId: uid, lane: `ct ${study}`, payload: header } as const;
  await append({ ...base, ...entry, digest: instance.digest, blob: instance.blob, instance });
}

async function append(entry: NewEntry): Promise<void> {
  await openJournal(fresh.database).append(entry);
}

async function workOff(): Promise<void> {
  while ((await runBatch(corridor)) > 0);
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
  const key = (kind: CaseKey['kind'], value: string): CaseKey => ({ kind, system: 'urn:keys', value });
  const joined = (kind: CasePart['kind'], keys: readonly CaseKey[]): CasePart => ({
    kind,
    keys,
    patient: [{ system: 'urn:keys', value: 'P6' }],
    control: '',
    production: true,
    priority: null,
    hints: [],
    serviceRequest: kind === 'order' ? 'ServiceRequest/6' : '',
    subject: 'Patient/6',
    members: [],
    study: null,
  });

  async function matchBy(database: Database, part: CasePart): Promise<string[]> {
    const entry = { seq: 1_000_000 + ++sent, kind: 'hl7v2', peer: 'ris', type: '', controlId: '' } as Entry;
    const work = { ...workOf(entry), parts: [part] };
    await database.transaction(async (tx) => {
      const batch = openBatch(tx, new Date(), systemClock, [work]);
      await matchCases(batch, { isConfigured: () => false });
      await saveWork(batch);
    });
    return [...work.cases];
  }

  it('is joined there by a worker that had looked for it before', async () => {
    const images = await matchBy(pool, joined('images', [key('study', '1.6'), key('accession', 'F')]));
    const order = await matchBy(pool, joined('order', [key('placer', 'F1')]));
    expect(order).not.toEqual(images);
    // The order names the study, and both become one, after the late worker has read where accession F leads.
    const becomeOne = () => matchBy(pool, joined('order', [key('placer', 'F1'), key('study', '1.6')]));
    const late = after(pool, 'case-keys-members', becomeOne);
    expect(await matchBy(late, joined('images', [key('accession', 'F')]))).toEqual(order);
  });

  /** A database that lets something happen once, after a statement of that name. */
  function after(database: Database, name: string, happen: () => Promise<unknown>): Database {
    let done = false;
    const watch = (tx: Transaction): Transaction => ({
      ...tx,
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
