/**
 * What a role may write. Reading is a question of `readers` and asked in every query; here it is only said who may make and change what.
 * An origin changes what its own group wrote; a reader changes the Tasks it sees and adds what a report is made of.
 */
import type { Caller } from '../../model/peer.ts';
import { type FhirFailure, refuse } from '../../protocols/fhir/operation-outcome.ts';
import { resourceTypes } from '../../protocols/fhir/search-parameters.ts';

export type WriteAction = 'create' | 'update' | 'delete';

/** Whether the role may do this to the type at all; asked before anything is looked up. */
export function mayWrite(role: Caller['role'], action: WriteAction, type: string): FhirFailure | null {
  if (type === 'Binary' && action === 'update') return refuse(405, 'not-supported', 'a Binary does not change: create another');
  const rule = RULES[role][action];
  if (rule.some((row) => row.types.includes(type))) return null;
  return refuse(403, 'forbidden', `the role ${role} may not ${action} a ${type}`);
}

/** Whether the caller may do this to what `author` wrote; asked when the row is locked. */
export function mayWriteOf(caller: Caller, action: WriteAction, type: string, author: string): FhirFailure | null {
  const rule = RULES[caller.role][action].find((row) => row.types.includes(type));
  if (!rule?.ownOnly || author === caller.group) return null;
  return refuse(403, 'forbidden', `this ${type} was written by another group`);
}

type Rule = { readonly types: readonly string[]; readonly ownOnly: boolean };

/** What a hospital, a practice or a device tells about a consultation. */
const ORIGIN_TYPES = [
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Encounter',
  'Account',
  'ServiceRequest',
  'Task',
  'ImagingStudy',
  'Media',
  'Observation',
  'QuestionnaireResponse',
  'DocumentReference',
  'Condition',
  'Procedure',
  'EpisodeOfCare',
  'CareTeam',
  'Coverage',
  'RelatedPerson',
  'AllergyIntolerance',
  // Prior findings, given as context: a report of ours is judged by `reports`.
  'DiagnosticReport',
  'Binary',
  'Endpoint',
];

const REPORT_TYPES = ['DiagnosticReport', 'Provenance', 'Observation', 'Media', 'Binary'];

const RULES: Readonly<Record<Caller['role'], Readonly<Record<WriteAction, readonly Rule[]>>>> = {
  origin: {
    create: [{ types: ORIGIN_TYPES, ownOnly: false }],
    update: [{ types: ORIGIN_TYPES, ownOnly: true }],
    delete: [{ types: ORIGIN_TYPES, ownOnly: true }],
  },
  reader: {
    create: [{ types: REPORT_TYPES, ownOnly: false }],
    update: [{ types: ['Task'], ownOnly: false }],
    delete: [{ types: ['Observation', 'Media', 'Binary'], ownOnly: true }],
  },
  operator: {
    create: [{ types: resourceTypes(), ownOnly: false }],
    update: [{ types: resourceTypes(), ownOnly: false }],
    delete: [{ types: resourceTypes(), ownOnly: false }],
  },
};
