/**
 * Sends HL7 v2 messages to one MLLP destination over one connection that is kept open, one message at a time.
 * A Delivery comes in; a Receipt (the bytes of the AA) or a Failure goes out.
 * Promises: only AA whose MSA-2 is this message's MSH-10 is a receipt; a late answer to another message is logged and never taken for
 * this one's; after silence the connection is dropped, so that nothing late can come over it; what an answer may hold is bounded.
 *
 * A Failure is `transient` when the destination surely did not take it (no connection, or the end of the frame never left), `ambiguous`
 * when it may have: the same bytes are then sent again, and an HL7 receiver knows them by MSH-10.
 * What each answer comes to is said in answers.ts. MLLP Release 2: a commit acknowledgment of one byte comes first, and our own for the
 * answer is sent when its receipt has been committed (`settled`).
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Destination, MllpDestination } from '../../model/config.ts';
import type { Delivery, SendResult } from '../../model/delivery.ts';
import { type Failure, type FailureCode, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import { parseAck } from '../../protocols/hl7v2/ack.ts';
import { COMMIT_ACK, commitOf, createFramer, frame } from '../../protocols/hl7v2/framer.ts';
import { isRefusal, readHeader } from '../../protocols/hl7v2/header.ts';
import { callTlsOptions, handshakeFault } from '../../security/tls-options.ts';
import { plain, resultOf } from './answers.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
/** An ACK has some hundred bytes. */
const MAX_ANSWER_BYTES = 65_536;

export type MllpClient = {
  /** Sends one message and waits for its answer; a second call waits for its turn. Never rejects. */
  send(delivery: Pick<Delivery, 'id' | 'controlId' | 'content'>): Promise<SendResult>;
  /** The receipt of the last answer is in the journal. */
  settled(): void;
  /** Other keys and certificates, for connections to come. */
  renew(destination: Destination): void;
  /** Ends the connection after the message that is being sent. */
  close(): Promise<void>;
};

/** Opens nothing yet: the connection is made for the first message, and anew when it was lost. */
export function startMllpClient(destination: MllpDestination, deps: { readonly log: Log }): MllpClient {
  const { name, answerTimeoutMs } = destination;
  let { tls } = destination;
  let turn: Promise<unknown> = Promise.resolve();
  let connection: Connection | null = null;

  const connected = async (): Promise<Connection | Failure> => {
    if (connection?.isOpen()) return connection;
    const socket = await open({ ...destination, tls });
    if (isFailure(socket)) return socket;
    connection = new Connection(socket, destination, deps.log);
    return connection;
  };
  const sendNow = async (controlId: string, content: Buffer): Promise<SendResult> => {
    const used = await connected();
    if (isFailure(used)) return used;
    const kept = used.exchanges > 0;
    const result = await used.exchange(controlId, content, answerTimeoutMs);
    // A kept connection may have been closed by the other side long ago and only now show it: that says nothing of this message.
    const stale = kept && isFailure(result) && result.code === 'unreachable';
    if (!stale) return result;
    deps.log.info('mllp-client.stale', { destination: name });
    const fresh = await connected();
    return isFailure(fresh) ? result : fresh.exchange(controlId, content, answerTimeoutMs);
  };

  return {
    send: ({ controlId, content }) => {
      const result = turn.then(() => sendNow(controlId, content));
      turn = result;
      return result;
    },
    settled: () => connection?.commitAnswer(),
    renew: (renewed) => {
      if (renewed.kind === 'mllp') tls = renewed.tls;
    },
    close: async () => {
      await turn;
      connection?.end();
    },
  };
}

/** What is being waited for. */
type Exchange = {
  readonly controlId: string;
  /** The last byte has been given to the network. */
  sent: boolean;
  /** CA came, or the commit acknowledgment of MLLP Release 2; the answer that is waited for has not. */
  committed: boolean;
  /** The message asks for no application acknowledgment (MSH-16 NE): CA is all that comes. */
  readonly acceptOnly: boolean;
  readonly settle: (result: SendResult) => void;
};

class Connection {
  readonly #socket: Socket;
  readonly #destination: string;
  readonly #release: 1 | 2;
  readonly #log: Log;
  /** An answer of MLLP Release 2 that has no commit acknowledgment of ours yet. */
  #answered = false;
  readonly #framer = createFramer(MAX_ANSWER_BYTES);
  #exchange: Exchange | null = null;
  /** Bytes of the other side since its last whole frame. */
  #stray = 0;
  exchanges = 0;

