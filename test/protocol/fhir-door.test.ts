/** The FHIR door over a real socket and a real database: what it takes, gives back and refuses. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { created, type FhirCaller, type FhirDoor, openFhirDoor, patient } from '../support/fhir-door.ts';

let door: FhirDoor;
let clinic: FhirCaller;

beforeAll(async () => {
  door = await openFhirDoor();
  clinic = await door.client('origin', 'clinic');
});
afterAll(() => door.close());

describe('one resource', () => {
  it('is created with an id of the server, and its place and version are in the headers', async () => {
    const answer = await clinic.ask('POST', 'Patient', { ...patient('c-1'), id: 'mine' });
    expect(answer.status).toBe(201);
    expect(answer.body.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get('etag')).toBe('W/"1"');
    expect(answer.headers.get('location')).toBe(`${door.base}/Patient/${answer.body.id}/_history/1`);
    expect(answer.body.meta.versionId).toBe('1');
  });

  it('comes back as it was sent, apart from id and meta', async () => {
    const reference = await created(clinic, patient('c-2'));
    const { id: _id, meta: _meta, ...rest } = (await clinic.ask('GET', reference)).body;
    expect(rest).toEqual(patient('c-2'));
  });

  it('is not sent again to who has this version', async () => {
    const reference = await created(clinic, patient('c-3'));
    expect((await clinic.ask('GET', reference, undefined, { 'if-none-match': 'W/"1"' })).status).toBe(304);
  });

  it('keeps every version', async () => {
    const reference = await created(clinic, patient('c-4'));
    const id = reference.split('/')[1];
    await clinic.ask('PUT', reference, { ...patient('c-4'), id, gender: 'female' });
    expect((await clinic.ask('GET', `${reference}/_history/1`)).body.gender).toBeUndefined();
    expect((await clinic.ask('GET', `${reference}/_history/2`)).body.gender).toBe('female');
    await clinic.ask('DELETE', reference);
    const { body } = await clinic.ask('GET', `${reference}/_history`);
    expect(body.entry.map((entry: { request: { method: string } }) => entry.request.method)).toEqual(['DELETE', 'PUT', 'POST']);
    const { body: first } = await clinic.ask('GET', `${reference}/_history?_count=1`);
    expect(first.link.map((link: { relation: string }) => link.relation)).toEqual(['self', 'next']);
    const second = await fetch(first.link[1].url, { headers: { authorization: `Bearer ${clinic.token}` } });
    expect(((await second.json()) as { entry: unknown[] }).entry).toHaveLength(1);
  });

  it('is gone after a delete, and deleting it again changes nothing', async () => {
    const reference = await created(clinic, patient('c-5'));
    expect((await clinic.ask('DELETE', reference)).status).toBe(204);
    expect((await clinic.ask('GET', reference)).status).toBe(410);
    expect((await clinic.ask('DELETE', reference)).status).toBe(204);
    expect((await clinic.ask('GET', `${reference}/_history/3`)).status).toBe(404);
    expect((await clinic.ask('GET', 'Patient?identifier=c-5')).body.entry).toBeUndefined();
  });

  it('is changed only from the version that was named', async () => {
    const reference = await created(clinic, patient('c-6'));
    const body = { ...patient('c-6'), id: reference.split('/')[1], gender: 'female' };
    expect((await clinic.ask('PUT', reference, body, { 'if-match': 'W/"1"' })).status).toBe(200);
    expect((await clinic.ask('PUT', reference, body, { 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await clinic.ask('DELETE', reference, undefined, { 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await clinic.ask('PUT', reference, body, { 'if-match': 'two' })).status).toBe(400);
  });

  it('is never created by PUT: ids are given by the server', async () => {
    const id = '0195a1b2-0000-7000-8000-000000000001';
    expect((await clinic.ask('PUT', `Patient/${id}`, { ...patient('c-7'), id })).status).toBe(405);
  });

  it('is patched by JSON Patch, and only into something valid', async () => {
    const reference = await created(clinic, patient('c-8'));
    const patch = (operations: unknown) =>
      clinic.ask('PATCH', reference, JSON.stringify(operations), { 'content-type': 'application/json-patch+json' });
    expect((await patch([{ op: 'add', path: '/gender', value: 'female' }])).body.gender).toBe('female');
    expect((await patch([{ op: 'replace', path: '/gender', value: 'no code' }])).status).toBe(422);
    expect((await patch([{ op: 'remove', path: '/nothing' }])).status).toBe(422);
    expect((await patch([{ op: 'copy', from: '/name', path: '/name/0' }])).status).toBe(400);
    expect((await clinic.ask('GET', reference)).body.meta.versionId).toBe('2');
  });

  it('is patched to refer to what is there, and to nothing else', async () => {
    const [reference, clinicHere] = [
      await created(clinic, patient('c-11')),
      await created(clinic, { resourceType: 'Organization', name: 'Harbour Clinic' }),
    ];
    const patch = (value: unknown) =>
      clinic.ask('PATCH', reference, JSON.stringify([{ op: 'add', path: '/managingOrganization', value }]), {
        'content-type': 'application/json-patch+json',
      });
    expect((await patch({ reference: clinicHere })).body.managingOrganization.reference).toBe(clinicHere);
    expect((await patch({ reference: 'Organization/0195a1b2-0000-7000-8000-000000000009' })).status).toBe(422);
  });

  it('is answered as the client prefers', async () => {
    const minimal = await clinic.ask('POST', 'Patient', patient('c-9'), { prefer: 'return=minimal' });
    expect([minimal.status, minimal.text]).toEqual([201, '']);
    const outcome = await clinic.ask('POST', 'Patient', patient('c-10'), { prefer: 'return=OperationOutcome' });
    expect(outcome.body.resourceType).toBe('OperationOutcome');
  });
});

describe('what is refused', () => {
  it.each([
    ['an unknown element', { ...patient('x'), colour: 'red' }, 422],
    ['a name of every object', { ...patient('x'), constructor: 'x' }, 422],
    ['an empty array', { ...patient('x'), name: [] }, 422],
    ['an empty text', { ...patient('x'), gender: '' }, 422],
    ['a code that is none', { ...patient('x'), gender: 'unheard of' }, 422],
    ['a bad id', { ...patient('x'), id: 'a/b' }, 422],
    [
      'a script in the narrative',
      { ...patient('x'), text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>1</script></div>' } },
      422,
    ],
    ['another type', { resourceType: 'Organization', name: 'x' }, 400],
    [
      'a reference to nothing',
      { ...patient('x'), managingOrganization: { reference: 'Organization/0195a1b2-0000-7000-8000-000000000009' } },
      422,
    ],
    [
      'a reference of the wrong type',
      { ...patient('x'), managingOrganization: { reference: 'Patient/0195a1b2-0000-7000-8000-000000000009' } },
      422,
    ],
    ['a reference without meaning', { ...patient('x'), managingOrganization: { reference: 'somewhere' } }, 422],
  ])('%s', async (_what, resource, status) => {
    const answer = await clinic.ask('POST', 'Patient', resource);
    expect([answer.status, answer.body.resourceType]).toEqual([status, 'OperationOutcome']);
  });

  it('types that are not held', async () => {
    expect((await clinic.ask('GET', 'Medication/1')).status).toBe(404);
    expect((await clinic.ask('POST', 'Medication', { resourceType: 'Medication' })).status).toBe(404);
  });

  it('other formats', async () => {
    expect((await clinic.ask('POST', 'Patient', '<Patient/>', { 'content-type': 'application/fhir+xml' })).status).toBe(415);
    expect((await clinic.ask('GET', 'Patient', undefined, { accept: 'application/fhir+xml' })).status).toBe(406);
  });

  it('a stranger, and nothing is told but what the server can do', async () => {
    const nobody = await fetch(`${door.base}/Patient`);
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="waystation"']);
    const wrong = await fetch(`${door.base}/Patient`, { headers: { authorization: `Bearer wst_${'A'.repeat(43)}` } });
    expect(wrong.status).toBe(401);
    expect((await fetch(`${door.base}/metadata`)).status).toBe(200);
  });

  it('what the role may not write', async () => {
    const reader = await door.client('reader', 'skin');
    expect((await reader.ask('POST', 'Patient', patient('x'))).status).toBe(403);
    expect((await clinic.ask('POST', 'Provenance', { resourceType: 'Provenance' })).status).toBe(403);
  });

  it('what another group wrote', async () => {
    const other = await door.client('origin', 'other');
    const reference = await created(clinic, patient('o-1'));
    await door.database.query(`update resource set readers = array['clinic', 'other'] where id = $1`, [reference.split('/')[1]]);
    const body = { ...patient('o-1'), id: reference.split('/')[1] };
    expect((await other.ask('GET', reference)).status).toBe(200);
    expect((await other.ask('PUT', reference, body)).status).toBe(403);
    expect((await other.ask('DELETE', reference)).status).toBe(403);
  });

  it('without a word of the reason when the fault is ours', async () => {
    const failing = await openFhirDoor({
      admit: () => {
        throw new Error('Jane Doe');
      },
    });
    const caller = await failing.client('origin', 'clinic');
    const answer = await caller.ask('POST', 'Patient', patient('f-1'));
    expect(answer.status).toBe(500);
    expect(answer.text + JSON.stringify(failing.logged)).not.toContain('Jane Doe');
    expect(failing.logged.map((line) => line.event)).toContain('fhir.failed');
    await failing.close();
  });
});

describe('conditional writes', () => {
  it('create once, and find it the next time', async () => {
    const headers = { 'if-none-exist': 'identifier=urn:test:mrn|once' };
    const first = await clinic.ask('POST', 'Patient', patient('once'), headers);
    const second = await clinic.ask('POST', 'Patient', patient('once'), headers);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.id).toBe(first.body.id);
  });

  it('create once when twenty race', async () => {
    const headers = { 'if-none-exist': 'identifier=urn:test:mrn|raced' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => clinic.ask('POST', 'Patient', patient('raced'), headers)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  it('refuse criteria that mean several', async () => {
    await created(clinic, patient('several', { active: true }));
    await created(clinic, patient('several', { active: true }));
    const answer = await clinic.ask('POST', 'Patient', patient('several'), { 'if-none-exist': 'identifier=several' });
    expect([answer.status, answer.body.issue[0].code]).toEqual([412, 'multiple-matches']);
    expect((await clinic.ask('POST', 'Patient', patient('x'), { 'if-none-exist': '_sort=_lastUpdated' })).status).toBe(412);
  });

  it('update what the criteria mean, or create it', async () => {
    const put = (gender: string) => clinic.ask('PUT', 'Patient?identifier=urn:test:mrn|upsert', { ...patient('upsert'), gender });
    const [first, second] = [await put('female'), await put('male')];
    expect([first.status, second.status, second.body.id]).toEqual([201, 200, first.body.id]);
    expect(second.body.meta.versionId).toBe('2');
  });
});
