/**
 * OBX-5 by its type in OBX-2, with the units of OBX-6, to Observation.value[x] (HL7 v2.5.1 §7.4.2.5, Table 0125; guide: OBX[Observation]).
 * In: the segment. Out: the value, components where there are several, an extension for documents (ED, RP), which R4 has no value for.
 * A value that does not read as its type is kept as text and listed.
 */
import type { Attachment, Extension, Observation, ObservationComponent, Quantity } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, components, filled, firstValue, repetitionText, textOf } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { dateTimeOf, periodOf, timeOf } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { codeSystemOf } from '../vocabulary/0396-coding-system.ts';

export type ReadValues = {
  readonly value: Partial<Observation>;
  readonly component: readonly ObservationComponent[];
  readonly extension: readonly Extension[];
};

/** One of `value[x]`. */
type Value = Pick<
  ObservationComponent,
  'valueQuantity' | 'valueCodeableConcept' | 'valueString' | 'valueRange' | 'valueRatio' | 'valueTime' | 'valueDateTime' | 'valuePeriod'
>;

/** Every `value[x]` as not there: a new value of another type takes the place of the old one, and what goes with it. */
export const NO_VALUE: Partial<Observation> & { readonly _status: undefined } = {
  valueQuantity: undefined,
  valueCodeableConcept: undefined,
  valueString: undefined,
  valueRange: undefined,
  valueRatio: undefined,
  valueTime: undefined,
  valueDateTime: undefined,
  valuePeriod: undefined,
  component: undefined,
  dataAbsentReason: undefined,
  _status: undefined,
};

export function obxValues(obx: Segment, code: Observation['code'], draft: Draft): ReadValues {
  const type = firstValue(obx, 2).toUpperCase();
  const count = obx.repetitions(5);
  if (count === 0 || textOf(obx, 5) === '') return { value: {}, component: [], extension: [] };
  if (type === 'ED' || type === 'RP') return documents(obx, type, count, draft);
  if (TEXT_TYPES.has(type) || type === '') return { value: { valueString: textOf(obx, 5) }, component: [], extension: [] };
  const values = Array.from({ length: count }, (_, index) => readValue(obx, type, index + 1, draft)).filter((one) => one !== undefined);
  if (values.length <= 1) return { value: values[0] ?? {}, component: [], extension: [] };
  return { value: {}, component: values.map((value) => ({ code, ...value })), extension: [] };
}

function readValue(obx: Segment, type: string, repetition: number, draft: Draft): Value | undefined {
  const at = components(obx, 5, repetition);
  const text = repetitionText(obx, 5, repetition);
  const reader = READERS[type];
  if (text === '') return undefined;
  if (!reader) draft.gap('OBX-5', `is kept as text: no mapping for ${/^[A-Z0-9]{2,3}$/.test(type) ? type : 'its type'}`);
  const value = reader?.(at, { unit: unitOf(obx, draft), zone: draft.zone, owner: draft.peer.name });
  if (reader && !value) draft.gap('OBX-5', `is kept as text: it does not read as ${type}`);
  return value ?? { valueString: [text, firstValue(obx, 6)].filter((part) => part !== '').join(' ') };
}

type ValueContext = { readonly unit: Quantity; readonly zone: string; readonly owner: string };
type ValueReader = (at: Components, context: ValueContext) => Value | undefined;

/** OBX-6: code and system only where the system is known, for a code without one would be read as UCUM. */
function unitOf(obx: Segment, { peer }: Draft): Quantity {
  const at = components(obx, 6);
  const system = at(3) === '' ? '' : codeSystemOf(at(3), peer.name);
  return filled<Quantity>({ unit: at(2) || at(1), ...(system === '' ? {} : { system, code: at(1) }) }) ?? {};
}

function quantity(number: string, unit: Quantity, comparator = ''): Quantity | undefined {
  if (!NUMBER.test(number)) return undefined;
  const known = COMPARATORS.has(comparator) ? { comparator: comparator as Quantity['comparator'] } : {};
  return { value: Number(number), ...known, ...unit };
}

function concept(at: Components, { owner }: ValueContext): Value | undefined {
  const valueCodeableConcept = cweCodeableConcept(at, owner);
  return valueCodeableConcept && { valueCodeableConcept };
}

function dateTime(at: Components, { zone }: ValueContext): Value | undefined {
  const valueDateTime = dateTimeOf(at(1), zone);
  return valueDateTime === null ? undefined : { valueDateTime };
}

/** SN: comparator, number, separator or suffix, number (HL7 v2.5.1 §2.A.71). */
function structuredNumeric(at: Components, { unit }: ValueContext): Value | undefined {
  const [comparator, separator] = [at(1), at(3)];
  const [first, second] = [quantity(at(2), unit, comparator), quantity(at(4), unit)];
  const plain = comparator === '' || comparator === '=';
  if (separator === '' && first && (plain || COMPARATORS.has(comparator))) return { valueQuantity: first };
  if (!plain || !first || !second) return undefined;
  if (separator === '-') return { valueRange: { low: first, high: second } };
  return separator === ':' || separator === '/' ? { valueRatio: { numerator: first, denominator: second } } : undefined;
}

