/**
 * One C-STORE at the DIMSE door (PS3.7 §9.1.1, PS3.4 Annex B): the fragments of a dataset come in as they arrive, a status goes out.
 * How the object is taken is said in dicom/object-session.ts.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Peer } from '../../model/peer.ts';
import type { Command } from '../../protocols/dicom/command.ts';
import type { AcceptedContext } from '../../protocols/dicom/negotiation.ts';
import { SUCCESS, statusName, statusOf } from '../../protocols/dicom/status.ts';
import { isUid } from '../../protocols/dicom/uid.ts';
import { type ObjectDeps, ObjectSession } from '../dicom/object-session.ts';
import type { Operation, Request } from './operation.ts';

export type StoreDeps = ObjectDeps & {
  readonly metrics: Metrics;
  /** How an object is taken that comes because of a C-MOVE of ours; null for any other. `originator`: (0000,1030). */
  readonly asked?: (calling: string, originator: string) => AskedObject | null;
};

export type AskedObject = { readonly peer: Peer; readonly refusal: NonNullable<ObjectDeps['refusal']> };

export class StoreSession implements Operation {
  readonly #object: ObjectSession;
  readonly #deps: StoreDeps;
  readonly #started: Date;

  constructor({ command, context, peer, dialogue }: Request, deps: StoreDeps) {
    const { sopClassUid, sopInstanceUid } = command;
    const announced = { sopClassUid, sopInstanceUid, transferSyntax: context.transferSyntax, studyUid: null };
    const asked = command.moveOriginator ? deps.asked?.(dialogue.calling.trim(), command.moveOriginator) : null;
    // Who asked looks at what has come as soon as the C-MOVE is answered: it must not be on its way then.
    const { landing: _, ...byItself } = deps;
    const taken = asked ? { ...byItself, refusal: asked.refusal } : deps;
    this.#object = new ObjectSession('dimse', announced, asked?.peer ?? peer, taken, faultOf(command, context));
    this.#deps = deps;
    this.#started = deps.clock.now();
  }

  /** Resolves when more is welcome. */
  write(fragment: Buffer): Promise<void> {
    return this.#object.write(fragment);
  }

  /** The dataset is complete: stores the object and returns the status to answer. */
  async end(): Promise<number> {
    const stored = await this.#object.end();
    const status = isFailure(stored) ? statusOf(stored) : SUCCESS;
    const { metrics, clock } = this.#deps;
    metrics.count('waystation_dimse_stores_total', { status: statusName(status) });
    metrics.count('waystation_dimse_stored_bytes_total', {}, isFailure(stored) ? 0 : this.#object.bytes);
    metrics.observe('waystation_dimse_store_seconds', (clock.now().getTime() - this.#started.getTime()) / 1000);
    return status;
  }

  /** The association ended before the dataset did. */
  abandon(): Promise<void> {
    return this.#object.abandon();
  }
}

/** PS3.7 §9.1.1.1.9: faults that the command alone shows. */
function faultOf(command: Command, context: AcceptedContext): Failure | null {
  if (command.sopClassUid !== context.abstractSyntax)
    return failure('dimse', 'unsupported-type', 'SOP class was not negotiated for this context');
  if (!isUid(command.sopInstanceUid)) return failure('dimse', 'not-found', 'Affected SOP Instance UID is no UID');
  return null;
}
