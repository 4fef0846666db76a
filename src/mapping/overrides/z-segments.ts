/**
 * Fields of Z segments that the peer's configuration gives a place in the ServiceRequest of their order: a note, an identifier, an extension.
 * In: the segments of an order. Out: members of the ServiceRequest. What does not read as its type is listed.
 */
import type { Annotation, Extension, Identifier, ServiceRequest } from '@medplum/fhirtypes';
import type { FieldPath } from '../../model/field-path.ts';
import type { ExtensionType, MappingOverrides, SegmentTarget } from '../../model/override.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components, isDeleted, MAX_REPETITIONS, repetitionText } from '../datatypes/components.ts';
import { dateOf, dateTimeOf } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { checkedPath, pathIn } from './edit.ts';

export type CarriedFields = { readonly note: Annotation[]; readonly identifier: Identifier[]; readonly extension: Extension[] };

export function carriedFields(segments: readonly Segment[], draft: Draft): CarriedFields {
  const carried: CarriedFields = { note: [], identifier: [], extension: [] };
  const { mapping } = draft.peer;
  if (!mapping) return carried;
  for (const { place, at, target } of targetsOf(mapping)) {
    for (const segment of segments) {
      if (segment.name !== at.segment || isDeleted(segment, at.field)) continue;
      for (const text of valuesAt(segment, at)) carry(text, target, pathIn(segment, place), carried, draft);
    }
  }
  return carried;
}

/** Adds to a ServiceRequest what its Z segments say. */
export function withCarried(request: ServiceRequest, { note, identifier, extension }: CarriedFields): ServiceRequest {
  return {
    ...request,
    ...(note.length > 0 ? { note: [...(request.note ?? []), ...note] } : {}),
    ...(identifier.length > 0 ? { identifier: [...(request.identifier ?? []), ...identifier] } : {}),
    ...(extension.length > 0 ? { extension: [...(request.extension ?? []), ...extension] } : {}),
  };
}

function valuesAt(segment: Segment, { field, repetition, component, subcomponent }: FieldPath): string[] {
  const count = Math.min(segment.repetitions(field), MAX_REPETITIONS);
  const all = Array.from({ length: count }, (_, index) => index + 1);
  const wanted = repetition === 0 ? all : all.filter((n) => n === repetition);
  const read = (n: number) =>
    component === 0 ? repetitionText(segment, field, n) : components(segment, field, n)(component, subcomponent || 1);
  return wanted.map(read).filter((text) => text !== '' && text !== '""');
}

function carry(text: string, target: SegmentTarget, path: string, carried: CarriedFields, draft: Draft): void {
  if (target.to === 'note') carried.note.push({ text });
  else if (target.to === 'identifier') carried.identifier.push({ system: target.system, value: text });
  else {
    const value = READERS[target.type](text, draft.zone);
    const name = `value${target.type.charAt(0).toUpperCase()}${target.type.slice(1)}`;
    if (value === null) draft.gap(path, `does not read as ${target.type}`, text);
    else carried.extension.push({ url: target.url, [name]: value });
  }
}

type Target = { readonly place: string; readonly at: FieldPath; readonly target: SegmentTarget };

function targetsOf(mapping: MappingOverrides): readonly Target[] {
  const known = TARGETS.get(mapping);
  if (known) return known;
  const targets = Object.entries(mapping.segments).map(([place, target]) => ({ place, at: checkedPath(place), target }));
  TARGETS.set(mapping, targets);
  return targets;
}

const TARGETS = new WeakMap<MappingOverrides, readonly Target[]>();

/** FHIR R4 §2.24.0.1. */
const READERS: Readonly<Record<ExtensionType, (text: string, zone: string) => string | number | boolean | null>> = {
  string: (text) => text,
  code: (text) => text.replace(/\s+/g, ' '),
  boolean: (text) => BOOLEANS.get(text.toUpperCase()) ?? null,
  integer: (text) => (/^[+-]?\d{1,10}$/.test(text) && Math.abs(Number(text)) < 2 ** 31 ? Number(text) : null),
  decimal: (text) => (/^[+-]?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : null),
  date: dateOf,
  dateTime: dateTimeOf,
};

/** HL7 Table 0136, and how others write it. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['Y', true],
  ['N', false],
  ['TRUE', true],
  ['FALSE', false],
  ['1', true],
  ['0', false],
]);
