/** A transaction is one write, a batch is many. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  bundle,
  created,
  type FhirAnswer,
  type FhirCaller,
  type FhirDoor,
  openFhirDoor,
  order,
  patient,
  post,
  urn,
} from '../support/fhir-door.ts';

let door: FhirDoor;
let clinic: FhirCaller;

beforeAll(async () => {
  door = await openFhirDoor();
  clinic = await door.client('origin', 'clinic');
});
afterAll(() => door.close());

const [P, S, M, B] = [urn(1), urn(2), urn(3), urn(4)];

/** Patient, order, photo and its bytes, all called by names. */
const consultation = (value: string) => [
  post(P, patient(value), { ifNoneExist: `identifier=urn:test:mrn|${value}` }),
  post(S, order(P)),
  post(M, {
    ...{ resourceType: 'Media', status: 'completed', basedOn: [{ reference: S }], subject: { reference: P } },
    content: { contentType: 'image/png', url: B },
  }),
  post(B, { resourceType: 'Binary', contentType: 'image/png', data: Buffer.from('pixels').toString('base64') }),
];

/** How many resources and journal entries there are. */
async function counts(): Promise<{ resources: number; entries: number }> {
  const { rows } = await door.database.query<{ resources: number; entries: number }>(
    'select (select count(*)::int from resource) resources, (select count(*)::int from journal) entries',
  );
  return rows[0] as { resources: number; entries: number };
}

function statuses(answer: FhirAnswer): string[] {
  return answer.body.entry.map((one: { response: { status: string } }) => one.response.status);
}

describe('a transaction', () => {
  it('writes all, with names replaced by references', async () => {
    const answer = await clinic.ask('POST', '', bundle(consultation('t-1')));
    expect([answer.status, statuses(answer)]).toEqual([200, Array(4).fill('201 Created')]);
    const [subject, request, media, binary] = answer.body.entry.map((one: { response: { location: string } }) =>
      one.response.location.replace('/_history/1', ''),
    );
    const { body } = await clinic.ask('GET', media);
    expect([body.subject.reference, body.basedOn[0].reference, body.content.url]).toEqual([subject, request, binary]);
    expect((await clinic.ask('GET', binary, undefined, { accept: '*/*' })).text).toBe('pixels');
  });

  it('stands in the journal with its exact bytes and what it wrote, and waits for the corridor', async () => {
    const bytes = JSON.stringify({ ...bundle(consultation('t-2')), identifier: { value: 'consultation-2' } }, null, 1);
    const answer = await clinic.ask('POST', '', bytes, { 'content-type': 'application/fhir+json' });
    const effects = answer.body.entry.map((one: { response: { location: string } }) => one.response.location.replace('/_history', ''));
    const { rows } = await door.database.query(
      'select j.*, p.seq as waits from journal j left join pending p using (seq) order by j.seq desc limit 1',
    );
    expect(rows[0]).toMatchObject({
      kind: 'fhir',
      peer: clinic.name,
      type: 'transaction',
      control_id: 'consultation-2',
      disposition: 'accepted',
      waits: rows[0]?.seq,
    });
    expect(rows[0]?.payload.toString()).toBe(bytes);
    expect(rows[0]?.effects.sort()).toEqual(effects.sort());
  });

  it('with one invalid entry writes nothing, and says which', async () => {
    const before = await counts();
    const bad = post('', { resourceType: 'Observation', status: 'nonsense', code: { text: 'x' } });
    const answer = await clinic.ask('POST', '', bundle([...consultation('t-3'), bad]));
    expect([answer.status, answer.body.issue[0].expression]).toEqual([422, ['Bundle.entry[4].resource.status']]);
    expect(await counts()).toEqual(before);
  });

  it('with one entry that names an old version writes nothing', async () => {
    const reference = await created(clinic, patient('t-4'));
    const before = await counts();
    const stale = {
      resource: patient('t-4', { id: reference.split('/')[1] }),
      request: { method: 'PUT', url: reference, ifMatch: 'W/"7"' },
    };
    const answer = await clinic.ask('POST', '', bundle([...consultation('t-4b'), stale]));
    expect([answer.status, answer.body.issue[0].expression]).toEqual([412, ['Bundle.entry[4]']]);
    expect(await counts()).toEqual(before);
  });

  it('sent again finds what it asked for by If-None-Exist', async () => {
    const entries = Array.from({ length: 12 }, (_, n) =>
      post('', patient(`many-${n}`), { ifNoneExist: `identifier=urn:test:mrn|many-${n}` }),
    );
    expect(statuses(await clinic.ask('POST', '', bundle(entries)))).toEqual(Array(12).fill('201 Created'));
    const before = await counts();
    expect(statuses(await clinic.ask('POST', '', bundle(entries)))).toEqual(Array(12).fill('200 OK'));
    expect(await counts()).toEqual(before);
  });

  it('deletes, creates and updates together', async () => {
    const [old, changed] = [await created(clinic, patient('t-5')), await created(clinic, patient('t-6'))];
    const answer = await clinic.ask(
      'POST',
      '',
      bundle([
        {
          resource: patient('t-6', { id: changed.split('/')[1], active: true }),
          request: { method: 'PUT', url: changed, ifMatch: 'W/"1"' },
        },
        post('', patient('t-7')),
        { request: { method: 'DELETE', url: old } },
      ]),
    );
    expect(statuses(answer)).toEqual(['200 OK', '201 Created', '204 No Content']);
    expect((await clinic.ask('GET', old)).status).toBe(410);
  });

  it('is refused with two entries for one resource, a name that no entry has, or a read', async () => {
    const reference = await created(clinic, patient('t-8'));
    const put = { resource: patient('t-8', { id: reference.split('/')[1] }), request: { method: 'PUT', url: reference } };
    const refusals = [
      bundle([put, put]),
      bundle([post('', order(P))]),
      bundle([{ request: { method: 'GET', url: reference } }]),
      bundle([], 'collection'),
    ];
    const answers = await Promise.all(refusals.map((body) => clinic.ask('POST', '', body)));
    expect(answers.map(({ status }) => status)).toEqual([400, 422, 400, 422]);
  });

  it('of more entries than a transaction has is refused', async () => {
    const entries = Array.from({ length: 501 }, () => ({ request: { method: 'DELETE', url: 'Patient/x' } }));
    expect((await clinic.ask('POST', '', bundle(entries))).status).toBe(413);
  });
});

describe('a batch', () => {
  it('answers each entry by itself, and journals each write', async () => {
    const reference = await created(clinic, patient('b-1'));
    const before = await counts();
    const answer = await clinic.ask(
      'POST',
      '',
      bundle(
        [
          { request: { method: 'GET', url: reference } },
          post('', { resourceType: 'Patient', gender: 'x' }),
          post('', patient('b-2')),
          { request: { method: 'GET', url: 'Patient?identifier=b-2' } },
          { request: { method: 'GET', url: 'Patient/unknown' } },
        ],
        'batch',
      ),
    );
    expect(statuses(answer).map((status) => status.slice(0, 3))).toEqual(['200', '422', '201', '200', '404']);
    expect(answer.body.entry[0].resource.id).toBe(reference.split('/')[1]);
    expect(answer.body.entry[3].resource.entry).toHaveLength(1);
    expect(await counts()).toEqual({ resources: before.resources + 1, entries: before.entries + 1 });
  });
});
