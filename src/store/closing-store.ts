/**
 * What others say of how far a study is: performed procedure steps as the door keeps them, and what mapping made of them and of other
 * notices, counted against the instances that are here.
 */
import type { CaseKey } from '../model/case.ts';
import type { ClosingCount, ClosingSignal } from '../model/closing.ts';
import type { Queryable, Transaction } from './database.ts';

/** `content`: DICOM JSON. */
export type StoredStep = { readonly peer: string; readonly state: string; readonly content: Buffer; readonly updated: Date };

/** Of many that come at once for one step, one has it until its transaction ends. */
export async function lockStep(tx: Transaction, uid: string): Promise<StoredStep | null> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [uid]);
  return readStep(tx, uid);
}

export async function readStep(q: Queryable, uid: string): Promise<StoredStep | null> {
  const { rows } = await q.query<StoredStep>('select peer, state, content, updated from performed_step where uid = $1', [uid]);
  return rows[0] ?? null;
}

export async function saveStep(tx: Transaction, uid: string, { peer, state, content, updated }: StoredStep): Promise<void> {
  await tx.query(
    `insert into performed_step (uid, peer, state, content, updated) values ($1, $2, $3, $4, $5)
     on conflict (uid) do update set state = excluded.state, content = excluded.content, updated = excluded.updated`,
    [uid, peer, state, content, updated],
  );
}

/** Of a notification that comes several times at once, one has it until its transaction ends: the digest it was journaled by, null the first time. */
export async function lockNotice(
  tx: Transaction,
  { peer, type, uid }: { peer: string; type: string; uid: string },
): Promise<Buffer | null> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [uid]);
  const { rows } = await tx.query<{ digest: Buffer }>(
    `select digest from journal where peer = $1 and control_id = $2 and type = $3 and disposition = 'accepted' order by seq limit 1`,
    [peer, uid, type],
  );
  return rows[0]?.digest ?? null;
}

/** The newest word of each: one that is worked off once more, after a newer one, changes nothing. */
export async function saveSignals(tx: Transaction, signals: readonly ClosingSignal[]): Promise<void> {
  for (const { kind, peer, uid, state, keys, patient, instances, seq, at } of signals) {
    await tx.query({
      name: 'closing-save',
      text: `insert into closing_signal as s (kind, peer, uid, state, keys, instances, content, seq, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (kind, peer, uid) do update set state = excluded.state, keys = excluded.keys, instances = excluded.instances,
               content = excluded.content, seq = excluded.seq, at = excluded.at where s.seq <= excluded.seq`,
      values: [kind, peer, uid, state, keys.map(textOf), instances, Buffer.from(JSON.stringify({ keys, patient })), seq, at],
    });
  }
}

/** More than this is said of no studies of one batch. */
const MAX_SIGNALS = 2_000;
/** Of those that are missing. */
const SHOWN = 3;

/**
 * What is said of the cases of these keys, the newest first. Who names no patient speaks of studies by their UIDs alone: of those that he
 * himself has sent objects of, and of all only where he `isConfigured`. The others are not among the keys of what he says.
 */
export async function readClosingCounts(
  q: Queryable,
  keys: readonly CaseKey[],
  isConfigured: (peer: string) => boolean,
): Promise<ClosingCount[]> {
  const texts = [...new Set(keys.filter(({ kind }) => TELLING.has(kind)).map(textOf))];
  if (texts.length === 0) return [];
  const { rows } = await q.query<Row>({
    name: 'closing-counts',
    text: `select s.kind, s.peer, s.state, s.content, s.at, cardinality(s.instances) as named, missing.absent, missing.uids
           from (select * from closing_signal where keys && $1::text[] order by seq desc limit ${MAX_SIGNALS}) s
           cross join lateral (
             select count(*)::int as absent, coalesce((array_agg(u order by u))[1:${SHOWN}], '{}') as uids
             from unnest(s.instances) u where not exists (select 1 from instance i where i.sop_instance_uid = u)) missing
           order by s.seq desc`,
    values: [texts],
  });
  return vouched(q, rows, isConfigured);
}

async function vouched(q: Queryable, rows: readonly Row[], isConfigured: (peer: string) => boolean): Promise<ClosingCount[]> {
  const counts = rows.map((row) => ({ peer: row.peer, count: countOf(row) }));
  const isStranger = ({ peer, count }: (typeof counts)[number]) => count.patient.length === 0 && !isConfigured(peer);
  const strangers = counts.filter(isStranger);
  if (strangers.length === 0) return counts.map(({ count }) => count);
  const studies = strangers.flatMap(({ count }) => count.keys.flatMap(({ kind, value }) => (kind === 'study' ? [value] : [])));
  const { rows: sent } = await q.query<{ peer: string; study_uid: string }>({
    name: 'closing-senders',
    text: 'select distinct peer, study_uid from instance where study_uid = any($1::text[]) and peer = any($2::text[])',
    values: [[...new Set(studies)], [...new Set(strangers.map(({ peer }) => peer))]],
  });
  const senders = new Set(sent.map(({ peer, study_uid }) => `${peer}|${study_uid}`));
  return counts.map((said) => {
    const { peer, count } = said;
    return isStranger(said) ? { ...count, keys: count.keys.filter(({ value }) => senders.has(`${peer}|${value}`)) } : count;
  });
}

type Row = { kind: string; peer: string; state: string; content: Buffer; at: Date; named: number; absent: number; uids: string[] };

function countOf({ kind, state, content, at, named, absent, uids }: Row): ClosingCount {
  const { keys, patient } = JSON.parse(content.toString('utf8')) as Pick<ClosingCount, 'keys' | 'patient'>;
  return { kind: kind as ClosingCount['kind'], state: state as ClosingCount['state'], keys, patient, at, named, absent, absentUids: uids };
}

/** Keys by which steps and studies name their cases. */
const TELLING: ReadonlySet<string> = new Set(['study', 'accession']);

function textOf({ kind, system, value }: CaseKey): string {
  return `${kind}|${system}|${value}`;
}
