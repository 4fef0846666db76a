/**
 * Binaries: bytes in, the same bytes out, whole or in part, and nothing a browser would run; to readers photos and films without where they were
 * taken.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Media } from '@medplum/fhirtypes';
import { withoutLocation } from '../../src/protocols/media/location.ts';
import { type FhirCaller, type FhirDoor, openFhirDoor } from '../support/fhir-door.ts';
import { fragmented, HAS_FFMPEG, locatedJpeg, MEDIA } from '../support/located-photo.ts';

let door: FhirDoor;
let clinic: FhirCaller;

beforeAll(async () => {
  door = await openFhirDoor();
  clinic = await door.client('origin', 'clinic');
});
afterAll(() => door.close());

const PIXELS = randomBytes(3 * 1024 * 1024);

async function uploaded(bytes: Buffer, contentType = 'image/png'): Promise<string> {
  const { status, body, text } = await clinic.ask('POST', 'Binary', bytes, { 'content-type': contentType });
  if (status !== 201) throw new Error(text);
  return `Binary/${body.id}`;
}

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${door.base}/${path}`, { headers: { authorization: `Bearer ${clinic.token}`, ...headers } });
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

describe('a Binary sent as it is', () => {
  it('larger than any JSON body comes back byte for byte, with its content type', async () => {
    const response = await get(await uploaded(PIXELS, 'image/png; name=photo.png'));
    expect(response.headers.get('content-type')).toBe('image/png; name=photo.png');
    expect((await bytesOf(response)).equals(PIXELS)).toBe(true);
  });

  it('is journaled by its digest, its bytes kept once', async () => {
    const reference = await uploaded(PIXELS);
    const digest = createHash('sha256').update(PIXELS).digest('hex');
    const { rows } = await door.database.query('select type, blob, digest, payload from journal where $1 = any(effects)', [
      `${reference}/1`,
    ]);
    expect(rows).toEqual([{ type: 'Binary.create', blob: digest, digest: Buffer.from(digest, 'hex'), payload: Buffer.alloc(0) }]);
    expect(await door.blobs.stat(digest)).toEqual({ bytes: PIXELS.length });
  });

  it.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=100-', 206, 100, PIXELS.length],
    ['bytes=-7', 206, PIXELS.length - 7, PIXELS.length],
    ['bytes=0-99999999', 206, 0, PIXELS.length],
    ['pages=1-2', 200, 0, PIXELS.length],
  ])('is given in parts: %s', async (range, status, start, end) => {
    const response = await get(await uploaded(PIXELS), { range });
    expect(response.status).toBe(status);
    if (status === 206) expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${PIXELS.length}`);
    expect((await bytesOf(response)).equals(PIXELS.subarray(start, end))).toBe(true);
  });

  it('has no bytes behind its end', async () => {
    const response = await get(await uploaded(Buffer.from('short')), { range: 'bytes=5-' });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */5']);
  });

  it('is not sent again to who has it, and its head says what it is', async () => {
    const reference = await uploaded(Buffer.from('once'));
    expect((await get(reference, { 'if-none-match': 'W/"1"' })).status).toBe(304);
    const head = await fetch(`${door.base}/${reference}`, { method: 'HEAD', headers: { authorization: `Bearer ${clinic.token}` } });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '4']);
  });

  it('is never run by a browser, whatever it claims to be', async () => {
    const { headers } = await get(await uploaded(Buffer.from('<script>'), 'text/html'));
    expect(headers.get('content-disposition')).toMatch(/^attachment/);
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('of nothing is refused', async () => {
    expect((await clinic.ask('POST', 'Binary', '', { 'content-type': 'image/png' })).status).toBe(400);
  });
});

describe('a Binary as a resource', () => {
  it('is the same as one sent as it is', async () => {
    const data = Buffer.from('inline').toString('base64');
    const { status, body } = await clinic.ask('POST', 'Binary', { resourceType: 'Binary', contentType: 'text/plain', data });
    expect([status, body.data]).toEqual([201, undefined]);
    expect((await bytesOf(await get(`Binary/${body.id}`))).toString()).toBe('inline');
    const { body: read } = await clinic.ask('GET', `Binary/${body.id}`);
    expect(read).toMatchObject({ resourceType: 'Binary', contentType: 'text/plain', data });
    expect(Object.keys(read).sort()).toEqual(['contentType', 'data', 'id', 'meta', 'resourceType']);
  });

  it('without data, or with data that is no base64, is refused', async () => {
    for (const data of [undefined, 'not base64', 'QQ=']) {
      expect((await clinic.ask('POST', 'Binary', { resourceType: 'Binary', contentType: 'text/plain', data })).status).toBe(422);
    }
  });

  it('does not change', async () => {
    const reference = await uploaded(Buffer.from('fixed'));
    const body = { resourceType: 'Binary', id: reference.split('/')[1], contentType: 'text/plain', data: 'QUJD' };
    expect((await clinic.ask('PUT', reference, body)).status).toBe(405);
  });

  it('is gone after a delete', async () => {
    const reference = await uploaded(Buffer.from('gone'));
    expect((await clinic.ask('DELETE', reference)).status).toBe(204);
    expect((await get(reference)).status).toBe(410);
    expect((await clinic.ask('GET', reference)).status).toBe(410);
  });

  it('stays while a consultation has it', async () => {
    const reference = await uploaded(Buffer.from('kept'));
    await door.database.query(`update resource set case_id = gen_random_uuid() where id = $1`, [reference.split('/')[1]]);
    expect((await clinic.ask('DELETE', reference)).status).toBe(409);
  });
});

