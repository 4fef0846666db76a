/**
 * Conditional creates and updates (R4 §3.1.0.8.1, §3.1.0.4.3), decided inside the transaction: which row do the criteria mean?
 * Writers that ask by the same criteria wait for each other, so that of two at once one creates and the other finds.
 */
import type { Clock } from '../../model/clock.ts';
import { isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import type { Write } from '../../protocols/fhir/interaction.ts';
import { entryFailure, type FhirFailure, refuse } from '../../protocols/fhir/operation-outcome.ts';
import { parseSearch } from '../../protocols/fhir/search-query.ts';
import type { Transaction } from '../../store/database.ts';
import type { StoredResource } from '../../store/resource-store.ts';
import { lockCriteria, searchResources } from '../../store/search-store.ts';
import { groupOf } from './visibility.ts';
import type { Resolved } from './write-plan.ts';

export type ConditionalContext = { readonly caller: Caller; readonly base: string; readonly isTransaction: boolean };

/** Gives every write the resource it is about: the one named, the one found, or a new id. */
export async function resolveWrites(
  tx: Transaction,
  writes: readonly Write[],
  context: ConditionalContext,
  clock: Clock,
): Promise<Resolved[] | FhirFailure> {
  const criteria = writes.map(criteriaOf).filter((text) => text !== '');
  if (new Set(criteria).size < criteria.length) return refuse(400, 'invalid', 'two entries ask by the same criteria');
  await lockCriteria(tx, criteria);
  const resolved: Resolved[] = [];
  for (const [index, write] of writes.entries()) {
    const text = criteriaOf(write);
    const found = text === '' ? null : await findOne(tx, write.type, text, context);
    if (isFailure(found)) return context.isTransaction ? entryFailure(found, index) : found;
    const one = resolveWrite(write, found, clock);
    if (isFailure(one)) return context.isTransaction ? entryFailure(one, index) : one;
    resolved.push(one);
  }
  return resolved;
}

function resolveWrite(write: Write, found: StoredResource | null, clock: Clock): Resolved | FhirFailure {
  const id = 'id' in write && write.id !== '' ? write.id : (found?.id ?? clock.uuid());
  const reference = `${write.type}/${id}`;
  if (write.kind === 'create') return { write, reference, kept: found };
  const given = write.kind === 'update' && write.id === '' ? write.resource.id : undefined;
  if (given !== undefined && given !== found?.id)
    return refuse(400, 'invalid', 'the criteria do not mean the resource of this id', `${write.type}.id`);
  return { write, reference, kept: null };
}

/** `Type?criteria`, or '' for a write without. If-None-Exist is often sent with the type, though R4 asks for what follows the `?`. */
function criteriaOf(write: Write): string {
  if (write.kind === 'create' && write.ifNoneExist !== '') {
    const criteria = write.ifNoneExist.replace(/^\?/, '');
    return criteria.startsWith(`${write.type}?`) ? criteria : `${write.type}?${criteria}`;
  }
  return write.kind === 'update' && write.id === '' ? `${write.type}?${write.criteria}` : '';
}

async function findOne(
  tx: Transaction,
  type: string,
  text: string,
  context: ConditionalContext,
): Promise<StoredResource | null | FhirFailure> {
  const parameters = new URLSearchParams(text.slice(text.indexOf('?') + 1));
  const search = parseSearch(type, parameters, { base: context.base, lenient: false });
  if (isFailure(search)) return search;
  const { query } = search;
  const conditions = query.tokens.length + query.strings.length + query.dates.length + (query.ids ? 1 : 0) + (query.worklist ? 1 : 0);
  if (conditions === 0) return refuse(412, 'multiple-matches', 'the criteria select nothing');
  const { rows, next } = await searchResources(tx, { ...query, count: 2, after: null }, groupOf(context.caller));
  return rows.length > 1 || next ? refuse(412, 'multiple-matches', 'the criteria mean several resources') : (rows[0] ?? null);
}