  constructor(socket: Socket, { name, release }: MllpDestination, log: Log) {
    this.#socket = socket;
    this.#destination = name;
    this.#release = release;
    this.#log = log;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('end', () => this.#lose('unreachable', 'the other side closed before it answered'));
    socket.on('close', () => this.#lose('unreachable', 'the connection was lost before the answer'));
    // What is to be known of an error, `close` tells.
    socket.on('error', () => {});
  }

  isOpen(): boolean {
    return this.#socket.readyState === 'open';
  }

  end(): void {
    this.#socket.destroySoon();
  }

  /** Sends a message and waits for the answer to it. */
  exchange(controlId: string, content: Buffer, timeoutMs: number): Promise<SendResult> {
    this.exchanges++;
    return new Promise((resolve) => {
      const silence = setTimeout(() => this.#lose('timeout', `no answer in ${timeoutMs} ms`), timeoutMs);
      const settle = (result: SendResult): void => {
        clearTimeout(silence);
        this.#exchange = null;
        resolve(result);
      };
      const exchange: Exchange = { controlId, sent: false, committed: false, acceptOnly: asksForAcceptOnly(content), settle };
      this.#exchange = exchange;
      this.#socket.write(frame(content), (error) => {
        exchange.sent = !error;
      });
    });
  }

  #read(chunk: Buffer): void {
    for (const event of this.#framer.read(chunk)) {
      if (event.kind === 'frame') this.#hear(event.bytes);
      else this.#stray += event.length;
    }
    if (this.#stray + this.#framer.begun > MAX_ANSWER_BYTES) this.#lose('malformed', 'what comes back is no acknowledgment');
  }

  /** Our commit acknowledgment of the last answer: its receipt is in the journal. */
  commitAnswer(): void {
    if (this.#answered && this.isOpen()) this.#socket.write(frame(COMMIT_ACK));
    this.#answered = false;
  }

  #hear(bytes: Buffer): void {
    this.#stray = 0;
    const commit = commitOf(bytes);
    if (commit === null) this.#hearAnswer(bytes);
    else this.#hearCommit(commit);
  }

  #hearAnswer(bytes: Buffer): void {
    this.#answered = this.#release === 2;
    const ack = parseAck(bytes);
    const exchange = this.#exchange;
    if (isFailure(ack)) this.#log.warn('mllp-client.no-acknowledgment', { destination: this.#destination, reason: ack.detail });
    else if (exchange === null || ack.controlId !== exchange.controlId) {
      const awaited = exchange?.controlId ?? '';
      this.#log.warn('mllp-client.other-answer', { destination: this.#destination, controlId: plain(ack.controlId), awaited });
    } else if (ack.code === 'CA' && !exchange.acceptOnly) exchange.committed = true;
    else exchange.settle(resultOf(ack, bytes));
  }

  /** NAK: it is not in their safe storage, and surely not taken. */
  #hearCommit(positive: boolean): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (positive) exchange.committed = true;
    else exchange.settle(failure('delivery', 'rejected', 'NAK', 'transient'));
  }

  /** Drops the connection; what was being waited for fails. */
  #lose(code: FailureCode, detail: string): void {
    this.#socket.destroy();
    const exchange = this.#exchange;
    if (exchange === null) return;
    const after = exchange.committed ? ', after CA' : '';
    exchange.settle(failure('delivery', code, `${detail}${after}`, exchange.sent ? 'ambiguous' : 'transient'));
  }
}

async function open({ host, port, tls, answerTimeoutMs }: MllpDestination): Promise<Socket | Failure> {
  return new Promise((resolve) => {
    const address = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    const socket = tls === null ? connect(address) : connectTls({ ...address, ...callTlsOptions(tls, host) });
    const fail = (code: FailureCode, reason: string): void => {
      socket.destroy();
      resolve(failure('delivery', code, `${host}:${port}: ${reason}`, 'transient'));
    };
    const patience = setTimeout(() => fail('timeout', 'no connection'), Math.min(CONNECT_TIMEOUT_MS, answerTimeoutMs));
    const refused = (error: NodeJS.ErrnoException): void => {
      clearTimeout(patience);
      fail('unreachable', tls === null ? (error.code ?? 'no connection') : handshakeFault(error));
    };
    socket.once('error', refused);
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      clearTimeout(patience);
      socket.off('error', refused);
      resolve(socket);
    });
  });
}

function asksForAcceptOnly(content: Buffer): boolean {
  const header = readHeader(content);
  return !isRefusal(header) && header.applicationAck === 'NE';
}
