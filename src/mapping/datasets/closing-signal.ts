/**
 * What is said of how far a study is, in DICOM's words, to the one signal that cases understand.
 * In: the journal entry of a performed procedure step as it stands (PS3.4 Annex F), of a notification of availability (Annex R), or of a
 * request for storage commitment (Annex J: who asks for a set has sent it). Out: the signal, and the part of a case that it is.
 */
import type { CasePart } from '../../model/case.ts';
import type { ClosingSignal } from '../../model/closing.ts';
import type { CommitmentRequest } from '../../model/commitment.ts';
import type { Entry } from '../../model/entry.ts';
import { isFailure } from '../../model/failure.ts';
import type { Peer } from '../../model/peer.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { availabilityFacts } from '../../protocols/dicom/instance-availability.ts';
import { scheduledSteps, stepFacts } from '../../protocols/dicom/performed-procedure.ts';
import { INSTANCE_AVAILABILITY, PERFORMED_STEP, STORAGE_COMMITMENT_PUSH } from '../../protocols/dicom/sop-class.ts';
import { requestKeys, studyKey } from './study-keys.ts';
import { patientKeysOf } from './study-patient.ts';

export type NoticeEntry = Pick<Entry, 'type' | 'peer' | 'controlId' | 'payload' | 'seq' | 'received'>;

export function isNotice({ kind, type }: Pick<Entry, 'kind' | 'type'>): boolean {
  return kind === 'dicom' && NOTICES.has(type);
}

const NOTICES: ReadonlySet<string> = new Set([PERFORMED_STEP, INSTANCE_AVAILABILITY, STORAGE_COMMITMENT_PUSH]);

/** `studies`: those of the instances that a request for commitment names. */
export function closingSignal(entry: NoticeEntry, peer: Peer, studies: readonly string[]): ClosingSignal {
  const { seq, received: at, controlId: uid } = entry;
  const said = JSON.parse(entry.payload.toString('utf8'));
  const about = { peer: entry.peer, uid, seq, at };
  if (entry.type === PERFORMED_STEP) return { ...about, ...stepSignal(said as DicomJson, peer) };
  if (entry.type === INSTANCE_AVAILABILITY) return { ...about, ...availabilitySignal(said as DicomJson) };
  const instances = committedInstances(said as CommitmentRequest);
  return { ...about, kind: 'commitment', state: 'performed', keys: studies.map(studyKey), patient: [], instances };
}

type Signal = Omit<ClosingSignal, 'peer' | 'uid' | 'seq' | 'at'>;

function stepSignal(step: DicomJson, peer: Peer): Signal {
  const { state, studies, instances, mistaken } = stepFacts(step);
  return {
    kind: 'mpps',
    state: state === 'DISCONTINUED' && mistaken ? 'mistaken' : STATES[state],
    keys: [...studies.map(studyKey), ...requestKeys(scheduledSteps(step), peer)],
    patient: patientKeysOf(step, peer),
    instances,
  };
}

function availabilitySignal(notification: DicomJson): Signal {
  const facts = availabilityFacts(notification);
  if (isFailure(facts)) throw new Error('a notification that the door would have refused');
  return { kind: 'ian', state: 'performed', keys: [studyKey(facts.study)], patient: [], instances: facts.instances };
}

/** SOP Instance UIDs that a request for commitment names. */
export function committedInstances({ references }: CommitmentRequest): string[] {
  return [...new Set(references.map(({ sopInstanceUid }) => sopInstanceUid))];
}

export function progressPart(signal: ClosingSignal): CasePart {
  return {
    ...{ kind: 'progress', keys: signal.keys, patient: signal.patient, control: '', production: true, priority: null, hints: [] },
    ...{ serviceRequest: '', subject: '', members: [], study: null, progress: textOf(signal) },
  };
}

function textOf({ kind, state, instances }: ClosingSignal): string {
  const words = kind === 'mpps' ? `the procedure is ${WORDS[state]}` : kind === 'ian' ? 'available' : 'storage commitment asked for';
  return instances.length === 0 ? words : `${words}, ${instances.length} instances`;
}

const STATES = { 'IN PROGRESS': 'performing', COMPLETED: 'performed', DISCONTINUED: 'discontinued' } as const;
const WORDS: Readonly<Record<ClosingSignal['state'], string>> = {
  performing: 'being performed',
  performed: 'completed',
  discontinued: 'discontinued',
  mistaken: 'discontinued: incorrect worklist entry selected',
};
