/**
 * Results that came before their order (`waiting_result`): journal entries by the keys of the case they are for. Whoever reads or writes rows of
 * a key has named it in `case_keys` before, so that of a result and its order that are worked off at once the later one sees the other.
 */
import type { CaseKey } from '../model/case.ts';
import { keyColumns } from './case-store.ts';
import type { Transaction } from './database.ts';

export type WaitingResult = { readonly seq: number; readonly keys: readonly CaseKey[] };

/** A result waits for its order no longer than this; a feed of all results of a hospital brings many that nobody here orders. */
const MOST_DAYS = 90;
/** Of those that waited longer, so many go with each that is kept. */
const SWEPT = 100;

export async function keepWaiting(tx: Transaction, waiting: readonly WaitingResult[], now: Date): Promise<void> {
  const rows = waiting.flatMap(({ seq, keys }) => keys.map((key) => ({ seq, key })));
  if (rows.length === 0) return;
  await tx.query({
    name: 'waiting-result-keep',
    text: `with old as (delete from waiting_result where ctid = any(array(
             select ctid from waiting_result where since < $5::timestamptz - make_interval(days => ${MOST_DAYS}) order by since limit ${SWEPT}
             for update skip locked)))
           insert into waiting_result (kind, system, value, seq, since)
           select kind, system, value, seq, $5 from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as w(kind, system, value, seq)
           on conflict do nothing`,
    values: [...keyColumns(rows.map(({ key }) => key)), rows.map(({ seq }) => seq), now],
  });
}

/** Takes the entries that wait for one of these keys: they wait no more. */
export async function takeWaiting(tx: Transaction, keys: readonly CaseKey[]): Promise<number[]> {
  if (keys.length === 0) return [];
  const { rows } = await tx.query<{ seq: number }>({
    name: 'waiting-result-take',
    text: `delete from waiting_result where seq in (
             select seq from waiting_result where (kind, system, value) in (select * from unnest($1::text[], $2::text[], $3::text[])))
           returning seq`,
    values: keyColumns(keys),
  });
  return [...new Set(rows.map(({ seq }) => seq))];
}
