/** The rules of R4 search (§3.1.1) as a client meets them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { created, type FhirAnswer, type FhirCaller, type FhirDoor, openFhirDoor, patient } from '../support/fhir-door.ts';

let door: FhirDoor;
let clinic: FhirCaller;
let subject: string;

beforeAll(async () => {
  door = await openFhirDoor();
  clinic = await door.client('origin', 'clinic');
  subject = await created(
    clinic,
    patient('one', { gender: 'female', birthDate: '1980-05', name: [{ family: 'van der Bérg', given: ['Ada'] }] }),
  );
  await created(
    clinic,
    patient('two', { gender: 'male', birthDate: '1985-12-31', name: [{ family: 'Bergström' }, { text: 'Zoë O’Hara' }] }),
  );
  await created(
    clinic,
    patient('three', { birthDate: '1990', identifier: [{ value: 'no,system|at all' }], name: [{ family: '100%_sure' }] }),
  );
});
afterAll(() => door.close());

/** The identifiers of the patients found, in their order. */
async function found(query: string): Promise<string[]> {
  const answer = await clinic.ask('GET', `Patient?${query}`);
  if (answer.status !== 200) throw new Error(`${query}: ${answer.text}`);
  return valuesOf(answer);
}

function valuesOf({ body }: Pick<FhirAnswer, 'body'>): string[] {
  return (body.entry ?? []).map(
    ({ resource }: { resource: { identifier?: { value: string }[] } }) => resource.identifier?.[0]?.value ?? '',
  );
}

const [ONE, TWO, THREE] = ['one', 'two', 'no,system|at all'];

