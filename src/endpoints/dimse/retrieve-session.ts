/**
 * One C-GET or C-MOVE (PS3.4 §C.4.2 and §C.4.3): the objects that unique keys name, among those that the peer's group may see, are stored with
 * the peer on this association or with a configured destination on one of its own. Out: a pending response after each object, then the
 * counts and the objects that failed. Promises: what is stored here by a C-GET goes as it was received, streamed from file, or converted where
 * only another uncompressed transfer syntax was negotiated (a compressed one where the configuration of the peer says so); what is moved goes as the lanes of its destination would send it; one object that
 * cannot be read or is not taken does not stop the others; every study of which something was sent leaves a line in the audit trail.
 */
import type { Clock } from '../../model/clock.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { MovedObject, ObjectStores, OpenMove } from '../../model/move.ts';
import type { DecodeFrame } from '../../model/pixel-decoder.ts';
import { COMMAND, type Command } from '../../protocols/dicom/command.ts';
import { openDecompressed } from '../../protocols/dicom/decompression.ts';
import { type IdentifierReader, identifierReader, writeIdentifier } from '../../protocols/dicom/identifier.ts';
import { QUERY_MODELS, retrieveConditions } from '../../protocols/dicom/query-retrieve.ts';
import {
  CANCELLED,
  MOVE_DESTINATION_UNKNOWN,
  NO_SUB_OPERATIONS,
  PENDING,
  SUB_OPERATIONS_INCOMPLETE,
  SUCCESS,
  statusName,
  statusOf,
  TOO_MANY_MATCHES,
  UNABLE_TO_PROCESS,
} from '../../protocols/dicom/status.ts';
import { storeVerdict } from '../../protocols/dicom/store-status.ts';
import { conversionsOf, decompressionsOf, transcoded } from '../../protocols/dicom/transcoder.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { AuditTrail } from '../../store/audit-store.ts';
import { readRanges } from '../../store/blob-range-store.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Database } from '../../store/database.ts';
import { findObjects } from '../../store/dicom-search-store.ts';
import { groupOf } from './find-session.ts';
import type { Answer, Operation, Request } from './operation.ts';

/** What is retrieved at once is counted first, and so known whole. */
const MAX_OBJECTS = 20_000;
/** As many as fit where a UID list has a 16-bit length (PS3.5 Table 7.1-2). */
const MAX_FAILED_UIDS = 1_000;

export type RetrieveDeps = {
  readonly database: Database;
  readonly blobs: Pick<BlobStore, 'read' | 'stat' | 'path'>;
  readonly decode: DecodeFrame;
  readonly audit: AuditTrail;
  readonly log: Log;
  readonly clock: Clock;
  readonly move: OpenMove;
};

type Counts = { remaining: number; completed: number; failed: number; warnings: number };

export class RetrieveSession implements Operation {
  readonly #request: Request;
  readonly #deps: RetrieveDeps;
  readonly #reader: IdentifierReader;
  #cancelled = false;

  constructor(request: Request, deps: RetrieveDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#reader = identifierReader(transferSyntax(request.context.transferSyntax) as TransferSyntax);
  }

  async write(fragment: Buffer): Promise<void> {
    this.#reader.push(fragment);
  }

  async end(): Promise<Answer> {
    const { peer } = this.#request;
    try {
      const objects = await this.#find();
      if (isFailure(objects)) return this.#refused(statusOf(objects), objects.detail);
      if (objects.length > MAX_OBJECTS) return this.#refused(TOO_MANY_MATCHES, `more than ${MAX_OBJECTS} objects match`);
      return await this.#carry(objects);
    } catch (error) {
      this.#deps.log.error('dimse.retrieve-failed', { peer: peer.name, error: error instanceof Error ? error.message : 'failed' });
      return UNABLE_TO_PROCESS;
    }
  }

  async abandon(): Promise<void> {
    this.#cancelled = true;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  async #find(): Promise<MovedObject[] | Failure> {
    const { context, peer } = this.#request;
    const identifier = this.#reader.end();
    if (isFailure(identifier)) return identifier;
    const root = QUERY_MODELS.get(context.abstractSyntax)?.root ?? 'study';
    const conditions = retrieveConditions(identifier, root, context.extension?.relational);
    return isFailure(conditions) ? conditions : findObjects(this.#deps.database, conditions, groupOf(peer), MAX_OBJECTS + 1);
  }

  async #carry(objects: readonly MovedObject[]): Promise<Answer> {
    const { command } = this.#request;
    const opened = command.field === COMMAND.cMoveRq ? this.#move(objects) : this.#here();
    if (opened === null) return this.#refused(MOVE_DESTINATION_UNKNOWN, 'no destination of that AE title');
    if (objects.length === 0) return { status: SUCCESS, command: { remaining: 0, completed: 0, failed: 0, warnings: 0 } };
    const stores = await opened;
    if (isFailure(stores)) return this.#refused(NO_SUB_OPERATIONS, stores.detail, objects.length);
    try {
      return await this.#storeAll(objects, stores.store);
    } finally {
      await stores.close();
    }
  }

