/**
 * One connection at the DIMSE door: an association as acceptor (PS3.8), and on it one operation after another (PS3.7), of the services that
 * dispatch-session.ts lists. Asynchronous operations are not negotiated, so one operation of each side is under way at a time; an operation
 * that can be cancelled works while we listen for its C-CANCEL and for the responses to what it asks of the peer.
 * Promises: the socket is not read while a fragment waits for the disk or an object for the journal (that is the back-pressure);
 * a peer that falls silent, stops reading, or breaks the protocol is let go with a reason in the log; nothing of its unfinished
 * object remains.
 */
import type { Socket } from 'node:net';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Peer, PeerDirectory } from '../../model/peer.ts';
import type { ShownCertificate } from '../../model/tls.ts';
import { COMMAND, type Command, RESPONSE } from '../../protocols/dicom/command.ts';
import { CommandAssembler } from '../../protocols/dicom/command-assembler.ts';
import { type AcceptedContext, negotiate } from '../../protocols/dicom/negotiation.ts';
import type { AssociateRq, Pdv } from '../../protocols/dicom/pdu.ts';
import { rejectionOf, SUCCESS } from '../../protocols/dicom/status.ts';
import { drained, type Indication, type UpperLayer, upperLayer } from '../../protocols/dicom/upper-layer.ts';
import { Conversation } from './conversation-session.ts';
import { beginOperation, mayProvide, offerTo, type ServiceDeps } from './dispatch-session.ts';
import type { Dialogue, Operation } from './operation.ts';
import type { SteadySocket } from './steady-socket-session.ts';
import { StoreSession } from './store-session.ts';

export type SessionLimits = {
  readonly maxPduBytes: number;
  readonly artimMs: number;
  readonly idleMs: number;
  readonly reserveBytes: number;
};

export type SessionDeps = Omit<ServiceDeps, 'reserveBytes'> & {
  readonly peers: PeerDirectory;
  /** What the peer has shown of itself in TLS. */
  readonly certificate: ShownCertificate | null;
  /** Takes a place among the associations there may be; false when all are taken. */
  readonly admit: () => boolean;
};

type UnderWay = { readonly operation: Operation; readonly command: Command; readonly context: number };

export class AssociationSession {
  readonly #socket: Socket;
  readonly #readAll: SteadySocket['readAll'];
  readonly #limits: SessionLimits;
  readonly #deps: SessionDeps;
  readonly #layer: UpperLayer;
  readonly #remoteAddress: string;
  readonly #assembler = new CommandAssembler();
  readonly #conversation: Conversation;
  #peer: Peer | null = null;
  #contexts: ReadonlyMap<number, AcceptedContext> = new Map();
  /** Its dataset is on its way. */
  #underWay: UnderWay | null = null;
  /** Its dataset is here, and it works while we listen. */
  #working: UnderWay | null = null;
  #artim: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #finishing = false;
  #stored = 0;
  /** Ends when what follows the answers given so far is done. */
  #afterwards: Promise<void> = Promise.resolve();
  readonly #titles = { calling: '', called: '' };

