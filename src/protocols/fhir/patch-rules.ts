/**
 * Which operations of a JSON Patch (RFC 6902) are taken. In: operations as parsed, and the resource each is about to be applied to.
 * Out: whether they are safe. `applyPatch` of @medplum/core assigns wherever a path leads, an array's `length` and prototypes too;
 * so every path is walked first, and leads only through what is there.
 */
import type { Operation } from '@medplum/core';

export const MAX_OPERATIONS = 1_000;
const MAX_PATH_LENGTH = 1_000;
const MAX_PATH_DEPTH = 50;

/** Whether this is an operation we know. `copy` and `move` are left out: a few copies of a whole into its part outgrow any memory. */
export function isOperation(value: unknown): value is Operation {
  const { op, path } = (value ?? {}) as { op?: unknown; path?: unknown };
  return (
    (op === 'add' || op === 'remove' || op === 'replace' || op === 'test') && typeof path === 'string' && path.length <= MAX_PATH_LENGTH
  );
}

/** Whether the path of an operation ends at something there, or for `add` at a place next to it. */
export function isApplicable(resource: object, { op, path }: Operation): boolean {
  const [root, ...tokens] = path.split('/');
  const last = tokens.pop();
  if (root !== '' || last === undefined || tokens.length >= MAX_PATH_DEPTH) return false;
  let parent: unknown = resource;
  for (const token of tokens.map(unescaped)) {
    if (!isThere(parent, token)) return false;
    parent = (parent as Record<string, unknown>)[token];
  }
  return op === 'add' ? isPlace(parent, unescaped(last)) : isThere(parent, unescaped(last));
}

function isThere(parent: unknown, token: string): boolean {
  if (Array.isArray(parent)) return INDEX.test(token) && Number(token) < parent.length;
  return typeof parent === 'object' && parent !== null && Object.hasOwn(parent, token);
}

function isPlace(parent: unknown, token: string): boolean {
  if (Array.isArray(parent)) return token === '-' || (INDEX.test(token) && Number(token) <= parent.length);
  return typeof parent === 'object' && parent !== null && !(token in Object.prototype) && token !== 'prototype';
}

/** RFC 6901 §4. */
function unescaped(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

const INDEX = /^(?:0|[1-9]\d{0,8})$/;
