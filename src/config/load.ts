/**
 * From a configuration file, or none, to what the rooms are told at start.
 * In: where the process stands (surroundings-store.ts). Out: the whole configuration with warnings, or every fault at once.
 * Order of precedence: environment, file, default. Relative paths in the file start at the file, others at the working directory.
 */
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { CommitmentAddress } from '../model/commitment.ts';
import {
  type Config,
  type ConfiguredPeer,
  type Destination,
  type Route,
  type Specialty,
  takesCases,
  takesObjects,
} from '../model/config.ts';
import { LOG_LEVELS, type LogLevel } from '../model/log.ts';
import { isLoopback } from './address-range.ts';
import type { Pointers } from './elements.ts';
import { faultsOf, inOrder } from './fault.ts';
import { planFaults } from './plan.ts';
import { BUILT_IN_READERS, type ConfigInput, configSchema, isDatabaseUrl } from './schema.ts';
import { type ConfigFault, parseSource } from './source.ts';
import { changedSpecialties, readSpecialties } from './specialties.ts';
import type { Surroundings } from './surroundings-store.ts';
import { warnings } from './warnings.ts';

/** `file` as `--config` says it. Without one: WAYSTATION_CONFIG, else waystation.yaml where it exists, else the embedded defaults. */
export type Where = Surroundings & { readonly file?: string };

export type Loaded = {
  readonly config: Config;
  readonly logLevel: LogLevel;
  /** Path of the file that was read, '' for the embedded defaults. */
  readonly file: string;
  readonly warnings: readonly ConfigFault[];
};

export type Faulty = { readonly faults: readonly ConfigFault[] };

/** Reads, completes and checks everything. */
export function loadConfig(where: Where): Loaded | Faulty {
  const text = readConfigFile(where);
  if ('message' in text) return { faults: [fileFault(text.path, text.message)] };
  const source = parseSource(shown(where, text.path), text.text);
  if (source.faults.length > 0) return { faults: source.faults };
  const base = text.path === '' ? where.cwd : dirname(text.path);
  const { specialties, faults: specialtyFaults } = readSpecialties(specialtyFiles(where));
  const parsed = configSchema(pointers(where, base)).safeParse(source.raw);
  const faults = [
    ...(parsed.success ? [] : faultsOf(parsed.error.issues, source)),
    ...planFaults(source, namesOf(specialties)),
    ...specialtyFaults,
    ...environmentFaults(where),
  ];
  if (faults.length > 0 || !parsed.success) return { faults: inOrder(faults) };
  const config = complete(where, base, parsed.data, specialties);
  return { config, logLevel: logLevel(where), file: text.path, warnings: warnings(config, source) };
}

/**
 * Where the data are, of a configuration that need not be whole: who looks for the running gateway needs no secrets of it.
 * '' when the file cannot be read, or is no YAML.
 */
export function findDataDirectory(where: Where): string {
  const text = readConfigFile(where);
  if ('message' in text) return '';
  const { raw, faults } = parseSource(text.path, text.text);
  if (faults.length > 0) return '';
  const { data } = (raw ?? {}) as { data?: unknown };
  return dataDirectory(where, text.path === '' ? where.cwd : dirname(text.path), typeof data === 'string' ? data : undefined);
}

/** The default home of data: ./data, except for root where another user (PostgreSQL's) could not reach that. */
function defaultDataDirectory(where: Pick<Surroundings, 'cwd' | 'uid' | 'othersReach'>): string {
  return where.uid === 0 && !where.othersReach(where.cwd) ? '/var/lib/waystation' : join(where.cwd, 'data');
}

function readConfigFile(where: Where): { path: string; text: string } | { path: string; message: string } {
  const named = where.file ?? (where.env.WAYSTATION_CONFIG || undefined);
  const path = resolve(where.cwd, named ?? DEFAULT_FILE);
  try {
    return { path, text: where.readText(path) };
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return { path: '', text: '' };
    return { path, message: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})` };
  }
}

function specialtyFiles(where: Where): { file: string; text: string }[] {
  return where
    .list(where.specialtiesDirectory)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({ file: join(where.specialtiesDirectory, name), text: where.readText(join(where.specialtiesDirectory, name)) }));
}

function pointers(where: Where, base: string): Pointers {
  return {
    env: (name) => {
      const value = where.env[name];
      if (value === undefined) throw new Error(`is to come from ${name}, which is not set in the environment`);
      return value;
    },
    file: (path) => {
      try {
        return where.readText(resolve(base, path));
      } catch (error) {
        throw new Error(`is to come from ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
      }
    },
  };
}

