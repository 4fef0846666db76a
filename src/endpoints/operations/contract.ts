/**
 * What the operations door says and is asked: JSON under /operations, for the command line and for pages.
 * Dates are ISO 8601 text. No answer holds content of a message unless its bytes are asked for.
 */
import type { CaseKey, CasePhase, CaseState, Priority } from '../../model/case.ts';
import type { CaseCommitment } from '../../model/commitment.ts';
import type { DeliveryState } from '../../model/delivery.ts';
import type { EntryKind, ProcessingState } from '../../model/entry.ts';
import type { Gap } from '../../model/mapped.ts';
import type { Caller } from '../../model/peer.ts';

/** Names of clients and of groups. */
export const CLIENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const CLIENT_NAME_RULE = 'made of letters, digits, dot, dash and underscore, at most 64';

/** Of every answer that is not 2xx. */
export type OperationError = { readonly error: { readonly code: string; readonly message: string } };

/** A page of a list; `next` goes into `before` of the next request as it is, null at the end. */
export type Page<Row> = { readonly rows: readonly Row[]; readonly next: string | null };

/** `GET /cases?phase=&before=&limit=` */
export type CaseLine = {
  readonly id: string;
  readonly phase: CasePhase;
  readonly specialty: string;
  readonly group: string;
  readonly opened: string;
  readonly updated: string;
};

/** `GET /cases/{id, Task id, accession, placer or filler number, Study Instance UID}` */
export type CaseView = CaseLine & {
  readonly priority: Priority;
  readonly production: boolean;
  readonly origin: string;
  readonly patient: string;
  readonly serviceRequest: string;
  readonly task: string;
  readonly keys: readonly CaseKey[];
  readonly studies: readonly {
    readonly uid: string;
    readonly modalities: readonly string[];
    readonly series: number;
    readonly instances: number;
  }[];
  readonly members: readonly string[];
  readonly released: CaseState['released'];
  readonly route: CaseState['route'];
  /** Null where none go to a PACS. */
  readonly objects: CaseState['objects'] | null;
  readonly commitments: readonly CaseCommitment[];
  readonly claim: CaseState['claim'];
  readonly report: CaseState['report'];
  /** Empty when nothing is waited for. */
  readonly waitingFor: readonly string[];
  readonly deliveries: readonly DeliveryLine[];
  readonly timeline: readonly TimelineLine[];
};

/** One hop: who, when, which message. */
export type TimelineLine = {
  readonly at: string;
  readonly kind: string;
  readonly actor: string;
  readonly detail: string;
  readonly seq: number | null;
  /** Of the journal entry: `ORM^O01 MSG00001`. */
  readonly message: string;
};

/** `POST /cases/{id}/release` with this; answers `Accepted`. */
export type ReleaseRequest = { readonly why: string };

/** `GET /patients/{number, or id of a Patient}`: every record that the number leads to or led to, whatever its authority. Audited. */
export type PatientLine = {
  readonly patient: string;
  /** The record it was merged into; '' for one that stands. */
  readonly replacedBy: string;
  readonly numbers: readonly { readonly system: string; readonly value: string; readonly old: boolean }[];
  readonly merges: readonly {
    readonly merged: string;
    readonly survivor: string;
    readonly at: string;
    readonly seq: number;
    readonly undone: string | null;
  }[];
};

/** `POST /patients/{id}/unmerge` with this: the record that was merged stands again; answers `Accepted`. */
export type UnmergeRequest = { readonly why: string };

/** `GET /pseudonyms/{UID or Patient ID as it was sent}`: what it stands for, by destination. Audited. */
export type PseudonymLine = {
  readonly destination: string;
  readonly kind: 'uid' | 'patient';
  readonly pseudonym: string;
  readonly original: string;
  /** Of the patient identifier; '' where it names none, and for UIDs. */
  readonly issuer: string;
};

/** The operation is in the journal and walks the corridor. */
export type Accepted = { readonly seq: number };

