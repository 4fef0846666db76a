/**
 * An association as requestor (PS3.8) with C-ECHO and C-STORE (PS3.7 §9.1), plain or over TLS: what sends objects to a PACS.
 * In: an address, AE titles, and the presentation contexts wanted; objects as byte sources, streamed with the peer's back-pressure.
 * Out: the exact status of each operation. Promises: every wait has an end; a failure before the object's last byte was sent is transient,
 * one after it ambiguous: the peer may have taken the object.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { CommitmentAnswer } from '../../model/commitment.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { MoveOrigin } from '../../model/move.ts';
import type { CallTls } from '../../model/tls.ts';
import { COMMAND, type Command, encodeCommand, RESPONSE, responseTo } from '../../protocols/dicom/command.ts';
import { CommandAssembler } from '../../protocols/dicom/command-assembler.ts';
import { fragmentBytes, gathered, pDataOf } from '../../protocols/dicom/p-data.ts';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../../protocols/dicom/part10.ts';
import {
  APPLICATION_CONTEXT,
  type AssociateRq,
  type Pdv,
  type PresentationContext,
  type RoleSelection,
} from '../../protocols/dicom/pdu.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH, VERIFICATION } from '../../protocols/dicom/sop-class.ts';
import { eventTypeOf, writeEvent } from '../../protocols/dicom/storage-commitment.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../protocols/dicom/transfer-syntax.ts';
import { drained, type Indication, type UpperLayer, upperLayer } from '../../protocols/dicom/upper-layer.ts';
import { callTlsOptions, handshakeFault } from '../../security/tls-options.ts';

/** Responses are short commands; nobody sends us datasets. */
const MAX_PDU_BYTES = 64 * 1024;
/** Their ids are the odd numbers of one byte (PS3.8 Table 9-13). */
export const MAX_CONTEXTS = 128;
const OURSELVES = {
  maxPduLength: MAX_PDU_BYTES,
  implementationClassUid: IMPLEMENTATION_CLASS_UID,
  implementationVersionName: IMPLEMENTATION_VERSION_NAME,
};

export type DimseTarget = {
  readonly host: string;
  readonly port: number;
  readonly calling: string;
  readonly called: string;
  /** Null or absent: without TLS. */
  readonly tls?: CallTls | null;
  /** For connecting, for each answer, and for a peer that has stopped reading. */
  readonly timeoutMs: number;
};

export type Wanted = {
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
  /** We perform this service, although we open the association (PS3.7 §D.3.3.4). */
  readonly asProvider?: boolean;
};

export type OutgoingObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
  /** The dataset, without preamble and File Meta Information. */
  readonly dataset: AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Whose C-MOVE it is part of. */
  readonly origin?: MoveOrigin;
};

/** A request of the peer: fragments of its dataset go in, the status that answers it comes out. */
export type Incoming = { write(fragment: Buffer): void; end(): Promise<number> };
/** What becomes of a request of the peer, by its command and transfer syntax; null for one that nobody serves. */
export type Hear = (command: Command, transferSyntax: string) => Incoming | null;

/** Opens an association, one presentation context for each entry of `wanted`. `hear`: requests of the peer with a dataset. */
export async function associate(
  target: DimseTarget,
  wanted: readonly Wanted[],
  hear: Hear = () => null,
): Promise<DimseAssociation | Failure> {
  const association = new DimseAssociation(target, wanted, hear);
  return (await association.open()) ?? association;
}

/** A request of the peer that is under way. */
type Heard = { readonly command: Command; readonly context: number; readonly incoming: Incoming };

/** What the peer says next. */
type Said = Command | 'accepted' | 'released' | Failure;

export class DimseAssociation {
  readonly #target: DimseTarget;
  readonly #proposed: readonly PresentationContext[];
  readonly #roles: readonly RoleSelection[];
  readonly #layer: UpperLayer;
  readonly #assembler = new CommandAssembler();
  #socket: Socket | null = null;
  #accepted: ReadonlyMap<number, string> = new Map();
  #refused: ReadonlyMap<number, number> = new Map();
  #peerMaxPduLength = 0;
  #messageId = 0;
  #artim: NodeJS.Timeout | undefined;
  /** Told of the next thing the peer says, or of the end. */
  #waiting: ((said: Said) => void) | null = null;
  #ended: Failure | null = null;
  readonly #over = Promise.withResolvers<void>();
  readonly #hear: Hear;
  #incoming: Heard | null = null;

