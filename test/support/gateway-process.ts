/**
 * The gateway as its users meet it: a process started by its command line, on free ports and a data directory of its own.
 * Nothing of src is imported: what is known of it is what it prints.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, fetch } from 'undici';
import { temporaryDirectory } from './temporary-directory.ts';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PROGRAM = join(ROOT, 'src/cli/waystation.ts');
const START_TIMEOUT_MS = 180_000;
const COMMAND_TIMEOUT_MS = 120_000;
/** Set by global-setup.ts: a data directory of a gateway that has been started once. */
export const FIRST_START_VARIABLE = 'WAYSTATION_TEST_FIRST_START';

export type GatewayProcess = {
  readonly pid: number;
  readonly directory: string;
  readonly mllp: { readonly host: string; readonly port: number };
  readonly dimse: { readonly host: string; readonly port: number; readonly aeTitle: string };
  /** `http://host:port`, without the path. */
  readonly http: string;
  /** What it wrote to its log so far. */
  log(): string;
  /** A token, made by the command line. */
  addClient(name: string, role: 'origin' | 'reader' | 'operator', group?: string): string;
  /** The command line against this gateway; its standard output. Nothing else happens in the test meanwhile: what is asked again and again is a `view`. */
  run(...args: string[]): string;
  /** What `case <id> --json` prints, asked of the door that the command asks; of a case that is not there yet, nothing. */
  caseView(id: string): Promise<CaseView>;
  /** Likewise `journal list`. */
  journal(): Promise<readonly EntryLine[]>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number>;
  /** SIGKILL; with `database`, the embedded server as well. The directory stays. */
  kill(options?: { database?: boolean }): Promise<void>;
  /** The embedded server's postmaster, or null when there is none. */
  databasePid(): number | null;
  /** Deletes the directory after a stop. */
  remove(): void;
};

export type CaseView = {
  readonly id: string;
  readonly phase: string;
  readonly waitingFor: readonly string[];
  readonly timeline: readonly { readonly kind: string; readonly actor: string; readonly detail: string; readonly seq: number | null }[];
  readonly studies: readonly { readonly series: number; readonly instances: number }[];
  readonly objects: { readonly destination: string; readonly ordered: number; readonly taken: number } | null;
  readonly commitments: readonly { readonly destination: string; readonly asked: number; readonly committed: number }[];
  readonly deliveries: readonly { readonly destination: string; readonly state: string }[];
};

const NO_CASE: CaseView = { id: '', phase: '', waitingFor: [], timeline: [], studies: [], objects: null, commitments: [], deliveries: [] };

export type EntryLine = { readonly type: string; readonly controlId: string; readonly state: string; readonly detail: string };

export type GatewayOptions = {
  /** YAML beside the ports; `mllp`, `dimse`, `http` sections may be overridden by keys of their own. */
  readonly yaml?: string;
  /** The section `mllp`, in YAML on one line; its first listener is the one without a name. */
  readonly mllp?: string;
  /** The section `http`, likewise. */
  readonly http?: string;
  /** Start again where another one was killed. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of node itself (`--cpu-prof`). */
  readonly nodeArguments?: readonly string[];
};

