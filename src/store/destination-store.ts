/** Destinations that a person has paused: their lanes wait as they are until a person lets them go on. */
import type { Queryable, Transaction } from './database.ts';

export type Pause = { readonly destination: string; readonly by: string; readonly why: string; readonly at: Date };

/** Pauses a destination. One that is paused already stays so, with the new reason. */
export async function pauseDestination(tx: Transaction, { destination, by, why, at }: Pause): Promise<void> {
  await tx.query(
    `insert into destination_pause (destination, paused_by, why, at) values ($1, $2, $3, $4)
     on conflict (destination) do update set paused_by = excluded.paused_by, why = excluded.why`,
    [destination, by, why, at],
  );
}

/** Lets a destination go on. Returns false when it was not paused. */
export async function resumeDestination(tx: Transaction, destination: string): Promise<boolean> {
  const { rowCount } = await tx.query(`delete from destination_pause where destination = $1`, [destination]);
  if (rowCount === 1) await tx.query(`notify delivery`);
  return rowCount === 1;
}

export async function listPauses(q: Queryable): Promise<Pause[]> {
  const { rows } = await q.query<Pause>(`select destination, paused_by as by, why, at from destination_pause order by destination`);
  return rows;
}
