/**
 * What another converter (FHIR-Converter of Microsoft, MIT) publishes as its expected bundles of 57 messages, beside what those messages
 * become here: by resource type and path, and by value where an element is a code or a day. Each difference is in
 * converter-comparison.tsv with its reason, and each row there still accounts for one. Ids, order and number of resources are not compared.
 * A message that the door refuses for one fault of it is compared all the same, by what the mapping makes of it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { mapHl7v2 } from '../../src/mapping/registry.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Gap } from '../../src/model/mapped.ts';
import { messageType } from '../../src/protocols/hl7v2/accept.ts';
import { isRefusal, readHeader } from '../../src/protocols/hl7v2/header.ts';
import { PEER } from '../unit/mapping/fixtures.ts';
import { type Facts, factsOf, type Said, saidIn, timesOf } from './flat-resources.ts';

const CORPUS = '../shared/corpora/hl7v2/microsoft';
const TABLE = 'test/contract/converter-comparison.tsv';
const withCorpus = existsSync(CORPUS) ? describe : describe.skip;

/** `carried`: the values stand elsewhere in our resources; `told`: there, or in the list of what was not carried; `differs`: neither. */
type How = 'carried' | 'told' | 'differs';
type Row = { readonly line: string; readonly place: RegExp; readonly how: How };

/** What they have and we do not: a path, or a value of a path that both have (`path = value`). */
type Difference = { readonly message: string; readonly path: string; readonly values: readonly string[] };

type Compared = {
  readonly name: string;
  readonly same: number;
  readonly differences: readonly Difference[];
  readonly how: (difference: Difference) => How;
};

/** From the strongest. */
const STRENGTH: readonly How[] = ['carried', 'told', 'differs'];

/** Codes and days: what is not made of ids, nor a text. */
const COMPARED_BY_VALUE =
  /(?:^| |\.)(?:status|docStatus|gender|intent|priority|class\.code|birthDate|code|\w*(?:Date|DateTime)|start|end)$/;

const rows = readFileSync(TABLE, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .slice(1)
  .map(readRow);
const used = new Set<Row>();

withCorpus('beside the 57 published expectations of another converter', () => {
  const suffix = '.expected.json';
  const names = existsSync(CORPUS) ? readdirSync(CORPUS).filter((name) => name.endsWith(suffix)) : [];
  const all = names.map((name) => compared(name.slice(0, -suffix.length))).sort((a, b) => (a.name < b.name ? -1 : 1));

  it('compares all of them', () => {
    expect(all).toHaveLength(57);
  });

  it.each(all)('$name: $same alike; the others have their reasons', ({ differences, how }) => {
    const unaccounted = differences.filter((difference) => !reasonFor(difference, how(difference)));
    const words = unaccounted.map((one) => `${one.message} ${one.path} (${how(one)}): ${one.values.join(', ')}`);
    expect(words).toEqual([]);
  });

  it('has no reason left that accounts for nothing', () => {
    for (const { differences, how } of all) for (const difference of differences) reasonFor(difference, how(difference));
    expect(rows.filter((row) => !used.has(row)).map(({ line }) => line)).toEqual([]);
  });
});

function compared(name: string): Compared {
  const payload = readFileSync(`${CORPUS}/${name}.hl7`);
  const { entry: entries } = JSON.parse(readFileSync(`${CORPUS}/${name}.expected.json`, 'utf8'));
  const theirs = factsOf(entries.map(({ resource }: { resource: object }) => resource));
  const { type, resources, gaps } = mapped(payload);
  const ours = factsOf(resources);
  const message = `${type} ${name}`;
  const differences = [...theirs].flatMap(([path, values]) => differencesOf(message, path, values, ours));
  const carried = saidIn([...ours.values()].flatMap((values) => [...values]));
  const told = saidIn(gaps.map(({ value = '' }) => value));
  return {
    name,
    same: theirs.size - new Set(differences.map(({ path }) => path.split(' = ')[0])).size,
    differences,
    how: howOf(carried, told),
  };
}

/** What a message becomes here, and what is said to be left of it; nothing where its type is not mapped. */
function mapped(payload: Buffer): { type: string; resources: readonly object[]; gaps: readonly Gap[] } {
  const header = readHeader(payload);
  if (isRefusal(header)) throw new Error('no header');
  const digest = createHash('sha256').update(payload).digest();
  const entry = { peer: PEER.name, type: messageType(header), controlId: header.controlId, digest, payload, received: new Date(0) };
  const made = mapHl7v2(entry, { peer: PEER });
  if (isFailure(made)) return { type: entry.type, resources: [], gaps: [] };
  return { type: entry.type, resources: made.resources.map(({ resource, initial }) => ({ ...initial, ...resource })), gaps: made.gaps };
}

function differencesOf(message: string, path: string, values: ReadonlySet<string>, ours: Facts): Difference[] {
  const known = ours.get(path);
  if (!known) return [{ message, path, values: [...values] }];
  if (!COMPARED_BY_VALUE.test(path)) return [];
  const said = new Set([...known].flatMap((value) => [value, ...timesOf(value)]));
  const others = [...values].filter((value) => ![value, ...timesOf(value)].some((one) => said.has(one)));
  return others.map((value) => ({ message, path: `${path} = ${value}`, values: [value] }));
}

function howOf(carried: Said, told: Said): (difference: Difference) => How {
  return ({ path, values }) => {
    // Ids are each maker's own: a link that is not there at its path is not found elsewhere.
    if (path.endsWith('.reference')) return 'differs';
    if (values.every(carried)) return 'carried';
    return values.every((value) => carried(value) || told(value)) ? 'told' : 'differs';
  };
}

/** The first row that accounts for it. A row that says `carried` accounts for nothing that is only told, and so on. */
function reasonFor({ message, path }: Difference, how: How): Row | undefined {
  const row = rows.find(({ place, how: said }) => place.test(`${message} ${path}`) && STRENGTH.indexOf(how) <= STRENGTH.indexOf(said));
  if (row) used.add(row);
  return row;
}

/** `*` stands for anything; the message is named by its type or its file. */
function readRow(line: string): Row {
  const [messages = '', resource = '', path = '', how = ''] = line.split('\t');
  const wild = (text: string) => text.replace(/[.^$+()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  const message = messages.includes('^') ? `${wild(messages)} \\S+` : `\\S+ ${wild(messages)}`;
  return { line, place: new RegExp(`^${message} ${wild(resource)} ${wild(path)}$`), how: how as How };
}