describe('a photo or film, to a reader who did not send it', () => {
  let reader: FhirCaller;
  beforeAll(async () => {
    reader = await door.client('reader', 'readers');
  });

  /** A Binary of the clinic in a case that the readers see. */
  async function shared(bytes: Buffer, contentType: string): Promise<string> {
    const reference = await uploaded(bytes, contentType);
    await door.database.query(`update resource set readers = readers || '{readers}'::text[] where id = $1`, [reference.split('/')[1]]);
    return reference;
  }
  const ask = (caller: FhirCaller, reference: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${door.base}/${reference}`, { method, headers: { authorization: `Bearer ${caller.token}`, ...headers } });

  it.each([
    ['a JPEG', () => locatedJpeg({ orientation: 6 }), 'image/jpeg'],
    ['a film', async () => readFileSync(`${MEDIA}/located.mp4`), 'video/mp4'],
    ...(HAS_FFMPEG ? [['a film in fragments', fragmented, 'video/mp4'] as const] : []),
    ['a HEIC that its sender calls a document', async () => readFileSync(`${MEDIA}/located.heic`), 'application/octet-stream'],
  ])(
    '%s is what is pushed, whole and in part, under an ETag of its own; its sender gets what he sent',
    async (_what, file, contentType) => {
      const bytes = await file();
      const pushed = withoutLocation(bytes) as Buffer;
      expect(pushed.equals(bytes)).toBe(false);
      const reference = await shared(bytes, contentType);
      const [own, shown] = [await ask(clinic, reference), await ask(reader, reference)];
      expect((await bytesOf(own)).equals(bytes)).toBe(true);
      expect([shown.status, shown.headers.get('content-length')]).toEqual([200, String(pushed.length)]);
      expect((await bytesOf(shown)).equals(pushed)).toBe(true);
      const etag = shown.headers.get('etag') ?? '';
      expect(etag).not.toBe(own.headers.get('etag'));
      expect((await ask(reader, reference, { 'if-none-match': etag })).status).toBe(304);
      expect((await ask(reader, reference, { 'if-none-match': own.headers.get('etag') ?? '' })).status).toBe(200);
      const part = await ask(reader, reference, { range: `bytes=40-${pushed.length - 20}` });
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 40-${pushed.length - 20}/${pushed.length}`]);
      expect((await bytesOf(part)).equals(pushed.subarray(40, pushed.length - 19))).toBe(true);
      expect((await ask(reader, reference, {}, 'HEAD')).headers.get('content-length')).toBe(String(pushed.length));
      const { body } = await reader.ask('GET', reference, undefined, { accept: 'application/fhir+json' });
      expect(Buffer.from(body.data, 'base64').equals(pushed)).toBe(true);
    },
  );

  it('that is not understood is not given, and its sender still gets it; what is none goes as it is', async () => {
    const broken = (await locatedJpeg()).subarray(0, 700);
    const reference = await shared(broken, 'image/jpeg');
    expect((await ask(reader, reference)).status).toBe(403);
    expect((await reader.ask('GET', reference, undefined, { accept: 'application/fhir+json' })).status).toBe(403);
    expect((await bytesOf(await ask(clinic, reference))).equals(broken)).toBe(true);
    const report = await shared(Buffer.from('%PDF-1.7 a report'), 'application/pdf');
    expect((await bytesOf(await ask(reader, report))).toString()).toBe('%PDF-1.7 a report');
  });

  it('of his own is what he sent, and so is it to an operator', async () => {
    const bytes = await locatedJpeg();
    const { body } = await reader.ask('POST', 'Binary', bytes, { 'content-type': 'image/jpeg' });
    expect((await bytesOf(await ask(reader, `Binary/${body.id}`))).equals(bytes)).toBe(true);
    const operator = await door.client('operator', 'operators');
    expect((await bytesOf(await ask(operator, await shared(bytes, 'image/jpeg')))).equals(bytes)).toBe(true);
  });

  it('that stands in a Media goes likewise, found or read, with its own size and hash; of one elsewhere none are told', async () => {
    const bytes = await locatedJpeg();
    const sha1 = (file: Buffer) => createHash('sha1').update(file).digest('base64');
    const said = { contentType: 'image/jpeg', size: bytes.length, hash: sha1(bytes) };
    const url = await shared(bytes, 'image/jpeg');
    const ids: string[] = [];
    for (const content of [
      { ...said, data: bytes.toString('base64') },
      { ...said, url },
    ]) {
      const { body } = await clinic.ask('POST', 'Media', { resourceType: 'Media', status: 'completed', content });
      ids.push(body.id);
    }
    await door.database.query(`update resource set readers = readers || '{readers}'::text[] where id = any($1)`, [ids]);
    const pushed = withoutLocation(bytes) as Buffer;
    const expected = [
      { contentType: 'image/jpeg', size: pushed.length, hash: sha1(pushed), data: pushed.toString('base64') },
      { contentType: 'image/jpeg', url },
    ];
    const found = (await reader.ask('GET', `Media?_id=${ids.join(',')}`)).body as Bundle<Media>;
    const batch = { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: `Media/${ids[0]}/_history/1` } }] };
    const version = (await reader.ask('POST', '', batch)).body as Bundle<Media>;
    const byId = new Map(found.entry?.map(({ resource }) => [resource?.id, resource?.content]));
    expect(ids.map((id) => byId.get(id))).toEqual(expected);
    expect(version.entry?.[0]?.resource?.content).toEqual(expected[0]);
    expect((await clinic.ask('GET', `Media/${ids[0]}`)).body.content).toEqual({ ...said, data: bytes.toString('base64') });
  });
});
