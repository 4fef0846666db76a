/**
 * Which character set a message is written in: MSH-18 (HL7 Table 0211) and the bytes come in, text goes out.
 * Promises: never fails. Bytes that do not fit what MSH-18 says are read as UTF-8 where that is possible, else as
 * windows-1252 (which gives every byte a character), and the doubt is told in `doubt`.
 * HL7 v2.5.1 §2.15.9.18: only the first repetition of MSH-18 is the default character set of the message.
 */

export type DecodedText = {
  readonly text: string;
  /** The decoder that fitted: `\Xhh..\` escapes hold bytes of the same set. */
  readonly label: string;
  /** Why the reading is uncertain, or ''. */
  readonly doubt: string;
};

/** Decodes message bytes by what MSH-18 declares ('' where it is empty). */
export function decodeText(bytes: Uint8Array, declared: string): DecodedText {
  const label = LABELS.get(declared.trim().toUpperCase());
  const first = label ?? 'utf-8';
  const text = strictly(bytes, first);
  const doubt = label === undefined && declared !== '' ? 'character set is not known here' : '';
  if (text !== null) return { text, label: first, doubt };
  const fallback = first === 'utf-8' ? null : strictly(bytes, 'utf-8');
  if (fallback !== null) return { text: fallback, label: 'utf-8', doubt: `bytes are not ${first}, read as utf-8` };
  return { text: decodeLoosely(bytes, 'windows-1252'), label: 'windows-1252', doubt: `bytes are not ${first}, read as windows-1252` };
}

/** Decodes bytes with a known label; what does not fit becomes U+FFFD. */
export function decodeLoosely(bytes: Uint8Array, label: string): string {
  return decoder(label, false).decode(bytes);
}

function strictly(bytes: Uint8Array, label: string): string | null {
  try {
    return decoder(label, true).decode(bytes);
  } catch {
    return null;
  }
}

const decoders = new Map<string, TextDecoder>();

function decoder(label: string, fatal: boolean): TextDecoder {
  const key = fatal ? label : `${label} loose`;
  const known = decoders.get(key);
  if (known !== undefined) return known;
  const made = new TextDecoder(label, { fatal });
  decoders.set(key, made);
  return made;
}

/**
 * HL7 Table 0211, alternate character sets, to the labels of the Encoding Standard.
 * ASCII and the empty value are read as UTF-8, which holds ASCII: senders that leave MSH-18 empty send both.
 * Deviation: 8859/1 and 8859/9 are read as windows-1252 and windows-1254 (as the Encoding Standard does): the same letters,
 * and printable characters where ISO has C1 controls, which no sender means.
 * Not here: UNICODE UTF-16 and UTF-32 (their bytes cannot be framed by MLLP) and CNS 11643-1992.
 */
const LABELS: ReadonlyMap<string, string> = new Map([
  ['', 'utf-8'],
  ['ASCII', 'utf-8'],
  ['ISO IR6', 'utf-8'],
  ['UNICODE', 'utf-8'],
  ['UNICODE UTF-8', 'utf-8'],
  ['UTF-8', 'utf-8'],
  ['8859/1', 'windows-1252'],
  ['8859/2', 'iso-8859-2'],
  ['8859/3', 'iso-8859-3'],
  ['8859/4', 'iso-8859-4'],
  ['8859/5', 'iso-8859-5'],
  ['8859/6', 'iso-8859-6'],
  ['8859/7', 'iso-8859-7'],
  ['8859/8', 'iso-8859-8'],
  ['8859/9', 'windows-1254'],
  ['8859/10', 'iso-8859-10'],
  ['8859/11', 'windows-874'],
  ['8859/13', 'iso-8859-13'],
  ['8859/14', 'iso-8859-14'],
  ['8859/15', 'iso-8859-15'],
  ['ISO IR14', 'shift_jis'],
  ['ISO IR87', 'iso-2022-jp'],
  ['ISO IR159', 'iso-2022-jp'],
  ['GB 18030-2000', 'gb18030'],
  ['KS X 1001', 'euc-kr'],
  ['BIG-5', 'big5'],
]);
