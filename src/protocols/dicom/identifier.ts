/**
 * The datasets that DIMSE services other than storage exchange (PS3.7 §9.1.2.1.5: Identifier): keys to search by, answers, attribute lists.
 * In: a dataset as it streams by, or DICOM JSON. Out: DICOM JSON with its text decoded, or bytes.
 * Promises: memory is bounded by the longest dataset that is taken; nothing of it is left out silently.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { textWriter } from './charset-writer.ts';
import { keepElements, type RawDataset, type RawElement } from './dataset-reader.ts';
import { DatasetWalker } from './dataset-walker.ts';
import { ATTRIBUTES, type DicomJson, type DicomJsonValue, dicomJson } from './header.ts';
import type { TransferSyntax } from './transfer-syntax.ts';
import { type DatasetElement, writeDataset } from './write.ts';

/** Some 250 UIDs in a list, or every attribute of the dictionary as an empty key. */
const MAX_IDENTIFIER_BYTES = 32 * 1024;
/** The smallest element has 8 bytes and costs this much to keep. */
const KEPT_BYTES_PER_BYTE = 9;

export type Identifier = {
  readonly json: DicomJson;
  /** Values of its Specific Character Set, in which answers are welcome. */
  readonly charsets: readonly string[];
};

export type IdentifierReader = { push(chunk: Buffer): Failure | null; end(): Identifier | Failure };

export function identifierReader(syntax: TransferSyntax, maxBytes = MAX_IDENTIFIER_BYTES): IdentifierReader {
  const kept = new Map<number, RawElement>();
  let problem: Failure | null = null;
  const sink = keepElements(kept, EVERYTHING, maxBytes * KEPT_BYTES_PER_BYTE);
  const walker = new DatasetWalker(syntax, {
    ...sink,
    passed: ({ vr }) => {
      if (vr !== 'UN') problem ??= failure('dicom', 'too-large', 'a value is longer than any key');
    },
  });
  let bytes = 0;
  return {
    push: (chunk) => {
      bytes += chunk.length;
      if (bytes > maxBytes) problem ??= failure('dicom', 'too-large', `a dataset of more than ${maxBytes} bytes`);
      const fault = walker.push(chunk);
      problem ??= fault;
      return problem;
    },
    end: () => problem ?? walker.end() ?? identifierOf(kept),
  };
}

function identifierOf(kept: RawDataset): Identifier {
  const charset = kept.get(ATTRIBUTES.SpecificCharacterSet)?.value.toString('latin1') ?? '';
  return { json: dicomJson(kept), charsets: charset.split('\\').map((term) => term.trim()) };
}

/** The bytes of an answer; `asked`: the character sets of the request. Values of a VR that holds bytes are left empty. */
export function writeIdentifier(json: DicomJson, explicit: boolean, asked: readonly string[] = []): Buffer {
  const { term, encode } = textWriter(textsIn(json), asked);
  const elements = elementsOf(json, encode);
  const charset: DatasetElement[] = term === '' ? [] : [[ATTRIBUTES.SpecificCharacterSet, 'CS', term]];
  return writeDataset([...charset, ...elements], explicit);
}

function elementsOf(json: DicomJson, encode: (text: string) => Buffer): DatasetElement[] {
  return Object.entries(json)
    .filter(([key]) => key !== CHARSET_KEY)
    .map(([key, { vr, Value = [] }]) => [Number.parseInt(key, 16), vr, elementValue(vr, Value, encode)]);
}

function elementValue(vr: string, values: readonly DicomJsonValue[], encode: (text: string) => Buffer): DatasetElement[2] {
  if (vr === 'SQ') return values.map((item) => elementsOf((item ?? {}) as DicomJson, encode));
  const number = NUMBERS[vr];
  if (number) return Buffer.concat(values.map((value) => number(Number(value ?? 0))));
  return BYTES.has(vr) ? Buffer.alloc(0) : encode(values.map(textOfValue).join('\\'));
}

/** Components of a name keep their places (PS3.5 §6.2, PN). */
function textOfValue(value: DicomJsonValue): string {
  if (value === null || typeof value !== 'object') return String(value ?? '');
  return NAME_GROUPS.map((group) => String(value[group as keyof typeof value] ?? ''))
    .join('=')
    .replace(/=+$/, '');
}

/** All the text of an answer: what its character set has to hold. */
function textsIn(json: DicomJson): string {
  return Object.values(json)
    .flatMap(({ vr, Value = [] }) => Value.map((value) => (vr === 'SQ' ? textsIn((value ?? {}) as DicomJson) : textOfValue(value))))
    .join('');
}

const EVERYTHING: Pick<ReadonlySet<number>, 'has'> = { has: () => true };
const CHARSET_KEY = '00080005';
const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
const BYTES: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN', 'AT', 'SV', 'UV']);

function numberWriter(bytes: number, write: (buffer: Buffer, value: number) => void): (value: number) => Buffer {
  return (value) => {
    const buffer = Buffer.alloc(bytes);
    write(buffer, value);
    return buffer;
  };
}

const NUMBERS: Readonly<Record<string, (value: number) => Buffer>> = {
  US: numberWriter(2, (buffer, value) => buffer.writeUInt16LE(value)),
  SS: numberWriter(2, (buffer, value) => buffer.writeInt16LE(value)),
  UL: numberWriter(4, (buffer, value) => buffer.writeUInt32LE(value)),
  SL: numberWriter(4, (buffer, value) => buffer.writeInt32LE(value)),
  FL: numberWriter(4, (buffer, value) => buffer.writeFloatLE(value)),
  FD: numberWriter(8, (buffer, value) => buffer.writeDoubleLE(value)),
};
