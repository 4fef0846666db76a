/**
 * An association as requestor (PS3.8) with C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE (PS3.7 §9.1), plain or over TLS: what sends objects to a
 * PACS, and asks it for some.
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
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { identifierReader, writeIdentifier } from '../../protocols/dicom/identifier.ts';
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
import { PENDING, PENDING_UNSUPPORTED_KEYS } from '../../protocols/dicom/status.ts';
import { eventTypeOf, writeEvent } from '../../protocols/dicom/storage-commitment.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { drained, type Indication, type UpperLayer, upperLayer } from '../../protocols/dicom/upper-layer.ts';
import { callTlsOptions, handshakeFault } from '../../security/tls-options.ts';

/** Responses are short; what a C-GET brings comes in as many as it needs. */
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
export type Incoming = {
  /** Resolves when more is welcome. */
  write(fragment: Buffer): void | Promise<void>;
  end(): Promise<number>;
  /** The association ended before the dataset did. */
  abandon?(): Promise<void>;
};
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

/** A dataset of the peer that is under way: of its request, or of its response. */
type Heard = {
  readonly context: number;
  readonly write: (fragment: Buffer) => void | Promise<void>;
  readonly finish: () => void;
  readonly abandon: () => void;
};

type OwnRequest = Omit<Command, 'messageId' | 'hasDataset'>;

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
  /** Told of the responses before the last. */
  #pending: ((identifier: DicomJson | null) => void) | null = null;

  constructor(target: DimseTarget, wanted: readonly Wanted[], hear: Hear = () => null) {
    this.#target = target;
    this.#hear = hear;
    this.#proposed = wanted.map((context, index) => ({ id: 2 * index + 1, ...context }));
    const provided = new Set(wanted.filter(({ asProvider }) => asProvider).map(({ abstractSyntax }) => abstractSyntax));
    this.#roles = [...provided].map((sopClassUid) => ({ sopClassUid, scu: false, scp: true }));
    this.#layer = upperLayer('requestor', MAX_PDU_BYTES, this.#transport(), (indication) => this.#indicated(indication));
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
  async ask(command: OwnRequest, datasetIn: (transferSyntax: string) => Buffer): Promise<number | Failure> {
    return this.#statusIn(await this.#exchange(command, datasetIn));
  }

  async #exchange(command: OwnRequest, datasetIn: (transferSyntax: string) => Buffer): Promise<Said> {
    const context = this.#contextFor(command.sopClassUid, null);
    if (context === null) return failure('delivery', 'rejected', `the peer takes no ${command.sopClassUid}`, 'transient');
    const said = this.#next();
    this.#messageId = (this.#messageId % 0xffff) + 1;
    await this.#send(context, true, encodeCommand({ ...command, messageId: this.#messageId, hasDataset: true }), true);
    await this.#send(context, false, datasetIn(this.#accepted.get(context) as string), true);
    return said;
  }

  /** Whether the peer takes operations on that SOP class. */
  serves(abstractSyntax: string): boolean {
    return this.#contextFor(abstractSyntax, null) !== null;
  }

  /** The last response of an operation that has several (C-FIND, C-GET, C-MOVE); `each` hears those before it, with what they identify. */
  async query(
    command: Pick<Command, 'field' | 'sopClassUid' | 'moveDestination'>,
    identifier: DicomJson,
    each: (identifier: DicomJson | null) => void,
  ): Promise<Command | Failure> {
    this.#pending = each;
    const said = await this.#exchange({ ...command, sopInstanceUid: '' }, (syntax) =>
      writeIdentifier(identifier, syntax === EXPLICIT_LITTLE_ENDIAN),
    );
    this.#pending = null;
    const status = this.#statusIn(said);
    return isFailure(status) ? status : (said as Command);
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
      this.#incoming?.abandon();
      this.#incoming = null;
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

  async #indicated(indication: Indication): Promise<void> {
    if (indication.type === 'A-ASSOCIATE-AC') {
      const accepted = indication.results.filter(({ result }) => result === ACCEPTANCE);
      this.#accepted = new Map(accepted.map(({ id, transferSyntax }) => [id, transferSyntax]));
      const refused = indication.results.filter(({ result }) => result !== ACCEPTANCE);
      this.#refused = new Map(refused.map(({ id, result }) => [id, result]));
      this.#peerMaxPduLength = indication.user.maxPduLength;
    }
    if (indication.type === 'A-RELEASE-RQ') void this.#layer.send({ type: 'A-RELEASE-RP' });
    if (indication.type !== 'P-DATA-TF') return this.#tell(saidBy(indication));
    for (const value of indication.values) await this.#value(value);
  }

  async #value(pdv: Pdv): Promise<void> {
    if (!pdv.command && this.#incoming?.context === pdv.context) {
      const incoming = this.#incoming;
      await incoming.write(pdv.fragment);
      if (!pdv.last || this.#incoming !== incoming) return;
      this.#incoming = null;
      return incoming.finish();
    }
    const isOutOfTurn = !pdv.command || this.#incoming !== null;
    const command = isOutOfTurn ? failure('delivery', 'malformed', 'a dataset that nobody asked for, or none') : this.#assembler.push(pdv);
    if (command === null) return;
    if (isFailure(command)) {
      this.#tell(command);
      return void this.abort();
    }
    this.#incoming = this.#heard(command, pdv.context);
    if (!this.#incoming) this.#answered(command, null);
  }

  /** What becomes of the dataset behind a command; null where it has none, or nobody takes it. */
  #heard(command: Command, context: number): Heard | null {
    if (!command.hasDataset) return null;
    const syntax = this.#accepted.get(context);
    if (syntax === undefined) return null;
    if ((command.field & RESPONSE) !== 0) return this.#identifierOf(command, context, syntax);
    const incoming = this.#hear(command, syntax);
    const answer = (status: number) => this.#send(context, true, encodeCommand(responseTo(command, status)), true);
    return (
      incoming && {
        context,
        write: (fragment) => incoming.write(fragment),
        finish: () =>
          void incoming
            .end()
            .then(answer)
            .catch(() => this.abort()),
        abandon: () => void incoming.abandon?.().catch(() => {}),
      }
    );
  }

  #identifierOf(command: Command, context: number, syntax: string): Heard {
    const reader = identifierReader(transferSyntax(syntax) as TransferSyntax);
    const keep = (fragment: Buffer): void => {
      reader.push(fragment);
    };
    const finish = (): void => {
      const identifier = reader.end();
      if (!isFailure(identifier)) {
        this.#answered(command, identifier.json);
        return;
      }
      this.#tell(failure('delivery', 'malformed', `an answer cannot be read: ${identifier.detail}`, 'transient'));
      void this.abort();
    };
    return { context, write: keep, finish, abandon: () => {} };
  }

  /** A response that is not the last one is no end of waiting. */
  #answered(command: Command, identifier: DicomJson | null): void {
    const isPending = command.status === PENDING || command.status === PENDING_UNSUPPORTED_KEYS;
    if (this.#pending && isPending) this.#pending(identifier);
    else this.#tell(command);
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
