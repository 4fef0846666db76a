/**
 * A photo or film of a case that is to become a DICOM object: what the resources around it say, worded once, so that making the object again
 * makes the same one. What the picture itself says is read when it is made.
 */
export type PhotoOrder = {
  readonly caseId: string;
  /** The system whose order the case is: the object is read with its authorities. */
  readonly peer: string;
  /** `Media/id`. */
  readonly media: string;
  /** Hex SHA-256 of the file. */
  readonly blob: string;
  readonly studyUid: string;
  readonly sopInstanceUid: string;
  /** Class of a picture (protocols/dicom/photo-class.ts); a film has one of its own. */
  readonly pictureClass: 'photographic' | 'dermoscopic' | 'ophthalmic';
  /** Elements of the dataset as JSON: those of every class, and those that only a picture of its class has. */
  readonly elements: string;
  readonly pictureElements: string;
};
