/**
 * `npm run conformance -- [--rows] [TABLE …]`: holds the mapping against every row of HL7's v2-to-FHIR guide that its messages use.
 * Prints a line a table: rows with a FHIR target, implemented, deliberately different, unaccounted for; with `--rows` each row that is
 * unaccounted for. Exit code 0 when every row is accounted for and at most one in twenty is different.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readGuide } from './guide.ts';
import { type Line, survey } from './survey.ts';

const FOLDER = process.env.V2_TO_FHIR_MAPPINGS ?? '../shared/corpora/hl7v2/v2-to-fhir/mappings';
const MOST_DIFFERENT = 0.05;

const { values, positionals } = parseArgs({ options: { rows: { type: 'boolean', default: false } }, allowPositionals: true });

if (!existsSync(FOLDER)) {
  console.log(`no guide at ${FOLDER}: set V2_TO_FHIR_MAPPINGS to the folder mappings of HL7/v2-to-fhir`);
  process.exit(2);
}
const lines = survey(readGuide(FOLDER)).filter(
  ({ table }) => positionals.length === 0 || positionals.some((name) => table.startsWith(name)),
);
for (const line of lines) {
  console.log(told(line.kind, line.table, line));
  if (values.rows) for (const { key, failure } of line.missing) console.log(`    ${key}: ${failure}`);
}
const kinds = [...Map.groupBy(lines, ({ kind }) => kind)];
for (const [kind, some] of kinds) console.log(told('all', `${kind}s`, total(some)));
console.log(told('all', 'rows', total(lines)));
process.exitCode = isHeld(total(lines)) ? 0 : 1;

function told(
  kind: string,
  table: string,
  { implemented, different, missing }: Pick<Line, 'implemented' | 'different' | 'missing'>,
): string {
  const rows = implemented + different + missing.length;
  return `${kind.padEnd(11)} ${table.padEnd(52)} ${rows} rows, ${implemented} implemented, ${different} different, ${missing.length} unaccounted`;
}

function total(some: readonly Line[]): Pick<Line, 'implemented' | 'different' | 'missing'> {
  return {
    implemented: some.reduce((sum, one) => sum + one.implemented, 0),
    different: some.reduce((sum, one) => sum + one.different, 0),
    missing: some.flatMap((one) => one.missing),
  };
}

function isHeld({ implemented, different, missing }: ReturnType<typeof total>): boolean {
  return missing.length === 0 && different <= (implemented + different) * MOST_DIFFERENT;
}