describe('a search', () => {
  it.each([
    ['by a code', 'gender=female', [ONE]],
    ['by one of two codes', 'gender=female,male', [ONE, TWO]],
    ['by two parameters', 'gender=female&birthdate=1980', [ONE]],
    ['by the same parameter twice', 'gender=female&gender=male', []],
    ['by anything but a code', 'gender:not=female', [TWO, THREE]],
    ['by anything but two codes', 'gender:not=female,male', [THREE]],
    ['by system and value', 'identifier=urn:test:mrn|one', [ONE]],
    ['by value in any system', 'identifier=one', [ONE]],
    ['by system alone', 'identifier=urn:test:mrn|', [ONE, TWO]],
    ['by a value without system', 'identifier=|one', []],
    ['by a value with escaped marks', 'identifier=|no\\,system\\|at all', [THREE]],
    ['by the beginning of a name', 'family=van', [ONE]],
    ['by a word of a name, without accents or capitals', 'family=BERG', [ONE, TWO]],
    ['by any part of a name', 'name=zoe', [TWO]],
    ['by the family name as by any part of one', 'name=van', [ONE]],
    ['by one of two names', 'family=van,100', [ONE, THREE]],
    ['by what is special to the database', 'family=100%25_', [THREE]],
    ['by what is special to the database and not there', 'family=1%25', []],
    ['by year', 'birthdate=1980', [ONE]],
    ['by a day within a month that is all that is known', 'birthdate=1980-05-07', []],
    ['by a later time', 'birthdate=gt1985-12-31', [THREE]],
    ['by the same or a later time', 'birthdate=ge1985-12-31', [TWO, THREE]],
    ['by an earlier time', 'birthdate=lt1980-05-15', [ONE]],
    ['by the same or an earlier time', 'birthdate=le1985', [ONE, TWO]],
    ['by a time that starts after', 'birthdate=sa1980-05-15', [TWO, THREE]],
    ['by a time that ends before', 'birthdate=eb1990', [ONE, TWO]],
    ['by anything but a time', 'birthdate=ne1985', [ONE, THREE]],
    ['by a range', 'birthdate=ge1981&birthdate=lt1990', [TWO]],
    ['by one of two times', 'birthdate=1980,1990', [ONE, THREE]],
    ['by last change', '_lastUpdated=gt2020-01-01T00:00:00Z', [ONE, TWO, THREE]],
    ['by last change in a second that is over', '_lastUpdated=lt2020-01-01T00:00:00Z', []],
  ])('%s', async (_how, query, expected) => {
    expect((await found(query)).sort()).toEqual([...expected].sort());
  });

  it.each([
    ['_lastUpdated', [ONE, TWO, THREE]],
    ['-_lastUpdated', [THREE, TWO, ONE]],
    ['birthdate', [ONE, TWO, THREE]],
    ['-birthdate', [THREE, TWO, ONE]],
  ])('sorted by %s', async (sort, expected) => {
    expect(await found(`_sort=${sort}`)).toEqual(expected);
    expect(await found('')).toEqual([ONE, TWO, THREE]);
  });

  it('by reference finds type and id, id alone, and the full URL here', async () => {
    const child = await created(clinic, patient('linked', { link: [{ other: { reference: subject }, type: 'seealso' }] }));
    for (const value of [subject, subject.split('/')[1], `${door.base}/${subject}`])
      expect(await found(`link=${value}`)).toEqual(['linked']);
    expect(await found(`link:Patient=${subject.split('/')[1]}`)).toEqual(['linked']);
    await clinic.ask('DELETE', child);
  });

  it('by a logical reference finds it by its identifier', async () => {
    const link = [{ other: { identifier: { system: 'urn:elsewhere', value: 'x-1' } }, type: 'seealso' }];
    const child = await created(clinic, patient('logical', { link }));
    expect(await found('link:identifier=urn:elsewhere|x-1')).toEqual(['logical']);
    await clinic.ask('DELETE', child);
  });

  it('by POST takes the parameters as a form', async () => {
    const answer = await clinic.ask('POST', 'Patient/_search', 'gender=female', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(valuesOf(answer)).toEqual([ONE]);
  });

  it('counts when it is asked to', async () => {
    expect((await clinic.ask('GET', 'Patient?_total=accurate&_count=1')).body).toMatchObject({ total: 3, entry: [{}] });
    const { body } = await clinic.ask('GET', 'Patient?_summary=count&gender=male');
    expect([body.total, body.entry]).toEqual([1, undefined]);
    expect((await clinic.ask('GET', 'Patient')).body.total).toBeUndefined();
  });

  it('gives the elements that were asked for, and says that it is not all', async () => {
    const { body } = await clinic.ask('GET', 'Patient?_elements=gender&gender=male');
    expect(Object.keys(body.entry[0].resource).sort()).toEqual(['gender', 'id', 'meta', 'resourceType']);
    expect(body.entry[0].resource.meta.tag[0].code).toBe('SUBSETTED');
  });
});

describe('pages', () => {
  it.each(['_lastUpdated', '-_lastUpdated', 'authored-on', '-authored-on'])('sorted by %s hold every match once', async (sort) => {
    const caller = await door.client('origin', `pages ${sort}`);
    const dates = ['2026-01-01', undefined, '2026-01-03', '2026-01-01', undefined, '2025-01-01', '2026-01-01'];
    for (const authoredOn of dates)
      await created(caller, { resourceType: 'Task', status: 'draft', intent: 'order', ...(authoredOn ? { authoredOn } : {}) });
    const whole = await caller.ask('GET', `Task?_sort=${sort}`);
    const ids = (answer: Pick<FhirAnswer, 'body'>) =>
      (answer.body.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id);
    const paged: string[] = [];
    for (let url: string | undefined = `${door.base}/Task?_sort=${sort}&_count=2`; url; ) {
      const body = await (await fetch(url, { headers: { authorization: `Bearer ${caller.token}` } })).json();
      paged.push(...ids({ body }));
      url = body.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
    }
    expect(paged).toEqual(ids(whole));
    expect(new Set(paged).size).toBe(dates.length);
  });

  it('miss nothing that changes while they are read', async () => {
    const caller = await door.client('origin', 'moving');
    const tasks: string[] = [];
    for (let count = 0; count < 4; count++) tasks.push(await created(caller, { resourceType: 'Task', status: 'draft', intent: 'order' }));
    const first = await caller.ask('GET', 'Task?_count=2');
    const last = tasks[3] as string;
    await caller.ask('PUT', last, { resourceType: 'Task', id: last.slice(5), status: 'ready', intent: 'order' });
    const second = await (await fetch(first.body.link[1].url, { headers: { authorization: `Bearer ${caller.token}` } })).json();
    expect(second.entry.map(({ resource }: { resource: { id: string } }) => `Task/${resource.id}`)).toEqual(tasks.slice(2));
  });

  it('bring along what was asked for and no more than that', async () => {
    const owner = await created(clinic, { resourceType: 'Organization', name: 'Readers' });
    const request = await created(clinic, {
      resourceType: 'ServiceRequest',
      status: 'active',
      intent: 'order',
      subject: { reference: subject },
    });
    const references = { focus: { reference: request }, owner: { reference: owner } };
    const task = await created(clinic, { resourceType: 'Task', status: 'requested', intent: 'order', ...references });
    const types = async (query: string) =>
      (await clinic.ask('GET', `Task?_id=${task.slice(5)}&${query}`)).body.entry.map(
        (entry: { resource: { resourceType: string }; search: { mode: string } }) => `${entry.search.mode} ${entry.resource.resourceType}`,
      );
    expect(await types('_include=Task:focus')).toEqual(['match Task', 'include ServiceRequest']);
    expect(await types('_include=Task:focus:Media')).toEqual(['match Task']);
    expect(await types('_include=Task:focus&_include:iterate=ServiceRequest:patient')).toEqual([
      'match Task',
      'include ServiceRequest',
      'include Patient',
    ]);
    expect(await found(`_id=${subject.split('/')[1]}&_revinclude=ServiceRequest:patient`)).toHaveLength(2);
  });

  it('of the worklist are found by owner and status', async () => {
    const owner = await created(clinic, { resourceType: 'Organization', name: 'Night readers' });
    const task = { resourceType: 'Task', intent: 'order', owner: { reference: owner } };
    const [asked] = [await created(clinic, { ...task, status: 'requested' }), await created(clinic, { ...task, status: 'draft' })];
    const { body } = await clinic.ask('GET', `Task?owner=${owner}&status=requested,accepted&_lastUpdated=gt2020-01-01`);
    expect(body.entry.map(({ resource }: { resource: { id: string } }) => `Task/${resource.id}`)).toEqual([asked]);
    expect((await clinic.ask('GET', `Task?owner=${owner}&status:not=requested`)).body.entry).toHaveLength(1);
    expect((await clinic.ask('GET', `Task?owner=${owner}`)).body.entry).toHaveLength(2);
  });
});

describe('what is not supported', () => {
  it.each([
    'unheard-of=1',
    'gender=',
    'gender:text=x',
    'gender=http://hl7.org/fhir/administrative-gender|male',
    'family:exact=x',
    'birthdate=ap1980',
    'birthdate=someday',
    'general-practitioner.name=x',
    '_has:Task:patient:status=draft',
    '_sort=gender',
    '_sort=_lastUpdated,birthdate',
    '_summary=true',
    '_include=Task:focus',
    '_include=Patient:gender',
    '_include=*',
    '_format=xml',
    '_count=-1',
  ])('is refused by name: %s', async (query) => {
    const { status, body } = await clinic.ask('GET', `Patient?${query}`);
    expect([status, body.resourceType]).toEqual([400, 'OperationOutcome']);
  });

  it('is passed over when the client wants that, and the self link says what was understood', async () => {
    const { status, body } = await clinic.ask('GET', 'Patient?unheard-of=1&gender=male', undefined, { prefer: 'handling=lenient' });
    expect([status, body.entry.length, body.link[0].url]).toEqual([200, 1, `${door.base}/Patient?gender=male`]);
  });
});

describe('a name that is taken back', () => {
  it('is no longer found', async () => {
    const id = (await created(clinic, patient('four', { name: [{ family: 'Vormals' }] }))).split('/').at(-1) as string;
    expect(await found('name=vormals')).toEqual(['four']);
    const { name: _, ...nameless } = patient('four', { name: [] });
    expect((await clinic.ask('PUT', `Patient/${id}`, { ...nameless, id })).status).toBe(200);
    expect([await found('name=vormals'), await found('family=vormals')]).toEqual([[], []]);
  });
});
