/** What is asked of a PACS for priors: dcmtk's dcmqrscp answers C-FIND and C-GET. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchPriors, type PriorDeps, type PriorResult } from '../../src/delivery/dimse/prior-session.ts';
import { type Failure, isFailure } from '../../src/model/failure.ts';
import type { PriorOrder } from '../../src/model/prior.ts';
import { headerReader } from '../../src/protocols/dicom/header-reader.ts';
import { type TransferSyntax, transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';
import { ctSeries } from '../support/dicom-objects.ts';
import { type DicomServer, startDcmqrscp, startOrthanc } from '../support/dicom-peers.ts';
import { destinationOf } from '../support/dimse-destination.ts';
import { isInstalled } from '../support/programs.ts';
import { storeObjects } from '../support/store-objects.ts';

const study = (n: number, studyDate: string, changes: Parameters<typeof ctSeries>[0] = {}) =>
  ctSeries({ studyUid: `2.25.80${n}`, seriesUid: `2.25.80${n}.1`, studyDate, accession: `P-${n}`, slices: 2, ...changes });
const OLDEST = study(1, '20150101');
const OLD = study(2, '20240301');
const NEWER = study(3, '20250301');
const OWN = study(4, '20260301');
const BY_ACCESSION = study(5, '20260302');
const OTHERS = study(6, '20250301', { patientId: 'P-4712' });
/** An object of somebody else in a study of the patient. */
const STRANGE = ctSeries({ studyUid: '2.25.803', seriesUid: '2.25.803.2', studyDate: '20250301', patientId: 'P-4712' });
const ORDER: PriorOrder = {
  ...{ caseId: '', from: 'pacs', patient: { id: 'P-4711', authority: 'HOSP' }, modalities: ['CT'], since: '20211127', most: 3 },
};

(isInstalled('dcmqrscp') ? describe : describe.skip)('priors of a PACS', () => {
  let pacs: DicomServer;
  beforeAll(async () => {
    pacs = await startDcmqrscp([], []);
    await storeObjects(pacs.target.port, [...OLDEST, ...OLD, ...NEWER, ...OWN, ...BY_ACCESSION, ...OTHERS], 'CT1', 'PACS');
  });
  afterAll(() => pacs.stop());

  /** What was taken, and what came. */
  async function fetched(changes: Partial<PriorOrder> = {}, deps: Partial<PriorDeps> = {}, server = pacs) {
    const taken: string[][] = [];
    const stored: Buffer[] = [];
    const result = await fetchPriors(
      { ...ORDER, ...changes },
      destinationOf('pacs', server),
      { uids: ['2.25.804'], accessions: ['P-5'] },
      {
        ownAeTitle: 'WAYSTATION',
        here: async () => 0,
        take: async (uids) => void taken.push([...uids]),
        signal: new AbortController().signal,
        begin: (object, refusal) => {
          const reader = headerReader(transferSyntax(object.transferSyntax) as TransferSyntax);
          const chunks: Buffer[] = [];
          return {
            write: async (fragment) => {
              chunks.push(fragment);
              await reader.push(fragment);
            },
            end: async () => {
              const read = await reader.end();
              const fault = isFailure(read) ? read : await refusal(read.header);
              if (fault) return fault;
              stored.push(Buffer.concat(chunks));
              return { seq: 1, duplicate: false, answer: Buffer.alloc(0) };
            },
            abandon: async () => reader.abandon(),
          };
        },
        ...deps,
      },
    );
    return { result, taken: taken[0], stored };
  }
  const holds = (stored: readonly Buffer[], objects: readonly { dataset: Buffer }[]) =>
    objects.every(({ dataset }) => stored.some((one) => one.equals(dataset)));

  it('are the newest of the patient, without those of the case, byte for byte', async () => {
    const { result, taken, stored } = await fetched();
    expect(result).toEqual({ taken: 2, whole: 2, refused: 0, faults: [], left: [] });
    expect(taken).toEqual(['2.25.803', '2.25.802']);
    expect(stored).toHaveLength(4);
    expect(holds(stored, [...NEWER, ...OLD])).toBe(true);
  });

  it('are as many as the rule says, and as old', async () => {
    expect((await fetched({ most: 1 })).taken).toEqual(['2.25.803']);
    expect((await fetched({ since: '20100101' })).taken).toEqual(['2.25.803', '2.25.802', '2.25.801']);
    expect((await fetched({ modalities: ['MR'] })).taken).toEqual([]);
    expect((await fetched({ modalities: [] })).taken).toEqual(['2.25.803', '2.25.802']);
  });

  it("are nobody else's: a number finds only itself, wildcards too", async () => {
    expect((await fetched({ patient: { id: 'P-47*', authority: 'HOSP' } })).taken).toEqual([]);
    expect((await fetched({ patient: { id: 'P-9', authority: 'HOSP' } })).taken).toEqual([]);
  });

  it('are refused object by object where one is of another patient', async () => {
    await storeObjects(pacs.target.port, STRANGE, 'CT1', 'PACS');
    const { result, stored } = await fetched({ most: 1 });
    expect(result).toMatchObject({ taken: 1, refused: 1, faults: [] });
    expect(holds(stored, NEWER)).toBe(true);
    expect(stored).toHaveLength(2);
  });

  it('fail for now where the PACS does not answer, and for good where it takes no C-FIND of studies', async () => {
    const gone = await fetchAt({ ...destinationOf('pacs', pacs), port: 1 });
    expect(gone).toMatchObject({ class: 'transient' });
    const mute = await startDcmqrscp(['-QS'], []);
    expect(await fetchAt(destinationOf('pacs', mute))).toMatchObject({ class: 'permanent', detail: 'the PACS takes no C-FIND' });
    await mute.stop();
  });

  (isInstalled('Orthanc') ? it : it.skip)('come from Orthanc, which counts: what is all here is not asked for', async () => {
    const orthanc = await startOrthanc({ DicomAlwaysAllowFind: true, DicomAlwaysAllowGet: true, RemoteAccessAllowed: false });
    await storeObjects(orthanc.target.port, [...OLD, ...NEWER, ...OWN, ...OTHERS], 'CT1', 'ORTHANC');
    const { result, stored } = await fetched({}, { here: async (uid) => (uid === '2.25.803' ? 2 : 1) }, orthanc);
    await orthanc.stop();
    expect(result).toEqual({ taken: 2, whole: 2, refused: 0, faults: [], left: [] });
    expect(stored).toHaveLength(2);
    expect(holds(stored, OLD)).toBe(true);
  });

  function fetchAt(destination: ReturnType<typeof destinationOf>): Promise<PriorResult | Failure> {
    return fetchPriors(
      ORDER,
      destination,
      { uids: [], accessions: [] },
      {
        ...{ ownAeTitle: 'WAYSTATION', here: async () => 0, take: async () => {}, signal: new AbortController().signal },
        begin: () => {
          throw new Error('nothing comes');
        },
      },
    );
  }
});
