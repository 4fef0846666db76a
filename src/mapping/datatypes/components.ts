/**
 * How datatypes read a field: by component and subcomponent, as the standard numbers them. In: a segment. Out: text that FHIR can hold:
 * '' where absent or deleted (`""`), no blanks around it, no control characters but tab and line ends (FHIR R4 §2.24.0.1, string).
 */
import type { Segment } from '../../protocols/hl7v2/message.ts';

/** One repetition of a field. `look`: without taking note that the value was read. */
export type Components = (component: number, subcomponent?: number, look?: boolean) => string;

export function components(segment: Segment, field: number, repetition = 1): Components {
  return (component, subcomponent = 1, look = false) =>
    clean(look ? segment.peek(field, component, repetition, subcomponent) : segment.get(field, component, repetition, subcomponent));
}

/** A component seen as a value of its own: its subcomponents become components (an HD inside a CX). */
export function within(at: Components, component: number): Components {
  return (inner, _none, look) => at(component, inner, look);
}

/** A code in capitals, read only where it is understood: one that is not stays unread, and is listed. '' for that. */
export function knownCode(at: Components, component: number, isKnown: (code: string) => boolean): string {
  const code = at(component, 1, true).toUpperCase();
  return code !== '' && isKnown(code) ? at(component).toUpperCase() : '';
}

/** First component of the first repetition. */
export function firstValue(segment: Segment | undefined, field: number): string {
  return segment ? clean(segment.get(field)) : '';
}

/** One repetition as text that was not cut at component separators. */
export function repetitionText(segment: Segment, field: number, repetition: number): string {
  return clean(segment.text(field, repetition));
}

/** All repetitions as such text, one a line. */
export function textOf(segment: Segment, field: number): string {
  const lines = Array.from({ length: segment.repetitions(field) }, (_, index) => repetitionText(segment, field, index + 1));
  return lines.join('\n').trim();
}

/** Whether the sender asks to delete what the field held. */
export function isDeleted(segment: Segment, field: number): boolean {
  return segment.raw(field) === '""';
}

/** No list of a person or an order is longer; a hostile one could name as many identities as it has bytes. */
export const MAX_REPETITIONS = 200;

/** What `read` makes of each repetition, up to `MAX_REPETITIONS`; what it makes nothing of is left out. */
export function eachRepetition<T>(segment: Segment | undefined, field: number, read: (at: Components) => T | undefined): T[] {
  const values: T[] = [];
  const count = Math.min(segment?.repetitions(field) ?? 0, MAX_REPETITIONS);
  for (let repetition = 1; repetition <= count; repetition++) {
    const value = read(components(segment as Segment, field, repetition));
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** An object without the members that hold nothing; undefined when none holds anything. */
export function filled<T extends object>(members: T): T | undefined {
  const kept: Record<string, unknown> = {};
  let some = false;
  for (const name in members) {
    const value = members[name];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    kept[name] = value;
    some = true;
  }
  return some ? (kept as T) : undefined;
}

/** As `filled`, for resources: `{ resourceType }` at least is there. */
export function compact<T extends { resourceType: string }>(members: T): T {
  return filled(members) as T;
}

function clean(text: string): string {
  if (text === '' || text === '""') return '';
  return isClean(text) ? text : text.replace(CONTROLS, '').trim();
}

/** Most texts are: no control character anywhere, no blank (which may be no ASCII) at either end. */
function isClean(text: string): boolean {
  if (!isInk(text.charCodeAt(0)) || !isInk(text.charCodeAt(text.length - 1))) return false;
  for (let index = 1; index < text.length - 1; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return false;
  }
  return true;
}

function isInk(code: number): boolean {
  return code > 0x20 && code < 0x7f;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]+/g;
