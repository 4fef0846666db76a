/**
 * One FHIR server that we push to: cases to a specialist's, reports to the one that asked; and where a pushed case's report is looked for.
 * A Delivery (its content a Push as JSON) comes in; a Receipt (the transaction-responses, a JSON array) or a Failure goes out.
 * Promises: a Receipt only when every entry was created or is truly there; sending the same delivery again changes nothing; the token goes
 * to this server only (no redirects, no foreign URLs); time and the size of answers are bounded.
 */
import type { Bundle, BundleEntry, DiagnosticReport, Provenance, Resource } from '@medplum/fhirtypes';
import { Client } from 'fhir-kit-client';
import { Agent, Dispatcher1Wrapper } from 'undici';
import type { FhirDestination } from '../../model/config.ts';
import type { Delivery, SendResult } from '../../model/delivery.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { answeredPlaces, criteriaOf, type Push, placeOf } from '../../protocols/fhir/push.ts';
import { renameReferences } from '../../protocols/fhir/references.ts';
import { statusFailure, thrownFailure, unreadable } from './http-failure.ts';

/** A report with its PDF has a few MB; an answer to a push may repeat all that was pushed. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Reports of one order that are looked at, newest first. */
const MAX_REPORTS = 10;

/** The report as found, a `collection`: DiagnosticReport, Provenance, then its Binaries. The control id names its version. */
export type FoundReport = { readonly bytes: Buffer; readonly controlId: string };

export type FhirClient = {
  /** Never rejects. */
  send(delivery: Pick<Delivery, 'content'>): Promise<SendResult>;
  /** Looks for a signed report on the order `remote` (`ServiceRequest/id` there). Null while there is none. Never rejects. */
  poll(remote: string): Promise<FoundReport | null | Failure>;
  close(): Promise<void>;
};

export function startFhirClient(destination: FhirDestination): FhirClient {
  const server = new Server(destination);
  return {
    send: (delivery) => answered(() => sendPush(server, JSON.parse(delivery.content.toString('utf8')) as Push)),
    poll: (remote) => answered(() => findReport(server, remote)),
    close: () => server.close(),
  };
}

/** What a server answers is not what its type says: an answer of another shape is a Failure, never an exception. */
async function answered<T>(ask: () => Promise<T>): Promise<T | Failure> {
  try {
    return await ask();
  } catch {
    return unreadable(200);
  }
}

async function sendPush(server: Server, push: Push): Promise<SendResult> {
  const answers: Bundle[] = [];
  for (const bundle of push) {
    const answer = await sendBundle(server, bundle, answeredPlaces(push, answers));
    if (isFailure(answer)) return answer;
    answers.push(answer);
  }
  const created = answers.flatMap(({ entry }) => entry ?? []).filter(({ response }) => response?.status.startsWith('201')).length;
  const count = push.reduce((sum, { entry }) => sum + (entry?.length ?? 0), 0);
  return {
    bytes: Buffer.from(JSON.stringify(answers)),
    controlId: push[0]?.identifier?.value ?? '',
    detail: `${created} of ${count} created`,
  };
}

/** `places`: what earlier bundles put there; their names are replaced by where they are. */
async function sendBundle(server: Server, bundle: Bundle, places: ReadonlyMap<string, string>): Promise<Bundle | Failure> {
  const answer = await server.transaction(renameReferences(bundle, places));
  if (isFailure(answer)) return answer;
  const asked = bundle.entry ?? [];
  if (answer.type !== 'transaction-response' || answer.entry?.length !== asked.length) return unreadable(200);
  for (const [index, entry] of answer.entry.entries()) {
    const fault = await entryFault(server, asked[index] as BundleEntry, entry);
    if (fault !== null) return fault;
  }
  return answer;
}

/**
 * A created entry is proof. One that was there before is looked at: a server that overlooks a search parameter it does not know would
 * call any resource of the type a match, and the delivery would be lost.
 */
async function entryFault(server: Server, asked: BundleEntry, { resource, response, ...entry }: BundleEntry): Promise<Failure | null> {
  const status = Number.parseInt(response?.status ?? '', 10);
  if (!(status >= 200 && status < 300)) return statusFailure(status || 500, response?.outcome);
  const place = placeOf({ resource, response, ...entry });
  if (place === '') return unreadable(status);
  if (status === 201) return null;
  const found = resource ?? (await server.read(place));
  if (isFailure(found)) return found;
  return carries(found, criteriaOf(asked)) ? null : failure('delivery', 'rejected', `${place} was taken for ours and is not`);
}

