/**
 * The DICOM file format (PS3.10 §7.1): what comes before the dataset in a file.
 * Written without time or sender, so that one object always gives one file, byte by byte, and so one address in the blob store.
 */
import { type Failure, failure } from '../../model/failure.ts';

/** PS3.7 §D.3.3.2: made from a UUID (PS3.5 §B.2); it stands for this implementation, not for an installation. */
export const IMPLEMENTATION_CLASS_UID = '2.25.162397007431916466199081331451427787035';
export const IMPLEMENTATION_VERSION_NAME = 'WAYSTATION_1';

export type FileMeta = { readonly sopClassUid: string; readonly sopInstanceUid: string; readonly transferSyntax: string };

/** Preamble, prefix and File Meta Information: the dataset follows immediately. */
export function part10Prefix(meta: FileMeta): Buffer {
  const elements = Buffer.concat([
    element(0x0001, 'OB', Buffer.from([0, 1])), // FileMetaInformationVersion
    element(0x0002, 'UI', uid(meta.sopClassUid)), // MediaStorageSOPClassUID
    element(0x0003, 'UI', uid(meta.sopInstanceUid)), // MediaStorageSOPInstanceUID
    element(0x0010, 'UI', uid(meta.transferSyntax)), // TransferSyntaxUID
    element(0x0012, 'UI', uid(IMPLEMENTATION_CLASS_UID)), // ImplementationClassUID
    element(0x0013, 'SH', Buffer.from(IMPLEMENTATION_VERSION_NAME)), // ImplementationVersionName
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(elements.length);
  return Buffer.concat([Buffer.alloc(PREAMBLE_BYTES), PREFIX, element(0x0000, 'UL', length), elements]);
}

/** File Meta Information and the place where the dataset begins, of a file's beginning that holds both. */
export function readPart10(file: Buffer): (FileMeta & { readonly datasetOffset: number }) | Failure {
  let offset = PREAMBLE_BYTES + PREFIX.length;
  if (file.length < offset || !file.subarray(PREAMBLE_BYTES, offset).equals(PREFIX)) return failure('dicom', 'malformed', 'no DICM prefix');
  const values = new Map<number, Buffer>();
  while (offset + 8 <= file.length && file.readUInt16LE(offset) === 0x0002) {
    const long = file.toString('latin1', offset + 4, offset + 6) === 'OB';
    const start = offset + (long ? 12 : 8);
    if (start > file.length) break;
    const end = start + (long ? file.readUInt32LE(offset + 8) : file.readUInt16LE(offset + 6));
    values.set(file.readUInt16LE(offset + 2), file.subarray(start, end));
    offset = end;
  }
  if (offset > file.length) return failure('dicom', 'malformed', 'File Meta Information ends early');
  const text = (number: number) => (values.get(number)?.toString('latin1') ?? '').replace(/[\0 ]+$/, '');
  return { sopClassUid: text(0x0002), sopInstanceUid: text(0x0003), transferSyntax: text(0x0010), datasetOffset: offset };
}

const PREAMBLE_BYTES = 128;
const PREFIX = Buffer.from('DICM');

/** An element of group 0002, Explicit VR Little Endian (PS3.5 §7.1.2). */
function element(number: number, vr: 'OB' | 'UI' | 'SH' | 'UL', value: Buffer): Buffer {
  const header = Buffer.alloc(vr === 'OB' ? 12 : 8);
  header.writeUInt16LE(0x0002, 0);
  header.writeUInt16LE(number, 2);
  header.write(vr, 4, 'latin1');
  if (vr === 'OB') header.writeUInt32LE(value.length, 8);
  else header.writeUInt16LE(value.length, 6);
  return Buffer.concat([header, value]);
}

function uid(value: string): Buffer {
  return Buffer.from(value.length % 2 === 0 ? value : `${value}\0`, 'latin1');
}
