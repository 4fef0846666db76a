/**
 * Work that may wait steps back: a thread, and the server's processes that work for it, get the processor after those whose sender waits
 * for an answer. Where the system knows no priorities of threads (it is not Linux), or the server is on another machine, nothing happens.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** A niceness: a sixth of the weight of what has none where both want the same processor; all of it where nobody else does. */
const BEHIND = 8;

/** The thread that calls this; the others of its process stay as they are. */
export function stepBackThread(): void {
  try {
    // `<pid>/task/<tid>`: to Linux a thread is a process with an id of its own.
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), BEHIND);
  } catch {
    // There are none.
  }
}

/** A process of PostgreSQL. Its title is looked at first: the id may be that of another container, and here somebody else's. */
export function stepBackServer(pid: number): void {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('postgres: ')) setPriority(pid, BEHIND);
  } catch {
    // It is elsewhere, or belongs to somebody else.
  }
}
