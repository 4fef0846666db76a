/**
 * ED and RP to Attachment (HL7 v2.5.1 §2.A.24, §2.A.65; guide: ED[Attachment], RP[Attachment]).
 * In: a repetition. Out: the type and the bytes of an embedded file (the draft makes a Binary of them), or the address of one elsewhere;
 * undefined where it cannot be read: the message keeps it.
 *
 * The guide has Base64 in Attachment.data, which is written, digested and searched with its resource; here a document of any size costs
 * its bytes once. Senders are not exact about ED-3 (`PDF`, `Octer-stream`): what is no subtype is kept beside as the alternate code.
 */
import type { Attachment, Extension } from '@medplum/fhirtypes';
import { type Components, filled, knownCode } from './components.ts';

export type ReadFile = { readonly attachment: Attachment; readonly bytes: Buffer | null };

/** ED: application, type, subtype, encoding, data. Encodings: HL7 Table 0299; what is said to be of none, but reads as Base64, is. */
export function edFile(at: Components): ReadFile | undefined {
  const bytes = decoded(
    knownCode(at, 4, (code) => ENCODINGS.has(code)),
    at(5),
  );
  if (bytes === null) return undefined;
  return { attachment: typeOf(at(2), at(3)), bytes };
}

/**
 * RP: pointer, application, type, subtype. Only an absolute URL: anything else would be read as a resource of this server, `Binary/id`,
 * which the sender may not be allowed to see.
 */
export function rpFile(at: Components): ReadFile | undefined {
  const url = at(1);
  if (url.length > MAX_URL || !/^https?:\/\/\S+$/i.test(url) || !URL.canParse(url)) return undefined;
  return { attachment: { ...typeOf(at(3), at(4)), url }, bytes: null };
}

function decoded(encoding: string, data: string): Buffer | null {
  if (data === '') return null;
  if (encoding === 'A') return Buffer.from(data, 'utf8');
  if (encoding === 'HEX') return /^(?:[0-9A-Fa-f]{2})+$/.test(data) ? Buffer.from(data, 'hex') : null;
  return base64(data);
}

/** Node skips what is no Base64: bytes that are missing afterwards tell of it. No pattern walks twenty megabytes. */
function base64(data: string): Buffer | null {
  const dense = /\s/.test(data) ? data.replace(/\s+/g, '') : data;
  const padding = dense.endsWith('==') ? 2 : dense.endsWith('=') ? 1 : 0;
  if (dense.length % 4 !== 0) return null;
  const bytes = Buffer.from(dense, 'base64');
  return bytes.length > 0 && bytes.length === (dense.length / 4) * 3 - padding ? bytes : null;
}

/** The MIME type, and what the sender wrote where it is not exactly that. */
function typeOf(type: string, subtype: string): Pick<Attachment, 'contentType' | 'extension'> {
  const contentType = contentTypeOf(type, subtype);
  const said = [type, subtype].filter((part) => part !== '').join('/');
  return filled({ contentType, extension: said === (contentType ?? '') ? [] : [originalType(said)] }) ?? {};
}

function originalType(text: string): Extension {
  return { url: ALTERNATE_CODES, valueCodeableConcept: { text } };
}

/** HL7 Table 0191 names kinds of data where MIME has main types; Table 0291 names subtypes, PDF and JPEG in capitals in old versions. */
export function contentTypeOf(type: string, subtype: string): string | undefined {
  const sub = subtype.toLowerCase();
  if (/^[a-z]+\/[a-z0-9.+-]+$/.test(sub)) return sub;
  const known = SUBTYPES.get(sub);
  if (known !== undefined) return known;
  const main = MAIN_TYPES.get(type.toLowerCase()) ?? type.toLowerCase();
  const isMain = /^(application|audio|image|message|model|multipart|text|video)$/.test(main);
  return sub === '' || !isMain || !/^[a-z0-9.+-]+$/.test(sub) ? undefined : `${main}/${sub}`;
}

/** HL7 Table 0299. */
const ENCODINGS: ReadonlySet<string> = new Set(['A', 'BASE64', 'HEX']);
const MAX_URL = 2000;
const ALTERNATE_CODES = 'http://hl7.org/fhir/StructureDefinition/alternate-codes';

/** Subtypes that say the type by themselves, whatever stands in ED-2 (HL7 Table 0291, and what is written in its place). */
const SUBTYPES: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['rtf', 'application/rtf'],
  ['jpeg', 'image/jpeg'],
  ['jpg', 'image/jpeg'],
  ['png', 'image/png'],
  ['gif', 'image/gif'],
  ['tiff', 'image/tiff'],
  ['html', 'text/html'],
  ['xml', 'application/xml'],
  ['x-hl7-cda-level-one', 'application/xml'],
  ['octet-stream', 'application/octet-stream'],
  ['octer-stream', 'application/octet-stream'],
  ['dicom', 'application/dicom'],
]);

const MAIN_TYPES: ReadonlyMap<string, string> = new Map([
  ['ap', 'application'],
  ['au', 'audio'],
  ['ft', 'text'],
  ['im', 'image'],
  ['ns', 'image'],
  ['si', 'image'],
  ['sd', 'image'],
  ['tx', 'text'],
]);
