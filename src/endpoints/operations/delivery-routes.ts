/** Deliveries for operators: what waits, what was set aside or holds its lane, once more, and out of the lane. */
import express, { type Router } from 'express';
import { failure } from '../../model/failure.ts';
import { isSuperseded, readDelivery, replayDelivery, replaySetAside, setAsideDelivery } from '../../store/delivery-store.ts';
import { listDeliveries } from '../../store/operations-store.ts';
import { deliveryLine } from './case-view.ts';
import type { Accepted, DeliveryLine, Page, ReplayedSetAside } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { operationEntry } from './operation-entry.ts';
import { handled, isUuid, limitOf, type Operator, queryText, textOf } from './reply.ts';

export function deliveryRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/',
    handled(200, (operator) => list(deps, operator)),
  );
  router.post(
    '/replay',
    handled(202, (operator) => replayAll(deps, operator)),
  );
  router.post(
    '/:delivery/replay',
    handled(202, (operator) => replay(deps, operator)),
  );
  router.post(
    '/:delivery/set-aside',
    handled(202, (operator) => setAside(deps, operator)),
  );
  return router;
}

async function list({ database }: OperationsDeps, { request }: Operator): Promise<Page<DeliveryLine>> {
  const limit = limitOf(request);
  const [state, destination, place] = [queryText(request, 'state'), queryText(request, 'destination'), queryText(request, 'before')];
  const rows = await listDeliveries(database, { state, destination, before: isUuid(place) ? place : null, limit });
  return { rows: rows.map(deliveryLine), next: rows.length < limit ? null : (rows.at(-1)?.id ?? null) };
}

/** The replay is journaled first: should the gateway die between the two, a person asked and nothing was sent, which he sees and repeats. */
async function replay(deps: OperationsDeps, { caller, request }: Operator) {
  const id = String(request.params.delivery);
  const delivery = isUuid(id) ? await readDelivery(deps.database, id) : null;
  if (delivery === null) return undefined;
  const refused = failure(
    'operations',
    'conflict',
    `delivery ${id} is ${delivery.state}: only one that was set aside or held can be replayed`,
  );
  if (delivery.state !== 'dead' && delivery.state !== 'held') return refused;
  if (await isSuperseded(deps.database, id)) return failure('operations', 'conflict', `delivery ${id} ${SUPERSEDED}`);
  const entry = operationEntry('delivery.replay', caller.client, `case ${delivery.caseId}`, { delivery: id }, deps.clock.now());
  const { seq } = await deps.journal.append(entry);
  return (await replayDelivery(deps.database, id, deps.clock.now())) ? ({ seq } satisfies Accepted) : refused;
}

const SUPERSEDED = 'brings a report that a later one of its case has followed there: sent again, it would be taken for the one that stands';

/** Of a study that a PACS refused by mistake every object was set aside. */
async function replayAll(deps: OperationsDeps, { caller, request }: Operator) {
  const destination = textOf(request.body, 'destination');
  if (destination === '') return failure('operations', 'invalid', 'whose deliveries shall be sent again is said by destination');
  return deps.database.transaction(async (tx) => {
    const now = deps.clock.now();
    const deliveries = await replaySetAside(tx, destination, MAX_REPLAYED, now);
    if (deliveries === 0) return failure('operations', 'conflict', `nothing for ${destination} was set aside that could be sent again`);
    const entry = operationEntry('delivery.replay-set-aside', caller.client, 'operations', { destination, deliveries }, now);
    return { seq: await deps.journal.appendIn(tx, entry), deliveries } satisfies ReplayedSetAside;
  });
}

/** Of one request. */
const MAX_REPLAYED = 10_000;

/** A head that holds its lane goes out of it; what was behind it goes on. */
async function setAside(deps: OperationsDeps, { caller, request }: Operator) {
  const id = String(request.params.delivery);
  const delivery = isUuid(id) ? await readDelivery(deps.database, id) : null;
  if (delivery === null) return undefined;
  return deps.database.transaction(async (tx) => {
    const refused = failure('operations', 'conflict', `delivery ${id} is ${delivery.state}: only one that holds its lane can be set aside`);
    if (!(await setAsideDelivery(tx, id, deps.clock.now()))) return refused;
    const entry = operationEntry('delivery.set-aside', caller.client, `case ${delivery.caseId}`, { delivery: id }, deps.clock.now());
    return { seq: await deps.journal.appendIn(tx, entry) } satisfies Accepted;
  });
}
