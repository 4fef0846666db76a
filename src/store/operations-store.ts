/**
 * What operators ask: lists, timelines, depths. Read-only; content columns are not touched except where one entry is shown.
 * Every list is bounded and goes on with a cursor.
 */
import type { CasePhase } from '../model/case.ts';
import { type DeliveryState, STORED } from '../model/delivery.ts';
import type { EntryKind, ProcessingState } from '../model/entry.ts';
import type { Queryable } from './database.ts';

export type CaseRow = {
  readonly id: string;
  readonly phase: CasePhase;
  readonly specialty: string;
  readonly group: string;
  readonly opened: Date;
  readonly updated: Date;
};

/** Where a list of cases goes on: after this one. Many cases may be of one moment. */
export type CasePlace = { readonly updated: Date; readonly id: string };

/** Cases, the last changed first. */
export async function listCases(q: Queryable, filter: { phase: string; before: CasePlace | null; limit: number }): Promise<CaseRow[]> {
  const { rows } = await q.query<CaseRow>(
    `select id, phase, specialty, reading_group as "group", opened, updated from cases
     where ($1 = '' or phase = $1) and ($2::timestamptz is null or (updated, id) < ($2, $3::uuid)) order by updated desc, id desc limit $4`,
    [filter.phase, filter.before?.updated ?? null, filter.before?.id ?? null, filter.limit],
  );
  return rows;
}

/**
 * Case ids a person may mean: the id itself, its Task's, or the value of one of its keys (accession, placer or filler number, Study
 * Instance UID). Keys are unique with their system only, so there may be several. Values have no index of their own: a person asks seldom.
 */
export async function findCaseIds(q: Queryable, text: string, limit: number): Promise<string[]> {
  const { rows } = await q.query<{ id: string }>(
    UUID.test(text)
      ? 'select id from cases where id = $1::uuid or task = $1::uuid limit $2'
      : 'select distinct case_id as id from case_key_member where value = $1 limit $2',
    [text, limit],
  );
  return rows.map((row) => row.id);
}

export async function readCaseRow(q: Queryable, id: string): Promise<CaseRow | null> {
  const { rows } = await q.query<CaseRow>(
    'select id, phase, specialty, reading_group as "group", opened, updated from cases where id = $1',
    [id],
  );
  return rows[0] ?? null;
}

export type DeliverySummary = {
  readonly id: string;
  readonly destination: string;
  readonly kind: string;
  readonly lane: string;
  readonly caseId: string;
  readonly controlId: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly due: Date;
  readonly lastFailure: string;
  readonly created: Date;
};

const DELIVERY_COLUMNS = `id, destination, kind, lane, coalesce(case_id::text, '') as "caseId", control_id as "controlId", state, attempts, due,
  last_failure as "lastFailure", created`;

/** Deliveries, the newest first: their ids tell the time they were ordered. */
export async function listDeliveries(
  q: Queryable,
  filter: { state: string; destination: string; before: string | null; limit: number },
): Promise<DeliverySummary[]> {
  const { rows } = await q.query<DeliverySummary>(
    `select ${DELIVERY_COLUMNS} from delivery
     where ($1 = '' or state = $1) and ($2 = '' or destination = $2) and ($3::uuid is null or id < $3) order by id desc limit $4`,
    [filter.state, filter.destination, filter.before, filter.limit],
  );
  return rows;
}

/** Of objects, only those that a PACS has not taken, or took with a warning: of the others there are thousands, and the case counts them. */
export async function deliveriesOfCase(q: Queryable, caseId: string): Promise<DeliverySummary[]> {
  const { rows } = await q.query<DeliverySummary>(
    `select ${DELIVERY_COLUMNS} from delivery d where case_id = $1 and (kind <> 'dicom-object' or state <> 'delivered' or exists (
       select 1 from delivery_attempt a where a.delivery = d.id and a.outcome = 'delivered' and a.detail <> $2)) order by created, id`,
    [caseId, STORED],
  );
  return rows;
}

export type Attempt = {
  readonly delivery: string;
  readonly n: number;
  readonly ended: Date;
  readonly outcome: string;
  readonly detail: string;
};

/** The newest attempts of a case's deliveries, oldest first; of objects, all but plain success. A receiver that is away for days leaves very many. */
export async function attemptsOfCase(q: Queryable, caseId: string, limit: number): Promise<Attempt[]> {
  const { rows } = await q.query<Attempt>(
    `select a.delivery, a.n, a.ended, a.outcome, a.detail from delivery d join delivery_attempt a on a.delivery = d.id
     where d.case_id = $1 and not (d.kind = 'dicom-object' and a.outcome = 'delivered' and a.detail = $3) order by a.ended desc limit $2`,
    [caseId, limit, STORED],
  );
  return rows.reverse();
}

