/** What judging a message at the door comes to, and the words for it. */
import { firstPart, type Header, isFit, type Refusal, readFields, refusal, type SegmentPlace } from './header.ts';

export type Verdict =
  /** `patient`: PID-3.1 as it stands, of the first identifier that has one; `others`: of those whom the message brings together with him. */
  | { readonly disposition: 'accepted'; readonly patient: string; readonly others?: readonly string[] }
  | { readonly disposition: 'ignored'; readonly detail: string }
  | { readonly disposition: 'refused'; readonly refusal: Refusal };

export function refused(why: Refusal): Verdict {
  return { disposition: 'refused', refusal: why };
}

export function missing(segment: string, field: number, sequence = 1): Refusal {
  return refusal('required-field', `${segment}-${field} is empty`, segment, field, sequence);
}

/** What cannot be an identifier, for it would not go into an index. */
export function tooLong(segment: string, field: number, sequence = 1): Refusal {
  return refusal('too-large', `${segment}-${field} is too long or holds control characters`, segment, field, sequence);
}

/** `""` deletes a value. */
export function isValued(text: string): boolean {
  return text.trim() !== '' && text !== '""';
}

/** PID-3.1 of the first identifier that has one. */
export function readPatient(bytes: Buffer, header: Header, segments: readonly SegmentPlace[]): string | Refusal {
  const pid = segments.find((place) => place.name === 'PID');
  if (!pid) return refusal('segment-sequence', `${header.code} without PID`, 'PID', 0);
  const identifiers = identifiersAt(bytes, header, pid, 3);
  if (!identifiers.every(isFit)) return tooLong('PID', 3);
  return identifiers.find(isValued) ?? missing('PID', 3);
}

/** The first subcomponent of each repetition of a field: identifiers as they stand, where the tree of the message has them. */
export function identifiersAt(bytes: Buffer, header: Header, place: SegmentPlace, field: number): string[] {
  const { repetition } = header.delimiters;
  return (readFields(bytes, place, header, field)[field] ?? '').split(repetition).map((one) => firstPart(one, header));
}
