/** Photos and films that became no DICOM object, for operators: which and why, and once more, when what stood in the way is mended. */
import express, { type Router } from 'express';
import { failure, isFailure } from '../../model/failure.ts';
import { listUnmade, replayPhotos } from '../../store/photo-store.ts';
import { theCase } from './case-routes.ts';
import type { Page, PhotoLine, ReplayedPhotos } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { operationEntry } from './operation-entry.ts';
import { handled, limitOf, type Operator, queryText, textOf } from './reply.ts';

export function photoRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/',
    handled(200, (operator) => list(deps, operator)),
  );
  router.post(
    '/replay',
    handled(202, (operator) => replay(deps, operator)),
  );
  return router;
}

async function list({ database }: OperationsDeps, { request }: Operator): Promise<Page<PhotoLine>> {
  const limit = limitOf(request);
  const rows = await listUnmade(database, queryText(request, 'before'), limit);
  const lines = rows.map(({ since, ...row }) => ({ ...row, since: since.toISOString() }));
  return { rows: lines, next: rows.length < limit ? null : (rows.at(-1)?.sopInstanceUid ?? null) };
}

/** Made again it is the same object, by whatever it was asked for: of two replays nothing is there twice. */
async function replay(deps: OperationsDeps, { caller, request }: Operator) {
  const named = textOf(request.body, 'case');
  const id = named === '' ? null : await theCase(deps.database, named);
  if (id === undefined) return failure('operations', 'not-found', `no case ${named}`);
  if (isFailure(id)) return id;
  return deps.database.transaction(async (tx) => {
    const now = deps.clock.now();
    const photos = await replayPhotos(tx, id, MAX_REPLAYED, now);
    if (photos === 0) return failure('operations', 'conflict', 'no photo or film is left that became no object');
    const entry = operationEntry('photo.replay', caller.client, id === null ? 'operations' : `case ${id}`, { case: id, photos }, now);
    return { seq: await deps.journal.appendIn(tx, entry), photos } satisfies ReplayedPhotos;
  });
}

/** Of one request. */
const MAX_REPLAYED = 10_000;
