/** Objects that come back from where they were sent de-identified, taken by the session of the doors: on a real database, with real files. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ObjectSession } from '../../src/endpoints/dicom/object-session.ts';
import { findReturned } from '../../src/endpoints/dicom/returned-session.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import { type Failure, isFailure } from '../../src/model/failure.ts';
import type { Peer } from '../../src/model/peer.ts';
import { type DatasetElement, writeDataset } from '../../src/protocols/dicom/write.ts';
import { type BlobStore, openBlobs } from '../../src/store/blob-store.ts';
import { answerCommitment } from '../../src/store/commitment-store.ts';
import { headerAt, instancesAt } from '../../src/store/instance-store.ts';
import { savePseudonyms } from '../../src/store/pseudonym-store.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SR = '1.2.840.10008.5.1.4.1.1.88.22';
const EXPLICIT = '1.2.840.10008.1.2.1';
const HOSPITAL = { name: 'hospital' } as Peer;
const SPECIALIST = { name: 'specialist', reidentifies: ['research'] } as unknown as Peer;

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let blobs: BlobStore;
/** What the journal does not take. */
let refuses: (entry: NewEntry) => boolean = () => false;

beforeAll(async () => {
  fresh = await freshDatabase();
  blobs = await openBlobs(temporaryDirectory('waystation-returned-'));
  await take(HOSPITAL, object({ study: '1.2.1', uid: '1.2.1.1', patient: 'ONE' }));
  await take(HOSPITAL, object({ study: '1.2.2', uid: '1.2.2.1', patient: 'TWO' }));
  const sent = (patientId: string, pseudonym: string, studyUid: string, of: string) =>
    savePseudonyms(fresh.database, {
      destination: 'research',
      uids: new Map([
        [`2.25.${of}`, studyUid],
        [`2.25.${of}1`, `${studyUid}.1`],
      ]),
      dates: new Map(),
      studyUid,
      patient: { pseudonym, patientId, issuer: '' },
    });
  await sent('ONE', 'P1', '1.2.1', '10');
  await sent('TWO', 'P2', '1.2.2', '20');
});
afterAll(() => fresh.drop());

type Words = { readonly study: string; readonly uid: string; readonly patient: string };

function object({ study, uid, patient }: Words, more: readonly DatasetElement[] = []): { readonly uid: string; readonly dataset: Buffer } {
  const elements: DatasetElement[] = [
    [0x00080016, 'UI', SR],
    [0x00080018, 'UI', uid],
    [0x00080060, 'CS', 'SR'],
    ...more,
    [0x00100010, 'PN', patient],
    [0x00100020, 'LO', patient],
    [0x0020000d, 'UI', study],
    [0x0020000e, 'UI', `${study}.9`],
  ];
  return { uid, dataset: writeDataset(elements) };
}

async function take(peer: Peer, { uid, dataset }: ReturnType<typeof object>): Promise<number | null | Failure> {
  const { database } = fresh;
  const durable = openJournal(database);
  const journal = {
    append: async (entry: NewEntry) => {
      if (refuses(entry)) throw new Error('killed');
      return durable.append(entry);
    },
  };
  const shared = { journal, blobs, log: silentLog, clock: systemClock, reserveBytes: 0 };
  const returned = findReturned({ ...shared, database, peers: { named: (name) => ({ name }) as Peer }, aeTitle: 'WAYSTATION' });
  const announced = { sopClassUid: SR, sopInstanceUid: uid, transferSyntax: EXPLICIT, studyUid: null };
  const session = new ObjectSession('dimse', announced, peer, { ...shared, returned });
  await session.write(dataset);
  const stored = await session.end();
  return isFailure(stored) ? stored : stored.seq;
}

const uidsIn = async (study: string) => (await instancesAt(fresh.database, { study }, null)).map(({ sopInstanceUid }) => sopInstanceUid);

it('becomes one object of the study, also where the gateway was killed between the two of it', async () => {
  const report = object({ study: '2.25.10', uid: '2.25.99', patient: 'P1' });
  refuses = ({ disposition }) => disposition === 'ignored';
  expect(await take(SPECIALIST, report)).toMatchObject({ class: 'transient' });
  refuses = () => false;
  expect(await take(SPECIALIST, report)).toEqual(await take(SPECIALIST, report));
  expect(await uidsIn('1.2.1')).toEqual(['1.2.1.1', '2.25.99']);
  expect(await uidsIn('2.25.10')).toEqual([]);
  const { rows } = await fresh.database.query(`select peer, disposition from journal where control_id = '2.25.99' order by seq`);
  expect(rows).toEqual([
    { peer: 'hospital', disposition: 'accepted' },
    { peer: 'specialist', disposition: 'ignored' },
  ]);
});