function range(at: Components, { unit }: ValueContext): Value | undefined {
  const valueRange = filled({ low: quantity(at(1), unit), high: quantity(at(2), unit) });
  return valueRange && { valueRange };
}

/** Documents beside an order. Anything but sound Base64 stays in the message only. */
function documents(obx: Segment, type: 'ED' | 'RP', count: number, draft: Draft): ReadValues {
  const attachments = Array.from({ length: count }, (_, index) => {
    const at = components(obx, 5, index + 1);
    const attachment = type === 'ED' ? embedded(at) : pointer(at);
    if (!attachment) draft.gap('OBX-5', `${type} could not be read: the message keeps it`);
    return attachment;
  });
  const extension = attachments.flatMap((one) => (one ? [{ url: VALUE_ATTACHMENT, valueAttachment: one }] : []));
  return { value: {}, component: [], extension };
}

/** ED: application, type, subtype, encoding, data (HL7 v2.5.1 §2.A.24; encodings: Table 0299). */
function embedded(at: Components): Attachment | undefined {
  const contentType = contentTypeOf(at(2), at(3));
  const encoding = at(4).toUpperCase();
  const data =
    encoding === 'A' ? Buffer.from(at(5)).toString('base64') : encoding === 'HEX' ? hexToBase64(at(5)) : at(5).replace(/\s+/g, '');
  if (data === '' || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data)) return undefined;
  return filled<Attachment>({ contentType, data });
}

/**
 * RP: pointer, application, type, subtype (HL7 v2.5.1 §2.A.65). Only an absolute URL: anything else would be read as a resource of
 * this server, `Binary/id`, which the sender may not be allowed to see.
 */
function pointer(at: Components): Attachment | undefined {
  if (!/^https?:\/\/\S+$/i.test(at(1)) || !URL.canParse(at(1))) return undefined;
  return filled<Attachment>({ contentType: contentTypeOf(at(3), at(4)), url: at(1) });
}

/** HL7 Table 0191 names kinds of data where MIME has main types; Table 0291 names subtypes, PDF and JPEG in capitals in old versions. */
function contentTypeOf(type: string, subtype: string): string | undefined {
  const sub = subtype.toLowerCase();
  if (sub.includes('/')) return sub;
  const main = MAIN_TYPES.get(type.toLowerCase()) ?? type.toLowerCase();
  const isMain = /^(application|audio|image|message|model|multipart|text|video)$/.test(main);
  return sub === '' || !isMain || !/^[a-z0-9.+-]+$/.test(sub) ? undefined : `${sub === 'pdf' ? 'application' : main}/${sub}`;
}

function hexToBase64(hex: string): string {
  return /^(?:[0-9A-Fa-f]{2})+$/.test(hex) ? Buffer.from(hex, 'hex').toString('base64') : '';
}

const NUMBER = /^[+-]?\d{1,18}(?:\.\d{0,12})?$|^[+-]?\.\d{1,12}$/;
const COMPARATORS: ReadonlySet<string> = new Set(['<', '<=', '>=', '>']);
const VALUE_ATTACHMENT = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment';
const MAIN_TYPES: ReadonlyMap<string, string> = new Map([
  ['ap', 'application'],
  ['au', 'audio'],
  ['ft', 'text'],
  ['im', 'image'],
  ['si', 'image'],
  ['sd', 'image'],
  ['tx', 'text'],
]);

/** HL7 Table 0125: types whose repetitions are lines of one text. */
const TEXT_TYPES: ReadonlySet<string> = new Set(['FT', 'ST', 'TX']);

const READERS: Readonly<Record<string, ValueReader>> = {
  CE: concept,
  CF: concept,
  CNE: concept,
  CWE: concept,
  ID: concept,
  IS: concept,
  DT: dateTime,
  DTM: dateTime,
  TS: dateTime,
  DR: (at, { zone }) => {
    const valuePeriod = periodOf(at(1), at(2), zone);
    return valuePeriod && { valuePeriod };
  },
  NM: (at, { unit }) => {
    const valueQuantity = quantity(at(1), unit);
    return valueQuantity && { valueQuantity };
  },
  CQ: (at, { unit }) => {
    const valueQuantity = quantity(at(1), filled({ unit: at(2) }) ?? unit);
    return valueQuantity && { valueQuantity };
  },
  NR: range,
  SN: structuredNumeric,
  TM: (at) => {
    const valueTime = timeOf(at(1));
    return valueTime === null ? undefined : { valueTime };
  },
};
