/**
 * Whether a referral can be carried out: REF^I12 to I15 (HL7 v2.5.1 §11.5; §11.6.1 RF1, §11.6.3 PRD).
 * In: bytes and header. Out: a Verdict. A referral is about one patient and has a number, ours or the sender's (RF1-6, RF1-11), by which it
 * is changed, cancelled and answered.
 */
import { firstPart, type Header, isFit, type Refusal, readFields, readSegments, refusal, type SegmentPlace } from './header.ts';
import { isValued, missing, readPatient, refused, tooLong, type Verdict } from './verdict.ts';

export function judgeReferral(bytes: Buffer, header: Header): Verdict {
  const segments = readSegments(bytes, header);
  const misplaced = findRepeated(segments);
  if (misplaced) return refused(misplaced);
  const patient = readPatient(bytes, header, segments);
  if (typeof patient !== 'string') return refused(patient);
  const unfit = bytes.includes(0) ? refusal('invalid', 'holds NUL bytes', 'MSH', 0) : judgeNumber(bytes, header, segments);
  return unfit ? refused(unfit) : { disposition: 'accepted', patient };
}

/** One message, one referral of one patient. */
function findRepeated(segments: readonly SegmentPlace[]): Refusal | null {
  const second = ['RF1', 'PID'].find((name) => segments.filter((one) => one.name === name).length > 1);
  if (second) return refusal('segment-sequence', `a second ${second}`, second, 0, 2);
  return segments.some(({ name }) => name === 'MSH') ? refusal('segment-sequence', 'a second MSH', 'MSH', 0, 2) : null;
}

function judgeNumber(bytes: Buffer, header: Header, segments: readonly SegmentPlace[]): Refusal | null {
  const rf1 = segments.find(({ name }) => name === 'RF1');
  if (!rf1) return refusal('segment-sequence', 'REF without RF1', 'RF1', 0);
  const fields = readFields(bytes, rf1, header, 11);
  const numbers = [fields[6], fields[11]].map((field) => firstPart(field, header));
  if (!numbers.every(isFit)) return tooLong('RF1', 6);
  return numbers.some(isValued) ? null : missing('RF1', 6);
}
