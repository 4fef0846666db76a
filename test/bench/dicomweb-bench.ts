/**
 * DICOMweb beside Orthanc's, in the same run and from the same client: metadata of a study of 1,000 CT slices of 0.5 MB, and single frames
 * of it over eight connections. Before that, by a gateway of its own, one object of 2 GB in by STOW-RS and out by WADO-RS.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { type CtSlice, ctPieces, ctSlice, EXPLICIT_VR_LITTLE_ENDIAN } from '../support/ct-slice.ts';
import { startOrthanc } from '../support/dicom-peers.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { openStoreAssociation, type StoreTarget } from '../support/store-sender.ts';
import { type Bench, megabytes, milliseconds, perSecond, ratio } from './measure.ts';
import { residentBytes, watchMemory } from './memory.ts';

const PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
const SLICES = 1_000;
const SIDE = 512;
const FRAMES = 400;
const CONNECTIONS = 8;
const TRIES = 5;
const HUGE_FRAMES = 4096;
const AIM_RESIDENT_BYTES = 250 * 1024 * 1024;
const AIM_METADATA = 10;
const AIM_FRAMES = 3;

type Service = { readonly url: string; readonly headers: Readonly<Record<string, string>> };
type Figures = { readonly first: number; readonly metadata: number; readonly frames: number };

export async function benchDicomweb(bench: Bench): Promise<void> {
  await withGateway((gateway, authorization) => benchHuge(bench, gateway, authorization));
  await withGateway((gateway, authorization) => benchStudy(bench, gateway, authorization));
}

async function withGateway(work: (gateway: GatewayProcess, authorization: string) => Promise<void>): Promise<void> {
  const gateway = await startGatewayProcess();
  try {
    await work(gateway, `Bearer ${gateway.addClient('bench', 'operator')}`);
  } finally {
    await gateway.kill({ database: true });
    gateway.remove();
  }
}

async function benchStudy(bench: Bench, gateway: GatewayProcess, authorization: string): Promise<void> {
  await storeAll(gateway.dimse);
  const ours = await figuresOf({ url: `${gateway.http}/dicomweb`, headers: { authorization } });
  bench.add(
    `metadata of ${SLICES.toLocaleString('en')} slices: first / later`,
    `${milliseconds(ours.first)} / ${milliseconds(ours.metadata)}`,
  );
  bench.add(`WADO-RS frames of 0.5 MB over ${CONNECTIONS} connections`, perSecond(ours.frames));
  if (!existsSync(PLUGIN)) return bench.note('Orthanc with its DICOMweb plugin is not installed: nothing to compare with');
  const theirs = await orthancFigures();
  const faster = theirs.metadata / ours.metadata;
  bench.add(
    '  the same by Orthanc: metadata',
    milliseconds(theirs.metadata),
    `ours is ${faster.toFixed(1)} × as fast, aim ${AIM_METADATA}`,
    faster >= AIM_METADATA,
  );
  const more = ours.frames / theirs.frames;
  bench.add(
    '  the same by Orthanc: frames',
    perSecond(theirs.frames),
    `ours is ${ratio(ours.frames, theirs.frames)} of it, aim ${AIM_FRAMES}`,
    more >= AIM_FRAMES,
  );
}

/** In and out again, by a gateway that has done nothing else yet: how much memory it takes in all. */
async function benchHuge(bench: Bench, gateway: GatewayProcess, authorization: string): Promise<void> {
  const object = ctPieces(0, { run: 'H', study: 2, accession: 'ACH2', patient: 'PTH2', side: SIDE, frames: HUGE_FRAMES });
  const before = residentBytes(gateway.pid);
  const memory = watchMemory(gateway.pid);
  const started = performance.now();
  const call = request(`${gateway.http}/dicomweb/studies`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/dicom' },
  });
  const answered = once(call, 'response') as Promise<[IncomingMessage]>;
  call.write(fileMeta());
  for (const piece of object.pieces()) if (!call.write(piece)) await once(call, 'drain');
  call.end();
  const [answer] = await answered;
  answer.resume();
  if (answer.statusCode !== 200) throw new Error(`STOW-RS answered ${answer.statusCode}`);
  const stored = performance.now();
  const path = `/dicomweb/studies/${object.studyUid}/series/${object.seriesUid}/instances/${object.sopInstanceUid}`;
  const back = await fetch(`${gateway.http}${path}`, { headers: { authorization, accept: 'application/dicom' } });
  let bytes = 0;
  for await (const chunk of back.body as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length;
  const done = performance.now();
  memory.stop();
  if (bytes < object.bytes) throw new Error(`WADO-RS gave ${bytes} of ${object.bytes} bytes`);
  const speed = (ms: number) => `${megabytes((object.bytes / ms) * 1000)}/s`;
  bench.add('one object of 2 GB: STOW-RS / WADO-RS', `${speed(stored - started)} / ${speed(done - stored)}`);
  const most = Math.max(...memory.samples);
  bench.add(
    '  memory of the gateway: before, at most',
    `${megabytes(before)}, ${megabytes(most)}`,
    `aim ${megabytes(AIM_RESIDENT_BYTES)} in all`,
    most < AIM_RESIDENT_BYTES,
  );
}

