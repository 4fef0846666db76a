/**
 * One DICOM object on its way in, at whichever door (PS3.4 Annex B, PS3.18 §10.5): its dataset comes in pieces as they arrive.
 * Promises: success only after the object is a file that survives a power cut and its journal entry and index row are committed;
 * the dataset's bytes are kept as sent; memory does not grow with the object; what is refused, broken off or abandoned leaves no file.
 * The same object again is a success without a second effect. Other bytes under a known SOP Instance UID are stored and journaled
 * too, with success, for they are kept (PS3.4 §B.2.2); the journal entry is flagged, and the first object stays the one that is served.
 */
import { createHash, type Hash } from 'node:crypto';
import type { LandedEntry } from '../../journal/landed-entry.ts';
import type { Landing } from '../../journal/landing-session.ts';
import type { Clock } from '../../model/clock.ts';
import type { Appended, NewEntry, Stored } from '../../model/entry.ts';
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
import type { BlobStore, BlobWriter } from '../../store/blob-store.ts';
import { type GatheredPieces, gatheredPieces } from './gathered-pieces.ts';
import type { FindReturned, Returned } from './returned-session.ts';

/** A study is mapped as a whole each time some of it has come: so often at most, for a thousand slices are a thousand headers. */
const GATHER_MS = 250;

