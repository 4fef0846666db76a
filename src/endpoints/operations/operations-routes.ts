/**
 * The operations door: JSON under /operations for operators and the command line; contract.ts says what goes in and out.
 * Every request carries the gateway's own token (from gateway.json) or that of a client with the role operator.
 * What changes something is journaled with who asked; reading the bytes of a message is audited, like any read of a patient's data.
 */
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import { failure, isFailure } from '../../model/failure.ts';
import { readDepths } from '../../store/operations-store.ts';
import { caseRoutes } from './case-routes.ts';
import { clientRoutes } from './client-routes.ts';
import type { StatusView } from './contract.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import type { OperationsDeps } from './deps.ts';
import { destinationRoutes } from './destination-routes.ts';
import { gapRoutes } from './gap-routes.ts';
import { isReady } from './health-routes.ts';
import { journalRoutes } from './journal-routes.ts';
import { operatorOf } from './operator-session.ts';
import { patientRoutes } from './patient-routes.ts';
import { photoRoutes } from './photo-routes.ts';
import { pseudonymRoutes } from './pseudonym-routes.ts';
import { answerFailure, handled } from './reply.ts';

/** To be mounted at `/operations`. */
export function operationsRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.use((request, response, next) => letIn(deps, request, response, next));
  router.use(express.json({ limit: MAX_REQUEST_BYTES }));
  router.get(
    '/status',
    handled(200, () => status(deps)),
  );
  router.use('/cases', caseRoutes(deps));
  router.use('/journal', journalRoutes(deps));
  router.use('/gaps', gapRoutes(deps));
  router.use('/deliveries', deliveryRoutes(deps));
  router.use('/photos', photoRoutes(deps));
  router.use('/destinations', destinationRoutes(deps));
  router.use('/clients', clientRoutes(deps));
  router.use('/patients', patientRoutes(deps));
  router.use('/pseudonyms', pseudonymRoutes(deps));
  router.use((_request, response) => answerFailure(response, failure(ROOM, 'not-found', 'there is no such operation')));
  router.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => answerError(deps, response, error));
  return router;
}

async function letIn(deps: OperationsDeps, request: Request, response: Response, next: NextFunction): Promise<void> {
  const caller = await operatorOf(deps, request.get('authorization'));
  if (isFailure(caller)) return answerFailure(response, caller);
  response.locals.caller = caller;
  next();
}

async function status(deps: OperationsDeps): Promise<StatusView> {
  const [{ pending, failed, held, lanes }, checks] = await Promise.all([readDepths(deps.database), deps.readiness()]);
  return {
    version: deps.version,
    started: deps.started.toISOString(),
    addresses: deps.addresses(),
    ready: isReady(checks),
    checks,
    pending: { depth: pending.depth, oldest: pending.oldest?.toISOString() ?? null },
    failed,
    held,
    lanes: lanes.map((lane) => ({ ...lane, oldest: lane.oldest?.toISOString() ?? null })),
  };
}

/** Express and its body parser throw errors with a status; anything else is ours, and told to the log only. */
function answerError(deps: OperationsDeps, response: Response, error: unknown): void {
  const { status: thrown = 500, message = 'unknown' } = error as { status?: number; message?: string };
  if (response.headersSent) {
    response.destroy();
  } else if (thrown === 413) {
    answerFailure(response, failure(ROOM, 'too-large', `at most ${MAX_REQUEST_BYTES} bytes`));
  } else if (thrown < 500) {
    answerFailure(response, failure(ROOM, 'malformed', 'the request cannot be read'));
  } else {
    deps.log.error('operations.failed', { reason: message.slice(0, 300) });
    answerFailure(response, failure(ROOM, 'internal', 'the gateway could not do that; its log says why'));
  }
}

const ROOM = 'operations';
const MAX_REQUEST_BYTES = 64 * 1024;
