/** What a segment says beyond the fields that its mapping reads: listed, so that nothing is skipped in silence. */

import type { Segment } from '../../protocols/hl7v2/message.ts';
import { MAX_REPETITIONS } from '../datatypes/components.ts';
import type { Draft } from '../draft.ts';

export function listLeftovers(segment: Segment, read: ReadonlySet<number>, draft: Draft): void {
  for (let field = 1; field <= segment.length; field++) {
    if (segment.raw(field).length >= MAX_REPETITIONS && segment.repetitions(field) > MAX_REPETITIONS)
      draft.gap(`${segment.name}-${field}`, `only the first ${MAX_REPETITIONS} repetitions are read`);
    if (!read.has(field) && /[^\s^~&"]/.test(segment.raw(field))) {
      draft.gap(`${segment.name}-${field}`, 'has no place in FHIR here: the message keeps it');
    }
  }
}
