/**
 * JSON as FHIR uses it (R4 §2.6.2). In: the bytes of a request. Out: the value, or a refusal.
 * Promises bounded work: nesting deeper and values more than any resource has are refused before anything recursive sees them.
 */
import { isFailure } from '../../model/failure.ts';
import { type FhirFailure, refuse } from './operation-outcome.ts';

/** A QuestionnaireResponse of 40 nested groups needs 80 levels; real resources stay under 20. */
export const MAX_DEPTH = 100;

/** Checking a value costs about 20 µs, so one resource of so many is two seconds' work; a study of 2,000 images has 20,000. */
export const MAX_VALUES = 100_000;

export type JsonObject = { readonly [name: string]: unknown };

/** Parses a JSON object. */
export function parseJsonObject(bytes: Buffer): JsonObject | FhirFailure {
  const value = parseJson(bytes);
  if (isFailure(value)) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(400, 'structure', 'the body is not a JSON object');
  return value as JsonObject;
}

/** Parses any JSON value. */
export function parseJson(bytes: Buffer): unknown | FhirFailure {
  const { depth, values } = sizeOf(bytes);
  if (depth > MAX_DEPTH) return refuse(400, 'too-long', `the body is nested deeper than ${MAX_DEPTH} levels`);
  if (values > MAX_VALUES) return refuse(400, 'too-long', `the body holds more than ${MAX_VALUES} values`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refuse(400, 'structure', 'the body is not JSON in UTF-8');
  }
}

/** Deepest nesting and number of values, by one pass over the bytes: what stands inside strings does not count. */
export function sizeOf(bytes: Buffer): { readonly depth: number; readonly values: number } {
  let [depth, deepest, values] = [0, 0, 1];
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) values++;
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      values++;
      deepest = Math.max(deepest, ++depth);
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--;
  }
  return { depth: deepest, values };
}

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
