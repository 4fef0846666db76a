/** Rows of results and documents that are deliberately different (differences.ts). */
const OBSERVER = 'the element says it already: a role would be a resource more, and hide results from a search by Practitioner';
const FILE = 'the file stands in the observation itself: a document of its own would be the same file twice';
const PLAIN = 'nobody opens that type: plain text, in which formatting commands have become line ends';

export const RESULT_DIFFERENCES: Readonly<Record<string, string>> = {
  'OBX[Observation] OBX-16 *': OBSERVER,
  'OBX[Observation-Component] OBX-16 *': OBSERVER,
  'OBX[Observation] OBX-15 performer[2](PractitionerRole)': 'the same field is read as Organization: a producer is no person',
  'OBX[Observation-Component] OBX-5 component[each].valueString': 'repetitions of a text are its lines: one text',
  'OBX[Observation-Component] OBX-5 derivedFrom(DocumentReference)': FILE,
  'OBX[DocumentReference] OBX-5 content[2].contentType': PLAIN,
  'OBX[DocumentReference] OBX-5 content[4].contentType': PLAIN,
  'NTE[DocumentReference] NTE-3 content[2].contentType': PLAIN,
  'OBR[Specimen] OBR-2 accessionIdentifier': 'the number of an order is no accession number of a specimen',
  'OBR[Specimen] OBR-13 collection.fastingStatusDuration': 'OBR-13 has codes and words, and no duration',
  'SN[Quantity] extension*': 'a number with something behind it that is no range and no ratio is another number: text',
  'TXA[Provenance] TXA agent[2].role[1].coding[1].code': 'who wrote the document is its author (AUT), no recipient of it',
};
