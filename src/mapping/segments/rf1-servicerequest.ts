/**
 * RF1, referral information, to ServiceRequest (HL7 v2.5.1 §11.6.1, v2.9 §11.8.1). The guide has no RF1: what stands here is ours.
 * In: the segment. Out: parts of a ServiceRequest, and the numbers of the referral: the originator's (RF1-6) as the placer's, the other
 * side's (RF1-11) as the filler's.
 * RF1-12, -13, -15 to -18, -22, -23, -25 (documentation, treatments, benefits, source) are no part of what is asked and stay in the message.
 */
import type { ServiceRequest } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, eachRepetition } from '../datatypes/components.ts';
import { cweConceptIn, cweConceptOf, originalCode } from '../datatypes/cwe-code.ts';
import { type EntityIdentifier, eiIdentifier } from '../datatypes/ei-identifier.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { TX_STRING } from '../datatypes/tx-string.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import { XON_ORGANIZATION } from '../datatypes/xon-organization.ts';
import type { Draft } from '../draft.ts';
import { notValued, segmentTable, valued } from '../segment-table.ts';
import { REFERRAL_STATUS, REFERRAL_TYPE } from '../vocabulary/0281-referral-type.ts';
import { priorityOf, type ReadPriority } from '../vocabulary/0485-priority.ts';
import type { OrderNumbers } from './orc-servicerequest.ts';

export function referralNumbers(rf1: Segment, draft: Draft): OrderNumbers {
  const read = (field: number, type: string): EntityIdentifier | undefined =>
    eachRepetition(rf1, field, (at: Components) => eiIdentifier(at, draft.peer.accessionIssuer, type))[0];
  return { placer: read(6, 'PLAC'), filler: read(11, 'FILL') };
}

/** RF1-2, HL7 Table 0280: S, A and R, as in Table 0485. Null where it says none. */
export function referralPriority(rf1: Segment, draft: Draft): (ReadPriority & { readonly code: string }) | null {
  const [code] = eachRepetition(rf1, 2, (at) => at(1) || undefined);
  if (code === undefined) return null;
  const read = priorityOf(code.toUpperCase());
  if (!read.known) draft.unmapped('RF1-2', 'HL7 Table 0280', code);
  return { ...read, code };
}

/** RF1-1, where the table has it. */
export function referralStatus(rf1: Segment, draft: Draft): ServiceRequest['status'] | undefined {
  const code = rf1.get(1).trim();
  const status = REFERRAL_STATUS.codes.get(code.toUpperCase());
  if (code !== '' && code !== '""' && status === undefined) draft.unmapped('RF1-1', REFERRAL_STATUS.name, code);
  return status;
}

export const RF1_SERVICEREQUEST = segmentTable<ServiceRequest>(
  [
    ['RF1-1', '_status', originalCode(REFERRAL_STATUS, () => false)],
    ['RF1-3', 'category[]', cweConceptIn(REFERRAL_TYPE.system)],
    ['RF1-3', 'performerType', cweConceptOf(REFERRAL_TYPE)],
    ['RF1-4', 'orderDetail[]', cweConceptIn('http://terminology.hl7.org/CodeSystem/v2-0282')],
    ['RF1-5', 'locationCode[]', cweConceptIn('http://terminology.hl7.org/CodeSystem/v2-0284')],
    ['RF1-7', 'occurrenceDateTime', DTM_DATETIME, notValued('RF1-8')],
    ['RF1-7', 'occurrencePeriod.start', DTM_DATETIME, valued('RF1-8')],
    ['RF1-8', 'occurrencePeriod.end', DTM_DATETIME],
    ['RF1-9', 'authoredOn', DTM_DATETIME],
    ['RF1-10', 'reasonCode[]', cweConceptIn('http://terminology.hl7.org/CodeSystem/v2-0336')],
    ['RF1-14', 'reasonCode[].text', TX_STRING],
    ['RF1-19', 'performer[]', XON_ORGANIZATION],
    ['RF1-20', 'performer[]', XCN_PRACTITIONER],
    ['RF1-24', 'note[].text', TX_STRING],
  ],
  { choices: ['occurrence'] },
);
