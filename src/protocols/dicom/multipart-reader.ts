/**
 * Takes a multipart body (RFC 2046 §5.1, RFC 2387) apart as it streams by. In: chunks, cut anywhere. Out: the headers of each part, its bytes
 * as they come, its end. Promises: memory bounded by one chunk, the headers of a part and a boundary; bytes are not copied.
 */
import { type Failure, failure } from '../../model/failure.ts';

export type PartHeaders = ReadonlyMap<string, string>;
export type MultipartEvent =
  | { readonly kind: 'part'; readonly headers: PartHeaders }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'failure'; readonly failure: Failure };

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_BOUNDARY = 200;
/** Spaces that may follow a boundary. */
const MAX_PADDING = 64;

type State = 'preamble' | 'delimiter' | 'headers' | 'body' | 'epilogue';

export type MultipartReader = {
  push(chunk: Buffer): Generator<MultipartEvent>;
  /** Whether the closing delimiter was there. */
  isWhole(): boolean;
};

/** Null for a boundary that cannot be one. */
export function multipartReader(boundary: string): MultipartReader | null {
  if (boundary === '' || boundary.length > MAX_BOUNDARY) return null;
  const mark = Buffer.from(`\r\n--${boundary}`, 'latin1');
  let state: State = 'preamble';
  let isBroken = false;
  // The first delimiter may stand at the very beginning.
  let rest: Buffer = Buffer.from('\r\n');
  return { push, isWhole: () => state === 'epilogue' && !isBroken };

  function* push(chunk: Buffer): Generator<MultipartEvent> {
    let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    for (;;) {
      const before: State = state;
      const step = take(bytes);
      if (step === null) break;
      yield* step.events;
      bytes = bytes.subarray(step.used);
      if (step.used === 0 && state === before) break;
    }
    rest = state === 'epilogue' ? Buffer.alloc(0) : Buffer.from(bytes);
  }

  /** One step of the state machine; null where more bytes are needed. */
  function take(bytes: Buffer): { used: number; events: MultipartEvent[] } | null {
    if (state === 'epilogue' || bytes.length === 0) return null;
    if (state === 'delimiter') return afterDelimiter(bytes);
    if (state === 'headers') return headers(bytes);
    return untilDelimiter(bytes, state === 'body');
  }

  function untilDelimiter(bytes: Buffer, isBody: boolean) {
    const found = bytes.indexOf(mark);
    const length = found >= 0 ? found : Math.max(0, bytes.length - mark.length + 1);
    const events: MultipartEvent[] = isBody && length > 0 ? [{ kind: 'bytes', bytes: bytes.subarray(0, length) }] : [];
    if (found < 0) return { used: length, events };
    state = 'delimiter';
    if (isBody) events.push({ kind: 'end' });
    return { used: found + mark.length, events };
  }

  /** `--` closes; spaces and a line end begin a part. */
  function afterDelimiter(bytes: Buffer) {
    if (bytes.length < 2) return null;
    if (bytes.toString('latin1', 0, 2) === '--') {
      state = 'epilogue';
      return { used: 2, events: [] };
    }
    const end = bytes.indexOf('\r\n');
    if (end < 0) return bytes.length > MAX_PADDING ? broken('a boundary is not followed by a line end') : null;
    if (bytes.toString('latin1', 0, end).trim() !== '') return broken('a boundary is not followed by a line end');
    state = 'headers';
    // The line end stays: an empty line behind it ends the headers, also where there are none.
    return { used: end, events: [] };
  }

  function headers(bytes: Buffer) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return bytes.length > MAX_HEADER_BYTES ? broken('headers of a part are too long') : null;
    state = 'body';
    const lines = bytes
      .toString('latin1', 0, end)
      .split('\r\n')
      .filter((line) => line !== '');
    const parsed = new Map(lines.map((line) => [line.split(':')[0]?.trim().toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]));
    return { used: end + 4, events: [{ kind: 'part', headers: parsed } as const] };
  }

  function broken(detail: string) {
    isBroken = true;
    state = 'epilogue';
    return { used: 0, events: [{ kind: 'failure', failure: failure('dicom', 'malformed', detail) } as const] };
  }
}