function environmentFaults({ env }: Where): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const level = env.WAYSTATION_LOG_LEVEL;
  if (level && !(LOG_LEVELS as readonly string[]).includes(level)) {
    faults.push({ ...fileFault('environment', `must be ${LOG_LEVELS.join(', ')}`), path: 'WAYSTATION_LOG_LEVEL' });
  }
  if (env.DATABASE_URL && !isDatabaseUrl(env.DATABASE_URL)) {
    faults.push({ ...fileFault('environment', 'must begin with postgres://'), path: 'DATABASE_URL' });
  }
  return faults;
}

function complete(where: Where, base: string, input: ConfigInput, specialties: readonly Specialty[]): Config {
  const destinations = withReaders(input.destinations.map((one) => completeDestination(one, input.dimse.aeTitle)));
  const open = [...input.mllp, input.dimse, input.http].some(({ host }) => !isLoopback(host));
  return {
    ...completeDoors(input),
    dataDirectory: dataDirectory(where, base, input.data),
    databaseUrl: where.env.DATABASE_URL || (input.database ?? ''),
    peers: withReturns(withWorklists(input), destinations),
    unknownPeers: input.unknownPeers ?? (open ? 'refuse' : 'accept'),
    destinations,
    routes: input.routes ?? defaultRoutes(destinations),
    signers: input.signers,
    specialties: changedSpecialties(specialties, input.specialties),
    defaultSpecialty: input.defaultSpecialty,
  };
}

function completeDoors({ mllp, dimse, http }: ConfigInput): Pick<Config, 'mllp' | 'dimse' | 'http'> {
  const { maxPdu, artim, idle, tls, reserve, calledAeTitles, ...called } = dimse;
  return {
    mllp: mllp.map(({ maxMessage, idle, tls, ...called }) => ({ ...called, tls: tls ?? null, maxMessageBytes: maxMessage, idleMs: idle })),
    dimse: {
      ...called,
      tls: tls ?? null,
      calledAeTitles: calledAeTitles ?? [],
      maxPduBytes: maxPdu,
      artimMs: artim,
      idleMs: idle,
      reserveBytes: reserve,
    },
    http: {
      ...{ host: http.host, port: http.port, tls: http.tls ?? null, publicUrl: http.publicUrl ?? '', maxBodyBytes: http.maxBody },
      corsOrigins: http.cors?.origins ?? [],
    },
  };
}

function dataDirectory(where: Where, base: string, written: string | undefined): string {
  if (where.env.WAYSTATION_DATA) return resolve(where.cwd, where.env.WAYSTATION_DATA);
  return written === undefined ? defaultDataDirectory(where) : resolve(base, written);
}

function commitmentOf({ limit, archive, tls, ...address }: CommitmentInput): CommitmentAddress {
  return { ...address, ...(tls ? { tls } : {}), ...(archive === undefined ? {} : { archive: { name: archive, limitMs: limit } }) };
}

type CommitmentInput = NonNullable<NonNullable<ConfigInput['peers'][number]['dimse']>['commitment']>;

/** A modality sees the orders of all peers whose accession numbers have its issuer: they are one hospital. */
function withWorklists({ peers }: ConfigInput): ConfiguredPeer[] {
  const complete = peers.map(completePeer);
  return complete.map((peer, index) => {
    const hospital = complete.filter(({ accessionIssuer }) => accessionIssuer === peer.accessionIssuer);
    return peers[index]?.dimse?.worklist ? { ...peer, worklist: { of: namesOf(hospital) } } : peer;
  });
}

