/**
 * The way to a running gateway: its operations door, found by gateway.json in the data directory or told by --url and --token.
 * In: the options of a command. Out: a Gateway to ask. What it refuses becomes a CliError with its own words.
 */
import type { OperationError } from '../endpoints/operations/contract.ts';
import { readGatewayFile } from '../security/gateway-file-store.ts';
import { settings } from './settings.ts';
import { CliError, EXIT } from './terminal.ts';

/** Options every command that speaks to a gateway has. */
export type Reach = { readonly config?: string; readonly url?: string; readonly token?: string };

export type Gateway = {
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body?: unknown): Promise<Answer>;
  delete<Answer>(path: string): Promise<Answer>;
};

/** Finds the gateway; whether it answers shows at the first question. */
export async function findGateway({ config: file, url, token }: Reach): Promise<Gateway> {
  const { env, dataDirectory } = settings(file);
  if (url === undefined) return gatewayIn(dataDirectory());
  const bearer = token ?? env.WAYSTATION_TOKEN ?? '';
  if (bearer === '') throw new CliError('--url needs a token', 'give --token or set WAYSTATION_TOKEN to that of an operator', EXIT.usage);
  if (!URL.canParse(url)) throw new CliError(`--url ${url} is no URL`, 'give one such as http://127.0.0.1:8080', EXIT.usage);
  return gatewayAt(new URL(url).origin, bearer, url);
}

/** The gateway of this machine that has its data there. */
export async function gatewayIn(dataDirectory: string): Promise<Gateway> {
  const file = await readGatewayFile(dataDirectory).catch(() => {
    throw new CliError(
      `${dataDirectory}/gateway.json may not be read`,
      'be the user that runs the gateway, or give --url and --token',
      EXIT.unreachable,
    );
  });
  if (file === null) throw new CliError(`no gateway runs on ${dataDirectory}`, START, EXIT.unreachable);
  return gatewayAt(reachable(file.url), file.token, `${dataDirectory} (process ${file.pid})`);
}

/** A door bound to every address is reached over loopback. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]');
}

function gatewayAt(url: string, token: string, known: string): Gateway {
  const ask = (method: string) => (path: string, body?: unknown) => request<never>(`${url}/operations${path}`, method, token, body, known);
  return { get: ask('GET'), post: ask('POST'), delete: ask('DELETE') };
}

async function request<Answer>(url: string, method: string, token: string, body: unknown, known: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(url, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }).catch(() => {
    throw new CliError(`the gateway of ${known} does not answer`, START, EXIT.unreachable);
  });
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer as Answer;
  const { message } = (answer as OperationError | null)?.error ?? {
    message: `${url} is not a gateway’s operations door (${response.status})`,
  };
  throw new CliError(message, response.status === 401 ? 'use the token of an operator of this gateway' : '', EXIT.refused);
}

const START = 'start one with `npx waystation start`, or name another with --config, or with --url and --token';
const REQUEST_TIMEOUT_MS = 30_000;
