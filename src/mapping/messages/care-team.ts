/**
 * Who looks after a patient: the ROL and PRT that stand with him, and the case manager of IN3. In: the segments of one patient, in order. Out:
 * his general practitioners, the participants of his visit, his CareTeam in the draft. ROL and PRT belong to the segment before them: PID (or
 * PD1) or PV1 (or PV2).
 */
import type { CareTeam, CareTeamParticipant, Encounter, Patient } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { filled } from '../datatypes/components.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { combined } from '../segment-table.ts';
import {
  isOfTeam,
  isGeneralPractitioner as isPrtPractitioner,
  prtCareTeamParticipant,
  prtGeneralPractitioner,
} from '../segments/prt-careteam.ts';
import { isDeleted, prtRelatedPerson } from '../segments/prt-participation.ts';
import {
  IN3_CASEMANAGER,
  isGeneralPractitioner,
  ROL_TEAM,
  rolCareTeamParticipant,
  rolEncounterParticipant,
  rolGeneralPractitioner,
} from '../segments/rol-participation.ts';
import type { KnownPatient } from './patient-context.ts';

/** Members of the Patient. */
export function practitionersOf(segments: readonly Segment[], draft: Draft): Partial<Patient> {
  const beside = besidePerson(segments);
  const roles = beside.filter(({ name }) => name === 'ROL').filter((rol) => isGeneralPractitioner(rol));
  const participations = beside.filter(({ name }) => name === 'PRT').filter((prt) => isPrtPractitioner(prt));
  const generalPractitioner = [
    ...roles.flatMap((rol) => rolGeneralPractitioner(rol, draft) ?? []),
    ...participations.flatMap((prt) => prtGeneralPractitioner(prt, draft) ?? []),
  ];
  return filled({ generalPractitioner: generalPractitioner as Patient['generalPractitioner'] }) ?? {};
}

/** Members of the Encounter: the ROL after PV1. */
export function visitParticipants(segments: readonly Segment[], draft: Draft): Partial<Encounter> {
  const participant = besideVisit(segments).flatMap((rol) => rolEncounterParticipant(rol, draft) ?? []);
  return filled({ participant }) ?? {};
}

/** The team, known by the patient: he has one; and relatives that take part (PRT of another role). */
export function careTeam(segments: readonly Segment[], { reference, identity: known }: KnownPatient, draft: Draft): void {
  const beside = besidePerson(segments);
  const roles = beside.filter((segment) => segment.name === 'ROL' && !isGeneralPractitioner(segment));
  const participations = beside.filter(({ name }) => name === 'PRT');
  for (const prt of participations) if (!isOfTeam(prt) && !isDeleted(prt)) prtRelatedPerson(prt, reference, draft);
  const participant: CareTeamParticipant[] = [
    ...roles.flatMap((rol) => rolCareTeamParticipant(rol, draft) ?? []),
    ...participations.filter((prt) => isOfTeam(prt)).flatMap((prt) => prtCareTeamParticipant(prt, draft) ?? []),
    ...segments.filter(({ name }) => name === 'IN3').flatMap((in3) => managerOf(in3, draft)),
  ];
  if (participant.length === 0) return;
  const said = combined<Partial<CareTeam>>(...roles.map((rol) => ROL_TEAM(rol, draft) as Partial<CareTeam>));
  draft.add<CareTeam>({ resourceType: 'CareTeam', subject: reference, ...said, participant }, [
    identity('CareTeam', 'urn:waystation:care-team-of', keyOf(known)),
  ]);
}

function managerOf(segment: Segment, draft: Draft): readonly CareTeamParticipant[] {
  return IN3_CASEMANAGER({ segment, field: 21, component: 0, most: 1, draft });
}

/** ROL and PRT up to the visit. */
function besidePerson(segments: readonly Segment[]): Segment[] {
  const visit = segments.findIndex(({ name }) => name === 'PV1');
  return segments.slice(0, visit < 0 ? undefined : visit).filter(({ name }) => name === 'ROL' || name === 'PRT');
}

/** ROL that stand right after PV1 and PV2; those of a procedure follow their PR1. */
function besideVisit(segments: readonly Segment[]): Segment[] {
  const visit = segments.findIndex(({ name }) => name === 'PV1');
  if (visit < 0) return [];
  const after = segments.slice(visit);
  const end = after.findIndex(({ name }) => !['PV1', 'PV2', 'ROL', 'PRT'].includes(name));
  return after.slice(0, end < 0 ? undefined : end).filter(({ name }) => name === 'ROL');
}
