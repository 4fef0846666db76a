/**
 * The way to a running gateway: its operations door, found by gateway.json in the data directory or told by --url and --token.
 * In: the options of a command. Out: a Gateway to ask. What it refuses becomes a CliError with its own words.
 */
import type { OperationError } from '../endpoints/operations/contract.ts';
import { readGatewayFile } from '../security/gateway-file-store.ts';
import { call } from './http-client.ts';
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
  return gatewayAt({ url: new URL(url).origin, token: bearer, certificate: '', known: url });
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
  return gatewayAt({ ...file, url: reachable(file.url), known: `${dataDirectory} (process ${file.pid})` });
}

/** A door bound to every address is reached over loopback. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]');
}

/** Where it is and how it is asked; `known` is what a person calls it. */
type Place = { readonly url: string; readonly token: string; readonly certificate: string; readonly known: string };

function gatewayAt(place: Place): Gateway {
  const ask = (method: string) => (path: string, body?: unknown) => request<never>(place, method, path, body);
  return { get: ask('GET'), post: ask('POST'), delete: ask('DELETE') };
}

async function request<Answer>({ url, token, certificate, known }: Place, method: string, path: string, body: unknown): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const asked = { method, headers, body: body === undefined ? '' : JSON.stringify(body), certificate, timeoutMs: REQUEST_TIMEOUT_MS };
  const response = await call({ ...asked, url: `${url}/operations${path}` }).catch((error) => {
    throw unanswered(known, error);
  });
  const answer = parsed(response.text);
  if (response.status >= 200 && response.status < 300 && answer !== null) return answer as Answer;
  const { message } = (answer as OperationError | null)?.error ?? {
    message: `${url} is not a gateway’s operations door (${response.status})`,
  };
  throw new CliError(message, response.status === 401 ? 'use the token of an operator of this gateway' : '', EXIT.refused);
}

/** Why nobody answered; where somebody did, and is not trusted, that is said. */
function unanswered(known: string, { code = '' }: NodeJS.ErrnoException): CliError {
  if (!CERTIFICATE_FAULT.test(code)) return new CliError(`the gateway of ${known} does not answer`, START, EXIT.unreachable);
  return new CliError(`the certificate of the gateway of ${known} is not trusted: ${code}`, TRUST, EXIT.unreachable);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Codes of OpenSSL's verification and of Node's check of the name. */
const CERTIFICATE_FAULT = /CERT|UNABLE_TO_|ISSUER|SIGNATURE/;
const TRUST = 'name its authority in the environment variable NODE_EXTRA_CA_CERTS, and the gateway as its certificate does';
const START = 'start one with `npx waystation start`, or name another with --config, or with --url and --token';
const REQUEST_TIMEOUT_MS = 30_000;
