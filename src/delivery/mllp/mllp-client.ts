/**
 * Sends HL7 v2 messages to one MLLP destination over one connection that is kept open, one message at a time.
 * A Delivery comes in; a Receipt (the bytes of the AA) or a Failure goes out.
 * Promises: only AA whose MSA-2 is this message's MSH-10 is a receipt; a late answer to another message is logged and never taken for
 * this one's; after silence the connection is dropped, so that nothing late can come over it; what an answer may hold is bounded.
 *
 * A Failure is `transient` when the destination surely did not take it (no connection, or the end of the frame never left), `ambiguous`
 * when it may have: the same bytes are then sent again, and an HL7 receiver knows them by MSH-10.
 * CA says that it is in safe storage, not that the application took it (HL7 v2.5.1 §2.9.3.2): the AA is waited for.
 * AE: the content must be mended by a person. AR: perhaps later (§2.9.2.2 c), but for 200–203 of HL7 Table 0357, which never change.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Destination, MllpDestination } from '../../model/config.ts';
import type { Delivery, SendResult } from '../../model/delivery.ts';
import { type Failure, type FailureCode, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import { type Acknowledgment, parseAck } from '../../protocols/hl7v2/ack.ts';
import { createFramer, frame } from '../../protocols/hl7v2/framer.ts';
import { callTlsOptions, handshakeFault } from '../../security/tls-options.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
/** An ACK has some hundred bytes. */
const MAX_ANSWER_BYTES = 65_536;

export type MllpClient = {
  /** Sends one message and waits for its answer; a second call waits for its turn. Never rejects. */
  send(delivery: Pick<Delivery, 'id' | 'controlId' | 'content'>): Promise<SendResult>;
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
    connection = new Connection(socket, name, deps.log);
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
  /** CA came; the AA has not. */
  committed: boolean;
  readonly settle: (result: SendResult) => void;
};

class Connection {
  readonly #socket: Socket;
  readonly #destination: string;
  readonly #log: Log;
  readonly #framer = createFramer(MAX_ANSWER_BYTES);
  #exchange: Exchange | null = null;
  /** Bytes of the other side since its last whole frame. */
  #stray = 0;
  exchanges = 0;

  constructor(socket: Socket, destination: string, log: Log) {
    this.#socket = socket;
    this.#destination = destination;
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
      const exchange: Exchange = { controlId, sent: false, committed: false, settle };
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

  #hear(bytes: Buffer): void {
    this.#stray = 0;
    const ack = parseAck(bytes);
    const exchange = this.#exchange;
    if (isFailure(ack)) this.#log.warn('mllp-client.no-acknowledgment', { destination: this.#destination, reason: ack.detail });
    else if (exchange === null || ack.controlId !== exchange.controlId) {
      const awaited = exchange?.controlId ?? '';
      this.#log.warn('mllp-client.other-answer', { destination: this.#destination, controlId: plain(ack.controlId), awaited });
    } else if (ack.code === 'CA') exchange.committed = true;
    else exchange.settle(resultOf(ack, bytes));
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

function resultOf(ack: Acknowledgment, bytes: Buffer): SendResult {
  if (ack.code === 'AA') return { bytes: Buffer.from(bytes), controlId: ack.controlId, detail: 'AA' };
  const said = [ack.code, ...ack.errors.map(plain)].join(' ');
  const rejected = ack.code === 'AR' || ack.code === 'CR';
  const later = rejected && !ack.errors.some((error) => NEVER.has(error));
  return failure('delivery', 'rejected', said, later ? 'transient' : 'permanent');
}

/** Codes and ids of the other side, as far as they may stand in a log. */
function plain(text: string): string {
  return /^[\w.:-]{1,64}$/.test(text) ? text : '?';
}

/** HL7 Table 0357: type, event, processing id and version that the receiver does not take. */
const NEVER: ReadonlySet<string> = new Set(['200', '201', '202', '203']);
