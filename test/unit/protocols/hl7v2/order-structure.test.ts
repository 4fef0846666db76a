import { describe, expect, it } from '@jest/globals';
import { orderRanges } from '../../../../src/protocols/hl7v2/order-structure.ts';

/** `MSH PID ORC:NW OBR`: orders as `start-prior-end`. */
function rangesOf(text: string, hasPrior = true): string {
  const segments = text.split(' ').map((one) => one.split(':'));
  const ranges = orderRanges(
    segments.map(([name]) => name as string),
    hasPrior ? (index) => segments[index]?.[1] ?? '' : null,
  );
  return ranges.map(({ start, prior, end }) => `${start}-${prior}-${end}`).join(' ');
}

describe('the orders of a message', () => {
  it.each([
    ['MSH PID', ''],
    ['MSH PID PV1 ORC:NW OBR OBX', '3-6-6'],
    ['MSH PID ORC:NW OBR ORC:NW OBR', '2-4-4 4-6-6'],
    ['MSH PID ORC:CA ORC:NW OBR', '2-3-3 3-5-5'],
  ])('%s: %s', (segments, ranges) => {
    expect(rangesOf(segments)).toBe(ranges);
  });

  it.each([
    ['with their patient', 'MSH PID ORC:NW OBR PID ORC:SC OBR OBX', '2-4-8'],
    ['with their visit', 'MSH PID ORC:NW OBR PV1 AL1 ORC:SC OBR', '2-4-8'],
    ['with the control code PR', 'MSH PID ORC:NW OBR ORC:PR OBR ORC:PR OBR', '2-4-8'],
    ['with an OBR of their own', 'MSH PID ORC:NW OBR OBX OBR OBX', '2-5-7'],
    ['and another order after them', 'MSH PID ORC:NW OBR PID ORC:PR OBR ORC:NW OBR', '2-4-7 7-9-9'],
  ])('has prior results %s', (_, segments, ranges) => {
    expect(rangesOf(segments)).toBe(ranges);
  });

  it('has none in types that know none: PV1 may then stand anywhere', () => {
    expect(rangesOf('MSH PID ORC:NW OBR PV1 ORC:NW OBR', false)).toBe('2-5-5 5-7-7');
  });
});
