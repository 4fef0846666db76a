/**
 * Every row of the guide that this product's messages use, tried: segments, then the datatypes and code tables that those use.
 * In: the guide. Out: a line a table.
 */
import { DIFFERENCES, OUTSIDE } from './differences.ts';
import { codesOf, examineCode, examineDatatypeRow, examineSegmentRow, keyOf } from './examine.ts';
import type { Guide, GuideRow } from './guide.ts';

export type Line = {
  readonly kind: 'segment' | 'datatype' | 'code table';
  readonly table: string;
  readonly implemented: number;
  /** Deliberately different, each with its reason. */
  readonly different: number;
  /** What is neither, and what was seen instead. */
  readonly missing: readonly { readonly key: string; readonly failure: string }[];
};

export const MESSAGES = ['ADT_A01', 'ADT_A02', 'ADT_A05', 'ADT_A06', 'ADT_A09', 'ADT_A11', 'MDM_T02', 'OML_O21', 'ORM_O01', 'ORU_R01'];

/** A row that was found, and the message it was found in. */
type Through = { readonly row: GuideRow; readonly type: string };

export function survey(guide: Guide): Line[] {
  const through: Through[] = [];
  const segments = [...usedTables(guide)].map(([table, types]) => segmentLine(table, types, guide, through));
  const datatypes = [...Map.groupBy(through, ({ row }) => tableName(guide.datatypes, row.datatype))];
  const typeLines = datatypes.flatMap(([table, rows]) => (table === '' ? [] : [datatypeLine(table, rows, guide)]));
  const vocabularies = [...Map.groupBy(through, ({ row }) => row.vocabulary)];
  const codeLines = vocabularies.flatMap(([table, rows]) =>
    table === '' || codesOf(guide, table).length === 0 ? [] : [codeLine(table, rows, guide)],
  );
  return [...segments, ...typeLines, ...codeLines];
}

/** Tables of segments with the messages they are used in; OUTSIDE ones are left. */
function usedTables(guide: Guide): Map<string, string[]> {
  const used = new Map<string, string[]>();
  for (const { message, table } of guide.messages) {
    if (!MESSAGES.includes(message) || !guide.segments.has(table) || OUTSIDE[table]) continue;
    used.set(table, [...new Set([...(used.get(table) ?? []), message])]);
  }
  return new Map([...used].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function segmentLine(table: string, types: readonly string[], guide: Guide, through: Through[]): Line {
  const tally = openTally('segment', table);
  for (const row of guide.segments.get(table) ?? []) {
    const key = keyOf(row);
    const failures: string[] = [];
    for (const type of types) {
      const failure = examineSegmentRow(row, type, guide);
      if (failure === '') through.push({ row, type });
      failures.push(failure);
      // The codes of a table are tried in every message that uses them.
      if (failure === '' && row.vocabulary === '') break;
    }
    const told = failures.find((failure) => !failure.startsWith('unsupported')) ?? 'its messages are not mapped';
    count(tally, key, failures.includes('') ? '' : told);
  }
  return tally;
}

/** A row of a datatype is tried through the rows that use it, until it is found. */
function datatypeLine(table: string, uses: readonly Through[], guide: Guide): Line {
  const tally = openTally('datatype', table);
  for (const row of guide.datatypes.get(table) ?? []) {
    const failure = firstFailure(uses, ({ row: outer, type }) => examineDatatypeRow(row, outer, type, guide));
    count(tally, keyOf(row), failure);
  }
  return tally;
}

function codeLine(table: string, uses: readonly Through[], guide: Guide): Line {
  const tally = openTally('code table', table);
  for (const code of codesOf(guide, table)) {
    const failure = firstFailure(uses, ({ row, type }) => examineCode(code, row, type, guide));
    count(tally, `${table} ${code.code} ${code.target}`, failure);
  }
  return tally;
}

/** '' as soon as it is found through one use; else what was seen in the first of all. */
function firstFailure(uses: readonly Through[], examine: (use: Through) => string): string {
  let seen = '';
  for (const use of uses) {
    const failure = examine(use);
    if (failure === '') return '';
    seen ||= failure;
  }
  return seen;
}

type Tally = { -readonly [K in keyof Line]: Line[K] };

function openTally(kind: Line['kind'], table: string): Tally {
  return { kind, table, implemented: 0, different: 0, missing: [] };
}

function count(tally: Tally, key: string, failure: string): void {
  if (failure === '') tally.implemented++;
  else if (reasonFor(key) !== '') tally.different++;
  else tally.missing = [...tally.missing, { key, failure }];
}

function reasonFor(key: string): string {
  const exact = DIFFERENCES[key];
  if (exact) return exact;
  return Object.entries(DIFFERENCES).find(([pattern]) => pattern.endsWith('*') && key.startsWith(pattern.slice(0, -1)))?.[1] ?? '';
}

/** The guide writes CWE[Code] for CWE[code], PL[location] for PL[Location]. */
function tableName(tables: ReadonlyMap<string, unknown>, name: string): string {
  return [...tables.keys()].find((one) => one.toLowerCase() === name.toLowerCase()) ?? '';
}
