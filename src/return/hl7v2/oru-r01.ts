/**
 * The answer for who asked by HL7 v2: ORU^R01 (HL7 v2.5.1 §7.3.1), written from the order's own bytes, so that his numbers come back as
 * he wrote them. In: the order's message, the verified report, a PDF. Out: the message, UTF-8.
 * Promises: order numbers are those of the order (never minted, ORC-2 empty where the placer gave none); a patient number that has
 * changed since is the current one; all that was signed is in it: conclusion, coded conclusions, contained results, file.
 * Works for 2.3 to 2.8: what the versions write otherwise is decided where it is written.
 */
import type { DiagnosticReport } from '@medplum/fhirtypes';
import type { CaseKey } from '../../model/case.ts';
import type { MllpDestination, Signer } from '../../model/config.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { FILLER_AUTHORITY } from '../../model/order.ts';
import type { Peer } from '../../model/peer.ts';
import { isBoundTo } from '../../protocols/fhir/attachment.ts';
import { buildMessage, type FieldValue, type SegmentValue, segment } from '../../protocols/hl7v2/escape.ts';
import { dateTimeField, interpreterField } from './hl7v2-fields.ts';
import { isSince27 } from './observation-fields.ts';
import {
  type Addressed,
  type AskedFor,
  askingOrder,
  copied,
  type DetailedGroup,
  identification,
  messageHeader,
  numberFields,
  visitOf,
} from './order-quote.ts';
import { participant, reportObservations } from './report-observations.ts';
import { orderStatusOf, reportStatus } from './result-status.ts';

export type OruInput = Addressed &
  AskedFor & {
    /** The message that ordered, as received, and which of its orders this is. */
    readonly order: Buffer;
    /** Set of the order where its MSH-18 is empty. */
    readonly orderCharset: Peer['charset'];
    readonly keys: readonly CaseKey[];
    readonly report: DiagnosticReport;
    /** The report that it takes back. */
    readonly withdrawn?: DiagnosticReport;
    readonly signer: Signer;
    /** Bytes of the report's PDF, null for none. */
    readonly pdf: Buffer | null;
    /** Filler number that was given here; '' for none. */
    readonly filler: string;
    readonly destination: Pick<MllpDestination, 'version' | 'text'>;
  };

export function composeOru(input: OruInput): Buffer | Failure {
  const asking = askingOrder(input);
  if (isFailure(asking)) return asking;
  const { order, group } = asking;
  if (!isSignedFile(input)) return failure('return', 'signature', 'the PDF is not the one that was signed');
  return buildMessage([
    messageHeader(input, ['ORU', 'R01'], 'ORU_R01'),
    ...identification(order, input),
    ...visitOf(order),
    commonOrder(group, input),
    ...request(group, input),
    ...reportObservations(input),
    ...group.studies.map((studies) => segment('ZDS', copied(studies, [1]))),
  ]);
}

/** A PDF that the report brought is bound by it; one that was rendered from it is not. */
export function isSignedFile({ report, pdf }: Pick<OruInput, 'report' | 'pdf'>): boolean {
  const brought = report.presentedForm?.find(({ contentType }) => contentType === 'application/pdf');
  return brought === undefined || pdf === null || isBoundTo(brought, pdf);
}

function commonOrder(group: DetailedGroup, input: OruInput): SegmentValue {
  const said = group.orc ? copied(group.orc, [4, 12]) : {};
  return segment('ORC', { 1: 'RE', ...numbersOf(group, input), ...said, 5: orderStatusOf(input.report) });
}

/** The order's own numbers; where it has no filler number, the one that was given here when one was asked for. */
function numbersOf(group: DetailedGroup, { filler }: OruInput): Record<number, FieldValue> {
  const numbers = numberFields(group);
  return numbers[3] === undefined && filler !== '' ? { ...numbers, 3: [filler, FILLER_AUTHORITY] } : numbers;
}

/** OBR, and who read: OBR-32 until v2.6. */
function request(group: DetailedGroup, input: OruInput): SegmentValue[] {
  const { report, signer, now, destination } = input;
  const { obr } = group;
  const performed = dateTimeField(report.effectiveDateTime ?? report.effectivePeriod?.start);
  const fields = {
    ...numbersOf(group, input),
    ...copied(obr, [2, 3, 4, 16, 18, 19, 20, 24]),
    ...(performed === '' ? copied(obr, [7]) : { 7: performed }),
    1: '1',
    8: dateTimeField(report.effectivePeriod?.end),
    22: dateTimeField(report.issued ?? now.toISOString()),
    25: reportStatus(report),
  };
  if (isSince27(destination.version)) return [segment('OBR', fields), participant('PRI', signer)];
  return [segment('OBR', { ...fields, 32: interpreterField(signer) })];
}
