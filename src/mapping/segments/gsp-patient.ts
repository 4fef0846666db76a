/**
 * GSP to Patient: gender identity and pronouns (HL7 v2.9.1 §3.3, GSP; the guide has no map of it). In: the segment. Out: extensions
 * individual-genderIdentity and individual-pronouns of HL7's extensions pack, as its GSP-4 says. Other concepts (sexual orientation) have none,
 * and are listed.
 */
import type { Extension } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { DR_PERIOD } from '../datatypes/dr-period.ts';
import { TX_STRING } from '../datatypes/tx-string.ts';
import type { Draft } from '../draft.ts';
import { SET_ID, segmentTable } from '../segment-table.ts';
import { declaredExtension, type Extended, SNAPSHOT_NUMBER } from './declared-extension.ts';

const HL7 = 'http://hl7.org/fhir/StructureDefinition';

export function gspPatient(gsp: Segment, draft: Draft): Extension[] {
  const concept = CONCEPTS.get(gsp.peek(4).trim());
  if (!concept || !['', 'LN'].includes(gsp.peek(4, 3).trim())) return [];
  for (const component of [1, 3]) gsp.get(4, component);
  if (concept.names.includes(gsp.peek(4, 2).trim().toLowerCase())) gsp.get(4, 2);
  const declared = declaredExtension(gsp, { table: concept.table, url: concept.url, value: 5 }, draft);
  // A time alone says nothing of a person.
  return declared.filter(({ id, extension }) => extension?.some(({ url }) => url === 'value') || (id !== undefined && !extension));
}

const gspTable = (url: string) =>
  segmentTable<Extended>(
    [
      ['GSP-5', `extension[${url}].extension[value].valueCodeableConcept`, CWE_CODEABLECONCEPT],
      ['GSP-6', `extension[${url}].extension[period].valuePeriod`, DR_PERIOD],
      ['GSP-7', `extension[${url}].extension[comment].valueString`, TX_STRING],
    ],
    { left: { 1: SET_ID, 3: SNAPSHOT_NUMBER } },
  );

const conceptOf = (url: string, ...names: readonly string[]) => ({ url, names, table: gspTable(url) });

/** HL7 Table 0820, gender harmony concepts: LOINC codes, and what they are called. */
const CONCEPTS: ReadonlyMap<string, ReturnType<typeof conceptOf>> = new Map([
  ['76691-5', conceptOf(`${HL7}/individual-genderIdentity`, '', 'gender identity')],
  ['90778-2', conceptOf(`${HL7}/individual-pronouns`, '', 'personal pronouns - reported', 'personal pronouns – reported')],
]);
