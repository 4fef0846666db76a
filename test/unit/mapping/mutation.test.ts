/**
 * Nothing is dropped in silence: whichever value of a mapped message is another one, the resources or the list of what was not carried are
 * other ones, too. Every value of our own messages in turn; of the corpora's, values that chance picks.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { mapHl7v2 } from '../../../src/mapping/registry.ts';
import { isFailure } from '../../../src/model/failure.ts';
import { isMappable, judge, messageType } from '../../../src/protocols/hl7v2/accept.ts';
import { isRefusal, readHeader } from '../../../src/protocols/hl7v2/header.ts';
import fc from '../../support/properties.ts';
import { allConditions, bytesOf, PEER } from './fixtures.ts';

const CORPUS = '../shared/corpora/hl7v2';

/** One value between two separators. */
type Place = { readonly start: number; readonly end: number; readonly name: string };

/** All that a message becomes. Its digest is the same always: the journal names the message by it. */
function outcomeOf(text: string): string {
  const payload = Buffer.from(text, 'latin1');
  const entry = { peer: PEER.name, type: 'T', controlId: 'C', digest: Buffer.alloc(32), payload, received: new Date(0) };
  const mapped = mapHl7v2(entry, { peer: PEER });
  return isFailure(mapped)
    ? mapped.detail
    : JSON.stringify([mapped.resources, mapped.parts, mapped.gaps, mapped.changes ?? [], mapped.occurred]);
}

/** MSH-1, -2, -12 and -18 say how to read the message, MSH-9 which mapping; MSH-10 is the journal's; `""` deletes. */
function placesOf(text: string): Place[] {
  const header = /^MSH(.)(.)(.)(.)(.)/.exec(text) as RegExpExecArray;
  const [, field = '|', ...others] = header;
  const separators = new Set([field, ...others.filter((one) => one !== others[2]), '\r', '\n']);
  const places: Place[] = [];
  let [segment, number, start] = ['', 0, 0];
  for (let at = 0; at <= text.length; at++) {
    const character = text[at] ?? '\r';
    if (!separators.has(character)) continue;
    if (segment === '') segment = text.slice(start, at);
    else if (at > start && isTold(segment, number) && text.slice(start, at) !== '""')
      places.push({ start, end: at, name: `${segment}-${number}` });
    if (character === '\r' || character === '\n') [segment, number] = ['', 0];
    else if (character === field) number += segment === 'MSH' && number === 0 ? 2 : 1;
    start = at + 1;
  }
  return places;
}

function isTold(segment: string, number: number): boolean {
  return !(segment === 'MSH' && [1, 2, 9, 10, 12, 18].includes(number));
}

function mutated(text: string, { start, end }: Place, value: string): string {
  return `${text.slice(0, start)}${value}${text.slice(end)}`;
}

/** Each value that may be another one without anybody being told. */
function silent(text: string): string[] {
  const before = outcomeOf(text);
  return placesOf(text)
    .filter((place) => outcomeOf(mutated(text, place, `${text.slice(place.start, place.end)}7Q`)) === before)
    .map((place) => `${place.name} ${text.slice(place.start, place.end)}`);
}

describe('a value that is another one', () => {
  it.each(allConditions())('is told of %s', (condition) => {
    expect(silent(bytesOf(condition).toString('latin1'))).toEqual(SAID_ELSEWHERE[condition] ?? []);
  });

  it('is told of the messages of the corpora', () => {
    const messages = corpusMessages();
    if (messages.length === 0) return;
    const picks = fc.record({ message: fc.constantFrom(...messages), place: fc.nat(), value: fc.constantFrom('7Q', 'Zq^', '99', 'X&Y') });
    fc.assert(
      fc.property(picks, ({ message, place, value }) => {
        const places = placesOf(message.text);
        const chosen = places[place % places.length] as Place;
        const said = message.text.slice(chosen.start, chosen.end);
        fc.pre(!SAID_TWICE.has(chosen.name) && !(message.isAdt && chosen.name.startsWith('MSH-')));
        fc.pre(said.trim() !== '' && said !== value.replace(/\W/g, ''));
        const told = outcomeOf(mutated(message.text, chosen, value.replace(/\W/g, ''))) !== message.outcome;
        expect(told ? '' : `${message.name} ${chosen.name} ${said}`).toBe('');
      }),
      { numRuns: 300, seed: 9 },
    );
  });
});

function corpusMessages(): { name: string; text: string; outcome: string; isAdt: boolean }[] {
  if (!existsSync(CORPUS)) return [];
  const names = readdirSync(CORPUS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.hl7'));
  return names.flatMap((name) => {
    const payload = readFileSync(join(CORPUS, name));
    const header = readHeader(payload);
    if (isRefusal(header) || !isMappable(messageType(header)) || !payload.toString('latin1').startsWith('MSH')) return [];
    const text = payload.toString('latin1');
    if (judge(payload, header, { ...PEER, messages: {} }).disposition === 'refused') return [];
    return [{ name, text, outcome: outcomeOf(text), isAdt: header.code === 'ADT' }];
  });
}

/** Values that another place of the same message says, too (that one is carried), or that say how a code known without them is called. */
const SAID_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  'omi-o23/teleradiology-status': ['IPC-2 ISO'],
  'oml-o21/specimens-and-prior-results': ['PID-3 NORTH', 'PID-3 MR'],
  'orm-o01/numbers-disagree': ['OBR-2 RIS'],
  'orm-o01/two-orders': ['TQ1-9 R'],
  'ref-i12/to-dermatology': [
    'PRD-1 Referring provider',
    'PRD-1 HL70286',
    'PRD-1 Referred to provider',
    'PRD-1 HL70286',
    'PRD-1 Primary care provider',
    'PRD-1 HL70286',
    'PRD-1 CP',
    'PRD-1 HL70286',
  ],
};

/** The same, of the corpora's messages: numbers of ORC and OBR, a person or an organization named again, TQ1 and its order. */
const SAID_TWICE: ReadonlySet<string> = new Set([
  'IN1-11',
  'NTE-5',
  'OBR-2',
  'OBR-3',
  'OBX-16',
  'OBX-23',
  'ORC-3',
  'ORC-16',
  'ORC-21',
  'PID-3',
  'PRD-1',
  'PRD-10',
  'PRT-8',
  'PV1-8',
  'TQ1-4',
]);
