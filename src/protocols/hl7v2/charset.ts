/**
 * Which character set a message is written in: MSH-18 (HL7 Table 0211) and the bytes come in, text goes out.
 * Promises: never fails. Bytes that do not fit what MSH-18 says are read as UTF-8 where that is possible, else as
 * windows-1252 (which gives every byte a character), and the doubt is told in `doubt`: nothing is replaced.
 *
 * HL7 v2.5.1 §2.15.9.18: the first repetition of MSH-18 is the default character set of the message, the others are reached by the escape
 * sequences of ISO 2022 (MSH-20). Where the message says nothing, the set of its sender holds; where neither does, UTF-8.
 * `ISO IR87` alone is read as it is meant: JIS X 0208 beside ASCII.
 */
import type { CharsetName } from '../../model/charset.ts';
import { decodeIso2022 } from './iso-2022.ts';

export type DecodedText = {
  readonly text: string;
  /** The set that fitted: `\Xhh..\` escapes hold bytes of the same. */
  readonly charset: CharsetName;
  /** Why the reading is uncertain, or ''. */
  readonly doubt: string;
};

/** How bytes below 80H may be less than characters: as the second byte of one, or all of them between escape sequences. */
export type TrailBytes = 'none' | 'double-byte' | 'shift-jis' | 'iso-2022';

/** Decodes message bytes by the repetitions of MSH-18; `fallback` is the set of the sender, '' where none is known. */
export function decodeText(bytes: Uint8Array, declared: readonly string[], fallback: CharsetName | '' = ''): DecodedText {
  const [first = '', ...others] = declared.map((one) => one.trim());
  const named = first === '' ? fallback || 'UNICODE UTF-8' : charsetNamed(first);
  const unknown = [named === null ? first : '', ...others.filter((one) => one !== '' && charsetNamed(one) === null)].some(
    (one) => one !== '',
  );
  const doubt = unknown ? 'character set is not known here' : '';
  const charset = named ?? 'UNICODE UTF-8';
  const text = others.length > 0 ? decodeIso2022(bytes, labelOf(charset)) : strictly(bytes, charset);
  if (text !== null) return { text, charset, doubt: doubt || (others.length > 0 ? '' : doubtOfAscii(bytes, charset, first)) };
  const utf8 = charset === 'UNICODE UTF-8' ? null : strictly(bytes, 'UNICODE UTF-8');
  if (utf8 !== null) return { text: utf8, charset: 'UNICODE UTF-8', doubt: `bytes are not ${charset}, read as UNICODE UTF-8` };
  const last = strictly(bytes, 'WINDOWS-1252') as string;
  return { text: last, charset: 'WINDOWS-1252', doubt: `bytes are not ${charset}, read as windows-1252` };
}

/** Decodes bytes; null where they are not of this set. */
export function strictly(bytes: Uint8Array, charset: CharsetName): string | null {
  if (trailBytesOf(charset) === 'iso-2022') return decodeIso2022(bytes, 'utf-8');
  try {
    return decoder(labelOf(charset)).decode(bytes);
  } catch {
    return null;
  }
}

/** The set that senders mean by a name, `8859/1` or `iso-8859-1`; null for one that is not known here. */
export function charsetNamed(name: string): CharsetName | null {
  const key = name.toUpperCase().replace(/[ _-]/g, '');
  return NAMES.get(key) ?? null;
}

export function labelOf(charset: CharsetName): string {
  return LABELS[charset];
}

export function trailBytesOf(charset: CharsetName): TrailBytes {
  return TRAILS[charset] ?? 'none';
}

/** ASCII has no eighth bit: who says so and sends it is read as UTF-8, which holds ASCII, and told. */
function doubtOfAscii(bytes: Uint8Array, charset: CharsetName, declared: string): string {
  return charset === 'ASCII' && declared !== '' && bytes.some((byte) => byte >= 0x80) ? 'bytes are not ASCII, read as UNICODE UTF-8' : '';
}

const decoders = new Map<string, TextDecoder>();

function decoder(label: string): TextDecoder {
  const known = decoders.get(label);
  if (known !== undefined) return known;
  const made = new TextDecoder(label, { fatal: true });
  decoders.set(label, made);
  return made;
}

