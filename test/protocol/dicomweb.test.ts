import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { makeAhead } from '../../src/endpoints/dicomweb/ahead-session.ts';
import type { Caller } from '../../src/model/peer.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';
import type { DatasetElement } from '../../src/protocols/dicom/write.ts';
import { RLE_LOSSLESS, rleCompressed } from '../support/compressed-slice.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { ctSeries, ctSlice, IDENTITY, objectOf } from '../support/dicom-objects.ts';
import { partsOf } from '../support/multipart.ts';
import { storeObjects } from '../support/store-objects.ts';
import { until } from '../support/until.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG = '1.2.840.10008.1.2.4.50';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const READER: Caller = { client: 'reader', group: 'readers', role: 'reader' };

const FIRST_SERIES = ctSeries({ slices: 3 });
const SECOND_SERIES = ctSeries({ seriesUid: '2.25.4711.2', slices: 2 });
const STUDY = '/studies/2.25.4711';
const SERIES = `${STUDY}/series/2.25.4711.1`;
const SLICE = FIRST_SERIES[1] as SampleObject;
const INSTANCE = `${SERIES}/instances/${SLICE.sopInstanceUid}`;
const PATH = `/studies/${IDENTITY.studyUid}/series/${IDENTITY.seriesUid}/instances/`;

