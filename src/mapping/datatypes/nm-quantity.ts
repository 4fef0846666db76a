/**
 * NM, CQ, NR and SN to Quantity, Range and Ratio (HL7 v2.5.1 §2.A.18, §2.A.45 to .71; guide: NM[Quantity], CQ[Quantity], NR[Range], SN[Quantity],
 * SN[Range], SN[Ratio], CWE[Quantity]). In: a repetition, and the unit that stands in a field of its own (OBX-6). Out: undefined where it is
 * no number. JSON drops zeros at the end of a number, which say how exact it is: a number written otherwise than JSON would is kept as it
 * was written in the extension originalText, so that it can go home as it came. SN with a suffix or two numbers likewise, as in the guide.
 */
import type { Extension, Quantity, Range, Ratio } from '@medplum/fhirtypes';
import { codeSystemOf } from '../vocabulary/0396-coding-system.ts';
import { type Components, filled } from './components.ts';
import { type Datatype, each, pathOf } from './datatype.ts';

/** CWE of a unit: code and system only where the system is known, for a code without one would be read as UCUM. */
export function cweUnit(at: Components, owner: string): Quantity {
  const system = at(3) === '' ? '' : codeSystemOf(at(3), owner);
  return filled<Quantity>({ unit: at(2) || at(1), ...(system === '' ? {} : { system, code: at(1) }) }) ?? {};
}

export function nmQuantity(number: string, unit: Quantity, comparator = ''): Quantity | undefined {
  if (!NUMBER.test(number)) return undefined;
  const value = Number(number);
  const known = COMPARATORS.has(comparator) ? { comparator: comparator as Quantity['comparator'] } : {};
  return { ...(String(value) === number ? {} : { extension: [originalText(number)] }), value, ...known, ...unit };
}

/** CQ: quantity and its own unit, else the unit of the field beside it. */
export function cqQuantity(at: Components, owner: string, unit: Quantity = {}): Quantity | undefined {
  const own = filled(cweUnit((component) => at(2, component), owner));
  return nmQuantity(at(1), own ?? unit);
}

/** CQ where nothing else says a unit (OBR-9, SPM-12). */
export const CQ_QUANTITY: Datatype<Quantity> = each((at, source) => {
  const quantity = at(1) === '' ? undefined : cqQuantity(at, source.draft.peer.name);
  if (at(1) !== '' && !quantity) source.draft.gap(pathOf(source), 'is no number', at(1));
  return quantity;
});

export function nrRange(at: Components, unit: Quantity): Range | undefined {
  return filled<Range>({ low: nmQuantity(at(1), unit), high: nmQuantity(at(2), unit) });
}

export type StructuredNumeric = { valueQuantity?: Quantity; valueRange?: Range; valueRatio?: Ratio };

/** SN: comparator, number, separator or suffix, number. Undefined for what only a text can say (`<>`, `+`, `>` before a range). */
export function snValue(at: Components, unit: Quantity): StructuredNumeric | undefined {
  const [comparator, separator] = [at(1), at(3)];
  const [first, second] = [nmQuantity(at(2), unit, comparator), nmQuantity(at(4), unit)];
  const plain = comparator === '' || comparator === '=';
  if (separator === '' && at(4) === '' && first && (plain || COMPARATORS.has(comparator)))
    return { valueQuantity: comparator === '=' ? withOriginal(first, at) : first };
  if (!first || !second) return undefined;
  const extension = [originalText(snText(at))];
  if (separator === '-' && plain) return { valueRange: { extension, low: first, high: second } };
  if ((separator === ':' || separator === '/') && (plain || COMPARATORS.has(comparator)))
    return { valueRatio: { extension, numerator: first, denominator: second } };
  return undefined;
}

/** As the guide writes an SN that is no number: its parts, parted by blanks. */
function snText(at: Components): string {
  return [at(1), at(2), at(3), at(4)].filter((part) => part !== '').join(' ');
}

function withOriginal(quantity: Quantity, at: Components): Quantity {
  return { ...quantity, extension: [originalText(snText(at))] };
}

function originalText(text: string): Extension {
  return { url: ORIGINAL_TEXT, valueString: text };
}

const ORIGINAL_TEXT = 'http://hl7.org/fhir/StructureDefinition/originalText';
const NUMBER = /^[+-]?\d{1,18}(?:\.\d{0,12})?$|^[+-]?\.\d{1,12}$/;
const COMPARATORS: ReadonlySet<string> = new Set(['<', '<=', '>=', '>']);
