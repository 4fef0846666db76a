/**
 * The Task a specialist sees (FHIR R4 Task; code `fulfill`, focus = the ServiceRequest, for = the Patient, owner = the reading group).
 * What is missing stands in statusReason, what is there in input, the report in output. The ServiceRequest is its author's; only the Task is ours.
 */
import type { CodeableConcept, Identifier, ServiceRequest, Task, TaskInput } from '@medplum/fhirtypes';
import { type CaseState, hasReport } from '../model/case.ts';
import { CASE_SYSTEM, MISSING_PART_SYSTEM, TASK_CODE_SYSTEM } from '../protocols/fhir/canonical.ts';
import { isHeld, taskStatusOf } from './phase.ts';

export type TaskContext = { readonly owner: string; readonly ownerName: string; readonly now: Date };

/** The Task of a case that has none yet. */
export function newTask(id: string, state: CaseState, request: ServiceRequest, context: TaskContext): Task & { id: string } {
  return updatedTask(
    {
      resourceType: 'Task',
      id,
      ...(request.requisition ? { groupIdentifier: request.requisition } : {}),
      status: 'draft',
      intent: 'order',
      code: FULFILL,
      focus: { reference: state.serviceRequest },
      authoredOn: context.now.toISOString(),
      ...(request.requester ? { requester: request.requester } : {}),
      ...(request.code?.text || request.code?.coding?.[0]?.display
        ? { description: request.code.text ?? request.code.coding?.[0]?.display }
        : {}),
    },
    state,
    context,
  );
}

/** The Task as the case now stands. What a reader wrote (notes, his status while claimed) stays. */
export function updatedTask(task: Task & { id: string }, state: CaseState, context: TaskContext): Task & { id: string } {
  const {
    resourceType,
    id,
    identifier = [],
    statusReason: _reason,
    businessStatus: _business,
    input: _input,
    output: _output,
    ...kept
  } = task;
  const status = statusOf(state, kept.status);
  const input = inputsOf(state);
  return {
    resourceType,
    id,
    identifier: withCase(identifier, state.id),
    ...kept,
    status,
    priority: state.priority,
    ...(state.patient === '' ? {} : { for: { reference: state.patient } }),
    ...(context.owner === '' ? {} : { owner: { reference: context.owner, display: context.ownerName } }),
    businessStatus: businessStatusOf(state),
    ...reasonOf(state),
    ...(input.length > 0 ? { input } : {}),
    ...(hasReport(state) ? { output: [{ type: { text: 'report' }, valueReference: { reference: state.report?.reference } }] } : {}),
  };
}

/**
 * A claim is answered before its case follows: a batch that began before it must not take it back.
 * While the case is claimed the status is the reader's.
 */
function statusOf({ phase }: CaseState, status: Task['status']): Task['status'] {
  if (phase === 'requested' && isHeld(status)) return status;
  return taskStatusOf(phase) ?? (isHeld(status) ? status : 'accepted');
}

/** A Task that came along with its order (from another gateway) gets the number of the case here, too. */
function withCase(identifiers: readonly Identifier[], caseId: string): Identifier[] {
  const others = identifiers.filter(({ system }) => system !== CASE_SYSTEM);
  return [{ system: CASE_SYSTEM, value: caseId }, ...others];
}

/** Why it stands as it does: its report was taken back, or something is missing. */
function reasonOf({ missing, report, phase }: CaseState): Pick<Task, 'statusReason'> {
  if (report?.withdrawn && phase !== 'cancelled') return { statusReason: { text: `its report was withdrawn: ${report.reference}` } };
  return missing.length > 0 ? { statusReason: missingReason(missing) } : {};
}

function missingReason(missing: readonly string[]): CodeableConcept {
  return {
    coding: missing.map((text) => ({ system: MISSING_PART_SYSTEM, code: text.split(':')[0], display: text })),
    text: `missing: ${missing.join('; ')}`,
  };
}

function businessStatusOf(state: CaseState): CodeableConcept {
  const text = state.missing.length > 0 && state.phase === 'assembling' ? 'awaiting-information' : BUSINESS_STATUS[state.phase];
  return { text };
}

function inputsOf(state: CaseState): TaskInput[] {
  const studies = state.studies.map((study) => ({ type: { text: 'study' }, valueReference: { reference: study.imagingStudy } }));
  const members = state.members
    .filter((member) => INPUT_TYPES[member.slice(0, member.indexOf('/'))] !== undefined)
    .map((member) => ({
      type: { text: INPUT_TYPES[member.slice(0, member.indexOf('/'))] as string },
      valueReference: { reference: member },
    }));
  const priors = (state.priors?.imagingStudies ?? []).map((reference) => ({
    type: { text: 'prior study' },
    valueReference: { reference },
  }));
  return [...studies, ...members, ...priors];
}

const FULFILL: CodeableConcept = { coding: [{ system: TASK_CODE_SYSTEM, code: 'fulfill' }] };

const BUSINESS_STATUS: Readonly<Record<CaseState['phase'], string>> = {
  assembling: 'awaiting-information',
  requested: 'awaiting-interpretation',
  claimed: 'in-interpretation',
  reported: 'reported',
  closed: 'returned',
  cancelled: 'cancelled',
};

const INPUT_TYPES: Readonly<Record<string, string>> = {
  Media: 'photo or video',
  QuestionnaireResponse: 'form',
  Observation: 'observation',
  DocumentReference: 'document',
  DiagnosticReport: 'result',
};
