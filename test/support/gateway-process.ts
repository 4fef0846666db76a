/**
 * The gateway as its users meet it: a process started by its command line, on free ports and a data directory of its own.
 * Nothing of src is imported: what is known of it is what it prints.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './temporary-directory.ts';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PROGRAM = join(ROOT, 'src/cli/waystation.ts');
const START_TIMEOUT_MS = 60_000;

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
  /** The command line against this gateway; its standard output. */
  run(...args: string[]): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number>;
  /** SIGKILL; with `database`, the embedded server as well. The directory stays. */
  kill(options?: { database?: boolean }): Promise<void>;
  /** The embedded server's postmaster, or null when there is none. */
  databasePid(): number | null;
  /** Deletes the directory after a stop. */
  remove(): void;
};

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
  const directory = options.directory ?? temporaryDirectory('waystation-test-');
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
  return execFileSync(process.execPath, command, { encoding: 'utf8', timeout: 60_000, env: { ...process.env, ...env } });
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
