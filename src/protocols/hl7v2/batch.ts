/**
 * Batches and files of messages (HL7 v2.5.1 §2.10.3): `[FHS] { [BHS] { MSH … } [BTS] } [FTS]`.
 * The bytes of one frame come in; its messages as they stand, and the batch acknowledgment around their answers, go out.
 * Promises: every byte of a message is its own, so that its digest is that of the message sent alone; answers stand in the order of the
 * messages, each batch in a batch, in the delimiters of its header.
 */
import { type AckStamp, timestamp } from './ack.ts';
import { readDelimiters } from './header.ts';

/** More messages in one frame, or more headers and trailers beside them, are no batch but a way to fill the memory. */
export const MAX_BATCH_MESSAGES = 10_000;
const MAX_LINES = 3 * MAX_BATCH_MESSAGES;

export type Batch = {
  /** FHS, null where there is none. */
  readonly file: string | null;
  readonly batches: readonly {
    /** BHS, null where messages stand in a file without one. */
    readonly header: string | null;
    readonly messages: readonly Buffer[];
    /** BTS-1: how many its sender counted; null where it did not. */
    readonly counted: number | null;
  }[];
};

/** Whether these bytes begin as a file or a batch. */
export function isBatch(bytes: Buffer): boolean {
  return /^(?:\xef\xbb\xbf)?[\s]*[FB]HS[^A-Za-z0-9\s]/.test(bytes.toString('latin1', 0, 64));
}

/** Cuts a frame into its messages; null where it has none, or too many. */
export function splitBatch(bytes: Buffer): Batch | null {
  const lines = headerLines(bytes);
  if (lines === null) return null;
  let file: string | null = null;
  const batches: { header: string | null; messages: Buffer[]; counted: number | null }[] = [];
  let open = false;
  for (const [index, { name, start, end }] of lines.entries()) {
    const line = bytes.toString('latin1', start, end);
    if (name === 'FHS') file = line;
    if (name === 'BHS' || (name === 'MSH' && !open)) batches.push({ header: name === 'BHS' ? line : null, messages: [], counted: null });
    if (name === 'BHS' || name === 'MSH') open = true;
    const batch = batches.at(-1);
    if (name === 'MSH') batch?.messages.push(bytes.subarray(start, lines[index + 1]?.start ?? bytes.length));
    if (name === 'BTS' && batch) batch.counted = countIn(line);
    if (name === 'BTS') open = false;
  }
  return batches.some(({ messages }) => messages.length > 0) ? { file, batches } : null;
}

/** The answer: as many batches as came, with the answers that are given, `answers[batch][message]`. */
export function buildBatchAck(batch: Batch, answers: readonly (readonly Buffer[])[], { now, controlId }: AckStamp): Buffer {
  const parts: (Buffer | string)[] = [];
  if (batch.file !== null) parts.push(headerOf('FHS', batch.file, now, controlId));
  for (const [index, { header, messages, counted }] of batch.batches.entries()) {
    const given = (answers[index] ?? []).filter((answer) => answer.length > 0);
    const own = batch.batches.length === 1 ? controlId : `${controlId.slice(0, 15)}-${index + 1}`;
    if (header !== null) parts.push(headerOf('BHS', header, now, own));
    parts.push(...given);
    const differs = counted !== null && counted !== messages.length;
    if (header !== null)
      parts.push(trailerOf('BTS', header, given.length, differs ? `${messages.length} messages came, BTS-1 says ${counted}` : ''));
  }
  if (batch.file !== null) parts.push(trailerOf('FTS', batch.file, batch.batches.length, ''));
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}

type Line = { readonly name: string; readonly start: number; readonly end: number };

/** Lines that open or end something. Null: more of them than a batch may have. */
function headerLines(bytes: Buffer): Line[] | null {
  const lines: Line[] = [];
  const endAfter = lineEnds(bytes);
  let messages = 0;
  for (let start = blanksAt(bytes); start < bytes.length; ) {
    const end = endAfter(start);
    const name = bytes.toString('latin1', start, start + 3);
    const named = NAMES.has(name) && !/\w/.test(bytes.toString('latin1', start + 3, start + 4));
    if (named) lines.push({ name, start, end });
    if (named && name === 'MSH') messages++;
    if (messages > MAX_BATCH_MESSAGES || lines.length > MAX_LINES) return null;
    start = end + 1;
  }
  return lines;
}

/** Where the line ends that goes on at a place; places go up. What was found is kept: most frames hold only one of CR and LF. */
function lineEnds(bytes: Buffer): (from: number) => number {
  const next = (mark: number) => {
    let found = -1;
    return (from: number): number => {
      if (found >= from) return found;
      const place = bytes.indexOf(mark, from);
      found = place < 0 ? bytes.length : place;
      return found;
    };
  };
  const [cr, lf] = [next(0x0d), next(0x0a)];
  return (from) => Math.min(cr(from), lf(from));
}

/** A byte order mark and blanks before the first line. */
function blanksAt(bytes: Buffer): number {
  return /^(?:\xef\xbb\xbf)?\s*/.exec(bytes.toString('latin1', 0, 64))?.[0].length ?? 0;
}

function countIn(trailer: string): number | null {
  const count = trailer.split(trailer[3] ?? '|')[1]?.trim() ?? '';
  return /^\d{1,9}$/.test(count) ? Number(count) : null;
}

/** FHS and BHS have the same fields: sender and receiver change places, 9 names it, 11 is our number, 12 theirs (§2.15.2, §2.15.6). */
function headerOf(name: string, line: string, now: Date, controlId: string): string {
  const separator = line[3] ?? '|';
  const fields = line.split(separator);
  const echo = (number: number): string => fields[number - 1] ?? '';
  const answer = [name, echo(2), echo(5), echo(6), echo(3), echo(4), timestamp(now), '', echo(9), '', controlId, echo(11)];
  return `${answer.join(separator)}\r`;
}

function trailerOf(name: string, header: string, count: number, comment: string): string {
  const separator = readDelimiters(header)?.field ?? '|';
  return `${[name, count, ...(comment === '' ? [] : [comment])].join(separator)}\r`;
}

const NAMES: ReadonlySet<string> = new Set(['FHS', 'BHS', 'MSH', 'BTS', 'FTS']);
