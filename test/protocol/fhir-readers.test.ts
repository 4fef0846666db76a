/** Who sees what, who may claim, and what is remembered of it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  bundle,
  created,
  type FhirCaller,
  type FhirDoor,
  offeredTask,
  openFhirDoor,
  order,
  patient,
  post,
  putIntoCase,
  urn,
} from '../support/fhir-door.ts';
import { photo } from '../support/photo.ts';

let door: FhirDoor;
let clinic: FhirCaller;
let skin: FhirCaller;
let chest: FhirCaller;

beforeAll(async () => {
  door = await openFhirDoor();
  clinic = await door.client('origin', 'clinic');
  skin = await door.client('reader', 'skin');
  chest = await door.client('reader', 'chest');
});
afterAll(() => door.close());

/** An order with its Task and patient, offered to the group `skin`. */
async function offered(value: string) {
  const subject = await created(clinic, patient(value));
  const request = await created(clinic, order(subject));
  const task = await created(clinic, offeredTask(subject, { focus: { reference: request } }));
  const caseId = await putIntoCase(door.database, [task, request, subject], 'skin');
  return { subject, request, task, caseId };
}

describe('a reading group', () => {
  it('sees its own and nothing else, by any way in', async () => {
    const { subject, request, task } = await offered('g-1');
    const upload = await clinic.ask('POST', 'Binary', photo(4, 4, [180, 120, 100]), {
      'content-type': 'image/jpeg',
      'x-security-context': request,
    });
    const file = `Binary/${upload.body.id}`;
    const [taskId, requestId] = [task.split('/')[1], request.split('/')[1]];
    const searches = [
      `Task?_id=${taskId}&_include=Task:focus&_include=Task:patient`,
      `ServiceRequest?_id=${requestId}&_revinclude=Task:focus`,
      `Task?patient=${subject}`,
    ];
    for (const [reader, sees] of [
      [skin, true],
      [chest, false],
    ] as const) {
      const statuses: number[] = [];
      for (const path of [task, request, subject, file, `${task}/_history/1`, `${task}/_history`]) {
        statuses.push((await reader.ask('GET', path)).status);
      }
      statuses.push((await reader.ask('GET', file, undefined, { accept: '*/*' })).status);
      expect(statuses).toEqual(Array(7).fill(sees ? 200 : 404));
      const found = await Promise.all(searches.map((path) => reader.ask('GET', path)));
      expect(found.map(({ body }) => body.entry?.length ?? 0)).toEqual(sees ? [3, 2, 1] : [0, 0, 0]);
      expect((await reader.ask('GET', `Task?patient=${subject}&_summary=count`)).body.total).toBe(sees ? 1 : 0);
    }
  });

  it('is not told whether what it does not see is there', async () => {
    const subject = await created(clinic, patient('g-2'));
    const absent = 'Patient/0195a1b2-0000-7000-8000-00000000ffff';
    const finding = (reference: string) => ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference } });
    const answers = await Promise.all([subject, absent].map((reference) => skin.ask('POST', 'Observation', finding(reference))));
    expect(answers.map(({ status }) => status)).toEqual([422, 422]);
    expect(answers[0]?.text.replace(subject, '')).toBe(answers[1]?.text.replace(absent, ''));
    const deletes = await Promise.all([subject, absent].map((reference) => chest.ask('GET', reference)));
    expect(deletes[0]?.text).toBe(deletes[1]?.text);
  });

  it('puts what it writes into the case it writes of, with everything that hangs on it', async () => {
    const { subject, request, caseId } = await offered('g-3');
    const pdf = await skin.ask('POST', 'Binary', Buffer.from('%PDF-1.7'), { 'content-type': 'application/pdf' });
    const finding = { resourceType: 'Observation', status: 'final', code: { text: 'finding' }, subject: { reference: subject } };
    const report = {
      ...{ resourceType: 'DiagnosticReport', status: 'final', code: { text: 'consult' } },
      ...{ basedOn: [{ reference: request }], subject: { reference: subject }, result: [{ reference: urn(1) }] },
      presentedForm: [{ contentType: 'application/pdf', url: `Binary/${pdf.body.id}` }],
    };
    const proof = {
      resourceType: 'Provenance',
      target: [{ reference: urn(2) }],
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ who: { display: 'Ada' } }],
    };
    const answer = await skin.ask('POST', '', bundle([post(urn(1), finding), post(urn(2), report), post(urn(3), proof)]));
    expect(answer.status).toBe(200);
    const written = answer.body.entry.map((one: { response: { location: string } }) => one.response.location.split('/')[1]);
    const { rows } = await door.database.query('select case_id, readers, author from resource where id = any($1)', [
      [...written, pdf.body.id],
    ]);
    expect(rows).toEqual(Array(4).fill({ case_id: caseId, readers: ['clinic', 'skin'], author: 'skin' }));
    const { rows: journaled } = await door.database.query('select lane from journal order by seq desc limit 1');
    expect(journaled[0]?.lane).toBe(`case ${caseId}`);
  });

  it('is no operator, who sees everything', async () => {
    const operator = await door.client('operator', 'operators');
    const subject = await created(clinic, patient('g-4'));
    expect((await operator.ask('GET', subject)).status).toBe(200);
    expect((await operator.ask('GET', 'Patient?identifier=g-4')).body.entry).toHaveLength(1);
  });
});

