/**
 * AL1 to AllergyIntolerance (HL7 v2.5.1 §3.4.6; guide: AL1[AllergyIntolerance]).
 * In: the segment, the patient. Out: a reference to the AllergyIntolerance in the draft; undefined where nothing names the allergen.
 * Known by the patient and the allergen: the same allergy told again is the same resource. The code for a category or a severity is kept
 * beside what it becomes. A severity is told of a reaction, and FHIR has none without a manifestation (1..*): where AL1-5 is empty the
 * manifestation is said to be unknown.
 */
import type { AllergyIntolerance, Patient, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { cweCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, pathOf } from '../datatypes/datatype.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { SET_ID, segmentTable } from '../segment-table.ts';
import { ALLERGEN_CATEGORY, ALLERGY_CRITICALITY, ALLERGY_TYPE, REACTION_SEVERITY } from '../vocabulary/0127-allergen-type.ts';
import type { CodeTable } from '../vocabulary/code-table.ts';
import { alternateCode } from './alternate-code.ts';

export function al1AllergyIntolerance(
  al1: Segment,
  patient: Reference<Patient>,
  known: Identity,
  draft: Draft,
): Reference<AllergyIntolerance> | undefined {
  const said = AL1_ALLERGYINTOLERANCE(al1, draft);
  const allergen = said.code?.coding?.[0]?.code ?? said.code?.text;
  if (allergen === undefined) return undefined;
  const { reaction, ...rest } = said;
  const allergy: AllergyIntolerance = {
    resourceType: 'AllergyIntolerance',
    clinicalStatus: ACTIVE,
    patient,
    ...rest,
    ...reactionOf(reaction),
  };
  return draft.add(allergy, [identity('AllergyIntolerance', 'urn:waystation:allergy-of', `${keyOf(known)}|${allergen}`)]);
}

function reactionOf([reaction]: AllergyIntolerance['reaction'] = []): Pick<AllergyIntolerance, 'reaction'> {
  if (!reaction) return {};
  return { reaction: [{ ...reaction, manifestation: reaction.manifestation ?? [UNKNOWN] }] };
}

const ACTIVE = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }] };
const UNKNOWN = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'unknown' }] };

/** The code beside each category or criticality; codes that are neither are told by the field's other rows. */
function alternates<T>(table: CodeTable<T>): Datatype<object> {
  return each((at) => (at(1) === '' ? undefined : alternateCode(table.system, at(1))));
}

/** A code that this table does not have and another of the same field has is no gap. */
function quietly<T>(table: CodeTable<T>, others: CodeTable<unknown>): Datatype<T> {
  return each((at, source) => {
    const code = at(1).toUpperCase();
    const value = table.codes.get(code);
    if (code !== '' && value === undefined && !others.codes.has(code)) source.draft.unmapped(pathOf(source), table.name, at(1));
    return value;
  });
}

const ST_CODEABLECONCEPT = each((at) => (at(1) === '' ? undefined : { text: at(1) }));

const AL1_ALLERGYINTOLERANCE = segmentTable<AllergyIntolerance>(
  [
    ['AL1-2', 'category[]', quietly(ALLERGEN_CATEGORY, ALLERGY_TYPE)],
    ['AL1-2', '_category[]', alternates(ALLERGEN_CATEGORY)],
    ['AL1-2', 'type', cweCode(ALLERGY_TYPE)],
    ['AL1-3', 'code', CWE_CODEABLECONCEPT],
    ['AL1-4', 'criticality', quietly(ALLERGY_CRITICALITY, REACTION_SEVERITY)],
    ['AL1-4', '_criticality', alternates(ALLERGY_CRITICALITY)],
    ['AL1-4', 'reaction[al1].severity', quietly(REACTION_SEVERITY, ALLERGY_CRITICALITY)],
    ['AL1-5', 'reaction[al1].manifestation[]', ST_CODEABLECONCEPT],
    ['AL1-6', 'onsetDateTime', DTM_DATETIME],
  ],
  { left: { 1: SET_ID } },
);
