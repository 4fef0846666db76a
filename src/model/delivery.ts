/** What leaves us: a Delivery to a Destination in a Lane, tried in Attempts, ended by a Receipt or set aside. */
import type { Failure } from './failure.ts';

export type DeliveryKind =
  | 'oru' // HL7 v2 ORU^R01 over MLLP
  | 'mdm' // HL7 v2 MDM^T02, T06, T10 or T11 over MLLP
  | 'acknowledgment' // HL7 v2 application acknowledgment of enhanced mode over MLLP
  | 'order-reply' // HL7 v2 ORR, ORI, ORG, ORL or RRI over MLLP
  | 'order-status' // HL7 v2 OSU^O51 or ORM^O01 over MLLP
  | 'fhir-report' // DiagnosticReport + Provenance pushed to the FHIR server that asked
  | 'fhir-order' // a case pushed to a specialist's FHIR server
  | 'dicom-object' // one stored object, by C-STORE or STOW-RS
  | 'dicom-result' // the same, one that was made here of a report
  | 'availability'; // Instance Availability Notification of a study

export type NewDelivery = {
  /** UUIDv7. */
  readonly id: string;
  readonly destination: string;
  readonly kind: DeliveryKind;
  /** '' where no case is: the reply to an order that was never seen here. */
  readonly caseId: string;
  /** Journal entry that caused it. */
  readonly seq: number;
  /** MSH-10 or Bundle identifier of what is sent: the same on every attempt. */
  readonly controlId: string;
  readonly content: Buffer;
};

/** The content of a `dicom-object` and a `dicom-result`, as JSON: which stored object is meant, and what is needed to open it and to propose a context for it. */
export type ObjectContent = {
  readonly studyUid: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** As it is stored. */
  readonly transferSyntax: string;
  /** Hex SHA-256 of the Part 10 file, its length, and where the dataset begins in it. */
  readonly blob: string;
  readonly bytes: number;
  readonly datasetOffset: number;
};

/** The content of an `availability`, as JSON: what of a study can be had, and where. */
export type AvailabilityContent = {
  readonly studyUid: string;
  /** Of whom it is retrieved. */
  readonly aeTitle: string;
  readonly series: readonly {
    readonly uid: string;
    readonly objects: readonly { readonly sopClassUid: string; readonly sopInstanceUid: string }[];
  }[];
};

/** `held`: failed for good and waits for a person at the head of its lane; `dead`: set aside for a person, and the lane went on. */
export type DeliveryState = 'waiting' | 'delivered' | 'held' | 'dead';

export type Delivery = NewDelivery & {
  readonly lane: string;
  readonly laneSeq: number;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly due: Date;
  readonly lastFailure: string;
};

/** Proof that the destination took it. `bytes` is what it answered (an ACK, a transaction-response). */
export type Receipt = { readonly bytes: Buffer; readonly controlId: string; readonly detail: string };

/** What the receipt of an object says that was taken as it is. */
export const STORED = 'stored';

export type SendResult = Receipt | Failure;
