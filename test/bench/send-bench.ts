/**
 * C-STORE as sender: 500 CT slices of 0.5 MB out of files, over one association, by our client and by dcmjs-dimse's in the same run, to
 * dcmtk's storescp, which takes them and writes nothing. Before that one object of 2 GB.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import dcmjsDimse from 'dcmjs-dimse';
import { startStoreClient } from '../../src/delivery/dimse/store-client.ts';
import { openStored } from '../../src/delivery/outgoing-session.ts';
import type { ObjectContent } from '../../src/model/delivery.ts';
import { failure, isFailure } from '../../src/model/failure.ts';
import type { DecodeFrame } from '../../src/model/pixel-decoder.ts';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { objectDelivery } from '../../src/return/dicom/object-delivery.ts';
import { type BlobStore, openBlobs } from '../../src/store/blob-store.ts';
import { type CtSlice, ctPieces, ctSlice, EXPLICIT_VR_LITTLE_ENDIAN } from '../support/ct-slice.ts';
import { type DicomServer, startStorescp } from '../support/dicom-peers.ts';
import { isInstalled } from '../support/programs.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Bench, megabytes, ratio } from './measure.ts';
import { watchMemory } from './memory.ts';

type ObjectDelivery = ReturnType<typeof objectDelivery>;

const SLICES = 500;
const SIDE = 512;
const AIM = 3;
const HUGE_FRAMES = 4096;
/** Of this process: a large object may raise its memory by what its buffers hold, not by its size. */
const AIM_GROWTH_BYTES = 250 * 1024 * 1024;

export async function benchSending(bench: Bench): Promise<void> {
  if (!isInstalled('storescp')) return bench.add('C-STORE as sender', 'skipped', 'storescp is not installed');
  const home = temporaryDirectory('waystation-send-');
  const storescp = await startStorescp(['--ignore']);
  try {
    await benchHuge(bench, storescp, home);
    const theirs = await perSecondOf(() => sendTheirs(storescp, home, 1));
    const ours = await perSecondOf(() => sendOurs(storescp, home, 2));
    bench.add(
      `C-STORE of ${SLICES} CT slices to storescp, sent over 1 association`,
      `${Math.round(ours)} objects/s`,
      `${ratio(ours, theirs)} of dcmjs-dimse (${Math.round(theirs)} objects/s), aim ${AIM}`,
      ours / theirs >= AIM,
    );
  } finally {
    await storescp.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** One object of 2 GB, out of its file. */
async function benchHuge(bench: Bench, storescp: DicomServer, home: string): Promise<void> {
  const blobs = await openBlobs(home);
  const huge = ctPieces(0, { run: 'S', study: 3, accession: 'ACS3', patient: 'PTS3', side: SIDE, frames: HUGE_FRAMES });
  const prefix = prefixOf(huge);
  const writer = await blobs.writer();
  await writer.write(prefix);
  for (const piece of huge.pieces()) await writer.write(piece);
  const { digest: blob, bytes } = await writer.commit();
  const object = { ...huge, transferSyntax: EXPLICIT_VR_LITTLE_ENDIAN, blob, bytes, datasetOffset: prefix.length };
  const memory = watchMemory(process.pid);
  const before = process.memoryUsage.rss();
  const ms = await sendAll(storescp, blobs, [deliveryOf(object)]);
  memory.stop();
  const growth = Math.max(...memory.samples) - before;
  bench.add(
    `C-STORE of one object of ${megabytes(bytes)}, sent`,
    `${megabytes(bytes / (ms / 1000))}/s`,
    `${megabytes(growth)} more memory of the sender, aim 250 MB more`,
    growth < AIM_GROWTH_BYTES,
  );
}

/** `work` gives how long its sending took, in milliseconds: the files are written before. */
async function perSecondOf(work: () => Promise<number>): Promise<number> {
  return SLICES / ((await work()) / 1000);
}

async function sendOurs(server: DicomServer, home: string, study: number): Promise<number> {
  const blobs = await openBlobs(home);
  const deliveries: ObjectDelivery[] = [];
  for (let n = 0; n < SLICES; n++) {
    const slice = sliceOf(n, study);
    const prefix = prefixOf(slice);
    const { digest: blob, bytes } = await blobs.put(Buffer.concat([prefix, slice.dataset]));
    const object = { ...slice, transferSyntax: EXPLICIT_VR_LITTLE_ENDIAN, blob, bytes, datasetOffset: prefix.length };
    deliveries.push(deliveryOf(object));
  }
  return sendAll(server, blobs, deliveries);
}

function deliveryOf(object: ObjectContent): ObjectDelivery {
  return objectDelivery({ id: '', destination: { name: 'pacs', associations: 1 }, caseId: '', seq: 0, object });
}

/** Nothing of it is compressed. */
const noDecoder: DecodeFrame = async () => failure('dicom', 'invalid', 'no decoder');

/** How long that took, in milliseconds. */
async function sendAll({ target }: DicomServer, blobs: BlobStore, deliveries: readonly ObjectDelivery[]): Promise<number> {
  const retry = { firstDelayMs: 0, maxDelayMs: 0, maxAttempts: 1, onFailure: 'setAside' } as const;
  const place = { kind: 'dimse', name: 'pacs', group: '', tls: null, callingAeTitle: 'WAYSTATION' } as const;
  const results = { results: ['pdf'], srClass: 'basic', rejection: 'none' } as const;
  const pacs = { ...place, ...target, ...results, timeoutMs: 30_000, transcode: 'never' as const, idleMs: 30_000, associations: 1, retry };
  const client = startStoreClient(pacs, { log: silentLog, open: openStored(blobs, noDecoder) });
  const started = performance.now();
  for (const delivery of deliveries) {
    const result = await client.send({ ...delivery, attempts: 1 });
    if (isFailure(result)) throw new Error(result.detail);
  }
  await client.close();
  return performance.now() - started;
}

async function sendTheirs({ target }: DicomServer, home: string, study: number): Promise<number> {
  const files = Array.from({ length: SLICES }, (_, n) => {
    const slice = sliceOf(n, study);
    const file = join(home, `${n}.dcm`);
    writeFileSync(file, Buffer.concat([prefixOf(slice), slice.dataset]));
    return file;
  });
  const { Client, constants, log, requests } = dcmjsDimse;
  log.setLevel(log.levels.ERROR);
  const client = new Client();
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    for (const file of files) {
      const request = new requests.CStoreRequest(file);
      request.on('response', (response) => {
        if (response.getStatus() !== constants.Status.Success) reject(new Error(`C-STORE was answered ${response.getStatus()}`));
      });
      client.addRequest(request);
    }
    client.on('networkError', reject);
    client.on('closed', () => resolve());
    client.send(target.host, target.port, 'WAYSTATION', target.aeTitle);
  });
  return performance.now() - started;
}

function sliceOf(n: number, study: number): CtSlice {
  return ctSlice(n, { run: 'S', study, accession: `ACS${study}`, patient: `PTS${study}`, side: SIDE });
}

function prefixOf({ sopClassUid, sopInstanceUid }: Pick<CtSlice, 'sopClassUid' | 'sopInstanceUid'>): Buffer {
  return part10Prefix({ sopClassUid, sopInstanceUid, transferSyntax: EXPLICIT_VR_LITTLE_ENDIAN });
}
