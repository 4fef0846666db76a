import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { CT } from '../support/dicom-objects.ts';
import { partsOf } from '../support/multipart.ts';
import { isInstalled, run } from '../support/programs.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CORPUS = '../shared/corpora/dicom';
const RELATED = 'multipart/related; type="application/dicom+json"; boundary=b0undary';
const IMAGE = {
  '00080016': { vr: 'UI', Value: [CT] },
  '00080018': { vr: 'UI', Value: ['2.25.7.1.1'] },
  '0020000D': { vr: 'UI', Value: ['2.25.7'] },
  '0020000E': { vr: 'UI', Value: ['2.25.7.1'] },
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Jürgen' }] },
  '00280002': { vr: 'US', Value: [1] },
  '00280004': { vr: 'CS', Value: ['MONOCHROME2'] },
  '00280010': { vr: 'US', Value: [2] },
  '00280011': { vr: 'US', Value: [3] },
  '00280100': { vr: 'US', Value: [8] },
  '00280101': { vr: 'US', Value: [8] },
  '00280102': { vr: 'US', Value: [7] },
  '00280103': { vr: 'US', Value: [0] },
  '7FE00010': { vr: 'OB', BulkDataURI: 'pixels' },
};
const PIXELS = Buffer.from([1, 2, 3, 4, 5, 6]);
const LARGEST = 32 * 1024 * 1024;

type Json = Record<string, { vr: string; Value?: unknown[]; BulkDataURI?: string }>;
type Part = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

