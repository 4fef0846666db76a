/**
 * The loss report of a message: what was not carried, with path, value and reason. In: the gaps that mapping told. Out: the bytes that
 * stand beside the outcome (patient data: opaque, never in a log), a sentence without values, and what is counted over all messages.
 */
import type { Gap } from './mapped.ts';
import type { Peer } from './peer.ts';
import type { Work } from './work.ts';

/** How often one path, or one code at it, of one kind of message of one sender was not carried. */
export type GapCount = {
  readonly peer: string;
  readonly type: string;
  /** Without the numbers of repetitions: `OBX-5.1`. */
  readonly path: string;
  readonly reason: string;
  /** What is not in `table`, `(text)` where it is no code; '' where no code was the matter. Other values are of one patient: they are not counted apart. */
  readonly code: string;
  readonly table: string;
  /** Values. */
  readonly times: number;
  /** The newest entry it was in. */
  readonly seq: number;
};

/** `[reason, table, [path, value?]…]`: reasons are few, and long beside the values. */
type Group = [reason: string, table: string, ...values: (readonly [path: string, value?: string])[]];

/** JSON, uncompressed: as small as a sentence with all the paths, and deflating it takes twenty times as long as writing it. */
export function encodeLoss(gaps: readonly Gap[]): Buffer {
  const groups = new Map<string, Group>();
  for (const { path, reason, value, table = '' } of gaps) {
    const key = table === '' ? reason : `${reason}\0${table}`;
    const group = groups.get(key) ?? [reason, table];
    groups.set(key, group);
    group.push(value === undefined ? [path] : [path, value]);
  }
  return Buffer.from(JSON.stringify([...groups.values()]));
}

export function decodeLoss(content: Buffer): Gap[] {
  const groups = JSON.parse(content.toString('utf8')) as Group[];
  return groups.flatMap(([reason, table, ...values]) =>
    values.map(([path, value]) => ({ path, reason, ...(value === undefined ? {} : { value }), ...(table === '' ? {} : { table }) })),
  );
}

/** `not carried: 11 values, 1 unknown code`; '' where all was. */
export function lossText(gaps: readonly Gap[]): string {
  const codes = gaps.filter(isUnknownCode).length;
  const parts = [counted(gaps.length - codes, 'value'), counted(codes, 'unknown code')].filter((text) => text !== '');
  return parts.length === 0 ? '' : `not carried: ${parts.join(', ')}`;
}

/** Why a message waits for a person; '' when it does not. */
export function holdText(peer: Pick<Peer, 'gaps'>, gaps: readonly Gap[]): string {
  const codes = peer.gaps === 'hold' ? gaps.filter(isUnknownCode) : [];
  if (codes.length === 0) return '';
  const where = codes.slice(0, MAX_TOLD).map(({ path, table }) => `${path} (${table})`);
  const more = codes.length > MAX_TOLD ? ` and ${codes.length - MAX_TOLD} more` : '';
  return `${counted(codes.length, 'unknown code')}: ${where.join(', ')}${more}; nothing of it was written`;
}

/** What a batch adds to the counts, each key once. */
export function countGaps(works: readonly Work[]): GapCount[] {
  const counts = new Map<string, GapCount>();
  for (const { work, gap, times } of asTold(works)) {
    const { table = '', value = '' } = gap;
    const { peer, entry } = work;
    const [type, path, reason] = [bounded(entry.type), bounded(gap.path.replaceAll(INDICES, '')), bounded(gap.reason)];
    const code = table === '' ? '' : codeOf(value);
    const key = `${peer}\0${type}\0${path}\0${reason}\0${code}`;
    const known = counts.get(key);
    const seq = Math.max(entry.seq, known?.seq ?? 0);
    counts.set(key, { peer, type, path, reason, code, table, times: times + (known?.times ?? 0), seq });
  }
  return [...counts.values()];
}

type Told = { work: Work; readonly gap: Gap; times: number };

/** Those that say the same, taken together as they are: most messages of a batch say what the one before said. */
function asTold(works: readonly Work[]): Iterable<Told> {
  const told = new Map<string, Told>();
  for (const work of works) {
    const from = `${work.peer}\0${work.entry.type}\0`;
    for (const gap of work.gaps) {
      const key = `${from}${gap.path}\0${gap.reason}\0${gap.table === undefined ? '' : gap.value}`;
      const known = told.get(key);
      if (known) {
        known.times++;
        known.work = work;
      } else {
        told.set(key, { work, gap, times: 1 });
      }
    }
  }
  return told.values();
}

function isUnknownCode({ table }: Gap): boolean {
  return table !== undefined;
}

function counted(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** What may be a code of a table, to be mapped by a person; a text that stands in its place is of one patient, and is only counted. */
function codeOf(value: string): string {
  return CODE.test(value) ? value : '(text)';
}

/** HL7 Table 0396 and its like have codes of 20 characters at most, external ones more; none has blanks. */
const CODE = /^[\x21-\x7e]{1,40}$/;

/** Part of a key in PostgreSQL: bounded in length, without NUL, which no text there holds, and the same text when it is read back. */
function bounded(text: string): string {
  return text.slice(0, MAX_KEY).replaceAll('\0', '\uFFFD').toWellFormed();
}

const INDICES = /\[\d+\]/g;
/** Characters of one part of a key. */
const MAX_KEY = 100;
/** Paths in a sentence. */
const MAX_TOLD = 5;