  constructor(target: DimseTarget, wanted: readonly Wanted[], hear: Hear = () => null) {
    this.#target = target;
    this.#hear = hear;
    this.#proposed = wanted.map((context, index) => ({ id: 2 * index + 1, ...context }));
    this.#roles = wanted.flatMap(({ abstractSyntax, asProvider }) =>
      asProvider ? [{ sopClassUid: abstractSyntax, scu: false, scp: true }] : [],
    );
    this.#layer = upperLayer('requestor', MAX_PDU_BYTES, this.#transport(), async (indication) => this.#indicated(indication));
  }

  /** Null when the association stands. */
  async open(): Promise<Failure | null> {
    if (this.#proposed.length > MAX_CONTEXTS) return failure('delivery', 'invalid', `${this.#proposed.length} presentation contexts`);
    const answer = this.#next();
    await this.#layer.request();
    const said = await answer;
    if (isFailure(said)) this.#socket?.destroy();
    return isFailure(said) ? said : null;
  }

  /** Why there will be no more operations on it, or null. */
  get ended(): Failure | null {
    return this.#ended;
  }

  /** Resolves when there will be no more operations on it. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Bytes of an object in one PDU, as long as the peer takes them. */
  get fragmentBytes(): number {
    return fragmentBytes(this.#peerMaxPduLength);
  }

  /** The first of these transfer syntaxes in which objects of that SOP class can be sent, or null. */
  acceptedOf(abstractSyntax: string, transferSyntaxes: readonly string[]): string | null {
    return transferSyntaxes.find((syntax) => this.accepts(abstractSyntax, syntax)) ?? null;
  }

  /** Whether the peer was asked for it, whatever it said. */
  proposes(abstractSyntax: string, transferSyntax: string): boolean {
    return this.#proposed.some((one) => one.abstractSyntax === abstractSyntax && one.transferSyntaxes.includes(transferSyntax));
  }

  /** Whether objects of that SOP class can be sent in that transfer syntax. */
  accepts(abstractSyntax: string, transferSyntax: string): boolean {
    return this.#contextFor(abstractSyntax, transferSyntax) !== null;
  }

  /** The status of a C-ECHO; 0 is success. */
  async echo(): Promise<number | Failure> {
    const context = this.#contextFor(VERIFICATION, null);
    if (context === null) return failure('delivery', 'rejected', 'Verification was not accepted');
    const answer = this.#next();
    await this.#send(context, true, this.#request(COMMAND.cEchoRq, VERIFICATION, '', false), true);
    return this.#statusIn(await answer);
  }

  /** The status of a C-STORE; 0 is success, Bxxx a warning, anything else a refusal (PS3.4 Table B.2-1). */
  async store({ sopClassUid, sopInstanceUid, transferSyntax, dataset, origin }: OutgoingObject): Promise<number | Failure> {
    const context = this.#contextFor(sopClassUid, transferSyntax);
    if (context === null) return this.#notAccepted(sopClassUid, transferSyntax);
    // The peer may answer, or hang up, while the object is still on its way.
    const answer = this.#next();
    await this.#send(context, true, this.#request(COMMAND.cStoreRq, sopClassUid, sopInstanceUid, true, origin), true);
    let held: Buffer = Buffer.alloc(0);
    for await (const chunk of gathered(dataset, this.fragmentBytes)) {
      if (this.#ended) return this.#ended;
      if (held.length > 0) await this.#send(context, false, held, false);
      held = chunk;
    }
    await this.#send(context, false, held, true);
    const said = this.#statusIn(await answer);
    return isFailure(said) && said.class === 'transient' ? { ...said, class: 'ambiguous' } : said;
  }

  /** The status of an N-EVENT-REPORT that answers a request for storage commitment (PS3.4 §J.3.3). */
  async report(answer: CommitmentAnswer): Promise<number | Failure> {
    const context = this.#contextFor(STORAGE_COMMITMENT_PUSH, null);
    if (context === null) return failure('delivery', 'rejected', 'the peer takes no storage commitment', 'transient');
    const said = this.#next();
    this.#messageId = (this.#messageId % 0xffff) + 1;
    const event = { field: COMMAND.nEventReportRq, messageId: this.#messageId, eventTypeId: eventTypeOf(answer), hasDataset: true };
    const command = encodeCommand({ ...event, sopClassUid: STORAGE_COMMITMENT_PUSH, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE });
    await this.#send(context, true, command, true);
    await this.#send(context, false, writeEvent(answer, this.#accepted.get(context) === EXPLICIT_LITTLE_ENDIAN), true);
    return this.#statusIn(await said);
  }

  /** The status of an operation with a dataset on the context of its SOP class; `datasetIn` writes it in the accepted transfer syntax. */
  async ask(command: Omit<Command, 'messageId' | 'hasDataset'>, datasetIn: (transferSyntax: string) => Buffer): Promise<number | Failure> {
    const context = this.#contextFor(command.sopClassUid, null);
    if (context === null) return failure('delivery', 'rejected', `the peer takes no ${command.sopClassUid}`, 'transient');
    const said = this.#next();
    this.#messageId = (this.#messageId % 0xffff) + 1;
    await this.#send(context, true, encodeCommand({ ...command, messageId: this.#messageId, hasDataset: true }), true);
    await this.#send(context, false, datasetIn(this.#accepted.get(context) as string), true);
    return this.#statusIn(await said);
  }

  async release(): Promise<void> {
    const answer = this.#next();
    await this.#layer.send({ type: 'A-RELEASE-RQ' });
    await answer;
    this.#socket?.destroy();
  }

  async abort(): Promise<void> {
    this.#ended ??= failure('delivery', 'rejected', 'aborted here', 'transient');
    await this.#layer.abort();
    this.#socket?.destroySoon();
  }

  /** The next answer, or the Failure that there will be none. */
  #next(): Promise<Said> {
    if (this.#ended) return Promise.resolve(this.#ended);
    const { promise, resolve } = Promise.withResolvers<Said>();
    this.#waiting = resolve;
    return promise;
  }

  #tell(said: Said): void {
    if (isFailure(said)) {
      this.#ended ??= said;
      this.#over.resolve();
    }
    this.#waiting?.(said);
    this.#waiting = null;
  }

  #statusIn(said: Said): number | Failure {
    if (isFailure(said)) return said;
    if (typeof said !== 'string' && said.messageId === this.#messageId && said.status !== undefined) return said.status;
    void this.abort();
    return failure('delivery', 'rejected', 'the peer answered something else', 'transient');
  }

  #request(field: number, sopClassUid: string, sopInstanceUid: string, hasDataset: boolean, origin?: MoveOrigin): Buffer {
    this.#messageId = (this.#messageId % 0xffff) + 1;
    const moved = origin ? { moveOriginator: origin.aeTitle, moveOriginatorMessageId: origin.messageId } : {};
    return encodeCommand({ field, messageId: this.#messageId, sopClassUid, sopInstanceUid, hasDataset, ...moved });
  }

  async #send(context: number, command: boolean, bytes: Buffer, last: boolean): Promise<void> {
    for (const pdu of pDataOf({ context, command, bytes, last }, this.#peerMaxPduLength)) await this.#layer.send(pdu);
  }

  /** PS3.8 Table 9-18: what it does not take at all, or not in this syntax. */
  #notAccepted(sopClassUid: string, transferSyntax: string): Failure {
    const proposed = this.#proposed.find((one) => one.abstractSyntax === sopClassUid && one.transferSyntaxes.includes(transferSyntax));
    const reason = this.#refused.get(proposed?.id ?? 0);
    const what = reason === ABSTRACT_SYNTAX_NOT_SUPPORTED ? `no ${sopClassUid}` : `no ${sopClassUid} in ${transferSyntax}`;
    return failure('delivery', 'rejected', `the peer takes ${what}`);
  }

  #contextFor(abstractSyntax: string, transferSyntax: string | null): number | null {
    const fits = this.#proposed.find(({ id, abstractSyntax: proposed }) => {
      const accepted = this.#accepted.get(id);
      return proposed === abstractSyntax && accepted !== undefined && (transferSyntax === null || accepted === transferSyntax);
    });
    return fits?.id ?? null;
  }

  #indicated(indication: Indication): void {
    if (indication.type === 'A-ASSOCIATE-AC') {
      const accepted = indication.results.filter(({ result }) => result === ACCEPTANCE);
      this.#accepted = new Map(accepted.map(({ id, transferSyntax }) => [id, transferSyntax]));
      const refused = indication.results.filter(({ result }) => result !== ACCEPTANCE);
      this.#refused = new Map(refused.map(({ id, result }) => [id, result]));
      this.#peerMaxPduLength = indication.user.maxPduLength;
    }
    if (indication.type === 'A-RELEASE-RQ') void this.#layer.send({ type: 'A-RELEASE-RP' });
    if (indication.type === 'P-DATA-TF') for (const value of indication.values) this.#value(value);
    else this.#tell(saidBy(indication));
  }

  #value(pdv: Pdv): void {
    if (!pdv.command && this.#incoming?.context === pdv.context) {
      this.#incomingFragment(pdv);
      return;
    }
    const command = pdv.command ? this.#assembler.push(pdv) : failure('delivery', 'malformed', 'a dataset that nobody asked for');
    if (command === null || (!isFailure(command) && this.#isHeard(command, pdv.context))) return;
    this.#tell(command);
    if (isFailure(command)) void this.abort();
  }

  #isHeard(command: Command, context: number): boolean {
    if ((command.field & RESPONSE) !== 0 || !command.hasDataset || this.#incoming) return false;
    const incoming = this.#hear(command, this.#accepted.get(context) ?? '');
    if (incoming) this.#incoming = { command, context, incoming };
    return incoming !== null;
  }

  #incomingFragment({ fragment, last }: Pdv): void {
    const { command, context, incoming } = this.#incoming as Heard;
    incoming.write(fragment);
    if (!last) return;
    this.#incoming = null;
    void incoming
      .end()
      .then((status) => this.#send(context, true, encodeCommand(responseTo(command, status)), true))
      .catch(() => this.abort());
  }

  #transport() {
    return {
      connect: () => void this.#connect(),
      send: (bytes: Buffer) => this.#write(bytes),
      close: () => this.#socket?.destroy(),
      startArtim: () => {
        this.#artim = setTimeout(() => void this.#layer.artimExpired(), this.#target.timeoutMs);
      },
      stopArtim: () => clearTimeout(this.#artim),
    };
  }

  async #connect(): Promise<void> {
    const { host, port, timeoutMs, tls = null } = this.#target;
    const address = { host, port, noDelay: true };
    const socket = tls === null ? connect(address) : connectTls({ ...address, ...callTlsOptions(tls, host) });
    this.#socket = socket;
    // An association that nobody uses may rest; one that a peer has answered on early, and reads no more of, may not.
    socket.setTimeout(timeoutMs, () => (this.#waiting || socket.writableLength > 0) && socket.destroy(new Error('no answer in time')));
    let why = 'the peer hung up';
    try {
      await once(socket, tls === null ? 'connect' : 'secureConnect');
      await this.#layer.connected(this.#rq());
      for await (const chunk of socket) await this.#layer.received(chunk as Buffer);
    } catch (error) {
      why = error instanceof Error ? reasonOf(error, tls !== null) : 'failed';
    }
    clearTimeout(this.#artim);
    this.#tell(failure('delivery', 'unreachable', why, 'transient'));
    await this.#layer.closed();
  }

  #rq(): AssociateRq {
    const { calling, called } = this.#target;
    const titles = { calling, called, applicationContext: APPLICATION_CONTEXT };
    return { type: 'A-ASSOCIATE-RQ', protocolVersion: 1, ...titles, contexts: this.#proposed, user: { ...OURSELVES, roles: this.#roles } };
  }

  async #write(bytes: Buffer): Promise<void> {
    const socket = this.#socket as Socket;
    if (!socket.destroyed && !socket.write(bytes)) await drained(socket);
  }
}

/** Of TLS a short name: OpenSSL's message has file names and line numbers. */
function reasonOf(error: Error & { code?: string }, overTls: boolean): string {
  return overTls && error.code !== undefined ? handshakeFault(error) : error.message;
}

function saidBy(indication: Indication): Said {
  switch (indication.type) {
    case 'A-ASSOCIATE-AC':
      return 'accepted';
    case 'A-RELEASE-RP':
      return 'released';
    case 'A-ASSOCIATE-RJ': {
      const { result, source, reason } = indication;
      const detail = `association rejected: result ${result}, source ${source}, reason ${reason}`;
      return failure('delivery', 'rejected', detail, result === REJECTED_TRANSIENT ? 'transient' : 'permanent');
    }
    case 'A-ABORT':
      return failure('delivery', 'rejected', `aborted by the peer: source ${indication.source}, reason ${indication.reason}`, 'transient');
    case 'A-P-ABORT':
      return failure('delivery', 'unreachable', indication.why, 'transient');
    default:
      return failure('delivery', 'rejected', `the peer sent ${indication.type}`, 'transient');
  }
}

/** PS3.8 Table 9-18. */
const ACCEPTANCE = 0;
const ABSTRACT_SYNTAX_NOT_SUPPORTED = 3;
/** PS3.8 Table 9-21. */
const REJECTED_TRANSIENT = 2;
