/**
 * Delimiters that are none: in Big5, GB 18030, Shift_JIS and ISO-2022-JP a byte such as 7CH (`|`) may be half of a character. Where a
 * message is read byte by byte (header.ts), such bytes are masked before it is cut at delimiters, and given back after.
 * In and out: bytes one by one as text (Latin-1).
 */
import type { CharsetName } from '../../model/charset.ts';
import { charsetNamed, type TrailBytes, trailBytesOf } from './charset.ts';

/** Of a message by its header line. A line of ASCII can be cut as it is; so most are not looked at twice. */
export function trailBytesIn(line: string, fallback: CharsetName | ''): TrailBytes {
  const declared = DECLARATION.exec(line)?.[0];
  const charset = declared === undefined ? fallback : charsetNamed(declared);
  return charset === '' || charset === null ? 'none' : trailBytesOf(charset);
}

/** The same text, with bytes that are part of a character out of the way. */
export function maskTrailBytes(text: string, trail: TrailBytes): string {
  if (trail === 'none' || !MULTIBYTE.test(text)) return text;
  return text.replace(CHARACTERS[trail], (character) =>
    character.replace(/[\x30-\x7e]/g, (byte) => String.fromCharCode(MASK + byte.charCodeAt(0))),
  );
}

export function unmaskTrailBytes(text: string): string {
  return text.replace(/[\uf730-\uf77e]/g, (masked) => String.fromCharCode(masked.charCodeAt(0) - MASK));
}

/** In the private use area, which no byte is. */
const MASK = 0xf700;
const ESCAPE = '\\u001b';
const MULTIBYTE = new RegExp(`[\\u0080-\\u00ff${ESCAPE}]`);

const DECLARATION = /GB 18030-2000|BIG-5|KS X 1001|ISO IR(?:14|87|159)\b/;

/** Two bytes with the second below 80H; for ISO 2022 all that follows the switch to two bytes a character. */
const CHARACTERS: Readonly<Record<Exclude<TrailBytes, 'none'>, RegExp>> = {
  'double-byte': /[\x81-\xfe][\x30-\xfe]/g,
  'shift-jis': /[\x81-\x9f\xe0-\xfc][\x40-\xfc]/g,
  'iso-2022': new RegExp(`(?<=${ESCAPE}\\$[@B]|${ESCAPE}\\$\\(D)[^${ESCAPE}\\r\\n]+`, 'g'),
};
