/** A FHIR door over a database, a blob store and a journal of its own, with clients of every role. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import express from 'express';
import { admitTask } from '../../src/cases/admit.ts';
import type { FhirSettings } from '../../src/endpoints/fhir/deps.ts';
import { fhirRoutes } from '../../src/endpoints/fhir/fhir-routes.ts';
import { startHttpDoor } from '../../src/endpoints/http-listener.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { Admit } from '../../src/model/admit.ts';
import { systemClock, uuidv7 } from '../../src/model/clock.ts';
import type { Door } from '../../src/model/door.ts';
import type { Caller } from '../../src/model/peer.ts';
import { loadValidator, type Validate } from '../../src/protocols/fhir/resource-validator.ts';
import { newToken, tokenHash } from '../../src/security/token.ts';
import { openAudit } from '../../src/store/audit-store.ts';
import { type BlobStore, openBlobs } from '../../src/store/blob-store.ts';
import { addClient, findClient } from '../../src/store/client-store.ts';
import type { Database } from '../../src/store/database.ts';
import { freshDatabase } from './database.ts';
import { record } from './mllp-door.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type FhirDoor = {
  readonly base: string;
  readonly port: number;
  readonly door: Door;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly logged: readonly { readonly event: string }[];
  /** A client of its own with a token. */
  client(role: Caller['role'], group: string): Promise<FhirCaller>;
  close(): Promise<void>;
};

/** Asks as one client. */
export type FhirCaller = {
  readonly token: string;
  readonly name: string;
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<FhirAnswer>;
};

export type FhirAnswer = {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever came
  readonly body: any;
  readonly text: string;
};

export type DoorOptions = { readonly admit?: Admit; readonly settings?: Partial<FhirSettings>; readonly corsOrigins?: readonly string[] };

export async function openFhirDoor(options: DoorOptions = {}): Promise<FhirDoor> {
  const fresh = await freshDatabase();
  const directory = temporaryDirectory('waystation-fhir-');
  const { database } = fresh;
  const [blobs, journal, audit] = [await openBlobs(directory), openJournal(database), openAudit(database, () => {})];
  const { log, metrics, logged } = record();
  const fhir = fhirRoutes({
    ...{ database, blobs, journal, audit, log, metrics },
    clock: systemClock,
    authenticate: (token) => findClient(database, tokenHash(token)),
    admit: options.admit ?? admitTask,
    validate: validator(),
    settings: {
      publicUrl: '',
      cors: (options.corsOrigins ?? []).length > 0,
      maxBodyBytes: 2 * 1024 * 1024,
      maxBinaryBytes: 64 * 1024 * 1024,
      bodyTimeoutMs: 60_000,
      ...options.settings,
    },
  });
  const ok: express.RequestHandler = (_request, response) => void response.end('ok\n');
  const routers = { fhir, dicomweb: express.Router(), operations: express.Router(), health: ok, ready: ok, metrics: ok };
  const http = {
    host: '127.0.0.1',
    port: 0,
    tls: null,
    publicUrl: '',
    corsOrigins: options.corsOrigins ?? [],
    maxBodyBytes: 2 * 1024 * 1024,
  };
  const door = await startHttpDoor(http, { ...routers, log });
  const base = `http://127.0.0.1:${door.port}/fhir`;
  return {
    ...{ base, port: door.port, door, database, blobs, logged },
    client: (role, group) => newCaller(database, base, role, group),
    close: async () => {
      await door.stop(0);
      await journal.close();
      await audit.close();
      await fresh.drop();
      await rm(directory, { recursive: true });
    },
  };
}

async function newCaller(database: Database, base: string, role: Caller['role'], group: string): Promise<FhirCaller> {
  const token = newToken();
  const name = `${role}-${group}-${createHash('sha256').update(token).digest('hex').slice(0, 8)}`;
  const failed = await addClient(database, { client: name, group, role, tokenHash: tokenHash(token), created: new Date() });
  if (failed) throw new Error(failed.detail);
  return { token, name, ask: (method, path, body, headers) => ask(`${base}/${path}`, token, method, body, headers) };
}

/** A body that is a Buffer or text goes as it is, anything else as FHIR JSON. */
async function ask(url: string, token: string, method: string, body?: unknown, headers: Record<string, string> = {}): Promise<FhirAnswer> {
  const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/fhir+json',
      ...(raw ? {} : { 'content-type': 'application/fhir+json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
}

/** Posts a resource that must be taken; gives `Type/id`. */
export async function created(caller: FhirCaller, resource: FhirBody): Promise<string> {
  const answer = await caller.ask('POST', resource.resourceType, resource);
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
  return `${resource.resourceType}/${answer.body.id}`;
}

/** A resource or Bundle as a client writes it, right or wrong. */
export type FhirBody = { readonly resourceType: string; readonly [element: string]: unknown };

export function patient(value: string, more: object = {}): FhirBody {
  return {
    resourceType: 'Patient',
    identifier: [{ system: 'urn:test:mrn', value }],
    name: [{ family: 'van der Bérg', given: ['Ada'] }],
    birthDate: '1980-05-17',
    ...more,
  };
}

export function order(subject: string, more: object = {}): FhirBody {
  return {
    resourceType: 'ServiceRequest',
    status: 'active',
    intent: 'order',
    code: { text: 'consult' },
    subject: { reference: subject },
    ...more,
  };
}

export function offeredTask(subject: string, more: object = {}): FhirBody {
  return { resourceType: 'Task', status: 'requested', intent: 'order', for: { reference: subject }, ...more };
}

/** An entry of a transaction that creates. */
export function post(fullUrl: string, resource: FhirBody, more: object = {}) {
  return { ...(fullUrl === '' ? {} : { fullUrl }), resource, request: { method: 'POST', url: resource.resourceType, ...more } };
}

export function bundle(entry: readonly unknown[], type = 'transaction'): FhirBody {
  return { resourceType: 'Bundle', type, entry };
}

/** `urn:uuid:` names for the entries of a Bundle. */
export function urn(number: number): string {
  return `urn:uuid:0195a1b2-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

/** A case row as the corridor leaves it, with resources taken into it. */
export async function putIntoCase(database: Database, references: readonly string[], group: string): Promise<string> {
  const id = uuidv7(Date.now());
  const of = (type: string) => references.find((reference) => reference.startsWith(`${type}/`)) ?? '';
  const state = { id, phase: 'requested', task: of('Task'), serviceRequest: of('ServiceRequest'), patient: of('Patient') };
  await database.query(
    `insert into cases (id, version, phase, specialty, opened, updated, content) values ($1, 1, 'requested', 'dermatology', now(), now(), $2)`,
    [id, Buffer.from(JSON.stringify(state))],
  );
  for (const reference of references) {
    const [type, resourceId] = reference.split('/');
    const joins = type !== 'Patient';
    await database.query(
      `update resource set case_id = case when $4 then $3::uuid end, readers = (select array_agg(distinct r) from unnest(readers || $5::text) r)
       where type = $1 and id = $2`,
      [type, resourceId, id, joins, group],
    );
  }
  return id;
}

let loaded: Validate | undefined;

function validator(): Validate {
  loaded ??= loadValidator();
  return loaded;
}
