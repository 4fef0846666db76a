/** What was not carried, counted over all messages. Rows are written in the order of their key by everyone, so that two batches only wait. */
import type { GapCount } from '../model/loss-report.ts';
import type { Queryable, Transaction } from './database.ts';
import { arrayLiteral } from './packed.ts';

/** Adds to the counts; to be the last thing of its transaction that locks what others want. An entry that is replayed counts again. */
export async function saveGapCounts(tx: Transaction, counts: readonly GapCount[], now: Date): Promise<void> {
  if (counts.length === 0) return;
  const column = (of: (count: GapCount) => string | number) => arrayLiteral(counts.map(of));
  await tx.query({
    name: 'gap-count',
    text: `insert into gap (peer, type, path, reason, code, code_table, times, last_seq, last_seen)
           select peer, type, path, reason, code, code_table, times, seq, $9
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
                as i(peer, type, path, reason, code, code_table, times, seq)
           where (select reltuples from pg_class where oid = 'gap'::regclass) < ${MAX_ROWS}
              or exists (select 1 from gap g where (g.peer, g.type, g.path, g.reason, g.code) = (i.peer, i.type, i.path, i.reason, i.code))
           order by peer, type, path, reason, code
           on conflict (peer, type, path, reason, code) do update set times = gap.times + excluded.times,
             last_seq = greatest(gap.last_seq, excluded.last_seq), last_seen = greatest(gap.last_seen, excluded.last_seen)`,
    values: [
      column(({ peer }) => peer),
      column(({ type }) => type),
      column(({ path }) => path),
      column(({ reason }) => reason),
      column(({ code }) => code),
      column(({ table }) => table),
      column(({ times }) => times),
      column(({ seq }) => seq),
      now,
    ],
  });
}

/** About as many kinds are counted, as the planner knows the table: a sender may write another code into each message. */
const MAX_ROWS = 50_000;

export type GapRow = Omit<GapCount, 'seq'> & { readonly lastSeq: number; readonly lastSeen: Date };

/** The most frequent first. */
export async function listGaps(q: Queryable, filter: { peer: string; codes: boolean; offset: number; limit: number }): Promise<GapRow[]> {
  const { rows } = await q.query<GapRow>(
    `select peer, type, path, reason, code, code_table as "table", times, last_seq as "lastSeq", last_seen as "lastSeen" from gap
     where ($1 = '' or peer = $1) and (not $2 or code_table <> '')
     order by times desc, peer, type, path, reason, code offset $3 limit $4`,
    [filter.peer, filter.codes, filter.offset, filter.limit],
  );
  return rows;
}