describe('the DICOMweb door', () => {
  let door: DicomDoor;
  const get = (path: string, accept?: string): Promise<Response> => fetch(`${door.url}${path}`, { headers: accept ? { accept } : {} });
  beforeAll(async () => {
    door = await openDicomDoor();
    await storeObjects(door.port, [...FIRST_SERIES, ...SECOND_SERIES]);
    await Promise.all(['2.25.4711', '2.25.9', IDENTITY.studyUid].map((uid) => door.show(uid, READER.group)));
  });
  beforeEach(() => {
    door.reading.caller = READER;
  });
  afterAll(() => door.close());

  it('gives a whole study as multipart/related, each object with the bytes that came', async () => {
    const response = await get(STUDY, 'multipart/related; type="application/dicom"');
    expect(response.status).toBe(200);
    const parts = await partsOf(response);
    expect(parts.map(datasetOf).sort(Buffer.compare)).toEqual(
      [...FIRST_SERIES, ...SECOND_SERIES].map(({ dataset }) => dataset).sort(Buffer.compare),
    );
    expect(parts[0]?.headers['content-type']).toBe(`application/dicom; transfer-syntax=${EXPLICIT}`);
    expect(parts[0]?.headers['content-length']).toBe(String(parts[0]?.body.length));
  });

  it('gives a series, and one instance of it', async () => {
    expect((await partsOf(await get(SERIES))).map(datasetOf)).toEqual(FIRST_SERIES.map(({ dataset }) => dataset));
    expect((await partsOf(await get(INSTANCE))).map(datasetOf)).toEqual([SLICE.dataset]);
  });

  it('gives one instance as a file to whoever asks for application/dicom', async () => {
    const response = await get(INSTANCE, 'application/dicom');
    expect(response.headers.get('content-type')).toBe(`application/dicom; transfer-syntax=${EXPLICIT}`);
    const file = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(file.length));
    expect(datasetOf({ body: file })).toEqual(SLICE.dataset);
  });

  it('gives metadata as DICOM JSON', async () => {
    const response = await get(`${SERIES}/metadata`);
    expect(response.headers.get('content-type')).toBe('application/dicom+json');
    const metadata = (await response.json()) as Record<string, unknown>[];
    expect(metadata.map((one) => one['00080018'])).toEqual(
      FIRST_SERIES.map(({ sopInstanceUid }) => ({ vr: 'UI', Value: [sopInstanceUid] })),
    );
    expect(metadata[0]).toMatchObject({ '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Invented^Ida' }] } });
    expect(await (await get(`${STUDY}/metadata`)).json()).toHaveLength(5);
    expect(await (await get(`${INSTANCE}/metadata`)).json()).toHaveLength(1);
  });

  it('gives metadata as XML, a part an instance', async () => {
    const response = await get(`${SERIES}/metadata`, 'multipart/related; type="application/dicom+xml"');
    const parts = await partsOf(response);
    expect(parts.map(({ headers }) => headers['content-type'])).toEqual(Array.from({ length: 3 }, () => 'application/dicom+xml'));
    const documents = parts.map(({ body }) => body.toString());
    for (const [index, { sopInstanceUid }] of FIRST_SERIES.entries())
      expect(documents[index]).toContain(`keyword="SOPInstanceUID"><Value number="1">${sopInstanceUid}</Value>`);
    expect(documents[0]).toMatch(new RegExp(`<BulkData uri="${door.url}${SERIES}/instances/[0-9.]+/bulkdata/7FE00010"/>`));
  });

  it('keeps metadata once it is made, and says the same of it', async () => {
    const first = await get(`${INSTANCE}/metadata`);
    const { rows } = await door.database.query('select count(*)::int as n from instance_metadata where sop_instance_uid = $1', [
      SLICE.sopInstanceUid,
    ]);
    expect(rows).toEqual([{ n: 1 }]);
    expect(await (await get(`${INSTANCE}/metadata`)).text()).toBe(await first.text());
  });

  it('makes metadata ahead of all that came, but for what has lost its file', async () => {
    const [lost] = ctSeries({ studyUid: '2.25.10', seriesUid: '2.25.10.1' }) as [SampleObject];
    await storeObjects(door.port, [lost]);
    const { rows } = await door.database.query<{ blob: string }>('select blob from instance where study_uid = $1', ['2.25.10']);
    rmSync(door.blobs.path(rows[0]?.blob as string));
    let after = 0;
    for (let last: number | null = 0; last !== null; after = last ?? after) last = await makeAhead(door, after, 2);
    const missing = await door.database.query(
      'select study_uid from instance i where not exists (select from instance_metadata m where m.sop_instance_uid = i.sop_instance_uid)',
    );
    expect(missing.rows).toEqual([{ study_uid: '2.25.10' }]);
    expect(after).toBeGreaterThan(0);
  });

  it('gives the value that a BulkDataURI of metadata leads to, as octets, in one part of many or alone', async () => {
    const [metadata] = (await (await get(`${INSTANCE}/metadata`)).json()) as [Record<string, { BulkDataURI: string }>];
    const uri = metadata['7FE00010']?.BulkDataURI as string;
    expect(uri).toBe(`${door.url}${INSTANCE}/bulkdata/7FE00010`);
    const pixels = SLICE.dataset.subarray(-512);
    const alone = await fetch(uri, { headers: { accept: 'application/octet-stream' } });
    expect(alone.headers.get('content-type')).toBe(`application/octet-stream; transfer-syntax=${EXPLICIT}`);
    expect(Buffer.from(await alone.arrayBuffer())).toEqual(pixels);
    const parts = await partsOf(await fetch(uri, { headers: { accept: 'multipart/related; type="application/octet-stream"' } }));
    expect(parts.map(({ body }) => body)).toEqual([pixels]);
  });

  it('gives encapsulated pixels by their address frame by frame', async () => {
    const object = encapsulated(['one', 'two\xff\xd9', 'three\xff\xd9'], { sopInstanceUid: '2.25.99.1.7' });
    await storeObjects(door.port, [object]);
    const parts = await partsOf(await get(`${PATH}2.25.99.1.7/bulkdata/7FE00010`, 'multipart/related; type="image/jpeg"'));
    expect(parts.map(({ body }) => body.toString('latin1'))).toEqual(['one\0two\xff\xd9\0', 'three\xff\xd9\0']);
  });

  it.each([
    ['an object', INSTANCE, 'application/dicom'],
    ['a frame', `${INSTANCE}/frames/1`, 'application/octet-stream'],
    ['bulk data', `${INSTANCE}/bulkdata/7FE00010`, 'application/octet-stream'],
  ])('gives a range of %s, and nothing to whoever has it already', async (_, path, accept) => {
    const whole = await get(path, accept);
    const etag = whole.headers.get('etag') as string;
    const bytes = Buffer.from(await whole.arrayBuffer());
    const ask = (headers: Record<string, string>) => fetch(`${door.url}${path}`, { headers: { accept, ...headers } });
    const part = await ask({ range: 'bytes=5-14', 'if-range': etag });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 5-14/${bytes.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(5, 15));
    expect((await ask({ range: `bytes=${bytes.length}-` })).status).toBe(416);
    expect((await ask({ range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200);
    expect([(await ask({ 'if-none-match': etag })).status, (await ask({ 'if-none-match': '"other"' })).status]).toEqual([304, 200]);
  });

  it('knows what a caller has of a study and of its metadata, until another instance comes', async () => {
    const tags = async () =>
      Promise.all(['', '/metadata'].map(async (path) => (await get(`${STUDY}${path}`)).headers.get('etag') as string));
    const [study, metadata] = (await tags()) as [string, string];
    const again = (path: string, etag: string) => fetch(`${door.url}${STUDY}${path}`, { headers: { 'if-none-match': etag } });
    expect([(await again('', study)).status, (await again('/metadata', metadata)).status]).toEqual([304, 304]);
    await storeObjects(door.port, ctSeries({ seriesUid: '2.25.4711.9' }));
    expect([(await again('', study)).status, (await again('/metadata', metadata)).status]).toEqual([200, 200]);
  });

  it.each([
    ['metadata', `${SERIES}/metadata`, ['application/dicom+json', 'multipart/related; type="application/dicom+xml"']],
    ['an object', INSTANCE, ['application/dicom', 'multipart/related; type="application/dicom"']],
    ['a frame', `${INSTANCE}/frames/1`, ['application/octet-stream', 'multipart/related; type="application/octet-stream"']],
  ])('has a tag of its own for each form of %s', async (_, path, forms) => {
    const first = await get(path, forms[0]);
    const tag = first.headers.get('etag') as string;
    expect(first.headers.get('vary')).toMatch(/Accept/);
    const asked = await Promise.all(forms.map((accept) => fetch(`${door.url}${path}`, { headers: { accept, 'if-none-match': tag } })));
    expect(asked.map(({ status }) => status)).toEqual([304, 200]);
  });

  it('takes what is accepted from the query too', async () => {
    expect((await get(`${INSTANCE}?accept=application/dicom`)).headers.get('content-type')).toMatch(/^application\/dicom;/);
  });

  it('answers a HEAD request with the headers alone', async () => {
    const response = await fetch(`${door.url}${INSTANCE}`, { method: 'HEAD', headers: { accept: 'application/dicom' } });
    expect([response.status, Number(response.headers.get('content-length')) > SLICE.dataset.length]).toEqual([200, true]);
    expect(await response.text()).toBe('');
  });

  it.each([
    ['a study that is not here', '/studies/1.2.3', undefined, 404],
    ['a series of another study', '/studies/2.25.4711/series/1.2.3', undefined, 404],
    ['an instance of another series', `${STUDY}/series/2.25.4711.2/instances/${SLICE.sopInstanceUid}`, undefined, 404],
    ['a UID that is none', '/studies/abc', undefined, 400],
    ['a UID with a path in it', '/studies/1.2..%2F..%2Fetc', undefined, 400],
    ['a UID of 65 digits', `/studies/1.${'2'.repeat(63)}`, undefined, 400],
    ['what cannot be had in that form', STUDY, 'application/dicom+xml', 406],
    ['a study in one part', STUDY, 'application/dicom', 406],
    ['another transfer syntax', INSTANCE, `application/dicom; transfer-syntax=${JPEG}`, 406],
    ['metadata as a page', `${STUDY}/metadata`, 'text/html', 406],
    ['frame 0', `${INSTANCE}/frames/0`, undefined, 400],
    ['a frame that is no number', `${INSTANCE}/frames/1,x`, undefined, 400],
    ['a frame beyond the last', `${INSTANCE}/frames/2`, undefined, 404],
    ['a frame twice', `${INSTANCE}/frames/1,1`, undefined, 400],
    ['a list of a thousand and one frames', `${INSTANCE}/frames/${Array(1001).fill(1).join(',')}`, undefined, 400],
    ['a frame in a form it is not stored in', `${INSTANCE}/frames/1`, 'image/png', 406],
    ['bulk data that is not there', `${INSTANCE}/bulkdata/00091001`, undefined, 404],
    ['bulk data at no path', `${INSTANCE}/bulkdata/..%2F7FE00010`, undefined, 404],
    ['bulk data in another form', `${INSTANCE}/bulkdata/7FE00010`, 'image/png', 406],
    ['a service that is not there', `${INSTANCE}/printed`, undefined, 404],
  ])('answers %s with its status and no more', async (_, path, accept, status) => {
    const response = await get(path, accept);
    expect(response.status).toBe(status);
    expect((await response.text()).length).toBeLessThan(2000);
  });

  it('says the same of a study that the caller may not see as of one that is not here', async () => {
    door.reading.caller = { client: 'stranger', group: 'strangers', role: 'origin' };
    for (const path of [STUDY, SERIES, INSTANCE, `${INSTANCE}/metadata`, `${INSTANCE}/frames/1`]) {
      const [hidden, absent] = await Promise.all([get(path), get(path.replace('2.25.4711', '2.25.4712'))]);
      expect([hidden.status, await hidden.text()]).toEqual([404, await absent.text()]);
    }
  });

  it('gives nothing to nobody', async () => {
    door.reading.caller = null;
    expect((await get(STUDY)).status).toBe(401);
  });

  it('writes down who asked for what', async () => {
    await get(INSTANCE);
    await get('/studies/1.2.3');
    const written = await until(
      async () => (await door.database.query(`select client, action, target, result from audit`)).rows,
      (rows) => [INSTANCE, '/studies/1.2.3'].every((target) => rows.some((row) => row.target === target)),
    );
    expect(written).toContainEqual({ client: 'reader', action: 'wado', target: INSTANCE, result: '200' });
    expect(written).toContainEqual({ client: 'reader', action: 'wado', target: '/studies/1.2.3', result: '404' });
  });

  it('gives what a mixed study has in the transfer syntax asked for, and says that it is not all', async () => {
    const jpeg = encapsulated(['x'], { studyUid: '2.25.4711', seriesUid: '2.25.4711.3', sopInstanceUid: '2.25.4711.3.1' });
    await storeObjects(door.port, [jpeg]);
    const response = await get(STUDY, `multipart/related; type="application/dicom"; transfer-syntax=${JPEG}`);
    expect(response.status).toBe(206);
    expect((await partsOf(response)).map(datasetOf)).toEqual([jpeg.dataset]);
  });

  describe('gives frames', () => {
    const frame = (at: number): Buffer => Buffer.alloc(16, at);
    const pixels = Buffer.concat([1, 2, 3].map(frame));
    const shape: DatasetElement[] = [
      [0x00280002, 'US', 1],
      [0x00280004, 'CS', 'MONOCHROME2'],
      [0x00280008, 'IS', '3'],
      [0x00280010, 'US', 4],
      [0x00280011, 'US', 4],
      [0x00280100, 'US', 8],
      [0x7fe00010, 'OB', pixels],
    ];

    it.each([
      ['of native pixels', '2.25.99.1.1', (object: SampleObject) => object],
      [
        'of a deflated dataset',
        '2.25.99.1.2',
        (object: SampleObject) => ({ ...object, transferSyntax: DEFLATED, dataset: deflateRawSync(object.dataset) }),
      ],
    ])('%s as octets, in the order asked for', async (_, sopInstanceUid, encode) => {
      await storeObjects(door.port, [encode(objectOf(shape, { sopInstanceUid }))]);
      const parts = await partsOf(await get(`${PATH}${sopInstanceUid}/frames/3,1`, 'multipart/related; type="application/octet-stream"'));
      expect(parts.map(({ body }) => body)).toEqual([frame(3), frame(1)]);
      expect(parts[0]?.headers['content-type']).toBe(`application/octet-stream; transfer-syntax=${EXPLICIT}`);
      const alone = await get(`${PATH}${sopInstanceUid}/frames/2`, 'application/octet-stream');
      expect(Buffer.from(await alone.arrayBuffer())).toEqual(frame(2));
    });

    it('each its own, however many are asked for at once and broken off', async () => {
      const slices = ctSeries({ studyUid: '2.25.11', seriesUid: '2.25.11.1', slices: 24, size: 400 });
      await storeObjects(door.port, slices);
      await door.show('2.25.11', READER.group);
      const path = ({ sopInstanceUid }: SampleObject) => `/studies/2.25.11/series/2.25.11.1/instances/${sopInstanceUid}/frames/1`;
      const asked = slices
        .flatMap((slice) => [slice, slice])
        .map(async (slice, index) => {
          if (index % 3 === 0) {
            const gone = new AbortController();
            await fetch(`${door.url}${path(slice)}`, { signal: gone.signal });
            return gone.abort();
          }
          const bytes = Buffer.from(await (await get(path(slice), 'application/octet-stream')).arrayBuffer());
          expect(bytes.equals(slice.dataset.subarray(-400 * 400 * 2))).toBe(true);
        });
      await Promise.all(asked);
    });

    it('of encapsulated pixels as they are, put together from their fragments', async () => {
      const object = encapsulated(['one', 'two\xff\xd9', 'three\xff\xd9'], { sopInstanceUid: '2.25.99.1.3' });
      await storeObjects(door.port, [object]);
      const path = `${PATH}${object.sopInstanceUid}/frames/`;
      const parts = await partsOf(await get(`${path}1,2`, 'multipart/related; type="image/jpeg"'));
      expect(parts.map(({ body }) => body.toString('latin1'))).toEqual(['one\0two\xff\xd9\0', 'three\xff\xd9\0']);
      expect(parts[0]?.headers['content-type']).toBe(`image/jpeg; transfer-syntax=${JPEG}`);
      expect((await get(`${path}1`, 'multipart/related; type="application/octet-stream"')).status).toBe(406);
      expect((await get(`${path}1`, 'multipart/related; type="application/octet-stream"; transfer-syntax=*')).status).toBe(200);
    });

    it('of compressed pixels as octets, decoded, where they are accepted only so', async () => {
      const slice = ctSlice({ studyUid: '2.25.99', seriesUid: '2.25.99.2', size: 64 });
      await storeObjects(door.port, [rleCompressed(slice)]);
      const path = `/studies/2.25.99/series/2.25.99.2/instances/${slice.sopInstanceUid}`;
      const pixels = slice.dataset.subarray(-64 * 64 * 2);
      const [part] = await partsOf(await get(`${path}/frames/1`, 'multipart/related; type="application/octet-stream"'));
      expect([part?.headers['content-type'], part?.body.equals(pixels)]).toEqual([
        `application/octet-stream; transfer-syntax=${EXPLICIT}`,
        true,
      ]);
      const some = await fetch(`${door.url}${path}/frames/1`, { headers: { accept: 'application/octet-stream', range: 'bytes=10-19' } });
      expect([some.status, Buffer.from(await some.arrayBuffer())]).toEqual([206, pixels.subarray(10, 20)]);
      expect((await get(`${path}/frames/1,2`, 'multipart/related; type="application/octet-stream"')).status).toBe(404);
      const file = Buffer.from(await (await get(path, `application/dicom; transfer-syntax=${EXPLICIT}`)).arrayBuffer());
      const whole = await partsOf(await get(path, `multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`));
      expect(readPart10(file)).toMatchObject({ transferSyntax: EXPLICIT, sopInstanceUid: slice.sopInstanceUid });
      expect([file.subarray(-pixels.length).equals(pixels), whole[0]?.body.equals(file)]).toEqual([true, true]);
      const asStored = Buffer.from(await (await get(path, 'application/dicom')).arrayBuffer());
      expect(readPart10(asStored)).toMatchObject({ transferSyntax: RLE_LOSSLESS });
    });

    it('not of what a decoder does not understand', async () => {
      const object = encapsulated(['none'], { sopInstanceUid: '2.25.99.1.8' });
      await storeObjects(door.port, [object]);
      expect((await get(`${PATH}2.25.99.1.8`, `application/dicom; transfer-syntax=${EXPLICIT}`)).status).toBe(406);
      expect((await get(`${PATH}2.25.99.1.8/frames/1`, 'application/octet-stream')).status).toBe(406);
    });

    it('not of an object without pixels', async () => {
      await storeObjects(door.port, [objectOf([], { sopInstanceUid: '2.25.99.1.4' })]);
      expect((await get(`${PATH}2.25.99.1.4/frames/1`)).status).toBe(404);
    });

    it('not of a deflated dataset that would fill the memory', async () => {
      const large = 6_000 * 6_000;
      const dataset = deflateRawSync(
        objectOf(
          [
            ...shape.slice(0, 2),
            [0x00280008, 'IS', '1'],
            [0x00280010, 'US', 6_000],
            [0x00280011, 'US', 6_000],
            [0x00280100, 'US', 8],
            [0x7fe00010, 'OB', Buffer.alloc(large)],
          ],
          { sopInstanceUid: '2.25.99.1.6' },
        ).dataset,
      );
      await storeObjects(door.port, [{ ...objectOf([], { sopInstanceUid: '2.25.99.1.6' }), transferSyntax: DEFLATED, dataset }]);
      expect((await get(`${PATH}2.25.99.1.6/frames/1`)).status).toBe(406);
    });

    it('not of pixels that cannot be cut', async () => {
      await storeObjects(door.port, [
        objectOf([...shape.slice(0, -1), [0x7fe00010, 'OB', Buffer.alloc(20)]], { sopInstanceUid: '2.25.99.1.5' }),
      ]);
      expect((await get(`${PATH}2.25.99.1.5/frames/1`)).status).toBe(406);
    });
  });

  it('breaks off when a file is gone, and answers the next request', async () => {
    const [lost] = ctSeries({ studyUid: '2.25.9', seriesUid: '2.25.9.1' }) as [SampleObject];
    await storeObjects(door.port, [lost]);
    const { rows } = await door.database.query<{ blob: string }>('select blob from instance where study_uid = $1', ['2.25.9']);
    rmSync(door.blobs.path(rows[0]?.blob as string));
    await expect(get('/studies/2.25.9').then((response) => response.arrayBuffer())).rejects.toThrow();
    expect(await door.said('dicomweb.failed')).toMatchObject({ client: 'reader' });
    expect((await get(STUDY)).status).toBe(200);
  });

  it('writes down what it could not answer', async () => {
    const [lost] = ctSeries({ studyUid: '2.25.9', seriesUid: '2.25.9.1' }) as [SampleObject];
    const frames = `/studies/2.25.9/series/2.25.9.1/instances/${lost.sopInstanceUid}/frames/1`;
    await storeObjects(door.port, [lost]);
    const { rows } = await door.database.query<{ blob: string }>('select blob from instance where study_uid = $1', ['2.25.9']);
    rmSync(door.blobs.path(rows[0]?.blob as string), { force: true });
    expect((await get(frames)).status).toBe(500);
    const written = await until(
      async () => (await door.database.query('select client, action, result from audit where target = $1', [frames])).rows,
      (lines) => lines.length > 0,
    );
    expect(written).toEqual([{ client: 'reader', action: 'wado', result: '500' }]);
  });

  it('closes the files of a caller that hangs up in the middle', async () => {
    const [large] = ctSeries({ studyUid: '2.25.8', seriesUid: '2.25.8.1', size: 2048 }) as [SampleObject];
    await storeObjects(door.port, [large]);
    await new Promise<void>((resolve) => {
      const call = request(`${door.url}/studies/2.25.8`, (response) => {
        response.once('data', () => call.destroy());
        response.once('close', resolve);
      });
      call.on('error', () => {});
      call.end();
    });
    expect((await get(INSTANCE, 'application/dicom')).status).toBe(200);
    expect(door.logged.filter(({ event, fields }) => event === 'dicomweb.failed' && fields.path === '/studies/2.25.8')).toEqual([]);
  });
});

/** Two frames of JPEG that is none, in these fragments. */
function encapsulated(fragments: readonly string[], identity: Parameters<typeof objectOf>[1]): SampleObject {
  const head = objectOf([[0x00280008, 'IS', fragments.length === 1 ? '1' : '2']], identity);
  const items = ['', ...fragments].flatMap((fragment) => {
    const value = Buffer.from(fragment.length % 2 === 0 ? fragment : `${fragment}\0`, 'latin1');
    const item = Buffer.from('feff00e000000000', 'hex');
    item.writeUInt32LE(value.length, 4);
    return [item, value];
  });
  const dataset = Buffer.concat([
    head.dataset,
    Buffer.from('e07f10004f420000ffffffff', 'hex'),
    ...items,
    Buffer.from('feffdde000000000', 'hex'),
  ]);
  return { ...head, transferSyntax: JPEG, dataset };
}

function datasetOf({ body }: { readonly body: Buffer }): Buffer {
  const file = readPart10(body);
  if ('failure' in file) throw new Error(file.detail);
  return body.subarray(file.datasetOffset);
}
