/** A corridor on a database of its own, and what a test of persons asks of it. */
import { createHash } from 'node:crypto';
import type { Encounter, Identifier, Patient, Resource } from '@medplum/fhirtypes';
import { openCorridor } from '../../src/corridor-worker.ts';
import { operationEntry } from '../../src/endpoints/operations/operation-entry.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { CaseState } from '../../src/model/case.ts';
import type { Config } from '../../src/model/config.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { readCaseEvents } from '../../src/store/case-store.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { findIdentifiers } from '../../src/store/identifier-store.ts';
import { readHistory, readResources } from '../../src/store/resource-store.ts';
import { freshDatabase } from './database.ts';
import type { Sent } from './hospital-messages.ts';
import { silentLog } from './silent-log.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { testConfig } from './test-config.ts';

export const HOSP = 'urn:waystation:authority:HOSP';

export type PersonCorridor = Awaited<ReturnType<typeof openPersonCorridor>>;

export async function openPersonCorridor(workers = 1, change: (config: Config) => Config = (config) => config) {
  const fresh = await freshDatabase();
  const config = change(testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-persons-') }));
  const pools: Database[] = Array.from({ length: workers }, () => openDatabase(fresh.url));
  const corridors: Corridor[] = [];
  for (const pool of pools) corridors.push({ ...(await openCorridor(pool, config, silentLog)), workers });
  const journal = openJournal(fresh.database);
  const { database } = fresh;

  const workOff = async () => {
    await Promise.all(
      corridors.map(async (corridor) => {
        for (let idle = 0; idle < (workers > 1 ? 3 : 1); ) idle = (await runBatch(corridor)) === 0 ? idle + 1 : 0;
      }),
    );
  };
  const append = (entry: NewEntry) => journal.append(entry);
  const idOf = async (type: string, value: string, system = HOSP) => {
    const [id] = await findIdentifiers(database, [{ type, system, value }]);
    return id ?? null;
  };
  const read = async <T extends Resource>(reference: string): Promise<T | null> =>
    ((await readResources(database, [reference])).get(reference)?.resource as T | undefined) ?? null;
  const cases = async (): Promise<CaseState[]> => {
    const { rows } = await database.query<{ content: Buffer }>('select content from cases order by id');
    return rows.map(({ content }) => JSON.parse(content.toString()) as CaseState).filter(({ keys }) => keys.length > 0);
  };
  return {
    database,
    pools,
    corridors,
    append,
    workOff,
    /** Messages are taken one after another, and then worked off together. */
    async send(...messages: readonly Sent[]): Promise<number[]> {
      const seqs: number[] = [];
      for (const message of messages) seqs.push((await append(entryOf(message))).seq);
      await workOff();
      return seqs;
    },
    idOf,
    read,
    /** The Patient that a number leads to. */
    async patient(number: string): Promise<(Patient & { id: string }) | null> {
      const id = await idOf('Patient', number);
      return id ? ((await read(`Patient/${id}`)) as (Patient & { id: string }) | null) : null;
    },
    async encounter(number: string): Promise<(Encounter & { id: string }) | null> {
      const id = await idOf('Encounter', number);
      return id ? ((await read(`Encounter/${id}`)) as (Encounter & { id: string }) | null) : null;
    },
    async versions(reference: string): Promise<number> {
      const [type = '', id = ''] = reference.split('/');
      return (await readHistory(database, type, id, 100)).length;
    },
    cases,
    async caseOf(placer: string): Promise<CaseState> {
      const found = (await cases()).filter(({ keys }) => keys.some(({ kind, value }) => kind === 'placer' && value === placer));
      if (found.length !== 1) throw new Error(`${found.length} cases of ${placer}`);
      return found[0] as CaseState;
    },
    async events(caseId: string): Promise<string[]> {
      return (await readCaseEvents(database, caseId)).map(({ kind }) => kind);
    },
    async outcome(seq: number): Promise<string> {
      const { rows } = await database.query<{ state: string; detail: string }>('select state, detail from outcome where seq = $1', [seq]);
      return rows[0] ? `${rows[0].state} ${rows[0].detail}`.trim() : 'waiting';
    },
    async count(sql: string): Promise<number> {
      return (await database.query<{ n: number }>(`select count(*)::int as n from ${sql}`)).rows[0]?.n ?? -1;
    },
    async close(): Promise<void> {
      await journal.close();
      for (const pool of pools) await pool.close();
      await fresh.drop();
    },
  };
}

/** What an operator asks of the gateway. */
export function operation(type: 'patient.unmerge', what: Readonly<Record<string, string>>): NewEntry {
  return operationEntry(type, 'operator', `patient ${what.patient}`, what, new Date());
}

export function entryOf({ type, controlId, patient, bytes }: Sent, peer = 'hospital'): NewEntry {
  const digest = createHash('sha256').update(bytes).digest();
  const lane = `${peer}|${patient}`;
  const rest = { blob: null, disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() } as const;
  return { ...rest, kind: 'hl7v2', peer, type, controlId, digest, lane, payload: bytes };
}

/** `X old, Y`: numbers of a Patient as they now are. */
export function numbersOf(resource: Resource | null): string {
  const { identifier = [] } = (resource ?? {}) as { identifier?: Identifier[] };
  return identifier
    .map(({ value, use }) => (use === 'old' ? `${value} old` : `${value}`))
    .sort()
    .join(', ');
}
