/** The images of a case that is routed to a PACS, ordered there: on a real database, the corridor's own step. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { CasePhase, CaseState } from '../../src/model/case.ts';
import { systemClock } from '../../src/model/clock.ts';
import { type Config, type Destination, takesObjects } from '../../src/model/config.ts';
import type { AvailabilityContent } from '../../src/model/delivery.ts';
import { workOf } from '../../src/model/work.ts';
import { type Corridor, runClock, saveWork } from '../../src/pipeline.ts';
import { tellAvailability } from '../../src/return/availability-step.ts';
import { sendObjects } from '../../src/return/objects-step.ts';
import { caseIn, loadCases, openBatch, putCase } from '../../src/store/batch.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { sliceEntry } from '../support/slice-entry.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

const RETRY = { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' as const };
const PLACE = { host: 'h', port: 1, aeTitle: 'PACS', callingAeTitle: 'US', tls: null, timeoutMs: 1, idleMs: 1, retry: RETRY };
const RESULTS = { results: ['pdf'], srClass: 'basic', rejection: 'none' } as const;
const pacs = (name: string): Destination => ({
  kind: 'dimse',
  name,
  group: 'readers',
  associations: 1,
  transcode: 'never',
  ...PLACE,
  ...RESULTS,
});

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let corridor: Corridor;
let config: Config;
beforeAll(async () => {
  fresh = await freshDatabase();
  config = {
    ...testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-objects-') }),
    destinations: [pacs('pacs'), pacs('other')],
    routes: [{ when: {}, to: 'pacs' }],
  };
  expect(config.destinations.every(takesObjects)).toBe(true);
  corridor = await openCorridor(fresh.database, config, silentLog);
});
afterAll(() => fresh.drop());

/** A case with a study of so many instances. */
async function caseWith(instances: number, phase: CasePhase, destination = 'pacs'): Promise<CaseState> {
  const uid = `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
  const journal = openJournal(fresh.database);
  await Promise.all(Array.from({ length: instances }, () => journal.append(sliceEntry(uid, 'A', 'P'))));
  // What is done with them in the corridor is not looked at here.
  await fresh.database.query('delete from pending');
  const study = { uid, imagingStudy: '', series: 1, instances, modalities: ['CT'], lastReceived: 0 };
  const route = { destination, kind: 'pull' as const, group: 'readers', why: '' };
  const empty = { patientKeys: [], patient: '', serviceRequest: '', task: '', members: [], hints: [], keys: [], missing: [], returns: [] };
  const none = { origin: null, released: null, push: null, claim: null, report: null, wake: null };
  const state: CaseState = {
    ...{ id: randomUUID(), phase, specialty: 'teleradiology', priority: 'routine', production: true, studies: [study], route },
    ...empty,
    ...none,
  };
  await step(state);
  return state;
}

/** One batch in which the case has changed, and what of it was settled before. */
async function step(changed: CaseState | string, receipts = 0): Promise<CaseState> {
  const id = typeof changed === 'string' ? changed : changed.id;
  return fresh.database.transaction(async (tx) => {
    const batch = openBatch(tx, new Date(), systemClock, []);
    if (typeof changed === 'string') await loadCases(batch, [id]);
    putCase(batch, typeof changed === 'string' ? (caseIn(batch, id) as CaseState) : changed);
    const act = { kind: 'receipt', delivery: '', caseId: id, destination: 'pacs', deliveryKind: 'dicom-object' } as const;
    const works = Array.from({ length: receipts }, () => ({ ...workOf({} as never), acts: [act] }));
    await sendObjects({ ...batch, works }, config, corridor.house.peers);
    await saveWork(batch);
    return caseIn(batch, id) as CaseState;
  });
}

const ordered = async (id: string) =>
  (
    await fresh.database.query<{ destination: string; uid: string }>(
      `select destination, control_id as uid from delivery where case_id = $1 order by lane_seq`,
      [id],
    )
  ).rows;
const events = async (id: string) =>
  (
    await fresh.database.query<{ line: string }>(`select kind || ': ' || detail as line from case_event where case_id = $1 order by n`, [
      id,
    ])
  ).rows.map(({ line }) => line);

describe('who is told that a study can be had here', () => {
  let told: Config;
  beforeAll(() => {
    told = { ...config, destinations: [{ ...pacs('pacs'), availability: true } as Destination, pacs('other')] };
  });
  const look = async (id: string, ms: number, instances: number, phase: CasePhase = 'requested', lastReceived = ms) =>
    fresh.database.transaction(async (tx) => {
      const batch = openBatch(tx, new Date(ms), systemClock, []);
      await loadCases(batch, [id]);
      const state = caseIn(batch, id) as CaseState;
      putCase(batch, { ...state, phase, wake: null, studies: state.studies.map((study) => ({ ...study, instances, lastReceived })) });
      await tellAvailability(batch, { config: told, peers: corridor.house.peers });
      await saveWork(batch);
      return (caseIn(batch, id) as CaseState).wake;
    });
  const notices = async (id: string): Promise<AvailabilityContent[]> => {
    const { rows } = await fresh.database.query<{ content: Buffer }>(
      `select content from delivery where case_id = $1 and kind = 'availability' order by lane_seq`,
      [id],
    );
    return rows.map(({ content }) => JSON.parse(content.toString('utf8')) as AvailabilityContent);
  };

  it('is the PACS it goes to, once, when it is whole; of what comes later, when no more comes', async () => {
    const { id, studies } = await caseWith(2, 'assembling');
    const uid = studies[0]?.uid as string;
    await look(id, 1_000_000, 2, 'assembling');
    expect(await notices(id)).toEqual([]);
    await look(id, 1_000_000, 2);
    await look(id, 1_000_001, 2);
    const [first, ...others] = await notices(id);
    expect(first).toMatchObject({ studyUid: uid, aeTitle: 'WAYSTATION', series: [{ uid: `${uid}.1` }] });
    expect([first?.series[0]?.objects.length, others.length]).toEqual([2, 0]);
    await openJournal(fresh.database).append(sliceEntry(uid, 'A', 'P'));
    await fresh.database.query('delete from pending');
    const due = await look(id, 1_000_002, 3);
    expect([(await notices(id)).length, due]).toEqual([1, 1_060_002]);
    expect(await look(id, due as number, 3, 'requested', 1_000_002)).toBeNull();
    expect((await notices(id)).map(({ series }) => series[0]?.objects.length)).toEqual([2, 3]);
  });

  it('is told of what came shortly before the case was closed, too', async () => {
    const { id, studies } = await caseWith(1, 'assembling');
    await look(id, 1_000_000, 1);
    await openJournal(fresh.database).append(sliceEntry(studies[0]?.uid as string, 'A', 'P'));
    await fresh.database.query('delete from pending');
    expect(await look(id, 1_000_001, 2, 'closed')).toBe(1_060_001);
    await look(id, 1_060_001, 2, 'closed', 1_000_001);
    expect((await notices(id)).map(({ series }) => series[0]?.objects.length)).toEqual([1, 2]);
  });

  it('is nobody who does not ask, nor of whose case it is not', async () => {
    const { id } = await caseWith(1, 'requested', 'other');
    await look(id, 1_000_000, 1);
    expect(await notices(id)).toEqual([]);
  });
});

describe('the objects of a case that is routed to a PACS', () => {
  it('are ordered once the case is offered, in order, each once', async () => {
    const waiting = await caseWith(3, 'assembling');
    expect(await ordered(waiting.id)).toEqual([]);
    const { id, studies } = await caseWith(3, 'requested');
    await step(id);
    await step(id);
    expect(await ordered(id)).toHaveLength(3);
    const uid = studies[0]?.uid as string;
    await openJournal(fresh.database).append(sliceEntry(uid, 'A', 'P'));
    await fresh.database.query('delete from pending');
    const grown = await step(id);
    const known = { ...grown, studies: grown.studies.map((study) => ({ ...study, instances: 4 })) };
    await fresh.database.transaction(async (tx) => {
      const batch = openBatch(tx, new Date(), systemClock, []);
      await loadCases(batch, [id]);
      putCase(batch, known);
      await sendObjects(batch, config, corridor.house.peers);
      await saveWork(batch);
    });
    expect(new Set((await ordered(id)).map((one) => one.uid)).size).toBe(4);
    expect(await events(id)).toEqual(['sending: 3 objects to pacs', 'sending: 1 object to pacs']);
  });

  it('are ordered two thousand at a time, until there are none', async () => {
    const { id } = await caseWith(2_003, 'claimed');
    expect(await ordered(id)).toHaveLength(2_000);
    expect(await runClock(corridor)).toBe(1);
    expect(await ordered(id)).toHaveLength(2_003);
    expect(await runClock(corridor)).toBe(0);
  });

  it('are told as stored in one line, when the last of them is', async () => {
    const { id } = await caseWith(2, 'requested');
    const settle = (count: number) =>
      fresh.database.query(
        `update delivery set state = 'delivered' where id in (select id from delivery where case_id = $1 and state = 'waiting' limit $2)`,
        [id, count],
      );
    await settle(1);
    expect((await step(id, 1)).objects).toEqual({ destination: 'pacs', ordered: 2, taken: 1 });
    await settle(1);
    expect((await step(id, 1)).objects).toEqual({ destination: 'pacs', ordered: 2, taken: 2 });
    // A receipt that is worked off again tells nothing new.
    await step(id, 1);
    expect(await events(id)).toEqual(['sending: 2 objects to pacs', 'receipt: pacs has stored all 2 objects']);
  });

  it('are ordered where the case goes now, and those that were already ordered there are counted', async () => {
    const first = await caseWith(2, 'requested');
    const moved = async (destination: string) => {
      await fresh.database.transaction(async (tx) => {
        const batch = openBatch(tx, new Date(), systemClock, []);
        await loadCases(batch, [first.id]);
        const state = caseIn(batch, first.id) as CaseState;
        putCase(batch, { ...state, route: { ...(state.route as NonNullable<CaseState['route']>), destination } });
        await sendObjects(batch, config, corridor.house.peers);
        await saveWork(batch);
      });
    };
    await moved('other');
    await moved('pacs');
    const places = (await ordered(first.id)).map(({ destination }) => destination).sort();
    expect(places).toEqual(['other', 'other', 'pacs', 'pacs']);
  });

  it('are not ordered where a group pulls, nor of a case that is closed', async () => {
    const closed = await caseWith(1, 'closed');
    const pulled = await caseWith(1, 'requested', 'nowhere');
    expect([...(await ordered(closed.id)), ...(await ordered(pulled.id))]).toEqual([]);
  });
});
