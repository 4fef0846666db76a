/**
 * What rows of results and documents need in their message besides what they say themselves (fillings.ts). Several rows for OBX-5 differ in
 * their condition alone: then it stands behind the target.
 */
export const RESULT_FILLINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...values('OBX[Observation] OBX-5 ', (value) => value),
  'OBX[Observation] OBX-5 valueQuantity.value': { 'OBX-5': '7391' },
  'OBX[Observation] OBX-5 valueSampedData': { 'OBX-5': '7391^7392' },
  ...units('OBX[Observation] OBX-6 ', (value) => value),
  'OBX[Observation] OBX-6 valueQuantity[1] IF OBX-2 IN ("NA", "NM")': { 'OBX-2': 'NM', 'OBX-5': '1' },
  ...values('OBX[Observation-Component] OBX-5 component[each].', (value) => `${value}~${value}`),
  // Of any other type: EI here.
  'OBX[Observation-Component] OBX-5 component[each].valueString ': { 'OBX-2': 'EI', 'OBX-5': 'A~QZX7' },
  'OBX[Observation-Component] OBX-5 component[each].valueQuantity': { 'OBX-5': '1~7391' },
  'OBX[Observation-Component] OBX-5 component[each].valueCodeableConcept': { 'OBX-5': 'A~QZX7^Words^L' },
  ...units('OBX[Observation-Component] OBX-6 component[each].', (value) => `${value}~${value}`),
  'OBX[Observation-Component] OBX-6 component[each].valueQuantity': { 'OBX-2': 'NM', 'OBX-5': '1~2' },
  'OBX[Observation-Component] OBX-3 component[each].code': { 'OBX-2': 'NM', 'OBX-5': '1~2' },
  'OBX[Observation-Component] OBX-7 component[each].referenceRange.text': { 'OBX-2': 'NM', 'OBX-5': '1~2' },
  ...both('OBX-11 dataAbsentReason*', { 'OBX-5': '' }),
  ...both('OBX-24 performer[2](Organization.address)', { 'OBX-23': 'Laboratory^L' }),
  ...both('OBX-33 extension*', { 'OBX-33': 'QZX7&NS^QZX7F&NS~S2&NS' }),
  ...both('OBX-33 specimen*', { 'OBX-33': 'QZX7&NS^QZX7F&NS' }),
  'OBX[Observation] OBX-24 performer[2](PractitionerRole[1].organization(Organization.address))': {
    'OBX-23': 'Laboratory^L',
    'OBX-25': 'D1^Doe^^^^^^^NS',
  },
  'OBX[Observation-Component] OBX-24 performer[2](PractitionerRole.organization(Organization.address))': {
    'OBX-23': 'Laboratory^L',
    'OBX-25': 'D1^Doe^^^^^^^NS',
  },
  'OBX[DocumentReference] OBX-5 content[1].attachment': { 'OBX-2': 'ED', 'OBX-5': '^application^pdf^Base64^UVpYNw==' },
  'OBX[DocumentReference] OBX-5 content[2].data': { 'OBX-2': 'FT' },
  'OBX[DocumentReference] OBX-5 content[3].url': { 'OBX-2': 'RP', 'OBX-5': 'https://qzx7.example/x^^application^pdf' },
  'OBX[DocumentReference] OBX-5 content[4].data': { 'OBX-2': 'TX' },
  'OBX[DocumentReference] OBX-5 content[2].contentType': { 'OBX-2': 'FT' },
  'OBX[DocumentReference] OBX-5 content[4].contentType': { 'OBX-2': 'TX' },
  'OBR[DiagnosticReport] OBR-2 *': { 'ORC-2': '' },
  'OBR[DiagnosticReport] OBR-3 *': { 'ORC-3': '' },
  'OBR[DiagnosticReport] OBR-25 status': { 'OBR-25': 'O' },
  // An OBR speaks of a specimen where it names one.
  'OBR[Specimen] OBR-7 *': { 'OBR-15': 'BLD' },
  'OBR[Specimen] OBR-8 *': { 'OBR-15': 'BLD', 'OBR-7': '20191029012526+0100' },
  'OBR[Specimen] OBR-13 collection.fastingStatusCodeableConcept': { 'OBR-15': 'BLD', 'OBR-13': 'F^Fasting^HL70916' },
  'OBR[Specimen] OBR-39 *': { 'OBR-15': 'BLD' },
  'NTE[ServiceRequest] NTE-5 *': { 'NTE-3': 'Words' },
  'NTE[ServiceRequest] NTE-6 *': { 'NTE-3': 'Words' },
  'XTN[ContactPoint] XTN.7 value': { '.3': 'PH', '.7': 'QZX7', '.12': '' },
  ...placesOfNdl(),
  'NM[Quantity] NM.1 $value': { '.1': '7391' },
  'CWE[Quantity] CWE.2 Quantity.unit': { '.1': 'A' },
  'NA[SampledData] dimensions': { '': '7391^7392' },
  'NA[SampledData] NA.1 data': { '.1': '7391', '.2': '7392' },
  'NA[SampledData] *': { '.1': '1' },
  'SN[Ratio] extension*': { '': '^7391^:^128', '.3': ':', '.4': '128' },
  'SN[Range] extension*': { '': '^7391^-^7392', '.1': '', '.3': '-' },
  'SN[Ratio] SN.1 numerator.comparator': { '.1': '<' },
  'SN[Quantity] SN.1 comparator': { '.1': '<' },
  'RP[Attachment] RP.1 url': { '.1': 'https://qzx7.example/x' },
  'RP[Attachment] RP.3 contentType': { '.3': 'application', '.4': 'x-test~https://a.example/y' },
  'CQ[code] CQ.2 $value': { '.2': 'min' },
  // A type of content that the content does not say itself.
  'TXA[DocumentReference] TXA-3 *': { 'TXA-3': 'PDF', 'OBX-2': 'RP', 'OBX-5': 'https://a.example/x' },
  'TXA[DocumentReference] TXA-6 extension*': { 'TXA-6': '20191103' },
  // The guide names the fields of these rows in words.
  'TXA[Provenance] TXA recorded': { 'TXA-8': '20191103041526+0100' },
  'TXA[Provenance] TXA reason.text': { 'TXA-21': 'QZX7' },
  'TXA[Provenance] TXA agent[1]*': { 'TXA-23': 'QZX7^Family^Given^^^^^^AUTH' },
  'TXA[Provenance] TXA agent[2]*': { 'TXA-9': 'QZX7^Family^Given^^^^^^AUTH', 'TXA-21': 'Words' },
};

