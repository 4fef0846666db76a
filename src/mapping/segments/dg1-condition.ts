/**
 * DG1 to Condition, to the Encounter's diagnoses and to those of an EpisodeOfCare (HL7 v2.5.1 §6.5.2; guide: DG1[Condition],
 * DG1[Encounter], DG1[EpisodeOfCare]).
 * In: the segment, the patient, the visit. Out: the Condition in the draft, and the diagnosis that names it.
 * A diagnosis is known by its own number (DG1-20) where that names its authority, else by the patient, the visit and its code: the same one
 * told again is the same resource.
 */
import type { Condition, Encounter, EncounterDiagnosis, EpisodeOfCareDiagnosis, Patient, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { cweConceptOf } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, pathOf } from '../datatypes/datatype.ts';
import { eiIdentifierOf } from '../datatypes/ei-identifier.ts';
import { NM_POSITIVEINT, ST_STRING } from '../datatypes/id-primitive.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { among, SET_ID, segmentTable, valued } from '../segment-table.ts';
import { DIAGNOSIS_TYPE } from '../vocabulary/0052-diagnosis-type.ts';

/** Whose diagnosis, and what it is known by beside its code. */
export type DiagnosisContext = {
  readonly subject: Reference<Patient>;
  readonly encounter: Reference<Encounter> | undefined;
  readonly known: Identity;
};

/** A Condition, and how a visit and an episode name it. */
export type ReadDiagnosis = {
  readonly condition: Reference<Condition>;
  readonly ofEncounter: EncounterDiagnosis;
  readonly ofEpisode: EpisodeOfCareDiagnosis;
};

/** Undefined where DG1 names no diagnosis. */
export function dg1Condition(dg1: Segment, { subject, encounter, known }: DiagnosisContext, draft: Draft): ReadDiagnosis | undefined {
  const said = DG1_CONDITION(dg1, draft);
  const name = said.code?.coding?.[0]?.code ?? said.code?.text;
  if (name === undefined) return undefined;
  const resource: Condition = { resourceType: 'Condition', ...said, subject, ...(encounter ? { encounter } : {}) };
  const [number] = said.identifier ?? [];
  // The `1` of one message is not the `1` of another.
  const isNamed = valued('DG1-20.2')(dg1) || valued('DG1-20.3')(dg1);
  const own = number && isNamed ? identity('Condition', number.system as string, number.value as string) : identityOf(known, name);
  const before = draft.held(own) as Condition | undefined;
  if (before?.onsetDateTime && resource.onsetDateTime && before.onsetDateTime !== resource.onsetDateTime)
    draft.gap(
      pathOf({ segment: dg1, field: 5, component: 0, most: 1, draft }),
      'is not taken: a DG1 of the same number says otherwise',
      dg1.peek(5),
    );
  const condition = draft.add(resource, [own]);
  const { rank, use } = DG1_ENCOUNTER(dg1, draft);
  const ranked = rank === undefined ? {} : { rank };
  return {
    condition,
    ofEncounter: { condition, ...(use ? { use } : {}), ...ranked },
    ofEpisode: { condition, ...(use ? { role: use } : {}), ...ranked },
  };
}

function identityOf({ system, value }: Identity, name: string): Identity {
  return identity('Condition', 'urn:waystation:diagnosis-of', `${keyOf({ system, value })}|${name}`);
}

/** DG1-22: the diagnosis that this one comes from, by its number alone. */
const EI_CONDITION: Datatype<Reference<Condition>> = each((at, { draft, segment, field, component, most }) => {
  const [number] = eiIdentifierOf()({ segment, field, component, most, draft });
  return number && at(1) !== '' ? { identifier: number, type: 'Condition' } : undefined;
});

const IN_ERROR = each((at) =>
  at(1) === ''
    ? undefined
    : { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'entered-in-error' }] },
);

const HL7 = 'http://hl7.org/fhir/StructureDefinition';

/** Text in DG1-4 stands beside the code; DG1-21 D (HL7 Table 0206) takes the diagnosis back. */
const DG1_CONDITION = segmentTable<Condition>(
  [
    ['DG1-3', 'code', CWE_CODEABLECONCEPT],
    ['DG1-4', 'code.text', ST_STRING],
    ['DG1-5', 'onsetDateTime', DTM_DATETIME],
    ['DG1-16', 'asserter', XCN_PRACTITIONER],
    ['DG1-19', 'recordedDate', DTM_DATETIME],
    ['DG1-19', `extension[${HL7}/condition-assertedDate].valueDateTime`, DTM_DATETIME],
    ['DG1-20', 'identifier[]', eiIdentifierOf()],
    ['DG1-21', 'verificationStatus', IN_ERROR, among('DG1-21', 'D')],
    ['DG1-22', `extension[${HL7}/condition-dueTo].valueReference`, EI_CONDITION],
  ],
  { left: { 1: SET_ID, 2: 'names the coding method of old versions: DG1-3.3 says it' } },
);

const DG1_ENCOUNTER = segmentTable<EncounterDiagnosis>([
  ['DG1-6', 'use', cweConceptOf(DIAGNOSIS_TYPE)],
  ['DG1-15', 'rank', NM_POSITIVEINT],
]);
