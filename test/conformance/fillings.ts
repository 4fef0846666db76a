/**
 * What else a row needs in its message: conditions that the guide words in its own way, and what a value cannot do without. By table, source
 * and target as the guide writes them; places are fields of the message, or components (`.4`) of the field that a datatype stands in.
 */
export const FILLINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...alternates('CWE'),
  ...alternates('CF'),
  ...alternates('CNE'),
  'CE[CodeableConcept] CE.5 coding[2].display': { '.4': 'B' },
  'CE[CodeableConcept] CE.6 coding[2].system': { '.4': 'B' },
  'ORC[ServiceRequest] ORC-4 identifier[3].value': { 'ORC-4': 'P&NS^QZX7&NS' },
  'ORC[ServiceRequest] ORC-4 identifier[3].type.coding.code': { 'ORC-4': 'P&NS^QZX7&NS' },
  'ORC[ServiceRequest] ORC-4 identifier[3].type.coding.system': { 'ORC-4': 'P&NS^QZX7&NS' },
  'ORC[ServiceRequest] ORC-7 $this': { 'ORC-7': '^^^20191103041526+0100' },
  'OBR[ServiceRequest] OBR-27 $this': { 'OBR-27': '^^^20191103041526+0100' },
  'ORC[ServiceRequest] ORC-12 requester(PractitionerRole.practitioner)': { 'ORC-21': 'Clinic^L' },
  'ORC[ServiceRequest] ORC-21 requester(PractitionerRole.organization(Organization))': { 'ORC-12': 'D1^Doe^^^^^^^NS' },
  'ORC[ServiceRequest] ORC-22 requester(PractitionerRole.organization(Organization.address))': {
    'ORC-12': 'D1^Doe^^^^^^^NS',
    'ORC-21': 'Clinic^L',
  },
  'ORC[ServiceRequest] ORC-23 requester(PractitionerRole.organization(Organization.telecom))': {
    'ORC-12': 'D1^Doe^^^^^^^NS',
    'ORC-21': 'Clinic^L',
  },
  'ORC[ServiceRequest] ORC-24 requester(PractitionerRole.practitioner(Practitioner.address))': {
    'ORC-12': 'D1^Doe^^^^^^^NS',
    'ORC-21': 'Clinic^L',
  },
  'ORC[Provenance] ORC-24 *': { 'ORC-12': 'D1^Doe^^^^^^^NS' },
  'ORC[Provenance] ORC-17 agent[1].onBehalfOf(Organization)': { 'ORC-10': 'D1^Doe^^^^^^^NS' },
  'NTE[Observation] NTE-5 note.authorReference(Practitioner)': { 'NTE-3': 'Words' },
  'NTE[Observation] NTE-6 note.time': { 'NTE-3': 'Words' },
  'TQ1[ServiceRequest] TQ1-3 occurrenceTiming': { 'TQ1-3': 'QZX7' },
  'TQ1[ServiceRequest] TQ1-5 occurrenceTIming.repeat.offset': { 'TQ1-3': '^^^^^^^AC', 'TQ1-5': '7391^min' },
  'TQ1[ServiceRequest] TQ1-6 occurrenceTiming.boundsDuration': { 'TQ1-6': '7391^min' },
  'TQ1[ServiceRequest] TQ1-6 occurrenceTiming.boundsPeriod.end': { 'TQ1-3': 'QD', 'TQ1-6': '2^d', 'TQ1-7': '20191101' },
  'TQ1[ServiceRequest] TQ1-6 occurrenceTiming.boundsPeriod.start': { 'TQ1-3': 'QD', 'TQ1-6': '2^d', 'TQ1-8': '20191105' },
  'TQ1[ServiceRequest] TQ1-7 occurrenceTiming.repeat.boundsPeriod.start': { 'TQ1-3': 'QD' },
  'TQ1[ServiceRequest] TQ1-8 occurrenceTiming.repeat.boundsPeriod.end': { 'TQ1-3': 'QD' },
  'TQ1[ServiceRequest] TQ1-13 *': { 'TQ1-13': '7391^min' },
  'DG1[Condition] DG1-21 *': { 'DG1-21': 'D' },
  'DG1[Encounter] DG1-21 *': { 'DG1-21': 'D' },
  'DG1[EpisodeOfCare] DG1-21 *': { 'DG1-21': 'D', 'PV1-54': 'E1^^^AUTH' },
  'PRT[PractitionerRole] PRT-23 *': { 'PRT-15': '^^^^49^30^7' },
  'PRT[RelatedPerson] PRT-23 *': { 'PRT-15': '^^^^49^30^7' },
  'PRT[CareTeam] PRT-8 participant.member(Organization)': { 'PRT-5': '', 'PRT-6': '' },
  'PRT[CareTeam] PRT-14 participant.member(Organization.address)': { 'PRT-5': '', 'PRT-6': '', 'PRT-8': 'Org^L' },
  'PRT[CareTeam] PRT-15 participant.member(Organization.telecom)': { 'PRT-5': '', 'PRT-6': '', 'PRT-8': 'Org^L' },
  'PRT[PractitionerRole] PRT-7 organization(Organization.type)': { 'PRT-8': 'Org^L' },
  'PRT[Observation-Location] *': { 'PRT-5': '', 'PRT-10': '' },
  'DG1[EpisodeOfCare] *': { 'PV1-54': 'E1^^^AUTH' },
  'EVN[Provenance] EVN-4 reason.*': { 'EVN-4': 'U' },
  'IN1[Coverage] IN1-10 extension*': { 'IN1-10': 'QZX7^^^AUTH^SN' },
  'IN1[Coverage] IN1-16 subscriber(Patient)': { 'IN1-16': '', 'IN1-17': 'SEL', 'PID-5': 'QZX7' },
  'PID[Provenance-Patient] *': { 'PID-33': '20191103041526+0100', 'PID-34': 'QZX7' },
  'MSH[Encounter] MSH-9 status': { 'MSH-9': 'ADT^A11^ADT_A09' },
  'MSH[MessageHeader] MSH-9 eventCoding': { 'MSH-9': 'ADT^A11^QZX7' },
  'MSH[Provenance-Source] MSH-9 activity.coding.display': { 'MSH-9': 'ADT^A11^QZX7' },
  'MSH[MessageHeader] MSH-11 meta': { 'MSH-11': 'P^QZX7' },
  'PR1[Procedure] PR1-7 performedPeriod.end': { 'PR1-5': '20191029012526+0100', 'PR1-7': '7391' },
  'NK1[Patient] NK1-6 contact.telecom[2].use': { 'NK1-6': '^^^^49^30^7' },
  'NK1[RelatedPerson] NK1-6 telecom[2].use': { 'NK1-6': '^^^^49^30^7' },
  'PID[Account] PID status': { 'PID-18': 'A1^^^AUTH' },
  'MSH[MessageHeader] MSH-24 source.endpoint.extension*': { 'MSH-24': '' },
  'MSH[MessageHeader] MSH-25 destination[1].endpoint.extension*': { 'MSH-25': '', 'MSH-5': 'X' },
  'PR1[Procedure] PR1-5 performedDateTime': { 'PR1-7': '' },
  'PRT[CareTeam] PRT-14 participant.onBehalfOf(Organization.address)': { 'PRT-8': 'Org^L' },
  'PRT[CareTeam] PRT-15 participant.onBehalfOf(Organization.telecom)': { 'PRT-8': 'Org^L' },
  'PRT[Device] PRT-10 udiCarrier[1]': { 'PRT-10': '(01)00012345678905QZX7' },
  'ROL[Patient-GeneralPractitioner] ROL-11 generalPractitioner(PractitionerRole.location(Location.address))': {
    'ROL-11': 'QZX7 Street^^City^^^^O',
  },
  'ROL[Patient-GeneralPractitioner] ROL-11 generalPractitioner(PractitionerRole.organization.(Organization.address))': {
    'ROL-11': 'QZX7 Street^^City^^^^B',
    'ROL-14': 'Org^L',
  },
  'MRG[Account] MRG status': { 'MRG-3': 'A9^^^AUTH' },
  'MSH[Provenance-Source] MSH-3 *': { 'MSH-3': 'QZX7', 'MSH-24': 'X^Y^DNS' },
  'EVN[Provenance] EVN-4 reason': { 'EVN-4': '01' },
  'MSH[MessageHeader] MSH-3 source[1].endpoint': { 'MSH-3': 'X^QZX7^DNS' },
  'MSH[MessageHeader] MSH-5 destination[1].endpoint': { 'MSH-5': 'X^QZX7^DNS' },
  'MSH[MessageHeader] MSH-17 sender(Organization.address.country)': { 'MSH-4': 'HOSPITAL' },
  'SFT[Device] SFT-6 version.extension[1].url': { 'SFT-2': '1.0' },
  'SFT[Device] SFT-6 version.extension[1].valueDateTime': { 'SFT-2': '1.0' },
  'PV1[Encounter] PV1-19 identifier[1].type.coding.code': { 'PV1-19': 'V7^^^AUTH' },
  'PV1[Encounter] PV1-53 episodeOfCare(EpisodeOfCare[1].extension.url)': { 'PV1-54': 'E1^^^AUTH' },
  'PV1[Encounter] PV1-53 episodeOfCare(EpisodeOfCare[1].extension.valueString)': { 'PV1-54': 'E1^^^AUTH' },
  'PID[Patient] PID-7 birthDate.extension[1].url': { 'PID-7': '20191103041526+0100' },
  'PID[Patient] PID-7 birthDate.extension[1].valueDateTime': { 'PID-7': '20191103041526+0100' },
  'PID[Patient] PID-12 address[1].district': { 'PID-11': 'Street' },
  'PID[Patient] PID-12 address[2].district': { 'PID-11': 'Street~Lane' },
};

/** A display, a system or a version needs its code. */
function alternates(type: string): Record<string, Record<string, string>> {
  const rows = [5, 6, 8].map((component) => [component, 2, '.4'] as const);
  const second = [11, 12, 13].map((component) => [component, 3, '.10'] as const);
  const element: Record<number, string> = { 5: 'display', 6: 'system', 8: 'version', 11: 'display', 12: 'system', 13: 'version' };
  return Object.fromEntries(
    [...rows, ...second].map(([component, coding, code]) => [
      `${type}[CodeableConcept] ${type}.${component} coding[${coding}].${element[component]}`,
      { [code]: 'B' },
    ]),
  );
}