  #move(objects: readonly MovedObject[]): Promise<ObjectStores | Failure> | null {
    const { command, peer, dialogue } = this.#request;
    const origin = { aeTitle: dialogue.calling, messageId: command.messageId };
    return this.#deps.move(peer.query?.moveTo ?? [], command.moveDestination ?? '', objects, origin);
  }

  /** C-STORE on the association of the C-GET (§C.4.3.1.1): where the peer has said that it is a provider of that SOP class. */
  #here(): Promise<ObjectStores> {
    const { dialogue, peer } = this.#request;
    const decompresses = peer.query?.transcode === 'decompressed';
    const contexts = [...dialogue.contexts.values()].filter(({ isProvider }) => isProvider);
    const store: ObjectStores['store'] = async (object) => {
      const { sopClassUid, sopInstanceUid, transferSyntax: stored, blob, bytes } = object;
      const wanted = [stored, ...conversionsOf(stored), ...(decompresses ? decompressionsOf(stored) : [])];
      const offered = contexts.filter(({ abstractSyntax }) => abstractSyntax === sopClassUid);
      const context = wanted.flatMap((syntax) => offered.find(({ transferSyntax }) => transferSyntax === syntax) ?? [])[0];
      if (!context) return failure('dimse', 'unsupported-type', `${sopClassUid} in ${stored} was not negotiated`);
      const file = await this.#deps.blobs.stat(blob);
      if (file?.bytes !== bytes) return failure('dimse', 'not-found', 'its file is not in the blob store as it was');
      const command = { field: COMMAND.cStoreRq, sopClassUid, sopInstanceUid };
      const sent = await this.#inSyntax(object, context.transferSyntax);
      return isFailure(sent) ? sent : dialogue.ask(context.id, command, sent);
    };
    return Promise.resolve({ store, close: async () => {} });
  }

  /** Of a compressed image the first frame is decoded before anything is sent. */
  async #inSyntax(object: MovedObject, target: string): Promise<AsyncIterable<Buffer> | Failure> {
    const { transferSyntax: stored } = object;
    const ranges = readRanges(this.#deps.blobs, object);
    const dataset = ranges.stream({ start: 0, length: ranges.bytes });
    if (target === stored) return dataset;
    if (conversionsOf(stored).includes(target)) return transcoded(dataset, stored, target);
    const syntax = transferSyntax(stored) as TransferSyntax;
    const image = await openDecompressed({ syntax, ...ranges }, this.#deps.decode);
    return isFailure(image) ? image : image.dataset(dataset, target);
  }

  async #storeAll(objects: readonly MovedObject[], store: ObjectStores['store']): Promise<Answer> {
    const { dialogue } = this.#request;
    const counts: Counts = { remaining: objects.length, completed: 0, failed: 0, warnings: 0 };
    const failed: string[] = [];
    const sent = { studyUid: '', objects: 0 };
    try {
      for (const object of objects) {
        if (this.#cancelled || !dialogue.isOpen()) break;
        if (object.studyUid !== sent.studyUid) await this.#audit(sent);
        if (object.studyUid !== sent.studyUid) Object.assign(sent, { studyUid: object.studyUid, objects: 0 });
        const status = await store(object).catch(unread);
        counts.remaining--;
        const outcome = outcomeOf(status);
        counts[outcome]++;
        if (outcome === 'failed') {
          failed.push(object.sopInstanceUid);
          this.#notStored(object, isFailure(status) ? status.detail : statusName(status));
        } else sent.objects++;
        if (counts.remaining > 0) await dialogue.pending({ status: PENDING, command: counts });
      }
    } finally {
      await this.#audit(sent);
    }
    return this.#last(counts, failed);
  }

  /** Tables C.4-2 and C.4-3. */
  #last(counts: Counts, failed: readonly string[]): Answer {
    const { context } = this.#request;
    const { remaining, ...done } = counts;
    const status = remaining > 0 ? CANCELLED : counts.failed + counts.warnings > 0 ? SUB_OPERATIONS_INCOMPLETE : SUCCESS;
    const command: Partial<Command> = remaining > 0 ? counts : done;
    if (failed.length === 0) return { status, command };
    const uids = { '00080058': { vr: 'UI', Value: failed.slice(0, MAX_FAILED_UIDS) } }; // FailedSOPInstanceUIDList
    return { status, command, dataset: writeIdentifier(uids, context.transferSyntax === EXPLICIT_LITTLE_ENDIAN) };
  }

  /** As soon as a study has gone, and however that ended. */
  async #audit({ studyUid, objects }: { readonly studyUid: string; readonly objects: number }): Promise<void> {
    if (objects === 0) return;
    const { command, peer } = this.#request;
    const move = command.field === COMMAND.cMoveRq;
    const result = `${objects} sent${move ? ` to ${command.moveDestination}` : ''}`;
    await this.#deps.audit.record({
      ...{ at: this.#deps.clock.now(), client: peer.name, action: move ? 'C-MOVE' : 'C-GET' },
      ...{ target: `studies/${studyUid}`, result },
    });
  }

  #notStored({ sopInstanceUid }: MovedObject, why: string): void {
    this.#deps.log.warn('dimse.not-retrieved', { peer: this.#request.peer.name, sopInstanceUid, why });
  }

  #refused(status: number, why: string, failed?: number): Answer {
    this.#deps.log.warn('dimse.retrieve-refused', { peer: this.#request.peer.name, status: statusName(status), why });
    return failed === undefined ? status : { status, command: { completed: 0, failed, warnings: 0 } };
  }
}

function outcomeOf(status: number | Failure): 'completed' | 'warnings' | 'failed' {
  if (isFailure(status) || storeVerdict(status).kind !== 'stored') return 'failed';
  return status === SUCCESS ? 'completed' : 'warnings';
}

/** A file that cannot be looked at is no reason to leave the others. */
function unread(error: unknown): Failure {
  return failure('dimse', 'internal', `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, 'transient');
}
