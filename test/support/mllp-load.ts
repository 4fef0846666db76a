/**
 * Hospitals that send: N MLLP connections over plain node:net, each a sender as they are built (one message, its acknowledgment, the
 * next), which after a lost connection or a refusal that passes sends the same bytes again until it hears AA. Imports nothing from src.
 * With a rate the load is open: message k is due at its time whatever the gateway does, and its latency counts from then, so that
 * waiting for a slow answer to the one before is not hidden.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Latencies } from './latencies.ts';
import type { Order } from './order-message.ts';

export type Address = { readonly host: string; readonly port: number };

export type LoadOptions = {
  /** Where the gateway is just now: asked at every connect. */
  readonly address: () => Address;
  readonly connections: number;
  /** Messages a second over all connections; absent: each connection sends as soon as it was answered. */
  readonly rate?: number;
  readonly message: (n: number) => Order;
  /** Ends by itself after this long; absent: runs until `stop`. */
  readonly seconds?: number;
  /** `sentAt`: epoch milliseconds at which the message was due. */
  readonly onAcknowledged?: (order: Order, n: number, sentAt: number) => void;
};

export type LoadResult = {
  /** Messages answered AA. Every message that was sent is among them: senders do not give up. */
  readonly acknowledged: number;
  /** Answers other than AA, each followed by a resend. */
  readonly refused: number;
  /** Resends after a lost connection. */
  readonly resent: number;
  /** From the first message due to the last answer. */
  readonly seconds: number;
  readonly latencies: Latencies;
};

export type Load = {
  /** Begins nothing new; resolves when everything that was sent has been acknowledged. */
  stop(): Promise<LoadResult>;
  /** Resolves at the end of `seconds`, as `stop`. Rejects when the gateway answers what no sender can go on from. */
  readonly finished: Promise<LoadResult>;
};

/** How long a sender waits for an answer before it takes the connection for lost. */
const ANSWER_TIMEOUT_MS = 30_000;
const RETRY_MS = 100;

export function startMllpLoad(options: LoadOptions): Load {
  const latencies = new Latencies();
  const tally = { acknowledged: 0, refused: 0, resent: 0, last: 0 };
  const started = performance.now();
  let next = 0;
  let stopping = false;

  /** The next message and when it is due; null when there is none any more. */
  const take = (sender: number, count: number): { n: number; due: number } | null => {
    const n = options.rate ? sender + count * options.connections : next++;
    const due = options.rate ? started + (n * 1000) / options.rate : performance.now();
    const over = options.seconds !== undefined && due >= started + options.seconds * 1000;
    return stopping || over ? null : { n, due };
  };
  const runSender = async (sender: number): Promise<void> => {
    const link = new Link(options.address);
    for (let count = 0; ; count++) {
      const job = take(sender, count);
      if (!job) break;
      const early = job.due - performance.now();
      if (early > 0) await pause(early);
      if (stopping) break;
      const order = options.message(job.n);
      await deliver(link, order, tally);
      tally.acknowledged++;
      tally.last = performance.now();
      latencies.add(tally.last - job.due);
      options.onAcknowledged?.(order, job.n, performance.timeOrigin + job.due);
    }
    link.close();
  };
  const finished = Promise.all(Array.from({ length: options.connections }, (_, sender) => runSender(sender))).then(() => {
    const { acknowledged, refused, resent, last } = tally;
    return { acknowledged, refused, resent, seconds: Math.max(0, last - started) / 1000, latencies };
  });
  // Whoever asks hears of it; until then it must not count as unhandled.
  finished.catch(() => {});
  return {
    finished,
    stop: () => {
      stopping = true;
      return finished;
    },
  };
}

/** Sends one message until it is answered AA. */
async function deliver(link: Link, order: Order, tally: { refused: number; resent: number }): Promise<void> {
  for (;;) {
    try {
      const answer = await link.exchange(order.bytes);
      const [code, controlId] = acknowledgmentOf(answer);
      if (controlId !== order.controlId) throw new Error(`the answer to ${order.controlId} names ${controlId}`);
      if (code === 'AA') return;
      tally.refused++;
    } catch (error) {
      if (!(error instanceof LostConnection)) throw error;
      tally.resent++;
    }
    await pause(RETRY_MS);
  }
}

function acknowledgmentOf(answer: Buffer): [string, string] {
  const msa = answer
    .toString('utf8')
    .split('\r')
    .find((segment) => segment.startsWith('MSA|'));
  if (!msa) throw new Error('an answer without MSA');
  const [, code = '', controlId = ''] = msa.split('|');
  return [code, controlId];
}

class LostConnection extends Error {}

/** One connection that is opened again when it was lost. MLLP Release 1: VT, message, FS, CR. */
class Link {
  readonly #address: () => Address;
  #socket: Socket | null = null;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { resolve: (answer: Buffer) => void; reject: (error: Error) => void } | null = null;

  constructor(address: () => Address) {
    this.#address = address;
  }

  async exchange(message: Buffer): Promise<Buffer> {
    const socket = this.#socket ?? (await this.#open());
    const answer = new Promise<Buffer>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    socket.write(Buffer.concat([START, message, END]));
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
  }

  async #open(): Promise<Socket> {
    const socket = connect({ ...this.#address(), noDelay: true });
    try {
      await once(socket, 'connect');
    } catch {
      throw new LostConnection();
    }
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#lost(socket));
    return socket;
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(END);
    if (end < 0) return;
    const answer = this.#received.subarray(1, end);
    this.#received = this.#received.subarray(end + END.length);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }

  #lost(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(new LostConnection());
  }
}

const START = Buffer.from([0x0b]);
const END = Buffer.from([0x1c, 0x0d]);
