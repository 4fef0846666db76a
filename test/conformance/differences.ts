import { RESULT_DIFFERENCES } from './result-differences.ts';

/**
 * Rows of the guide that are deliberately different here, and why. The key is table, source and target as the guide writes them; a `*`
 * stands for any rest. At most one row in twenty may be.
 */
/** Of a number. */
const ASSIGNER = 'who assigned a number is told by the name in its authority: an Organization known by that alone would be nobody’s';

/** Of a device named by a code. */
const DEFINITION = 'a DeviceDefinition of the same codes would say no more than the Device does';

export const DIFFERENCES: Readonly<Record<string, string>> = {
  'ORC[Provenance] ORC-9 recorded': 'recorded is when it was recorded here (an instant); ORC-9 is the date of the event of the request',
  'ORC[Provenance] ORC-9 occurredDateTime': 'MSH-7 is when the message was written; ORC-9 is the date of the event of the request',
  'OBR[ServiceRequest] OBR-11 intent':
    'add-on is no intent of R4: an order, whose code is kept beside it; order is there without OBR-11 too',
  'OBR[ServiceRequest] OBR-13 *': 'an extension of R5 with a type that R4 lacks: clinical information is reasonCode, where readers look',
  'OBR[ServiceRequest] OBR-17 *': 'one extension of the request, as ORC-14 is; the guide leaves the url open',
  'ORC[ServiceRequest] ORC-1 intent': 'order is there whatever ORC-1 says: R4 requires the element',
  'MSH[Bundle] *':
    'nothing is sent on as a FHIR message: the resources are written one by one, and the message is told by their Provenance',
  'MSH[Provenance-Source] MSH entity[1].what(DocumentReference*':
    'the message stays in the journal, named by its SHA-256: it is no document that others may read',
  'MSH[Provenance-Transformation] MSH entity[1].what(DocumentReference*':
    'the message stays in the journal, named by its SHA-256: it is no document that others may read',
  'MSH[Provenance-Source] MSH-7 recorded': 'recorded is when it was recorded here (an instant); MSH-7 is when it occurred',
  'MSH[Provenance-Transformation] MSH policy': 'no policy governs the transformation but the program itself',
  'PID[Patient] PID-19 identifier[4].type.coding.code':
    'SS or SB depends on the country, which PID-19 does not say: SS, social security number',
  'PID[Patient] PID-19 identifier[4].system': 'PID-19 names no authority: us-ssn would be a guess outside one country',
  'SFT[Device] type': 'the guide itself has found no code for software yet',
  'DG1[Condition] DG1-22 extension[2].valueReference(Condition)': 'DG1-22 is a number alone: a logical reference, no Condition made of it',
  'DG1[Encounter] DG1-22 *': 'DG1-22 is a number alone: a logical reference, no Condition made of it',
  'DG1[EpisodeOfCare] DG1-22 *': 'DG1-22 is a number alone: a logical reference, no Condition made of it',
  'IN1[Coverage] IN1-16 subscriber(Patient)': 'who is insured himself is the patient of the message: his name is in PID-5',
  'NK1[RelatedPerson] NK1-37 identifier[3].system': 'NK1-37 names no authority: us-ssn would be a guess outside one country',
  'NK1[RelatedPerson] NK1-37 identifier[3].type.coding.code':
    'SS or SB depends on the country, which NK1-37 does not say: SS, social security number',
  'PR1[Procedure] PR1-25 partOf(Procedure.identifier)': 'PR1-25 is a number alone: a logical reference, no Procedure made of it',
  'PRT[CareTeam] PRT-5 participant[2].member(RelatedPerson)':
    'the same field is read as Practitioner: a PRT of another role is a RelatedPerson',
  'PRT[CareTeam] PRT-14 participant[2].member(RelatedPerson.address)':
    'the same field is read as Practitioner: a PRT of another role is a RelatedPerson',
  'PRT[CareTeam] PRT-15 participant[2].member(RelatedPerson.telecom)':
    'the same field is read as Practitioner: a PRT of another role is a RelatedPerson',
  'PRT[Patient-GeneralPractitioner-PractitionerRole] PRT-2 Operation': 'no element: PRT-2 D leaves the person out, and is listed',
  'PRT[Patient-GeneralPractitioner-PractitionerRole] PRT-4 generalPractitioner(PractitionerRole.code)':
    'only PP is a general practitioner: no other code comes here',
  'PRT[RelatedPerson] PRT-4 relationship': 'PH is a pharmacist, who is of the care team and no relative',
  'ROL[CareTeam] ROL-4 participant.member(Patient[1])': 'the same field is read as Practitioner: ROL does not tell them apart',
  'ROL[CareTeam] ROL-4 participant.member(RelatedPerson[1])': 'the same field is read as Practitioner: ROL does not tell them apart',
  'ROL[Encounter-PractitionerRole] ROL-1 participant[1].individual.reference':
    'a reference is made here; the number is the identifier of the role',
  'ROL[Patient-GeneralPractitioner] ROL-3 generalPractitioner(PractitionerRole.code)':
    'only PP is a general practitioner: no other code comes here',
  ...RESULT_DIFFERENCES,
  'CWE[code] CWE.4 $value': 'a code of FHIR comes from the first code alone: the alternate one is of another system',
  'CWE[Identifier] CWE.2 [1].name': 'an Identifier has no name',
  'CWE[Identifier] CWE.5 [2].name': 'an Identifier has no name',
  'CWE[Identifier] CWE.11 [3].name': 'an Identifier has no name',
  'CWE[PractitionerRole] *': 'PRT-6 is what the person is qualified for (specialty, as in PRT[PractitionerRole]); the role is PRT-4',
  'CX[Identifier] CX.4 assigner(Organization)': ASSIGNER,
  'CX[RelatedPerson-Mother] CX.4 identifier.assigner(Organization)': ASSIGNER,
  'XCN[Practitioner] XCN.9 identifier[1].assigner(Organization)': ASSIGNER,
  'XCN[PractitionerRole] XCN.9 practitioner(Practioner.identifier[1].assigner(Organization))': ASSIGNER,
  'XON[Organization] XON.6 identifier[1].assigner(Organization)': ASSIGNER,
  'PL[Location] PL.11 *': ASSIGNER,
  'EI[Identifier-Organization] *': ASSIGNER,
  'PL[Location] PL.1 [4].location(Location.physicalType.coding.code)': 'the guide has found no code for a point of care: ward (wa)',
  'NDL[PractitionerRole] NDL.4 [1].physicalType.coding.code': 'the guide has found no code for a point of care: ward (wa)',
  'MSG[code] MSG.2 $this': 'tried with the status that the event gives (MSH[Encounter] MSH-9), code by code',
  'HD[MessageHeader.source-endpoint] HD.2 name':
    'a universal id of unknown kind is the endpoint itself, as in the guide’s own table of destinations',
  'HD[MessageHeader.destination-name] HD.2 name': 'the name is the namespace (HD.1); the universal id is the endpoint',
  'XTN[ContactPoint] XTN.3 system.extension-data-absent-reason':
    'a value needs a system (R4 cpt-2): a number of unsaid kind is a telephone’s',
  'PatientClass[EncounterStatus] U unknown': 'unknown is there whatever the class is: it says nothing of how far the stay is',
  'XON[Location] XON.6 identifier[1].assigner(Organization)': ASSIGNER,
  'EventReason U U': 'U is no reason: data-absent-reason unknown (EVN[Provenance] EVN-4)',
  'Event[EncounterStatus] A04 planned': 'A04 is a patient who has arrived (HL7 v2.5.1 §3.3.4): arrived',
  'Event[EncounterStatus] A08 unknown': 'an update says nothing of how far the stay is: the status stays as it was',
  'OrderControlCode[ServiceRequest.status] CA active': 'a cancelled order must not be claimed: revoked',
  'OrderControlCode[ServiceRequest.status] HD active': 'a held order must not be claimed: on-hold',
  'OrderControlCode[ServiceRequest.status] RQ active': 'a replacement that is only asked for changes nothing yet',
  'ORC[ServiceRequest] ORC-9 extension[2].url': 'one businessEvent holds the value (ORC-1) and its date, not two with half of it each',
  'CQ[decimal] CQ.1 $value': 'tried with its row of TQ1-13, for a duration needs both its parts',
  'CQ[code] CQ.2 $value': 'tried with its row of TQ1-13, for a duration needs both its parts',
  'CWE[Device] CWE.1 definition(DeviceDefinition.identifier[1].value)': DEFINITION,
  'CWE[Device] CWE.3 definition(DeviceDefinition.identifier[1].system)': DEFINITION,
  'CWE[Device] CWE.4 definition(DeviceDefinition.identifier[2].value)': DEFINITION,
  'CWE[Device] CWE.6 definition(DeviceDefinition.identifier[2].system)': DEFINITION,
  'CWE[Device] CWE.10 definition(DeviceDefinition.identifier[3].value)': DEFINITION,
  'CWE[Device] CWE.12 definition(DeviceDefinition.identifier[3].system)': DEFINITION,
  'CWE[Identifier] CWE.13 [3].system': 'CWE.13 is a version, and the system is CWE.12: an Identifier has no version',
  'PV1[Basic-EncounterHistory] *':
    'the prior temporary place is a completed location of the Encounter itself: nobody reads a Basic resource',
  'PV2[Encounter] PV2-12 text.div': 'a narrative is generated for people and compared with nothing: the words are a reason',
  'PV2[Encounter] PV2-22 meta.security': 'a security label is no boolean: Y is restricted (v3-Confidentiality R)',
};

/** Tables that are not this product. */
export const OUTSIDE: Readonly<Record<string, string>> = {
  'RXO[MedicationRequest]': 'pharmacy orders are listed and left',
};
