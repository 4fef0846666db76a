/**
 * What a DICOMweb caller accepts, held against what is stored (PS3.18 §8.7). An object or a frame is sent as it was received, or in
 * Explicit VR Little Endian where that is asked for and can be had, or not at all.
 * Deviation: where Accept names no transfer-syntax, PS3.18 §8.7.3.5.2 means Explicit VR Little Endian; here it means "as stored", for a
 * viewer that says nothing is better served by an image that it may read than by none.
 */
import { isDecodable } from './coded-image.ts';
import { conversionsOf } from './transcoder.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax } from './transfer-syntax.ts';

export type MediaRange = { readonly type: string; readonly parameters: ReadonlyMap<string, string> };

/** Media ranges of an Accept header, best first (RFC 9110 §12.5.1); an absent header accepts all. */
export function parseAccept(header: string | undefined): MediaRange[] {
  const ranges = splitOutsideQuotes(header?.trim() || '*/*', ',').map((text) => {
    const [type, ...rest] = splitOutsideQuotes(text, ';');
    const parameters = rest.map((part) => {
      const [, name, value] = /^([^=]+)=(?:"(.*)"|(.*))$/.exec(part) ?? [];
      return [(name ?? part).trim().toLowerCase(), value ?? part.split('=')[1]?.trim() ?? ''] as const;
    });
    return { type: (type ?? '').toLowerCase(), parameters: new Map(parameters) };
  });
  const quality = (range: MediaRange) => Number(range.parameters.get('q') ?? 1);
  return ranges.filter((range) => quality(range) > 0).sort((a, b) => quality(b) - quality(a));
}

export type ObjectAnswer = {
  readonly multipart: boolean;
  /** The transfer syntax that an object goes in, by the one it is stored in; null where it is not sent. */
  sentIn(stored: string): string | null;
};

/**
 * How objects are sent: `single` when the resource is one instance, which may go without multipart. Null: not acceptable. Of ranges that differ
 * in their transfer syntax alone each object has the best that it can be had in.
 */
export function chooseObjects(accept: readonly MediaRange[], stored: readonly string[], single: boolean): ObjectAnswer | null {
  const inMultipart = accept.filter((range) => isMultipart(range) && covers(innerType(range), 'application/dicom'));
  const byItself = single ? accept.filter(({ type }) => type !== '*/*' && covers(type, 'application/dicom')) : [];
  for (const range of accept) {
    const ranges = [inMultipart, byItself].find((some) => some.includes(range)) ?? [];
    if (!ranges.includes(range) || !stored.some((syntax) => syntaxIn(range, syntax) !== null)) continue;
    const sentIn = (syntax: string) => ranges.map((one) => syntaxIn(one, syntax)).find((had) => had !== null) ?? null;
    return { multipart: ranges === inMultipart, sentIn };
  }
  return null;
}

function syntaxIn(range: MediaRange, stored: string): string | null {
  if (syntaxFits(range, stored)) return stored;
  const isHad = isDecodable(stored) || conversionsOf(stored).includes(EXPLICIT_LITTLE_ENDIAN);
  return isHad && syntaxFits(range, EXPLICIT_LITTLE_ENDIAN) ? EXPLICIT_LITTLE_ENDIAN : null;
}

export type FrameAnswer = {
  readonly multipart: boolean;
  readonly contentType: string /** They are compressed, and go as native pixels. */;
  readonly decoded: boolean;
};

/** How frames are sent, and as what: `single` when one frame is asked for. Null: not acceptable. */
export function chooseFrames(accept: readonly MediaRange[], syntax: TransferSyntax, single: boolean): FrameAnswer | null {
  if (syntax.frameType === '') return null;
  // Native little-endian pixels are the same bytes in each of those syntaxes.
  const label = syntax.pixels === 'native' && !syntax.bigEndian ? EXPLICIT_LITTLE_ENDIAN : syntax.uid;
  for (const range of accept) {
    const multipart = isMultipart(range);
    if (!multipart && !single) continue;
    const asked = multipart ? innerType(range) : range.type;
    const type = frameTypeIn(range, asked, syntax);
    if (type && syntaxFits(range, label)) return { multipart, contentType: `${type}; transfer-syntax=${label}`, decoded: false };
    if (asked === OCTETS && isDecodable(syntax.uid) && syntaxFits(range, EXPLICIT_LITTLE_ENDIAN))
      return { multipart, contentType: NATIVE, decoded: true };
  }
  return null;
}

/** `application/octet-stream` for anything but plain pixels must be asked for by its transfer syntax, or by `*`. */
function frameTypeIn(range: MediaRange, asked: string, syntax: TransferSyntax): string | null {
  const plain = syntax.pixels === 'native' && !syntax.bigEndian;
  const named = range.parameters.has('transfer-syntax');
  if (asked === OCTETS) return plain || named ? OCTETS : null;
  return covers(asked, syntax.frameType) && (plain || syntax.frameType !== OCTETS || named) ? syntax.frameType : null;
}

/** How bytes of no other kind are sent: alone, or in one part. Null: not acceptable. */
export function chooseBytes(accept: readonly MediaRange[]): { readonly multipart: boolean } | null {
  for (const range of accept) {
    if (!syntaxFits(range, EXPLICIT_LITTLE_ENDIAN)) continue;
    if (range.type.startsWith('multipart/') && isMultipart(range) && covers(innerType(range), OCTETS)) return { multipart: true };
    if (covers(range.type, OCTETS)) return { multipart: false };
  }
  return null;
}

/** Under which type datasets go out that are no objects: DICOM JSON, or the Native DICOM Model in parts (PS3.18 §8.7.3.2). */
export function chooseMetadata(accept: readonly MediaRange[]): string | null {
  for (const range of accept) {
    const type = JSON_TYPES.find((offered) => covers(range.type, offered));
    if (type) return type;
    if (range.type === 'multipart/related' && covers(innerType(range), DICOM_XML)) return DICOM_XML;
  }
  return null;
}

/** How one dataset goes out that is an answer (PS3.18 §10.5.3.3): alone. */
export function chooseAnswer(accept: readonly MediaRange[]): string | null {
  for (const { type } of accept) {
    if (JSON_TYPES.some((offered) => covers(type, offered))) return JSON_TYPE;
    if (covers(type, DICOM_XML)) return DICOM_XML;
  }
  return null;
}

export const DICOM_XML = 'application/dicom+xml';
const JSON_TYPE = 'application/dicom+json';
const JSON_TYPES = [JSON_TYPE, 'application/json'];

const OCTETS = 'application/octet-stream';
const NATIVE = `${OCTETS}; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`;

function isMultipart(range: MediaRange): boolean {
  return range.type === '*/*' || range.type === 'multipart/*' || range.type === 'multipart/related';
}

function innerType(range: MediaRange): string {
  return range.parameters.get('type')?.toLowerCase() ?? '*/*';
}

function covers(range: string, type: string): boolean {
  return range === '*/*' || range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)));
}

function syntaxFits(range: MediaRange, stored: string): boolean {
  const asked = range.parameters.get('transfer-syntax') ?? '*';
  return asked === '*' || asked === stored;
}

function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  const parts = text.match(separator === ',' ? /(?:"[^"]*"|[^",])+/g : /(?:"[^"]*"|[^";])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}
