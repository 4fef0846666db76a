/**
 * May this Task change so? Asked inside the write transaction of the FHIR door, with the Task locked.
 * A reader claims and works on a Task of his group: he names the version he saw (If-Match), so that of many claims one wins;
 * he may set status, note and times, nothing else. A ServiceRequest is its author's; the Task itself is made by the gateway.
 */
import type { Resource, Task } from '@medplum/fhirtypes';
import type { Admit, Change } from '../model/admit.ts';
import { type Failure, failure } from '../model/failure.ts';

export const admitTask: Admit = (change, facts) => {
  if (facts.caller.role !== 'reader' || !isTaskChange(change)) return null;
  const { before, after } = change as { before: Task | null; after: Task | null };
  if (!before || !after) return refuse('forbidden', 'Tasks are made and ended by the gateway');
  if (!facts.versionNamed) return refuse('invalid', 'a Task is changed with If-Match: name the version you read');
  if (!(TRANSITIONS[before.status ?? ''] ?? []).includes(after.status ?? '')) {
    return refuse('conflict', `a Task that is ${before.status} cannot become ${after.status}`);
  }
  const changed = changedElements(before, after).filter((name) => !READER_MAY_CHANGE.has(name));
  return changed.length > 0 ? refuse('forbidden', `a reader does not change Task.${changed.join(', Task.')}`) : null;
};

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

/** Task.status → what a reader may make of it (FHIR R4 Task, state machine §12.1.3; ends are set by the report, not by hand). */
const TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  requested: ['received', 'accepted', 'in-progress'],
  received: ['received', 'accepted', 'in-progress'],
  accepted: ['accepted', 'in-progress', 'on-hold'],
  'in-progress': ['in-progress', 'on-hold'],
  'on-hold': ['on-hold', 'in-progress'],
};