  constructor({ socket, readAll }: SteadySocket, limits: SessionLimits, deps: SessionDeps) {
    this.#socket = socket;
    this.#readAll = readAll;
    this.#limits = limits;
    this.#deps = deps;
    this.#remoteAddress = socket.remoteAddress ?? '';
    this.#layer = upperLayer('acceptor', limits.maxPduBytes, this.#transport(), (indication) => this.#indicated(indication));
    this.#conversation = new Conversation({
      send: (pdu) => this.#layer.send(pdu),
      isOpen: () => this.#isOpen(),
      isUp: () => this.#isUp(),
      waits: () => this.#expect(),
      break: (why) => this.#break(why),
    });
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
    this.#conversation.left();
    clearTimeout(this.#artim);
    clearTimeout(this.#idle);
    this.#socket.destroy();
    this.#deps.log.info('dimse.closed', { ...this.#who(), stored: this.#stored, error });
  }

  /** Takes no new object; ends the association once the one under way has its answer. */
  async finish(): Promise<void> {
    this.#finishing = true;
    if (!this.#underWay && !this.#working) await this.#leave();
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

  /** A whole PDU counts as a sign of life, single bytes do not. */
  async #indicated(indication: Indication): Promise<void> {
    clearTimeout(this.#idle);
    await this.#take(indication);
    this.#expect();
  }

  /** While we are at work the silence is our own, unless we wait for the peer. */
  #expect(): void {
    clearTimeout(this.#idle);
    if (this.#layer.state !== 'Sta6' || (this.#working && !this.#conversation.isAsking)) return;
    this.#idle = setTimeout(() => void this.#break('silent'), this.#limits.idleMs);
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
    const negotiated = isFailure(peer) ? peer : negotiate(rq, this.#limits.maxPduBytes, offerTo(peer), mayProvide(peer));
    if (isFailure(peer) || isFailure(negotiated)) return this.#reject(rq, negotiated as Failure);
    if (!this.#deps.admit()) return this.#reject(rq, failure('dimse', 'out-of-resources', 'all associations are taken'));
    this.#peer = peer;
    this.#contexts = negotiated.contexts;
    this.#conversation.begin(rq.user.maxPduLength);
    Object.assign(this.#titles, { calling: rq.calling.trim(), called: rq.called.trim() });
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
    await this.#carryOut(underWay);
  }

  async #begin(command: Command, context: AcceptedContext): Promise<void> {
    if ((command.field & RESPONSE) !== 0) {
      if (!this.#conversation.answered(command)) await this.#break('a response to nothing we asked');
      return;
    }
    if (command.field === COMMAND.cCancelRq) return this.#cancel(command);
    if (this.#working) return this.#break('a request while another is worked on');
    const request = { command, context, peer: this.#peer as Peer, dialogue: this.#dialogue(command, context) };
    const operation = beginOperation(request, { ...this.#deps, reserveBytes: this.#limits.reserveBytes });
    const underWay = { operation, command, context: context.id };
    if (command.hasDataset) this.#underWay = underWay;
    else await this.#carryOut(underWay);
  }

  /** Waited for, which is the back-pressure, unless the operation can be cancelled. */
  async #carryOut(underWay: UnderWay): Promise<void> {
    if (!underWay.operation.cancel) return this.#conclude(underWay);
    this.#underWay = null;
    this.#working = underWay;
    void this.#conclude(underWay).catch((error) => this.#break(error instanceof Error ? error.message : 'failed'));
  }

  async #conclude({ operation, command, context }: UnderWay): Promise<void> {
    const answer = await operation.end();
    this.#underWay = null;
    if (operation instanceof StoreSession && answer === SUCCESS) this.#stored++;
    this.#working = null;
    await this.#conversation.respond(context, command, answer);
    this.#expect();
    if (this.#finishing) await this.#leave();
    if (operation.after) this.#afterwards = this.#afterwards.then(() => operation.after?.());
  }

  #cancel({ messageId }: Command): void {
    if (this.#working?.command.messageId === messageId) this.#working.operation.cancel?.();
  }

  #dialogue(command: Command, context: AcceptedContext): Dialogue {
    return {
      ...this.#titles,
      contexts: this.#contexts,
      isOpen: () => this.#isOpen(),
      pending: async (answer) => {
        if (this.#isOpen()) await this.#conversation.respond(context.id, command, answer);
      },
      ask: (id, request, dataset) => this.#conversation.ask(id, request, dataset),
    };
  }

  #isOpen(): boolean {
    return this.#isUp() && !this.#finishing;
  }

  #isUp(): boolean {
    return this.#layer.state === 'Sta6' && !this.#socket.destroyed;
  }

  /** The peer left the protocol: A-ABORT, and its unfinished object is dropped. */
  async #break(why: string): Promise<void> {
    this.#conversation.left();
    await this.#aborted(why);
    await this.#layer.abort();
  }

  #aborted(why: string): Promise<void> {
    this.#deps.log.warn('dimse.aborted', { ...this.#who(), why });
    this.#deps.metrics.count('waystation_dimse_aborts_total');
    return this.#abandon();
  }

  async #abandon(): Promise<void> {
    const [underWay, working] = [this.#underWay, this.#working];
    this.#underWay = null;
    this.#working = null;
    await underWay?.operation.abandon();
    await working?.operation.abandon();
  }

  #who() {
    return { peer: this.#peer?.name ?? '', remoteAddress: this.#remoteAddress };
  }
}
