/**
 * What a DICOMweb caller accepts, held against what is stored (PS3.18 §8.7). Nothing is transcoded: an object or a frame
 * is sent as it was received, or not at all.
 * Deviation: where Accept names no transfer-syntax, PS3.18 §8.7.3.5.2 means Explicit VR Little Endian; here it means "as stored", for a
 * viewer that says nothing is better served by an image that it may read than by none.
 */
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

export type ObjectAnswer = { readonly multipart: boolean; accepts(transferSyntax: string): boolean };

/** How objects are sent: `single` when the resource is one instance, which may go without multipart. Null: not acceptable. */
export function chooseObjects(accept: readonly MediaRange[], stored: readonly string[], single: boolean): ObjectAnswer | null {
  for (const range of accept) {
    const multipart = isMultipart(range) && covers(innerType(range), 'application/dicom');
    const alone = single && range.type !== '*/*' && covers(range.type, 'application/dicom');
    const accepts = (transferSyntax: string) => syntaxFits(range, transferSyntax);
    if ((multipart || alone) && stored.some(accepts)) return { multipart, accepts };
  }
  return null;
}

export type FrameAnswer = { readonly multipart: boolean; readonly contentType: string };

/** How frames are sent, and as what: `single` when one frame is asked for. Null: not acceptable. */
export function chooseFrames(accept: readonly MediaRange[], syntax: TransferSyntax, single: boolean): FrameAnswer | null {
  if (syntax.frameType === '') return null;
  // Native little-endian pixels are the same bytes in each of those syntaxes.
  const label = syntax.pixels === 'native' && !syntax.bigEndian ? EXPLICIT_LITTLE_ENDIAN : syntax.uid;
  for (const range of accept) {
    const multipart = isMultipart(range);
    if (!multipart && !single) continue;
    const type = frameTypeIn(range, multipart ? innerType(range) : range.type, syntax);
    if (type && syntaxFits(range, label)) return { multipart, contentType: `${type}; transfer-syntax=${label}` };
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

/** Whether metadata goes out, and under which type; DICOM JSON only. */
export function chooseMetadata(accept: readonly MediaRange[]): string | null {
  for (const range of accept) {
    const type = ['application/dicom+json', 'application/json'].find((offered) => covers(range.type, offered));
    if (type) return type;
  }
  return null;
}

const OCTETS = 'application/octet-stream';

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
