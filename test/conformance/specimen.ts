/**
 * What is put into a field so that it can be found again. In: the HL7 v2 datatype. Out: a text that no other field of the message holds,
 * and how to know it in FHIR.
 */

const MARK = 'QZX7';
const NUMBER = 7391;

export function specimenOf(v2Type: string): string {
  return TEXTS[v2Type] ?? MARK;
}

/** Whether a value is or holds a specimen. */
export function isMarked(value: unknown): boolean {
  if (typeof value === 'number') return value === NUMBER;
  if (typeof value === 'boolean') return value;
  return typeof value === 'string' && /QZX7|7391|2019-11-03|04:15:26|UVpYNw|qzx7/.test(value);
}

const TIME = '20191103041526+0100';

const TEXTS: Readonly<Record<string, string>> = {
  CE: `${MARK}^Words^L`,
  CF: `${MARK}^Words^L`,
  CNE: `${MARK}^Words^L`,
  CNN: `${MARK}^Family^Given`,
  CP: `${NUMBER}&EUR`,
  CQ: `${NUMBER}^mg`,
  CWE: `${MARK}^Words^L`,
  CX: `${MARK}^^^AUTH^MR`,
  DLD: `${MARK}^${TIME}`,
  DLN: `${MARK}^ST^20301231`,
  DR: `${TIME}^20191104041526+0100`,
  DT: '20191103',
  DTM: TIME,
  ED: '^application^pdf^Base64^UVpYNw==',
  EI: `${MARK}^NS`,
  EIP: `${MARK}&NS^${MARK}F&NS`,
  FC: `${MARK}^${TIME}`,
  FN: MARK,
  HD: MARK,
  ID: MARK,
  MSG: 'ORU^R01^ORU_R01',
  NA: `${NUMBER}^7392`,
  NDL: `${MARK}&Family&Given^${TIME}`,
  NM: String(NUMBER),
  NR: `${NUMBER}^7392`,
  OG: MARK,
  // The smallest place is the one that a row means.
  PL: `Ward^Room^${MARK}^Facility`,
  PLN: `${MARK}^Type^ST`,
  PT: 'P',
  RI: 'QD^0900',
  RP: `https://${MARK.toLowerCase()}.example/x^^application^pdf`,
  RPT: 'QD',
  SI: String(NUMBER),
  SN: `^${NUMBER}`,
  SPS: `${MARK}&Words&L`,
  TM: '041526',
  TS: TIME,
  XAD: `${MARK} Street^^City^^12345^DE`,
  XCN: `${MARK}^Family^Given^^^^^^AUTH`,
  XON: `${MARK}^L^^^^AUTH^XX^^^${MARK}`,
  XPN: `${MARK}^Given`,
  XTN: `^PRN^PH^^49^30^${NUMBER}555`,
};
