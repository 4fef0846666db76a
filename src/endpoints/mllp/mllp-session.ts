/**
 * One connection at the MLLP door: frames in, an answer each where one is asked for, in the order of arrival (HL7 v2.5.1 §2.9; MLLP
 * Release 1; Release 2, where a commit acknowledgment of one byte comes before the answer, and only after the journal has committed).
 * A sender may send on before it has its answers (pipelining): messages go to the journal at once and share its commits.
 * Promises: what a connection holds is bounded: the socket is not read while too much waits for the journal, or for the peer to read;
 * every connection that is closed from here is closed with a reason in the log; a message that was begun and not ended leaves nothing
 * behind, and its sender, who has no answer, sends it again.
 */
import type { Socket } from 'node:net';
import type { Metrics } from '../../model/metrics.ts';
import type { MllpCaller, PeerDirectory } from '../../model/peer.ts';
import { type Batch, isBatch, splitBatch } from '../../protocols/hl7v2/batch.ts';
import { COMMIT_ACK, COMMIT_NAK, commitOf, createFramer, type Framer, type FramerEvent, frame } from '../../protocols/hl7v2/framer.ts';
import { readInbound, refuseHead } from './inbound-entry.ts';
import { type Answer, type BatchAnswer, type ReceiveDeps, receive, receiveBatch } from './receive-step.ts';

/** Messages of one connection that wait for the journal. */
const MAX_IN_FLIGHT = 64;
/** What a message of a batch takes beside its bytes while it waits: its entry and its answer. A batch may be nothing but messages of five bytes. */
const BYTES_OF_WAITING = 1_024;
/** A frame too large to be held is read to its end, so that it can be answered, up to this many times the limit. */
const ENDLESS_FACTOR = 4;
/** A caller that sends this much without one whole frame does not speak MLLP; an unfinished frame counts as a part of it. */
const MAX_STRAY_BYTES = 65_536;
const STRAY_BYTES_OF_UNFINISHED = 1_024;

export type SessionLimits = { readonly maxMessageBytes: number; readonly idleMs: number; readonly release: 1 | 2 };

/** What is written for one frame, and what it counts as. */
type Reply = { readonly blocks: readonly Buffer[]; readonly codes: readonly string[] };

export type SessionDeps = ReceiveDeps & {
  readonly peers: PeerDirectory;
  readonly metrics: Metrics;
  readonly budget: Budget;
  readonly caller: MllpCaller;
};

/** What all connections may hold together. */
export type Budget = {
  /** Takes note of what one holds now, and how much of it is of a message that has not ended; calls `giveUp` where that is too much. */
  note(holder: Holder, held: number, unfinished: number): void;
};

export type Holder = { giveUp(): void };

export class MllpSession {
  readonly #socket: Socket;
  readonly #limits: SessionLimits;
  readonly #deps: SessionDeps;
  readonly #remoteAddress: string;
  readonly #framer: Framer;
  /** What the last chunk still holds. */
  #events: Iterator<FramerEvent> | null = null;
  #finishing = false;
  #inFlight = 0;
  #inFlightBytes = 0;
  /** Runs while a frame has begun and not ended: whoever sends a byte now and then is not silent, and never done. */
  #deadline: NodeJS.Timeout | null = null;
  /** Since the last whole frame. */
  #stray = 0;
  #strayLogged = false;
  /** A message whose control id must be unused is alone: nothing else is in flight that could use it. */
  #alone = false;
  /** Ends when everything before has been answered. */
  #answered: Promise<void> = Promise.resolve();

