/**
 * The answer as a document (HL7 v2.5.1 §9.6): MDM^T02 original, T06 addendum, T10 replacement, each with content, T11 cancel. In: as for the ORU. Out: the
 * message. TXA names the document, the one that it adds to or replaces, and the order; OBX carries text, codes, results and file as in the ORU.
 * An addendum (status appended) comes with the whole text, as it was signed: only its place (T06, parent) says that it was added to.
 * Deviation: §9.6.11 would have a document that was available replaced by one that says why it was wrong (T10). One that is taken back has no
 * replacement, and T11 is what receivers take documents out of sight by.
 */
import type { DiagnosticReport } from '@medplum/fhirtypes';
import type { ReportVersion } from '../../model/case.ts';
import type { Signer } from '../../model/config.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { FILLER_AUTHORITY } from '../../model/order.ts';
import { buildMessage, type FieldValue, type SegmentValue, segment } from '../../protocols/hl7v2/escape.ts';
import type { Hl7Message } from '../../protocols/hl7v2/message.ts';
import { codedField, dateTimeField, personField } from './hl7v2-fields.ts';
import { askingOrder, type DetailedGroup, identification, messageHeader, numberFields, visitOf } from './order-quote.ts';
import { isSignedFile, type OruInput } from './oru-r01.ts';
import { reportObservations } from './report-observations.ts';

export type MdmInput = OruInput & {
  /** Version of the report in its case, from 1; and the one that it corrects. */
  readonly document: ReportVersion;
  readonly corrects: ReportVersion | null;
  /** When it was signed. */
  readonly signedAt: string;
};

/** A document that was sent, and is taken back by what the report of the input says. */
export type MdmCancelInput = Omit<MdmInput, 'corrects' | 'pdf' | 'document'> & { readonly cancelled: ReportVersion };

/** MDM^T11 has no content (structure MDM_T01): the document is known by its number. */
export function composeMdmCancel(input: MdmCancelInput): Buffer | Failure {
  const asking = askingOrder(input);
  if (isFailure(asking)) return asking;
  const { order, group } = asking;
  return buildMessage([
    messageHeader(input, ['MDM', 'T11'], 'MDM_T01'),
    event('T11', input),
    ...identification(order, input),
    visitIn(order),
    cancellation(group, input),
  ]);
}

/** HL7 Table 0273 CA: deleted. */
function cancellation(group: DetailedGroup, input: MdmCancelInput): SegmentValue {
  const { signer, signedAt, cancelled } = input;
  return segment('TXA', {
    1: '1',
    2: typeOf(input.report),
    3: 'FT',
    8: dateTimeField(signedAt),
    9: personField(signer),
    12: numberOf(cancelled),
    ...ordersIn(group, input),
    17: 'LA',
    19: 'CA',
    21: reasonIn(input),
    22: authenticated(signer, signedAt),
  });
}

/** ST of 30 characters until v2.6: a reason that is longer is not cut. */
function reasonIn({ report, destination }: MdmCancelInput): string {
  const reason = report.conclusion?.trim().replace(/\s+/g, ' ') ?? '';
  return reason === '' || (destination.version < '2.7' && reason.length > 30) ? 'entered in error' : reason;
}

export function composeMdm(input: MdmInput): Buffer | Failure {
  const asking = askingOrder(input);
  if (isFailure(asking)) return asking;
  const { order, group } = asking;
  if (!isSignedFile(input)) return failure('return', 'signature', 'the PDF is not the one that was signed');
  const trigger = triggerOf(input);
  return buildMessage([
    messageHeader(input, ['MDM', trigger], 'MDM_T02'),
    event(trigger, input),
    ...identification(order, input),
    visitIn(order),
    document(group, input),
    ...reportObservations(input),
  ]);
}

/** HL7 Table 0003. The content of all three has the structure MDM_T02. */
function triggerOf({ report, corrects }: MdmInput): 'T02' | 'T06' | 'T10' {
  if (corrects === null) return 'T02';
  return report.status === 'appended' ? 'T06' : 'T10';
}

/** EVN-1 is withdrawn since v2.7. */
function event(trigger: string, { destination, now }: Pick<MdmInput, 'destination' | 'now'>): SegmentValue {
  return segment('EVN', { 1: destination.version < '2.7' ? trigger : '', 2: dateTimeField(now.toISOString()) });
}

/** PV1 is required here; an order without one says nothing of the patient's class: U, unknown (HL7 Table 0004). */
function visitIn(order: Hl7Message): SegmentValue {
  return visitOf(order)[0] ?? segment('PV1', { 1: '1', 2: 'U' });
}

function document(group: DetailedGroup, input: MdmInput): SegmentValue {
  const { report, signer, pdf, corrects, signedAt } = input;
  const issued = dateTimeField(report.issued ?? signedAt);
  const fields: Record<number, FieldValue> = {
    1: '1',
    2: typeOf(report),
    3: pdf ? 'AP' : 'FT',
    4: dateTimeField(report.effectiveDateTime ?? report.effectivePeriod?.start) || issued,
    5: personField(signer),
    6: issued,
    8: corrects ? issued : '',
    9: personField(signer),
    12: numberOf(input.document),
    13: corrects ? numberOf(corrects) : '',
    ...ordersIn(group, input),
    // HL7 Table 0271 LA: legally authenticated; Table 0273 AV: available for patient care.
    17: 'LA',
    19: 'AV',
    22: authenticated(signer, signedAt),
  };
  return segment('TXA', fields);
}

/** The order's own numbers: placer (14), filler (15). */
function ordersIn(group: DetailedGroup, { filler }: Pick<MdmInput, 'filler'>): Record<number, FieldValue> {
  const numbers = numberFields(group);
  return { 14: numbers[2] ?? '', 15: numbers[3] ?? (filler === '' ? '' : [filler, FILLER_AUTHORITY]) };
}

/** PPN: who authenticated, and when (component 15). */
function authenticated(signer: Signer, signedAt: string): FieldValue {
  return [...personField(signer), '', '', '', '', '', dateTimeField(signedAt)];
}

/** EI of a document: the report's id and, from the second on, its version in the case. */
function numberOf({ reference, version }: ReportVersion): FieldValue {
  const id = reference
    .slice(reference.indexOf('/') + 1)
    .replaceAll('-', '')
    .slice(0, DOCUMENT_NUMBER_LENGTH);
  return [version === '1' ? id : `${id}-${version}`, FILLER_AUTHORITY];
}

const DOCUMENT_NUMBER_LENGTH = 20;

/** HL7 Table 0270: the code of the report where it is one of that table, else by its LOINC code. */
function typeOf({ code }: DiagnosticReport): string {
  const own = code?.coding?.find(({ system }) => system === 'http://terminology.hl7.org/CodeSystem/v2-0270')?.code;
  return own ?? DOCUMENT_TYPES[String(codedField(code)[0])] ?? 'CN';
}

const DOCUMENT_TYPES: Readonly<Record<string, string>> = {
  '18748-4': 'DI', // diagnostic imaging
  '60570-9': 'SP', // surgical pathology
  '11529-5': 'SP',
};
