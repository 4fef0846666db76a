/** Photos of a case as DICOM objects: made from a Media and a file, put into files for programs that nobody here wrote. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Media, Patient, ServiceRequest } from '@medplum/fhirtypes';
import { openPhoto, type PhotoObject } from '../../src/delivery/photos/photo-session.ts';
import { isFailure } from '../../src/model/failure.ts';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { type PhotoSource, photoOrder } from '../../src/return/dicom/photo-object.ts';
import type { BlobStore } from '../../src/store/blob-store.ts';

const patient: Patient & { id: string } = {
  resourceType: 'Patient',
  id: '0199-p',
  identifier: [{ system: 'urn:oid:1.2.276.0.76.3.1.999', value: '4711' }],
  name: [{ family: 'Müller-Lüdenscheidt', given: ['Jörg', 'Ann'], prefix: ['Dr.'] }],
  gender: 'female',
  birthDate: '1984-05-06',
};
const serviceRequest: ServiceRequest & { id: string } = {
  resourceType: 'ServiceRequest',
  id: '0199-s',
  status: 'active',
  intent: 'order',
  identifier: [{ type: { coding: [{ code: 'ACSN' }] }, system: 'urn:waystation:authority:RIS', value: 'ACC-77' }],
  code: { text: 'Second opinion on a pigmented lesion' },
  subject: { reference: 'Patient/0199-p' },
  authoredOn: '2026-03-02T08:00:00+01:00',
};

/** The source of a photo; `media` adds to or replaces what the Media says. */
export function photoSource(media: Partial<Media> = {}, changes: Partial<PhotoSource> = {}): PhotoSource {
  return {
    media: {
      resourceType: 'Media',
      id: '0199-m',
      status: 'completed',
      createdDateTime: '2026-03-02T07:30:05+01:00',
      content: { contentType: 'image/jpeg' },
      ...media,
    },
    patient,
    serviceRequest,
    practice: '394582007',
    referrer: 'Land^Berta',
    caseId: '0199-c',
    peer: 'clinic',
    zone: '+01:00',
    blob: 'a'.repeat(64),
    number: 1,
    ...changes,
  };
}

/** The file as a Part 10 file in a directory. */
export async function photoFile(
  directory: string,
  name: string,
  source: PhotoSource,
  blobs: BlobStore,
): Promise<{ path: string; object: PhotoObject }> {
  const object = await openPhoto(photoOrder(source), blobs);
  if (isFailure(object)) throw new Error(object.detail);
  const chunks: Buffer[] = [part10Prefix(object)];
  for await (const chunk of object.dataset) chunks.push(chunk);
  const path = join(directory, `${name}.dcm`);
  await writeFile(path, Buffer.concat(chunks));
  return { path, object };
}
