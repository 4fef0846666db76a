/** Resident memory of a process over time, from /proc. */
import { readFileSync } from 'node:fs';

const EVERY_MS = 500;
const KIB = 1024;

export type MemoryWatch = {
  /** Bytes at each look so far, in order. */
  readonly samples: readonly number[];
  stop(): void;
};

export function watchMemory(pid: number): MemoryWatch {
  const samples: number[] = [residentBytes(pid)];
  const timer = setInterval(() => samples.push(residentBytes(pid)), EVERY_MS);
  return { samples, stop: () => clearInterval(timer) };
}

/** Average of a part of the samples, from and to as shares of the time. */
export function averageOf(samples: readonly number[], from: number, to: number): number {
  const part = samples.slice(Math.floor(from * samples.length), Math.max(1, Math.ceil(to * samples.length)));
  return part.reduce((sum, value) => sum + value, 0) / part.length;
}

/** VmRSS of all threads together (proc(5)); 0 where there is no /proc. */
export function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * KIB;
  } catch {
    return 0;
  }
}
