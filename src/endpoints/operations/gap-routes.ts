/** What is not carried, for operators: which paths and codes, of which sender, how often. Values of patients are in no answer of this file. */
import express, { type Router } from 'express';
import { type GapRow, listGaps } from '../../store/gap-store.ts';
import type { GapLine, Page } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { handled, limitOf, type Operator, queryText } from './reply.ts';

export function gapRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/',
    handled(200, (operator) => list(deps, operator)),
  );
  return router;
}

/** Goes on by how many were listed: the counts go up in the meantime, and a row may move. */
async function list({ database }: OperationsDeps, { request }: Operator): Promise<Page<GapLine>> {
  const limit = limitOf(request);
  const before = queryText(request, 'before');
  const offset = /^\d{1,9}$/.test(before) ? Number(before) : 0;
  const codes = queryText(request, 'codes') === 'true';
  const rows = await listGaps(database, { peer: queryText(request, 'peer'), codes, offset, limit });
  return { rows: rows.map(gapLine), next: rows.length < limit ? null : String(offset + limit) };
}

function gapLine({ lastSeen, ...row }: GapRow): GapLine {
  return { ...row, lastSeen: lastSeen.toISOString() };
}
