/**
 * What a report says, as OBX segments (HL7 v2.5.1 §7.4.2): conclusion, its codes, its results, the file, in the order in which a person reads.
 * In: the report, who signed, the file, and how the receiver reads: its version (CE until 2.6, CWE from 2.7, where persons stand in PRT) and
 * whether text comes whole, a line or a paragraph an OBX. All of the text is sent each time, so that a correction stands for itself.
 */
import type { DiagnosticReport, Observation } from '@medplum/fhirtypes';
import type { MllpDestination, Signer } from '../model/config.ts';
import { valueText } from '../protocols/fhir/observation-text.ts';
import { type FieldValue, type SegmentValue, segment } from '../protocols/hl7v2/escape.ts';
import { codedField, dateTimeField, personField, unitField } from './hl7v2-fields.ts';
import { observationStatus, ownStatus } from './result-status.ts';

export type ReportWords = {
  readonly report: DiagnosticReport;
  readonly signer: Signer;
  /** Bytes of the report's PDF, null for none. */
  readonly pdf: Buffer | null;
  readonly destination: Pick<MllpDestination, 'version' | 'text'>;
};

export function reportObservations(words: ReportWords): SegmentValue[] {
  const { report, pdf } = words;
  const code = codedField(report.code);
  const status = ownStatus(report);
  const coded = isWithParticipants(words.destination.version) ? 'CWE' : 'CE';
  const results = (report.contained ?? []).filter((one): one is Observation => one.resourceType === 'Observation');
  const said: Said[] = [
    ...textsOf(words).map((value) => ({ type: words.destination.text === 'lines' ? 'TX' : 'FT', code, value, status })),
    // HL7 v2.5.1 §7.2.4: the suffix IMP is the diagnostic impression, coded.
    ...(report.conclusionCode ?? []).map((concept) => ({
      type: coded,
      code: codedField(report.code, 'IMP'),
      value: codedField(concept),
      status,
    })),
    ...results.map((result) => resultOf(result, coded)),
    ...(pdf ? [{ type: 'ED', code, value: ['', 'application', 'pdf', 'Base64', pdf.toString('base64')], status }] : []),
  ];
  return said.flatMap((one, index) => observation(one, index + 1, words));
}

/** From v2.7 on the persons of an order or observation stand in PRT; the fields they had are there for old receivers only. */
export function isWithParticipants(version: string): boolean {
  return version >= '2.7';
}

/** PRT (HL7 v2.7 §7.4.4): what he did (HL7 Table 0912), and who. */
export function participant(role: 'PRI' | 'RO', signer: Signer): SegmentValue {
  return segment('PRT', { 2: 'UC', 4: [role, '', 'HL70912'], 5: personField(signer) });
}

/** The text as the receiver takes it. An empty line divides paragraphs; where text comes a line an OBX, it is an OBX without words. */
function textsOf({ report: { conclusion }, destination }: ReportWords): string[] {
  if (!conclusion) return [];
  const text = conclusion.replace(/\r\n?/g, '\n');
  if (destination.text === 'lines') return text.split('\n');
  if (destination.text === 'sections') return text.split(/\n[^\S\n]*\n\s*/).filter((part) => part.trim() !== '');
  return [text];
}

type Said = {
  readonly type: string;
  readonly code: FieldValue;
  readonly value: FieldValue;
  readonly unit?: FieldValue;
  readonly flag?: string;
  readonly status: string;
};

/** OBX-4 tells apart what has the same OBX-3. */
function observation(
  { type, code, value, unit = '', flag = '', status }: Said,
  number: number,
  { report, signer, destination }: ReportWords,
): SegmentValue[] {
  const performed = dateTimeField(report.effectiveDateTime ?? report.effectivePeriod?.start);
  const fields = { 1: String(number), 2: type, 3: code, 4: String(number), 5: value, 6: unit, 8: flag, 11: status, 14: performed };
  if (isWithParticipants(destination.version)) return [segment('OBX', fields), participant('RO', signer)];
  return [segment('OBX', { ...fields, 16: personField(signer) })];
}

function resultOf(result: Observation, coded: string): Said {
  const said = {
    code: codedField(result.code),
    flag: result.interpretation?.[0]?.coding?.[0]?.code ?? '',
    status: observationStatus(result),
  };
  const { valueQuantity: quantity, valueCodeableConcept: concept, valueInteger: integer } = result;
  if (result.component?.length) return { ...said, type: 'FT', value: valueText(result) };
  if (quantity?.value !== undefined) {
    const number = String(quantity.value);
    const unit = unitField(quantity);
    if (quantity.comparator) return { ...said, type: 'SN', value: [quantity.comparator, number], unit };
    return { ...said, type: 'NM', value: number, unit };
  }
  if (integer !== undefined) return { ...said, type: 'NM', value: String(integer) };
  return concept ? { ...said, type: coded, value: codedField(concept) } : { ...said, type: 'FT', value: valueText(result) };
}
