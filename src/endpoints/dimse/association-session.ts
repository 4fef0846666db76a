/**
 * One connection at the DIMSE door: an association as acceptor (PS3.8), and on it one operation after another (PS3.7): C-ECHO, C-STORE, and
 * N-ACTION for storage commitment, after which we report by N-EVENT-REPORT as long as the peer is there.
 * Asynchronous operations are not negotiated, so one operation of each side is under way at a time.
 * Promises: the socket is not read while a fragment waits for the disk or an object for the journal (that is the back-pressure);
 * a peer that falls silent, stops reading, or breaks the protocol is let go with a reason in the log; nothing of its unfinished
 * object remains.
 */
import type { Socket } from 'node:net';
import type { CommitmentAnswer } from '../../model/commitment.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Peer, PeerDirectory } from '../../model/peer.ts';
import type { ShownCertificate } from '../../model/tls.ts';
import { COMMAND, type Command, encodeCommand, RESPONSE, responseTo } from '../../protocols/dicom/command.ts';
import { CommandAssembler } from '../../protocols/dicom/command-assembler.ts';
import { type AcceptedContext, negotiate } from '../../protocols/dicom/negotiation.ts';
import { pDataOf } from '../../protocols/dicom/p-data.ts';
import type { AssociateRq, Pdv } from '../../protocols/dicom/pdu.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH } from '../../protocols/dicom/sop-class.ts';
import { rejectionOf, SUCCESS, statusOf } from '../../protocols/dicom/status.ts';
import { eventTypeOf, writeEvent } from '../../protocols/dicom/storage-commitment.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../protocols/dicom/transfer-syntax.ts';
import { drained, type Indication, type UpperLayer, upperLayer } from '../../protocols/dicom/upper-layer.ts';
import { type CommitmentDeps, CommitmentSession } from './commitment-session.ts';
import type { SteadySocket } from './steady-socket-session.ts';
import { type StoreDeps, StoreSession } from './store-session.ts';

export type SessionLimits = {
  readonly maxPduBytes: number;
  readonly artimMs: number;
  readonly idleMs: number;
  readonly reserveBytes: number;
};

export type SessionDeps = Omit<StoreDeps, 'reserveBytes'> & {
  readonly commitment: Pick<CommitmentDeps, 'database' | 'journal' | 'blobs'>;
  readonly peers: PeerDirectory;
  /** What the peer has shown of itself in TLS. */
  readonly certificate: ShownCertificate | null;
  /** Takes a place among the associations there may be; false when all are taken. */
  readonly admit: () => boolean;
};

/** What a dataset is sent for: its fragments go in, a status comes out. */
type Operation = { write(fragment: Buffer): Promise<void>; end(): Promise<number>; abandon(): Promise<void> };
type UnderWay = { readonly operation: Operation; readonly command: Command; readonly context: number };

const LEFT = failure('dimse', 'unreachable', 'the peer left before the answer', 'transient');

export class AssociationSession {
  readonly #socket: Socket;
  readonly #readAll: SteadySocket['readAll'];
  readonly #limits: SessionLimits;
  readonly #deps: SessionDeps;
  readonly #layer: UpperLayer;
  readonly #remoteAddress: string;
  readonly #assembler = new CommandAssembler();
  #peer: Peer | null = null;
  #contexts: ReadonlyMap<number, AcceptedContext> = new Map();
  #peerMaxPduLength = 0;
  #underWay: UnderWay | null = null;
  #artim: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #finishing = false;
  /** One message of ours after the other: their fragments must not mix. */
  #outgoing: Promise<void> = Promise.resolve();
  #messageId = 0;
  /** Told of the response to the N-EVENT-REPORT that is out. */
  #reported: ((status: number | Failure) => void) | null = null;
  #stored = 0;
  /** Ends when every commitment asked for so far has been reported or left. */
  #reports: Promise<void> = Promise.resolve();

  constructor({ socket, readAll }: SteadySocket, limits: SessionLimits, deps: SessionDeps) {
    this.#socket = socket;
    this.#readAll = readAll;
    this.#limits = limits;
    this.#deps = deps;
    this.#remoteAddress = socket.remoteAddress ?? '';
    this.#layer = upperLayer('acceptor', limits.maxPduBytes, this.#transport(), (indication) => this.#indicated(indication));
  }

