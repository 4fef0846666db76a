/** A part joins a case: CaseState in, CaseState out. Nothing here decides whether the package is whole. */
import type { CaseKey, CasePart, CaseState, PatientKey, StudySummary } from '../model/case.ts';
import type { Entry } from '../model/entry.ts';

export function newCase(id: string): CaseState {
  return {
    id,
    phase: 'assembling',
    specialty: '',
    priority: 'routine',
    production: true,
    origin: null,
    patientKeys: [],
    patient: '',
    serviceRequest: '',
    task: '',
    studies: [],
    members: [],
    hints: [],
    keys: [],
    missing: [],
    released: null,
    route: null,
    push: null,
    claim: null,
    report: null,
    returns: [],
    wake: null,
  };
}

/** Who sent a part: its journal entry, and the group of the client where it came by FHIR. */
export type Sender = Pick<Entry, 'peer' | 'kind' | 'seq'> & { readonly group: string };

/** Joins a part that came with `entry`. Sets and lists only grow; the order's words (priority, patient, origin) win over an image's. */
export function joinPart(state: CaseState, part: CasePart, entry: Sender): CaseState {
  const joined: CaseState = {
    ...state,
    keys: union(state.keys, part.keys, keyText),
    patientKeys: union(state.patientKeys, part.patient, patientText),
    hints: union(state.hints, part.hints, String),
    members: union(state.members, part.members, String),
    studies: part.study ? replaceStudy(state.studies, part.study) : state.studies,
    patient: state.patient === '' ? part.subject : state.patient,
  };
  return part.kind === 'order' ? joinOrder(joined, part, entry) : joined;
}

function joinOrder(state: CaseState, part: CasePart, entry: Sender): CaseState {
  const { origin } = state;
  // An order that is worked off once more, after a newer one, changes nothing.
  if (origin && entry.seq < origin.seq) return state;
  return {
    ...state,
    serviceRequest: part.serviceRequest,
    task: state.task === '' ? (part.task ?? '') : state.task,
    patient: part.subject === '' ? state.patient : part.subject,
    priority: part.priority ?? state.priority,
    origin: quotes(origin, part, entry)
      ? { peer: entry.peer, kind: entry.kind === 'hl7v2' ? 'hl7v2' : 'fhir', group: entry.group, seq: entry.seq }
      : origin,
  };
}

/** The answer quotes the latest message of who asked that says what was ordered; a cancel or a status without that cannot be quoted. */
function quotes(origin: CaseState['origin'], part: CasePart, entry: Sender): boolean {
  return origin === null || (entry.peer === origin.peer && part.detailed !== false);
}

/** One case goes up into another: what it gathered goes along. */
export function absorbCase(into: CaseState, other: CaseState): CaseState {
  return {
    ...into,
    keys: union(into.keys, other.keys, keyText),
    patientKeys: union(into.patientKeys, other.patientKeys, patientText),
    hints: union(into.hints, other.hints, String),
    members: union(into.members, other.members, String),
    studies: other.studies.reduce(replaceStudy, into.studies),
    patient: into.patient === '' ? other.patient : into.patient,
    wake: earliest(into.wake, other.wake),
  };
}

/** What is left of a case that went up into another: a signpost without keys. */
export function absorbedCase(other: CaseState): CaseState {
  return { ...other, phase: 'cancelled', keys: [], wake: null };
}

function replaceStudy(studies: readonly StudySummary[], study: StudySummary): readonly StudySummary[] {
  return [...studies.filter((known) => known.uid !== study.uid), study];
}

function union<T>(a: readonly T[], b: readonly T[], textOf: (value: T) => string): readonly T[] {
  const known = new Set(a.map(textOf));
  const added = b.filter((value) => !known.has(textOf(value)));
  return added.length === 0 ? a : [...a, ...added];
}

const keyText = (key: CaseKey): string => `${key.kind}|${key.system}|${key.value}`;
const patientText = (key: PatientKey): string => `${key.system}|${key.value}`;

export function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
