/**
 * A cancel after the claim (FHIR R4 task-code `abort`; Clinical Order Workflows, cancellation request Task): a second Task that asks the
 * reader to end the first. In: the case, its order and Task. Out: the Task, and what its status means for the order.
 * The reader completes it (he stops) or rejects it (he goes on); while neither is so, nothing is decided.
 */
import type { CodeableConcept, ServiceRequest, Task } from '@medplum/fhirtypes';
import type { CaseState } from '../model/case.ts';
import { CASE_SYSTEM, TASK_CODE_SYSTEM } from '../protocols/fhir/canonical.ts';

export type AbortOutcome = 'agreed' | 'refused' | null;

export function abortTask(id: string, state: CaseState, task: Task, request: ServiceRequest, now: Date): Task & { id: string } {
  const reason = request.extension?.find(({ url }) => url === STATUS_REASON)?.valueCodeableConcept;
  return {
    resourceType: 'Task',
    id,
    identifier: [{ system: CASE_SYSTEM, value: state.id }],
    basedOn: [{ reference: state.serviceRequest }],
    status: 'requested',
    intent: 'order',
    priority: state.priority,
    code: ABORT,
    description: 'The placer asks to cancel the order: complete this Task to stop reading, reject it to go on.',
    focus: { reference: `Task/${task.id}` },
    ...(state.patient === '' ? {} : { for: { reference: state.patient } }),
    authoredOn: now.toISOString(),
    ...(request.requester ? { requester: request.requester } : {}),
    ...(task.owner ? { owner: task.owner } : {}),
    ...(reason ? { reasonCode: reason } : {}),
  };
}

/** The abort Task as the gateway ends it, where the reader did not. */
export function endedAbort(task: Task & { id: string }, status: 'rejected' | 'cancelled', why: string): Task & { id: string } {
  return { ...task, status, statusReason: { text: why } };
}

export function isAbort({ code }: Task): boolean {
  return code?.coding?.some((coding) => coding.system === TASK_CODE_SYSTEM && coding.code === 'abort') ?? false;
}

export function outcomeOf(status: string): AbortOutcome {
  if (status === 'completed') return 'agreed';
  return REFUSED.has(status) ? 'refused' : null;
}

const REFUSED: ReadonlySet<string> = new Set(['rejected', 'failed', 'cancelled', 'entered-in-error']);
const ABORT: CodeableConcept = { coding: [{ system: TASK_CODE_SYSTEM, code: 'abort' }] };
const STATUS_REASON = 'http://hl7.org/fhir/StructureDefinition/request-statusReason';
