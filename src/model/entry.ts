import type { IndexedInstance } from './instance.ts';

/**
 * A journal entry: one inbound message as received. It is committed before the sender hears that it was accepted.
 * What comes back from a destination (a receipt) or from a person (an operation) is one more entry.
 */
export type EntryKind = 'hl7v2' | 'dicom' | 'fhir' | 'receipt' | 'operation';

/** `accepted` walks the corridor; `ignored` was answered positively and stays in the journal; `refused` was answered negatively. */
export type Disposition = 'accepted' | 'ignored' | 'refused';

export type NewEntry = {
  readonly kind: EntryKind;
  /** Name of the Peer that sent it (configured name, or the one derived from how it introduced itself). */
  readonly peer: string;
  /** `ORM^O01`, a SOP Class UID, `transaction`, `Task.update`, `delivery` … */
  readonly type: string;
  /** MSH-10, SOP Instance UID, Bundle or resource id, delivery id; '' where there is none. */
  readonly controlId: string;
  /** SHA-256 over the bytes as received (for DICOM: over the dataset). */
  readonly digest: Buffer;
  /** What must stay in order: entries of one lane are worked off in the order of their commit. Of several (a merge), with TABs between. */
  readonly lane: string;
  /** The exact bytes; for DICOM the indexed header as DICOM JSON (the object itself is in `blob`). */
  readonly payload: Buffer;
  /** Hex SHA-256 of a file in the blob store, or null. */
  readonly blob: string | null;
  readonly disposition: Disposition;
  /** The exact bytes answered (an HL7 v2 ACK), so that a resend gets the same; empty where the protocol has none. */
  readonly answer: Buffer;
  /** Resource versions written together with this entry: `Type/id/version` (synchronous FHIR writes only). */
  readonly effects: readonly string[];
  /** Why it was ignored or refused, or ''. */
  readonly detail: string;
  readonly received: Date;
  /** What comes in the same lane until then is worked off together; at once where it is not said. */
  readonly gatherUntil?: Date;
  /** Its sender keeps the connection open until the corridor has worked it off: `answer` is what it gets if that takes too long. */
  readonly isAwaited?: boolean;
  /** Of an accepted DICOM instance: its row in the index is committed with the entry. */
  readonly instance?: IndexedInstance;
};

/** What the journal says after the commit. */
export type Appended = {
  readonly seq: number;
  /** True when the same peer sent the same control id with the same bytes before and was accepted: `seq` and `answer` are the first one's. */
  readonly duplicate: boolean;
  readonly answer: Buffer;
};

/** What is durable: its place in the journal, or null where it has landed and will get one. */
export type Stored = { readonly seq: number | null };

/** An entry as read back. */
export type Entry = NewEntry & { readonly seq: number; readonly reusedControlId: boolean };

/** How far an accepted entry got. Way in and way home are two axes: this is only the way in. */
export type ProcessingState = 'waiting' | 'done' | 'ignored' | 'refused' | 'failed' | 'held';
