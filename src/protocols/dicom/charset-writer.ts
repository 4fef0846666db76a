/**
 * In which character set we write text of our own (PS3.5 §6.1.2). In: all the text there is, and the sets that the peer named in its request.
 * Out: the term for Specific Character Set (0008,0005), '' where the default repertoire is enough, and an encoder.
 * What does not fit the peer's set, or a set that we only read, is written in UTF-8: text is never lost.
 */
import { encodeText } from './charset-encode.ts';

export type TextWriter = { readonly term: string; readonly encode: (text: string) => Buffer };

const UTF_8 = 'ISO_IR 192';

/** `asked`: the values of Specific Character Set in the request. */
export function textWriter(text: string, asked: readonly string[]): TextWriter {
  const own = asked.length === 1 ? (asked[0] ?? '').trim() : '';
  const term = ['', own, UTF_8].find((one) => encodeText(text, [one], 'LO') !== null) as string;
  return { term, encode: (part) => encodeText(part, [term], 'LO') as Buffer };
}
