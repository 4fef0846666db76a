/**
 * One DICOM object on its way in, at whichever door (PS3.4 Annex B, PS3.18 §10.5): its dataset comes in pieces as they arrive.
 * Promises: success only after the object is a file that survives a power cut and its journal entry and index row are committed;
 * the dataset's bytes are kept as sent; memory does not grow with the object; what is refused, broken off or abandoned leaves no file.
 * The same object again is a success without a second effect. Other bytes under a known SOP Instance UID are stored and journaled
 * too, with success, for they are kept (PS3.4 §B.2.2); the journal entry is flagged, and the first object stays the one that is served.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../model/clock.ts';
import type { Appended, NewEntry } from '../../model/entry.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { IndexedInstance } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';
import type { Peer } from '../../model/peer.ts';
import type { Header } from '../../protocols/dicom/header.ts';
import { type HeaderReader, headerReader, type ReadHeader } from '../../protocols/dicom/header-reader.ts';
import { part10Prefix } from '../../protocols/dicom/part10.ts';
import { numberOf } from '../../protocols/dicom/query-index.ts';
import { statusName, statusOf } from '../../protocols/dicom/status.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { isUid } from '../../protocols/dicom/uid.ts';
import { blobFailure } from '../../store/blob-failure.ts';
import type { BlobStore, BlobWriter, StoredBlob } from '../../store/blob-store.ts';
import type { FindReturned } from './returned-session.ts';

/** A study is mapped as a whole each time some of it has come: so often at most, for a thousand slices are a thousand headers. */
const GATHER_MS = 250;

export type ObjectDeps = {
  readonly journal: { append(entry: NewEntry): Promise<Appended> };
  readonly blobs: Pick<BlobStore, 'writer' | 'freeBytes'>;
  /** So much stays free on the disk: the database and others need it more than another object. */
  readonly reserveBytes: number;
  readonly log: Log;
  readonly clock: Clock;
  /** Why an object with this header is not taken, or null; absent where all are. */
  readonly refusal?: (header: Header) => Promise<Failure | null>;
  /** Whether an object stands for another that is here, and how it is taken then (returned-session.ts); absent where none does. */
  readonly returned?: FindReturned;
};

/** What the sender says of the object before it comes. */
export type AnnouncedObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
  /** Null: of whichever study. */
  readonly studyUid: string | null;
};

export class ObjectSession {
  readonly #door: string;
  readonly #announced: AnnouncedObject;
  readonly #peer: Peer;
  readonly #deps: ObjectDeps;
  readonly #reader: HeaderReader;
  readonly #prefix: Buffer;
  readonly #hash = createHash('sha256');
  #writer: BlobWriter | null = null;
  #bytes = 0;
  #place = { studyUid: '', seriesUid: '' };
  /** Set once: the rest of the dataset is read and dropped, for the peer expects its answer after it. */
  #problem: Failure | null = null;

  /** `door` is the room that says so in failures and logs; `problem`: why the object cannot be taken whatever comes. */
  constructor(door: string, announced: AnnouncedObject, peer: Peer, deps: ObjectDeps, problem: Failure | null = null) {
    this.#door = door;
    this.#announced = announced;
    this.#peer = peer;
    this.#deps = deps;
    this.#reader = headerReader(transferSyntax(announced.transferSyntax) as TransferSyntax);
    this.#prefix = part10Prefix(announced);
    this.#problem = problem;
  }

  /** Study and series of the object, once it is stored. */
  get place(): { readonly studyUid: string; readonly seriesUid: string } {
    return this.#place;
  }

