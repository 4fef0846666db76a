/**
 * One file mapped outside of a gateway. In: its bytes and who is taken to have sent it. Out: the resources as a Bundle, the parts of
 * cases with their keys, the gaps; or why it would be refused. What it is, is told by its first bytes.
 */
import { createHash } from 'node:crypto';
import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { readInbound } from '../endpoints/mllp/inbound-entry.ts';
import { mapStudy } from '../mapping/datasets/study.ts';
import type { MessageEntry } from '../mapping/map-context.ts';
import { mapHl7v2 } from '../mapping/registry.ts';
import type { CasePart } from '../model/case.ts';
import { systemClock } from '../model/clock.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { Instance } from '../model/instance.ts';
import { holdText } from '../model/loss-report.ts';
import type { Gap, Mapped } from '../model/mapped.ts';
import type { Peer, PeerDirectory } from '../model/peer.ts';
import { headerReader } from '../protocols/dicom/header-reader.ts';
import { readPart10 } from '../protocols/dicom/part10.ts';
import { numberOf } from '../protocols/dicom/query-index.ts';
import { transferSyntax } from '../protocols/dicom/transfer-syntax.ts';
import { FS, VT } from '../protocols/hl7v2/framer.ts';

export type Shown = {
  /** Why it would be refused, '' when it would not. */
  readonly refused: string;
  readonly bundle: Bundle | null;
  readonly parts: readonly CasePart[];
  readonly gaps: readonly Gap[];
  /** Why it would be held, '' when it would not. */
  readonly held: string;
};

/** `peerName`: a configured peer, '' for whoever the message says. */
export async function showMapping(bytes: Buffer, peers: PeerDirectory, peerName: string): Promise<Shown> {
  return isPart10(bytes) ? shown(await mapObject(bytes, peers, peerName), '') : mapMessage(bytes, peers, peerName);
}

function mapMessage(bytes: Buffer, peers: PeerDirectory, peerName: string): Shown {
  const inbound = inboundEntry(bytes, peers, peerName);
  if (typeof inbound === 'string') return refusal(inbound);
  const peer = peers.named(inbound.peer);
  const mapped = mapHl7v2(inbound, { peer });
  return shown(mapped, isFailure(mapped) ? '' : holdText(peer, mapped.gaps));
}

/** The entry that a message would be in the journal, or why it would be refused. `peerName` as for `showMapping`. */
export function inboundEntry(file: Buffer, peers: PeerDirectory, peerName: string): MessageEntry | string {
  const as: PeerDirectory = peerName === '' ? peers : { ...peers, mllp: (): Peer => peers.named(peerName) };
  const caller = { listener: 'mllp', address: '', certificate: null };
  const inbound = readInbound(unframed(file), { peers: as, clock: systemClock, caller });
  if (inbound === null) return 'an acknowledgment is not mapped';
  const { disposition, detail } = inbound.entry;
  return disposition === 'accepted' ? inbound.entry : `${disposition}, answered ${inbound.answer}: ${detail}`;
}

/** A file alone is a study of one instance. Its sender is unknown: no file says which AE title would have called. */
async function mapObject(file: Buffer, peers: PeerDirectory, peerName: string): Promise<Mapped | Failure> {
  const meta = readPart10(file);
  if (isFailure(meta)) return meta;
  const syntax = transferSyntax(meta.transferSyntax);
  if (syntax === null) return failure('cli', 'unsupported-type', `transfer syntax ${meta.transferSyntax} is not known`);
  const dataset = file.subarray(meta.datasetOffset);
  const reader = headerReader(syntax);
  const unreadable = await reader.push(dataset);
  const read = unreadable ?? (await reader.end());
  if (isFailure(read)) return read;
  const { header, pixelOffset } = read;
  const instance: Instance = {
    ...meta,
    seq: 0,
    madeOf: null,
    sopClassUid: header.sopClassUid,
    sopInstanceUid: header.sopInstanceUid,
    studyUid: header.studyUid,
    seriesUid: header.seriesUid,
    modality: header.modality,
    number: numberOf(header.json, 'InstanceNumber'),
    frames: pixelOffset === null ? 0 : header.frames,
    pixelOffset,
    peer: peerName || 'dimse:file',
    blob: createHash('sha256').update(file).digest('hex'),
    bytes: file.length,
    digest: createHash('sha256').update(dataset).digest(),
    header: Buffer.from(JSON.stringify(header.json)),
    received: systemClock.now(),
  };
  return mapStudy([instance], { peerOf: (name) => peers.named(name) });
}

function shown(mapped: Mapped | Failure, held: string): Shown {
  if (isFailure(mapped)) return refusal(`${mapped.code}: ${mapped.detail}`);
  const { resources, parts, gaps } = mapped;
  const entry = resources.map(({ urn, resource }): BundleEntry => ({ fullUrl: urn, resource }));
  return { refused: '', bundle: { resourceType: 'Bundle', type: 'collection', entry }, parts, gaps, held };
}

function refusal(why: string): Shown {
  return { refused: why, bundle: null, parts: [], gaps: [], held: '' };
}

/** PS3.10 §7.1: 128 bytes of preamble, then `DICM`. */
function isPart10(bytes: Buffer): boolean {
  return bytes.toString('latin1', 128, 132) === 'DICM';
}

/** Without an MLLP frame: a file is what stands in one. */
function unframed(bytes: Buffer): Buffer {
  if (bytes[0] !== VT) return bytes;
  const end = bytes.lastIndexOf(FS);
  return bytes.subarray(1, end < 0 ? bytes.length : end);
}