export type ObjectDeps = {
  readonly journal: { append(entry: NewEntry): Promise<Appended> };
  readonly blobs: Pick<BlobStore, 'writer' | 'freeBytes'>;
  /** Where small objects go; absent where each is stored by itself. */
  readonly landing?: Landing;
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
  /** Of an object that may land. */
  #gathered: GatheredPieces | null;
  /** Of the dataset, where it is needed here: of what has landed it is made later. */
  #hash: Hash | null;
  #digest: Buffer | null = null;
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
    this.#gathered = deps.landing && !problem ? gatheredPieces(deps.landing.blocks) : null;
    this.#hash = this.#gathered ? null : createHash('sha256');
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
    this.#bytes += fragment.length;
    if (this.#problem) return void this.#hash?.update(fragment);
    try {
      await this.#keep(fragment);
      if ((await this.#deps.blobs.freeBytes()) < this.#deps.reserveBytes)
        return await this.#fail(failure(this.#door, 'out-of-resources', 'the disk is nearly full', 'transient'));
    } catch (error) {
      return this.#fail(blobFailure(error));
    }
    const unreadable = await this.#reader.push(fragment);
    if (unreadable) await this.#fail(unreadable);
  }

  /** The dataset is complete: stores the object. */
  async end(): Promise<Stored | Failure> {
    const stored = this.#problem ?? (await this.#store());
    this.#gathered?.giveBack();
    if (isFailure(stored)) await this.#refuse(stored);
    return stored;
  }

  /** The connection ended before the dataset did. */
  async abandon(): Promise<void> {
    await this.#fail(failure(this.#door, 'malformed', 'the connection ended before the dataset', 'transient'));
  }

  async #keep(fragment: Buffer): Promise<void> {
    const mayLand = this.#prefix.length + this.#bytes <= (this.#deps.landing?.maxBytes ?? 0);
    if (this.#gathered && mayLand) return this.#gathered.add(fragment);
    const writer = await this.#toFile();
    this.#hash?.update(fragment);
    await writer.write(fragment);
  }

  /** From here on the object goes where it stays. */
  async #toFile(): Promise<BlobWriter> {
    if (this.#writer) return this.#writer;
    const writer = await this.#deps.blobs.writer();
    this.#writer = writer;
    await writer.write(this.#prefix);
    for (const piece of this.#hashGathered()) await writer.write(piece);
    this.#gathered?.giveBack();
    this.#gathered = null;
    return writer;
  }

  #hashGathered(): readonly Buffer[] {
    const pieces = this.#gathered?.pieces() ?? [];
    this.#hash ??= createHash('sha256');
    for (const piece of pieces) this.#hash.update(piece);
    return pieces;
  }

  #digested(): Buffer {
    this.#digest ??= (this.#hash as Hash).digest();
    return this.#digest;
  }

  async #fail(problem: Failure): Promise<void> {
    this.#problem ??= problem;
    this.#reader.abandon();
    this.#hashGathered();
    this.#gathered?.giveBack();
    this.#gathered = null;
    await this.#writer?.abort();
    this.#writer = null;
  }

  async #store(): Promise<Stored | Failure> {
    const read = await this.#reader.end();
    const mismatch = isFailure(read) ? read : (this.#mismatchOf(read) ?? (await this.#deps.refusal?.(read.header)) ?? null);
    const returned = isFailure(read) || mismatch ? mismatch : ((await this.#deps.returned?.(this.#peer, read.header)) ?? null);
    if (isFailure(read) || isFailure(returned) || this.#bytes === 0) {
      await this.#fail(isFailure(returned) ? returned : failure(this.#door, 'malformed', 'no dataset'));
      return this.#problem as Failure;
    }
    const entry = this.#entryOf(read);
    const landed = returned === null && (await this.#land(entry));
    return landed ? { seq: null } : this.#storeByItself(entry, returned);
  }

  /** A log that cannot be written says nothing of the object: it is tried by itself, and its sender is told what came of that. */
  async #land(entry: LandedEntry): Promise<boolean> {
    const gathered = this.#gathered;
    if (!gathered || !this.#deps.landing) return false;
    // Whoever abandons the object meanwhile must not give back what is being written.
    this.#gathered = null;
    try {
      const landed = await this.#deps.landing.land(entry, [this.#prefix, ...gathered.pieces()]);
      if (landed) gathered.giveBack();
      else this.#gathered = gathered;
      return landed;
    } catch (error) {
      this.#gathered = gathered;
      this.#deps.log.warn(`${this.#door}.not-landed`, { reason: blobFailure(error).detail });
      return false;
    }
  }

  async #storeByItself(landed: LandedEntry, returned: Returned | null): Promise<Appended | Failure> {
    const blob = await this.#toFile()
      .then((writer) => writer.commit())
      .catch(blobFailure);
    if (isFailure(blob)) {
      await this.#writer?.abort();
      return blob;
    }
    // What landed before is journaled before: the first object under a UID is the one that is served.
    await this.#deps.landing?.settled();
    const told = {
      digest: this.#digested(),
      blob: blob.digest,
      disposition: 'accepted',
      detail: '',
      answer: Buffer.alloc(0),
      effects: [],
    } as const;
    const entry: NewEntry = { ...landed, ...told };
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

  #entryOf({ header, pixelOffset }: ReadHeader): LandedEntry {
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
      bytes: this.#prefix.length + this.#bytes,
      datasetOffset: this.#prefix.length,
      pixelOffset,
    };
    const lane = `${this.#peer.name}|${header.studyUid}`;
    const gatherUntil = new Date(Math.ceil(received.getTime() / GATHER_MS) * GATHER_MS);
    return { kind: 'dicom', ...this.#names(), lane, payload, received, gatherUntil, instance };
  }

  /** A refusal that will not pass by itself is journaled, so that a person can see what a sender was told; the bytes are not kept. */
  async #refuse(problem: Failure): Promise<void> {
    const { log, journal, clock } = this.#deps;
    const names = this.#names();
    const about = { peer: names.peer, sopClassUid: names.type, sopInstanceUid: names.controlId };
    const status = statusName(statusOf(problem));
    log.warn(`${this.#door}.refused`, { ...about, status, detail: problem.detail });
    if (problem.class !== 'permanent') return;
    const nothing = Buffer.alloc(0);
    const entry: NewEntry = {
      ...{ kind: 'dicom', ...names, lane: names.peer, payload: nothing, blob: null, answer: nothing, effects: [] },
      ...{ digest: this.#digested(), disposition: 'refused', detail: `${status} ${problem.code}: ${problem.detail}` },
      received: clock.now(),
    };
    await journal.append(entry).catch((error) => log.error(`${this.#door}.not-journaled`, { ...about, error: String(error) }));
  }

  /** A UID that is none stays out of index columns and logs: it may hold anything. */
  #names(): Pick<NewEntry, 'peer' | 'type' | 'controlId'> {
    const named = (uid: string): string => (isUid(uid) ? uid : '');
    return { peer: this.#peer.name, type: named(this.#announced.sopClassUid), controlId: named(this.#announced.sopInstanceUid) };
  }
}
