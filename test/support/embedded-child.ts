/** Starts embedded-process.ts and reads what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CheckoutCopy } from './checkout-copy.ts';

export type Fact = {
  readonly ready?: { readonly url: string; readonly adopted: boolean };
  readonly failed?: string;
  readonly lost?: string;
  readonly log?: string;
  readonly stopped?: { readonly answered: boolean };
};

export type EmbeddedChild = {
  readonly process: ChildProcess;
  /** The first fact of that kind, said already or still to come. */
  heard<Kind extends keyof Fact>(kind: Kind, value?: Fact[Kind]): Promise<NonNullable<Fact[Kind]>>;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** SIGTERM; whether the database still answered, and the exit code. */
  stop(): Promise<{ answered: boolean; code: number | null }>;
};

export type ChildOptions = { readonly copy?: CheckoutCopy; readonly uid?: number; readonly gid?: number; readonly detached?: boolean };

const HERE: CheckoutCopy = { node: process.execPath, script: fileURLToPath(new URL('./embedded-process.ts', import.meta.url)) };

export function startChild(dataDirectory: string, { copy = HERE, ...options }: ChildOptions = {}): EmbeddedChild {
  const child = spawn(copy.node, [copy.script, dataDirectory], { ...options, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  const facts: Fact[] = [];
  const told = new EventEmitter();
  createInterface(child.stdout as NonNullable<typeof child.stdout>).on('line', (line) => {
    facts.push(JSON.parse(line));
    told.emit('fact');
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  void ended.then(() => told.emit('fact'));
  const heard: EmbeddedChild['heard'] = async (kind, value) => {
    for (;;) {
      const fact = facts.find((one) => one[kind] !== undefined && (value === undefined || one[kind] === value));
      if (fact) return fact[kind] as never;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ended without "${kind}": ${JSON.stringify(facts)}`);
      await once(told, 'fact');
    }
  };
  return {
    process: child,
    heard,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      const code = await ended;
      return { answered: (await heard('stopped')).answered, code };
    },
  };
}

/** Process id of the server of a data directory. */
export function postmasterOf(dataDirectory: string): number {
  return Number(readFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
}
