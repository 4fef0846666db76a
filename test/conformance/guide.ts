/**
 * HL7's v2-to-FHIR guide as it is published: its CSV files, row by row.
 * In: the folder `mappings` of the guide. Out: message, segment, datatype and code system tables. Only rows that have a FHIR target are kept.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';

/** One row of a segment or datatype table. */
export type GuideRow = {
  /** `PID[Patient]`, `XPN[HumanName]`. */
  readonly table: string;
  /** `PID-3`, `XPN.2`; '' where the row holds for the whole segment. */
  readonly source: string;
  /** `CX`. */
  readonly v2Type: string;
  /** `IF PID-25 NOT VALUED`, '' for always. */
  readonly condition: string;
  /** `identifier[2]`, `requester(PractitionerRole.practitioner)`. */
  readonly target: string;
  /** `CX[Identifier]`, '' where the value is taken as it is. */
  readonly datatype: string;
  /** `AdministrativeSex`, '' without one. */
  readonly vocabulary: string;
  /** A value that does not come from the field, without its quotes; '' where it does. */
  readonly assignment: string;
};

export type CodeRow = { readonly table: string; readonly code: string; readonly target: string; readonly system: string };

/** A segment of a message and the tables that it goes through. */
export type MessageRow = { readonly message: string; readonly segment: string; readonly table: string };

export type Guide = {
  readonly messages: readonly MessageRow[];
  readonly segments: ReadonlyMap<string, readonly GuideRow[]>;
  readonly datatypes: ReadonlyMap<string, readonly GuideRow[]>;
  readonly codes: ReadonlyMap<string, readonly CodeRow[]>;
};

export function readGuide(folder: string): Guide {
  return {
    messages: filesOf(folder, 'messages').flatMap(({ title, rows }) => messageRows(title, rows)),
    segments: new Map(filesOf(folder, 'segments').map(({ title, rows }) => [title, guideRows(title, rows)])),
    datatypes: new Map(filesOf(folder, 'datatypes').map(({ title, rows }) => [title, guideRows(title, rows)])),
    codes: new Map(filesOf(folder, 'codesystems').map(({ title, rows }) => [title, codeRows(title, rows)])),
  };
}

type File = { readonly title: string; readonly rows: readonly (readonly string[])[] };

/** `HL7 Segment - FHIR R4_ PID[Patient] - PID.csv` is the table PID[Patient]; two rows of heads. */
function filesOf(folder: string, kind: string): File[] {
  const names = readdirSync(join(folder, kind)).filter((name) => name.endsWith('.csv'));
  return names.sort().map((name) => {
    const rows: string[][] = parse(readFileSync(join(folder, kind, name)), { bom: true, relax_column_count: true, relax_quotes: true });
    return {
      title: (/_ (.+?) - [^-]+\.csv$/.exec(name)?.[1] ?? name).trim(),
      rows: rows.slice(2).map((row) => row.map((cell) => cell.trim())),
    };
  });
}

function messageRows(message: string, rows: File['rows']): MessageRow[] {
  return rows.flatMap(([, , segment = '', , , , , , , , table = '']) => (table === '' ? [] : [{ message, segment, table }]));
}

function guideRows(table: string, rows: File['rows']): GuideRow[] {
  return rows.flatMap((row) => (row[COLUMN.target] ? [guideRow(table, (column) => oneLine(row[COLUMN[column]] ?? ''))] : []));
}

/** A few targets hold their assignment: `status="finished"`. */
function guideRow(table: string, cell: (column: keyof typeof COLUMN) => string): GuideRow {
  const [target = '', inline = ''] = cell('target').split('=');
  return {
    table,
    source: cell('source'),
    v2Type: cell('v2Type'),
    condition: cell('condition'),
    target: target.trim(),
    datatype: cell('datatype'),
    vocabulary: cell('vocabulary'),
    assignment: assigned(cell('assignment') || inline),
  };
}

function codeRows(table: string, rows: File['rows']): CodeRow[] {
  return rows.flatMap(([code = '', , , , , , target = '', , , system = '']) =>
    code === '' || target === '' ? [] : [{ table, code, target, system }],
  );
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** `/…/` says in words where the value comes from, `MSG.1+"^"+MSG.2` how it is made: not a literal. */
function assigned(text: string): string {
  return text.startsWith('/') || text.includes('+') ? '' : unquoted(text);
}

function unquoted(text: string): string {
  return text.replace(/^["“]+|["”]+$/g, '').trim();
}

/** Columns of segment and datatype tables, from 0. */
const COLUMN = { source: 1, v2Type: 3, condition: 6, target: 9, datatype: 14, vocabulary: 15, assignment: 16 } as const;
