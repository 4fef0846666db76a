/**
 * Fields of a message of results or of a document that come home as they came, each with how it is read for that: what is written otherwise and
 * says the same (`+0100` added, CE where the version has CWE, SCT for SNOMED) is no loss. What a field of the first message says and the same
 * field of the second does not is a loss.
 *
 * Not listed, because the answer says something else there, or nothing:
 * - OBX-16, TXA-5, TXA-22: who answers for the answer is who signed it. ORC-5, TXA-17 and TXA-19 are told from the report (a signed document is LA, AV).
 * - NTE of the patient and of the order: they are in the extension note of the report, which no receiver of ORU^R01 needs twice.
 * - OBX-1, TXA-1, TXA-12: the answer counts and numbers itself. TXA-4, TXA-7, TXA-8, TXA-16, TXA-18, TXA-25: of the other document.
 * - OBX-10, OBX-15, OBX-18 to 21, OBX-23 to 25, OBX-29, OBX-30, OBX-33: device, laboratory, specimen and number of the other's result.
 * - OBX-3.1.2 (the suffix IMP): FHIR says it by conclusion and conclusionCode, which go home with it.
 * - Of a result without a value, why there is none (OBX-32) comes home as words in OBX-5. OBX-11 A, amended, comes as C (and is not in Table
 *   0085 before v2.8), and an empty one as R: nothing becomes final unsaid. RP-2: an application of the other's.
 * - The types themselves: TX, FT and ST are one text, written as its length asks; CQ is NM with its unit in OBX-6; NR is SN.
 */
import { dateTimeOf, timeOf } from '../../../src/mapping/datatypes/ts-datetime.ts';
import { codeSystemOf } from '../../../src/mapping/vocabulary/0396-coding-system.ts';
import type { Segment } from '../../../src/protocols/hl7v2/message.ts';

/** What a field says: nothing of it may be missing afterwards. */
type Reading = (segment: Segment, field: number) => readonly string[];

const written: Reading = (segment, field) => segment.tree(field).map((one) => JSON.stringify(one));
const moment: Reading = (segment, field) => segment.tree(field).map(([one]) => dateTimeOf(one?.[0] ?? '', ZONE) ?? `no time: ${one?.[0]}`);
const codes: Reading = (segment, field) => segment.tree(field).map(([one]) => one?.[0] ?? '');
/** Each of the two codes of a CE with its words and its system; one without a system is local. Words alone as such. */
const coded: Reading = (segment, field) =>
  segment.tree(field).flatMap((one) =>
    [0, 3].flatMap((from) => {
      const [code = '', words = '', system = ''] = [0, 1, 2].map((part) => one[from + part]?.[0] ?? '');
      return code + words === '' ? [] : [`${code}|${words}|${code === '' ? '' : codeSystemOf(system || 'L', '')}`];
    }),
  );
/** Number and authority of an XCN; of an NDL the same in its first component. His name is the signer's, as configuration has it. */
const first: Reading = (segment, field) => written(segment, field).slice(0, 1);
const person: Reading = (segment, field) => numbered(segment.peek(field), segment.peek(field, 9));
const interpreter: Reading = (segment, field) => numbered(segment.peek(field), segment.peek(field, 1, 1, 9));
const numbered = (number: string, authority: string) => (authority === '' ? [number] : [number, `${number} of ${authority}`]);
/** The unit's code, or its words where it has none. */
const unit: Reading = (segment, field) => [segment.peek(field) || segment.peek(field, 2)];
/** Texts: each line. Other types (SN, NA, HD …) as they stand between the separators. */
const lines: Reading = (segment, field) =>
  segment
    .tree(field)
    .flatMap((_, index) => segment.text(field, index + 1).split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '');
const file: Reading = (segment, field) => [[2, 3, 5].map((part) => segment.peek(field, part)).join('|')];
const value: Reading = (segment, field) => (BY_TYPE[segment.peek(2)] ?? lines)(segment, field);

/** OBX-2 → how OBX-5 is read. */
const BY_TYPE: Readonly<Record<string, Reading>> = {
  TX: lines,
  FT: lines,
  ST: lines,
  CE: coded,
  CF: coded,
  CNE: coded,
  CWE: coded,
  ID: coded,
  IS: coded,
  DT: moment,
  DTM: moment,
  TS: moment,
  DR: (segment, field) => [1, 2].map((part) => dateTimeOf(segment.peek(field, part), ZONE) ?? ''),
  TM: (segment, field) => segment.tree(field).map(([one]) => timeOf(one?.[0] ?? '') ?? ''),
  NM: codes,
  CQ: codes,
  ED: file,
  RP: codes,
};

/** The peer's, and that of the messages. */
const ZONE = '+01:00';

export const LISTED: readonly (readonly [segment: string, field: number, reading: Reading])[] = [
  ['PID', 3, written],
  ['PID', 5, written],
  ['PID', 7, written],
  ['PID', 8, written],
  ['PV1', 19, written],
  ['ORC', 2, written],
  ['ORC', 3, written],
  ['OBR', 2, written],
  ['OBR', 3, written],
  ['OBR', 4, written],
  ['OBR', 7, moment],
  ['OBR', 8, moment],
  ['OBR', 16, written],
  ['OBR', 18, written],
  ['OBR', 22, moment],
  ['OBR', 24, written],
  ['OBR', 25, written],
  ['OBR', 32, interpreter],
  ['OBX', 3, coded],
  ['OBX', 4, written],
  ['OBX', 5, value],
  ['OBX', 6, unit],
  ['OBX', 7, written],
  ['OBX', 8, codes],
  ['OBX', 11, written],
  ['OBX', 14, moment],
  ['OBX', 17, coded],
  ['NTE', 3, written],
  ['TXA', 2, codes],
  ['TXA', 6, moment],
  ['TXA', 9, person],
  ['TXA', 14, written],
  ['TXA', 15, first],
];

/** What the listed fields of the one segments say, and those of the others do not, as `OBX-5 code: value`; results are known by their code. */
export function lost(before: readonly Segment[], after: readonly Segment[]): string[] {
  return LISTED.flatMap(([name, field, reading]) => {
    const said = (segments: readonly Segment[]) =>
      segments
        .filter((one) => one.name === name && !['', '""'].includes(one.raw(field)))
        .flatMap((one) => reading(one, field).map((text) => (name === 'OBX' ? `${one.peek(3)}: ${text}` : text)));
    const there = [...said(after), ...(reading === interpreter ? interpreters(after) : [])];
    return said(before)
      .filter((one) => !there.includes(one))
      .map((one) => `${name}-${field} ${one}`);
  });
}

/** OBR-32 as it is said from v2.7 on: a PRT whose role is PRI (HL7 Table 0912). */
function interpreters(segments: readonly Segment[]): string[] {
  return segments.filter((one) => one.name === 'PRT' && one.peek(4) === 'PRI').flatMap((one) => person(one, 5));
}
