import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Caller } from '../../src/model/peer.ts';
import { part10Prefix, readPart10 } from '../../src/protocols/dicom/part10.ts';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { ctSeries, objectOf } from '../support/dicom-objects.ts';

const CLINIC: Caller = { client: 'clinic', group: 'clinic', role: 'origin' };
const RELATED = 'multipart/related; type="application/dicom"; boundary=b0undary';
const SERIES = ctSeries({ slices: 3 });
const STUDY = '/studies/2.25.4711';

type Item = Record<string, { vr: string; Value?: unknown[] }>;
type Answer = { status: number; stored: unknown[]; failed: unknown[][]; others: unknown[]; study: unknown };

describe('storing at the DICOMweb door', () => {
  let door: DicomDoor;
  beforeAll(async () => {
    door = await openDicomDoor({ landing: true });
  });
  beforeEach(async () => {
    door.reading.caller = CLINIC;
    await door.database.query('truncate journal, instance, pending, outcome');
  });
  afterAll(() => door.close());

  const post = (body: Buffer, contentType = RELATED, path = '/studies') =>
    fetch(`${door.url}${path}`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { 'content-type': contentType, accept: 'application/dicom+json' },
    });
  const stored = async (): Promise<string[]> => {
    const { rows } = await door.database.query<{ uid: string }>('select sop_instance_uid as uid from instance order by seq');
    return rows.map(({ uid }) => uid);
  };

  it('says in XML what became of it, to who accepts that', async () => {
    const [slice] = SERIES.map(fileOf);
    const headers = { 'content-type': 'application/dicom', accept: 'application/dicom+xml' };
    const response = await fetch(`${door.url}/studies`, { method: 'POST', body: new Uint8Array(slice as Buffer), headers });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/dicom+xml']);
    expect(await response.text()).toContain('keyword="ReferencedSOPSequence"><Item number="1">');
  });

  it('takes many objects in one request, and says where each is', async () => {
    const answer = await answered(await post(multipart(SERIES.map(fileOf))));
    const base = `${door.url}${STUDY}/series/2.25.4711.1/instances`;
    expect(answer).toEqual({
      status: 200,
      stored: SERIES.map(({ sopInstanceUid }) => `${base}/${sopInstanceUid}`),
      failed: [],
      others: [],
      study: undefined,
    });
    door.reading.caller = { ...CLINIC, role: 'operator' };
    for (const object of SERIES) {
      const back = Buffer.from(
        await (await fetch(`${base}/${object.sopInstanceUid}`, { headers: { accept: 'application/dicom' } })).arrayBuffer(),
      );
      expect(back.subarray((readPart10(back) as { datasetOffset: number }).datasetOffset)).toEqual(object.dataset);
    }
    expect(await door.journaled()).toEqual(SERIES.map(({ sopClassUid, sopInstanceUid }) => `accepted ${sopClassUid} ${sopInstanceUid}`));
    const { rows } = await door.database.query(`select distinct peer, blob is not null as kept from journal`);
    expect(rows).toEqual([{ peer: 'http:clinic', kept: true }]);
  });

  it('takes one object alone, and the same again without a second effect', async () => {
    const file = fileOf(SERIES[0] as SampleObject);
    for (const _ of [1, 2]) expect((await answered(await post(file, 'application/dicom'))).status).toBe(200);
    expect(await stored()).toHaveLength(1);
    expect(await door.journaled()).toHaveLength(1);
  });

  it('takes a body in chunks of any size, without knowing its length', async () => {
    const body = multipart(SERIES.map(fileOf));
    const status = await new Promise<number>((resolve, reject) => {
      const call = request(`${door.url}/studies`, { method: 'POST', headers: { 'content-type': RELATED } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.on('error', reject);
      for (let at = 0; at < body.length; at += 97) call.write(body.subarray(at, at + 97));
      call.end();
    });
    expect(status).toBe(200);
    expect(await stored()).toHaveLength(3);
  });

  it('says of each object why it is not stored, and stores the others', async () => {
    const [good, other] = SERIES as [SampleObject, SampleObject];
    const cut = fileOf(other).subarray(0, -10);
    const homeless = objectOf([], { studyUid: '', sopInstanceUid: '2.25.5' });
    const unknown = fileOf({ ...other, transferSyntax: '1.2.3.4' });
    const answer = await answered(await post(multipart([cut, fileOf(good), Buffer.from('no DICOM at all'), fileOf(homeless), unknown])));
    expect([answer.status, answer.stored.length]).toEqual([202, 1]);
    expect(answer.failed).toEqual([
      [other.sopInstanceUid, 0xc000],
      ['2.25.5', 0xa900],
    ]);
    expect(answer.others).toEqual([0xc000, 0xc122]);
    expect(await stored()).toEqual([good.sopInstanceUid]);
    expect(await door.unfinished()).toEqual([]);
  });

  it('takes objects of the study that the path names, and no others', async () => {
    const stranger = ctSeries({ studyUid: '2.25.4712', seriesUid: '2.25.4712.1' })[0] as SampleObject;
    const answer = await answered(await post(multipart([fileOf(SERIES[0] as SampleObject), fileOf(stranger)]), RELATED, STUDY));
    expect([answer.status, answer.failed, answer.study]).toEqual([202, [[stranger.sopInstanceUid, 0xa900]], `${door.url}${STUDY}`]);
    expect((await answered(await post(fileOf(stranger), 'application/dicom', STUDY))).status).toBe(409);
  });

  it('reads what an object is from the object, whatever its file says', async () => {
    const [object, other] = SERIES as [SampleObject, SampleObject];
    const lying = Buffer.concat([part10Prefix(other), object.dataset]);
    expect((await answered(await post(lying, 'application/dicom'))).status).toBe(200);
    expect(await stored()).toEqual([object.sopInstanceUid]);
  });

  it('keeps other bytes under the same UID, flags them, and serves the first', async () => {
    const [object] = ctSeries({ patientName: 'Other^Name' }) as [SampleObject];
    await post(fileOf(SERIES[0] as SampleObject), 'application/dicom');
    expect((await answered(await post(fileOf(object), 'application/dicom'))).status).toBe(200);
    const { rows } = await door.database.query('select reused_control_id as flag from journal order by seq');
    expect(rows).toEqual([{ flag: false }, { flag: true }]);
  });

  it.each([
    ['another form', Buffer.from('<a/>'), 'application/dicom+xml', 415],
    ['parts of another form', multipart([]), 'multipart/related; type="application/dicom+xml"; boundary=b0undary', 415],
    ['no form at all', Buffer.from('x'), '', 415],
    ['no boundary', multipart([]), 'multipart/related; type="application/dicom"', 400],
    ['no object', multipart([]), RELATED, 400],
    ['a body that ends early', multipart([fileOf(SERIES[0] as SampleObject)]).subarray(0, -4), RELATED, 400],
  ])('refuses %s', async (_, body, contentType, status) => {
    expect((await post(body, contentType)).status).toBe(status);
  });

  it('takes nothing from readers, nor from nobody', async () => {
    door.reading.caller = { ...CLINIC, role: 'reader' };
    expect((await post(multipart(SERIES.map(fileOf)))).status).toBe(403);
    door.reading.caller = null;
    expect((await post(multipart(SERIES.map(fileOf)))).status).toBe(401);
    expect(await stored()).toEqual([]);
  });

  it('keeps what was whole when a caller hangs up, and leaves nothing of the rest', async () => {
    const body = multipart(SERIES.map(fileOf));
    await new Promise<void>((resolve) => {
      const call = request(`${door.url}/studies`, { method: 'POST', headers: { 'content-type': RELATED, 'content-length': body.length } });
      call.on('error', () => {});
      call.on('close', () => resolve());
      call.write(body.subarray(0, body.length - 200), () => call.destroy());
    });
    await door.said('dicomweb.failed');
    expect(await stored()).toEqual(SERIES.slice(0, 2).map(({ sopInstanceUid }) => sopInstanceUid));
    expect(await door.unfinished()).toEqual([]);
  });
});

describe('storing while the journal cannot', () => {
  it('says that it is to be tried again', async () => {
    const door = await openDicomDoor({ wrap: (deps) => ({ ...deps, journal: { append: () => Promise.reject(new Error('away')) } }) });
    door.reading.caller = CLINIC;
    const response = await fetch(`${door.url}/studies`, {
      method: 'POST',
      body: new Uint8Array(fileOf(SERIES[0] as SampleObject)),
      headers: { 'content-type': 'application/dicom' },
    });
    expect(await answered(response)).toMatchObject({ status: 503, failed: [[SERIES[0]?.sopInstanceUid, 0xa700]] });
    await door.close();
  });
});

function fileOf(object: SampleObject): Buffer {
  return Buffer.concat([part10Prefix(object), object.dataset]);
}

function multipart(files: readonly Buffer[]): Buffer {
  const parts = files.flatMap((file) => [Buffer.from('--b0undary\r\nContent-Type: application/dicom\r\n\r\n'), file, Buffer.from('\r\n')]);
  return Buffer.concat([...parts, Buffer.from('--b0undary--')]);
}

async function answered(response: Response): Promise<Answer> {
  expect(response.headers.get('content-type')).toBe('application/dicom+json');
  const dataset = (await response.json()) as Item;
  const items = (tag: string) => (dataset[tag]?.Value ?? []) as Item[];
  return {
    status: response.status,
    stored: items('00081199').map((item) => item['00081190']?.Value?.[0]),
    failed: items('00081198').map((item) => [item['00081155']?.Value?.[0], item['00081197']?.Value?.[0]]),
    others: items('0008119A').map((item) => item['00081197']?.Value?.[0]),
    study: dataset['00081190']?.Value?.[0],
  };
}
