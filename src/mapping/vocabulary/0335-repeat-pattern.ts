/**
 * HL7 Table 0335, repeat pattern (RPT-1, RI-1), to Timing.code (guide: RepeatPattern). Four patterns have a code that FHIR knows (v3
 * GTSAbbreviation); the others keep their own. `Q6H` and its like are also counted out, for programs that read no codes.
 */
import type { Coding, TimingRepeat } from '@medplum/fhirtypes';

const TABLE = 'http://terminology.hl7.org/CodeSystem/v2-0335';
const GTS = 'http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation';

export function repeatPattern(code: string): Coding {
  return { system: ABBREVIATIONS.has(code) ? GTS : TABLE, code };
}

/** `Q6H`: once in six hours. */
export function intervalOf(code: string): Pick<TimingRepeat, 'frequency' | 'period' | 'periodUnit'> | undefined {
  const [, number, letter = ''] = /^Q(\d{1,4})([SMHDWL])$/.exec(code) ?? [];
  const periodUnit = LETTERS.get(letter);
  return periodUnit && Number(number) > 0 ? { frequency: 1, period: Number(number), periodUnit } : undefined;
}

const ABBREVIATIONS: ReadonlySet<string> = new Set(['BID', 'TID', 'QID', 'QOD']);

const LETTERS: ReadonlyMap<string, NonNullable<TimingRepeat['periodUnit']>> = new Map([
  ['S', 's'],
  ['M', 'min'],
  ['H', 'h'],
  ['D', 'd'],
  ['W', 'wk'],
  ['L', 'mo'], // lunar or calendar month: the table says months
]);
