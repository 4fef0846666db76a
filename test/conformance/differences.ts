/**
 * Rows of the guide that are deliberately different here, and why. The key is table, source and target as the guide writes them; a `*`
 * stands for any rest. At most one row in twenty may be.
 */
export const DIFFERENCES: Readonly<Record<string, string>> = {
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
