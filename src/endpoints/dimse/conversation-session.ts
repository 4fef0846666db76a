/**
 * What we say on an association that a peer opened: responses, and requests of our own with the responses to them.
 * In: commands with their datasets, whole or as streams. Out: PDUs no longer than the peer takes.
 * Promises: one message after the other, for their fragments must not mix; one request of ours at a time, whose response is awaited until the
 * peer is gone; a dataset that cannot be read to its end ends the association, for what was sent of it cannot be taken back.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { type Command, encodeCommand, RESPONSE, responseTo } from '../../protocols/dicom/command.ts';
import { fragmentBytes, gathered, padded, pDataOf } from '../../protocols/dicom/p-data.ts';
import type { PData } from '../../protocols/dicom/pdu.ts';
import type { Answer, Dataset, OwnRequest } from './operation.ts';

const LEFT = failure('dimse', 'unreachable', 'the peer left before the answer', 'transient');
const EMPTY = Buffer.alloc(0);

export type Line = {
  send(pdu: PData): Promise<void>;
  /** Whether something new may be asked. */
  isOpen(): boolean;
  /** Whether what was begun still reaches the peer. */
  isUp(): boolean;
  /** We have begun, or ceased, to wait for the peer. */
  waits(): void;
  /** Ends the association. */
  break(why: string): Promise<void>;
};

export class Conversation {
  readonly #line: Line;
  /** As the peer said in its A-ASSOCIATE-RQ. */
  #maxPduLength = 0;
  #outgoing: Promise<unknown> = Promise.resolve();
  /** The request of ours that is out, and who is told of its response. */
  #asked: { readonly field: number; readonly told: (status: number | Failure) => void } | null = null;
  #asking: Promise<unknown> = Promise.resolve();
  #messageId = 0;

  constructor(line: Line) {
    this.#line = line;
  }

  begin(maxPduLength: number): void {
    this.#maxPduLength = maxPduLength;
  }

  get isAsking(): boolean {
    return this.#asked !== null;
  }

  respond(context: number, command: Command, answer: Answer): Promise<void> {
    if (typeof answer === 'number') return this.#say(context, encodeCommand(responseTo(command, answer)));
    const { status, dataset = null } = answer;
    const response = { ...responseTo(command, status), ...answer.command, hasDataset: dataset !== null };
    return this.#say(context, encodeCommand(response), dataset);
  }

  ask(context: number, request: OwnRequest, dataset: Dataset): Promise<number | Failure> {
    const asked = this.#asking.then(() => this.#ask(context, request, dataset));
    this.#asking = asked;
    return asked;
  }

  /** False for a response to nothing we asked. */
  answered(command: Command): boolean {
    const isOurs = this.#asked && command.field === (this.#asked.field | RESPONSE) && command.messageId === this.#messageId;
    if (!this.#asked || !isOurs || command.hasDataset || command.status === undefined) return false;
    this.#asked.told(command.status);
    return true;
  }

  /** There will be no more responses. */
  left(): void {
    this.#asked?.told(LEFT);
  }

  async #ask(context: number, request: OwnRequest, dataset: Dataset): Promise<number | Failure> {
    if (!this.#line.isOpen()) return LEFT;
    const { promise, resolve } = Promise.withResolvers<number | Failure>();
    this.#asked = { field: request.field, told: resolve };
    this.#messageId = (this.#messageId % 0xffff) + 1;
    try {
      await this.#say(context, encodeCommand({ ...request, messageId: this.#messageId, hasDataset: true }), dataset);
    } catch {
      await this.#line.break(`the dataset of ${request.sopInstanceUid} cannot be read`);
    }
    this.#line.waits();
    const status = await promise;
    this.#asked = null;
    this.#line.waits();
    return status;
  }

  #say(context: number, command: Buffer, dataset: Dataset | null = null): Promise<void> {
    const said = this.#outgoing.then(async () => {
      await this.#piece(context, true, command, true);
      if (Buffer.isBuffer(dataset)) await this.#piece(context, false, dataset, true);
      else if (dataset !== null) await this.#stream(context, dataset);
    });
    this.#outgoing = said.catch(() => {});
    return said;
  }

  async #stream(context: number, dataset: AsyncIterable<Buffer>): Promise<void> {
    let held: Buffer = EMPTY;
    for await (const chunk of gathered(padded(dataset), fragmentBytes(this.#maxPduLength))) {
      if (!this.#line.isUp()) return;
      if (held.length > 0) await this.#piece(context, false, held, false);
      held = chunk;
    }
    await this.#piece(context, false, held, true);
  }

  async #piece(context: number, command: boolean, bytes: Buffer, last: boolean): Promise<void> {
    for (const pdu of pDataOf({ context, command, bytes, last }, this.#maxPduLength)) await this.#line.send(pdu);
  }
}
