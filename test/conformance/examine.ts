/**
 * Tries one row of the guide: a specimen goes into the source field of a message, the message is mapped, and the specimen (or the value
 * that the guide assigns) is looked for at the target. A row is implemented only if it is there.
 */
import { createHash } from 'node:crypto';
import type { Resource } from '@medplum/fhirtypes';
import { mapHl7v2 } from '../../src/mapping/registry.ts';
import { isFailure } from '../../src/model/failure.ts';
import { PEER } from '../unit/mapping/fixtures.ts';
import { fillingFor } from './conditions.ts';
import { CORRECTIONS } from './corrections.ts';
import { FILLINGS } from './fillings.ts';
import type { CodeRow, Guide, GuideRow } from './guide.ts';
import { hostMessage } from './host-message.ts';
import { type Named, valuesAt } from './resources.ts';
import { isMarked, specimenOf } from './specimen.ts';

/** How differences and fillings name a row. */
export function keyOf({ table, source, target }: GuideRow): string {
  return `${table} ${source} ${target}`.replace(/\s+/g, ' ');
}

/** '' where the row is implemented, else what was seen. `type`: the message in which the segment is tried. */
export function examineSegmentRow(row: GuideRow, type: string, guide: Guide): string {
  const byHand = byHandFor(row);
  const codes = codeSent(codesOf(guide, row.vocabulary), byHand);
  return tryRow(row, type, { text: codes[0]?.code ?? specimenOf(row.v2Type), codes, before: new Map(), after: byHand });
}

/** A component row through a segment row that uses its datatype; `CX.5` in its condition is the fifth component of that field. */
export function examineDatatypeRow(said: GuideRow, through: GuideRow, type: string, guide: Guide): string {
  const row: Tried = { ...said, ...CORRECTIONS[keyOf(said)] };
  const place = (component: string) => `${through.source}${component}`;
  const byHand = byHandFor(said);
  const after = Object.fromEntries(Object.entries(byHand).map(([component, text]) => [place(component), text]));
  const joined: Tried = {
    ...row,
    type: row.type ?? CORRECTIONS[keyOf(through)]?.type,
    table: through.table,
    source: place(/\.\d+$/.exec(row.source)?.[0] ?? ''),
    target: joinTarget(wholeTarget(through), ofPlace(row)),
    condition: row.condition.replace(/\b[A-Z]{2,3}[.-](\d+)/g, (_, component) => place(`.${component}`)),
  };
  const codes = codeSent(codesOf(guide, row.vocabulary), byHand);
  const before = new Map([[through.source, specimenOf(through.v2Type)], ...conditionOf(through)]);
  return tryRow(joined, type, { text: codes[0]?.code ?? componentText(row.v2Type), codes, before, after });
}

/** One code of a table through a row that uses it: where the row is filled by hand, the code takes the place of the one there. */
export function examineCode(code: CodeRow, through: GuideRow, type: string, guide: Guide): string {
  const byHand = byHandFor(through);
  const place = placeOf(through);
  const [usual] = codeSent(codesOf(guide, through.vocabulary), byHand);
  const text = byHand[place]?.replace(usual?.code ?? '', code.code) ?? code.code;
  const { [place]: _own, ...after } = byHand;
  return tryRow(through, type, { text, codes: [code], before: new Map(), after });
}

/** The code that a row filled by hand sends, else the first of its table. */
function codeSent(codes: readonly CodeRow[], byHand: Readonly<Record<string, string>>): readonly CodeRow[] {
  const sent = Object.values(byHand).join(' ');
  return [codes.find(({ code }) => sent.includes(code)) ?? codes[0]].filter((code) => code !== undefined);
}

/** Where the datatype goes: of another resource it says the path itself. */
function wholeTarget(through: GuideRow): string {
  const { type, target } = CORRECTIONS[keyOf(through)] ?? {};
  return type === undefined && target !== undefined ? target : through.target;
}

/** Whose element it is: `[2].identifier` of an NDL is of its Location, `location(Location.name)` of a PL is of the PL's own. */
function ofPlace({ table, target }: GuideRow): string {
  if (table.startsWith('PL[')) return target.replace(/^(\[[\d-]*\]\.?)?location\(Location\.([^)]*)\)$/, '$2');
  const [whole, rest = ''] = /^\[\d*\]\.?([^(]*)/.exec(target) ?? [];
  return table.startsWith('NDL[') && whole !== undefined ? `location(Location.${rest})` : target;
}

function joinTarget(outer: string, inner: string): string {
  const rest = inner
    .replace(/^\[[\d-]*\]\.?/, '')
    .replace(/^\$this\.?/, '')
    .replace(/\.reference\(\w+\[\d\]\)$/, '.reference');
  if (rest === '') return outer;
  if (!outer.endsWith(')')) return outer === '$this' ? rest : `${outer}.${rest}`;
  const closing = /\)+$/.exec(outer)?.[0] ?? '';
  return `${outer.slice(0, outer.length - closing.length)}.${rest}${closing}`;
}

function componentText(v2Type: string): string {
  return specimenOf(v2Type).replaceAll('^', '&');
}

function conditionOf(row: GuideRow): [string, string][] {
  return [...(fillingFor(row.condition) ?? new Map()), ...Object.entries(byHandFor(row))];
}

