/** The journal for operators: what came, what became of it, its bytes when asked for, and again through the corridor. */
import express, { type Router } from 'express';
import { failure } from '../../model/failure.ts';
import { heldEntries, readEntry, readLoss, requeueEntries } from '../../store/journal-store.ts';
import { type JournalRow, listJournal, readJournalRows } from '../../store/operations-store.ts';
import type { Accepted, JournalLine, JournalView, Page, ReplayedHeld } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { operationEntry } from './operation-entry.ts';
import { handled, limitOf, type Operator, queryText, textOf } from './reply.ts';

export function journalRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/',
    handled(200, (operator) => list(deps, operator)),
  );
  router.get(
    '/:seq',
    handled(200, (operator) => show(deps, operator)),
  );
  router.post(
    '/replay',
    handled(202, (operator) => replayHeld(deps, operator)),
  );
  router.post(
    '/:seq/replay',
    handled(202, (operator) => replay(deps, operator)),
  );
  return router;
}

async function list({ database }: OperationsDeps, { request }: Operator): Promise<Page<JournalLine>> {
  const limit = limitOf(request);
  const before = seqOf(queryText(request, 'before'));
  const rows = await listJournal(database, { state: queryText(request, 'state'), peer: queryText(request, 'peer'), before, limit });
  return { rows: rows.map(journalLine), next: rows.length < limit ? null : String(rows.at(-1)?.seq) };
}

async function show(deps: OperationsDeps, { caller, request }: Operator): Promise<JournalView | undefined> {
  const seq = seqOf(String(request.params.seq));
  const entry = seq === null ? null : await readEntry(deps.database, seq);
  const row = seq === null ? undefined : (await readJournalRows(deps.database, [seq])).get(seq);
  if (!entry || !row) return undefined;
  const bytes = queryText(request, 'bytes') === 'true';
  const loss = queryText(request, 'loss') === 'true' ? ((await readLoss(deps.database, entry.seq)) ?? []) : null;
  if (bytes || (loss ?? []).length > 0)
    await deps.audit.record({ at: deps.clock.now(), client: caller.client, action: 'read', target: `journal/${seq}`, result: '200' });
  return {
    ...journalLine(row),
    digest: entry.digest.toString('hex'),
    blob: entry.blob,
    effects: entry.effects,
    payload: bytes ? entry.payload.toString('base64') : null,
    answer: bytes ? entry.answer.toString('base64') : null,
    loss,
  };
}

async function replay(deps: OperationsDeps, { caller, request }: Operator) {
  const seq = seqOf(String(request.params.seq));
  const row = seq === null ? undefined : (await readJournalRows(deps.database, [seq])).get(seq);
  if (!row) return undefined;
  return deps.database.transaction(async (tx) => {
    if ((await requeueEntries(tx, [row.seq])) === 0) {
      return failure('operations', 'conflict', `entry ${row.seq} is ${row.state}: only what was accepted and is settled can be replayed`);
    }
    const entry = operationEntry('journal.replay', caller.client, 'operations', { seq: row.seq }, deps.clock.now());
    return { seq: await deps.journal.appendIn(tx, entry) } satisfies Accepted;
  });
}

/** What still has a code that no table knows is held again. */
async function replayHeld(deps: OperationsDeps, { caller, request }: Operator) {
  const peer = textOf(request.body, 'peer');
  if (peer === '') return failure('operations', 'invalid', 'whose messages shall go on is said by peer');
  return deps.database.transaction(async (tx) => {
    const entries = await requeueEntries(tx, await heldEntries(tx, peer, MAX_REPLAYED));
    if (entries === 0) return failure('operations', 'conflict', `nothing of ${peer} is held`);
    const entry = operationEntry('journal.replay-held', caller.client, 'operations', { peer, entries }, deps.clock.now());
    return { seq: await deps.journal.appendIn(tx, entry), entries } satisfies ReplayedHeld;
  });
}

/** Of one request. */
const MAX_REPLAYED = 10_000;

function journalLine({ received, ...row }: JournalRow): JournalLine {
  return { ...row, received: received.toISOString() };
}

function seqOf(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