/** Who sends back what was de-identified. */
function withReturns(peers: readonly ConfiguredPeer[], destinations: readonly Destination[]): ConfiguredPeer[] {
  const from = (peer: string): string[] =>
    namesOf(destinations.filter((one) => takesObjects(one) && one.deidentify?.returnedBy?.includes(peer)));
  return peers.map((peer) => (from(peer.name).length > 0 ? { ...peer, reidentifies: from(peer.name) } : peer));
}

function completePeer({ mllp, dimse, http, specialty, reply, ...peer }: ConfigInput['peers'][number]): ConfiguredPeer {
  return {
    ...peer,
    charset: peer.charset ?? '',
    release: mllp?.release ?? 0,
    specialty: specialty ?? '',
    // Numbers without an authority are the peer's own: those of two hospitals never meet by chance.
    accessionIssuer: peer.accessionIssuer ?? `default.${peer.name}`,
    patientAuthority: peer.patientAuthority ?? `default.${peer.name}`,
    sendingApplication: mllp?.application ?? '',
    sendingFacility: mllp?.facility ?? '',
    listener: mllp?.listener ?? '',
    address: mllp?.address ?? '',
    certificate: mllp?.certificate ?? '',
    ...(reply.wait === undefined ? {} : { replyWaitMs: reply.wait }),
    ...(dimse?.commitment ? { commitment: commitmentOf(dimse.commitment) } : {}),
    ...(dimse?.query ? { query: dimse.query } : {}),
    callingAeTitle: dimse?.aeTitle ?? '',
    callingAddress: dimse?.address ?? '',
    callingCertificate: dimse?.certificate ?? '',
    client: http?.client ?? '',
  };
}

/** `aeTitle`: what this gateway calls itself where a destination says nothing else. */
function completeDestination(written: ConfigInput['destinations'][number], aeTitle: string): Destination {
  if (written.kind === 'pull') return written;
  const { first, most, attempts, onFailure } = written.retry;
  const retry = { firstDelayMs: first, maxDelayMs: Math.max(first, most), maxAttempts: attempts, onFailure };
  if (written.kind === 'fhir') {
    const { timeout, poll, token, ...fhir } = written;
    return { ...fhir, retry, token: token ?? '', timeoutMs: timeout, pollMs: poll };
  }
  if (written.kind === 'dimse') {
    const { timeout, idle, group = '', tls = null, callingAeTitle = aeTitle, commitment, ...dimse } = written;
    const asked = commitment ? { commitment: { limitMs: commitment.limit } } : {};
    return { ...dimse, group, tls, callingAeTitle, timeoutMs: timeout, idleMs: idle, retry, ...asked };
  }
  if (written.kind === 'dicomweb') {
    const { timeout, group = '', tls = null, token = '', ...dicomweb } = written;
    return { ...dicomweb, group, tls, token, timeoutMs: timeout, retry };
  }
  const { answerTimeout, receivingApplication = '', receivingFacility = '', tls, replies, status, ...mllp } = written;
  return {
    ...mllp,
    orderReplies: replies,
    orderStatus: status,
    tls: tls ?? null,
    retry,
    receivingApplication,
    receivingFacility,
    answerTimeoutMs: answerTimeout,
  };
}

/** Where no destination takes cases there is one group that pulls, so that a first configuration of peers alone is enough. */
function withReaders(destinations: readonly Destination[]): readonly Destination[] {
  return destinations.some(takesCases) ? destinations : [...destinations, BUILT_IN_READERS];
}

/** plan.ts has seen to it that just one takes cases when no rule is written. */
function defaultRoutes(destinations: readonly Destination[]): Route[] {
  return destinations.filter(takesCases).map(({ name }) => ({ when: {}, to: name }));
}

function namesOf(named: readonly { readonly name: string }[]): string[] {
  return named.map(({ name }) => name);
}

function logLevel({ env }: Where): LogLevel {
  return (env.WAYSTATION_LOG_LEVEL || 'info') as LogLevel;
}

function fileFault(file: string, message: string): ConfigFault {
  return { file, line: 0, column: 0, path: '', message };
}

function shown({ cwd }: Where, path: string): string {
  const short = relative(cwd, path);
  return path === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}

const DEFAULT_FILE = 'waystation.yaml';
