/** The journal entry of one DICOM instance whose header says little: of which patient, which study, which accession number. */
import { createHash } from 'node:crypto';
import type { NewEntry } from '../../src/model/entry.ts';
import type { NewInstance } from '../../src/model/instance.ts';

let sent = 0;

export function sliceEntry(study: string, accession: string, patient: string, { issuer = 'HOSP', peer = 'ct' } = {}): NewEntry {
  const uid = `2.25.7${++sent}`;
  const attributes: [string, string, string][] = [
    ['00080018', 'UI', uid],
    ['00080050', 'SH', accession],
    ['00080060', 'CS', 'CT'],
    ['00100020', 'LO', patient],
    ['00100021', 'LO', issuer],
    ['0020000D', 'UI', study],
    ['0020000E', 'UI', `${study}.1`],
  ];
  const said = attributes.filter(([, , value]) => value !== '').map(([tag, vr, value]) => [tag, { vr, Value: [value] }]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(said)));
  const digest = createHash('sha256').update(header).digest();
  const received = new Date();
  const instance: NewInstance = {
    sopInstanceUid: uid,
    studyUid: study,
    seriesUid: `${study}.1`,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntax: '1.2.840.10008.1.2.1',
    modality: 'CT',
    frames: 1,
    peer,
    blob: '0'.repeat(64),
    bytes: 1,
    datasetOffset: 0,
    pixelOffset: null,
    number: null,
    digest,
    header,
    received,
  };
  return {
    kind: 'dicom',
    peer,
    type: instance.sopClassUid,
    controlId: uid,
    digest,
    lane: `${peer} ${study}`,
    payload: header,
    blob: instance.blob,
    disposition: 'accepted',
    answer: Buffer.alloc(0),
    effects: [],
    detail: '',
    received,
    instance,
  };
}
