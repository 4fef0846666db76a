/** Cases for operators: find, look at, let go. A release is journaled and walks the corridor; the answer is its seq. */
import express, { type Router } from 'express';
import { failure } from '../../model/failure.ts';
import { commitmentsOfCase } from '../../store/asked-commitment-store.ts';
import { readCaseEvents, readCases } from '../../store/case-store.ts';
import type { Queryable, Transaction } from '../../store/database.ts';
import {
  attemptsOfCase,
  type CasePlace,
  type CaseRow,
  deliveriesOfCase,
  findCaseIds,
  listCases,
  readCaseRow,
  readJournalRows,
} from '../../store/operations-store.ts';
import { caseView } from './case-view.ts';
import type { Accepted, CaseLine, CaseView, Page } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { operationEntry } from './operation-entry.ts';
import { handled, isUuid, limitOf, type Operator, queryText, textOf } from './reply.ts';

export function caseRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/',
    handled(200, (operator) => list(deps, operator)),
  );
  router.get(
    '/:case',
    handled(200, (operator) => show(deps, operator)),
  );
  router.post(
    '/:case/release',
    handled(202, (operator) => release(deps, operator)),
  );
  return router;
}

async function list({ database }: OperationsDeps, { request }: Operator): Promise<Page<CaseLine>> {
  const limit = limitOf(request);
  const rows = await listCases(database, { phase: queryText(request, 'phase'), before: placeOf(queryText(request, 'before')), limit });
  const last = rows.length < limit ? undefined : rows.at(-1);
  return { rows: rows.map(caseLine), next: last ? `${last.updated.toISOString()}/${last.id}` : null };
}

/** `2026-03-02T10:00:01.000Z/id`: the last case of the page before. */
function placeOf(text: string): CasePlace | null {
  const [updated, id = ''] = [new Date(text.slice(0, text.indexOf('/'))), text.slice(text.indexOf('/') + 1)];
  return Number.isNaN(updated.getTime()) || !isUuid(id) ? null : { updated, id };
}

async function show({ database }: OperationsDeps, { request }: Operator) {
  const id = await theCase(database, String(request.params.case));
  return typeof id === 'string' ? database.transaction((tx) => readView(tx, id)) : id;
}

/** Of one moment, whatever the corridor does meanwhile: a phase beside what is waited for in the next one would mislead. */
async function readView(tx: Transaction, id: string): Promise<CaseView | undefined> {
  await tx.query('set transaction isolation level repeatable read, read only');
  const row = await readCaseRow(tx, id);
  const stored = await readCases(tx, [id]);
  const state = stored.get(id)?.state;
  if (row === null || state === undefined) return undefined;
  const events = await readCaseEvents(tx, id);
  const deliveries = await deliveriesOfCase(tx, id);
  const attempts = await attemptsOfCase(tx, id, MAX_ATTEMPTS_SHOWN);
  const commitments = await commitmentsOfCase(tx, id);
  const entries = await readJournalRows(
    tx,
    events.flatMap((event) => event.seq ?? []),
  );
  return caseView({ row, state, events, deliveries, attempts, commitments, entries });
}

async function release(deps: OperationsDeps, { caller, request }: Operator) {
  const why = textOf(request.body, 'why');
  if (why === '') return failure('operations', 'invalid', 'a release says why');
  const id = await theCase(deps.database, String(request.params.case));
  if (typeof id !== 'string') return id;
  const state = (await readCases(deps.database, [id])).get(id)?.state;
  if (state?.phase !== 'assembling')
    return failure('operations', 'conflict', `the case is ${state?.phase}: only one that waits for its package can be released`);
  if (state.serviceRequest === '') return failure('operations', 'conflict', 'the case has no order yet: nobody could be told what to read');
  const { seq } = await deps.journal.append(
    operationEntry('case.release', caller.client, `case ${id}`, { caseId: id, why }, deps.clock.now()),
  );
  return { seq } satisfies Accepted;
}

/** The one case that a person means, by its id, its Task or one of its numbers. */
export async function theCase(database: Queryable, text: string) {
  const [id, ...others] = await findCaseIds(database, text, MAX_NAMESAKES);
  if (id === undefined) return undefined;
  return others.length === 0 ? id : failure('operations', 'conflict', `several cases have ${text}: ${[id, ...others].join(', ')}`);
}

function caseLine({ opened, updated, ...row }: CaseRow): CaseLine {
  return { ...row, opened: opened.toISOString(), updated: updated.toISOString() };
}

const MAX_ATTEMPTS_SHOWN = 200;
const MAX_NAMESAKES = 10;
