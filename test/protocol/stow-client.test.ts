/** STOW-RS to a PACS: what each answer comes to; Orthanc's DICOMweb plugin and our own door as those who receive. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type StowClient, startStowClient } from '../../src/delivery/dicomweb/stow-client.ts';
import { openStored } from '../../src/delivery/outgoing-session.ts';
import { openDecoder } from '../../src/endpoints/dicom/decoder-session.ts';
import type { DicomwebDestination } from '../../src/model/config.ts';
import { isFailure } from '../../src/model/failure.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { rleCompressed } from '../support/compressed-slice.ts';
import { objectIn } from '../support/corpus-objects.ts';
import { ctSeries, ctSlice } from '../support/dicom-objects.ts';
import { type DicomServer, startOrthanc } from '../support/dicom-peers.ts';
import { isInstalled } from '../support/programs.ts';
import { datasetIn, openStoredObjects, type StoredObjects } from '../support/stored-objects.ts';

const PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
const CORPUS = '../shared/corpora/dicom';
const SLICE = ctSlice({ size: 64 });

let stored: StoredObjects;
const decoder = openDecoder();
beforeAll(async () => {
  stored = await openStoredObjects();
});
afterAll(async () => {
  stored.remove();
  await decoder.close();
});

function clientTo(url: string, changes: Partial<DicomwebDestination> = {}): StowClient {
  const retry = { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' } as const;
  const results = { results: ['pdf'], srClass: 'basic', rejection: 'none' } as const;
  const place = { kind: 'dicomweb', name: 'pacs', group: '', url, token: 'secret', tls: null, transcode: 'never' } as const;
  return startStowClient(
    { ...place, ...results, timeoutMs: 60_000, associations: 1, retry, ...changes },
    { open: openStored(stored.blobs, decoder.decode) },
  );
}

describe('the STOW-RS client', () => {
  let server: Server;
  let client: StowClient;
  let answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
  beforeEach(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      answer(request, response, Buffer.concat(chunks));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = clientTo(url());
  });
  afterEach(async () => {
    await client.close();
    server.close();
  });

  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web`;
  const send = async () => client.send(await stored.deliver(SLICE));

  it('sends the file in one part, with its length and the token', async () => {
    let seen: unknown[] = [];
    answer = ({ url, headers }, response, body) => {
      const boundary = /boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1];
      const head = `--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`;
      const tail = `\r\n--${boundary}--\r\n`;
      const part = body.subarray(head.length, -tail.length);
      seen = [url, headers.authorization, headers.accept, Number(headers['content-length']) === body.length];
      seen.push(body.indexOf(head) === 0 && body.indexOf(tail) === body.length - tail.length, datasetIn(part).equals(SLICE.dataset));
      response.end(namedIn('00081199'));
    };
    expect(await send()).toMatchObject({ controlId: SLICE.sopInstanceUid, detail: 'stored' });
    expect(seen).toEqual(['/dicom-web/studies', 'Bearer secret', 'application/dicom+json', true, true, true]);
  });

  it.each([
    [200, namedIn('00081199'), 'stored'],
    [200, '', 'stored'],
    [202, namedIn('00081199', '00081196', 0xb000), 'stored, B000 warning: coercion of data elements'],
    [202, namedIn('00081198', '00081197', 0xa700), 'transient A700 out of resources'],
    [409, namedIn('00081198', '00081197', 0xa900), 'permanent A900 dataset does not match SOP class'],
    [409, namedIn('00081198', '00081197', 0xc122), 'permanent C122 referenced transfer syntax not supported'],
    [200, namedIn('00081198'), 'permanent 0110 processing failure'],
    [200, '<html>Sign in, Mr Doe</html>', 'ambiguous HTTP 200 does not say what became of the instance'],
    [200, '{"00081199":{"Value":[]}}', 'ambiguous HTTP 200 does not say what became of the instance'],
    [202, '', 'ambiguous HTTP 202 does not say what became of the instance'],
    [409, '', 'permanent HTTP 409'],
    [413, '', 'permanent HTTP 413'],
    [415, '', 'permanent HTTP 415'],
    [302, '', 'transient HTTP 302'],
    [401, 'no', 'transient HTTP 401'],
    [404, '', 'transient HTTP 404'],
    [202, namedIn('00081198', '00081197', 0x0124), 'transient 0124 not authorized'],
    [502, '', 'transient HTTP 502'],
    [503, '', 'transient HTTP 503'],
    [504, '', 'transient HTTP 504'],
    [500, 'Doe^Jane', 'ambiguous HTTP 500'],
  ])('takes %s %s for: %s', async (status, body, expected) => {
    answer = (_, response) => response.writeHead(status, status === 302 ? { location: 'http://elsewhere.invalid/' } : {}).end(body);
    const result = await send();
    expect(isFailure(result) ? `${result.class} ${result.detail}` : result.detail).toBe(expected);
  });

  it.each([
    [415, ''],
    [409, namedIn('00081198', '00081197', 0xc122)],
  ])('sends once more, decompressed, what is refused by %s for its syntax, where the destination allows that', async (status, body) => {
    const slice = rleCompressed(SLICE);
    const seen: string[] = [];
    answer = (_, response, request) => {
      seen.push(/1\.2\.840\.10008\.1\.2\.[15]/.exec(request.toString('latin1'))?.[0] ?? '');
      if (request.includes(SLICE.dataset.subarray(-512))) response.end(namedIn('00081199'));
      else response.writeHead(status).end(body);
    };
    const deliver = async (to: StowClient) => to.send(await stored.deliver(slice));
    expect(await deliver(client)).toMatchObject({ failure: true, class: 'permanent' });
    const allowing = clientTo(url(), { transcode: 'decompressed' });
    expect(await deliver(allowing)).toMatchObject({ detail: `stored, in ${EXPLICIT_LITTLE_ENDIAN}` });
    await allowing.close();
    expect(seen.map((uid) => uid.slice(-1))).toEqual(['5', '5', '1']);
  });

  it('takes for stored what is there already, where it was sent before', async () => {
    answer = (_, response) => response.writeHead(409).end(namedIn('00081198', '00081197', 0x0111));
    expect(await send()).toMatchObject({ failure: true, class: 'permanent' });
    expect(await client.send(await stored.deliver(SLICE, 2))).toMatchObject({ detail: 'stored, 0111 duplicate SOP instance' });
  });

  it('says that an object may have been taken whose answer never came', async () => {
    answer = (request) => request.socket.destroy();
    expect(await send()).toMatchObject({ failure: true, code: 'unreachable', class: 'ambiguous' });
  });

  it('sets aside an object over which it failed ten times, however often it was away between, and sends the next', async () => {
    const delivery = await stored.deliver(SLICE, 500);
    const seen: unknown[] = [];
    for (const status of [500, 503, ...Array.from({ length: 8 }, () => 500), 502, 500]) {
      answer = (_, response) => response.writeHead(status).end();
      const result = await client.send(delivery);
      if (status === 500) seen.push(isFailure(result) && result.class);
    }
    expect(seen).toEqual([...Array.from({ length: 9 }, () => 'ambiguous'), 'permanent']);
    answer = (_, response) => response.end();
    expect(await client.send(await stored.deliver(ctSlice({ size: 32 })))).toMatchObject({ detail: 'stored' });
  });

  it('waits no longer than it was told', async () => {
    answer = () => {};
    const { port } = server.address() as AddressInfo;
    const hasty = clientTo(`http://127.0.0.1:${port}`, { timeoutMs: 500 });
    expect(await hasty.send(await stored.deliver(SLICE))).toMatchObject({ failure: true, class: 'ambiguous' });
    await hasty.close();
  });

  it('says so when nobody listens', async () => {
    const closed = clientTo('http://127.0.0.1:1');
    expect(await closed.send(await stored.deliver(SLICE))).toMatchObject({ failure: true, code: 'unreachable', class: 'transient' });
    await closed.close();
  });
});

/** An answer that names the instance in a sequence, perhaps with a reason. */
function namedIn(sequence: string, tag = '', reason = 0): string {
  const item = { '00081155': { vr: 'UI', Value: [SLICE.sopInstanceUid] }, ...(tag ? { [tag]: { vr: 'US', Value: [reason] } } : {}) };
  return JSON.stringify({ [sequence]: { vr: 'SQ', Value: [item] } });
}

