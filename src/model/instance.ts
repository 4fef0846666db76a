/** A DICOM instance as the index knows it; the object itself is a Part 10 file in the blob store. */
export type NewInstance = {
  readonly sopInstanceUid: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopClassUid: string;
  readonly transferSyntax: string;
  readonly modality: string;
  /** InstanceNumber (0020,0013), null where it says none. */
  readonly number: number | null;
  /** NumberOfFrames (0028,0008); 1 where absent, 0 where there are no pixels. */
  readonly frames: number;
  readonly peer: string;
  /** Hex SHA-256 of the Part 10 file. */
  readonly blob: string;
  readonly bytes: number;
  /** Where the dataset begins in the file. */
  readonly datasetOffset: number;
  /** Where the Pixel Data element begins in the dataset (as inflated, where the dataset is deflated), or null when it has none. */
  readonly pixelOffset: number | null;
  /** SHA-256 of the dataset as received. */
  readonly digest: Buffer;
  /** DICOM JSON (PS3.18 §F.2) of the header attributes mapping needs, UTF-8. */
  readonly header: Buffer;
  readonly received: Date;
};

/** What its journal entry does not say of an instance: SOP Instance UID is `controlId`, SOP class `type`, the header `payload`. */
export type IndexedInstance = Omit<NewInstance, 'sopInstanceUid' | 'sopClassUid' | 'peer' | 'blob' | 'digest' | 'header' | 'received'>;

export type Instance = NewInstance & {
  /** Place in the journal: of the object itself, or of what it was made because of. */
  readonly seq: number;
  /** The resource that it was made of here, `Type/id`; null where it was received. */
  readonly madeOf: string | null;
};

/** Peer of what was made here. */
export const OURSELVES = '';

/** What is needed to send an object, without reading what it says. */
export type StoredObject = Omit<Instance, 'header'>;
