/**
 * The value of an Observation as OBX-2, OBX-5 and OBX-6 (HL7 v2.5.1 §7.4.2, Table 0125), the way back from `mapping/segments/obx-value.ts`.
 * In: the Observation, the receiver's version (CE and TS until 2.6, CWE and DTM from 2.7). Out: fields; what has no type of its own is text.
 * A number goes back as it was written (extension originalText): JSON drops the zeros that say how exact it is. Files are those of the extension
 * that R5 has Attachment values in: ED where the bytes are in it, RP where it says an address.
 */
import type { Attachment, Extension, Observation, ObservationComponent, Quantity, SampledData } from '@medplum/fhirtypes';
import { valueText } from '../../protocols/fhir/observation-text.ts';
import type { ComponentValue, FieldValue } from '../../protocols/hl7v2/escape.ts';
import { codedField, exactTimeField, unitField } from './hl7v2-fields.ts';

export type ValueFields = { readonly type: string; readonly value: FieldValue; readonly unit?: FieldValue };

/** From v2.7 on CE and TS are withdrawn, and the persons of an order or observation stand in PRT. */
export function isSince27(version: string): boolean {
  return version >= '2.7';
}

export function valueFields(observation: Observation, version: string): ValueFields {
  const parts = observation.component ?? [];
  const files = fileFields(observation);
  if (files !== null) return files;
  const array = observation.valueSampledData;
  if (array && isPlain(array)) return arrayFields(array);
  if (parts.length === 0) return singleValue(observation, version) ?? { type: 'FT', value: valueText(observation) };
  const own = JSON.stringify(observation.code);
  const values = parts.map((part) => singleValue(part, version));
  const [first] = values;
  const alike = first && parts.every(({ code }) => JSON.stringify(code) === own) && values.every((one) => one?.type === first.type);
  // Several values under one code are repetitions; parts with codes of their own are told in words.
  if (!alike) return { type: 'FT', value: valueText(observation) };
  const repetitions = values.map((one) => one?.value as string | readonly ComponentValue[]);
  return { ...first, value: { repetitions } };
}

function singleValue(from: Observation | ObservationComponent, version: string): ValueFields | null {
  const [coded, time] = isSince27(version) ? ['CWE', 'DTM'] : ['CE', 'TS'];
  const { valueQuantity: quantity, valueCodeableConcept: concept, valueRange: range, valueRatio: ratio, valuePeriod: period } = from;
  if (quantity?.value !== undefined) return quantityFields(quantity);
  if (from.valueInteger !== undefined) return { type: 'NM', value: String(from.valueInteger) };
  if (concept) return { type: coded, value: codedField(concept) };
  if (range?.low?.value !== undefined && range.high?.value !== undefined)
    return { type: 'SN', value: [equals(range), numberText(range.low), '-', numberText(range.high)], unit: unitField(range.low) };
  if (ratio?.numerator?.value !== undefined && ratio.denominator?.value !== undefined) {
    const separator = originalText(ratio)?.includes('/') ? '/' : ':';
    const { comparator = equals(ratio) } = ratio.numerator;
    return {
      type: 'SN',
      value: [comparator, numberText(ratio.numerator), separator, numberText(ratio.denominator)],
      unit: unitField(ratio.numerator),
    };
  }
  if (from.valueDateTime !== undefined)
    return { type: from.valueDateTime.includes('T') ? time : 'DT', value: exactTimeField(from.valueDateTime) };
  if (from.valueTime !== undefined) return { type: 'TM', value: from.valueTime.replaceAll(':', '') };
  if (period) return { type: 'DR', value: [exactTimeField(period.start), exactTimeField(period.end)] };
  if (from.valueBoolean !== undefined) return { type: coded, value: [from.valueBoolean ? 'Y' : 'N', '', 'HL70136'] };
  if (from.valueString === undefined) return null;
  return { type: isShort(from.valueString) ? 'ST' : 'FT', value: from.valueString };
}

/** ST is one line of at most 200 characters (HL7 v2.5.1 §2.A.74: 199). */
function isShort(text: string): boolean {
  return text.length < 200 && !/[\r\n]/.test(text);
}

function quantityFields(quantity: Quantity): ValueFields {
  const unit = unitField(quantity);
  const comparator = quantity.comparator ?? equals(quantity);
  if (comparator !== '') return { type: 'SN', value: [comparator, numberText(quantity)], unit };
  return { type: 'NM', value: numberText(quantity), unit };
}

