/**
 * PV1 to Encounter, and the little that it says of the Patient and of his cover (HL7 v2.5.1 §3.4.3; guide: PV1[Encounter], PV1[Patient],
 * PV1[Coverage]).
 * In: the segment. Out: members of the Encounter. Places (PL) are Locations contained in it.
 * The guide's Basic resource for an EncounterHistory is not made: PV1-43, the prior temporary place, is one more completed location of this
 * very Encounter, where readers look; a Basic is read by nobody.
 */
import type {
  CodeableConcept,
  Coding,
  Encounter,
  EncounterLocation,
  EncounterParticipant,
  Extension,
  Patient,
  Reference,
} from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { cweConceptIn, cweConceptOf } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { CX_IDENTIFIER, cxIdentifierOf } from '../datatypes/cx-identifier.ts';
import { type Datatype, each, pathOf, wrapped } from '../datatypes/datatype.ts';
import { ST_STRING } from '../datatypes/id-primitive.ts';
import { PL_LOCATION, plLocation } from '../datatypes/pl-location.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { among, combined, outside, SET_ID, segmentTable } from '../segment-table.ts';
import { PATIENT_CLASS, PATIENT_CLASS_SYSTEM, UNKNOWN_CLASS } from '../vocabulary/0004-patient-class.ts';
import { AMBULATORY_STATUS } from '../vocabulary/0009-ambulatory-status.ts';
import { HOSPITAL_SERVICE } from '../vocabulary/0069-hospital-service.ts';

/** A visit, and what other segments build on: by what it is known. */
export type ReadVisit = { readonly reference: Reference<Encounter>; readonly identity: Identity };

/**
 * Adds the Encounter; undefined where PV1 says nothing. The visit number (PV1-19) is its identity; `fallback` (its order, its patient) is what
 * it is known by without one, so that a status change does not open another. `more`: what other segments say of the visit.
 */
export function pv1Encounter(
  pv1: Segment | undefined,
  subject: Reference<Patient>,
  fallback: Identity,
  draft: Draft,
  more: Partial<Encounter> = {},
): ReadVisit | undefined {
  if (!pv1 || pv1.length < 2) return undefined;
  const encounter = combined<Partial<Encounter>>(pv1Members(pv1, draft), { subject }, more);
  const [visit] = encounter.identifier ?? [];
  const known =
    visit && firstValue(pv1, 19) !== '' ? identity('Encounter', visit.system as string, visit.value as string) : unnumbered(fallback);
  return { reference: draft.add({ resourceType: 'Encounter', ...encounter } as Encounter, [known]), identity: known };
}

function unnumbered({ system, value }: Identity): Identity {
  return identity('Encounter', 'urn:waystation:encounter-of-order', keyOf({ system, value }));
}

/** What PV1 says of the visit; class and status, which FHIR requires, in any case. */
function pv1Members(pv1: Segment, draft: Draft): Partial<Encounter> {
  const { period, ...said } = PV1_ENCOUNTER(pv1, draft);
  return { status: statusOf(pv1), ...said, class: said.class ?? UNKNOWN_CLASS, ...inOrder(period) };
}

/** A discharge time makes it finished, whatever the class. */
function statusOf(pv1: Segment): Encounter['status'] {
  if (firstValue(pv1, 45) !== '') return 'finished';
  return PATIENT_CLASS.get(firstValue(pv1, 2).toUpperCase())?.status ?? 'unknown';
}

/** FHIR per-1: a period does not end before it starts. */
function inOrder(period: Encounter['period']): Pick<Encounter, 'period'> {
  if (!period) return {};
  const { start, end } = period;
  return start && end && Date.parse(start) > Date.parse(end) ? { period: { start } } : { period };
}

const CWE_CLASS: Datatype<Coding> = each((at, source) => {
  const code = at(1);
  if (code === '') return undefined;
  const known = PATIENT_CLASS.get(code.toUpperCase());
  if (known) return known.coding;
  source.draft.unmapped(pathOf(source), 'HL7 Table 0004', code);
  return { system: PATIENT_CLASS_SYSTEM, code: code.replace(/\s+/g, ' ') };
});

/** v3 ParticipationType; `text` as in the guide. */
function participant(code: string, text: string): Datatype<EncounterParticipant> {
  const type: CodeableConcept[] = [{ coding: [{ system: PARTICIPATION_TYPE, code, display: text }], text }];
  return wrapped(XCN_PRACTITIONER, (individual) => ({ type, individual }));
}

function place(status: EncounterLocation['status'], extension?: Extension[]): Datatype<EncounterLocation> {
  return wrapped(PL_LOCATION, (location) => ({ location, status, ...(extension ? { extension } : {}) }));
}

