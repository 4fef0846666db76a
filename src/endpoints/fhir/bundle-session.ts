/**
 * Transactions and batches (R4 §3.1.0.11). In: a Bundle as parsed, and its exact bytes. Out: the response Bundle.
 * A transaction is one write: all entries or none. In a batch every entry stands for itself and is journaled by itself.
 */
import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { type Failure, isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import { bundleEntries, transactionEntries } from '../../protocols/fhir/bundle.ts';
import type { Interaction } from '../../protocols/fhir/interaction.ts';
import type { JsonObject } from '../../protocols/fhir/json-text.ts';
import { type FhirFailure, refuse } from '../../protocols/fhir/operation-outcome.ts';
import type { FhirDeps } from './deps.ts';
import { read } from './read-session.ts';
import { type Preference, preferred, type Reply, replyOfFailure, responseEntry } from './reply.ts';
import { performWrite } from './write-session.ts';

export type BundleRequest = {
  readonly caller: Caller;
  readonly body: JsonObject;
  readonly payload: Buffer;
  readonly preference: Preference;
  readonly lenient: boolean;
  readonly base: string;
};

export async function processBundle(deps: FhirDeps, request: BundleRequest): Promise<Reply | Failure> {
  if (request.body.resourceType !== 'Bundle') return refuse(400, 'invalid', 'the body is not a Bundle', 'Resource.resourceType');
  const bundle = request.body as unknown as Bundle;
  if (bundle.type === 'transaction') return processTransaction(deps, request, bundle);
  if (bundle.type === 'batch') return processBatch(deps, request, bundle);
  return refuse(422, 'not-supported', 'only a transaction or a batch can be posted here', 'Bundle.type');
}

async function processTransaction(deps: FhirDeps, request: BundleRequest, bundle: Bundle): Promise<Reply | Failure> {
  const writes = transactionEntries(bundle, request.base);
  if (isFailure(writes)) return writes;
  const { caller, payload, base } = request;
  const replies = await performWrite(deps, {
    ...{ caller, writes, type: 'transaction', isTransaction: true },
    ...{ controlId: nameOf(bundle), payload, blob: null, base },
  });
  if (isFailure(replies)) return replies;
  return answerBundle(
    'transaction-response',
    replies.map((reply) => responseEntry(preferred(reply, request.preference))),
  );
}

/** What the client calls the Bundle by: told in the journal, so kept short and printable. */
function nameOf({ identifier, id }: Bundle): string {
  const name = identifier?.value ?? id ?? '';
  return typeof name === 'string' && /^[\x21-\x7e]{1,100}$/.test(name) ? name : '';
}

/** What the reads of one batch may bring together: each search may fill a page. */
const MAX_BATCH_READ_BYTES = 32 * 1024 * 1024;

async function processBatch(deps: FhirDeps, request: BundleRequest, bundle: Bundle): Promise<Reply | Failure> {
  const entries = bundleEntries(bundle, request.base);
  if (isFailure(entries)) return entries;
  const answered: BundleEntry[] = [];
  let bytesRead = 0;
  for (const [index, entry] of entries.entries()) {
    const payload = Buffer.from(JSON.stringify(bundle.entry?.[index] ?? null));
    const isRead = !isFailure(entry) && entry.kind === 'get';
    const refused = isRead && bytesRead > MAX_BATCH_READ_BYTES ? refuse(413, 'too-costly', 'the reads before filled the answer') : entry;
    const reply = isFailure(refused) ? refused : await processEntry(deps, request, refused, payload);
    if (isRead && !isFailure(reply)) bytesRead += JSON.stringify(reply.body).length;
    answered.push(responseEntry(isFailure(reply) ? replyOfFailure(reply) : reply));
  }
  return answerBundle('batch-response', answered);
}

async function processEntry(deps: FhirDeps, request: BundleRequest, entry: Interaction, payload: Buffer): Promise<Reply | Failure> {
  const { caller, base } = request;
  if (entry.kind === 'get') return readEntry(deps, request, entry.url);
  const type = `${entry.type}.${entry.kind}`;
  const replies = await performWrite(deps, { caller, writes: [entry], type, isTransaction: false, payload, blob: null, base });
  return isFailure(replies) ? replies : preferred(replies[0] as Reply, request.preference);
}

function readEntry(deps: FhirDeps, { caller, lenient, base }: BundleRequest, url: string): Promise<Reply | FhirFailure> {
  const [path = '', query = ''] = url.split('?', 2);
  return read(deps, { caller, path: path.split('/').filter(Boolean), parameters: [...new URLSearchParams(query)], lenient, base });
}

function answerBundle(type: 'transaction-response' | 'batch-response', entry: BundleEntry[]): Reply {
  return { status: 200, body: { resourceType: 'Bundle', type, ...(entry.length > 0 ? { entry } : {}) }, version: null };
}