export type JournalRow = {
  readonly seq: number;
  readonly received: Date;
  readonly kind: EntryKind;
  readonly peer: string;
  readonly type: string;
  readonly controlId: string;
  readonly state: ProcessingState;
  readonly detail: string;
  readonly reusedControlId: boolean;
  readonly produced: readonly string[];
  readonly cases: readonly string[];
  readonly bytes: number;
};

/** An entry that is queued again after a replay waits, whatever its last outcome was. */
const JOURNAL_COLUMNS = `j.seq, j.received, j.kind, j.peer, j.type, j.control_id as "controlId", j.reused_control_id as "reusedControlId",
  case when p.seq is not null then 'waiting' else coalesce(o.state, 'waiting') end as state,
  case when p.seq is null then coalesce(nullif(o.detail, ''), j.detail) else j.detail end as detail, coalesce(o.produced, '{}') as produced, coalesce(o.cases, '{}')::text[] as cases,
  octet_length(j.payload) as bytes`;
const JOURNAL_TABLES = 'journal j left join outcome o using (seq) left join pending p using (seq)';

/** Journal entries, the newest first. Few are in a state that is asked for: they are looked up where it is told, the journal is not walked. */
export async function listJournal(
  q: Queryable,
  filter: { state: string; peer: string; before: number | null; limit: number },
): Promise<JournalRow[]> {
  const { tables, seq, where } = journalIn(filter.state);
  const { rows } = await q.query<JournalRow>(
    `select ${JOURNAL_COLUMNS} from ${tables}
     where $1::text is not null and ${where} and ($2 = '' or j.peer = $2) and ($3::bigint is null or ${seq} < $3) order by ${seq} desc limit $4`,
    [filter.state, filter.peer, filter.before, filter.limit],
  );
  return rows;
}

function journalIn(state: string): { readonly tables: string; readonly seq: string; readonly where: string } {
  switch (state) {
    case '':
      return { tables: JOURNAL_TABLES, seq: 'j.seq', where: 'true' };
    case 'waiting':
      return { tables: 'pending p join journal j using (seq) left join outcome o using (seq)', seq: 'p.seq', where: 'true' };
    default:
      return {
        tables: 'outcome o join journal j using (seq) left join pending p using (seq)',
        seq: 'o.seq',
        where: 'o.state = $1 and p.seq is null',
      };
  }
}

/** Entries without their bytes, by seq. */
export async function readJournalRows(q: Queryable, seqs: readonly number[]): Promise<Map<number, JournalRow>> {
  if (seqs.length === 0) return new Map();
  const { rows } = await q.query<JournalRow>(`select ${JOURNAL_COLUMNS} from ${JOURNAL_TABLES} where j.seq = any($1)`, [
    [...new Set(seqs)],
  ]);
  return new Map(rows.map((row) => [row.seq, row]));
}

export type Depths = {
  readonly pending: { readonly depth: number; readonly oldest: Date | null };
  readonly failed: number;
  /** Messages that wait for a person to map a code. */
  readonly held: number;
  readonly lanes: readonly {
    readonly destination: string;
    readonly waiting: number;
    readonly oldest: Date | null;
    readonly held: number;
    readonly dead: number;
  }[];
};

/** How much waits, since when. Reads only the partial indexes of what is unsettled. */
export async function readDepths(q: Queryable): Promise<Depths> {
  const pending = await q.query<{ depth: number; oldest: Date | null }>(
    'select count(*) as depth, (select received from journal where seq = min(p.seq)) as oldest from pending p',
  );
  const settled = await q.query<{ failed: number; held: number }>(
    `select count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'held') as held
     from outcome o where state in ('failed', 'held') and not exists (select 1 from pending p where p.seq = o.seq)`,
  );
  const lanes = await q.query<Depths['lanes'][number]>(
    `select destination, count(*) filter (where state = 'waiting') as waiting, min(created) filter (where state = 'waiting') as oldest,
            count(*) filter (where state = 'held') as held, count(*) filter (where state = 'dead') as dead
     from (select destination, state, created from delivery where state in ('waiting', 'held')
           union all select destination, state, created from delivery where state = 'dead') unsettled
     group by destination order by destination`,
  );
  return { pending: pending.rows[0] ?? { depth: 0, oldest: null }, ...(settled.rows[0] ?? { failed: 0, held: 0 }), lanes: lanes.rows };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
