/**
 * PV2 to Encounter (HL7 v2.5.1 §3.4.4; guide: PV2[Encounter]).
 * In: the segment. Out: members of the Encounter that its PV1 makes. Days of PV2-11 are a Duration.
 * Deviation: the guide writes PV2-12 into the narrative, which is generated for people and compared with nothing; here it is a reason in words.
 */
import type { Duration, Encounter, EncounterParticipant } from '@medplum/fhirtypes';
import { cweConceptIn, cweConceptOf } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, pathOf, wrapped } from '../datatypes/datatype.ts';
import { PL_LOCATION } from '../datatypes/pl-location.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import { among, segmentTable } from '../segment-table.ts';
import { VISIT_PRIORITY } from '../vocabulary/0217-encounter-priority.ts';

const REFERRER: Datatype<EncounterParticipant> = wrapped(XCN_PRACTITIONER, (individual) => ({
  type: [
    {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'REF', display: 'referrer' }],
      text: 'referrer',
    },
  ],
  individual,
}));

/** Actual length of stay, in days. */
const NM_DAYS: Datatype<Duration> = each((at, source) => {
  const text = at(1);
  if (text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return { value: Number(text), unit: 'day', system: 'http://unitsofmeasure.org', code: 'd' };
  source.draft.gap(pathOf(source), 'is no number of days', text);
  return undefined;
});

const ST_CODEABLECONCEPT = each((at) => (at(1) === '' ? undefined : { text: at(1) }));
/** PV2-22 Y: the visit is protected. */
const PROTECTED = each(() => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R', display: 'restricted' }));
const R5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter';

export const PV2_ENCOUNTER = segmentTable<Encounter>([
  ['PV2-1', 'location[]', wrapped(PL_LOCATION, (location) => ({ location, status: 'planned' as const }))],
  ['PV2-3', 'reasonCode[]', CWE_CODEABLECONCEPT],
  ['PV2-8', `extension[${R5}.plannedStartDate].valueDateTime`, DTM_DATETIME],
  ['PV2-9', `extension[${R5}.plannedEndDate].valueDateTime`, DTM_DATETIME],
  ['PV2-11', 'length', NM_DAYS],
  ['PV2-12', 'reasonCode[]', ST_CODEABLECONCEPT],
  ['PV2-13', 'participant[]', REFERRER],
  ['PV2-22', 'meta.security[]', PROTECTED, among('PV2-22', 'Y')],
  ['PV2-25', 'priority', cweConceptOf(VISIT_PRIORITY)],
  [
    'PV2-38',
    'extension[http://hl7.org/fhir/StructureDefinition/encounter-modeOfArrival].valueCoding',
    wrapped(cweConceptIn('http://terminology.hl7.org/CodeSystem/v2-0430'), ({ coding }) => coding?.[0]),
  ],
]);
