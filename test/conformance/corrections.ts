/**
 * Slips of the guide, and what it says in words only: rows that are tried at the place, or for the value, that they mean. By table, source and
 * target as the guide writes them. `type` is the resource where another one has to hold the value.
 */
import { RESULT_CORRECTIONS } from './result-corrections.ts';

export type Correction = { readonly target?: string; readonly assignment?: string; readonly type?: string };

const ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';
/** When examine.ts receives its messages. */
const RECEIVED = '2026-03-02T07:15:01.000Z';
const ASSEMBLY = 'http://hl7.org/fhir/StructureDefinition/humanname-assembly-order';
const SUB_ID: Correction = { target: 'extension.url', assignment: 'http://hl7.org/fhir/StructureDefinition/observation-v2-subid' };
/** What is contained may have no security label (R4 dom-5): the Provenance around the header has it. */
const SECURITY: Correction = { type: 'Provenance', target: 'meta.security' };

export const CORRECTIONS: Readonly<Record<string, Correction>> = {
  ...RESULT_CORRECTIONS,
  // A value set stands where the code system goes.
  'ORC[ServiceRequest] ORC-1 extension[1].extension[1].valueCodeableConcept.coding.system': {
    assignment: 'http://terminology.hl7.org/CodeSystem/v2-0119',
  },
  // Bounds and duration are parts of Timing.repeat.
  'CWE[Device] CWE.2 deviceName[1].type': { assignment: 'user-friendly-name' },
  'CWE[Device] CWE.5 deviceName[2].type': { assignment: 'user-friendly-name' },
  'CWE[Device] CWE.11 deviceName[3].type': { assignment: 'user-friendly-name' },
  'CWE[Device] CWE.9 deviceName[4].type': { assignment: 'user-friendly-name' },
  'TQ[ServiceRequest] TQ.3 occurenceTiming.repeat.boundsDuration.value': { target: 'occurrenceTiming.repeat.boundsDuration.value' },
  'TQ[ServiceRequest] TQ.3 occurenceTiming.repeat.boundsDuration.unit': {
    target: 'occurrenceTiming.repeat.boundsDuration.unit',
    assignment: 'd',
  },
  'TQ[ServiceRequest] TQ.3 occurenceTiming.repeat.boundsDuration.system': {
    target: 'occurrenceTiming.repeat.boundsDuration.system',
    assignment: 'http://unitsofmeasure.org',
  },
  'RPT[Timing] RPT.3 repeat.dayOfWeek[1]': { assignment: 'mon' },
  'RPT[Timing] RPT.4 repeat.dayOfWeek[2]': { assignment: 'tue' },
  'RPT[Timing] RPT.6 repeat.periodUnit': { assignment: 'wk' },
  'TQ1[ServiceRequest] TQ1-6 occurrenceTiming.boundsDuration': { target: 'occurrenceTiming.repeat.boundsDuration' },
  'TQ1[ServiceRequest] TQ1-6 occurrenceTiming.boundsPeriod.end': {
    target: 'occurrenceTiming.repeat.boundsPeriod.end',
    assignment: '2019-11-03',
  },
  'TQ1[ServiceRequest] TQ1-6 occurrenceTiming.boundsPeriod.start': {
    target: 'occurrenceTiming.repeat.boundsPeriod.start',
    assignment: '2019-11-03',
  },
  'TQ1[ServiceRequest] TQ1-13 occurrenceTiming.duration': { target: 'occurrenceTiming.repeat.duration' },
  'TQ1[ServiceRequest] TQ1-13 occurrenceTiming.durationUnit': { target: 'occurrenceTiming.repeat.durationUnit', assignment: 'min' },
  // A code system stands where the person goes.
  'PV1[Encounter] PV1-8 participant[2].individual(Practitioner)': { assignment: '' },
  // The status stands in the row of the place.
  'PV1[Encounter] PV1-42 location[4].location(Location)': { assignment: '' },
  'PV1[Encounter] PV1-42 location[4].status': { assignment: 'reserved' },
  // A backslash in the url.
  'PV2[Encounter] PV2-9 extension[2].url': { assignment: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter.plannedEndDate' },
  // A page instead of the canonical url of the extension.
  'DG1[Condition] DG1-19 extension[1].url': { assignment: 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate' },
  'MSH[MessageHeader] MSH-24 source.endpoint.extension.url': { assignment: ABSENT },
  'MSH[MessageHeader] MSH-25 destination[1].endpoint.extension.url': { assignment: ABSENT },
  // coding.value and coding.uri are coding.code and coding.system.
  'IN3[CareTeam] IN3-21 participant.role.coding.value': { target: 'participant.role.coding.code' },
  'PR1[Procedure] PR1-8 performer[1].function.coding.uri': { target: 'performer.function.coding.system' },
  'PR1[Procedure] PR1-11 performer[2].function.coding.uri': { target: 'performer.function.coding.system' },
  'PR1[Procedure] PR1-16 code[1].value': { target: 'code.coding.code' },
  // A code, no concept.
  'EVN[Provenance] EVN-4 reason.extension[1].valueCodeableConcept': { target: 'reason.extension.valueCode' },
  // PractitionerRole has no address.
  'PRT[CareTeam] PRT-14 participant[3].member(PractitionerRole.address)': {
    target: 'participant.member(PractitionerRole.practitioner(Practitioner.address))',
  },
  'MSH[MessageHeader] MSH-8 meta.security': SECURITY,
  'MSH[MessageHeader] MSH-26 meta.security[2]': SECURITY,
  'MSH[MessageHeader] MSH-27 meta.security[2]': SECURITY,
  // Extensions on the name itself, and their canonical url.
  'XCN[Practitioner] XCN.18 name.family.extension.url': { target: 'name.extension.url', assignment: ASSEMBLY },
  'XCN[Practitioner] XCN.18 name.family.extension.valueCode': { target: 'name.extension.valueCode' },
  'XCN[RelatedPerson] XCN.18 name.family.extension.url': { target: 'name.extension.url', assignment: ASSEMBLY },
  'XCN[RelatedPerson] XCN.18 name.family.extension.valueCode': { target: 'name.extension.valueCode' },
  'XCN[PractitionerRole] XCN.18 practitioner(Practitioner.name.family.extension.url)': {
    target: 'practitioner(Practitioner.name.extension.url)',
    assignment: ASSEMBLY,
  },
  'XCN[PractitionerRole] XCN.18 practitioner(Practitioner.name.family.extension.valueCode)': {
    target: 'practitioner(Practitioner.name.extension.valueCode)',
  },
  'XAD[Address] XAD.7 extension[2].uri': { target: 'extension.url', assignment: 'http://hl7.org/fhir/StructureDefinition/alternate-codes' },
  'XAD[Address] XAD.7 extension[2].valueCodeableConcept.coding.value': { target: 'extension.valueCodeableConcept.coding.code' },
  'XAD[Address] XAD.10 extension[3].valueCode': { target: 'extension.valueString' },
  'CNE[CodeableConcept] CNE.13 coding[3.version': { target: 'coding.version' },
  'DLN[Identifier] DLN.1 type.coding.sytem': { target: 'type.coding.system' },
  'XCN[PractitionerRole] XCN.9 practitioner(Practioner.identifier[1].system)': { target: 'practitioner(Practitioner.identifier.system)' },
  'NM[Quantity-LengthOfStay] NM.1 unit': { assignment: 'day' },
  'NM[Quantity-LengthOfStay] NM.1 system': { assignment: 'http://unitsofmeasure.org' },
  'HD[MessageHeader.source-endpoint] HD.3 endpoint.extension[1].url': { assignment: ABSENT },
  'CX[RelatedPerson-Mother] relationship[1].coding[1].code': { assignment: 'MTH' },
  'CX[RelatedPerson-Mother] relationship[1].coding[1].system': { assignment: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode' },
  'OG[Extension-Subidentifier] OG.1 extension[1]:group.url': SUB_ID,
  'OG[Extension-Subidentifier] OG.2 extension[1]:group.url': SUB_ID,
  'OG[Extension-Subidentifier] OG.3 extension[1]:group.url': SUB_ID,
  'OG[Extension-Subidentifier] OG.4 extension[1]:group.url': SUB_ID,
  'OG[Extension-Subidentifier] OG.1 extension[1]:orginal-sub-identiier.valueString': { target: 'extension.extension.valueString' },
  'OG[Extension-Subidentifier] OG.2 extension[1]:group.valueDecimal': { target: 'extension.extension.valueDecimal' },
  'OG[Extension-Subidentifier] OG.3 extension[1]:group.valueDecimal': { target: 'extension.extension.valueDecimal' },
  'OG[Extension-Subidentifier] OG.4 extension[1]:identifier.valueString': { target: 'extension.extension.valueString' },
  'MSG[Coding] MSG.2 code': { assignment: 'A01' },
  'XAD[Address] XAD.7 extension[1].valueCode': { assignment: 'HV' },
  'EI[Device-udiCarrier] EI.1 udiCarrier.deviceIdentifier': { target: 'deviceIdentifier' },
  'CX[RelatedPerson-Mother] patient(Patient.identifier)': { assignment: '4711' },
  // The mother is a RelatedPerson.
  'PID[Patient] PID-21 $this': { type: 'RelatedPerson', target: 'identifier' },
  // What the guide says in words.
  'MSH[Provenance-Transformation] MSH recorded': { assignment: RECEIVED },
  'MSH[Provenance-Transformation] MSH agent[1].who(Organization|Device)': { target: 'agent.who.display', assignment: 'Waystation' },
  'PID[Provenance-Patient] PID recorded': { assignment: RECEIVED },
  'PR1[Procedure] PR1 status': { assignment: 'unknown' },
  'EVN[Provenance] EVN activity.coding.display': { assignment: 'message - ADT^A01^ADT_A01' },
};
