/**
 * PRT beside a patient to his general practitioners and his CareTeam (HL7 v2.9 §7.4.4; guide:
 * PRT[Patient-GeneralPractitioner-PractitionerRole], PRT[Patient-GeneralPractitioner-Practitioner], PRT[CareTeam]).
 * In: the segment. Out: members of the Patient and of the CareTeam. PRT-4 PP (HL7 Tables 0443, 0912) is the general practitioner, who is of
 * the team too; other roles are of the team.
 */
import type { CareTeamParticipant, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { cweConceptOf } from '../datatypes/cwe-code.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { among, type Condition, segmentTable, valued } from '../segment-table.ts';
import { PARTICIPATION } from '../vocabulary/0912-participation.ts';
import { isDeleted, prtOrganization, prtPerson, prtRole } from './prt-participation.ts';

export const isGeneralPractitioner: Condition = among('PRT-4', 'PP');

/** Roles of the care team; whoever is something else to the patient is a relative. */
export const isOfTeam: Condition = among(
  'PRT-4',
  ...['AD', 'AP', 'ARI', 'AT', 'CP', 'FHCP', 'OP', 'PH', 'PP', 'PRI', 'RP', 'RT', 'VP', 'PO'],
);

export function prtGeneralPractitioner(prt: Segment, draft: Draft): Reference | undefined {
  return isDeleted(prt) ? undefined : memberOf(prt, draft);
}

export function prtCareTeamParticipant(prt: Segment, draft: Draft): CareTeamParticipant | undefined {
  const member = isDeleted(prt) ? undefined : memberOf(prt, draft);
  if (!member) return undefined;
  const organization = valued('PRT-5')(prt) ? prtOrganization(prt, draft)?.reference : undefined;
  return {
    ...PRT_CARETEAM(prt, draft),
    member: member as CareTeamParticipant['member'],
    ...(organization ? { onBehalfOf: organization } : {}),
  };
}

/** A person of whom no more than himself is said is the Practitioner himself. */
function memberOf(prt: Segment, draft: Draft): Reference | undefined {
  const isRole = ['PRT-6', 'PRT-9', 'PRT-24'].some((place) => valued(place)(prt));
  return isRole || !valued('PRT-5')(prt) ? prtRole(prt, draft) : prtPerson(prt, draft);
}

const PRT_CARETEAM = segmentTable<CareTeamParticipant>([
  ['PRT-4', 'role[]', cweConceptOf(PARTICIPATION)],
  ['PRT-11', 'period.start', DTM_DATETIME],
  ['PRT-12', 'period.end', DTM_DATETIME],
]);
