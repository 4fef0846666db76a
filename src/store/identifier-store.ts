/**
 * Business identifier → resource id. `(type, system, value)` is unique: whoever inserts first gives the id, and everybody else,
 * also one that races, gets it. Rows are inserted in one sorted order, so that two workers wait for each other and never deadlock.
 */
import type { Identity } from '../model/identity.ts';
import type { Queryable, Transaction } from './database.ts';

/** One resource's identifiers; `fresh` is the UUIDv7 it gets when none of them is known. */
export type IdentityClaim = { readonly identities: readonly Identity[]; readonly fresh: string };

export type ResolvedIdentity = {
  readonly id: string;
  /** True when this transaction gave the id. */
  readonly created: boolean;
  /** Ids that other identifiers of the same resource already had: two records that are one, left to a person. */
  readonly others: readonly string[];
};

/**
 * Resolves every claim to one id, in the order given. A claim whose identifiers have several ids takes the oldest (UUIDv7 sorts by time);
 * an identifier seen for the first time takes the id of the identifiers it came with.
 */
export async function claimIdentifiers(tx: Transaction, claims: readonly IdentityClaim[]): Promise<ResolvedIdentity[]> {
  const wanted = wantedRows(claims);
  const known = await insertOrRead(tx, wanted);
  const moved: { identity: Identity; id: string }[] = [];
  const resolved = claims.map((claim) => {
    const ids = [...new Set(claim.identities.map((identity) => known.get(keyOf(identity)) as string))].sort();
    const old = ids.filter((id) => !wanted.freshIds.has(id));
    const id = (old[0] ?? earliest(ids, wanted.freshIds)) as string;
    for (const identity of claim.identities) {
      const has = known.get(keyOf(identity)) as string;
      if (has === id || !wanted.freshIds.has(has)) continue;
      known.set(keyOf(identity), id);
      moved.push({ identity, id });
    }
    return { id, created: old.length === 0, others: old.slice(1) };
  });
  await moveRows(tx, moved);
  return resolved;
}

/** Of ids that were given just now: that of the first claim, which has been resolved to it already. Within a millisecond UUIDs have no order. */
function earliest(ids: readonly string[], freshIds: ReadonlyMap<string, number>): string | undefined {
  const placeOf = (id: string): number => freshIds.get(id) ?? Number.POSITIVE_INFINITY;
  return ids.reduce<string | undefined>((first, id) => (first === undefined || placeOf(id) < placeOf(first) ? id : first), undefined);
}

/** Reads ids without claiming any. */
export async function findIdentifiers(q: Queryable, identities: readonly Identity[]): Promise<(string | null)[]> {
  if (identities.length === 0) return [];
  const known = await readRows(q, identities);
  return identities.map((identity) => known.get(keyOf(identity)) ?? null);
}

/** `freshIds`: the ids that claims bring, and the place of the claim. */
type Wanted = { rows: { identity: Identity; id: string }[]; freshIds: ReadonlyMap<string, number> };

function wantedRows(claims: readonly IdentityClaim[]): Wanted {
  const rows = new Map<string, { identity: Identity; id: string }>();
  for (const claim of claims) {
    for (const identity of claim.identities) {
      const key = keyOf(identity);
      if (!rows.has(key)) rows.set(key, { identity, id: claim.fresh });
    }
  }
  const sorted = [...rows.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return { rows: sorted, freshIds: new Map(claims.map((claim, place) => [claim.fresh, place])) };
}

async function insertOrRead(tx: Transaction, wanted: Wanted): Promise<Map<string, string>> {
  const identities = wanted.rows.map((row) => row.identity);
  const { rows } = await tx.query<IdentifierRow>({
    name: 'identifier-claim',
    text: `insert into identifiers (type, system, value, id)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
           on conflict do nothing returning type, system, value, id`,
    values: [...columnsOf(identities), wanted.rows.map((row) => row.id)],
  });
  const known = mapOf(rows);
  const missing = identities.filter((identity) => !known.has(keyOf(identity)));
  // A new statement sees what the transaction that won the race has committed.
  for (const [key, id] of await readRows(tx, missing)) known.set(key, id);
  return known;
}

async function readRows(q: Queryable, identities: readonly Identity[]): Promise<Map<string, string>> {
  if (identities.length === 0) return new Map();
  const { rows } = await q.query<IdentifierRow>({
    name: 'identifier-read',
    text: `select i.type, i.system, i.value, i.id from unnest($1::text[], $2::text[], $3::text[]) as k(type, system, value)
           join identifiers i using (type, system, value)`,
    values: columnsOf(identities),
  });
  return mapOf(rows);
}

async function moveRows(tx: Transaction, moved: { identity: Identity; id: string }[]): Promise<void> {
  if (moved.length === 0) return;
  await tx.query(
    `update identifiers i set id = k.id from unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) as k(type, system, value, id)
     where i.type = k.type and i.system = k.system and i.value = k.value`,
    [...columnsOf(moved.map((row) => row.identity)), moved.map((row) => row.id)],
  );
}

type IdentifierRow = { type: string; system: string; value: string; id: string };

function columnsOf(identities: readonly Identity[]): [string[], string[], string[]] {
  return [identities.map((i) => i.type), identities.map((i) => i.system), identities.map((i) => i.value)];
}

function mapOf(rows: IdentifierRow[]): Map<string, string> {
  return new Map(rows.map((row) => [keyOf(row), row.id]));
}

function keyOf(identity: Identity): string {
  return `${identity.type}\0${identity.system}\0${identity.value}`;
}
