/**
 * Escape sequences (HL7 v2.5.1 §2.7) both ways, and the writer of messages.
 * Comes in: decoded text; goes out: text that may stand in a field, or a whole message as UTF-8 bytes.
 * Promises: what `buildMessage` writes, `parseMessage` reads back as the same text (line ends become `\n`); no text given here
 * can end a segment, a frame or a field.
 */
import type { CharsetName } from '../../model/charset.ts';
import { strictly } from './charset.ts';
import { encodeText } from './encode.ts';
import { decodeRun, type SwitchedSet, setAfter } from './iso-2022.ts';

/** MSH-1 and MSH-2. `truncation` is '' before HL7 v2.7. */
export type Delimiters = {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
  readonly truncation: string;
};

export const STANDARD_DELIMITERS: Delimiters = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: '',
};

/** A component is text or a list of subcomponents. */
export type ComponentValue = string | readonly string[];
/** What is written into a field: text, components, or repetitions (as `Segment.tree` gives them). */
export type FieldValue = string | readonly ComponentValue[] | { readonly repetitions: readonly (string | readonly ComponentValue[])[] };
/** A segment to write: fields by their number in the standard. MSH-1 and MSH-2 are written by `buildMessage`. */
export type SegmentValue = { readonly name: string; readonly fields: Readonly<Record<number, FieldValue>> };

/** A segment to write, e.g. `segment('OBX', { 1: '1', 2: 'TX', 5: 'No fracture.' })`. */
export function segment(name: string, fields: Readonly<Record<number, FieldValue>>): SegmentValue {
  return { name, fields };
}

/**
 * Writes segments as one message, each ended by CR. The bytes are UTF-8: say so in MSH-18 (`UNICODE UTF-8`).
 */
export function buildMessage(segments: readonly SegmentValue[], delimiters: Delimiters = STANDARD_DELIMITERS): Buffer {
  return Buffer.from(segments.map((one) => `${writeSegment(one, delimiters)}\r`).join(''), 'utf8');
}

/** Escapes delimiters, line ends (`\.br\`) and control characters (`\Xhh\`) in a text. */
export function escapeText(text: string, delimiters: Delimiters = STANDARD_DELIMITERS): string {
  const names = escapeNames(delimiters);
  const sequence = (character: string): string => `${delimiters.escape}${names.get(character) ?? hexName(character)}${delimiters.escape}`;
  return text.replace(/\r\n?/g, '\n').replace(mustEscape(names), sequence);
}

/**
 * Decodes escape sequences. Highlighting is dropped, formatting commands become line ends and spaces, `\Xhh..\` is read in the
 * message's character set, and `\Cxxyy\` and `\Mxxyyzz\` switch it for what follows in the value. What is no known sequence (`\Zdd\`,
 * a lone escape character, a Windows path, bytes that are no characters) stays as it came.
 */
export function unescapeText(text: string, delimiters: Delimiters, charset: CharsetName): string {
  const mark = delimiters.escape;
  if (!text.includes(mark)) return text;
  let out = '';
  let at = 0;
  let switched: SwitchedSet | null = null;
  for (;;) {
    const start = text.indexOf(mark, at);
    const end = start < 0 ? -1 : text.indexOf(mark, start + 1);
    if (end < 0) return out + reread(text.slice(at), charset, switched);
    const body = text.slice(start + 1, end);
    const set = switchIn(body);
    const decoded = set ? '' : decodeSequence(body, delimiters, charset);
    out += reread(text.slice(at, start), charset, switched) + (decoded ?? text.slice(start, end));
    if (set) switched = set;
    // An unknown sequence may end where a true one begins: its last escape character is looked at again.
    at = decoded === null ? end : end + 1;
  }
}

/** `C2842`, `M2442`, `M242844`: the bytes of an escape sequence of ISO 2022 without its ESC (HL7 v2.5.1 §2.7.2). */
function switchIn(body: string): SwitchedSet | null {
  if (!/^(?:C[0-9A-Fa-f]{4}|M(?:[0-9A-Fa-f]{2}){2,3})$/.test(body)) return null;
  return setAfter(Buffer.from(body.slice(1), 'hex').toString('latin1'))?.set ?? null;
}

