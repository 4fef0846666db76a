/**
 * Whether a message of results or documents can be filed: ORU^R01, ORU^R30 (HL7 v2.5.1 §7.3), MDM^T01 to T11 (§9.6).
 * In: bytes, header. Out: a Verdict. Less is asked than of an order: nothing is begun by a result, and what it lacks is a gap of the mapping.
 * But it must be about one patient who can be told from others, and there must be something in it: a report or an observation, a document
 * with its number.
 */
import { firstPart, type Header, isFit, type Refusal, readFields, readSegments, refusal, type SegmentPlace } from './header.ts';
import { isValued, missing, readPatient, refused, tooLong, type Verdict } from './verdict.ts';

export function judgeResults(bytes: Buffer, header: Header): Verdict {
  const segments = readSegments(bytes, header);
  const holds = segments.some(({ name }) => name === 'OBR' || name === 'OBX');
  return judgeFiled(bytes, header, segments, holds ? null : refusal('segment-sequence', 'ORU without OBR', 'OBR', 0));
}

export function judgeDocument(bytes: Buffer, header: Header): Verdict {
  const segments = readSegments(bytes, header);
  return judgeFiled(bytes, header, segments, documentFault(bytes, header, segments));
}

/** One document a message, and its number: a later message speaks of it by that (TXA-12, required). */
function documentFault(bytes: Buffer, header: Header, segments: readonly SegmentPlace[]): Refusal | null {
  const txa = segments.filter(({ name }) => name === 'TXA');
  if (txa.length !== 1)
    return refusal('segment-sequence', txa.length === 0 ? 'MDM without TXA' : 'a second TXA', 'TXA', 0, txa.length || 1);
  const fields = readFields(bytes, txa[0] as SegmentPlace, header, 13);
  const [number = '', parent = ''] = [fields[12], fields[13]].map((field) => firstPart(field, header));
  if (!isValued(number)) return missing('TXA', 12);
  return isFit(number) && isFit(parent) ? null : tooLong('TXA', isFit(number) ? 13 : 12);
}

function judgeFiled(bytes: Buffer, header: Header, segments: readonly SegmentPlace[], fault: Refusal | null): Verdict {
  const misplaced = findMisplaced(segments) ?? fault;
  if (misplaced) return refused(misplaced);
  const patient = readPatient(bytes, header, segments);
  if (typeof patient !== 'string') return refused(patient);
  if (bytes.includes(0)) return refused(refusal('invalid', 'holds NUL bytes', 'MSH', 0));
  const unfit = segments.find((place) => (place.name === 'ORC' || place.name === 'OBR') && !hasFitNumbers(bytes, header, place));
  return unfit ? refused(tooLong(unfit.name, 2)) : { disposition: 'accepted', patient };
}

/** One message, one patient, and the patient before what is said of him. */
function findMisplaced(segments: readonly SegmentPlace[]): Refusal | null {
  let patients = 0;
  let begun = false;
  for (const { name } of segments) {
    if (name === 'MSH') return refusal('segment-sequence', 'a second MSH', 'MSH', 0, 2);
    if (name === 'ORC' || name === 'OBR' || name === 'OBX' || name === 'TXA') begun = true;
    if (name === 'PID' && (++patients > 1 || begun)) return refusal('segment-sequence', 'PID out of place', 'PID', 0, patients);
  }
  return null;
}

/** ORC-2 and -3, OBR-2 and -3. */
function hasFitNumbers(bytes: Buffer, header: Header, place: SegmentPlace): boolean {
  const fields = readFields(bytes, place, header, 3);
  return [fields[2], fields[3]].every((text) => isFit(firstPart(text, header)));
}

/** Trigger events of MDM (HL7 v2.5.1 §9.6): with content where even, but T11. */
export const DOCUMENT_EVENTS: readonly string[] = ['T01', 'T02', 'T03', 'T04', 'T05', 'T06', 'T07', 'T08', 'T09', 'T10', 'T11'];
