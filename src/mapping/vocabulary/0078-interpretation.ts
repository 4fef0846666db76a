/**
 * HL7 Table 0078, interpretation codes (OBX-8), to v3 ObservationInterpretation (guide: InterpretationCodes).
 * The codes are the same in both; the guide leaves AC, HM, QCF and TOX without a target, which the R4 code system has.
 */
const INTERPRETATION_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';
const INTERPRETATION_V2_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0078';

/** System of a code: the v2 table's own where the v3 code system does not have it. */
export function interpretationSystem(code: string): string {
  return INTERPRETATION.has(code) ? INTERPRETATION_SYSTEM : INTERPRETATION_V2_SYSTEM;
}

const INTERPRETATION: ReadonlySet<string> = new Set([
  '<',
  '>',
  'A',
  'AA',
  'AC',
  'B',
  'CAR',
  'D',
  'DET',
  'E',
  'EX',
  'EXP',
  'H',
  'HH',
  'HM',
  'HU',
  'HX',
  'I',
  'IE',
  'IND',
  'L',
  'LL',
  'LU',
  'LX',
  'MS',
  'N',
  'NCL',
  'ND',
  'NEG',
  'NR',
  'NS',
  'OBX',
  'POS',
  'QCF',
  'R',
  'RR',
  'S',
  'SDD',
  'SYN-R',
  'SYN-S',
  'TOX',
  'U',
  'UNE',
  'VS',
  'W',
  'WR',
]);
