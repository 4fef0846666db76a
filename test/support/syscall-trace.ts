/**
 * What processes ask of the kernel, as strace writes it. In: process ids. Out: calls in the order in which they were entered and returned.
 * strace stops a process at both moments, so that the order of its lines is the order of events across processes.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary-directory.ts';

export type Call = {
  readonly pid: number;
  readonly name: string;
  /** As strace prints them: descriptors with their file or socket, data escaped. */
  readonly args: string;
  readonly result: string;
  /** Lines of the trace. */
  readonly entered: number;
  readonly returned: number;
};

export type Trace = { stop(): Promise<Call[]> };

const CALLS =
  'read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,rename,renameat,renameat2';
/** Longer than one message's write-ahead log with the page images after a checkpoint. */
const MAX_STRING = 1_000_000;
const ATTACH_TIMEOUT_MS = 60_000;

/** '' when tracing is possible here, else why not. */
export function whyNoTrace(): string {
  const { error, status, stderr } = spawnSync('strace', ['-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (error) return 'strace is not installed';
  return status === 0 ? '' : `strace may not trace here: ${stderr.trim().split('\n')[0]}`;
}

/** Attaches to these processes, their threads and the children they will have. */
export async function startTrace(pids: readonly number[]): Promise<Trace> {
  const directory = temporaryDirectory('waystation-trace-');
  const output = join(directory, 'calls');
  const targets = pids.flatMap((pid) => ['-p', String(pid)]);
  const strace = spawn('strace', ['-f', '-yy', '-s', String(MAX_STRING), '-e', `trace=${CALLS}`, '-o', output, ...targets], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await attached(strace, pids.length);
  return {
    stop: async () => {
      const gone = once(strace, 'exit');
      strace.kill('SIGINT');
      await gone;
      const calls = parseTrace(readFileSync(output, 'latin1'));
      rmSync(directory, { recursive: true });
      return calls;
    },
  };
}

/** A process and all that descend from it. */
export function withDescendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name) }));
  const below = (of: number): number[] =>
    parents.filter(({ parent }) => parent === of).flatMap((child) => [child.pid, ...below(child.pid)]);
  return [pid, ...below(pid)];
}

export function parseTrace(text: string): Call[] {
  const open = new Map<number, { name: string; args: string; entered: number }>();
  const calls: Call[] = [];
  for (const [line, content] of text.split('\n').entries()) {
    const parsed = LINE.exec(content);
    if (!parsed) continue;
    const pid = Number(parsed[1]);
    const rest = parsed[2] as string;
    const resumed = RESUMED.exec(rest);
    const begun = resumed ? open.get(pid) : { ...nameAndArgs(rest), entered: line };
    if (!begun) continue;
    if (rest.endsWith(UNFINISHED)) {
      open.set(pid, { ...begun, args: begun.args.slice(0, -UNFINISHED.length) });
      continue;
    }
    const whole = resumed ? begun.args + resumed[1] : begun.args;
    const end = RESULT.exec(whole);
    if (end)
      calls.push({
        pid,
        name: begun.name,
        args: whole.slice(0, end.index),
        result: end[1] as string,
        entered: begun.entered,
        returned: line,
      });
    open.delete(pid);
  }
  return calls;
}

function nameAndArgs(text: string): { name: string; args: string } {
  const paren = text.indexOf('(');
  return { name: text.slice(0, paren), args: text.slice(paren + 1) };
}

async function attached(strace: ChildProcess, count: number): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const finish = (trouble?: string): void => {
      clearTimeout(timer);
      strace.off('exit', ended);
      strace.stderr?.off('data', hear).resume();
      if (trouble) reject(new Error(`strace ${trouble}: ${said}`));
      else resolve();
    };
    const ended = (): void => finish('ended');
    const hear = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
      if ((said.match(/^strace: Process \d+ attached( with|$)/gm) ?? []).length >= count) finish();
    };
    const timer = setTimeout(finish, ATTACH_TIMEOUT_MS, 'did not attach');
    strace.once('exit', ended);
    strace.stderr?.on('data', hear);
  });
}

/** The fourth field of stat, after the name in parentheses. */
function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

const LINE = /^(\d+)\s+(.*)$/s;
const RESUMED = /^<\.\.\. \w+ resumed>(.*)$/s;
/** Aligned with spaces after a call that was resumed. */
const RESULT = /\)\s+= ([^="]*)$/;
const UNFINISHED = ' <unfinished ...>';
