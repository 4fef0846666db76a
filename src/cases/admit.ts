/**
 * May this Task change so? Asked inside the write transaction of the FHIR door, with the Task locked.
 * A reader claims and works on a Task of his group: he names the version he saw (If-Match), so that of many claims one wins;
 * he may set status, note and times, nothing else. A Task that asks him to stop (code abort) he completes or rejects. An origin may send a Task along with its order, not begun; from then on it adds notes
 * and may call the Task off, for claiming and ending a case are not its to say. Neither deletes a Task. An operator is not asked.
 */
import type { Resource, Task } from '@medplum/fhirtypes';
import type { Admit, AdmitFacts, Change } from '../model/admit.ts';
import type { CaseState } from '../model/case.ts';
import { type Failure, failure } from '../model/failure.ts';
import { isAbort } from './abort.ts';

export const admitTask: Admit = (change, facts) => {
  if (facts.caller.role === 'operator' || !isTaskChange(change)) return null;
  const task = change as TaskChange;
  return facts.caller.role === 'reader' ? admitReader(task, facts) : admitOrigin(task);
};

type TaskChange = { readonly before: Task | null; readonly after: Task | null };

function admitReader({ before, after }: TaskChange, facts: AdmitFacts): Failure | null {
  if (!before || !after) return refuse('forbidden', 'Tasks are made and ended by the gateway');
  if (!facts.versionNamed) return refuse('invalid', 'a Task is changed with If-Match: name the version you read');
  const transitions = isAbort(before) ? ABORT_TRANSITIONS : TRANSITIONS;
  if (!(transitions[before.status ?? ''] ?? []).includes(after.status ?? '')) {
    const why = withheld(facts.caseOf(`Task/${before.id}`));
    return refuse('conflict', `a Task that is ${before.status} cannot become ${after.status}${why === '' ? '' : `: ${why}`}`);
  }
  return unlessOnly(isAbort(before) ? READER_MAY_ANSWER : READER_MAY_CHANGE, 'a reader', before, after);
}

/** Why a case is not offered, where its placer said so. */
function withheld(state: CaseState | null): string {
  if (state?.phase === 'cancelled') return `its order is ${state.order?.status ?? 'over'}, and is not to be read any more`;
  return state?.order?.status === 'on-hold' && state.phase === 'assembling' ? 'its order is on hold until it is released' : '';
}

/** A Task that was just sent may not have its case yet: the rule is the same for every Task of an origin. */
function admitOrigin({ before, after }: TaskChange): Failure | null {
  if (!after) return refuse('forbidden', 'Tasks are ended by the gateway: set the status cancelled to call one off');
  if (!before) return NOT_BEGUN.has(after.status ?? '') ? null : refuse('forbidden', 'a Task is sent with the status draft or requested');
  if (after.status !== before.status && (after.status !== 'cancelled' || ENDED.has(before.status ?? ''))) {
    return refuse('forbidden', `an origin does not make a Task that is ${before.status} ${after.status}`);
  }
  return unlessOnly(ORIGIN_MAY_CHANGE, 'an origin', before, after);
}

function unlessOnly(allowed: ReadonlySet<string>, who: string, before: Task, after: Task): Failure | null {
  const changed = changedElements(before, after).filter((name) => !allowed.has(name));
  return changed.length > 0 ? refuse('forbidden', `${who} does not change Task.${changed.join(', Task.')}`) : null;
}

function isTaskChange({ before, after }: Change): boolean {
  return (before ?? after)?.resourceType === 'Task';
}

/** Top-level elements that differ; id and meta are the server's. */
function changedElements(before: Resource, after: Resource): string[] {
  const left = before as unknown as Record<string, unknown>;
  const right = after as unknown as Record<string, unknown>;
  const names = new Set([...Object.keys(left), ...Object.keys(right)].filter((name) => name !== 'meta' && name !== 'id'));
  return [...names].filter((name) => JSON.stringify(left[name]) !== JSON.stringify(right[name])).sort();
}

function refuse(code: 'forbidden' | 'invalid' | 'conflict', detail: string): Failure {
  return failure('cases', code, detail);
}

const READER_MAY_CHANGE: ReadonlySet<string> = new Set(['status', 'note', 'lastModified', 'executionPeriod', 'text']);
const READER_MAY_ANSWER: ReadonlySet<string> = new Set([...READER_MAY_CHANGE, 'statusReason']);
const ORIGIN_MAY_CHANGE: ReadonlySet<string> = new Set(['status', 'note', 'lastModified']);
const NOT_BEGUN: ReadonlySet<string> = new Set(['draft', 'requested']);
const ENDED: ReadonlySet<string> = new Set(['rejected', 'cancelled', 'failed', 'completed', 'entered-in-error']);

/** Task.status → what a reader may make of it (FHIR R4 Task, state machine §12.1.3; ends are set by the report, not by hand). */
const TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  requested: ['received', 'accepted', 'in-progress'],
  received: ['received', 'accepted', 'in-progress'],
  accepted: ['accepted', 'in-progress', 'on-hold'],
  'in-progress': ['in-progress', 'on-hold'],
  'on-hold': ['on-hold', 'in-progress'],
};

/** Of a Task that asks the reader to stop: completed, he agrees; rejected, he goes on. */
const ABORT_TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  requested: ['received', 'accepted', 'in-progress', 'completed', 'rejected'],
  received: ['received', 'accepted', 'in-progress', 'completed', 'rejected'],
  accepted: ['accepted', 'in-progress', 'completed', 'rejected'],
  'in-progress': ['in-progress', 'completed', 'rejected'],
};
