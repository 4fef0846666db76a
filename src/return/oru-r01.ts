/**
 * The answer for who asked by HL7 v2: ORU^R01 (HL7 v2.5.1 §7.3.1), written from the order's own bytes, so that his numbers come back as
 * he wrote them. In: the order's message, the verified report, a PDF. Out: the message, UTF-8.
 * Promises: order numbers are those of the order (never minted, ORC-2 empty where the placer gave none); a patient number that has
 * changed since is the current one; all that was signed is in it: conclusion, coded conclusions, contained results, file.
 * Works for 2.3.1 to 2.5.1, whose segments agree in what is written here.
 */
import type { DiagnosticReport, Observation } from '@medplum/fhirtypes';
import type { CaseKey } from '../model/case.ts';
import type { Signer } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { Peer } from '../model/peer.ts';
import { isBoundTo } from '../protocols/fhir/attachment.ts';
import { valueText } from '../protocols/fhir/observation-text.ts';
import { buildMessage, type FieldValue, type SegmentValue, segment } from '../protocols/hl7v2/escape.ts';
import { parseMessage } from '../protocols/hl7v2/message.ts';
import { codedField, dateTimeField, interpreterField, personField, unitField } from './hl7v2-fields.ts';
import {
  type Addressed,
  type AskedFor,
  copied,
  type DetailedGroup,
  groupFor,
  identification,
  messageHeader,
  numberFields,
} from './order-quote.ts';

export type OruInput = Addressed &
  AskedFor & {
    /** The message that ordered, as received, and which of its orders this is. */
    readonly order: Buffer;
    /** Set of the order where its MSH-18 is empty. */
    readonly orderCharset: Peer['charset'];
    readonly keys: readonly CaseKey[];
    readonly report: DiagnosticReport;
    readonly signer: Signer;
    /** Bytes of the report's PDF, null for none. */
    readonly pdf: Buffer | null;
  };

export function composeOru(input: OruInput): Buffer | Failure {
  const order = parseMessage(input.order, input.orderCharset);
  if (isFailure(order)) return order;
  const group = groupFor(order, input.keys);
  if (group === null) return failure('return', 'not-found', 'the order is not found in the message that brought it');
  if (!isSignedFile(input)) return failure('return', 'signature', 'the PDF is not the one that was signed');
  const visit = order.first('PV1');
  return buildMessage([
    messageHeader(input, ['ORU', 'R01'], 'ORU_R01'),
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

function commonOrder(group: DetailedGroup): SegmentValue {
  return segment('ORC', { 1: 'RE', ...numberFields(group), ...(group.orc ? copied(group.orc, [4, 12]) : {}) });
}

function request({ orc, obr }: DetailedGroup, { report, signer, now }: OruInput): SegmentValue {
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