/** OBX-5 in a form that its type has, by the element that it becomes. */
function values(row: string, written: (value: string) => string): Record<string, Record<string, string>> {
  const forms: Readonly<Record<string, string>> = {
    valuePeriod: '20191103041526+0100^20191104041526+0100',
    valueDateTime: '20191103041526+0100',
    valueRange: '7391^7392',
    valueTime: '041526',
    'valueString IF OBX-2 EQUALS "VR"': 'QZX7^R',
    'valueString IF (OBX-2 EQUALS "SN" AND OBX-5.1 EQUALS "<>"': '<>^7391',
    'valueString IF OBX-2 EQUALS "SN" AND OBX-5.1 NOT EQUALS "<>" AND OBX-5.3 EQUALS "+"': '^7391^+^',
    'valueRatio[1]': '^7391^:^128',
    'valueRange[1]': '^7391^-^7392',
    'valueQuantity[1]': '^7391',
    'extension[1].url IF OBX-2 EQUALS "ED" AND IF OBX-5.4 EQUALS "Base64"': '^application^pdf^Base64^UVpYNw==',
    'extension[1].valueAttachment IF OBX-2 EQUALS "ED" AND IF OBX-5.4 EQUALS "Base64"': '^application^pdf^Base64^UVpYNw==',
    'extension[1].url IF OBX-2 EQUALS "RP"': 'https://qzx7.example/x^^application^pdf',
    'extension[1].valueAttachment IF OBX-2 EQUALS "RP"': 'https://qzx7.example/x^^application^pdf',
  };
  return Object.fromEntries(Object.entries(forms).map(([element, value]) => [`${row}${element}`, { 'OBX-5': written(value) }]));
}

/** A unit needs its number. */
function units(row: string, written: (value: string) => string): Record<string, Record<string, string>> {
  const forms: Readonly<Record<string, string>> = {
    'valueQuantity[1]': '^1',
    'valueRange[1].low': '^1^-^2',
    'valueRange[1].high': '^1^-^2',
    'valueRatio[1].numerator': '^1^:^2',
    'valueRatio[1].denominator': '^1^:^2',
  };
  return Object.fromEntries(Object.entries(forms).map(([element, value]) => [`${row}${element}`, { 'OBX-5': written(value) }]));
}

/** A place is part of a larger one; the status is of the smallest. Conditions that the guide took over from PL name other components. */
function placesOfNdl(): Record<string, Record<string, string>> {
  const levels = [4, 5, 6, 7, 10, 11];
  const statuses = levels.map((component, index) => [
    `NDL[PractitionerRole] NDL.8 [${index + 1}].status`,
    { '.2': '', '.3': '', '.4': '', '.7': '', '.8': 'active', [`.${component}`]: 'Place' },
  ]);
  return {
    ...Object.fromEntries(
      levels.map((component) => [`NDL[PractitionerRole] NDL.${component} *`, { '.7': 'Site', [`.${component}`]: 'QZX7' }]),
    ),
    ...Object.fromEntries(statuses),
  };
}

function both(row: string, filling: Readonly<Record<string, string>>): Record<string, Readonly<Record<string, string>>> {
  return { [`OBX[Observation] ${row}`]: filling, [`OBX[Observation-Component] ${row}`]: filling };
}
