/**
 * Rows of the guide that are deliberately different here, and why. The key is table, source and target as the guide writes them; a `*`
 * stands for any rest. At most one row in twenty may be.
 */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  'MSH[Bundle] *':
    'nothing is sent on as a FHIR message: the resources are written one by one, and the message is told by their Provenance',
  'MSH[MessageHeader] MSH-8 meta.security': 'what is contained may have no security label (R4 dom-5): the Provenance around it has it',
  'MSH[MessageHeader] MSH-26 meta.security[2]': 'what is contained may have no security label (R4 dom-5): the Provenance around it has it',
  'MSH[MessageHeader] MSH-27 meta.security[2]': 'what is contained may have no security label (R4 dom-5): the Provenance around it has it',
  'MSH[MessageHeader] MSH-24 source.endpoint.extension.url':
    'the guide names a page (…/R4/extension-data-absent-reason.html) where the extension has its canonical url',
  'MSH[MessageHeader] MSH-25 destination[1].endpoint.extension.url':
    'the guide names a page (…/R4/extension-data-absent-reason.html) where the extension has its canonical url',
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
  'PV1[Basic-EncounterHistory] *':
    'the prior temporary place is a completed location of the Encounter itself: nobody reads a Basic resource',
  'PV1[Encounter] PV1-8 participant[2].individual(Practitioner)':
    'a slip of the guide: a code system stands where the person goes; the person is there',
  'PV1[Encounter] PV1-42 location[4].location(Location)': 'a slip of the guide: the status stands where the place goes; both are there',
  'PV2[Encounter] PV2-9 extension[2].url': 'a slip of the guide: its url holds a backslash; the extension is there under the right one',
  'PV2[Encounter] PV2-12 text.div': 'a narrative is generated for people and compared with nothing: the words are a reason',
  'PV2[Encounter] PV2-22 meta.security': 'a security label is no boolean: Y is restricted (v3-Confidentiality R)',
};

/** Tables that are not this product. */
export const OUTSIDE: Readonly<Record<string, string>> = {
  'RXO[MedicationRequest]': 'pharmacy orders are listed and left',
};
