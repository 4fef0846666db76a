import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { makeAhead } from '../../src/endpoints/dicomweb/ahead-session.ts';
import type { Caller } from '../../src/model/peer.ts';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';
import type { DatasetElement } from '../../src/protocols/dicom/write.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { ctSeries, objectOf } from '../support/dicom-objects.ts';
import { partsOf } from '../support/multipart.ts';
import { storeObjects } from '../support/store-objects.ts';

const READER: Caller = { client: 'reader', group: 'readers', role: 'reader' };
const ORDERING: Caller = { client: 'ordering', group: 'ordering', role: 'reader' };
type Match = Record<string, { vr: string; Value?: unknown[] }>;

const ADA = {
  studyUid: '2.25.1',
  studyDate: '20260301',
  studyTime: '080000',
  accession: 'A-1',
  patientId: 'P-1',
  patientName: 'Müller^Ada',
};
const BO = {
  studyUid: '2.25.2',
  studyDate: '20260302',
  studyTime: '101500',
  accession: 'A-2',
  patientId: 'P-2',
  patientName: 'Meyer^Bo Paul',
};
const CY = {
  studyUid: '2.25.3',
  studyDate: '20260303',
  studyTime: '235959',
  accession: 'B_3',
  patientId: 'Q-3',
  patientName: 'Mueller^Cy',
};
const HIDDEN = {
  studyUid: '2.25.4',
  studyDate: '20260304',
  studyTime: '000000',
  accession: 'A-4',
  patientId: 'P-4',
  patientName: 'Hidden^Dee',
};

