/** Who calls the operations door: the gateway's own token (gateway.json) or that of a client with the role operator. */
import { timingSafeEqual } from 'node:crypto';
import { type Failure, failure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import { bearerToken, tokenHash } from '../../security/token.ts';
import { findClient } from '../../store/client-store.ts';
import type { OperationsDeps } from './deps.ts';

/** The operator behind an `Authorization` header; code `signature` when nobody is, `forbidden` when it is somebody else. */
export async function operatorOf(
  deps: Pick<OperationsDeps, 'database' | 'operatorTokenHash'>,
  authorization: string | undefined,
): Promise<Caller | Failure> {
  const token = bearerToken(authorization);
  if (token === null) return failure('operations', 'signature', 'an operator’s bearer token is needed');
  const hash = tokenHash(token);
  if (timingSafeEqual(hash, deps.operatorTokenHash)) return LOCAL_OPERATOR;
  const caller = await findClient(deps.database, hash);
  if (caller === null) return failure('operations', 'signature', 'this token is not known');
  return caller.role === 'operator' ? caller : failure('operations', 'forbidden', `client ${caller.client} is not an operator`);
}

/** Whoever can read gateway.json: a person on the machine itself. */
const LOCAL_OPERATOR: Caller = { client: 'operator', group: '', role: 'operator' };
