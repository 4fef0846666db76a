/**
 * Priors of a case, with the database: ordered once, from whichever of its changes first says enough; those that are here are the case's to
 * show. Asking the PACS is the work of delivery/dimse/prior-worker.ts, which names the studies in the case; what comes of them walks in as any
 * object that arrives, as a part `prior`, which opens no case.
 */
import type { Identifier, ImagingStudy, Patient } from '@medplum/fhirtypes';
import type { CaseState } from '../model/case.ts';
import type { Specialty } from '../model/config.ts';
import { addEvent, type Batch, caseIn, changedCases, grant, loadCases, peekResources, putCase, resourceIn } from '../store/batch.ts';
import { findIdentifiers } from '../store/identifier-store.ts';
import { casesAsking, orderPriors } from '../store/prior-store.ts';
import { groupsOf } from './match-step.ts';
import { type PriorAuthority, priorOrder } from './prior.ts';

export type PriorRules = {
  readonly specialties: readonly Specialty[];
  /** Whose patient numbers a destination has; null where that is not known. */
  readonly priorAuthority: (destination: string) => PriorAuthority | null;
};

export async function seekPriors(batch: Batch, rules: PriorRules): Promise<void> {
  await loadAsking(batch);
  for (const { id } of changedCases(batch)) {
    await order(batch, caseIn(batch, id) as CaseState, rules);
    await attach(batch, caseIn(batch, id) as CaseState);
  }
}

/** The cases that asked for what has come. */
async function loadAsking(batch: Batch): Promise<void> {
  const works = batch.works.filter(({ failure }) => !failure);
  const uids = works.flatMap(({ parts }) => parts.flatMap(({ kind, study }) => (kind === 'prior' && study ? [study.uid] : [])));
  if (uids.length === 0) return;
  const asking = await casesAsking(batch.tx, uids);
  await loadCases(batch, [...asking.values()].flat());
  for (const work of works) {
    const ids = work.parts.flatMap(({ kind, study }) => (kind === 'prior' && study ? (asking.get(study.uid) ?? []) : []));
    for (const id of ids) {
      const state = caseIn(batch, id);
      if (!state) continue;
      putCase(batch, state);
      work.cases.add(id);
    }
  }
}

async function order(batch: Batch, state: CaseState, { specialties, priorAuthority }: PriorRules): Promise<void> {
  const rule = specialties.find(({ name }) => name === state.specialty)?.priors;
  const authority = rule && priorAuthority(rule.from);
  const asked = rule && authority ? priorOrder(state, rule, authority, batch.now) : null;
  if (!rule || !asked) return;
  await orderPriors(batch.tx, asked, batch.now);
  const until = batch.now.getTime() + rule.waitMs;
  putCase(batch, { ...state, priors: { from: rule.from, until, done: false, uids: [], imagingStudies: [] } });
  const what = asked.modalities.length > 0 ? ` (${asked.modalities.join(', ')})` : '';
  addEvent(batch, state.id, { seq: null, kind: 'priors-asked', actor: 'gateway', detail: `${rule.from} is asked for priors${what}` });
}

/** The ImagingStudies of what was asked for, as far as they are here; a study that is one of the case's own is no prior of it. */
async function attach(batch: Batch, state: CaseState): Promise<void> {
  const { priors } = state;
  if (!priors || priors.uids.length === 0) return;
  const uids = priors.uids.filter((uid) => state.studies.every((study) => study.uid !== uid));
  const found = await findIdentifiers(
    batch.tx,
    uids.map((uid) => ({ type: 'ImagingStudy' as const, system: 'urn:dicom:uid', value: `urn:oid:${uid}` })),
  );
  const references = found.flatMap((id) => (id === null ? [] : [`ImagingStudy/${id}`]));
  await peekResources(batch, references);
  const subjectOf = (reference: string): string => (resourceIn(batch, reference) as ImagingStudy | null)?.subject.reference ?? '';
  await peekResources(batch, references.map(subjectOf));
  const imagingStudies = references.filter((reference) => isOfPatient(resourceIn(batch, subjectOf(reference)) as Patient | null, state));
  putCase(batch, { ...state, priors: { ...priors, imagingStudies } });
  grant(batch, [...imagingStudies, ...imagingStudies.map(subjectOf)], null, groupsOf(state));
}

/** What somebody sent here under the UID of a prior may be anybody's. */
function isOfPatient(patient: Patient | null, { patient: own, patientKeys }: CaseState): boolean {
  if (!patient) return false;
  const known = ({ system, value }: Identifier) =>
    patientKeys.some((key) => key.system !== '' && key.system === system && key.value === value);
  return `Patient/${patient.id}` === own || (patient.identifier ?? []).some(known);
}
