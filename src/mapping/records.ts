/**
 * Where names lead in one batch: urns of resources and numbers of records (`type|system|value`) to `Type/id`, and records that went up into
 * others to those. Filled by resolve-step.ts, asked by whatever places a reference.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { Identity } from '../model/identity.ts';
import type { Work } from '../model/work.ts';
import { replacedBy } from './numbers.ts';

export type Records = {
  readonly names: Map<string, string>;
  readonly moved: Map<string, string>;
  /** Messages that are older than what is known of their patient. */
  readonly outdated: Set<Work>;
  /** What a message names by a number that is somebody else's, `Type/id`: it stays as it is, and goes into no case of this message. */
  readonly foreign: Map<Work, Set<string>>;
};

export function openRecords(): Records {
  return { names: new Map(), moved: new Map(), outdated: new Set(), foreign: new Map() };
}

/** The record that a urn, a number or a reference now stands for. `read`: a resource as the batch leaves it. */
export function currentRecord({ names, moved }: Records, name: string, read: (reference: string) => Resource | null): string {
  let at = names.get(name) ?? name;
  for (let step = 0; step < MAX_CHAIN; step++) {
    const next = moved.get(at) ?? (at.startsWith('Patient/') ? replacedBy(read(at)) : '');
    if (next === '') return at;
    at = next;
  }
  return at;
}

/** A chain of merges longer than this is none. */
export const MAX_CHAIN = 100;

/** The name of a number. */
export function numberName({ type, system, value }: Identity): string {
  return `${type}|${system}|${value}`;
}
