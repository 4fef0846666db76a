/**
 * Replies that somebody waits for at the door (`awaited_reply`). Of two that want to end a wait, the corridor with a reply and the door
 * when time is up, the one that takes the row has the word: the other one finds it gone. So a reply is in the answer of its entry, or is
 * sent later, and never both.
 */
import type { Queryable, Transaction } from './database.ts';

/** Told when waits end: the answers of their entries stand. */
export const ANSWERED = 'answered';

/** Ends the waits for these entries with the transaction. Returns those that were still waited for: their answers may be changed in it. */
export async function takeAwaited(tx: Transaction, seqs: readonly number[]): Promise<ReadonlySet<number>> {
  if (seqs.length === 0) return new Set();
  const { rows } = await tx.query<{ seq: number }>('delete from awaited_reply where seq = any($1) returning seq', [seqs]);
  if (rows.length > 0) await tx.query(`notify ${ANSWERED}`);
  return new Set(rows.map(({ seq }) => seq));
}

/**
 * Gives up the waits of a gateway that ended under them, as if time were up: those of `peers`, who have another way to their replies, and those
 * whose entries are worked off. Who has no other way gets the reply when he sends his message again, so his wait stays.
 */
export async function giveUpBroken(q: Queryable, peers: readonly string[]): Promise<void> {
  await q.query(
    `delete from awaited_reply where seq in (
       select a.seq from awaited_reply a left join journal j using (seq) left join pending p using (seq)
       where p.seq is null or j.peer = any($1::text[]) order by a.seq for update of a skip locked)`,
    [peers],
  );
}

/** What a sender gets for its message from now on, however often it sends it. */
export async function saveAnswer(tx: Transaction, seq: number, answer: Buffer): Promise<void> {
  await tx.query('update journal set answer = $2 where seq = $1', [seq, answer]);
}

/**
 * Gives up the waits for `expired`, but for those that the corridor is about to answer. Returns the answers of all `seqs` that are waited for
 * no more, however that came: one look sees an entry's wait and its answer as of the same moment.
 */
export async function endedWaits(q: Queryable, seqs: readonly number[], expired: readonly number[]): Promise<Map<number, Buffer>> {
  const { rows } = await q.query<{ seq: number; answer: Buffer }>({
    name: 'awaited-ended',
    text: `with given_up as (
             delete from awaited_reply where seq in (
               select seq from awaited_reply where seq = any($2::bigint[]) order by seq for update skip locked)
             returning seq)
           select j.seq, j.answer from journal j where j.seq = any($1::bigint[])
             and (not exists (select 1 from awaited_reply a where a.seq = j.seq) or j.seq in (select seq from given_up))`,
    values: [seqs, expired],
  });
  return new Map(rows.map(({ seq, answer }) => [seq, answer]));
}