describe('storing metadata with bulk data', () => {
  let door: DicomDoor;
  let copies = 0;
  beforeAll(async () => {
    door = await openDicomDoor();
  });
  beforeEach(async () => {
    await door.database.query('truncate journal, instance, pending, outcome');
  });
  afterAll(() => door.close());

  const post = (body: Buffer, contentType = RELATED) =>
    fetch(`${door.url}/studies`, { method: 'POST', body: new Uint8Array(body), headers: { 'content-type': contentType } });
  const postParts = (json: unknown, ...bulk: readonly Part[]) => post(multipart([metadata(json), ...bulk]));
  const get = async (path: string, accept: string) => {
    const response = await fetch(path.startsWith('http') ? path : `${door.url}${path}`, { headers: { accept } });
    expect([path, response.status]).toEqual([path, 200]);
    return response;
  };
  const fileOf = async (path: string) => Buffer.from(await (await get(path, 'application/dicom; transfer-syntax=*')).arrayBuffer());
  const storedAt = async (response: Response) => {
    const [, url] = /"00081190":{"vr":"UR","Value":\["([^"]+\/instances\/[^"]+)"/.exec(await response.text()) ?? [];
    return url ?? 'nowhere';
  };
  const failuresOf = async (response: Response) => {
    const dataset = (await response.json()) as Json;
    const items = [...(dataset['00081198']?.Value ?? []), ...(dataset['0008119A']?.Value ?? [])] as Json[];
    return { status: response.status, reasons: items.map((item) => item['00081197']?.Value?.[0]) };
  };

  it('makes a file of it, and serves it as any other', async () => {
    const response = await postParts([IMAGE], bulk('pixels', PIXELS));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/dicom+json']);
    const path = '/studies/2.25.7/series/2.25.7.1/instances/2.25.7.1.1';
    const [frame] = await partsOf(await get(`${path}/frames/1`, 'multipart/related; type="application/octet-stream"'));
    expect(frame?.body).toEqual(PIXELS);
    const [again] = (await (await get(`${path}/metadata`, 'application/dicom+json')).json()) as Json[];
    expect(again).toEqual({ '00080005': { vr: 'CS', Value: ['ISO_IR 192'] }, ...IMAGE, '7FE00010': expect.anything() });
    expect(readPart10(await fileOf(path))).toMatchObject({ transferSyntax: '1.2.840.10008.1.2.1' });
  });

  it('has no second effect when it comes again', async () => {
    for (const _ of [1, 2]) expect((await postParts([IMAGE], bulk('pixels', PIXELS))).status).toBe(200);
    expect(await door.journaled()).toEqual([`accepted ${CT} 2.25.7.1.1`]);
    expect(await door.unfinished()).toEqual([]);
  });

  it('finds bulk data by absolute and relative addresses, before or after the metadata', async () => {
    const image = { ...IMAGE, '7FE00010': { vr: 'OB', BulkDataURI: 'http://localhost/a/../pixels' } };
    expect((await post(multipart([bulk('/pixels', PIXELS), metadata([image])]))).status).toBe(200);
  });

  it('takes frames in parts of their own, in the order of their numbers', async () => {
    const film = { ...IMAGE, '00280008': { vr: 'IS', Value: [2] } };
    const [one, two] = [PIXELS, Buffer.from(PIXELS).reverse()] as [Buffer, Buffer];
    expect((await postParts([film], bulk('pixels/frames/2', two), bulk('pixels/frames/1', one))).status).toBe(200);
    const path = '/studies/2.25.7/series/2.25.7.1/instances/2.25.7.1.1/frames/1,2';
    const frames = await partsOf(await get(path, 'multipart/related; type="application/octet-stream"'));
    expect(frames.map(({ body }) => body)).toEqual([one, two]);
  });

  it('takes what has no pixels alone', async () => {
    const { '7FE00010': _, ...document } = IMAGE;
    expect((await post(Buffer.from(JSON.stringify([document])), 'application/dicom+json')).status).toBe(200);
  });

  it('says of each instance why it is not stored, and stores the others', async () => {
    const changed = (uid: string, changes: Json) => ({ ...IMAGE, '00080018': { vr: 'UI', Value: [uid] }, ...changes });
    const instances = [
      IMAGE,
      changed('2.25.1', { '7FE00010': { vr: 'OB', BulkDataURI: 'elsewhere' } }),
      changed('2.25.2', { '00080016': { vr: 'UI', Value: ['1.2.840.10008.1.1'] } }),
      changed('2.25.3', { '7FE00010': { vr: 'OB', BulkDataURI: 'pdf' } }),
      changed('2.25.4', { '7FE00010': { vr: 'OB', BulkDataURI: 'jpeg' }, '00280008': { vr: 'IS', Value: [2] } }),
      changed('2.25.5', { '7FE00010': { vr: 'OB', BulkDataURI: 'jpeg' }, '00280010': { vr: 'US' } }),
      changed('2.25.6', { '00280010': { vr: 'US', Value: [3] } }),
      'no instance at all',
    ];
    const response = await postParts(
      instances,
      bulk('pixels', PIXELS),
      bulk('pdf', PIXELS, 'application/pdf'),
      bulk('jpeg', PIXELS, 'image/jpeg'),
    );
    expect(await failuresOf(response)).toEqual({ status: 202, reasons: [0xa900, 0x0122, 0xc122, 0xa900, 0xa900, 0xa900, 0xa900] });
    expect((await door.journaled()).filter((line) => line.startsWith('accepted'))).toEqual([`accepted ${CT} 2.25.7.1.1`]);
  });

  it.each([
    ['metadata that is no JSON', multipart([{ headers: { 'Content-Type': 'application/dicom+json' }, body: Buffer.from('[{') }]), 400],
    ['no instance', multipart([metadata([])]), 400],
    ['bulk data without an address', multipart([metadata([IMAGE]), { headers: {}, body: PIXELS }]), 400],
    ['a body that ends early', multipart([metadata([IMAGE]), bulk('pixels', PIXELS)]).subarray(0, -4), 400],
    ['more metadata than is held in memory', multipart([{ ...metadata([]), body: Buffer.alloc(LARGEST + 1, ' ') }]), 413],
    ['headers of parts that are more than that together', multipart([metadata([IMAGE]), ...longNames(LARGEST)]), 413],
  ])('refuses %s', async (_, body, status) => {
    expect((await post(body)).status).toBe(status);
    expect(await door.unfinished()).toEqual([]);
  });

  it('keeps nothing of a request that breaks off', async () => {
    const body = multipart([metadata([IMAGE]), bulk('pixels', PIXELS)]);
    await new Promise<void>((resolve) => {
      const headers = { 'content-type': RELATED, 'content-length': body.length };
      const call = request(`${door.url}/studies`, { method: 'POST', headers });
      call.on('error', () => {});
      call.on('close', () => resolve());
      call.write(body.subarray(0, -20), () => call.destroy());
    });
    await door.said('dicomweb.failed');
    expect([await door.journaled(), await door.unfinished()]).toEqual([[], []]);
  });

  (existsSync(CORPUS) ? it : it.skip).each([
    'pydicom/files/CT_small.dcm',
    'pydicom/files/MR_small_bigendian.dcm',
    'pydicom/files/SC_rgb_jpeg_dcmtk.dcm',
    'pydicom/files/SC_rgb_rle_2frame.dcm',
    'pydicom/files/JPEG2000.dcm',
    'dicomParser/IM00001.fragmented_no_bot_jpeg_baseline.50.dcm',
    'pydicom-data/OBXXXX1A_rle_2frame.dcm',
    'pydicom/files/waveform_ecg.dcm',
  ])('gives back what it was given: %s under another UID', async (name) => {
    const file = readFileSync(join(CORPUS, name));
    const url = await storedAt(await post(file, 'application/dicom'));
    const [json] = (await (await get(`${url}/metadata`, 'application/dicom+json')).json()) as [Json];
    const bulks = await Promise.all(urisIn(json).map((uri) => fetched(uri)));
    const uid = `2.25.99${++copies}`;
    const copy = { ...json, '00080018': { vr: 'UI', Value: [uid] } };
    expect((await postParts([copy], ...bulks.flat())).status).toBe(200);
    const copyUrl = url.replace(/[^/]+$/, uid);
    const [again] = (await (await get(`${copyUrl}/metadata`, 'application/dicom+json')).json()) as [Json];
    expect(comparable(JSON.stringify(again))).toEqual(comparable(JSON.stringify(copy).replaceAll(`${url}/`, `${copyUrl}/`)));
    for (const uri of urisIn(json)) {
      const [before, after] = await Promise.all([fetched(uri), fetched(uri.replace(url, copyUrl))]);
      expect(after.map(({ body }) => body)).toEqual(before.map(({ body }) => body));
    }
  });

  const fetched = async (uri: string): Promise<Part[]> => {
    const parts = await partsOf(await get(uri, 'multipart/related; type="*/*"; transfer-syntax=*'));
    return parts.map(({ headers, body }) => ({
      headers: { 'Content-Type': String(headers['content-type']), 'Content-Location': uri },
      body,
    }));
  };

  const withDcmtk = isInstalled('dcm2json') && isInstalled('dcmdump') && existsSync(CORPUS) ? it : it.skip;

  withDcmtk.each(['pydicom/files/test-SR.dcm', 'pydicom/files/rtplan.dcm', 'pydicom/files/CT_small.dcm', 'pydicom/charset/chrX1.dcm'])(
    'takes the metadata that dcmtk makes of %s, and dcmtk makes the same of what was stored',
    async (name) => {
      const original = await run('dcm2json', ['-fc', join(CORPUS, name)]);
      const url = await storedAt(await post(Buffer.from(original.output), 'application/dicom+json'));
      const directory = temporaryDirectory('waystation-stored-');
      const path = join(directory, 'stored.dcm');
      writeFileSync(path, await fileOf(url));
      const again = await run('dcm2json', ['-fc', path]);
      rmSync(directory, { recursive: true });
      expect(comparable(again.output)).toEqual(comparable(original.output));
    },
  );
});

describe('storing metadata while the journal cannot', () => {
  it('says that it is to be tried again', async () => {
    const door = await openDicomDoor({ wrap: (deps) => ({ ...deps, journal: { append: () => Promise.reject(new Error('away')) } }) });
    const body = multipart([metadata([IMAGE]), bulk('pixels', PIXELS)]);
    const response = await fetch(`${door.url}/studies`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { 'content-type': RELATED },
    });
    expect(response.status).toBe(503);
    await door.close();
  });
});

function metadata(json: unknown): Part {
  return { headers: { 'Content-Type': 'application/dicom+json' }, body: Buffer.from(JSON.stringify(json)) };
}

function bulk(location: string, body: Buffer, type = 'application/octet-stream'): Part {
  return { headers: { 'Content-Type': type, 'Content-Location': location }, body };
}

/** Empty parts whose names have at least so many characters together. */
function longNames(characters: number): Part[] {
  const name = 'n'.repeat(12 * 1024);
  return Array.from({ length: Math.ceil(characters / name.length) }, (_, index) => bulk(`${index}${name}`, Buffer.alloc(0)));
}

function multipart(parts: readonly Part[]): Buffer {
  const chunks = parts.flatMap(({ headers, body }) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return [Buffer.from(`--b0undary\r\n${lines.join('')}\r\n`), body, Buffer.from('\r\n')];
  });
  return Buffer.concat([...chunks, Buffer.from('--b0undary--')]);
}

function urisIn(json: unknown): string[] {
  return [...JSON.stringify(json).matchAll(/"BulkDataURI":"([^"]+)"/g)].map(([, uri]) => uri as string);
}

/** Character set and padding are of the encoding. */
function comparable(json: string): unknown {
  return JSON.parse(json, (key, value) => (key === '00080005' || key === 'FFFCFFFC' ? undefined : value));
}