export async function startGatewayProcess(options: GatewayOptions = {}): Promise<GatewayProcess> {
  const directory = options.directory ?? newHome();
  const config = join(directory, 'waystation.yaml');
  writeFileSync(
    config,
    `data: ${join(directory, 'data')}\nmllp: ${options.mllp ?? '{ port: 0 }'}\ndimse: { port: 0 }\nhttp: ${options.http ?? '{ port: 0 }'}\n${options.yaml ?? ''}`,
  );
  const child = spawn(process.execPath, [...(options.nodeArguments ?? []), PROGRAM, 'start', '--config', config], {
    cwd: directory,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString('utf8')).slice(-200_000);
  });
  const printed = await doorsOf(child, () => log);
  const gone = new Promise<number>((resolve) => child.once('exit', (code, signal) => resolve(code ?? (signal ? 128 : 0))));
  return {
    pid: child.pid as number,
    directory,
    ...printed,
    log: () => log,
    addClient: (name, role, group = name) => tokenIn(run(config, options.env, 'client', 'add', name, '--role', role, '--group', group)),
    run: (...args) => run(config, options.env, ...args),
    caseView: async (id) => (await operation<CaseView>(directory, `cases/${encodeURIComponent(id)}`)) ?? NO_CASE,
    journal: async () => (await operation<{ rows: EntryLine[] }>(directory, 'journal?limit=100'))?.rows ?? [],
    stop: async () => {
      child.kill('SIGTERM');
      return gone;
    },
    kill: async ({ database = false } = {}) => {
      child.kill('SIGKILL');
      if (database) killPostgres(postmasterOf(join(directory, 'data')));
      await gone;
    },
    databasePid: () => postmasterOf(join(directory, 'data')),
    remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** A data directory of its own; initdb and the migrations, which are the same every time, have been done for all of them. */
function newHome(): string {
  const directory = temporaryDirectory('waystation-test-');
  const template = process.env[FIRST_START_VARIABLE];
  if (template) execFileSync('cp', ['-Rp', template, join(directory, 'data')]);
  return directory;
}

/** Waits for the lines that name the doors. */
async function doorsOf(child: ChildProcess, log: () => string): Promise<Pick<GatewayProcess, 'mllp' | 'dimse' | 'http'>> {
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the gateway ${why}\n${output}\n${log()}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`did not start within ${START_TIMEOUT_MS} ms`);
    }, START_TIMEOUT_MS);
    child.once('exit', (code) => fail(`ended with ${code} while it started`));
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      const mllp = /^\s*mllp (\S+):(\d+)/m.exec(output);
      const dimse = /^\s*dimse (\S+)@(\S+):(\d+)/m.exec(output);
      const http = /^\s*http (https?:\/\/\S+)\/fhir/m.exec(output);
      if (!mllp || !dimse || !http) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve({
        mllp: { host: mllp[1] as string, port: Number(mllp[2]) },
        dimse: { aeTitle: dimse[1] as string, host: dimse[2] as string, port: Number(dimse[3]) },
        http: http[1] as string,
      });
    });
  });
}

function run(config: string, env: GatewayOptions['env'], ...args: string[]): string {
  const command = [PROGRAM, ...args, '--config', config];
  return execFileSync(process.execPath, command, { encoding: 'utf8', timeout: COMMAND_TIMEOUT_MS, env: { ...process.env, ...env } });
}

/** An answer of the operations door, with the token and the certificate that lie in the data directory; null for what is not there. */
async function operation<Answer>(directory: string, path: string): Promise<Answer | null> {
  const { url, token, certificate } = JSON.parse(readFileSync(join(directory, 'data/gateway.json'), 'utf8'));
  const trusted = { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
  const dispatcher = new Agent({ connect: certificate === '' ? {} : trusted });
  try {
    const response = await fetch(`${url}/operations/${path}`, { dispatcher, headers: { authorization: `Bearer ${token}` } });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    if (response.status === 404) return null;
    throw new Error(`${path} was answered ${response.status}: ${text}`);
  } finally {
    await dispatcher.close();
  }
}

function tokenIn(output: string): string {
  const token = /\bwst_[A-Za-z0-9_-]+/.exec(output)?.[0];
  if (!token) throw new Error(`no token in: ${output}`);
  return token;
}

/** The embedded server writes its pid on the first line of postmaster.pid. */
function postmasterOf(data: string): number | null {
  const found = execFileSync('find', [data, '-name', 'postmaster.pid'], { encoding: 'utf8' }).trim().split('\n')[0];
  return found ? Number(execFileSync('head', ['-1', found], { encoding: 'utf8' })) : null;
}

function killPostgres(pid: number | null): void {
  try {
    if (pid !== null) process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already: the file outlived it.
  }
}
