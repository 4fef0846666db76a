/** Binaries: bytes in, the same bytes out, whole or in part, and nothing a browser would run. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FhirCaller, type FhirDoor, openFhirDoor } from '../support/fhir-door.ts';

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
