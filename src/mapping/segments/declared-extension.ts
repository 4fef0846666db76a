/**
 * The action of a segment that declares something of a person (GSP-2, GSR-2, GSC-2; HL7 v2.9.1, HL7 Table 0206). In: the segment, and the
 * table that makes an extension of it. Out: the extension as `resolve-step.ts` takes it: without an id it is all that is known (a snapshot);
 * with one it stands beside the others, or takes the place of the one with its id; an id alone ends that one.
 * The id is made from the number of the declaration (field 3), or where an A has none, from its value.
 */
import { hash } from 'node:crypto';
import type { Extension } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { pathOf } from '../datatypes/datatype.ts';
import type { Draft } from '../draft.ts';
import type { SegmentTable } from '../segment-table.ts';

/** What carries extensions. */
export type Extended = { extension?: Extension[] };

/** `value`: the field that says what is declared. */
export function declaredExtension(
  segment: Segment,
  { table, url, value }: { readonly table: SegmentTable<Extended>; readonly url: string; readonly value: number },
  draft: Draft,
): Extension[] {
  switch (segment.peek(ACTION).trim().toUpperCase()) {
    case '':
    case 'S':
      firstValue(segment, ACTION);
      return table(segment, draft).extension ?? [];
    case 'A':
    case 'U': {
      firstValue(segment, ACTION);
      const id = idOf(segment, value);
      return (table(segment, draft).extension ?? []).map((extension) => ({ id, ...extension }));
    }
    case 'D':
      firstValue(segment, ACTION);
      return [{ id: idOf(segment, value), url }];
    case 'X':
      return [];
    default:
      draft.unmapped(pathOf({ segment, field: ACTION, component: 0, most: 1, draft }), 'HL7 Table 0206', firstValue(segment, ACTION));
      return [];
  }
}

function idOf(segment: Segment, value: number): string {
  const field = segment.raw(NUMBER) === '' ? value : NUMBER;
  const parts = field === NUMBER ? [1, 2, 3, 4] : [1, 2, 3];
  const said = parts.map((component) => segment.get(field, component)).join('^');
  return `${segment.name.toLowerCase()}-${hash('sha256', `${field}|${said}`).slice(0, 16)}`;
}

const ACTION = 2;
const NUMBER = 3;

/** A snapshot is told whole each time. */
export const SNAPSHOT_NUMBER = 'numbers what a snapshot tells whole: nothing is known by it';