/** As it was written, where that is the same number. */
function numberText(quantity: Quantity): string {
  const original = originalText(quantity)?.replace(EQUALS, '');
  return original !== undefined && original !== '' && Number(original) === quantity.value ? original : String(quantity.value);
}

function originalText({ extension }: { readonly extension?: Extension[] }): string | undefined {
  return extension?.find(({ url }) => url === ORIGINAL_TEXT)?.valueString;
}

/** The comparator `=` of an SN, which FHIR does not have: an equal number is a number. */
function equals(from: { readonly extension?: Extension[] }): string {
  return EQUALS.test(originalText(from) ?? '') ? '=' : '';
}

/** ED (§2.A.24) and RP (§2.A.65); null where there is no file, or none of one kind. */
function fileFields({ extension = [] }: Observation): ValueFields | null {
  const files = extension.flatMap(({ url, valueAttachment }) => (url === VALUE_ATTACHMENT && valueAttachment ? [valueAttachment] : []));
  if (files.length === 0) return null;
  if (files.every(({ data }) => data !== undefined))
    return { type: 'ED', value: { repetitions: files.map((file) => ['', ...mediaType(file), 'Base64', file.data ?? '']) } };
  if (!files.every(({ url = '' }) => /^https?:/.test(url))) return null;
  return { type: 'RP', value: { repetitions: files.map((file) => [file.url ?? '', '', ...mediaType(file)]) } };
}

function mediaType({ contentType = 'application/octet-stream' }: Attachment): readonly [type: string, subtype: string] {
  const [type = '', subtype = ''] = contentType.split('/');
  return [type, subtype];
}

/** NA has numbers as they are: no origin, no factor, no limits (`U`, `L`). */
function isPlain({ data = '', origin, factor = 1 }: SampledData): boolean {
  return origin.value === 0 && factor === 1 && /^[\d.+E -]+$/.test(data);
}

/** NA (§2.A.44): a row of the array is a repetition; a cell that is not there (`E`) is empty. */
function arrayFields({ data = '', dimensions, origin }: SampledData): ValueFields {
  const cells = data.split(' ').map((cell) => (cell === 'E' ? '' : cell));
  const rows = Array.from({ length: Math.ceil(cells.length / dimensions) }, (_, row) =>
    cells.slice(row * dimensions, (row + 1) * dimensions),
  );
  return { type: 'NA', value: { repetitions: rows }, unit: unitField(origin) };
}

/** OBX-7: `low-high`, `>low`, `<high`, or words (HL7 v2.5.1 §7.4.2.7). */
export function rangeField({ referenceRange }: Observation): string {
  const { low, high, text } = referenceRange?.[0] ?? {};
  if (text !== undefined) return text;
  if (low?.value !== undefined && high?.value !== undefined) return `${numberText(low)}-${numberText(high)}`;
  if (low?.value !== undefined) return `>${numberText(low)}`;
  return high?.value === undefined ? '' : `<${numberText(high)}`;
}

/** OBX-8: every code of every interpretation (HL7 Table 0078), its words where it has no code. */
export function flagsField({ interpretation }: Observation): FieldValue {
  const codes = (interpretation ?? []).flatMap(({ coding, text }) => coding?.[0]?.code ?? text ?? []);
  return codes.length > 1 ? { repetitions: codes } : (codes[0] ?? '');
}

/** OBX-4 as its sender wrote it (extension observation-v2-subid: an OG, or one text); '' where he wrote none. */
export function subIdField({ extension = [] }: Observation): FieldValue {
  const said = extension.find(({ url }) => url === SUB_ID)?.extension ?? [];
  const part = (name: string) => said.find(({ url }) => url === name);
  const numbers = ['group', 'sequence'].map((name) => part(name)?.valueDecimal ?? '');
  const parts = [part('original-sub-identifier')?.valueString ?? '', ...numbers.map(String), part('identifier')?.valueString ?? ''];
  const length = parts.findLastIndex((text) => text !== '') + 1;
  return length <= 1 ? (parts[0] ?? '') : parts.slice(0, length);
}

const SUB_ID = 'http://hl7.org/fhir/StructureDefinition/observation-v2-subid';
const VALUE_ATTACHMENT = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment';
const EQUALS = /^= /;
const ORIGINAL_TEXT = 'http://hl7.org/fhir/StructureDefinition/originalText';
