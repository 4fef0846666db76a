/** The gateway's FHIR and DICOMweb doors as anybody reaches them: fetch and a bearer token. */
import type { Bundle, Resource } from '@medplum/fhirtypes';

export type Answered = { readonly status: number; readonly body: unknown };

export type FhirDoor = {
  read<Kind extends Resource>(reference: string): Promise<Kind>;
  search<Kind extends Resource>(query: string): Promise<Kind[]>;
  /** Any request; whatever the status. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answered>;
  /** Bytes below `/dicomweb` or of a Binary. */
  bytes(path: string, accept: string): Promise<Buffer>;
};

export function openFhir(url: string, token: string): FhirDoor {
  const authorization = `Bearer ${token}`;
  const ask: FhirDoor['ask'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/fhir${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/fhir+json', ...headers },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: await response.json().catch(() => null) };
  };
  const found = async <Body>(path: string): Promise<Body> => {
    const { status, body } = await ask('GET', path);
    if (status !== 200) throw new Error(`GET ${path} was answered ${status}: ${JSON.stringify(body)}`);
    return body as Body;
  };
  return {
    ask,
    read: (reference) => found(`/${reference}`),
    search: async <Kind extends Resource>(query: string) =>
      ((await found<Bundle<Kind>>(`/${query}`)).entry ?? []).map((entry) => entry.resource as Kind),
    bytes: async (path, accept) => {
      const response = await fetch(`${url}${path}`, { headers: { authorization, accept }, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.status !== 200) throw new Error(`GET ${path} was answered ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
  };
}

const TIMEOUT_MS = 60_000;