/** Preamble, prefix and the one element that is needed (PS3.10 §7.1). */
function fileMeta(): Buffer {
  const uid = Buffer.from(
    EXPLICIT_VR_LITTLE_ENDIAN.padEnd(EXPLICIT_VR_LITTLE_ENDIAN.length + (EXPLICIT_VR_LITTLE_ENDIAN.length % 2), '\0'),
    'latin1',
  );
  const header = Buffer.from('0200100055490000', 'hex');
  header.writeUInt16LE(uid.length, 6);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), header, uid]);
}

async function orthancFigures(): Promise<Figures> {
  const orthanc = await startOrthanc({ Plugins: [PLUGIN], DicomWeb: { Enable: true } });
  try {
    await storeAll(orthanc.target);
    return await figuresOf({ url: `${orthanc.http}/dicom-web`, headers: {} });
  } finally {
    await orthanc.stop();
  }
}

async function figuresOf(service: Service): Promise<Figures> {
  const study = `${service.url}/studies/${sliceAt(0).studyUid}`;
  const times: number[] = [];
  for (let count = 0; count < TRIES; count++) {
    const started = performance.now();
    const response = await fetch(`${study}/metadata`, { headers: { ...service.headers, accept: 'application/dicom+json' } });
    const text = await response.text();
    times.push(performance.now() - started);
    const found = JSON.parse(text) as unknown[];
    if (response.status !== 200 || found.length !== SLICES) throw new Error(`metadata: ${response.status}, ${found.length} instances`);
  }
  return {
    first: times[0] as number,
    metadata: times.slice(1).sort((a, b) => a - b)[1] as number,
    frames: await framesPerSecond(service, study),
  };
}

/** By node:http, which counts what comes: `fetch` takes as long for a frame as the gateway does, on the same two cores. */
async function framesPerSecond({ headers }: Service, study: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const accept = 'multipart/related; type="application/octet-stream"';
  let next = 0;
  const started = performance.now();
  const one = async (): Promise<void> => {
    while (next < FRAMES) {
      const { seriesUid, sopInstanceUid } = sliceAt(next++);
      const url = `${study}/series/${seriesUid}/instances/${sopInstanceUid}/frames/1`;
      const [response] = (await once(get(url, { agent, headers: { ...headers, accept } }), 'response')) as [IncomingMessage];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      await once(response, 'end');
      if (response.statusCode !== 200 || bytes < SIDE * SIDE * 2) throw new Error(`frame: ${response.statusCode}, ${bytes} bytes`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  agent.destroy();
  return FRAMES / ((performance.now() - started) / 1000);
}

async function storeAll(target: StoreTarget): Promise<void> {
  const association = await openStoreAssociation(target);
  for (let n = 0; n < SLICES; n++) await association.store(sliceAt(n, SIDE));
  await association.release();
}

function sliceAt(n: number, side?: number): CtSlice {
  return ctSlice(n, { run: 'W', study: 1, accession: 'ACW1', patient: 'PTW1', side: side ?? 2 });
}
