/** Who calls, from `Authorization: Bearer …` (RFC 6750): sets `response.locals.caller`, or answers 401 without saying why. */
import type { RequestHandler } from 'express';
import type { Caller } from '../model/peer.ts';
import { bearerToken } from '../security/token.ts';

export function requireBearer(authenticate: (token: string) => Promise<Caller | null>): RequestHandler {
  return async (request, response, next) => {
    const token = bearerToken(request.headers.authorization);
    const caller = token === null ? null : await authenticate(token);
    if (caller === null) {
      response.status(401).set('WWW-Authenticate', 'Bearer realm="waystation"').type('text/plain').end('a valid bearer token is needed\n');
      return;
    }
    response.locals.caller = caller;
    next();
  };
}
