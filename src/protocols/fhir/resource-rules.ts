/**
 * Rules of the JSON form and of datatypes that `validateResource` of @medplum/core leaves out. In: a resource as parsed.
 * Out: faults, each with the element's path. R4 §2.6.2 (no empty values), §2.1.28.0.10 (id), §2.24.0.3 (Attachment), per-1, txt-1.
 */
import { createHash } from 'node:crypto';
import { isMediaType } from './media-type.ts';
import { narrativeFault } from './narrative-rules.ts';
import type { Fault } from './operation-outcome.ts';
import { dateRange } from './search-date.ts';

/** More faults than this help nobody. */
const MAX_FAULTS = 20;

/** Checks everything below a resource. */
export function ruleFaults(resource: object): Fault[] {
  const faults: Fault[] = [];
  checkResourceId(resource as Record<string, unknown>, faults);
  checkBinary(resource as Record<string, unknown>, faults);
  checkObject(resource as Record<string, unknown>, String((resource as { resourceType?: unknown }).resourceType), faults);
  return faults;
}

function checkObject(value: Record<string, unknown>, path: string, faults: Fault[]): void {
  if (faults.length >= MAX_FAULTS) return;
  const names = Object.keys(value);
  if (names.length === 0) faults.push(fault(path, 'an object cannot be empty'));
  for (const name of names) {
    if (name in Object.prototype) faults.push(fault(path, `"${name}" is not an element`));
    else checkValue(value[name], `${path}.${name}`, faults);
  }
  checkPeriod(value, path, faults);
  checkAttachment(value, path, faults);
  if (typeof value.div === 'string') checkNarrative(value.div, path, faults);
}

function checkValue(value: unknown, path: string, faults: Fault[]): void {
  if (typeof value === 'string') checkString(value, path, faults);
  else if (Array.isArray(value)) {
    if (value.length === 0) faults.push(fault(path, 'an array cannot be empty'));
    for (const [index, item] of value.entries()) checkValue(item, `${path}[${index}]`, faults);
  } else if (typeof value === 'object' && value !== null) {
    const child = value as Record<string, unknown>;
    if (typeof child.resourceType === 'string') checkResourceId(child, faults, path);
    checkObject(child, path, faults);
  }
}

function checkString(value: string, path: string, faults: Fault[]): void {
  if (value === '') faults.push(fault(path, 'a string cannot be empty'));
  else if (CONTROL_CHARACTER.test(value)) faults.push(fault(path, 'a string cannot hold control characters'));
  else if (!value.isWellFormed()) faults.push(fault(path, 'a string holds half of a surrogate pair'));
}

function checkResourceId(resource: Record<string, unknown>, faults: Fault[], path = String(resource.resourceType)): void {
  const { id } = resource;
  if (id !== undefined && !(typeof id === 'string' && ID.test(id))) {
    faults.push(fault(`${path}.id`, 'an id has 1 to 64 letters, digits, "-" and "."'));
  }
}

/** A Binary is sent with its content type as a header. */
function checkBinary({ resourceType, contentType }: Record<string, unknown>, faults: Fault[]): void {
  if (resourceType !== 'Binary' || typeof contentType !== 'string' || isMediaType(contentType)) return;
  faults.push(fault('Binary.contentType', 'this is no content type'));
}

function checkPeriod({ start, end }: Record<string, unknown>, path: string, faults: Fault[]): void {
  if (typeof start !== 'string' || typeof end !== 'string') return;
  const [from, to] = [dateRange(start), dateRange(end)];
  if (from && to && from.from >= to.to) faults.push(fault(path, 'a period cannot end before it starts (per-1)', 'invariant'));
}

/** Size and hash (SHA-1 in R4) must be those of the data that comes along. */
function checkAttachment({ data, size, hash }: Record<string, unknown>, path: string, faults: Fault[]): void {
  if (typeof data !== 'string' || (typeof size !== 'number' && typeof hash !== 'string')) return;
  const bytes = Buffer.from(data, 'base64');
  if (typeof size === 'number' && size !== bytes.length) faults.push(fault(`${path}.size`, 'not the size of the data'));
  if (typeof hash === 'string' && hash !== createHash('sha1').update(bytes).digest('base64')) {
    faults.push(fault(`${path}.hash`, 'not the SHA-1 of the data'));
  }
}

function checkNarrative(div: string, path: string, faults: Fault[]): void {
  const said = narrativeFault(div);
  if (said !== '') faults.push(fault(`${path}.div`, said, 'invariant'));
}

function fault(path: string, said: string, code: Fault['code'] = 'structure'): Fault {
  return { code, said, path };
}

/** R4 §2.24.0.1, id. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** R4 §2.24.0.1, string: nothing below U+0020 but tab, carriage return and line feed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;
