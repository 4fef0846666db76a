/**
 * What a report says, as OBX segments (HL7 v2.5.1 §7.4.2): conclusion, its codes, its results, the file, in the order in which a person reads.
 * In: the report, who signed, the file, and how the receiver reads: its version (CE until 2.6, CWE from 2.7, where persons stand in PRT) and
 * whether text comes whole, a line or a paragraph an OBX. All of the text is sent each time, so that a correction stands for itself.
 * What takes back a report has an OBX in the place of each of that report (the same OBX-3 and OBX-4, by which a receiver finds it), status W.
 */
import type { DiagnosticReport, Observation } from '@medplum/fhirtypes';
import type { MllpDestination, Signer } from '../../model/config.ts';
import { type FieldValue, type SegmentValue, segment } from '../../protocols/hl7v2/escape.ts';
import { codedField, dateTimeField, personField } from './hl7v2-fields.ts';
import { flagsField, isSince27, rangeField, subIdField, type ValueFields, valueFields } from './observation-fields.ts';
import { observationStatus, ownStatus } from './result-status.ts';

export type ReportWords = {
  readonly report: DiagnosticReport;
  /** The report that it takes back. */
  readonly withdrawn?: DiagnosticReport;
  readonly signer: Signer;
  /** Bytes of the report's PDF, null for none. */
  readonly pdf: Buffer | null;
  readonly destination: Pick<MllpDestination, 'version' | 'text'>;
};

export function reportObservations(words: ReportWords): SegmentValue[] {
  const { report, withdrawn, pdf } = words;
  const listed = withdrawn ?? report;
  const code = codedField(listed.code);
  const status = ownStatus(report);
  const byLine = words.destination.text === 'lines';
  const coded = isSince27(words.destination.version) ? 'CWE' : 'CE';
  const results = (listed.contained ?? []).filter((one): one is Observation => one.resourceType === 'Observation');
  const texts = (withdrawn ? noticesOf(words, withdrawn) : textsOf(words, report)).map((value, index, all) => ({
    type: byLine ? 'TX' : 'FT',
    code,
    value,
    status,
    goesOn: byLine && index < all.length - 1,
  }));
  const own = withdrawn && !withdrawn.conclusion ? [] : texts;
  const said: Said[] = [
    ...own,
    // HL7 v2.5.1 §7.2.4: the suffix IMP is the diagnostic impression, coded.
    ...(listed.conclusionCode ?? []).map((concept) => ({
      type: coded,
      code: codedField(listed.code, 'IMP'),
      value: codedField(concept),
      status,
    })),
    ...results.map((result) => ({ ...resultOf(result, words.destination.version), ...(withdrawn ? { status } : {}) })),
    ...(pdf ? [{ type: 'ED', code, value: ['', 'application', 'pdf', 'Base64', pdf.toString('base64')], status }] : []),
    // A report without text had no OBX in whose place the notice could stand.
    ...(own === texts ? [] : texts),
  ];
  return observations(said, words);
}

/** PRT (HL7 v2.7 §7.4.4): what he did (HL7 Table 0912), and who. */
export function participant(role: 'PRI' | 'RO', signer: Signer): SegmentValue {
  return segment('PRT', { 2: 'UC', 4: [role, '', 'HL70912'], 5: personField(signer) });
}

/** The text as the receiver takes it. An empty line divides paragraphs; where text comes a line an OBX, it is an OBX without words. */
function textsOf({ destination }: ReportWords, { conclusion }: DiagnosticReport): string[] {
  if (!conclusion) return [];
  const text = conclusion.replace(/\r\n?/g, '\n');
  if (destination.text === 'lines') return text.split('\n');
  if (destination.text === 'sections') return text.split(/\n[^\S\n]*\n\s*/).filter((part) => part.trim() !== '');
  return [text];
}

/** The notice in the place of the first text of what it takes back; nothing in those of the others. */
function noticesOf(words: ReportWords, withdrawn: DiagnosticReport): string[] {
  const text = (words.report.conclusion ?? '').replace(/\r\n?/g, '\n');
  if (words.destination.text === 'lines') return text.split('\n');
  return [
    text,
    ...textsOf(words, withdrawn)
      .slice(1)
      .map(() => ''),
  ];
}

type Said = ValueFields & {
  readonly code: FieldValue;
  readonly status: string;
  /** OBX-4 that its sender gave it; '' for none. */
  readonly subId?: FieldValue;
  readonly flags?: FieldValue;
  readonly range?: string;
  readonly performed?: string;
  readonly method?: FieldValue;
  readonly notes?: readonly string[];
  /** A line of a text that goes on in the next OBX: the same OBX-4, and its reader is named after the last. */
  readonly goesOn?: boolean;
};

function observations(said: readonly Said[], { report, signer, destination }: ReportWords): SegmentValue[] {
  const performed = dateTimeField(report.effectiveDateTime ?? report.effectivePeriod?.start);
  const subIds = subIdsOf(said);
  return said.flatMap((one, index) => {
    const { type, code, value, unit = '', range = '', flags = '', status } = one;
    const own: Record<number, FieldValue> = one.method === undefined ? {} : { 17: one.method };
    const fields = { 1: String(index + 1), 2: type, 3: code, 4: subIds[index] ?? '', 5: value, 6: unit, 7: range, 8: flags, 11: status };
    const more = { ...own, ...fields, 14: one.performed || performed };
    const notes = (one.notes ?? []).map((text, at) => segment('NTE', { 1: String(at + 1), 3: text }));
    if (!isSince27(destination.version)) return [segment('OBX', { ...more, 16: personField(signer) }), ...notes];
    return [segment('OBX', more), ...(one.goesOn ? [] : [participant('RO', signer)]), ...notes];
  });
}

/** OBX-4 tells apart what has the same OBX-3: as its sender wrote it, else a number that nobody wrote. Lines of one text have the same. */
function subIdsOf(said: readonly Said[]): FieldValue[] {
  const taken = new Set(said.map(({ subId = '' }) => String(subId)));
  let last = 0;
  return said.map(({ subId = '' }, index) => {
    if (subId !== '') return subId;
    if (!said[index - 1]?.goesOn) {
      last++;
      while (taken.has(String(last))) last++;
    }
    return String(last);
  });
}

function resultOf(result: Observation, version: string): Said {
  return {
    ...valueFields(result, version),
    code: codedField(result.code),
    status: observationStatus(result),
    subId: subIdField(result),
    flags: flagsField(result),
    range: rangeField(result),
    performed: dateTimeField(result.effectiveDateTime ?? result.effectivePeriod?.start),
    ...(result.method ? { method: codedField(result.method) } : {}),
    notes: (result.note ?? []).flatMap(({ text }) => text ?? []),
  };
}
