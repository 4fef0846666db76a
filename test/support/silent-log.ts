import type { Log } from '../../src/model/log.ts';

/** For tests that look at what happens, not at what is said about it. */
export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };
