/**
 * One write, from what was asked to what is committed. In: the writes of one request and its exact bytes.
 * Out: one reply each, once journal row and resources are durable together; or a refusal, after which nothing is written.
 * Order inside the transaction: criteria, cases, resources (each in a fixed order), the question to `admit`, journal, resources.
 */
import { createHash } from 'node:crypto';
import type { Change } from '../../model/admit.ts';
import type { NewEntry } from '../../model/entry.ts';
import { type Failure, isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import type { Write } from '../../protocols/fhir/interaction.ts';
import { entryFailure } from '../../protocols/fhir/operation-outcome.ts';
import { literalReferences } from '../../protocols/fhir/references.ts';
import { indexResource } from '../../protocols/fhir/search-index.ts';
import { lockCases, type StoredCase } from '../../store/case-store.ts';
import type { Transaction } from '../../store/database.ts';
import { addReaders, lockResources, readResources, type StoredResource, saveResources } from '../../store/resource-store.ts';
import { findByTokens } from '../../store/search-store.ts';
import { adoptedRows, type CaseLink, linkToCases } from './case-link.ts';
import { resolveWrites } from './conditional-session.ts';
import type { FhirDeps } from './deps.ts';
import { registerIdentifiers } from './identifier-session.ts';
import { prepareWrites } from './prepare-session.ts';
import { type Reply, replyOf } from './reply.ts';
import { admitFacts, admittedBy } from './write-facts.ts';
import { type Planned, planWrite, type Resolved } from './write-plan.ts';

export type WriteRequest = {
  readonly caller: Caller;
  readonly writes: readonly Write[];
  /** `transaction`, `Task.update` …: the journal's type. */
  readonly type: string;
  readonly isTransaction: boolean;
  /** What the client calls its Bundle; '' for none. */
  readonly controlId?: string;
  /** The exact bytes of the request; empty when they went to the blob store. */
  readonly payload: Buffer;
  /** Hex SHA-256 of a raw upload, or null. */
  readonly blob: string | null;
  readonly base: string;
};

/** Performs the writes of one request, all or none. */
export async function performWrite(deps: FhirDeps, request: WriteRequest): Promise<Reply[] | Failure> {
  const prepared = await prepareWrites(deps, request);
  if (isFailure(prepared)) return prepared;
  try {
    return await deps.database.transaction((tx) => writeAll(tx, deps, request, prepared));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.journaled)
      await deps.journal.append(entryOf(request, deps.clock.now(), '', { disposition: 'refused', detail: error.failure.detail }));
    return error.failure;
  }
}

/** Leaves the transaction without a trace in the tables; `journaled` when the refusal is part of the story. */
class Refused extends Error {
  readonly failure: Failure;
  readonly journaled: boolean;
  constructor(failure: Failure, journaled: boolean) {
    super(failure.code);
    this.failure = failure;
    this.journaled = journaled;
  }
}

async function writeAll(tx: Transaction, deps: FhirDeps, request: WriteRequest, writes: readonly Write[]): Promise<Reply[]> {
  const now = deps.clock.now();
  const resolved = orRefuse(await resolveWrites(tx, writes, request, deps.clock));
  const names = namesOf(resolved);
  const loaded = await loadRows(tx, resolved, names);
  const context = { ...request, rows: loaded.rows, names, written: new Set(resolved.map((one) => one.reference)), validate: deps.validate };
  const changes = resolved.map((one, index) => orRefuse(planWrite(one, context), request.isTransaction ? index : null));
  const effective = inOrder(changes.filter((change) => !change.kept && (change.before || change.after)));
  const work = { request, effective, loaded, links: linkToCases(effective, loaded.rows, request.caller), now };
  admitAll(deps, work);
  if (effective.length > 0) await save(tx, deps, work);
  return changes.map((change) => replyTo(change, now));
}

/** Everything a plan and its facts look at: targets, what they refer to, the cases around, and of each what `admittedBy` names. */
async function loadRows(tx: Transaction, resolved: readonly Resolved[], names: ReadonlyMap<string, string>) {
  const targets = resolved.map((one) => one.reference);
  const mentioned = resolved.flatMap(({ write }) => mentionedIn(write));
  const first = await readResources(tx, [...new Set([...targets, ...mentioned, ...names.values()])]);
  const before = [...first.values()].flatMap((row) => literalReferences(row.resource));
  const around = await readResources(
    tx,
    [...new Set(before)].filter((reference) => !first.has(reference)),
  );
  const seen = new Map([...around, ...first]);
  const cases = await lockCases(
    tx,
    [...seen.values()].flatMap((row) => row.caseId ?? []),
  );
  const ofCases = [...cases.values()].flatMap(({ state }) => admittedBy(state));
  const locked = await lockResources(tx, [...targets, ...ofCases]);
  return { rows: new Map([...seen, ...locked]), cases, reports: await reportsOn(tx, resolved, cases) };
}

/** Reports already given on the orders that a new report answers: the case learns of them later, so of two at once the second sees the first here. */
async function reportsOn(
  tx: Transaction,
  resolved: readonly Resolved[],
  cases: ReadonlyMap<string, StoredCase>,
): Promise<StoredResource[]> {
  if (!resolved.some(({ reference }) => reference.startsWith('DiagnosticReport/'))) return [];
  const tokens = [...cases.values()].map(({ state }) => `DiagnosticReport.based-on=${state.serviceRequest}`);
  return tokens.length === 0 ? [] : findByTokens(tx, 'DiagnosticReport', tokens, null, MAX_REPORTS);
}

