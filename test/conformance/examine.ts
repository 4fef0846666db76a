/**
 * Tries one row of the guide: a specimen goes into the source field of a message, the message is mapped, and the specimen (or the value
 * that the guide assigns) is looked for at the target. A row is implemented only if it is there.
 */
import { createHash } from 'node:crypto';
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
  const sent = Object.values(byHandFor(row) ?? {}).join(' ');
  const all = codesOf(guide, row.vocabulary);
  const codes = [all.find(({ code }) => sent.includes(code)) ?? all[0]].filter((code) => code !== undefined);
  return tryRow(row, type, codes[0]?.code ?? specimenOf(row.v2Type), codes);
}

/** A component row through a segment row that uses its datatype; `CX.5` in its condition is the fifth component of that field. */
export function examineDatatypeRow(row: GuideRow, through: GuideRow, type: string, guide: Guide): string {
  const place = (component: string) => `${through.source}${component}`;
  const beside = Object.entries(byHandFor(row) ?? {}).map(([component, text]) => [place(component), text] as const);
  const joined: GuideRow = {
    ...row,
    table: through.table,
    source: place(/\.\d+$/.exec(row.source)?.[0] ?? ''),
    target: joinTarget(through.target, row.target),
    condition: beside.length > 0 ? '' : row.condition.replace(/\b[A-Z]{2,3}(\.\d+)/g, (_, component) => place(component)),
  };
  const codes = codesOf(guide, row.vocabulary).slice(0, 1);
  const filling = new Map([[through.source, specimenOf(through.v2Type)], ...conditionOf(through), ...beside]);
  const text = codes[0]?.code ?? componentText(row.v2Type);
  return tryRow(joined, type, text, codes, filling);
}

/** One code of a table through a row that uses it. */
export function examineCode(code: CodeRow, through: GuideRow, type: string): string {
  return tryRow(through, type, code.code, [code]);
}

function joinTarget(outer: string, inner: string): string {
  const rest = inner
    .replace(/^\[[\d-]*\]\.?/, '')
    .replace(/^\$this\.?/, '')
    // Slips of PL[Location].
    .replace(/^location\(Location\.([^)]*)\)$/, '$1')
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
  return [...(fillingFor(row.condition) ?? new Map()), ...Object.entries(byHandFor(row) ?? {})];
}

/** A `*` at the end of a key stands for any rest. */
function byHandFor(row: GuideRow): Readonly<Record<string, string>> | undefined {
  const key = keyOf(row);
  return FILLINGS[key] ?? Object.entries(FILLINGS).find(([name]) => name.endsWith('*') && key.startsWith(name.slice(0, -1)))?.[1];
}

/** The codes of a vocabulary; none where the guide names one that it does not have. */
export function codesOf(guide: Guide, vocabulary: string): readonly CodeRow[] {
  if (vocabulary === '') return [];
  return guide.codes.get(vocabulary) ?? guide.codes.get(vocabulary.replace(/[/\s]+/g, '')) ?? [];
}

/**
 * `codes`: where the row goes through a code table, the codes of which one is sent. What the guide assigns must not be there when the
 * field is empty: a literal proves nothing else.
 */
function tryRow(
  said: GuideRow,
  type: string,
  text: string,
  codes: readonly CodeRow[],
  before: ReadonlyMap<string, string> = new Map(),
): string {
  const row = { ...said, ...CORRECTIONS[keyOf(said)] };
  const filling = fillingFor(row.condition);
  const byHand = byHandFor(said);
  if (filling === null && !byHand) return `its condition is not understood: ${row.condition}`;
  const place = /\d/.test(row.source.slice(3)) ? row.source.replace(/^(\w{3})\./, '$1-') : '';
  const beside = [...(filling ?? []), ...Object.entries(byHand ?? {})] as const;
  const own = (value: string) => (place === '' ? [] : ([[place, value]] as const));
  const find = (value: string) => valuesOf(row, type, new Map<string, string>([...before, ...own(value), ...beside]));
  const found = find(text);
  if (typeof found === 'string') return found;
  if (row.assignment === '' && codes.length > 0) {
    return found.some((value) => codes.some(({ target }) => String(value) === target)) ? '' : `${text} did not become ${codes[0]?.target}`;
  }
  const isReference = (value: unknown) => typeof value === 'string' && /^(?:#|urn:)/.test(value);
  const isLiteral = (value: unknown) => isAssigned(value, row.assignment);
  const isIt = row.assignment !== '' ? isLiteral : row.target.includes('partOf.reference') ? isReference : isMarked;
  const empty = place === '' || isEmptied(row, place) ? [] : valuesOf(row, type, new Map([...before, ...beside, ...own('')]));
  const times = (values: readonly unknown[] | string) => (typeof values === 'string' ? 0 : values.filter(isIt).length);
  return times(found) > times(empty)
    ? ''
    : row.assignment === ''
      ? 'the value is not there'
      : `${row.assignment} is not there because of it`;
}

function valuesOf(
  row: GuideRow & { readonly type?: string },
  type: string,
  filling: ReadonlyMap<string, string>,
): readonly unknown[] | string {
  const resources = mapped(hostMessage(type, row.table, filling), type);
  return typeof resources === 'string' ? resources : valuesAt(resources, row.type ?? primaryType(row.table), row.target);
}

/** A row that holds where its own field is empty cannot be told from its absence. */
function isEmptied({ condition }: GuideRow, place: string): boolean {
  return condition.includes(`${place} NOT VALUED`);
}

function isAssigned(value: unknown, assignment: string): boolean {
  return String(value).replace('https:', 'http:') === assignment.replace('https:', 'http:').replace(/\.$/, '');
}

/** `PRT[Patient-GeneralPractitioner]` writes into a Patient. */
export function primaryType(table: string): string {
  return /\[([A-Za-z]+)/.exec(table)?.[1] ?? '';
}

function mapped(payload: Buffer, type: string): readonly Named[] | string {
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
  return isFailure(result) ? `${result.code}: ${result.detail}` : result.resources;
}
