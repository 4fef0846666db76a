/** Who may call over HTTP: add a client (its token is told once), list them, take a token away. */
import express, { type Router } from 'express';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import { newToken, tokenHash } from '../../security/token.ts';
import { addClient, listClients, revokeClient } from '../../store/client-store.ts';
import { type Accepted, CLIENT_NAME, CLIENT_NAME_RULE, type ClientLine, type NewClient, type Page } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { operationEntry } from './operation-entry.ts';
import { handled, type Operator, textOf } from './reply.ts';

export function clientRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/',
    handled(200, () => list(deps)),
  );
  router.post(
    '/',
    handled(201, (operator) => add(deps, operator)),
  );
  router.delete(
    '/:client',
    handled(200, (operator) => revoke(deps, operator)),
  );
  return router;
}

async function list({ database }: OperationsDeps): Promise<Page<ClientLine>> {
  const clients = await listClients(database);
  const rows = clients.map((client) => ({
    ...client,
    created: client.created.toISOString(),
    revoked: client.revoked?.toISOString() ?? null,
  }));
  return { rows, next: null };
}

async function add(deps: OperationsDeps, { caller: by, request }: Operator) {
  const client = textOf(request.body, 'client');
  const group = textOf(request.body, 'group');
  const role = textOf(request.body, 'role');
  if (!CLIENT_NAME.test(client)) return failure('operations', 'invalid', `a client's name is ${CLIENT_NAME_RULE}`);
  if (!CLIENT_NAME.test(group)) return failure('operations', 'invalid', `a group's name is ${CLIENT_NAME_RULE}`);
  if (!isRole(role)) return failure('operations', 'invalid', `a role is ${ROLES.join(', ')}`);
  const caller: Caller = { client, group, role };
  const token = newToken();
  const added = await deps.database.transaction(async (tx) => {
    const mixed = mixedGroup(caller, await listClients(tx), deps.readingGroups);
    if (mixed !== null) return mixed;
    const refused = await addClient(tx, { ...caller, tokenHash: tokenHash(token), created: deps.clock.now() });
    if (refused === null) await deps.journal.appendIn(tx, operationEntry('client.add', by.client, 'operations', caller, deps.clock.now()));
    return refused;
  });
  return isFailure(added) ? added : ({ ...caller, token } satisfies NewClient);
}

/**
 * A group either asks or reads: an origin in a reading group would see every case offered there, and a reader among those who ask their
 * orders. Revoked clients count, for what was written for their group is still there.
 */
function mixedGroup({ client, group, role }: Caller, clients: readonly Caller[], readingGroups: readonly string[]): Failure | null {
  const has = (other: Caller['role']) => clients.some((one) => one.client !== client && one.group === group && one.role === other);
  if (role === 'origin' && (readingGroups.includes(group) || has('reader'))) {
    return failure('operations', 'conflict', `${group} is a reading group: give the origin a group of its own`);
  }
  if (role !== 'reader' || !has('origin')) return null;
  return failure('operations', 'conflict', `${group} is the group of an origin: name the group that reads`);
}

async function revoke(deps: OperationsDeps, { caller, request }: Operator) {
  const client = String(request.params.client);
  return deps.database.transaction(async (tx) => {
    if (!(await revokeClient(tx, client, deps.clock.now()))) return undefined;
    const entry = operationEntry('client.revoke', caller.client, 'operations', { client }, deps.clock.now());
    return { seq: await deps.journal.appendIn(tx, entry) } satisfies Accepted;
  });
}

function isRole(text: string): text is Caller['role'] {
  return (ROLES as readonly string[]).includes(text);
}

const ROLES = ['reader', 'origin', 'operator'] as const;
