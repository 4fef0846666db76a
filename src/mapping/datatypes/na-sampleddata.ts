/**
 * NA, numeric array, to SampledData (HL7 v2.5.1 §2.A.44; guide: NA[SampledData]): each repetition is a row of the array.
 * Deviation: values are parted by blanks, as SampledData.data is (R4 §2.24.0.8); the guide writes `^`. An empty cell is `E` (not
 * available). R4 requires origin and period, which NA does not say: a plain array has the origin 0 and counts by one.
 */
import type { Quantity, SampledData } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components, MAX_REPETITIONS } from './components.ts';

/** Undefined where a value is no number, or nothing is there. */
export function naSampledData(segment: Segment, field: number, unit: Quantity): SampledData | undefined {
  const rows = Math.min(segment.repetitions(field), MAX_REPETITIONS);
  const widths = segment.tree(field).map((row) => row.length);
  const width = Math.max(0, ...widths);
  const cells: string[] = [];
  for (let row = 1; row <= rows; row++) {
    const at = components(segment, field, row);
    for (let column = 1; column <= width; column++) cells.push(at(column) || 'E');
  }
  if (!cells.some((cell) => cell !== 'E') || !cells.every((cell) => cell === 'E' || NUMBER.test(cell))) return undefined;
  return { origin: { value: 0, ...unit }, period: 1, dimensions: Math.max(1, width), data: cells.join(' ') };
}

const NUMBER = /^[+-]?\d+(?:\.\d+)?$/;
