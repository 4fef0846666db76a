/** HL7's v2-to-FHIR guide, row by row, as `npm run conformance` prints it: what is neither there nor deliberately different fails. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readGuide } from '../conformance/guide.ts';
import { survey } from '../conformance/survey.ts';

const FOLDER = '../shared/corpora/hl7v2/v2-to-fhir/mappings';
const withGuide = existsSync(FOLDER) ? describe : describe.skip;

withGuide('the v2-to-FHIR guide', () => {
  it('has no row that is neither implemented nor different with a reason, and at most one in twenty is different', () => {
    const lines = survey(readGuide(FOLDER));
    const sum = (count: (line: (typeof lines)[number]) => number) => lines.reduce((total, line) => total + count(line), 0);
    expect(lines.flatMap(({ missing }) => missing)).toEqual([]);
    expect(sum(({ different }) => different) / sum(({ implemented, different }) => implemented + different)).toBeLessThanOrEqual(0.05);
  });
});