describe('a claim', () => {
  it('is won by one of fifty who race', async () => {
    const { task } = await offered('k-1');
    const { body } = await skin.ask('GET', task);
    const claims = await Promise.all(
      Array.from({ length: 50 }, () => skin.ask('PUT', task, { ...body, status: 'accepted' }, { 'if-match': 'W/"1"' })),
    );
    expect(claims.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(claims.filter(({ status }) => status === 412)).toHaveLength(49);
    expect((await skin.ask('GET', task)).body.meta.versionId).toBe('2');
    const { rows } = await door.database.query('select type, disposition from journal where $1 = any(effects)', [`${task}/2`]);
    expect(rows).toEqual([{ type: 'Task.update', disposition: 'accepted' }]);
  });

  it('by patch is the same claim', async () => {
    const { task } = await offered('k-2');
    const headers = { 'content-type': 'application/json-patch+json', 'if-match': 'W/"1"' };
    const claim = () => skin.ask('PATCH', task, JSON.stringify([{ op: 'replace', path: '/status', value: 'accepted' }]), headers);
    expect([(await claim()).status, (await claim()).status]).toEqual([200, 412]);
  });

  it('that is not admitted changes nothing, and stands in the journal as refused', async () => {
    const { task } = await offered('k-3');
    const hasty = await door.client('reader', 'skin');
    const { body } = await hasty.ask('GET', task);
    const answer = await hasty.ask('PUT', task, { ...body, status: 'accepted' });
    expect([answer.status, answer.body.resourceType]).toEqual([422, 'OperationOutcome']);
    expect((await hasty.ask('GET', task)).body.status).toBe('requested');
    const { rows } = await door.database.query(
      'select j.type, j.disposition, j.effects, o.state from journal j join outcome o using (seq) where j.peer = $1',
      [hasty.name],
    );
    expect(rows).toEqual([{ type: 'Task.update', disposition: 'refused', effects: [], state: 'refused' }]);
  });

  it('of a case nobody offered to the group is as if the Task were not there', async () => {
    const { task } = await offered('k-4');
    const { body } = await skin.ask('GET', task);
    expect((await chest.ask('PUT', task, { ...body, status: 'accepted' }, { 'if-match': 'W/"1"' })).status).toBe(405);
  });
});

describe('the audit trail', () => {
  it('says who read what, and keeps no names that were searched for', async () => {
    const reader = await door.client('origin', 'clinic');
    const reference = await created(reader, patient('a-1'));
    for (const path of [reference, 'Patient/unknown', 'Patient?family=secret&identifier=a-1']) await reader.ask('GET', path);
    const lines = async () =>
      (await door.database.query('select action, target, result from audit where client = $1 order by n', [reader.name])).rows;
    while ((await lines()).length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await lines()).toEqual([
      { action: 'read', target: reference, result: '200' },
      { action: 'read', target: 'Patient/unknown', result: '404' },
      { action: 'search', target: 'Patient?family&identifier=a-1', result: '200 0' },
    ]);
  });
});