  /** Of the dataset, so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when more is welcome. */
  async write(fragment: Buffer): Promise<void> {
    this.#hash.update(fragment);
    this.#bytes += fragment.length;
    if (this.#problem) return;
    const unreadable = await this.#reader.push(fragment);
    if (unreadable) return this.#fail(unreadable);
    try {
      if ((await this.#deps.blobs.freeBytes()) < this.#deps.reserveBytes) {
        return await this.#fail(failure(this.#door, 'out-of-resources', 'the disk is nearly full', 'transient'));
      }
      this.#writer ??= await this.#begin();
      await this.#writer.write(fragment);
    } catch (error) {
      await this.#fail(blobFailure(error));
    }
  }

  /** The dataset is complete: stores the object. */
  async end(): Promise<Appended | Failure> {
    const stored = this.#problem ?? (await this.#store());
    if (isFailure(stored)) await this.#refuse(stored);
    return stored;
  }

  /** The connection ended before the dataset did. */
  async abandon(): Promise<void> {
    await this.#fail(failure(this.#door, 'malformed', 'the connection ended before the dataset', 'transient'));
  }

  async #begin(): Promise<BlobWriter> {
    const writer = await this.#deps.blobs.writer();
    await writer.write(this.#prefix);
    return writer;
  }

  async #fail(problem: Failure): Promise<void> {
    this.#problem ??= problem;
    this.#reader.abandon();
    await this.#writer?.abort();
    this.#writer = null;
  }

  async #store(): Promise<Appended | Failure> {
    const read = await this.#reader.end();
    const mismatch = isFailure(read) ? read : (this.#mismatchOf(read) ?? (await this.#deps.refusal?.(read.header)) ?? null);
    const returned = isFailure(read) || mismatch ? mismatch : ((await this.#deps.returned?.(this.#peer, read.header)) ?? null);
    if (isFailure(read) || isFailure(returned) || !this.#writer) {
      await this.#fail(isFailure(returned) ? returned : failure(this.#door, 'malformed', 'no dataset'));
      return this.#problem as Failure;
    }
    const blob = await this.#writer.commit().catch(blobFailure);
    if (isFailure(blob)) return blob;
    const entry = this.#entryOf(read, blob);
    const detail = await returned?.(entry);
    if (isFailure(detail)) return detail;
    const { instance, ...unindexed } = entry;
    try {
      return await this.#deps.journal.append(detail === undefined ? entry : { ...unindexed, disposition: 'ignored', detail });
    } catch (error) {
      return failure(this.#door, 'unreachable', `journal: ${error instanceof Error ? error.message : 'failed'}`, 'transient');
    }
  }

  /** What is announced of the object must be what the object says of itself. */
  #mismatchOf({ header }: ReadHeader): Failure | null {
    const { sopClassUid, sopInstanceUid, studyUid } = this.#announced;
    if (header.sopClassUid !== sopClassUid || header.sopInstanceUid !== sopInstanceUid)
      return failure(this.#door, 'invalid', 'SOP Class or Instance UID announced is not that of the dataset');
    return studyUid === null || studyUid === header.studyUid ? null : failure(this.#door, 'invalid', 'the object is of another study');
  }

  #entryOf({ header, pixelOffset }: ReadHeader, blob: StoredBlob): NewEntry {
    const digest = this.#hash.digest();
    const payload = Buffer.from(JSON.stringify(header.json));
    const received = this.#deps.clock.now();
    this.#place = { studyUid: header.studyUid, seriesUid: header.seriesUid };
    const instance: IndexedInstance = {
      studyUid: header.studyUid,
      seriesUid: header.seriesUid,
      transferSyntax: this.#announced.transferSyntax,
      modality: header.modality,
      number: numberOf(header.json, 'InstanceNumber'),
      frames: pixelOffset === null ? 0 : header.frames,
      bytes: blob.bytes,
      datasetOffset: this.#prefix.length,
      pixelOffset,
    };
    const lane = `${this.#peer.name}|${header.studyUid}`;
    const gatherUntil = new Date(Math.ceil(received.getTime() / GATHER_MS) * GATHER_MS);
    const about = { digest, lane, payload, blob: blob.digest, disposition: 'accepted', detail: '', received } as const;
    return { ...this.#entry(), ...about, gatherUntil, instance };
  }

  /** A refusal that will not pass by itself is journaled, so that a person can see what a sender was told; the bytes are not kept. */
  async #refuse(problem: Failure): Promise<void> {
    const { log, journal, clock } = this.#deps;
    const base = this.#entry();
    const about = { peer: base.peer, sopClassUid: base.type, sopInstanceUid: base.controlId };
    const status = statusName(statusOf(problem));
    log.warn(`${this.#door}.refused`, { ...about, status, detail: problem.detail });
    if (problem.class !== 'permanent') return;
    const detail = `${status} ${problem.code}: ${problem.detail}`;
    const entry: NewEntry = { ...base, digest: this.#hash.digest(), disposition: 'refused', detail, received: clock.now() };
    await journal.append(entry).catch((error) => log.error(`${this.#door}.not-journaled`, { ...about, error: String(error) }));
  }

  /** A UID that is none stays out of index columns and logs: it may hold anything. */
  #entry(): Omit<NewEntry, 'digest' | 'disposition' | 'detail' | 'received'> {
    const [type, controlId] = [this.#announced.sopClassUid, this.#announced.sopInstanceUid].map((uid) => (isUid(uid) ? uid : '')) as [
      string,
      string,
    ];
    const { name } = this.#peer;
    const nothing = Buffer.alloc(0);
    return { kind: 'dicom', peer: name, type, controlId, lane: name, payload: nothing, blob: null, answer: nothing, effects: [] };
  }
}