  constructor(socket: Socket, limits: SessionLimits, deps: SessionDeps) {
    this.#socket = socket;
    this.#limits = limits;
    this.#deps = deps;
    this.#remoteAddress = deps.caller.address;
    this.#framer = createFramer(limits.maxMessageBytes);
    socket.setNoDelay(true).setTimeout(limits.idleMs);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => this.#pump());
    socket.on('end', () => this.#ended());
    socket.on('timeout', () => this.#fellSilent());
    socket.on('error', (error) => deps.log.info('mllp.broken', { remoteAddress: this.#remoteAddress, error: error.message }));
    socket.on('close', () => this.#settle());
  }

  /** Takes no more, answers what is in, hangs up. */
  finish(): void {
    this.#finishing = true;
    this.#pump();
  }

  #read(chunk: Buffer): void {
    if (this.#finishing) return;
    this.#deps.metrics.count('waystation_mllp_received_bytes_total', {}, chunk.length);
    this.#events = this.#framer.read(chunk);
    this.#pump();
  }

  /** Works on while there is something to work on and room for it. Called whenever either may have changed. */
  #pump(): void {
    try {
      this.#work();
    } catch (error) {
      this.#deps.log.error('mllp.defect', { remoteAddress: this.#remoteAddress, error: String(error) });
      this.#close('a defect here');
    }
    this.#settle();
    if (this.#events !== null || !this.#hasRoom()) this.#socket.pause();
    else this.#socket.resume();
    if (this.#finishing && this.#events === null && this.#inFlight === 0) this.#socket.end();
  }

  #work(): void {
    while (this.#events !== null && this.#hasRoom() && !this.#socket.destroyed) {
      const next = this.#events.next();
      if (next.done) this.#events = null;
      else this.#handle(next.value);
    }
    if (this.#framer.begun > this.#limits.maxMessageBytes * ENDLESS_FACTOR) this.#close('a frame without end');
  }

  #hasRoom(): boolean {
    const fits = this.#inFlight < MAX_IN_FLIGHT && this.#inFlightBytes < this.#limits.maxMessageBytes;
    return fits && !this.#alone && !this.#socket.writableNeedDrain;
  }

  #handle(event: FramerEvent): void {
    if (event.kind !== 'garbage') this.#stopDeadline();
    switch (event.kind) {
      case 'frame':
        this.#stray = 0;
        this.#take(event.bytes);
        break;
      case 'too-large': {
        const { log } = this.#deps;
        log.warn('mllp.too-large', { remoteAddress: this.#remoteAddress, bytes: event.length, limit: this.#limits.maxMessageBytes });
        this.#answerInTurn(0, Promise.resolve(this.#reply({ ...refuseHead(event.head, 'too-large', this.#deps), committed: false })));
        break;
      }
      default:
        this.#noteStray(event.kind, event.length);
    }
  }

  #take(bytes: Buffer): void {
    const commit = commitOf(bytes);
    const batch = isBatch(bytes) ? splitBatch(bytes) : null;
    if (commit !== null) this.#hearCommit(commit);
    else if (batch !== null) this.#takeBatch(bytes.length, batch);
    else this.#takeMessage(bytes);
  }

  #takeBatch(bytes: number, batch: Batch): void {
    const messages = batch.batches.map((one) => one.messages.map((message) => readInbound(message, this.#deps)));
    const waiting = messages.flat();
    const alone = waiting.some((message) => message?.mustBeUnused);
    this.#receive(bytes + waiting.length * BYTES_OF_WAITING, alone, async () =>
      this.#replyToAll(await receiveBatch({ batch, messages }, this.#deps)),
    );
  }

  #takeMessage(bytes: Buffer): void {
    const message = readInbound(bytes, this.#deps);
    if (message === null) this.#deps.log.warn('mllp.unasked-acknowledgment', { remoteAddress: this.#remoteAddress });
    else this.#receive(bytes.length, message.mustBeUnused, async () => this.#reply(await receive(message, this.#deps)));
  }

  #receive(bytes: number, alone: boolean, work: () => Promise<Reply>): void {
    this.#alone = alone;
    // The answers of all that came before have to be written first, or the one before could still be using the control id.
    this.#answerInTurn(bytes, alone ? this.#answered.then(work) : work());
  }

  /** MLLP Release 2, §2: a message that is not in safe storage has a negative commit acknowledgment, and nothing else. */
  #reply({ bytes, code, release, committed }: Answer): Reply {
    const codes = [bytes.length > 0 ? code : 'none'];
    if ((release || this.#limits.release) === 1) return { blocks: bytes.length > 0 ? [bytes] : [], codes };
    return { blocks: committed ? [COMMIT_ACK, ...(bytes.length > 0 ? [bytes] : [])] : [COMMIT_NAK], codes };
  }

  /** A batch is committed when all of it is: else it is sent again, and who is in the journal already gets his stored answer. */
  #replyToAll({ bytes, answers }: BatchAnswer): Reply {
    const release = answers.find((answer) => answer.release > 0)?.release ?? 0;
    const { blocks } = this.#reply({ bytes, code: 'AA', release, committed: answers.every((answer) => answer.committed) });
    return { blocks, codes: answers.map((answer) => (answer.bytes.length > 0 ? answer.code : 'none')) };
  }

  /** A sender of Release 2 commits our answers in turn. Who does not gets the same answer when it sends the message again. */
  #hearCommit(positive: boolean): void {
    this.#stray = 0;
    if (!positive) this.#deps.log.warn('mllp.answer-not-committed', { remoteAddress: this.#remoteAddress });
  }

  /** Writes an answer when it is there and its turn has come. */
  #answerInTurn(bytes: number, ready: Promise<Reply>): void {
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    const last = this.#alone;
    this.#answered = Promise.all([ready, this.#answered]).then(([{ blocks, codes }]) => {
      this.#inFlight--;
      this.#inFlightBytes -= bytes;
      if (last) this.#alone = false;
      for (const answer of codes) this.#deps.metrics.count('waystation_mllp_messages_total', { answer });
      if (this.#socket.writable) for (const block of blocks) this.#socket.write(frame(block));
      this.#pump();
    });
  }

  #noteStray(kind: 'garbage' | 'unfinished', length: number): void {
    const { log, metrics } = this.#deps;
    metrics.count('waystation_mllp_stray_total', { kind });
    if (!this.#strayLogged) log.warn('mllp.stray', { remoteAddress: this.#remoteAddress, kind, bytes: length });
    this.#strayLogged = true;
    this.#stray += kind === 'garbage' ? length : STRAY_BYTES_OF_UNFINISHED;
    if (this.#stray > MAX_STRAY_BYTES) this.#close('sends what is no frame');
  }

  /** The other connections hold too much together with this one, and of them all this one has the largest unfinished message. */
  giveUp(): void {
    this.#close('all connections together hold too much');
    this.#settle();
  }

  /** After every change: what is held is told, and an unfinished frame has its deadline. */
  #settle(): void {
    const { destroyed } = this.#socket;
    if (destroyed || this.#framer.begun === 0) this.#stopDeadline();
    else this.#deadline ??= setTimeout(() => this.#tookTooLong(), this.#limits.idleMs);
    const unfinished = destroyed ? 0 : this.#framer.held;
    this.#deps.budget.note(this, this.#inFlightBytes + unfinished, unfinished);
  }

  #stopDeadline(): void {
    if (this.#deadline) clearTimeout(this.#deadline);
    this.#deadline = null;
  }

  /** While the socket is not read, the delay is our own. */
  #tookTooLong(): void {
    this.#deadline = null;
    if (this.#socket.isPaused()) this.#settle();
    else this.#close('does not end its message');
  }

  #ended(): void {
    const { begun } = this.#framer;
    if (begun > 0) this.#deps.log.warn('mllp.unfinished', { remoteAddress: this.#remoteAddress, bytes: begun, reason: 'hung up' });
    this.finish();
  }

  /** Silence while a message waits for the journal is our own. */
  #fellSilent(): void {
    if (this.#socket.writableLength > 0) this.#close('does not read its answers');
    else if (this.#inFlight > 0) return;
    else if (this.#framer.begun > 0) this.#close('fell silent within a message');
    else this.#close('silent', 'info');
  }

  #close(reason: string, level: 'info' | 'warn' = 'warn'): void {
    if (this.#socket.destroyed) return;
    this.#deps.log[level]('mllp.closed', { remoteAddress: this.#remoteAddress, reason, unanswered: this.#inFlight });
    this.#deps.metrics.count('waystation_mllp_closed_total', { reason });
    this.#socket.destroy();
  }
}