/** A `*` at the end of a key stands for any rest; where rows differ in it, their condition stands behind the key. */
function byHandFor(row: GuideRow): Readonly<Record<string, string>> {
  const key = keyOf(row);
  const own = FILLINGS[`${key} ${row.condition}`] ?? FILLINGS[key];
  return own ?? Object.entries(FILLINGS).find(([name]) => name.endsWith('*') && key.startsWith(name.slice(0, -1)))?.[1] ?? {};
}

/** The codes of a vocabulary; none where the guide names one that it does not have. */
export function codesOf(guide: Guide, vocabulary: string): readonly CodeRow[] {
  if (vocabulary === '') return [];
  return guide.codes.get(vocabulary) ?? guide.codes.get(vocabulary.replace(/[/\s]+/g, '')) ?? [];
}

/** A row at the place and for the value that it means (corrections.ts). */
type Tried = GuideRow & { readonly type?: string | undefined };

/** What is put where: `text` into the row's own field; the rest before it, or after it and in its place. */
type Trial = {
  readonly text: string;
  /** Where the row goes through a code table, the code that is sent. */
  readonly codes: readonly CodeRow[];
  readonly before: ReadonlyMap<string, string>;
  readonly after: Readonly<Record<string, string>>;
};

/** A code of no table. */
const UNKNOWN = 'QZX7';

/** What the guide assigns must not be there when the field is empty: a literal proves nothing else. */
function tryRow(said: Tried, type: string, { text, codes, before, after }: Trial): string {
  const row: Tried = { ...said, ...CORRECTIONS[keyOf(said)] };
  const place = placeOf(row);
  const filling = fillingFor(row.condition, place);
  if (filling === null && Object.keys(after).length === 0) return `its condition is not understood: ${row.condition}`;
  const beside = [...(filling ?? new Map<string, string>()), ...Object.entries(after)] as const;
  const own = (value: string) => (place === '' ? [] : ([[place, value]] as const));
  const found = valuesOf(row, type, new Map([...before, ...own(text), ...beside]));
  if (typeof found === 'string') return found;
  const isCoded = row.assignment === '' && codes.length > 0;
  const isIt = isCoded ? (value: unknown) => codes.some(({ target }) => String(value) === target) : testOf(row);
  const otherwise = (value: string) => valuesOf(row, type, new Map([...before, ...beside, ...own(value)]));
  const empty = place === '' || isEmptied(row, place) ? [] : otherwise('');
  const times = (values: readonly unknown[] | string) => (typeof values === 'string' ? 0 : values.filter(isIt).length);
  if (times(found) > times(empty)) return '';
  if (isCoded && times(found) === 0) return `${text} did not become ${codes[0]?.target}`;
  // What is there by default may still be because of the code: where any other one gives something else.
  if (isCoded) return times(found) > times(otherwise(UNKNOWN)) ? '' : `${codes[0]?.target} is there whatever the code`;
  return row.assignment === '' ? 'the value is not there' : `${row.assignment} is not there because of it`;
}

function testOf({ assignment, target }: Tried): (value: unknown) => boolean {
  if (assignment !== '') return (value) => isAssigned(value, assignment);
  if (!/partOf\.reference/.test(target)) return isMarked;
  return (value) => typeof value === 'string' && /^(?:#|urn:)/.test(value);
}

/** `PID-3`, '' of a row that names no field. */
function placeOf({ source }: GuideRow): string {
  return /\d/.test(source.slice(3)) ? source.replace(/^(\w{3})\./, '$1-') : '';
}

function valuesOf(row: Tried, type: string, filling: ReadonlyMap<string, string>): readonly unknown[] | string {
  const resources = mapped(hostMessage(type, row.table, filling), type, placeOf(row) === '');
  return typeof resources === 'string' ? resources : valuesAt(resources, row.type ?? primaryType(row.table), row.target);
}

/** A row that holds where its own field is empty cannot be told from its absence. */
function isEmptied({ condition }: GuideRow, place: string): boolean {
  return condition.includes(`${place} NOT VALUED`) || /^IF NOT VALUED/.test(condition);
}

function isAssigned(value: unknown, assignment: string): boolean {
  return String(value).replace('https:', 'http:') === assignment.replace('https:', 'http:').replace(/\.$/, '');
}

/** `PRT[Patient-GeneralPractitioner]` writes into a Patient. */
export function primaryType(table: string): string {
  return /\[([A-Za-z]+)/.exec(table)?.[1] ?? '';
}

/** As readers have it. `isNew`: with what a resource begins with where the message is the first to speak of it. */
function mapped(payload: Buffer, type: string, isNew: boolean): readonly Named[] | string {
  const code = type.replace('_', '^');
  const entry = {
    peer: PEER.name,
    type: code,
    controlId: 'C1',
    digest: createHash('sha256').update(payload).digest(),
    payload,
    received: new Date('2026-03-02T07:15:01Z'),
  };
  const result = mapHl7v2(entry, { peer: { ...PEER, messages: { [code]: 'mapped' } } });
  if (isFailure(result)) return `${result.code}: ${result.detail}`;
  return result.resources.map(({ urn, resource, initial }) => ({
    urn,
    resource: { ...(isNew ? initial : {}), ...withBytes(resource, result.files) } as Resource,
  }));
}

/** A file is kept beside its Binary. */
function withBytes(resource: Resource, files: ReadonlyMap<string, Buffer> = new Map()): Resource {
  const bytes = files.get((resource as { digest?: string }).digest ?? '');
  return bytes ? ({ ...resource, data: bytes.toString('base64') } as Resource) : resource;
}
