/**
 * What a DIMSE service is to the association that carries it: a request begins an operation, fragments of its dataset go in, an answer comes
 * out. Several services need more of the association than that (answers before the last one, requests of our own on it): that is `Dialogue`.
 */
import type { Failure } from '../../model/failure.ts';
import type { Peer } from '../../model/peer.ts';
import type { Command } from '../../protocols/dicom/command.ts';
import type { AcceptedContext } from '../../protocols/dicom/negotiation.ts';

/** The last response to a request. A bare number is its status, with no dataset. */
export type Answer = number | { readonly status: number; readonly command?: Partial<Command>; readonly dataset?: Buffer };

export type Operation = {
  /** Resolves when more is welcome. */
  write(fragment: Buffer): Promise<void>;
  /** The dataset is complete, or there is none. */
  end(): Promise<Answer>;
  /** The association ended before the answer. */
  abandon(): Promise<void>;
  /** C-CANCEL (PS3.7 §9.3.2.3). An operation that has it works while the association goes on listening. */
  cancel?(): void;
  /** Once the answer is sent, beside what the peer does next, one after the other on an association. Never rejects. */
  after?(): Promise<void>;
};

/** A request of ours. */
export type OwnRequest = Omit<Command, 'messageId' | 'hasDataset'>;

export type Dataset = Buffer | AsyncIterable<Buffer>;

export type Dialogue = {
  /** AE titles of the association. */
  readonly calling: string;
  readonly called: string;
  readonly contexts: ReadonlyMap<number, AcceptedContext>;
  /** False once the peer has left, or the door is closing. */
  isOpen(): boolean;
  /** A response that is not the last (PS3.7 §9.1: pending). Resolves when the peer has room for more. */
  pending(answer: Exclude<Answer, number>): Promise<void>;
  /** A request of ours: the status of its response, or that the peer left before it. One after the other. */
  ask(context: number, command: OwnRequest, dataset: Dataset): Promise<number | Failure>;
};

export type Request = {
  readonly command: Command;
  readonly context: AcceptedContext;
  readonly peer: Peer;
  readonly dialogue: Dialogue;
};

export type Begin<Deps> = (request: Request, deps: Deps) => Operation;

/** An operation whose answer is known from its request. */
export function answered(status: number): Operation {
  return { write: async () => {}, end: async () => status, abandon: async () => {} };
}