/** Whether a resource has the identifier or tag it was asked for by. */
function carries(resource: Resource, criteria: string): boolean {
  const [[, token = ''] = []] = new URLSearchParams(criteria);
  const { identifier } = resource as { identifier?: unknown };
  const labels = [identifier, resource.meta?.tag].flat() as ({ system?: string; value?: string; code?: string } | undefined)[];
  return labels.some((label) => `${label?.system}|${label?.value ?? label?.code}` === token);
}

async function findReport(server: Server, remote: string): Promise<FoundReport | null | Failure> {
  const reports = await server.search<DiagnosticReport>('DiagnosticReport', {
    'based-on': remote,
    _sort: '-_lastUpdated',
    _count: MAX_REPORTS,
  });
  if (isFailure(reports)) return reports;
  const here = [remote, `${server.url}/${remote}`];
  const answers = ({ status, basedOn }: DiagnosticReport) =>
    FINISHED.has(status) && basedOn?.some(({ reference }) => here.includes(reference ?? ''));
  for (const report of reports.filter(answers)) {
    const found = await withProof(server, report);
    if (found !== null) return found;
  }
  return null;
}

/** A report without a signed Provenance is not ready: null. */
async function withProof(server: Server, report: DiagnosticReport): Promise<FoundReport | null | Failure> {
  const place = `DiagnosticReport/${report.id}`;
  const provenances = await server.search<Provenance>('Provenance', { target: place });
  if (isFailure(provenances)) return provenances;
  const proof = provenances.find(({ signature }) => signature !== undefined);
  if (proof === undefined) return null;
  const files: Resource[] = [];
  for (const { url } of report.presentedForm ?? []) {
    const file = url === undefined ? null : await server.read(url);
    if (isFailure(file)) return file;
    if (file !== null) files.push(file);
  }
  const entry = [report, proof, ...files].map((resource) => ({
    fullUrl: `${server.url}/${resource.resourceType}/${resource.id}`,
    resource,
  }));
  const bytes = Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry } satisfies Bundle));
  return { bytes, controlId: `${place}/_history/${report.meta?.versionId ?? ''}` };
}

/** The server by fhir-kit-client, with limits it does not have itself; what it throws becomes Failures. */
class Server {
  readonly url: string;
  readonly #client: Client;
  readonly #agent: Agent;
  readonly #timeoutMs: number;

  constructor({ url, token, timeoutMs }: FhirDestination) {
    this.url = url.replace(/\/+$/, '');
    this.#timeoutMs = timeoutMs;
    this.#agent = new Agent({ connect: { timeout: timeoutMs }, maxResponseSize: MAX_ANSWER_BYTES });
    // Node 24's own fetch, which fhir-kit-client uses, speaks the handler interface of undici 7.
    const requestOptions = { dispatcher: new Dispatcher1Wrapper(this.#agent), redirect: 'error' };
    this.#client = new Client({ baseUrl: this.url, requestOptions, ...(token === '' ? {} : { bearerToken: token }) });
  }

  async transaction(bundle: Bundle): Promise<Bundle | Failure> {
    const options = { headers: { prefer: 'return=minimal' }, signal: this.#deadline() };
    return this.#ask<Bundle>('Bundle', () => this.#client.transaction({ body: { ...bundle }, options }));
  }

  async search<T extends Resource>(type: T['resourceType'], searchParams: Record<string, string | number>): Promise<T[] | Failure> {
    const bundle = await this.#ask<Bundle>('Bundle', () =>
      this.#client.search({ resourceType: type, searchParams, options: { signal: this.#deadline() } }),
    );
    if (isFailure(bundle)) return bundle;
    return (bundle.entry ?? []).flatMap(({ resource }) => (resource?.resourceType === type && resource.id ? [resource as T] : []));
  }

  /** Reads `Type/id`, or the same as an absolute URL of this server; any other URL is refused. */
  async read(reference: string): Promise<Resource | Failure> {
    const relative = reference.startsWith(`${this.url}/`) ? reference.slice(this.url.length + 1) : reference;
    const [, resourceType, id] = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/.exec(relative) ?? [];
    if (!resourceType || !id) return failure('delivery', 'invalid', 'a reference leads away from the server it stands on');
    return this.#ask<Resource>(resourceType, () => this.#client.read({ resourceType, id, options: { signal: this.#deadline() } }));
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  #deadline(): AbortSignal {
    return AbortSignal.timeout(this.#timeoutMs);
  }

  async #ask<T extends Resource>(type: string, request: () => Promise<object>): Promise<T | Failure> {
    try {
      const answer = (await request()) as Resource;
      return answer.resourceType === type ? (answer as T) : unreadable(200);
    } catch (error) {
      return thrownFailure(error);
    }
  }
}

/** HL7 diagnostic-report-status: read and signed. */
const FINISHED: ReadonlySet<string> = new Set(['final', 'amended', 'corrected', 'appended']);
