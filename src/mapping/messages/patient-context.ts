/**
 * What a message says of a patient beside his PID: PD1, GSP, GSR, GSC, NK1, the visit in PV1 and PV2, allergies, diagnoses, procedures, cover. The same
 * segments stand at the head of orders, results and ADT messages.
 * In: the segments before the first order (or all of an ADT message), the patient. Out: the visit; everything in the draft. What belongs to the
 * patient for good is known by him; a diagnosis and a procedure by the visit too.
 */
import type { Coverage, Encounter, EpisodeOfCare, Extension, Patient, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { filled } from '../datatypes/components.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { combined } from '../segment-table.ts';
import { al1AllergyIntolerance } from '../segments/al1-allergyintolerance.ts';
import { dg1Condition, type ReadDiagnosis } from '../segments/dg1-condition.ts';
import { gscParameter } from '../segments/gsc-servicerequest.ts';
import { gspPatient } from '../segments/gsp-patient.ts';
import { gsrPatient } from '../segments/gsr-patient.ts';
import { in1Coverage } from '../segments/in1-coverage.ts';
import { nk1Contact, nk1RelatedPerson } from '../segments/nk1-relatedperson.ts';
import { PD1_PATIENT, pd1LivingWill } from '../segments/pd1-patient.ts';
import { pidMother } from '../segments/pid-relatedperson.ts';
import { pr1Procedure } from '../segments/pr1-procedure.ts';
import { PV1_COVERAGE, PV1_EPISODEOFCARE, PV1_PATIENT, pv1Encounter, type ReadVisit } from '../segments/pv1-encounter.ts';
import { PV2_ENCOUNTER } from '../segments/pv2-encounter.ts';
import { careTeam, practitionersOf, visitParticipants } from './care-team.ts';

/** Members of the Patient that stand outside of his PID: given to `pidPatient`. */
export function patientMembers(segments: readonly Segment[], draft: Draft): Partial<Patient> {
  const contact = named(segments, 'NK1').flatMap((nk1) => nk1Contact(nk1, draft) ?? []);
  return combined<Partial<Patient>>(
    PD1_PATIENT(first(segments, 'PD1'), draft),
    PV1_PATIENT(first(segments, 'PV1'), draft),
    practitionersOf(segments, draft),
    contact.length > 0 ? { contact } : {},
    filled({ extension: declared(segments, draft) }) ?? {},
  );
}

/** GSP, GSR and GSC of the patient: those that follow an NK1 are of that person. */
function declared(segments: readonly Segment[], draft: Draft): Extension[] {
  const first = segments.findIndex(({ name }) => name === 'NK1');
  const own = first < 0 ? segments : segments.slice(0, first);
  return own.flatMap((segment) => DECLARING.get(segment.name)?.(segment, draft) ?? []);
}

const DECLARING: ReadonlyMap<string, (segment: Segment, draft: Draft) => Extension[]> = new Map([
  ['GSP', gspPatient],
  ['GSR', gsrPatient],
  ['GSC', gscParameter],
]);

/** The patient as his message names him: a reference, and by what he is known. */
export type KnownPatient = { readonly reference: Reference<Patient>; readonly identity: Identity };

/** The visit with its diagnoses and its episode. `fallback`: by what it is known without a number. */
export function visitOf(segments: readonly Segment[], patient: KnownPatient, fallback: Identity, draft: Draft): ReadVisit | undefined {
  const pv1 = first(segments, 'PV1');
  const { reference: subject, identity: known } = patient;
  const episode = episodeOf(pv1, subject, draft);
  const more = combined<Partial<Encounter>>(
    PV2_ENCOUNTER(first(segments, 'PV2'), draft),
    visitParticipants(segments, draft),
    filled({ episodeOfCare: episode ? [episode] : [] }) ?? {},
  );
  const visit = pv1Encounter(pv1, subject, fallback, draft, more);
  const context = { subject, encounter: visit?.reference, known: visit?.identity ?? known };
  addDiagnoses(
    named(segments, 'DG1').flatMap((dg1) => dg1Condition(dg1, context, draft) ?? []),
    visit,
    episode,
    draft,
  );
  for (const pr1 of named(segments, 'PR1')) pr1Procedure(pr1, context, draft);
  const paid = PV1_COVERAGE(pv1, draft);
  if (paid.type)
    draft.add(visitCoverage(paid.type, subject), [identity('Coverage', 'urn:waystation:coverage-of-visit', keyOf(context.known))]);
  return visit;
}

/** What is the patient's for good: a living will, relatives, allergies, insurances. */
export function patientRecords(segments: readonly Segment[], { reference, identity: known }: KnownPatient, draft: Draft): void {
  pd1LivingWill(first(segments, 'PD1'), reference, known, draft);
  careTeam(segments, { reference, identity: known }, draft);
  pidMother(first(segments, 'PID'), reference, known, draft);
  for (const nk1 of named(segments, 'NK1')) nk1RelatedPerson(nk1, reference, known, draft);
  for (const al1 of named(segments, 'AL1')) al1AllergyIntolerance(al1, reference, known, draft);
  for (const in1 of named(segments, 'IN1')) in1Coverage(in1, reference, known, draft);
}

/** Conditions name the visit, and the visit names them. */
function addDiagnoses(
  diagnoses: readonly ReadDiagnosis[],
  visit: ReadVisit | undefined,
  episode: Reference<EpisodeOfCare> | undefined,
  draft: Draft,
): void {
  if (diagnoses.length === 0) return;
  if (visit) draft.extend(visit.reference, { diagnosis: diagnoses.map((one) => one.ofEncounter) });
  if (episode) draft.extend(episode, { diagnosis: diagnoses.map((one) => one.ofEpisode) });
}

/** PV1-54, known by its own number. */
function episodeOf(pv1: Segment | undefined, patient: Reference<Patient>, draft: Draft): Reference<EpisodeOfCare> | undefined {
  const said = PV1_EPISODEOFCARE(pv1, draft) as Partial<EpisodeOfCare>;
  const [number] = said.identifier ?? [];
  if (!number) return undefined;
  const episode: EpisodeOfCare = { resourceType: 'EpisodeOfCare', status: 'active', patient, ...said };
  return draft.add(episode, [identity('EpisodeOfCare', number.system as string, number.value as string)]);
}

function visitCoverage(type: Coverage['type'], beneficiary: Reference<Patient>): Coverage {
  return {
    resourceType: 'Coverage',
    status: 'active',
    type,
    beneficiary,
    payor: [{ display: type?.text ?? type?.coding?.[0]?.display ?? 'not said' }],
  };
}

function first(segments: readonly Segment[], name: string): Segment | undefined {
  return segments.find((segment) => segment.name === name);
}

function named(segments: readonly Segment[], name: string): Segment[] {
  return segments.filter((segment) => segment.name === name);
}
