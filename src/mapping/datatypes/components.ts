/**
 * How datatypes read a field: by component and subcomponent, as the standard numbers them. In: a segment. Out: text that FHIR can hold:
 * '' where absent or deleted (`""`), no blanks around it, no control characters but tab and line ends (FHIR R4 §2.24.0.1, string).
 */
import type { Segment } from '../../protocols/hl7v2/message.ts';

/** One repetition of a field. */
export type Components = (component: number, subcomponent?: number) => string;

export function components(segment: Segment, field: number, repetition = 1): Components {
  return (component, subcomponent = 1) => clean(segment.get(field, component, repetition, subcomponent));
}

/** A component seen as a value of its own: its subcomponents become components (an HD inside a CX). */
export function within(at: Components, component: number): Components {
  return (inner) => at(component, inner);
}

/** First component of the first repetition. */
export function firstValue(segment: Segment | undefined, field: number): string {
  return segment ? clean(segment.get(field)) : '';
}

/** All repetitions as text that was not cut at component separators, one a line. */
export function textOf(segment: Segment, field: number): string {
  const lines = repetitionsOf(segment, field).map((repetition) => clean(segment.text(field, repetition)));
  return lines.join('\n').trim();
}

/** Whether the sender asks to delete what the field held. */
export function isDeleted(segment: Segment, field: number): boolean {
  return segment.raw(field) === '""';
}

/** What `read` makes of each repetition; what it makes nothing of is left out. */
export function eachRepetition<T>(segment: Segment | undefined, field: number, read: (at: Components) => T | undefined): T[] {
  if (!segment) return [];
  return repetitionsOf(segment, field)
    .map((repetition) => read(components(segment, field, repetition)))
    .filter((value) => value !== undefined);
}

/** An object without the members that hold nothing; undefined when none holds anything. */
export function filled<T extends object>(members: T): T | undefined {
  const kept = Object.entries(members).filter(([, value]) => !isEmpty(value));
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as T);
}

/** As `filled`, for resources: `{ resourceType }` at least is there. */
export function compact<T extends { resourceType: string }>(members: T): T {
  return filled(members) as T;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

function repetitionsOf(segment: Segment, field: number): number[] {
  return Array.from({ length: segment.repetitions(field) }, (_, index) => index + 1);
}

function clean(text: string): string {
  if (text === '""') return '';
  return (CONTROLS.test(text) ? text.replace(CONTROLS, '') : text).trim();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]+/g;
