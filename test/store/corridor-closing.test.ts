/** What closes a study, worked off by a real corridor on a real database: steps, notices, commitment and numbers, in any order. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ImagingStudy, Task } from '@medplum/fhirtypes';
import { peerDirectory } from '../../src/config/peers.ts';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { CaseState } from '../../src/model/case.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import { type Corridor, runBatch, runClock } from '../../src/pipeline.ts';
import { DatasetReader } from '../../src/protocols/dicom/dataset-reader.ts';
import { dicomJson } from '../../src/protocols/dicom/header.ts';
import { AVAILABILITY_TAGS } from '../../src/protocols/dicom/instance-availability.ts';
import { STEP_TAGS } from '../../src/protocols/dicom/performed-procedure.ts';
import { INSTANCE_AVAILABILITY, PERFORMED_STEP, STORAGE_COMMITMENT_PUSH } from '../../src/protocols/dicom/sop-class.ts';
import { type TransferSyntax, transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../src/protocols/dicom/write.ts';
import { readCaseEvents, readCases } from '../../src/store/case-store.ts';
import { readResources } from '../../src/store/resource-store.ts';
import { freshDatabase } from '../support/database.ts';
import { availability, performedStep, type StepWords, seriesOf } from '../support/performed-step.ts';
import { silentLog } from '../support/silent-log.ts';
import { sliceEntry } from '../support/slice-entry.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

const QUIET_MS = 60_000;
const LIMIT_MS = 4 * 3_600_000;

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let corridor: Corridor;
let time = Date.now();
let sent = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  const defaults = testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-closing-') });
  const signs = { sendingApplication: '', sendingFacility: '', listener: '', address: '', certificate: '', client: '' };
  const called = { callingAeTitle: 'ARCHIVE', callingAddress: '', callingCertificate: '' };
  const config = { ...defaults, peers: [{ ...peerDirectory(defaults).named('archive'), ...signs, ...called }] };
  corridor = { ...(await openCorridor(fresh.database, config, silentLog)), clock: { ...systemClock, now: () => new Date(time) } };
});
afterAll(() => fresh.drop());

async function append(entry: NewEntry): Promise<void> {
  const received = new Date(time);
  const instance = entry.instance && { ...entry.instance, received };
  await openJournal(fresh.database).append({ ...entry, received, ...(instance ? { instance } : {}) });
  while ((await runBatch(corridor)) > 0);
}

const wait = async (ms: number): Promise<void> => {
  time += ms;
  await runClock(corridor);
};

/** A consultation of its own: its numbers, and what happens in it. */
function consultation() {
  const n = ++sent;
  const [accession, patient, study, step] = [`ACC${n}`, `PAT${n}`, `1.2.840.99999.${n}`, `1.2.840.99999.${n}.9`];
  const base = {
    peer: 'ct',
    blob: null,
    disposition: 'accepted',
    answer: Buffer.alloc(0),
    effects: [],
    detail: '',
    received: new Date(),
  } as const;
  const entryOf = (type: string, payload: Buffer, over: Partial<NewEntry> = {}): NewEntry => ({
    ...{ ...base, kind: 'dicom', type, controlId: step, payload, lane: `ct|${study}` },
    digest: createHash('sha256').update(payload).update(String(time)).digest(),
    ...over,
  });
  const jsonOf = (elements: DatasetElement[], tags: ReadonlySet<number>): Buffer => {
    const reader = new DatasetReader(transferSyntax('1.2.840.10008.1.2.1') as TransferSyntax, tags);
    reader.push(writeDataset(elements));
    return Buffer.from(JSON.stringify(dicomJson(reader.dataset)));
  };
  const slice = () => sliceEntry(study, accession, patient);
  return {
    slice,
    study,
    order: () => {
      const payload = Buffer.from(
        [
          `MSH|^~\\&|RIS|H|W|W|20260302081500||ORM^O01|O${n}|P|2.5.1`,
          `PID|1||${patient}^^^HOSP^MR||Muster^Erika`,
          `ORC|NW|P${n}^RIS`,
          `OBR|1|P${n}^RIS||24725-4^CT Head^LN||||||||||||||${accession}||||||CT`,
        ].join('\r'),
      );
      return append({ ...entryOf('ORM^O01', payload), kind: 'hl7v2', peer: 'ris', controlId: `O${n}`, lane: 'ris' });
    },
    /** Slices that are here, by their UIDs. */
    images: async (...slices: NewEntry[]) => {
      for (const one of slices) await append(one);
    },
    step: (words: StepWords, uid = step, peer = 'ct') =>
      append(entryOf(PERFORMED_STEP, jsonOf(performedStep({ study, accession, patient, ...words }), STEP_TAGS), { controlId: uid, peer })),
    notice: (uids: string[], peer = 'ct') =>
      append(
        entryOf(
          INSTANCE_AVAILABILITY,
          jsonOf(availability(study, Object.fromEntries(uids.map((uid) => [uid, 'ONLINE']))), AVAILABILITY_TAGS),
          { peer },
        ),
      ),
    commitment: (uids: string[]) => {
      const references = uids.map((sopInstanceUid) => ({ sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid }));
      return append(entryOf(STORAGE_COMMITMENT_PUSH, Buffer.from(JSON.stringify({ transactionUid: step, references }))));
    },
    state: async (): Promise<CaseState> => {
      const { rows } = await fresh.database.query<{ case_id: string }>(
        `select case_id from case_key_member where kind = 'accession' and value = $1`,
        [accession],
      );
      return (await readCases(fresh.database, [rows[0]?.case_id as string])).get(rows[0]?.case_id as string)?.state as CaseState;
    },
  };
}

