/** What a person does is one more journal entry: who, what, when, before it has an effect. */
import { createHash } from 'node:crypto';
import type { NewEntry } from '../../model/entry.ts';

/**
 * What an operator may do. `cases/act-step.ts` reads `case.release` as `{ caseId, why }`, `mapping/unmerge-step.ts` `patient.unmerge` as
 * `{ patient, why }`; the others had their effect when they were written.
 */
export type OperationType =
  | 'case.release'
  | 'patient.unmerge'
  | 'journal.replay'
  | 'journal.replay-held'
  | 'delivery.replay'
  | 'delivery.replay-set-aside'
  | 'delivery.set-aside'
  | 'photo.replay'
  | 'destination.pause'
  | 'destination.resume'
  | 'client.add'
  | 'client.revoke';

export function operationEntry(
  type: OperationType,
  by: string,
  lane: string,
  what: Readonly<Record<string, unknown>>,
  received: Date,
): NewEntry {
  const payload = Buffer.from(JSON.stringify(what));
  return {
    kind: 'operation',
    peer: by,
    type,
    controlId: '',
    digest: createHash('sha256').update(payload).digest(),
    lane,
    payload,
    blob: null,
    disposition: 'accepted',
    answer: Buffer.alloc(0),
    effects: [],
    detail: '',
    received,
  };
}
