/** Whose something is that was sent de-identified and came back (PS3.15 Annex E): for operators; each look is audited. */
import express, { type Router } from 'express';
import { findPseudonyms } from '../../store/pseudonym-store.ts';
import type { Page, PseudonymLine } from './contract.ts';
import type { OperationsDeps } from './deps.ts';
import { handled, type Operator } from './reply.ts';

export function pseudonymRoutes(deps: OperationsDeps): Router {
  const router = express.Router();
  router.get(
    '/:pseudonym',
    handled(200, (operator) => show(deps, operator)),
  );
  return router;
}

async function show({ database, audit, clock }: OperationsDeps, { caller, request }: Operator): Promise<Page<PseudonymLine> | undefined> {
  const pseudonym = String(request.params.pseudonym);
  const rows = await findPseudonyms(database, pseudonym);
  if (rows.length === 0) return undefined;
  await audit.record({ at: clock.now(), client: caller.client, action: 'read', target: `pseudonym ${pseudonym}`, result: '200' });
  return { rows, next: null };
}
