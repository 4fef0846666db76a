/**
 * The answer for who asked by HL7 v2: ORU^R01 (HL7 v2.5.1 §7.3.1), written from the order's own bytes, so that his numbers come back as
 * he wrote them. In: the order's message, the verified report, a PDF. Out: the message, UTF-8.
 * Promises: order numbers are those of the order (never minted, ORC-2 empty where the placer gave none); a patient number that has
 * changed since is the current one; all that was signed is in it: conclusion, coded conclusions, contained results, file.
 * Works for 2.3.1 to 2.5.1, whose segments agree in what is written here.
 */
import type { DiagnosticReport, Observation, Patient } from '@medplum/fhirtypes';
import { components } from '../mapping/datatypes/components.ts';
import { cxIdentifier } from '../mapping/datatypes/cx-identifier.ts';
import type { CaseKey } from '../model/case.ts';
import type { MllpDestination, Signer } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { Peer } from '../model/peer.ts';
import { isBoundTo } from '../protocols/fhir/attachment.ts';
import { valueText } from '../protocols/fhir/observation-text.ts';
import { buildMessage, type ComponentValue, type FieldValue, type SegmentValue, segment } from '../protocols/hl7v2/escape.ts';
import { type Hl7Message, parseMessage, type Segment } from '../protocols/hl7v2/message.ts';
import { codedField, dateTimeField, interpreterField, personField, unitField } from './hl7v2-fields.ts';

export type OruInput = {
  /** The message that ordered, as received, and which of its orders this is. */
  readonly order: Buffer;
  /** Set of the order where its MSH-18 is empty. */
  readonly orderCharset: Peer['charset'];
  readonly keys: readonly CaseKey[];
  /** The patient as he now is, and the authority of numbers that the order's sender leaves without one. */
  readonly patient: Patient | null;
  readonly patientAuthority: string;
  readonly report: DiagnosticReport;
  readonly signer: Signer;
  /** Bytes of the report's PDF, null for none. */
  readonly pdf: Buffer | null;
  readonly destination: Pick<MllpDestination, 'receivingApplication' | 'receivingFacility' | 'version'>;
  readonly sender: { readonly application: string; readonly facility: string };
  /** MSH-10. */
  readonly controlId: string;
  readonly now: Date;
};

export function composeOru(input: OruInput): Buffer | Failure {
  const order = parseMessage(input.order, input.orderCharset);
  if (isFailure(order)) return order;
  const group = groupFor(order, input.keys);
  if (group === null) return failure('return', 'not-found', 'the order is not found in the message that brought it');
  if (!isSignedFile(input)) return failure('return', 'signature', 'the PDF is not the one that was signed');
  const visit = order.first('PV1');
  return buildMessage([
    header(input),
    ...identification(order, input),
    ...(visit ? [segment('PV1', copied(visit, [1, 2, 3, 19]))] : []),
    commonOrder(group),
    request(group, input),
    ...observations(input),
    ...group.studies.map((studies) => segment('ZDS', copied(studies, [1]))),
  ]);
}

/** A PDF that the report brought is bound by it; one that was rendered from it is not. */
function isSignedFile({ report, pdf }: OruInput): boolean {
  const brought = report.presentedForm?.find(({ contentType }) => contentType === 'application/pdf');
  return brought === undefined || pdf === null || isBoundTo(brought, pdf);
}

/** One order of a message: ORC, OBR and the study UIDs that stand with them. */
type OrderGroup = { readonly orc: Segment | null; readonly obr: Segment; readonly studies: readonly Segment[] };

/** The order that carries the most of the case's numbers; the only one there is. */
function groupFor(order: Hl7Message, keys: readonly CaseKey[]): OrderGroup | null {
  const groups = groupsOf(order);
  const scored = groups.map((group) => ({ group, score: keys.filter((key) => numbersOf(group, key.kind).includes(key.value)).length }));
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a), scored[0] ?? { group: null, score: 0 });
  return groups.length > 1 && best.score === 0 ? null : best.group;
}

function groupsOf(order: Hl7Message): OrderGroup[] {
  const groups: OrderGroup[] = [];
  let orc: Segment | null = null;
  for (const one of order.segments) {
    if (one.name === 'ORC') orc = one;
    if (one.name === 'OBR') groups.push({ orc, obr: one, studies: [] });
    const last = groups.at(-1);
    if (one.name === 'ZDS' && last) groups[groups.length - 1] = { ...last, studies: [...last.studies, one] };
  }
  return groups;
}

function numbersOf({ orc, obr }: OrderGroup, kind: CaseKey['kind']): string[] {
  if (kind === 'placer') return [orc?.get(2) ?? '', obr.get(2)];
  if (kind === 'filler') return [orc?.get(3) ?? '', obr.get(3)];
  return kind === 'accession' ? [obr.get(18), obr.get(3), obr.get(20)] : [];
}

function header({ destination, sender, controlId, now }: OruInput): SegmentValue {
  return segment('MSH', {
    3: sender.application,
    4: sender.facility,
    5: destination.receivingApplication,
    6: destination.receivingFacility,
    7: dateTimeField(now.toISOString()),
    // The third component came with 2.3.1, where receivers of 2.3 still stumble over it.
    9: destination.version.startsWith('2.3') ? ['ORU', 'R01'] : ['ORU', 'R01', 'ORU_R01'],
    10: controlId,
    11: 'P',
    12: destination.version,
    18: 'UNICODE UTF-8',
  });
}