describe('a search at the DICOMweb door', () => {
  let door: DicomDoor;
  const get = (query: string): Promise<Response> => fetch(`${door.url}${query}`);
  const found = async (query: string): Promise<Match[]> => {
    const response = await get(query);
    if (response.status === 204) return [];
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/dicom+json']);
    return (await response.json()) as Match[];
  };
  const studies = async (query: string) => (await found(`/studies?${query}`)).map((match) => match['0020000D']?.Value?.[0]);
  beforeAll(async () => {
    door = await openDicomDoor();
    const series = (n: string, slices: number) => ({ seriesUid: n, slices });
    await storeObjects(door.port, [
      ...ctSeries({ ...ADA, ...series('2.25.1.1', 2) }),
      ...ctSeries({ ...ADA, ...series('2.25.1.2', 1) }),
      ...ctSeries({ ...BO, ...series('2.25.2.1', 1) }),
      ...ctSeries({ ...CY, ...series('2.25.3.1', 1) }),
      ...ctSeries({ ...HIDDEN, ...series('2.25.4.1', 1) }),
      requested('2.25.9.1', [
        ['S-1', 'P-1'],
        ['S-2', 'P-2'],
      ]),
      requested('2.25.9.2', [['S-1', 'P-2']]),
      requested('2.25.9.3', []),
    ]);
    for (let after: number | null = 0; after !== null; ) after = await makeAhead(door, after, 3);
    await Promise.all([ADA, BO, CY].map(({ studyUid }) => door.show(studyUid, READER.group)));
    await door.show(HIDDEN.studyUid, 'others');
    await door.show('2.25.9', ORDERING.group);
  });
  beforeEach(() => {
    door.reading.caller = READER;
  });
  afterAll(() => door.close());

  it('finds the studies that the caller may see, the newest first, and no others', async () => {
    expect(await studies('')).toEqual(['2.25.3', '2.25.2', '2.25.1']);
    expect(await studies('AccessionNumber=A-4')).toEqual([]);
    expect(await found('/series?Modality=CT')).toHaveLength(4);
    expect(await found('/instances')).toHaveLength(5);
    door.reading.caller = { ...READER, role: 'operator' };
    expect(await studies('AccessionNumber=A-4')).toEqual(['2.25.4']);
  });

  it('answers what the standard wants of a study', async () => {
    expect(await found('/studies?StudyInstanceUID=2.25.1')).toEqual([
      {
        '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
        '00080020': { vr: 'DA', Value: ['20260301'] },
        '00080030': { vr: 'TM', Value: ['080000'] },
        '00080050': { vr: 'SH', Value: ['A-1'] },
        '00080056': { vr: 'CS', Value: ['ONLINE'] },
        '00080061': { vr: 'CS', Value: ['CT'] },
        '00080090': expect.objectContaining({ vr: 'PN' }),
        '00081190': { vr: 'UR', Value: [`${door.url}/studies/2.25.1`] },
        '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Ada' }] },
        '00100020': { vr: 'LO', Value: ['P-1'] },
        '00100030': expect.objectContaining({ vr: 'DA' }),
        '00100040': expect.objectContaining({ vr: 'CS' }),
        '0020000D': { vr: 'UI', Value: ['2.25.1'] },
        '00200010': expect.objectContaining({ vr: 'SH' }),
        '00201206': { vr: 'IS', Value: [2] },
        '00201208': { vr: 'IS', Value: [3] },
      },
    ]);
  });

  it.each([
    ['PatientName=müller^ada', ['2.25.1']],
    ['PatientName=M*', ['2.25.3', '2.25.2', '2.25.1']],
    ['PatientName=M?yer*', ['2.25.2']],
    ['PatientName=m', []],
    ['PatientName=MULLER&fuzzymatching=true', ['2.25.1']],
    ['PatientName=paul%20mey&fuzzymatching=true', ['2.25.2']],
    ['00100010=mue%5Ec&fuzzymatching=true', ['2.25.3']],
    ['PatientID=P-1', ['2.25.1']],
    ['PatientID=p-1', []],
    ['PatientID=P*', ['2.25.2', '2.25.1']],
    ['AccessionNumber=B_3', ['2.25.3']],
    ['AccessionNumber=A_*', []],
    ['AccessionNumber=%25', []],
    ['PatientID=*', ['2.25.3', '2.25.2', '2.25.1']],
    ['PatientID=', ['2.25.3', '2.25.2', '2.25.1']],
    ['StudyDate=20260302', ['2.25.2']],
    ['StudyDate=20260302-', ['2.25.3', '2.25.2']],
    ['StudyDate=-20260301', ['2.25.1']],
    ['StudyDate=20260301-20260302', ['2.25.2', '2.25.1']],
    ['StudyTime=08-1015', ['2.25.2', '2.25.1']],
    ['StudyTime=2359', ['2.25.3']],
    ['StudyInstanceUID=2.25.1,2.25.2', ['2.25.2', '2.25.1']],
    ['StudyInstanceUID=2.25.1%5C2.25.3', ['2.25.3', '2.25.1']],
    ['ModalitiesInStudy=MR', []],
    ['ModalitiesInStudy=MR,CT&PatientID=P-2', ['2.25.2']],
    ['limit=2', ['2.25.3', '2.25.2']],
    ['limit=2&offset=2', ['2.25.1']],
  ])('for %s finds %j', async (query, uids) => {
    expect(await studies(query)).toEqual(uids);
  });

  it('answers series and instances with what of the levels above the path does not name', async () => {
    const [series] = (await found('/studies/2.25.1/series?SeriesInstanceUID=2.25.1.1')) as [Match];
    expect(series).toMatchObject({
      '00080060': { vr: 'CS', Value: ['CT'] },
      '0020000E': { vr: 'UI', Value: ['2.25.1.1'] },
      '00201209': { vr: 'IS', Value: [2] },
    });
    expect(series['00100010']).toBeUndefined();
    expect((await found('/series?StudyInstanceUID=2.25.2'))[0]?.['00100010']).toEqual({
      vr: 'PN',
      Value: [{ Alphabetic: 'Meyer^Bo Paul' }],
    });
    const instances = await found('/studies/2.25.1/series/2.25.1.1/instances');
    expect(instances.map((one) => one['00200013']?.Value)).toEqual([[1], [2]]);
    expect(instances[0]).toMatchObject({ '00280010': { vr: 'US', Value: [16] }, '00080056': { vr: 'CS', Value: ['ONLINE'] } });
    expect(await found('/studies/2.25.1/instances')).toHaveLength(3);
    expect(await found(`/instances?SOPInstanceUID=${instances[1]?.['00080018']?.Value?.[0]}`)).toHaveLength(1);
    const second = await found('/studies/2.25.1/series/2.25.1.1/instances?InstanceNumber=2');
    expect(second.map((match) => match['00200013']?.Value)).toEqual([[2]]);
    expect(await found('/studies/2.25.1/instances?InstanceNumber=3')).toEqual([]);
    await door.database.query('update instance set number = null');
    await door.database.query(filledFromHeaders());
    expect(await found('/studies/2.25.1/instances?InstanceNumber=2')).toHaveLength(1);
  });

  it('answers more where more is asked for', async () => {
    const description = async (query: string) => (await found(`/studies?PatientID=P-1${query}`))[0]?.['00081030'];
    expect(await description('')).toBeUndefined();
    for (const query of [
      '&includefield=StudyDescription',
      '&includefield=00081030',
      '&includefield=PatientAge,00081030',
      '&includefield=all',
    ])
      expect(await description(query)).toEqual({ vr: 'LO', Value: ['CT head'] });
    const [series] = await found('/studies/2.25.1/series?includefield=PatientID&limit=1');
    expect(series?.['00100020']).toEqual({ vr: 'LO', Value: ['P-1'] });
  });

  it('says 204 where nothing matches', async () => {
    expect((await get('/studies?PatientID=nobody')).status).toBe(204);
    expect((await get('/studies/2.25.4/series')).status).toBe(204);
  });

  it.each([
    ['/studies?StudyDate=tomorrow', 400],
    ['/studies?StudyDate=-', 400],
    ['/studies?StudyInstanceUID=x', 400],
    ['/studies?PatientName=A%00', 400],
    ['/studies?limit=-1', 400],
    ['/studies?PatientComments=x', 400],
    ['/studies?Modality=CT', 400],
    ['/studies?includefield=Nothing', 400],
    ['/studies/x/series', 400],
    ['/studies?00400275.00400009=S-1', 400],
    ['/series?00400275=S-1', 400],
    ['/series?00400275.Nothing=S-1', 400],
    ['/series?PatientID.00400009=S-1', 400],
    ["/studies?PatientName='%20or%20true--", 204],
    ['/studies?PatientName=%5C%5C*%5B&fuzzymatching=true', 204],
  ])('answers %s with %i', async (query, status) => {
    expect((await get(query)).status).toBe(status);
  });

  it.each([
    ['series?00400275.00400009=S-1', ['2.25.9.1', '2.25.9.2']],
    ['series?RequestAttributesSequence.ScheduledProcedureStepID=S-2', ['2.25.9.1']],
    ['series?RequestAttributesSequence.ScheduledProcedureStepID=S-*', ['2.25.9.1', '2.25.9.2']],
    ['series?00400275.00400009=S-1&00400275.00401001=P-2', ['2.25.9.2']],
    ['series?00400275.00400009=', ['2.25.9.1', '2.25.9.2', '2.25.9.3']],
    ['series?00400275.00400009=S-1&limit=1&offset=1', ['2.25.9.2']],
    ['series?00400275.00400009=S-1&SeriesInstanceUID=2.25.9.1', ['2.25.9.1']],
    ['instances?00400275.00400009=S-2', ['2.25.9.1']],
    ['studies?ProcedureCodeSequence.CodeValue=HEAD', [undefined]],
    ['studies?ProcedureCodeSequence.CodeValue=FOOT', []],
  ])('finds by what is within sequences: %s', async (query, expected) => {
    door.reading.caller = ORDERING;
    const path = query.startsWith('studies') ? `/${query}` : `/studies/2.25.9/${query}`;
    expect((await found(path)).map((match) => match['0020000E']?.Value?.[0]).sort()).toEqual(expected);
  });

  it('answers a sequence that is asked for by what is within', async () => {
    door.reading.caller = ORDERING;
    const [match] = await found('/studies/2.25.9/series?SeriesInstanceUID=2.25.9.2&includefield=00400275.00400009');
    expect(match?.['00400275']?.Value).toEqual([{ '00400009': { vr: 'SH', Value: ['S-1'] }, '00401001': { vr: 'SH', Value: ['P-2'] } }]);
  });

  it('gives matches as XML, a part each, and in no other form', async () => {
    const as = (accept: string) => fetch(`${door.url}/studies`, { headers: { accept } });
    const documents = (await partsOf(await as('multipart/related; type="application/dicom+xml"'))).map(({ body }) => body.toString());
    const matches = (await (await as('application/dicom+json')).json()) as unknown[];
    expect(documents.length).toBe(matches.length);
    for (const document of documents) expect(document).toMatch(/^<\?xml [^>]*>\n<NativeDicomModel [^>]*>[\s\S]*keyword="StudyInstanceUID"/);
    expect((await as('multipart/related; type="text/html"')).status).toBe(406);
  });

  it('gives nothing to nobody', async () => {
    door.reading.caller = null;
    expect((await get('/studies')).status).toBe(401);
  });

  it('does not write down whom somebody searched for', async () => {
    await found('/studies?PatientName=Meyer*');
    await door.database.query('select 1');
    const { rows } = await door.database.query(`select target from audit where target like '%Meyer%'`);
    expect(rows).toEqual([]);
  });
});

/** What the migration does with instances that were here before it. */
function filledFromHeaders(): string {
  const directory = 'src/store/migrations';
  const file = readdirSync(directory).find((name) => name.endsWith('-instance-number.sql')) as string;
  const sql = readFileSync(join(directory, file), 'utf8');
  return sql.slice(sql.indexOf('update instance'));
}

/** A series of one object, with its requests: scheduled procedure step and requested procedure. */
function requested(seriesUid: string, requests: readonly (readonly [step: string, procedure: string])[]): SampleObject {
  const items = requests.map(([step, procedure]): DatasetElement[] => [
    [0x00400009, 'SH', step],
    [0x00401001, 'SH', procedure],
  ]);
  const code: DatasetElement = [0x00081032, 'SQ', [[[0x00080100, 'SH', 'HEAD']]]];
  return objectOf([code, [0x00400275, 'SQ', items]], { studyUid: '2.25.9', seriesUid, sopInstanceUid: `${seriesUid}.1` });
}