/** Text that was read in the message's set, read in another one; as it is where its bytes are none of that set. */
function reread(text: string, charset: CharsetName, switched: SwitchedSet | null): string {
  if (switched === null || text === '' || switched.label === 'ascii') return text;
  const { bytes, missing } = encodeText(text, charset);
  const runs = bytes.toString('latin1').match(/[^\x80-\xff]+|[\x80-\xff]+/g) ?? [];
  const read = runs.map((run) => (run < '\x80' === (switched.half === 'g0') ? decodeRun(Buffer.from(run, 'latin1'), switched.label) : run));
  return missing.length > 0 || read.includes(null) ? text : read.join('');
}

function writeSegment({ name, fields }: SegmentValue, delimiters: Delimiters): string {
  const { field, component, repetition, subcomponent, truncation } = delimiters;
  const last = Math.max(0, ...Object.keys(fields).map(Number));
  const isHeader = name === 'MSH';
  const written = isHeader ? [name, component + repetition + delimiters.escape + subcomponent + truncation] : [name];
  for (let number = isHeader ? 3 : 1; number <= last; number++) written.push(writeField(fields[number] ?? '', delimiters));
  return written.join(field);
}

function writeField(value: FieldValue, delimiters: Delimiters): string {
  if (typeof value === 'string') return escapeText(value, delimiters);
  const repetitions = 'repetitions' in value ? value.repetitions : [value];
  return repetitions.map((one) => writeRepetition(one, delimiters)).join(delimiters.repetition);
}

function writeRepetition(value: string | readonly ComponentValue[], delimiters: Delimiters): string {
  if (typeof value === 'string') return escapeText(value, delimiters);
  const components = value.map((one) =>
    typeof one === 'string'
      ? escapeText(one, delimiters)
      : joined(
          one.map((part) => escapeText(part, delimiters)),
          delimiters.subcomponent,
        ),
  );
  return joined(components, delimiters.component);
}

/** Joined without trailing separators, which mean nothing (HL7 v2.5.1 §2.10). */
function joined(parts: readonly string[], separator: string): string {
  let length = parts.length;
  while (length > 0 && parts[length - 1] === '') length--;
  return parts.slice(0, length).join(separator);
}

function escapeNames(delimiters: Delimiters): ReadonlyMap<string, string> {
  const names = new Map([
    ['\n', '.br'],
    [delimiters.field, 'F'],
    [delimiters.component, 'S'],
    [delimiters.repetition, 'R'],
    [delimiters.escape, 'E'],
    [delimiters.subcomponent, 'T'],
  ]);
  return delimiters.truncation === '' ? names : names.set(delimiters.truncation, 'P');
}

/** Named characters, and the controls but TAB: VT, FS and CR would end a frame or a segment. */
function mustEscape(names: ReadonlyMap<string, string>): RegExp {
  const characters = [...names.keys()].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f${characters.join('')}]`, 'g');
}

function hexName(character: string): string {
  return `X${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** What stands between two escape characters, decoded; null where it is no sequence of the standard. */
function decodeSequence(body: string, delimiters: Delimiters, charset: CharsetName): string | null {
  switch (body) {
    case 'F':
      return delimiters.field;
    case 'S':
      return delimiters.component;
    case 'T':
      return delimiters.subcomponent;
    case 'R':
      return delimiters.repetition;
    case 'E':
      return delimiters.escape;
    case 'P':
      return delimiters.truncation === '' ? null : delimiters.truncation;
    case 'H':
    case 'N':
      return '';
  }
  if (/^X(?:[0-9A-Fa-f]{2})+$/.test(body)) return strictly(Buffer.from(body.slice(1), 'hex'), charset);
  return body.startsWith('.') ? decodeFormatting(body.slice(1).toLowerCase()) : null;
}

/** Formatting commands of FT (HL7 v2.5.1 §2.7.6): `.sp<n>` lines, `.sk<n>` spaces; indents, fill and wrap carry no text. */
function decodeFormatting(command: string): string | null {
  if (command === 'br' || command === 'ce') return '\n';
  const counted = /^(sp|sk|in|ti) ?([+-]?\d{0,2})$/.exec(command);
  if (counted === null) return command === 'fi' || command === 'nf' ? '' : null;
  const count = counted[2] === '' ? 1 : Math.abs(Number(counted[2]));
  if (counted[1] === 'sp') return '\n'.repeat(count);
  return counted[1] === 'sk' ? ' '.repeat(count) : '';
}
