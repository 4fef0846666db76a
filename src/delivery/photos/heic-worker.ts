/** Decodes one HEIC picture in a thread of its own: libheif, compiled to WebAssembly, holds its thread until it is done. */
import { parentPort, workerData } from 'node:worker_threads';
import decode from 'heic-decode';

/** What the thread says: the picture in RGBA, or nothing. */
export type HeicResult = { readonly columns: number; readonly rows: number; readonly rgba: Uint8ClampedArray } | null;

const { width, height, data } = await decode({ buffer: workerData as Uint8Array }).catch(() => ({ width: 0, height: 0, data: null }));
parentPort?.postMessage((data ? { columns: width, rows: height, rgba: data } : null) satisfies HeicResult);