/** PV1-3 with the state of the bed (PV1-40, HL7 Table 0116). */
function assignedPlace(status: EncounterLocation['status']): Datatype<EncounterLocation> {
  return each((at, { segment, draft }) => {
    const bed = at(2) === '' && at(3) === '' ? '' : firstValue(segment, 40);
    const location = plLocation(at, draft, bed === '' ? {} : { operationalStatus: { system: BED_STATUS, code: bed } });
    return location && { location, status };
  });
}

const PARTICIPATION_TYPE = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const HL7 = 'http://hl7.org/fhir/StructureDefinition';
const V2 = 'http://terminology.hl7.org/CodeSystem';
const BED_STATUS = `${V2}/v2-0116`;
const TEMPORARY: Extension[] = [
  {
    url: `${HL7}/subject-locationClassification`,
    valueCodeableConcept: { coding: [{ system: 'http://hl7.org/fhir/ValueSet/subject-location', code: 'temporary' }] },
  },
];

/** Discharged to (DLD): a place known by its kind alone. */
const DLD_LOCATION = each((at, { draft }) => {
  const code = at(1, 1);
  if (code === '') return undefined;
  const type = [
    { coding: [{ system: at(1, 3) === '' ? `${V2}/v2-0113` : `urn:waystation:codesystem:${at(1, 3)}`, code }], text: at(1, 2) || code },
  ];
  return { ...draft.contain({ resourceType: 'Location', mode: 'kind', type, name: at(1, 2) || code }), display: at(1, 2) || code };
});

const PV1_ENCOUNTER = segmentTable<Encounter>(
  [
    ['PV1-2', 'class', CWE_CLASS],
    ['PV1-3', 'location[]', assignedPlace('active'), outside('PV1-2', 'P')],
    ['PV1-3', 'location[]', assignedPlace('planned'), among('PV1-2', 'P')],
    ['PV1-4', 'type[]', cweConceptIn(`${V2}/v2-0007`)],
    ['PV1-5', 'hospitalization.preAdmissionIdentifier', CX_IDENTIFIER],
    ['PV1-6', 'location[]', place('completed')],
    ['PV1-7', 'participant[]', participant('ATND', 'attender')],
    ['PV1-8', 'participant[]', participant('REF', 'referrer')],
    ['PV1-9', 'participant[]', participant('CON', 'consultant')],
    ['PV1-10', 'serviceType', cweConceptOf(HOSPITAL_SERVICE)],
    ['PV1-11', 'location[]', place('active', TEMPORARY)],
    ['PV1-13', 'hospitalization.reAdmission', cweConceptIn(`${V2}/v2-0092`)],
    ['PV1-14', 'hospitalization.admitSource', CWE_CODEABLECONCEPT],
    ['PV1-15', 'hospitalization.specialArrangement[]', cweConceptOf(AMBULATORY_STATUS)],
    ['PV1-16', 'hospitalization.specialCourtesy[]', CWE_CODEABLECONCEPT],
    ['PV1-17', 'participant[]', participant('ADM', 'admitter')],
    ['PV1-19', 'identifier[]', cxIdentifierOf('VN', 'visit number')],
    ['PV1-36', 'hospitalization.dischargeDisposition', CWE_CODEABLECONCEPT],
    ['PV1-37', 'hospitalization.destination', DLD_LOCATION],
    ['PV1-38', 'hospitalization.dietPreference[]', CWE_CODEABLECONCEPT],
    ['PV1-42', 'location[]', place('reserved')],
    ['PV1-43', 'location[]', place('completed', TEMPORARY)],
    ['PV1-44', 'period.start', DTM_DATETIME],
    ['PV1-45', 'period.end', DTM_DATETIME],
    ['PV1-50', 'identifier[]', CX_IDENTIFIER],
    ['PV1-52', 'participant[]', participant('PART', 'Participation')],
  ],
  { left: { 1: SET_ID, 18: 'has no common meaning: each hospital uses it in its own way' } },
);

/** PV1-16 of a person. Whether a hospital means the person or the visit cannot be told: both say it. */
export const PV1_PATIENT = segmentTable<Patient>([
  ['PV1-16', `extension[${HL7}/patient-importance].valueCodeableConcept`, CWE_CODEABLECONCEPT],
]);

/** PV1-20: how the visit is paid for. */
export const PV1_COVERAGE = segmentTable<{ type: CodeableConcept }>([['PV1-20', 'type', CWE_CODEABLECONCEPT]]);

/** The episode that the visit is part of: PV1-53 says what it is about, PV1-54 which. */
export const PV1_EPISODEOFCARE = segmentTable<{ identifier: object[]; extension: Extension[] }>([
  ['PV1-54', 'identifier[]', CX_IDENTIFIER],
  ['PV1-53', `extension[${HL7}/resource-instance-description].valueString`, ST_STRING],
]);
