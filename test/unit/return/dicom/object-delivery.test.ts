import { describe, expect, it } from '@jest/globals';
import { laneOf, objectDelivery } from '../../../../src/return/dicom/object-delivery.ts';

const OBJECT = {
  ...{ studyUid: '2.25.1', sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '2.25.1.1.1', transferSyntax: '1.2.840.10008.1.2.1' },
  ...{ blob: 'ab'.repeat(32), bytes: 1000, datasetOffset: 300 },
};

describe('a stored object as a delivery', () => {
  it('names the object and holds nothing of it', () => {
    const destination = { name: 'pacs', associations: 1 };
    const { content, ...delivery } = objectDelivery({
      id: 'one',
      destination,
      caseId: 'case',
      seq: 7,
      object: { ...OBJECT, header: 'x' } as typeof OBJECT,
    });
    expect(delivery).toEqual({
      id: 'one',
      destination: 'pacs',
      kind: 'dicom-object',
      caseId: 'case',
      seq: 7,
      controlId: '2.25.1.1.1',
      lane: 'pacs',
    });
    expect(JSON.parse(content.toString())).toEqual(OBJECT);
  });

  it('keeps a study to one lane, and gives studies as many as the destination takes associations', () => {
    const studies = Array.from({ length: 100 }, (_, n) => `2.25.${n}`);
    const lanes = studies.map((study) => laneOf({ name: 'pacs', associations: 3 }, study));
    expect([...new Set(lanes)].sort()).toEqual(['pacs 1', 'pacs 2', 'pacs 3']);
    expect(studies.map((study) => laneOf({ name: 'pacs', associations: 3 }, study))).toEqual(lanes);
  });
});
