/**
 * HL7 Table 0485, extended priority (and 0027 before it), to ServiceRequest.priority (guide: ExtendedPriorityCodes, which maps S, A and R).
 * A code that is not known here never becomes routine in silence: it is urgent, kept in an extension, and listed. The codes of the table
 * that FHIR has no word for are kept in the extension too, so that their due times are not lost.
 */
import type { Priority } from '../../model/case.ts';

export const PRIORITY_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0485';

/** `exact`: the code says no more than the priority. `known`: the table has it. */
export type ReadPriority = { readonly priority: Priority; readonly exact: boolean; readonly known: boolean };

export function priorityOf(code: string): ReadPriority {
  const known = PRIORITY.get(code) ?? TIMED.find(([pattern]) => pattern.test(code))?.[1];
  return known ? { ...known, known: true } : { priority: 'urgent', exact: false, known: false };
}

type Row = Omit<ReadPriority, 'known'>;

const PRIORITY: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['S', { priority: 'stat', exact: true }],
  ['A', { priority: 'asap', exact: true }],
  ['R', { priority: 'routine', exact: true }],
  ['P', { priority: 'urgent', exact: false }], // preop: before the operation, whenever that is
  ['C', { priority: 'urgent', exact: false }], // callback: somebody waits at the telephone
  ['T', { priority: 'urgent', exact: false }], // timing critical
  ['PRN', { priority: 'routine', exact: false }], // as needed
  // Deviation: words that senders write where the table has letters.
  ['STAT', { priority: 'stat', exact: true }],
  ['ASAP', { priority: 'asap', exact: true }],
  ['URGENT', { priority: 'urgent', exact: true }],
  ['ROUTINE', { priority: 'routine', exact: true }],
]);

/** Timing critical within so many seconds, minutes, hours, days, weeks, months. */
const TIMED: readonly (readonly [RegExp, Row])[] = [
  [/^TS\d+$/, { priority: 'stat', exact: false }],
  [/^TM\d+$/, { priority: 'stat', exact: false }],
  [/^TH\d+$/, { priority: 'urgent', exact: false }],
  [/^T[DWL]\d+$/, { priority: 'routine', exact: false }],
];
