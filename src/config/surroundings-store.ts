/**
 * What surrounds the process: its environment, its directory, its user and the files a configuration names.
 * The only place where `process.env` is read; everything behind it gets these as values.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** -1 where the platform has no such thing. */
  readonly uid: number;
  /** Where profiles/specialties/ stands. */
  readonly specialtiesDirectory: string;
  /** Throws what the file system throws. */
  readText(path: string): string;
  /** Names in a directory, sorted. */
  list(directory: string): readonly string[];
  /** Whether a process of another user could reach a directory here (PostgreSQL refuses to run as root). */
  othersReach(directory: string): boolean;
};

/** The surroundings of this process. */
export function surroundings(): Surroundings {
  return {
    env: process.env,
    cwd: process.cwd(),
    uid: process.getuid?.() ?? -1,
    specialtiesDirectory: fileURLToPath(new URL('../../profiles/specialties', import.meta.url)),
    readText: (path) => readFileSync(path, 'utf8'),
    list: (directory) => readdirSync(directory).sort(),
    othersReach,
  };
}

function othersReach(directory: string): boolean {
  for (let here = resolve(directory); ; here = dirname(here)) {
    const mode = statSync(here, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined && (mode & OTHERS_EXECUTE) === 0) return false;
    if (here === dirname(here)) return true;
  }
}

const OTHERS_EXECUTE = 0o001;