(isInstalled('Orthanc') && existsSync(PLUGIN) ? describe : describe.skip)('Orthanc by its DICOMweb plugin', () => {
  let orthanc: DicomServer;
  let client: StowClient;
  beforeAll(async () => {
    orthanc = await startOrthanc({ Plugins: [PLUGIN], DicomWeb: { Enable: true } });
    client = clientTo(`${orthanc.http}/dicom-web`, { token: '' });
  });
  afterAll(async () => {
    await client.close();
    await orthanc.stop();
  });

  const datasets = async (): Promise<Buffer[]> => {
    const instances = (await (await fetch(`${orthanc.http}/instances`)).json()) as string[];
    const files = instances.map(async (id) => Buffer.from(await (await fetch(`${orthanc.http}/instances/${id}/file`)).arrayBuffer()));
    return (await Promise.all(files)).map(datasetIn).sort(Buffer.compare);
  };

  it('has what it was sent, byte for byte, also when it was sent twice', async () => {
    const slices = ctSeries({ slices: 4 });
    for (const slice of [...slices, ...slices]) expect(await client.send(await stored.deliver(slice))).toMatchObject({ detail: 'stored' });
    expect(await datasets()).toEqual(slices.map(({ dataset }) => dataset).sort(Buffer.compare));
  });

  (existsSync(CORPUS) ? it : it.skip)('takes compressed, deflated and big-endian objects as they are stored', async () => {
    const names = ['JPEG2000', 'MR_small_bigendian', 'SC_rgb_jpeg_dcmtk', 'SC_rgb_rle_2frame', 'image_dfl'];
    const before = (await datasets()).length;
    const objects = names.map((name) => objectIn(readFileSync(`${CORPUS}/pydicom/files/${name}.dcm`), ''));
    for (const object of objects) expect(await client.send(await stored.deliver(object))).toMatchObject({ detail: 'stored' });
    expect(await datasets()).toHaveLength(before + names.length);
  });
});
