/**
 * OBX-5 by its type in OBX-2, with the units of OBX-6, to Observation.value[x] (HL7 v2.5.1 §7.4.2.5, Table 0125; guide: OBX[Observation],
 * OBX[Observation-Component], whose rows for OBX-5 and OBX-6 are the table READERS at the end).
 * In: the segment and those that go on with its text. Out: the value, components where there are several, each with the reference range of
 * all, an extension for documents (ED, RP), which R4 has no value for, and the documents themselves.
 *
 * - A value that does not read as its type is kept as text and listed, never dropped.
 * - ED of any encoding of HL7 Table 0299 becomes a file; the guide has Base64 only.
 * - EI, HD, PL and others without a value[x] are text, as they stand (the guide leaves EI open).
 */
import type { Attachment, Extension, Observation, ObservationComponent, Quantity } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, components, MAX_REPETITIONS, repetitionText, textOf } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { pathOf } from '../datatypes/datatype.ts';
import { edFile, type ReadFile, rpFile } from '../datatypes/ed-attachment.ts';
import { naSampledData } from '../datatypes/na-sampleddata.ts';
import { cqQuantity, cweUnit, nmQuantity, nrRange, snValue } from '../datatypes/nm-quantity.ts';
import { dateTimeOf, periodOf, timeOf } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';

export type ReadValues = {
  readonly value: Partial<Observation>;
  readonly component: readonly ObservationComponent[];
  readonly extension: readonly Extension[];
  readonly files: readonly Attachment[];
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
  valueSampledData: undefined,
  component: undefined,
  dataAbsentReason: undefined,
  _status: undefined,
};

const NOTHING: ReadValues = { value: {}, component: [], extension: [], files: [] };

export type ValueContext = {
  readonly code: Observation['code'];
  /** OBX-7, which each of several values has for itself. */
  readonly referenceRange: Observation['referenceRange'];
  /** The observation: its files are known by it. */
  readonly owner: Identity;
  /** Segments whose text goes on where this one's ends. */
  readonly continued: readonly Segment[];
};

export function obxValues(obx: Segment, context: ValueContext, draft: Draft): ReadValues {
  const type = typeOf(obx);
  if (!hasValue(obx, 5) && context.continued.length === 0) return NOTHING;
  if (type === 'ED' || type === 'RP') return documents(obx, type, context, draft);
  if (TEXT_TYPES.has(type) || type === '') return { ...NOTHING, value: { valueString: joinedText([obx, ...context.continued]) } };
  if (type === 'NA') return array(obx, draft);
  const count = Math.min(obx.repetitions(5), MAX_REPETITIONS);
  const values = Array.from({ length: count }, (_, index) => readValue(obx, type, index + 1, draft)).filter((one) => one !== undefined);
  if (values.length <= 1) return { ...NOTHING, value: values[0] ?? {} };
  return { ...NOTHING, component: values.map((value) => componentOf(context, value)) };
}

function componentOf({ code, referenceRange }: ValueContext, value: Partial<ObservationComponent>): ObservationComponent {
  return { code, ...value, ...(referenceRange ? { referenceRange } : {}) };
}

function typeOf(obx: Segment): string {
  const type = obx.peek(2).trim().toUpperCase();
  // The type of nothing says nothing.
  return hasValue(obx, 5) ? obx.get(2).trim().toUpperCase() : type;
}

function hasValue(obx: Segment, field: number): boolean {
  return !['', '""'].includes(obx.raw(field));
}

/** Repetitions are lines, and so are segments that only go on; blank ones between them part paragraphs. */
function joinedText(segments: readonly Segment[]): string | undefined {
  const text = segments.map((obx) => (hasValue(obx, 5) ? textOf(obx, 5) : '')).join('\n');
  return text.trim() === '' ? undefined : text.trim();
}