const uidsOf = (...slices: NewEntry[]): string[] => slices.map(({ controlId }) => controlId);
const seriesWith = (...slices: NewEntry[]) => [seriesOf('1.2.3', uidsOf(...slices))];
async function resource<T>(reference: string): Promise<T> {
  return (await readResources(fresh.database, [reference])).get(reference)?.resource as T;
}
const events = async ({ id }: CaseState): Promise<string[]> =>
  (await readCaseEvents(fresh.database, id)).map(({ kind, detail }) => `${kind}: ${detail}`);

describe('a study', () => {
  it('closes by the quiet time where nobody says anything', async () => {
    const one = consultation();
    await one.order();
    await one.images(one.slice());
    expect((await one.state()).missing).toEqual(['study: instances are still arriving']);
    await wait(QUIET_MS);
    expect((await one.state()).phase).toBe('requested');
  });

  it('is open while its procedure goes on, and closes when all that was made is here', async () => {
    const one = consultation();
    const [a, b] = [one.slice(), one.slice()];
    await one.order();
    await one.step({});
    await one.images(a);
    await wait(10 * QUIET_MS);
    expect((await one.state()).missing).toEqual(['study: the procedure is still being performed']);
    await one.step({ status: 'COMPLETED', series: seriesWith(a, b) });
    const waiting = await one.state();
    expect(waiting.missing).toEqual([`study: 1 of 2 instances are here (${b.controlId})`]);
    expect((await resource<Task>(waiting.task)).statusReason?.text).toContain('1 of 2 instances are here');
    await one.images(b);
    const closed = await one.state();
    expect(closed.phase).toBe('requested');
    expect((await events(closed)).at(-1)).toContain('whole (performed procedure step): offered to');
    expect(await events(closed)).toContainEqual(expect.stringMatching(/^progress-received: the procedure is completed, 2 instances/));
  });

  it('that was announced before its order and its images is known all the same', async () => {
    const one = consultation();
    const [a, b] = [one.slice(), one.slice()];
    await one.step({ status: 'COMPLETED', series: seriesWith(a, b) });
    await one.images(a);
    await one.order();
    await wait(10 * QUIET_MS);
    expect((await one.state()).missing).toEqual([`study: 1 of 2 instances are here (${b.controlId})`]);
    await one.images(b);
    expect((await one.state()).phase).toBe('requested');
  });

  it('of which something never comes is offered after the limit, with what is missing on the Task', async () => {
    const one = consultation();
    const [a, b] = [one.slice(), one.slice()];
    await one.order();
    await one.images(a);
    await one.step({ status: 'COMPLETED', series: seriesWith(a, b) });
    await wait(LIMIT_MS - 1);
    expect((await one.state()).phase).toBe('assembling');
    await wait(1);
    const state = await one.state();
    expect(state).toMatchObject({ phase: 'requested', released: { by: 'gateway', why: 'teleradiology waits no longer' } });
    expect((await resource<Task>(state.task)).statusReason?.text).toContain('1 of 2 instances are here');
  });

  it('whose procedure was discontinued before anything was made says so, and opens no case by itself', async () => {
    const one = consultation();
    await one.step({ status: 'DISCONTINUED' });
    expect(await fresh.database.query(`select 1 from case_key_member where value = $1`, [one.study])).toMatchObject({ rows: [] });
    await one.order();
    const state = await one.state();
    expect(state).toMatchObject({ phase: 'assembling', wake: null });
    expect((await resource<Task>(state.task)).statusReason?.text).toContain('the procedure was discontinued, images may never come');
  });

  it('that was performed for the wrong worklist entry is left to a person', async () => {
    const one = consultation();
    const a = one.slice();
    await one.order();
    await one.images(a);
    await one.step({ status: 'DISCONTINUED', reason: '110514', series: seriesWith(a) });
    await wait(10 * LIMIT_MS);
    expect((await one.state()).missing).toEqual(['study: performed for the wrong worklist entry, a person decides']);
  });

  it('closes by a notification of availability', async () => {
    const one = consultation();
    const [a, b] = [one.slice(), one.slice()];
    await one.order();
    await one.images(a);
    await one.notice(uidsOf(a, b));
    expect((await one.state()).missing).toEqual([`study: 1 of 2 instances are here (${b.controlId})`]);
    await one.images(b);
    expect((await one.state()).phase).toBe('requested');
  });

  it('hears no stranger who names no patient, and whoever is configured', async () => {
    const one = consultation();
    const a = one.slice();
    await one.order();
    await one.images(a);
    await one.notice(uidsOf(a), 'dimse:STRANGER');
    await one.step({ status: 'COMPLETED', series: seriesWith(a), patient: '', accession: '' }, '1.2.840.99999.77', 'dimse:STRANGER');
    expect((await one.state()).phase).toBe('assembling');
    await one.notice(uidsOf(a), 'archive');
    expect((await one.state()).phase).toBe('requested');
  });

  it('closes when its sender asks for the commitment of all of it, and not of one object', async () => {
    const one = consultation();
    const [a, b] = [one.slice(), one.slice()];
    await one.order();
    await one.images(a);
    await one.commitment(uidsOf(a));
    expect((await one.state()).phase).toBe('assembling');
    await one.images(b);
    await one.commitment(uidsOf(a, b));
    expect((await one.state()).phase).toBe('requested');
  });

  it('closes by the number of its instances that its sender gives', async () => {
    const one = consultation();
    const counted = (entry: NewEntry): NewEntry => {
      const header = Buffer.from(JSON.stringify({ ...JSON.parse(String(entry.payload)), '00201208': { vr: 'IS', Value: [2] } }));
      return { ...entry, payload: header, instance: entry.instance && { ...entry.instance, header } } as NewEntry;
    };
    await one.order();
    await one.images(counted(one.slice()));
    const state = await one.state();
    expect(state.missing).toEqual(['study: 1 of 2 instances are here']);
    expect(await resource<ImagingStudy>(state.studies[0]?.imagingStudy as string)).toMatchObject({ numberOfInstances: 2 });
    await one.images(counted(one.slice()));
    expect((await one.state()).phase).toBe('requested');
  });

  it('hears nothing of a step of another patient', async () => {
    const one = consultation();
    await one.order();
    await one.images(one.slice());
    await one.step({ patient: 'SOMEBODY', status: 'DISCONTINUED' });
    await wait(QUIET_MS);
    const state = await one.state();
    expect(state.phase).toBe('requested');
    expect(await events(state)).toContainEqual(expect.stringMatching(/^patient-mismatch: a progress names a key/));
  });
});
