/** The same as `npm run fuzz`, with few mutants, always the same ones. */
import { describe, expect, it } from '@jest/globals';
import { fuzzDicomDoors } from '../support/dicom-fuzz.ts';

describe('both DICOM doors, of wrong bytes', () => {
  it('are not harmed, and serve what they took byte for byte', async () => {
    const report = await fuzzDicomDoors({ seed: 20_260_302, mutants: 600, seconds: 240 });
    expect(report.faults).toEqual([]);
    for (const count of [report.taken, report.refused, report.closed]) expect(count).toBeGreaterThan(10);
  }, 900_000);
});