function readValue(obx: Segment, type: string, repetition: number, draft: Draft): Value | undefined {
  const at = components(obx, 5, repetition);
  const reader = READERS[type];
  const empty = (obx.tree(5)[repetition - 1] ?? []).every((component) => component.every((part) => part.trim() === ''));
  if (empty) return undefined;
  const path = pathOf({ segment: obx, field: 5, component: 0, most: 1, draft });
  const value = reader?.(at, { unit: () => cweUnit(components(obx, 6), draft.peer.name), zone: draft.zone, owner: draft.peer.name });
  if (value) return value;
  const text = repetitionText(obx, 5, repetition);
  const why = reader ? `it does not read as ${type}` : `no mapping for ${/^[A-Z0-9]{2,3}$/.test(type) ? type : 'its type'}`;
  draft.gap(path, `is kept as text: ${why}`, text);
  const unit = hasValue(obx, 6) ? textOf(obx, 6) : '';
  return { valueString: [text, unit].filter((part) => part !== '').join(' ') };
}

function array(obx: Segment, draft: Draft): ReadValues {
  const data = naSampledData(obx, 5, cweUnit(components(obx, 6), draft.peer.name));
  if (data) return { ...NOTHING, value: { valueSampledData: data } };
  const text = textOf(obx, 5);
  draft.gap(pathOf({ segment: obx, field: 5, component: 0, most: 1, draft }), 'is kept as text: it does not read as NA', text);
  return { ...NOTHING, value: { valueString: text || undefined } };
}

/** Documents, of several each a component. Anything that is no sound file stays in the message only. */
function documents(obx: Segment, type: 'ED' | 'RP', context: ValueContext, draft: Draft): ReadValues {
  const files = documentsOf(obx, type, draft).map((file, index) => draft.addFile(file, context.owner, index + 1));
  const extensions = files.map((file): Extension => ({ url: VALUE_ATTACHMENT, valueAttachment: file }));
  if (files.length <= 1) return { ...NOTHING, extension: extensions, files };
  return { ...NOTHING, component: extensions.map((extension) => componentOf(context, { extension: [extension] })), files };
}

export function documentsOf(obx: Segment, type: 'ED' | 'RP', draft: Draft): ReadFile[] {
  const count = Math.min(obx.repetitions(5), MAX_REPETITIONS);
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((repetition) => {
    const at = components(obx, 5, repetition);
    const file = type === 'ED' ? edFile(at) : rpFile(at);
    if (!file)
      draft.gap(
        pathOf({ segment: obx, field: 5, component: 0, most: 1, draft }),
        `${type} could not be read`,
        repetitionText(obx, 5, repetition),
      );
    return file ?? [];
  });
}

type ReaderContext = { readonly unit: () => Quantity; readonly zone: string; readonly owner: string };
type ValueReader = (at: Components, context: ReaderContext) => Value | undefined;

function concept(at: Components, { owner }: ReaderContext): Value | undefined {
  const valueCodeableConcept = cweCodeableConcept(at, owner);
  return valueCodeableConcept && { valueCodeableConcept };
}

function dateTime(at: Components, { zone }: ReaderContext): Value | undefined {
  const valueDateTime = dateTimeOf(at(1), zone);
  return valueDateTime === null ? undefined : { valueDateTime };
}

const VALUE_ATTACHMENT = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment';

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
    const whole = (at(1) !== '') === Boolean(valuePeriod?.start) && (at(2) !== '') === Boolean(valuePeriod?.end);
    return valuePeriod && whole ? { valuePeriod } : undefined;
  },
  NM: (at, { unit }) => {
    const valueQuantity = nmQuantity(at(1), unit());
    return valueQuantity && { valueQuantity };
  },
  CQ: (at, { unit, owner }) => {
    const valueQuantity = cqQuantity(at, owner, unit());
    return valueQuantity && { valueQuantity };
  },
  NR: (at, { unit }) => {
    const valueRange = nrRange(at, unit());
    return valueRange && { valueRange };
  },
  SN: (at, { unit }) => snValue(at, unit()),
  TM: (at) => {
    const valueTime = timeOf(at(1));
    return valueTime === null ? undefined : { valueTime };
  },
  VR: (at) => {
    const valueString = [at(1), at(2)].filter((part) => part !== '').join('-');
    return valueString === '' ? undefined : { valueString };
  },
};