  /** Serves the connection until it is closed. Never rejects. */
  async run(): Promise<void> {
    this.#socket.setNoDelay(true);
    let error = '';
    try {
      await this.#layer.connected();
      await this.#readAll((chunk) => this.#layer.received(chunk));
    } catch (problem) {
      error = problem instanceof Error ? problem.message : 'failed';
    }
    await this.#layer.closed();
    await this.#abandon();
    this.#reported?.(LEFT);
    clearTimeout(this.#artim);
    clearTimeout(this.#idle);
    this.#socket.destroy();
    this.#deps.log.info('dimse.closed', { ...this.#who(), stored: this.#stored, error });
  }

  /** Takes no new object; ends the association once the one under way has its answer. */
  async finish(): Promise<void> {
    this.#finishing = true;
    if (!this.#underWay) await this.#leave();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #leave(): Promise<void> {
    await this.#layer.abort();
    this.#socket.destroySoon();
  }

  #transport() {
    return {
      connect: () => {},
      send: (bytes: Buffer) => this.#send(bytes),
      close: () => this.destroy(),
      startArtim: () => {
        clearTimeout(this.#artim);
        this.#artim = setTimeout(() => this.#expired(), this.#limits.artimMs);
      },
      stopArtim: () => clearTimeout(this.#artim),
    };
  }

  #expired(): void {
    if (this.#layer.state === 'Sta2') this.#deps.log.warn('dimse.silent', { ...this.#who(), why: 'no A-ASSOCIATE-RQ' });
    void this.#layer.artimExpired();
  }

  /** Waits for a peer that reads slowly, but not for one that has stopped. */
  async #send(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(bytes)) return;
    const impatience = setTimeout(() => {
      this.#deps.log.warn('dimse.silent', { ...this.#who(), why: 'does not read its answers' });
      this.#socket.destroy();
    }, this.#limits.artimMs);
    await drained(this.#socket);
    clearTimeout(impatience);
  }

  /** A whole PDU counts as a sign of life, single bytes do not; while we are at work the silence is our own. */
  async #indicated(indication: Indication): Promise<void> {
    clearTimeout(this.#idle);
    await this.#take(indication);
    if (this.#layer.state === 'Sta6') this.#idle = setTimeout(() => void this.#break('silent'), this.#limits.idleMs);
  }

  async #take(indication: Indication): Promise<void> {
    switch (indication.type) {
      case 'A-ASSOCIATE-RQ':
        return this.#associate(indication);
      case 'P-DATA-TF':
        for (const value of indication.values) if (this.#layer.state === 'Sta6') await this.#value(value);
        return;
      case 'A-RELEASE-RQ':
        return this.#layer.send({ type: 'A-RELEASE-RP' });
      case 'A-ABORT':
        return this.#aborted(`by the peer: source ${indication.source}, reason ${indication.reason}`);
      case 'A-P-ABORT':
        return this.#aborted(indication.why);
    }
  }

  async #associate(rq: AssociateRq): Promise<void> {
    const peer = this.#recognise(rq);
    const negotiated = isFailure(peer) ? peer : negotiate(rq, this.#limits.maxPduBytes, peer.commitment !== undefined);
    if (isFailure(peer) || isFailure(negotiated)) return this.#reject(rq, negotiated as Failure);
    if (!this.#deps.admit()) return this.#reject(rq, failure('dimse', 'out-of-resources', 'all associations are taken'));
    this.#peer = peer;
    this.#contexts = negotiated.contexts;
    this.#peerMaxPduLength = rq.user.maxPduLength;
    await this.#layer.send(negotiated.answer);
    const { calling, contexts } = rq;
    this.#deps.log.info('dimse.associated', { ...this.#who(), calling, contexts: contexts.length, accepted: negotiated.contexts.size });
  }

  #reject({ calling, called }: AssociateRq, why: Failure): Promise<void> {
    this.#deps.log.warn('dimse.rejected', { ...this.#who(), calling, called, why: why.detail });
    return this.#layer.send(rejectionOf(why));
  }

  /** PS3.8 Table 9-11: an AE title is printable ASCII and not empty. */
  #recognise(rq: AssociateRq): Peer | Failure {
    if (!/^[\x20-\x7e]+$/.test(rq.calling)) return failure('dimse', 'forbidden', 'calling AE title is none');
    const caller = { address: this.#remoteAddress, certificate: this.#deps.certificate };
    return this.#deps.peers.dimse(caller, rq.calling, rq.called);
  }

  async #value(pdv: Pdv): Promise<void> {
    const context = this.#contexts.get(pdv.context);
    if (!context) return this.#break('a fragment on a presentation context that was not accepted');
    return pdv.command ? this.#commandFragment(pdv, context) : this.#datasetFragment(pdv);
  }

  async #commandFragment(pdv: Pdv, context: AcceptedContext): Promise<void> {
    if (this.#underWay) return this.#break('a command within a dataset');
    const command = this.#assembler.push(pdv);
    if (command === null) return;
    return isFailure(command) ? this.#break(command.detail) : this.#begin(command, context);
  }

  async #datasetFragment({ context, fragment, last }: Pdv): Promise<void> {
    const underWay = this.#underWay;
    if (!underWay) return this.#break('a dataset without a command');
    if (underWay.context !== context) return this.#break('a dataset on another presentation context than its command');
    await underWay.operation.write(fragment);
    if (!last) return;
    const status = await underWay.operation.end();
    this.#underWay = null;
    if (underWay.operation instanceof StoreSession && status === SUCCESS) this.#stored++;
    await this.#respond(context, underWay.command, status);
    const { operation } = underWay;
    if (this.#finishing) await this.#leave();
    // Beside what the peer does next: looking at the objects takes a while.
    if (operation instanceof CommitmentSession) {
      // One after the other, or one association could have any number of sets verified at once.
      this.#reports = this.#reports.then(() => operation.report((answer) => this.#report(context, answer)));
    }
  }

  async #begin(command: Command, context: AcceptedContext): Promise<void> {
    if ((command.field & RESPONSE) !== 0) return this.#answered(command);
    if (command.field === COMMAND.cCancelRq) return;
    const operation = this.#operationFor(command, context);
    if (command.hasDataset) this.#underWay = { operation, command, context: context.id };
    else await this.#respond(context.id, command, await operation.end());
  }

  #operationFor(command: Command, context: AcceptedContext): Operation {
    if (command.field === COMMAND.nActionRq && context.abstractSyntax === STORAGE_COMMITMENT_PUSH) {
      return new CommitmentSession(command, context, this.#peer as Peer, { ...this.#deps, ...this.#deps.commitment });
    }
    if (command.field === COMMAND.cStoreRq)
      return new StoreSession(command, context, this.#peer as Peer, { ...this.#deps, reserveBytes: this.#limits.reserveBytes });
    const understood = command.field === COMMAND.cEchoRq;
    this.#deps.metrics.count('waystation_dimse_operations_total', { operation: understood ? 'C-ECHO' : 'other' });
    const status = understood ? SUCCESS : statusOf(failure('dimse', 'unsupported-event', 'operation'));
    return { write: async () => {}, end: async () => status, abandon: async () => {} };
  }

  #respond(context: number, command: Command, status: number): Promise<void> {
    return this.#say(context, encodeCommand(responseTo(command, status)));
  }

  #say(context: number, command: Buffer, dataset: Buffer | null = null): Promise<void> {
    this.#outgoing = this.#outgoing.then(async () => {
      const limit = this.#peerMaxPduLength;
      for (const pdu of pDataOf({ context, command: true, bytes: command, last: true }, limit)) await this.#layer.send(pdu);
      if (dataset === null) return;
      for (const pdu of pDataOf({ context, command: false, bytes: dataset, last: true }, limit)) await this.#layer.send(pdu);
    });
    return this.#outgoing;
  }

  /** N-EVENT-REPORT (PS3.7 §10.1.1): the status of its response, or that the peer left before. */
  async #report(id: number, answer: CommitmentAnswer): Promise<number | Failure> {
    const context = this.#contexts.get(id) as AcceptedContext;
    if (this.#layer.state !== 'Sta6' || this.#finishing || this.#reported) return LEFT;
    const { promise, resolve } = Promise.withResolvers<number | Failure>();
    this.#reported = resolve;
    this.#messageId = (this.#messageId % 0xffff) + 1;
    const event = { field: COMMAND.nEventReportRq, messageId: this.#messageId, eventTypeId: eventTypeOf(answer), hasDataset: true };
    const command = encodeCommand({ ...event, sopClassUid: STORAGE_COMMITMENT_PUSH, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE });
    await this.#say(id, command, writeEvent(answer, context.transferSyntax === EXPLICIT_LITTLE_ENDIAN));
    const status = await promise;
    this.#reported = null;
    return status;
  }

  #answered(command: Command): Promise<void> | void {
    const isOurs = command.field === (COMMAND.nEventReportRq | RESPONSE) && command.messageId === this.#messageId && !command.hasDataset;
    if (!this.#reported || !isOurs || command.status === undefined) return this.#break('a response to nothing we asked');
    this.#reported(command.status);
  }

  /** The peer left the protocol: A-ABORT, and its unfinished object is dropped. */
  async #break(why: string): Promise<void> {
    this.#reported?.(LEFT);
    await this.#aborted(why);
    await this.#layer.abort();
  }

  #aborted(why: string): Promise<void> {
    this.#deps.log.warn('dimse.aborted', { ...this.#who(), why });
    this.#deps.metrics.count('waystation_dimse_aborts_total');
    return this.#abandon();
  }

  async #abandon(): Promise<void> {
    const underWay = this.#underWay;
    this.#underWay = null;
    await underWay?.operation.abandon();
  }

  #who() {
    return { peer: this.#peer?.name ?? '', remoteAddress: this.#remoteAddress };
  }
}
