/** How the operations door reads a request and words an answer. In: an Express request. Out: JSON, or a Failure as status and message. */
import type { Request, Response } from 'express';
import { type Failure, type FailureCode, failure, isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import type { OperationError } from './contract.ts';

/** A request that was let in. */
export type Operator = { readonly caller: Caller; readonly request: Request };

/** Resolves to a value (answered as JSON), to undefined (404) or to a Failure. */
export type Handler = (operator: Operator) => Promise<unknown>;

/** An Express handler that answers what `handler` resolves to. */
export function handled(success: number, handler: Handler) {
  return async (request: Request, response: Response): Promise<void> => {
    const result = await handler({ caller: response.locals.caller as Caller, request });
    if (result === undefined) answerFailure(response, notThere(request));
    else if (isFailure(result)) answerFailure(response, result);
    else response.status(success).json(result);
  };
}

/** `no case ACC-77` */
function notThere({ baseUrl, params }: Request): Failure {
  const kind = KINDS[baseUrl.split('/').at(-1) ?? ''] ?? 'such thing as';
  return failure('operations', 'not-found', `no ${kind} ${String(Object.values(params)[0] ?? '').slice(0, MAX_TEXT_LENGTH)}`);
}

export function answerFailure(response: Response, { code, detail }: Failure): void {
  if (code === 'signature') response.set('WWW-Authenticate', 'Bearer realm="operations"');
  const body: OperationError = { error: { code: code === 'signature' ? 'unauthorized' : code, message: detail } };
  response.status(STATUS[code] ?? 500).json(body);
}

/** `?limit=`, within bounds. */
export function limitOf(request: Request): number {
  const asked = Number(queryText(request, 'limit') || DEFAULT_LIMIT);
  return Number.isInteger(asked) ? Math.min(Math.max(asked, 1), MAX_LIMIT) : DEFAULT_LIMIT;
}

/** A query parameter given once; '' otherwise. */
export function queryText(request: Request, name: string): string {
  const value = request.query[name];
  return typeof value === 'string' ? value : '';
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

/** A text of a JSON body, without spaces around it; '' when there is none. */
export function textOf(body: unknown, key: string): string {
  const value = (body as Record<string, unknown> | undefined)?.[key];
  return typeof value === 'string' ? value.trim().slice(0, MAX_TEXT_LENGTH) : '';
}

/** Last part of a collection's path → what one of it is called. */
const KINDS: Readonly<Record<string, string>> = {
  cases: 'case',
  journal: 'journal entry',
  deliveries: 'delivery',
  clients: 'client in use named',
  patients: 'patient, or no merge of one,',
  pseudonyms: 'UID or patient identifier that was sent',
};
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
const MAX_TEXT_LENGTH = 1_000;

const STATUS: Readonly<Partial<Record<FailureCode, number>>> = {
  malformed: 400,
  invalid: 422,
  signature: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
};