/**
 * HL7 Table 0211, alternate character sets, to the labels of the Encoding Standard.
 * Deviation: 8859/1, 8859/9 and 8859/11 are read as windows-1252, windows-1254 and windows-874 (as the Encoding Standard does): the same
 * letters, and printable characters where ISO has C1 controls, which no sender means. ISO IR14 is read as Shift_JIS, which holds it.
 * Not here: UNICODE UTF-16 and UTF-32 (their bytes cannot be framed by MLLP) and CNS 11643-1992.
 */
const LABELS: Readonly<Record<CharsetName, string>> = {
  ASCII: 'utf-8',
  'UNICODE UTF-8': 'utf-8',
  '8859/1': 'windows-1252',
  '8859/2': 'iso-8859-2',
  '8859/3': 'iso-8859-3',
  '8859/4': 'iso-8859-4',
  '8859/5': 'iso-8859-5',
  '8859/6': 'iso-8859-6',
  '8859/7': 'iso-8859-7',
  '8859/8': 'iso-8859-8',
  '8859/9': 'windows-1254',
  '8859/10': 'iso-8859-10',
  '8859/11': 'windows-874',
  '8859/13': 'iso-8859-13',
  '8859/14': 'iso-8859-14',
  '8859/15': 'iso-8859-15',
  'WINDOWS-1250': 'windows-1250',
  'WINDOWS-1251': 'windows-1251',
  'WINDOWS-1252': 'windows-1252',
  'WINDOWS-1253': 'windows-1253',
  'WINDOWS-1254': 'windows-1254',
  'WINDOWS-1255': 'windows-1255',
  'WINDOWS-1256': 'windows-1256',
  'WINDOWS-1257': 'windows-1257',
  'WINDOWS-1258': 'windows-1258',
  'ISO IR14': 'shift_jis',
  'ISO IR87': 'utf-8',
  'ISO IR159': 'utf-8',
  'GB 18030-2000': 'gb18030',
  'KS X 1001': 'euc-kr',
  'BIG-5': 'big5',
};

const TRAILS: Readonly<Partial<Record<CharsetName, TrailBytes>>> = {
  'ISO IR14': 'shift-jis',
  'ISO IR87': 'iso-2022',
  'ISO IR159': 'iso-2022',
  'GB 18030-2000': 'double-byte',
  'KS X 1001': 'double-byte',
  'BIG-5': 'double-byte',
};

/** Other names that senders write, without blanks, dashes and underscores. */
const ALIASES: readonly (readonly [string, CharsetName])[] = [
  ['ISOIR6', 'ASCII'],
  ['USASCII', 'ASCII'],
  ['ISO646', 'ASCII'],
  ['UNICODE', 'UNICODE UTF-8'],
  ['UTF8', 'UNICODE UTF-8'],
  ['ISOIR13', 'ISO IR14'],
  ['SHIFTJIS', 'ISO IR14'],
  ['JISX0201', 'ISO IR14'],
  ['ISO2022JP', 'ISO IR87'],
  ['JISX0208', 'ISO IR87'],
  ['JISX0212', 'ISO IR159'],
  ['GB18030', 'GB 18030-2000'],
  ['GBK', 'GB 18030-2000'],
  ['GB2312', 'GB 18030-2000'],
  ['EUCKR', 'KS X 1001'],
  ['KSC5601', 'KS X 1001'],
  ['BIG5', 'BIG-5'],
];

const NAMES: ReadonlyMap<string, CharsetName> = new Map([
  ...(Object.keys(LABELS) as CharsetName[]).flatMap((name): [string, CharsetName][] => {
    const key = name.replace(/[ _-]/g, '');
    const iso = /^8859\/(\d+)$/.exec(name)?.[1];
    const page = /^WINDOWS-(\d+)$/.exec(name)?.[1];
    const others = iso
      ? [`ISO8859${iso}`, `ISO8859/${iso}`, `8859${iso}`, `LATIN${iso}`].slice(0, iso === '1' ? 4 : 3)
      : page
        ? [`CP${page}`, page]
        : [];
    return [key, ...others].map((one) => [one, name]);
  }),
  ...ALIASES,
]);
