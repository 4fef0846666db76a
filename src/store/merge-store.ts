/**
 * Merges of Patients: which record went up into which, and what went along, so that a person can undo it; and the numbers of a record,
 * which lead to another one from then on. A merge is made and undone with both Patients locked.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { Identity } from '../model/identity.ts';
import type { Queryable, Transaction } from './database.ts';
import { tokenHash } from './resource-store.ts';

export type MergeContent = { readonly old: Patient & { id: string }; readonly gained: readonly Identity[] };

export type PatientMerge = {
  readonly n: number;
  readonly merged: string;
  readonly survivor: string;
  readonly at: Date;
  /** Journal entry that said so. */
  readonly seq: number;
  readonly identities: readonly Identity[];
  /** The record as it was, and the numbers that the survivor got from it; null where that was not noted yet. */
  readonly content: MergeContent | null;
  readonly resources: readonly string[];
  readonly cases: readonly string[];
  readonly undone: Date | null;
};

/** Every number that led to the Patient `from` leads to `to`. Returns them. */
export async function repointPatient(tx: Transaction, from: string, to: string): Promise<Identity[]> {
  const { rows } = await tx.query<Identity>(
    `update identifiers set id = $2 where type = 'Patient' and id = $1 returning type, system, value`,
    [from, to],
  );
  return rows;
}

/** These numbers lead to `to`, as far as they led to `from`. */
export async function repointIdentities(tx: Transaction, identities: readonly Identity[], from: string, to: string): Promise<void> {
  if (identities.length === 0) return;
  await tx.query(
    `update identifiers i set id = $5 from unnest($1::text[], $2::text[], $3::text[]) as k(type, system, value)
     where i.type = k.type and i.system = k.system and i.value = k.value and i.id = $4`,
    [identities.map(({ type }) => type), identities.map(({ system }) => system), identities.map(({ value }) => value), from, to],
  );
}

/** The numbers that lead to a Patient. */
export async function identitiesOf(q: Queryable, patient: string): Promise<Identity[]> {
  const { rows } = await q.query<Identity>(`select type, system, value from identifiers where type = 'Patient' and id = $1`, [patient]);
  return rows;
}

/** Notes a merge; what goes along is added by `addMoved`. */
export async function insertMerge(
  tx: Transaction,
  merge: Pick<PatientMerge, 'merged' | 'survivor' | 'at' | 'seq' | 'identities' | 'content'>,
): Promise<number> {
  const { rows } = await tx.query<{ n: number }>(
    `insert into patient_merge (merged, survivor, at, seq, systems, numbers, content) values ($1, $2, $3, $4, $5, $6, $7) returning n`,
    [
      merge.merged,
      merge.survivor,
      merge.at,
      merge.seq,
      merge.identities.map(({ system }) => system),
      merge.identities.map(({ value }) => value),
      Buffer.from(JSON.stringify(merge.content)),
    ],
  );
  return rows[0]?.n as number;
}

export async function addMoved(tx: Transaction, n: number, resources: readonly string[], cases: readonly string[]): Promise<void> {
  await tx.query(`update patient_merge set resources = resources || $2::text[], cases = cases || $3::uuid[] where n = $1`, [
    n,
    resources,
    cases,
  ]);
}

/** The newest merge of a Patient into another, undone or not; null for none. */
export async function readMerge(q: Queryable, merged: string): Promise<PatientMerge | null> {
  const { rows } = await q.query<MergeRow>(
    `select n, merged, survivor, at, seq, systems, numbers, content, resources, cases, undone from patient_merge where merged = $1 order by n desc limit 1`,
    [merged],
  );
  return rows[0] ? mergeOf(rows[0]) : null;
}

type MergeRow = Omit<PatientMerge, 'identities' | 'content'> & { systems: string[]; numbers: string[]; content: Buffer | null };

function mergeOf({ systems, numbers, content, ...rest }: MergeRow): PatientMerge {
  const identities = numbers.map((value, index) => ({ type: 'Patient', system: systems[index] as string, value }));
  return { ...rest, identities, content: content && (JSON.parse(content.toString('utf8')) as MergeContent) };
}

/** All merges that a Patient took part in, oldest first. */
export async function mergesOf(q: Queryable, patient: string): Promise<PatientMerge[]> {
  const { rows } = await q.query<MergeRow>(
    `select n, merged, survivor, at, seq, systems, numbers, content, resources, cases, undone from patient_merge
     where merged = $1 or survivor = $1 order by n limit ${MAX_MERGES}`,
    [patient],
  );
  return rows.map(mergeOf);
}

const MAX_MERGES = 1_000;

/** Patients that were merged and had a number before, whatever its authority. */
export async function mergedUnder(q: Queryable, number: string, limit: number): Promise<string[]> {
  const { rows } = await q.query<{ merged: string }>(
    `select distinct merged from patient_merge where numbers @> array[$1]::text[] order by merged limit $2`,
    [number, limit],
  );
  return rows.map(({ merged }) => merged);
}

/** Groups that see, of those given, something that refers to a resource (by its tokens) beside `except` and what is of these cases. */
export async function groupsThatSee(
  q: Queryable,
  tokens: readonly string[],
  groups: readonly string[],
  except: { readonly references: readonly string[]; readonly cases: readonly string[] },
): Promise<string[]> {
  const { rows } = await q.query<{ reader: string }>(
    `select distinct unnest(readers) as reader from resource
     where tokens && $1::bigint[] and type <> 'Patient' and not deleted and readers && $2::text[]
       and not (type || '/' || id = any($3::text[])) and (case_id is null or case_id <> all($4::uuid[]))`,
    [tokens.map(tokenHash), groups, except.references, except.cases],
  );
  return rows.map(({ reader }) => reader);
}

/** Whether a merge of these two was undone after `said`: what was said before that is not carried out again. */
export async function isUndone(q: Queryable, merged: string, survivor: string, said: Date): Promise<boolean> {
  const { rows } = await q.query(`select 1 from patient_merge where merged = $1 and survivor = $2 and undone >= $3 limit 1`, [
    merged,
    survivor,
    said,
  ]);
  return rows.length > 0;
}

export async function endMerge(tx: Transaction, n: number, now: Date): Promise<void> {
  await tx.query(`update patient_merge set undone = $2 where n = $1`, [n, now]);
}

export type Referring = { readonly reference: string; readonly caseId: string | null };

/** More than this is no person's record, but that of everybody who is unknown: its content would not fit into one transaction. */
const MAX_REFERRING = 20_000;

/**
 * What is found by one of these tokens (protocols/fhir makes them): what refers to a resource, with the case that each belongs to. Throws
 * where that is too much to move: the entry then fails for a person to decide.
 */
export async function findReferring(q: Queryable, tokens: readonly string[]): Promise<Referring[]> {
  const { rows } = await q.query<Referring>(
    `select type || '/' || id as reference, case_id as "caseId" from resource where tokens && $1::bigint[] and not deleted order by type, id limit $2`,
    [tokens.map(tokenHash), MAX_REFERRING + 1],
  );
  if (rows.length > MAX_REFERRING) throw new Error(`store: more than ${MAX_REFERRING} resources refer to one record`);
  return rows;
}