function identification(order: Hl7Message, input: OruInput): SegmentValue[] {
  const pid = order.first('PID');
  return pid ? [segment('PID', { ...copied(pid, [1, 5, 7, 8, 18]), 3: { repetitions: currentNumbers(pid, input) } })] : [];
}

/**
 * PID-3 of the order, each number as it now is with its authority. Numbers of other authorities are not told: they are not the
 * asking hospital's business.
 */
function currentNumbers(pid: Segment, { patient, patientAuthority }: OruInput): readonly ComponentValue[][] {
  const known = (patient?.identifier ?? []).filter(({ use }) => use !== 'old');
  return pid.tree(3).map((repetition, index) => {
    const { system, value } = cxIdentifier(components(pid, 3, index + 1), patientAuthority, '+00:00')?.identifier ?? {};
    const ofAuthority = known.filter((identifier) => identifier.system === system);
    const stands = ofAuthority.length === 0 || ofAuthority.some((identifier) => identifier.value === value);
    return stands ? [...repetition] : [ofAuthority[0]?.value ?? '', '', '', ...repetition.slice(3)];
  });
}

function commonOrder({ orc, obr }: OrderGroup): SegmentValue {
  const placer = orc && orc.raw(2) !== '' ? orc : obr;
  const filler = orc && orc.raw(3) !== '' ? orc : obr;
  return segment('ORC', { 1: 'RE', ...copied(placer, [2]), ...copied(filler, [3]), ...(orc ? copied(orc, [4, 12]) : {}) });
}

function request({ orc, obr }: OrderGroup, { report, signer, now }: OruInput): SegmentValue {
  const numbers = { ...(orc ? copied(orc, [2, 3]) : {}), ...copied(obr, [2, 3]) };
  const performed = dateTimeField(report.effectiveDateTime ?? report.effectivePeriod?.start);
  return segment('OBR', {
    ...numbers,
    ...copied(obr, [4, 16, 18, 19, 20, 24]),
    ...(performed === '' ? copied(obr, [7]) : { 7: performed }),
    1: '1',
    8: dateTimeField(report.effectivePeriod?.end),
    22: dateTimeField(report.issued ?? now.toISOString()),
    25: resultStatus(report),
    32: interpreterField(signer),
  });
}

/** One OBX a thing said, in the order a person reads: conclusion, its codes, results, the file. */
function observations(input: OruInput): SegmentValue[] {
  const { report, pdf } = input;
  const code = codedField(report.code);
  const results = (report.contained ?? []).filter((one): one is Observation => one.resourceType === 'Observation');
  const said: Said[] = [
    ...(report.conclusion ? [{ type: 'FT', code, value: report.conclusion }] : []),
    // HL7 v2.5.1 §7.2.4: the suffix IMP is the diagnostic impression, coded.
    ...(report.conclusionCode ?? []).map((concept) => ({ type: 'CE', code: codedField(report.code, 'IMP'), value: codedField(concept) })),
    ...results.map(resultOf),
    ...(pdf ? [{ type: 'ED', code, value: ['', 'application', 'pdf', 'Base64', pdf.toString('base64')] }] : []),
  ];
  return said.map((one, index) => observation(one, index + 1, input));
}

type Said = {
  readonly type: string;
  readonly code: FieldValue;
  readonly value: FieldValue;
  readonly unit?: FieldValue;
  readonly flag?: string;
};

/** OBX-4 tells apart what has the same OBX-3. */
function observation({ type, code, value, unit = '', flag = '' }: Said, number: number, { report, signer }: OruInput): SegmentValue {
  const performed = dateTimeField(report.effectiveDateTime ?? report.effectivePeriod?.start);
  const fields = { 1: String(number), 2: type, 3: code, 4: String(number), 5: value, 6: unit, 8: flag };
  return segment('OBX', { ...fields, 11: resultStatus(report), 14: performed, 16: personField(signer) });
}

function resultOf(result: Observation): Said {
  const code = codedField(result.code);
  const flag = result.interpretation?.[0]?.coding?.[0]?.code ?? '';
  const { valueQuantity: quantity, valueCodeableConcept: concept, valueInteger: integer } = result;
  if (result.component?.length) return { type: 'FT', code, value: valueText(result), flag };
  if (quantity?.value !== undefined) {
    const number = String(quantity.value);
    const unit = unitField(quantity);
    return quantity.comparator
      ? { type: 'SN', code, value: [quantity.comparator, number], unit, flag }
      : { type: 'NM', code, value: number, unit, flag };
  }
  if (integer !== undefined) return { type: 'NM', code, value: String(integer), flag };
  return concept ? { type: 'CE', code, value: codedField(concept), flag } : { type: 'FT', code, value: valueText(result), flag };
}

/**
 * HL7 Tables 0123 (OBR-25) and 0085 (OBX-11). An addendum repeats the whole text, so it is a correction: `A` of Table 0123 means that
 * some results are still missing.
 */
function resultStatus({ status }: DiagnosticReport): string {
  return status === 'final' ? 'F' : 'C';
}

/** Fields of a segment as they came; one that asks to delete says nothing here. */
function copied(from: Segment, fields: readonly number[]): Record<number, FieldValue> {
  const given = fields.filter((field) => from.raw(field) !== '' && from.raw(field) !== '""');
  return Object.fromEntries(given.map((field) => [field, { repetitions: from.tree(field) }]));
}
