/**
 * Observations among the segments of a group: each OBX with the notes and participants that follow it (HL7 v2.5.1 §7.3.1, v2.9 §7.4.4).
 * A report sent line by line, an OBX a line, is one observation: text (TX, FT) goes on where the next OBX differs in its number and its
 * text only. Observations of the same code that OBX-4 tells apart stay apart.
 */
import type { Segment } from '../../protocols/hl7v2/message.ts';
import type { ObservationSegments } from '../segments/obx-observation.ts';

export function observationsIn(segments: readonly Segment[]): ObservationSegments[] {
  const observations: { obx: Segment; continued: Segment[]; notes: Segment[]; participants: Segment[] }[] = [];
  let open = false;
  for (const segment of segments) {
    const last = observations.at(-1);
    if (segment.name === 'OBX') {
      if (open && last && last.notes.length === 0 && last.participants.length === 0 && goesOn(last.obx, segment))
        last.continued.push(segment);
      else observations.push({ obx: segment, continued: [], notes: [], participants: [] });
      open = true;
    } else if (open && last && segment.name === 'NTE') last.notes.push(segment);
    else if (open && last && segment.name === 'PRT') last.participants.push(segment);
    else open = false;
  }
  return observations;
}

function goesOn(first: Segment, next: Segment): boolean {
  if (!JOINED_TYPES.has(first.peek(2)) || first.peek(3) === '') return false;
  const fields = Math.max(first.length, next.length);
  if (fields > MAX_FIELDS) return false;
  for (let field = 2; field <= fields; field++) {
    if (field !== 5 && first.raw(field) !== next.raw(field)) return false;
  }
  return true;
}

/** The standard has some thirty; a hostile first line could have as many as the message holds, to be gone through at every line. */
const MAX_FIELDS = 100;
/** HL7 Table 0125. ST is a value of its own each time: UIDs, names. */
const JOINED_TYPES: ReadonlySet<string> = new Set(['TX', 'FT']);
