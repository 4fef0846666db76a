/**
 * Memory that only the start needed (sources as they are parsed, modules as they are linked) is given back to the system once a thread is
 * ready: V8 collects it by itself, but keeps the pages for itself for as long as the thread is idle.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;

/** Collects everything in this thread, once; it stands still meanwhile, for some 50 ms. */
export function giveBackStartMemory(): void {
  // The one way to ask V8 without a flag on the command line. It is not there in every build of every runtime: then nothing is lost.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as Collect | undefined;
  setFlagsFromString('--no-expose-gc');
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
