/** Small requests that ask for large work: each is refused or bounded, and the gateway still answers the next one. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { created, type FhirCaller, type FhirDoor, openFhirDoor, patient } from '../support/fhir-door.ts';

let door: FhirDoor;
let clinic: FhirCaller;

beforeAll(async () => {
  door = await openFhirDoor({ settings: { maxBodyBytes: 8 * 1024 * 1024 } });
  clinic = await door.client('origin', 'clinic');
});
afterAll(() => door.close());
afterEach(async () => {
  expect((await fetch(`http://127.0.0.1:${door.port}/health`)).status).toBe(200);
  expect((await clinic.ask('GET', 'Patient?_count=1&_elements=id')).status).toBe(200);
});

const PATCH_TYPE = { 'content-type': 'application/json-patch+json' };
const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';

describe('a patch', () => {
  const long = `/${'a'.repeat(1_001)}`;

  it.each([
    [422, { op: 'replace', path: '/name/length', value: 30_000_000 }],
    [422, { op: 'add', path: '/name/length', value: 30_000_000 }],
    [422, { op: 'add', path: '/name/30000000', value: {} }],
    [422, { op: 'add', path: '/name/01', value: {} }],
    [422, { op: 'replace', path: '/name/-', value: {} }],
    [422, { op: 'add', path: '/name/0/family/length', value: 1 }],
    [422, { op: 'add', path: '/name/map/x', value: 1 }],
    [422, { op: 'replace', path: '', value: null }],
    [422, { op: 'add', path: '/hasOwnProperty', value: 1 }],
    [422, { op: 'add', path: '/name/0'.repeat(51), value: 1 }],
    [400, { op: 'add', path: long, value: 1 }],
    [400, { op: 'copy', from: '', path: '/contained/0' }],
  ])('is refused with %d: %j', async (status, operation) => {
    const reference = await created(clinic, patient('patched'));
    expect((await clinic.ask('PATCH', reference, JSON.stringify([operation]), PATCH_TYPE)).status).toBe(status);
  });

  it('of more than a thousand operations is refused', async () => {
    const reference = await created(clinic, patient('patched'));
    const operations = Array.from({ length: 1_001 }, () => ({ op: 'add', path: '/name/-', value: { text: 'x' } }));
    expect((await clinic.ask('PATCH', reference, JSON.stringify(operations), PATCH_TYPE)).status).toBe(400);
  });

  it('cannot make a resource larger, bit by bit, than a body may be', async () => {
    const reference = await created(clinic, patient('grown'));
    const add = { op: 'add', path: '/photo', value: [] as object[] };
    const more = [{ op: 'add', path: '/photo/-', value: { contentType: 'image/png', data: 'A'.repeat(6_000_000) } }];
    add.value.push(...more.map(({ value }) => value));
    const statuses: number[] = [];
    for (const operations of [[add], more, more]) {
      const answer = await clinic.ask('PATCH', reference, JSON.stringify(operations), { ...PATCH_TYPE, prefer: 'return=minimal' });
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([200, 200, 422]);
  });

  it('of a list and of what is in it is applied', async () => {
    const reference = await created(clinic, patient('patched'));
    const operations = [
      { op: 'add', path: '/name/-', value: { family: 'Second' } },
      { op: 'add', path: '/name/0', value: { family: 'First' } },
      { op: 'replace', path: '/name/1/family', value: 'Middle' },
      { op: 'remove', path: '/birthDate' },
      { op: 'add', path: '/active', value: true },
    ];
    const { status, body } = await clinic.ask('PATCH', reference, JSON.stringify(operations), PATCH_TYPE);
    expect([status, body.name.map((name: { family: string }) => name.family), body.birthDate, body.active]).toEqual([
      200,
      ['First', 'Middle', 'Second'],
      undefined,
      true,
    ]);
  });
});

describe('a search', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it.each([
    ['parameters', Array.from({ length: 51 }, () => 'name=a').join('&')],
    ['alternatives', `name=${Array.from({ length: 501 }, (_, n) => n).join(',')}`],
    ['ids', `_id=${Array.from({ length: 501 }, (_, n) => n).join(',')}`],
    ['includes', Array.from({ length: 31 }, () => '_include=Patient:organization').join('&')],
    ['characters', `name=${'x'.repeat(32_001)}`],
  ])('of too many %s is refused', async (_what, parameters) => {
    const { status, body } = await clinic.ask('POST', 'Patient/_search', parameters, form);
    expect([status, body.issue[0].code]).toEqual([400, 'too-costly']);
  });

  it('that hides in a conditional write is refused as well', async () => {
    const criteria = Array.from({ length: 51 }, () => 'name=a').join('&');
    const create = await clinic.ask('POST', 'Patient', patient('x'), { 'if-none-exist': criteria });
    const update = await clinic.ask('PUT', `Patient?${criteria}`, patient('x'));
    const request = { method: 'POST', url: 'Patient', ifNoneExist: `name=${'x'.repeat(1_000_000)}` };
    const entry = [{ resource: patient('x'), request }];
    const transaction = await clinic.ask('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
    expect([create, update, transaction].map(({ status, body }) => [status, body.issue[0].code])).toEqual([
      [400, 'too-costly'],
      [400, 'too-costly'],
      [400, 'too-costly'],
    ]);
  });
});

describe('a resource', () => {
  it.each([
    ['names', { name: Array.from({ length: 20_000 }, (_, n) => ({ family: `name${n}` })) }],
    ['identifiers', { identifier: Array.from({ length: 1_000 }, (_, n) => ({ system: `urn:system:${n}`, value: String(n) })) }],
  ])('found by thousands of %s is refused', async (_what, more) => {
    const { status, body } = await clinic.ask('POST', 'Patient', patient('x', more));
    expect([status, body.issue[0].code]).toEqual([422, 'too-costly']);
  });

  it('with a narrative of more than a million characters is refused', async () => {
    const text = { status: 'generated', div: `<div ${XHTML}>${'<b>x</b>'.repeat(200_000)}</div>` };
    expect((await clinic.ask('POST', 'Patient', patient('x', { text }))).status).toBe(422);
  });
});

describe('a page', () => {
  const photo = (letter: string) => ({ photo: [{ contentType: 'image/png', data: letter.repeat(6_000_000) }] });
  const nextOf = (body: { link: { relation: string; url: string }[] }) =>
    body.link.find(({ relation }) => relation === 'next')?.url.slice(`${door.base}/`.length) ?? '';

  async function pagesOf(path: string): Promise<number[]> {
    const sizes: number[] = [];
    for (let at = path; at !== ''; ) {
      const { body } = await clinic.ask('GET', at);
      sizes.push(body.entry?.length ?? 0);
      at = nextOf(body);
    }
    return sizes;
  }

  it('of a search ends after sixteen megabytes, and the next goes on', async () => {
    for (const letter of 'ABCDE') await created(clinic, { ...patient('large', photo(letter)), name: [{ family: 'Pages' }] });
    expect(await pagesOf('Patient?name=pages')).toEqual([3, 2]);
    expect(await pagesOf('Patient?name=pages&_sort=birthdate')).toEqual([3, 2]);
    expect(await pagesOf('Patient?name=pages&_count=2')).toEqual([2, 2, 1]);
  });

  it('asked for many times in one batch is given until the answer is full', async () => {
    const entry = Array.from({ length: 5 }, () => ({ request: { method: 'GET', url: 'Patient?name=pages' } }));
    const { body } = await clinic.ask('POST', '', { resourceType: 'Bundle', type: 'batch', entry });
    const statuses = body.entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3));
    expect(statuses).toEqual(['200', '200', '413', '413', '413']);
  });

  it('of a history ends after sixteen megabytes, and the next goes on', async () => {
    const reference = await created(clinic, patient('old', photo('A')));
    const id = reference.slice('Patient/'.length);
    for (const letter of 'BCDE') {
      expect((await clinic.ask('PUT', reference, { ...patient('old', photo(letter)), id })).status).toBe(200);
    }
    expect(await pagesOf(`${reference}/_history`)).toEqual([3, 2]);
  });
});

describe('a Binary', () => {
  it.each(['image/€png', 'image/png\r\nX-Evil: 1', 'no type'])('of content type %j is refused', async (contentType) => {
    const binary = { resourceType: 'Binary', contentType, data: 'AAAA' };
    expect((await clinic.ask('POST', 'Binary', binary)).status).toBe(422);
  });

  it('sent as it is to the URL with a slash at its end is taken', async () => {
    expect((await clinic.ask('POST', 'Binary/', Buffer.from('x'), { 'content-type': 'image/png' })).status).toBe(201);
  });
});