/** `GET /journal?state=&peer=&before=&limit=` */
export type JournalLine = {
  readonly seq: number;
  readonly received: string;
  readonly kind: EntryKind;
  readonly peer: string;
  readonly type: string;
  readonly controlId: string;
  readonly state: ProcessingState;
  readonly detail: string;
  readonly reusedControlId: boolean;
  readonly produced: readonly string[];
  readonly cases: readonly string[];
  readonly bytes: number;
};

/** `GET /journal/{seq}`; with `?bytes=true` the content, with `?loss=true` what of it was not carried: both are audited. */
export type JournalView = JournalLine & {
  readonly digest: string;
  readonly blob: string | null;
  readonly effects: readonly string[];
  /** Base64; null unless asked for. */
  readonly payload: string | null;
  readonly answer: string | null;
  /** Empty where all was carried; null unless asked for. */
  readonly loss: readonly Gap[] | null;
};

/** `POST /journal/replay` with this: whatever is held of a peer goes on, the oldest first; answers `ReplayedHeld`. */
export type ReplayHeldRequest = { readonly peer: string };
export type ReplayedHeld = Accepted & { readonly entries: number };

/** `GET /gaps?peer=&codes=true&before=&limit=`: what is not carried, the most frequent first; with `codes` only codes that no table knows. */
export type GapLine = {
  readonly peer: string;
  readonly type: string;
  /** Without the numbers of repetitions. */
  readonly path: string;
  readonly reason: string;
  /** '' where no code was the matter: other values are told by the report of a message only. */
  readonly code: string;
  readonly table: string;
  readonly times: number;
  /** The newest entry it was in. */
  readonly lastSeq: number;
  readonly lastSeen: string;
};

/** `GET /deliveries?state=&destination=&before=&limit=` */
export type DeliveryLine = {
  readonly id: string;
  readonly destination: string;
  readonly kind: string;
  readonly lane: string;
  readonly caseId: string;
  readonly controlId: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly due: string;
  readonly lastFailure: string;
  readonly created: string;
};

/** `POST /deliveries/replay` with this: whatever of a destination was set aside is sent again, in order; answers `ReplayedSetAside`. */
export type ReplaySetAsideRequest = { readonly destination: string };
export type ReplayedSetAside = Accepted & { readonly deliveries: number };

/** `GET /photos?before=&limit=`: photos and films that became no DICOM object. */
export type PhotoLine = {
  readonly sopInstanceUid: string;
  readonly caseId: string;
  readonly media: string;
  readonly since: string;
  readonly lastFailure: string;
};

/** `POST /photos/replay` with this, or with nothing for those of all cases: they are tried once more; answers `ReplayedPhotos`. */
export type ReplayPhotosRequest = { readonly case: string };
export type ReplayedPhotos = Accepted & { readonly photos: number };

/** `GET /destinations`; `POST /destinations/{name}/pause` with `{ why }`, `POST …/resume` */
export type DestinationLine = {
  readonly destination: string;
  readonly waiting: number;
  readonly oldest: string | null;
  readonly held: number;
  readonly dead: number;
  readonly paused: { readonly by: string; readonly why: string; readonly at: string } | null;
};

/** `GET /clients` */
export type ClientLine = Caller & { readonly created: string; readonly revoked: string | null };

/** `POST /clients`; answers `NewClient`, the only time the token is seen. `DELETE /clients/{name}` revokes it. */
export type ClientRequest = { readonly client: string; readonly group: string; readonly role: Caller['role'] };
export type NewClient = Caller & { readonly token: string };

/** `GET /status` */
export type StatusView = {
  readonly version: string;
  readonly started: string;
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
  readonly pending: { readonly depth: number; readonly oldest: string | null };
  readonly failed: number;
  /** Messages with codes that nobody has mapped yet. */
  readonly held: number;
  readonly lanes: readonly {
    readonly destination: string;
    readonly waiting: number;
    readonly oldest: string | null;
    /** Failed for good, at a destination that waits for a person then. */
    readonly held: number;
    readonly dead: number;
  }[];
};