it('is committed to who sent it, as it came and as it is here; what was sent from here is not', async () => {
  const verified: string[] = [];
  const verify = async (blob: string) => verified.push(blob) > 0;
  const references = ['2.25.99', '1.2.1.1', '2.25.101'].map((sopInstanceUid) => ({ sopClassUid: SR, sopInstanceUid }));
  const request = { transactionUid: '2.25.1', references };
  const asked = { id: 1, peer: SPECIALIST.name, request, answer: null, attempts: 0, received: new Date() };
  const answer = await answerCommitment(fresh.database, { verify }, asked, { clock: systemClock });
  expect(answer?.committed.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['2.25.99']);
  expect(new Set(verified).size).toBe(2);
});

it('joins a patient whose study it does not name as a study of its own', async () => {
  await take(SPECIALIST, object({ study: '2.25.555', uid: '2.25.5551', patient: 'P2' }));
  expect(await uidsIn('2.25.555')).toEqual(['2.25.5551']);
  const header = JSON.parse((await headerAt(fresh.database, '2.25.5551')).toString());
  expect([header['00100020'].Value, header['00100010'].Value]).toEqual([['TWO'], [{ Alphabetic: 'TWO' }]]);
});

it('is not stored again where it is what was sent', async () => {
  await take(SPECIALIST, object({ study: '2.25.10', uid: '2.25.101', patient: 'P1' }));
  expect(await uidsIn('1.2.1')).toEqual(['1.2.1.1', '2.25.99']);
});

it('is refused where its study is of one patient and its Patient ID of another', async () => {
  expect(await take(SPECIALIST, object({ study: '2.25.10', uid: '2.25.98', patient: 'P2' }))).toMatchObject({
    code: 'conflict',
    class: 'permanent',
  });
  expect(await uidsIn('1.2.1')).not.toContain('2.25.98');
});

it('is refused where its Patient ID was sent elsewhere, and stands for another patient than its study', async () => {
  const pupil = { name: 'specialist', reidentifies: ['research', 'teaching'] } as unknown as Peer;
  const sent = (pseudonym: string, patientId: string, studyUid: string) =>
    savePseudonyms(fresh.database, {
      ...{ destination: 'teaching', uids: new Map(), dates: new Map(), studyUid },
      patient: { pseudonym, patientId, issuer: '' },
    });
  await sent('T1', 'ONE', '1.2.1');
  await sent('T2', 'TWO', '1.2.2');
  expect(await take(pupil, object({ study: '2.25.10', uid: '2.25.94', patient: 'T2' }))).toMatchObject({ code: 'conflict' });
  expect(await take(pupil, object({ study: '2.25.10', uid: '2.25.95', patient: 'T1' }))).toEqual(expect.any(Number));
  expect(await uidsIn('1.2.1')).not.toContain('2.25.94');
  expect(await uidsIn('1.2.1')).toContain('2.25.95');
});

it('is refused, and its refusal journaled, where it names more objects than are held', async () => {
  const named = Array.from({ length: 41 }, (_, n) => Array.from({ length: 5_000 }, (_, m) => n * 5_000 + m).join('\\'));
  const images: DatasetElement = [0x00081140, 'SQ', named.map((uids): DatasetElement[] => [[0x00081155, 'UI', uids]])];
  const report = object({ study: '2.25.10', uid: '2.25.96', patient: 'P1' }, [images]);
  expect(await take(SPECIALIST, report)).toMatchObject({ code: 'too-large', class: 'permanent' });
  const { rows } = await fresh.database.query(`select disposition from journal where control_id = '2.25.96'`);
  expect(rows).toEqual([{ disposition: 'refused' }]);
});

it('is an object like any other where it comes from somebody else', async () => {
  await take(HOSPITAL, object({ study: '2.25.10', uid: '2.25.97', patient: 'P1' }));
  expect(await uidsIn('2.25.10')).toEqual(['2.25.97']);
});
