/**
 * A stored object as a delivery to a PACS. In: the object as the index knows it, where it goes, and the case it goes for. Out: the
 * delivery, at the end of its lane. One delivery an object: one that is refused is set aside with its status, and the rest goes on.
 * Objects of one study share a lane, so that they arrive in order and over one association.
 */
import { createHash } from 'node:crypto';
import type { DicomwebDestination, DimseDestination } from '../../model/config.ts';
import type { NewDelivery, ObjectContent } from '../../model/delivery.ts';

export type ObjectOrder = {
  /** Of the delivery. */
  readonly id: string;
  readonly destination: Pick<DimseDestination | DicomwebDestination, 'name' | 'associations'>;
  readonly caseId: string;
  /** Journal entry that caused it. */
  readonly seq: number;
  readonly object: ObjectContent;
  /** `dicom-object` where it is absent. */
  readonly kind?: 'dicom-object' | 'dicom-result';
};

export function objectDelivery({
  id,
  destination,
  caseId,
  seq,
  object,
  kind = 'dicom-object',
}: ObjectOrder): NewDelivery & { readonly lane: string } {
  const { studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset } = object;
  const content: ObjectContent = { studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset };
  return {
    id,
    destination: destination.name,
    kind,
    caseId,
    seq,
    controlId: sopInstanceUid,
    content: Buffer.from(JSON.stringify(content)),
    lane: laneOf(destination, studyUid),
  };
}

/** As many lanes as the destination takes associations; a study keeps to one. */
export function laneOf({ name, associations }: ObjectOrder['destination'], studyUid: string): string {
  if (associations === 1) return name;
  const place = createHash('sha256').update(studyUid).digest().readUInt32BE() % associations;
  return `${name} ${place + 1}`;
}
