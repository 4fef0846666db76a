/** Destinations for operators: what waits for each, and whether a person has paused it. */
import express, { type Router } from 'express';
import { failure } from '../../model/failure.ts';
import { listPauses, pauseDestination, resumeDestination } from '../../store/destination-store.ts';
import { readDepths } from '../../store/operations-store.ts';
import type { Accepted, DestinationLine, Page } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { type OperationType, operationEntry } from './operation-entry.ts';
import { handled, type Operator, textOf } from './reply.ts';

export function destinationRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/',
    handled(200, () => list(deps)),
  );
  router.post(
    '/:destination/pause',
    handled(200, (operator) => pause(deps, operator)),
  );
  router.post(
    '/:destination/resume',
    handled(200, (operator) => resume(deps, operator)),
  );
  return router;
}

async function list({ database, destinations }: OperationsDeps): Promise<Page<DestinationLine>> {
  const [pauses, { lanes }] = await Promise.all([listPauses(database), readDepths(database)]);
  const names = new Set([...destinations, ...pauses.map(({ destination }) => destination), ...lanes.map(({ destination }) => destination)]);
  const rows = [...names].sort().map((destination) => {
    const lane = lanes.find((one) => one.destination === destination);
    const paused = pauses.find((one) => one.destination === destination);
    return {
      destination,
      waiting: lane?.waiting ?? 0,
      oldest: lane?.oldest?.toISOString() ?? null,
      held: lane?.held ?? 0,
      dead: lane?.dead ?? 0,
      paused: paused ? { by: paused.by, why: paused.why, at: paused.at.toISOString() } : null,
    };
  });
  return { rows, next: null };
}

async function pause(deps: OperationsDeps, operator: Operator): Promise<Accepted | undefined> {
  const destination = String(operator.request.params.destination);
  if (!deps.destinations.includes(destination)) return undefined;
  const why = textOf(operator.request.body, 'why').slice(0, MAX_WHY_LENGTH);
  return deps.database.transaction(async (tx) => {
    await pauseDestination(tx, { destination, by: operator.caller.client, why, at: deps.clock.now() });
    return { seq: await deps.journal.appendIn(tx, entryOf(deps, operator, 'destination.pause', { destination, why })) };
  });
}

/** One that is no longer configured can be let go as well. */
async function resume(deps: OperationsDeps, operator: Operator) {
  const destination = String(operator.request.params.destination);
  return deps.database.transaction(async (tx) => {
    const refused = failure('operations', 'conflict', `${destination} is not paused`);
    if (!(await resumeDestination(tx, destination))) return refused;
    return { seq: await deps.journal.appendIn(tx, entryOf(deps, operator, 'destination.resume', { destination })) } satisfies Accepted;
  });
}

function entryOf({ clock }: OperationsDeps, { caller }: Operator, type: OperationType, what: Readonly<Record<string, unknown>>) {
  return operationEntry(type, caller.client, 'operations', what, clock.now());
}

const MAX_WHY_LENGTH = 300;