/** Of one case, prior findings among them. */
const MAX_REPORTS = 100;

/** A patch may set a whole Reference or only its text. */
function mentionedIn(write: Write): string[] {
  if ('resource' in write) return literalReferences(write.resource);
  if (write.kind === 'delete') return [];
  const values = write.operations.map((operation) => ('value' in operation ? operation.value : null));
  return literalReferences({ values, texts: values.map((value) => ({ reference: value })) });
}

/** What one transaction has worked out, on its way from the question to the tables. */
type Work = {
  readonly request: WriteRequest;
  /** What really changes, in the order in which it is saved. */
  readonly effective: readonly Planned[];
  readonly loaded: {
    readonly rows: ReadonlyMap<string, StoredResource>;
    readonly cases: ReadonlyMap<string, StoredCase>;
    readonly reports: readonly StoredResource[];
  };
  readonly links: ReadonlyMap<string, CaseLink>;
  readonly now: Date;
};

function admitAll(deps: FhirDeps, { request, effective, loaded, links, now }: Work): void {
  const changes = effective.map(changeOf);
  for (const [index, planned] of effective.entries()) {
    const facts = admitFacts({ caller: request.caller, now, changes, planned, loaded, links });
    const refused = deps.admit(changes[index] as Change, facts);
    if (refused) throw new Refused(refused, true);
  }
}

async function save(tx: Transaction, deps: FhirDeps, { request, effective, loaded, links, now }: Work): Promise<void> {
  const effects = effective.map((change) => `${change.reference}/${change.version}`);
  const caseId = [...links.values()].find((link) => link.caseId !== null)?.caseId ?? null;
  const entry = entryOf(request, now, effective[0]?.reference ?? '', { disposition: 'accepted', effects });
  // What concerns one case stays in order; anything else in the order of its sender.
  const seq = await deps.journal.appendIn(tx, caseId === null ? entry : { ...entry, lane: `case ${caseId}` });
  await saveResources(
    tx,
    effective.map((change) => writeOf(change, links.get(change.reference) ?? change.before, seq, now)),
    now,
  );
  for (const { reference, link } of adoptedRows(effective, links, loaded.rows, request.caller)) {
    await addReaders(tx, [reference], link.caseId, link.readers);
  }
  await registerIdentifiers(tx, request.caller, effective);
}

/** A delete keeps the last content and is found by nothing. */
function writeOf(
  { before, after, version }: Planned,
  link: Pick<StoredResource, 'caseId' | 'author' | 'readers'> | null,
  seq: number,
  said: Date,
) {
  const resource = (after ?? before?.resource) as Planned['after'] & object;
  const { caseId, author, readers } = link as StoredResource;
  const index = after ? indexResource(after) : { tokens: [], status: '', owner: '', dated: null, strings: null };
  return { resource, version, index, deleted: after === null, caseId, author, readers, seq, said };
}

function replyTo(change: Planned, now: Date): Reply {
  const { write, reference, kept, before, after, version } = change;
  if (kept) return replyOf(kept);
  if (!after) return { status: 204, body: null, version: null };
  const [type = '', id = ''] = reference.split('/');
  const resource = { ...after, meta: { ...after.meta, versionId: String(version), lastUpdated: now.toISOString() } };
  return replyOf({ type, id, version, updated: now, resource }, before === null && write.kind !== 'patch' ? 201 : 200);
}

function namesOf(resolved: readonly Resolved[]): Map<string, string> {
  return new Map(
    resolved.flatMap(({ write, reference }) =>
      write.kind !== 'delete' && write.fullUrl !== '' ? [[write.fullUrl, reference] as const] : [],
    ),
  );
}

/** R4 §3.1.0.11.2: deletes, then creates, then updates and patches. */
function inOrder(changes: readonly Planned[]): Planned[] {
  const rank = { delete: 0, create: 1, update: 2, patch: 3 };
  return [...changes].sort((a, b) => rank[a.write.kind] - rank[b.write.kind]);
}

function changeOf({ before, after }: Planned): Change {
  return { before: before?.resource ?? null, after };
}

function entryOf(
  { caller, type, payload, blob, isTransaction, controlId: bundleName = '' }: WriteRequest,
  received: Date,
  reference: string,
  rest: Pick<NewEntry, 'disposition'> & Partial<NewEntry>,
): NewEntry {
  const digest = blob ? Buffer.from(blob, 'hex') : createHash('sha256').update(payload).digest();
  const controlId = isTransaction ? bundleName : reference;
  const entry = { kind: 'fhir' as const, peer: caller.client, type, controlId, digest, lane: caller.client, payload, blob };
  return { ...entry, answer: Buffer.alloc(0), effects: [], detail: '', received, ...rest };
}

/** `index` names the entry of a transaction. */
function orRefuse<T>(value: T, index: number | null = null): Exclude<T, Failure> {
  if (!isFailure(value)) return value as Exclude<T, Failure>;
  throw new Refused(index === null ? value : entryFailure(value, index), false);
}
