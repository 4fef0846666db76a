/**
 * What a modality or a PACS says of a study at the DIMSE door, by N-CREATE and N-SET (PS3.7 §10.1.5, §10.1.3): Modality Performed Procedure
 * Step (PS3.4 Annex F) and Instance Availability Notification (PS3.4 Annex R). In: the dataset as it streams by. Out: the answer.
 * Promises: success only after it is in the journal, together with the state of the step; what is refused changes nothing.
 */
import { createHash } from 'node:crypto';
import type { Journal } from '../../journal/journal.ts';
import type { Clock } from '../../model/clock.ts';
import type { NewEntry } from '../../model/entry.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import { COMMAND, type Command } from '../../protocols/dicom/command.ts';
import { DatasetReader } from '../../protocols/dicom/dataset-reader.ts';
import { type DicomJson, dicomJson } from '../../protocols/dicom/header.ts';
import { AVAILABILITY_TAGS, availabilityFacts } from '../../protocols/dicom/instance-availability.ts';
import {
  MAX_STEP_BYTES,
  nextStep,
  STEP_TAGS,
  type StepOperation,
  type StepRefusal,
  type StepState,
  stepFacts,
  updatedStep,
} from '../../protocols/dicom/performed-procedure.ts';
import { DUPLICATE_SOP_INSTANCE, noticeStatusOf, SUCCESS, statusName } from '../../protocols/dicom/status.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { isUid, newUid } from '../../protocols/dicom/uid.ts';
import { lockNotice, lockStep, saveStep } from '../../store/closing-store.ts';
import type { Database, Transaction } from '../../store/database.ts';
import type { Answer, Operation, Request } from './operation.ts';

export type NoticeDeps = {
  readonly database: Database;
  readonly journal: Pick<Journal, 'appendIn'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
};

/** Keeps what was said, in the transaction of its journal entry. */
type Keep = (tx: Transaction, uid: string, dataset: DicomJson) => Promise<StepRefusal | Failure | null>;

export function performedStepSession(operation: StepOperation, request: Request, deps: NoticeDeps): Operation {
  return noticeSession(request, deps, STEP_TAGS, async (tx, uid, dataset) => {
    const { name } = request.peer;
    const before = await lockStep(tx, uid);
    if (before && operation === 'N-SET' && before.peer !== name) return failure('dimse', 'forbidden', 'the step is of another peer');
    const state = nextStep((before?.state ?? null) as StepState | null, operation, dataset);
    if (typeof state !== 'string') return state;
    const step = before ? updatedStep(JSON.parse(before.content.toString('utf8')) as DicomJson, dataset) : dataset;
    const content = Buffer.from(JSON.stringify(step));
    const now = deps.clock.now();
    await saveStep(tx, uid, { peer: name, state, content, updated: now });
    const { studies, instances } = stepFacts(step);
    await deps.journal.appendIn(tx, {
      ...entryOf(request, uid, content, now),
      // The same words again, of a step that has changed between, are another entry.
      digest: digestOf(content, Buffer.from(before?.updated.toISOString() ?? '')),
      lane: `${name}|${studies[0] ?? ''}`,
      detail: `${operation}: ${state}, ${instances.length} instances`,
    });
    return null;
  });
}

/** PS3.4 §R.3.2: the same notification again is one and the same; one that says something else is not created under the same UID. */
export function availabilitySession(request: Request, deps: NoticeDeps): Operation {
  return noticeSession(request, deps, AVAILABILITY_TAGS, async (tx, uid, dataset) => {
    const facts = availabilityFacts(dataset);
    if (isFailure(facts)) return facts;
    const entry = entryOf(request, uid, Buffer.from(JSON.stringify(dataset)), deps.clock.now());
    const before = await lockNotice(tx, { peer: entry.peer, type: entry.type, uid });
    if (before && !before.equals(entry.digest)) return { status: DUPLICATE_SOP_INSTANCE, errorComment: 'it said something else before' };
    await deps.journal.appendIn(tx, {
      ...entry,
      ...{ lane: `${request.peer.name}|${facts.study}`, detail: `${facts.instances.length} instances` },
    });
    return null;
  });
}

function noticeSession(request: Request, deps: NoticeDeps, tags: ReadonlySet<number>, keep: Keep): Operation {
  const { command, context, peer } = request;
  const syntax = transferSyntax(context.transferSyntax) as TransferSyntax;
  const reader = new DatasetReader(syntax, tags, MAX_STEP_BYTES);
  // PS3.7 §10.1.5.1.4: where the request names no instance, the performer does.
  const uid = command.sopInstanceUid === '' && command.field === COMMAND.nCreateRq ? newUid(deps.clock.uuid()) : command.sopInstanceUid;
  let problem = faultOf(request, uid);
  return {
    write: async (fragment) => {
      problem ??= reader.push(fragment);
    },
    end: async (): Promise<Answer> => {
      problem ??= command.hasDataset ? reader.end() : failure('dimse', 'malformed', 'no dataset');
      if (reader.overflowed) problem ??= failure('dimse', 'too-large', 'it names too many instances');
      const refused = problem ?? (await attempt(deps, uid, dicomJson(reader.dataset), keep));
      const answer = answerOf(refused, uid);
      const about = { peer: peer.name, sopClassUid: context.abstractSyntax, status: statusName(answer.status) };
      deps.metrics.count('waystation_dimse_notices_total', { status: about.status });
      if (refused) deps.log.warn('dimse.notice-refused', { ...about, detail: isFailure(refused) ? refused.detail : refused.errorComment });
      return answer;
    },
    abandon: async () => {
      problem ??= failure('dimse', 'malformed', 'the association ended before the dataset', 'transient');
    },
  };
}

async function attempt(deps: NoticeDeps, uid: string, dataset: DicomJson, keep: Keep): Promise<StepRefusal | Failure | null> {
  try {
    return await deps.database.transaction((tx) => keep(tx, uid, dataset));
  } catch (error) {
    return failure('dimse', 'unreachable', `journal: ${error instanceof Error ? error.message : 'failed'}`, 'transient');
  }
}

function answerOf(refused: StepRefusal | Failure | null, sopInstanceUid: string): { status: number; command?: Partial<Command> } {
  if (refused === null) return { status: SUCCESS, command: { sopInstanceUid } };
  if (isFailure(refused)) return { status: noticeStatusOf(refused) };
  const { status, ...command } = refused;
  return { status, command };
}

function faultOf({ command, context }: Request, uid: string): Failure | null {
  if (command.sopClassUid !== context.abstractSyntax)
    return failure('dimse', 'unsupported-type', 'SOP class was not negotiated for this context');
  return isUid(uid) ? null : failure('dimse', 'not-found', 'SOP Instance UID is missing or no UID');
}

function entryOf({ peer, context }: Request, uid: string, payload: Buffer, received: Date): Omit<NewEntry, 'lane' | 'detail'> {
  const nothing = Buffer.alloc(0);
  return {
    ...{ kind: 'dicom', peer: peer.name, type: context.abstractSyntax, controlId: uid, digest: digestOf(payload), payload, blob: null },
    ...{ disposition: 'accepted', answer: nothing, effects: [], received },
  };
}

function digestOf(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
