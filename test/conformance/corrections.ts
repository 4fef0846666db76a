/**
 * Slips of the guide, and what it says in words only: rows that are tried at the place, or for the value, that they mean. By table, source and
 * target as the guide writes them. `type` is the resource where another one has to hold the value.
 */
export type Correction = { readonly target?: string; readonly assignment?: string; readonly type?: string };

const ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';
/** When examine.ts receives its messages. */
const RECEIVED = '2026-03-02T07:15:01.000Z';
/** What is contained may have no security label (R4 dom-5): the Provenance around the header has it. */
const SECURITY: Correction = { type: 'Provenance', target: 'meta.security' };

export const CORRECTIONS: Readonly<Record<string, Correction>> = {
  // A value set stands where the code system goes.
  'ORC[ServiceRequest] ORC-1 extension[1].extension[1].valueCodeableConcept.coding.system': {
    assignment: 'http://terminology.hl7.org/CodeSystem/v2-0119',
  },
  // Bounds and duration are parts of Timing.repeat.
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
  // The mother is a RelatedPerson.
  'PID[Patient] PID-21 $this': { type: 'RelatedPerson', target: 'identifier' },
  // What the guide says in words.
  'MSH[Provenance-Transformation] MSH recorded': { assignment: RECEIVED },
  'MSH[Provenance-Transformation] MSH agent[1].who(Organization|Device)': { target: 'agent.who.display', assignment: 'Waystation' },
  'PID[Provenance-Patient] PID recorded': { assignment: RECEIVED },
  'PR1[Procedure] PR1 status': { assignment: 'unknown' },
  'EVN[Provenance] EVN activity.coding.display': { assignment: 'message - ADT^A01^ADT_A01' },
};
