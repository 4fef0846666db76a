/** Rows of results and documents that are tried at what they mean (corrections.ts). */
import type { Correction } from './corrections.ts';

const HL7 = 'http://terminology.hl7.org/CodeSystem';
const PARTICIPATION: Correction = { assignment: `${HL7}/v3-ParticipationType` };
const NOTE = Buffer.from('QZX7-Words-L').toString('base64');

export const RESULT_CORRECTIONS: Readonly<Record<string, Correction>> = {
  // The guide leaves the url and the system open, or has a StructureDefinition where a code system goes.
  ...both('OBX-19 extension[1].url', { assignment: 'http://hl7.org/fhir/StructureDefinition/observation-analysis-date-time' }),
  ...both('OBX-19 extension[2].url', { assignment: 'http://hl7.org/fhir/StructureDefinition/observation-analysis-date-time' }),
  ...both('OBX-29 category[1].coding.system', { assignment: `${HL7}/v2-0936` }),
  ...both('OBX-30 extension[2].valueCodeableConcept.coding.system', { assignment: `${HL7}/v2-0937` }),
  // A Group of R4 cannot hold a Specimen.
  ...both('OBX-33 extension[1].valueReference(Group.member.entity(Specimen.identifier[1])', {
    target: 'extension.valueReference(Specimen.identifier)',
  }),
  ...both('OBX-33 extension[2].valueReference(Group.member.entity(Specimen.identifier[2]))', {
    target: 'extension.valueReference(Specimen.identifier)',
  }),
  // coding.value is coding.code.
  'OBX[Observation-Component] OBX-25 performer[2](PractitionerRole.code.coding.value)': {
    target: 'performer(PractitionerRole.code.coding.code)',
  },
  // A DocumentReference has its data and its address in an attachment.
  'OBX[DocumentReference] OBX-5 content[2].data': { target: 'content.attachment.data' },
  'OBX[DocumentReference] OBX-5 content[3].url': { target: 'content.attachment.url' },
  'OBX[DocumentReference] OBX-5 content[4].data': { target: 'content.attachment.data' },
  'NTE[DocumentReference] NTE-9 content[2].attachment.data': { assignment: NOTE },
  // OBR-13 is the fasting status where it is a code of it.
  'OBR[Specimen] OBR-13 collection.fastingStatusCodeableConcept': {
    target: 'collection.fastingStatusCodeableConcept.coding.code',
    assignment: 'F',
  },
  'CQ[code] CQ.2 $value': { assignment: 'min' },
  'SN[Ratio] SN.1 numerator.comparator': { assignment: '<' },
  'SN[Quantity] SN.1 comparator': { assignment: '<' },
  'NA[SampledData] dimensions': { assignment: '2' },
  'NA[SampledData] NA.1 data': { assignment: '7391 7392' },
  // Parts of the Quantity that there is.
  'CWE[Quantity] CWE.1 Quantity.code': { target: 'code' },
  'CWE[Quantity] CWE.1 Quantity.unit': { target: 'unit' },
  'CWE[Quantity] CWE.2 Quantity.unit': { target: 'unit' },
  'CWE[Quantity] CWE.3 Quantity.system': { target: 'system' },
  // The bytes are in the Binary that the attachment names.
  'ED[Attachment] ED.5 data': { target: '$this' },
  // Type and subtype.
  'RP[Attachment] RP.3 contentType': { assignment: 'application/x-test' },
  // The text stands in the row that uses it.
  'ST[CodeableConcept] ST.1 text': { target: '$this' },
  // The type that the guide leaves open.
  'SPM[Specimen] SPM-32 identifier[3].type.coding.code': { assignment: 'SHIP' },
  // A type of content instead of the code of HL7 Table 0191.
  'TXA[DocumentReference] TXA-3 content.attachment.contentType': { assignment: 'application/pdf' },
  'TXA[DocumentReference] TXA-19 status.extension[1].valueCodeableConcept': {
    target: 'status.extension.valueCodeableConcept.coding.code',
    assignment: 'CA',
  },
  // A code of R4 for a status of R4.
  ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`NDL[PractitionerRole] NDL.8 [${n}].status`, { assignment: 'active' }])),
  // A page where the code system goes.
  'TXA[Provenance] TXA agent[1].role[1].coding[1].system': PARTICIPATION,
  'TXA[Provenance] TXA agent[2].role[1].coding[1].system': PARTICIPATION,
};

function both(row: string, correction: Correction): Record<string, Correction> {
  return { [`OBX[Observation] ${row}`]: correction, [`OBX[Observation-Component] ${row}`]: correction };
}
