/** What is told of an object that landed, as the log keeps it. */
import { describe, expect, it } from '@jest/globals';
import { decodeFacts, encodeFacts, isStorable, type LandedEntry } from '../../../src/journal/landed-entry.ts';

const ENTRY: LandedEntry = {
  ...{ kind: 'dicom', peer: 'ct', type: '1.2.840.10008.5.1.4.1.1.2', controlId: '1.2.3', lane: 'ct|1.2' },
  payload: Buffer.from('{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Müller^Ana \\"A\\""}]}}'),
  ...{ received: new Date('2026-03-02T08:00:00.123Z'), gatherUntil: new Date('2026-03-02T08:00:00.250Z') },
  instance: {
    ...{ studyUid: '1.2', seriesUid: '1.2.1', transferSyntax: '1.2.840.10008.1.2.1', modality: 'CT', number: null, frames: 1, bytes: 900 },
    ...{ datasetOffset: 400, pixelOffset: 120 },
  },
};

describe('the facts of an object that landed', () => {
  it('come back as they were', () => {
    expect(decodeFacts(encodeFacts(ENTRY))).toEqual(ENTRY);
    const { gatherUntil: _, ...alone } = ENTRY;
    expect(decodeFacts(encodeFacts(alone))).toEqual(alone);
  });

  it('are not promised to be kept where the database would refuse them', () => {
    expect(isStorable(ENTRY)).toBe(true);
    expect(isStorable({ ...ENTRY, lane: 'ct|1.2\0' })).toBe(false);
    expect(isStorable({ ...ENTRY, instance: { ...ENTRY.instance, modality: '\0' } })).toBe(false);
    expect(isStorable({ ...ENTRY, instance: { ...ENTRY.instance, number: 2 ** 31 } })).toBe(false);
    expect(isStorable({ ...ENTRY, instance: { ...ENTRY.instance, frames: 2 ** 31 } })).toBe(false);
  });
});
