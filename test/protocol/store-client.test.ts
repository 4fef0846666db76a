/** C-STORE to a PACS: associations kept and lost, contexts, statuses; dcmtk's storescp and Orthanc as those who receive. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { echo } from '../../src/delivery/dimse/echo-client.ts';
import { type StoreClient, startStoreClient } from '../../src/delivery/dimse/store-client.ts';
import { openStored } from '../../src/delivery/outgoing-session.ts';
import { openDecoder } from '../../src/endpoints/dicom/decoder-session.ts';
import type { DimseDestination } from '../../src/model/config.ts';
import { isFailure } from '../../src/model/failure.ts';
import { encodePdu } from '../../src/protocols/dicom/pdu.ts';
import { transcoded } from '../../src/protocols/dicom/transcoder.ts';
import { IMPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { testAuthority } from '../support/certificates.ts';
import { rleCompressed } from '../support/compressed-slice.ts';
import { isSent, objectIn } from '../support/corpus-objects.ts';
import { CT, ctSeries, ctSlice, objectOf } from '../support/dicom-objects.ts';
import { type DicomServer, startOrthanc, startStorescp } from '../support/dicom-peers.ts';
import { freePort } from '../support/free-port.ts';
import { isInstalled } from '../support/programs.ts';
import { accepted, objectAt, type Pacs, pduAt, released, response } from '../support/scripted-pacs.ts';
import { listenAsPeer, type ScriptedListener } from '../support/scripted-peer.ts';
import { silentLog } from '../support/silent-log.ts';
import { datasetIn, openStoredObjects, type StoredObjects } from '../support/stored-objects.ts';
import { until } from '../support/until.ts';

const CORPUS = '../shared/corpora/dicom';
const TABLE = 'test/contract/dicom-corpus.tsv';
const SR = '1.2.840.10008.5.1.4.1.1.88.11';

let stored: StoredObjects;
const decoder = openDecoder();
beforeAll(async () => {
  stored = await openStoredObjects();
});
afterAll(async () => {
  stored.remove();
  await decoder.close();
});

function destination(port: number, changes: Partial<DimseDestination> = {}): DimseDestination {
  return {
    ...{ kind: 'dimse', name: 'pacs', group: '', host: '127.0.0.1', port, aeTitle: 'PACS', callingAeTitle: 'WAYSTATION', tls: null },
    ...{ timeoutMs: 60_000, idleMs: 60_000, associations: 1, transcode: 'never', results: ['pdf'], srClass: 'basic', rejection: 'none' },
    retry: { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' },
    ...changes,
  };
}

function clientTo(port: number, changes: Partial<DimseDestination> = {}): StoreClient {
  return startStoreClient(destination(port, changes), { log: silentLog, open: openStored(stored.blobs, decoder.decode) });
}

describe('the C-STORE client of a lane', () => {
  let listener: ScriptedListener;
  let client: StoreClient;
  beforeEach(async () => {
    listener = await listenAsPeer();
    client = clientTo(listener.port);
  });
  afterEach(async () => {
    await listener.close();
    await client.close();
  });

  it('keeps one association for many objects, and takes only a success status for a receipt', async () => {
    const slices = ctSeries({ slices: 7 });
    const statuses = [0x0000, 0xb000, 0xa700, 0x0124, 0xa900, 0x0122, 0x0000];
    const results: unknown[] = [];
    let pacs: Pacs | null = null;
    for (const [index, slice] of slices.entries()) {
      const sending = client.send(await stored.deliver(slice));
      pacs ??= await accepted(listener);
      expect((await objectAt(pacs)).equals(slice.dataset)).toBe(true);
      pacs.send(response(statuses[index] as number, pacs.messageId));
      const result = await sending;
      results.push(isFailure(result) ? [result.class, result.detail] : [result.controlId === slice.sopInstanceUid, result.detail]);
    }
    expect(results).toEqual([
      [true, 'stored'],
      [true, 'stored, B000 warning: coercion of data elements'],
      ['transient', 'A700 out of resources'],
      ['transient', '0124 not authorized'],
      ['permanent', 'A900 dataset does not match SOP class'],
      ['permanent', '0122 SOP class not supported'],
      [true, 'stored'],
    ]);
  });

  it('proposes a context for each SOP class and syntax that was ever sent there, and opens anew only for a new one', async () => {
    const sr = objectOf([], { sopClassUid: SR, sopInstanceUid: '2.25.99.1.7' });
    const proposals: string[][] = [];
    const send = async (object: Parameters<StoredObjects['deliver']>[0], pacs: Pacs | null): Promise<Pacs> => {
      const sending = client.send(await stored.deliver(object));
      // The one before is released first.
      if (pacs && !proposals.at(-1)?.includes(object.sopClassUid)) await released(pacs);
      const used = pacs && proposals.at(-1)?.includes(object.sopClassUid) ? pacs : await accepted(listener, 0, proposals);
      await objectAt(used);
      used.send(response(0, used.messageId));
      expect(await sending).toMatchObject({ detail: 'stored' });
      return used;
    };
    let pacs = await send(ctSlice({}), null);
    pacs = await send(sr, pacs);
    await send(ctSlice({ seriesUid: '2.25.4711.2' }), pacs);
    expect(proposals).toEqual([[CT], [CT, SR]]);
  });

  it('sets aside what the peer does not take, and goes on with the rest', async () => {
    const refused = client.send(await stored.deliver(ctSlice({})));
    await accepted(listener, 3);
    expect(await refused).toMatchObject({ class: 'permanent', detail: `the peer takes no ${CT}` });
  });

  it('sends an object again where a kept association has ended meanwhile', async () => {
    const first = client.send(await stored.deliver(ctSlice({})));
    const pacs = await accepted(listener);
    await objectAt(pacs);
    pacs.send(response(0, pacs.messageId));
    await first;
    pacs.hangUp();
    const second = client.send(await stored.deliver(ctSlice({})));
    const again = await accepted(listener);
    await objectAt(again);
    again.send(response(0, again.messageId));
    expect(await second).toMatchObject({ detail: 'stored' });
  });

  it('says that an object may have been taken whose answer never came', async () => {
    const sending = client.send(await stored.deliver(ctSlice({})));
    const pacs = await accepted(listener);
    await objectAt(pacs);
    pacs.reset();
    expect(await sending).toMatchObject({ failure: true, class: 'ambiguous' });
  });

  it('sets aside an object over which ten associations broke, however often the PACS was away before', async () => {
    const delivery = await stored.deliver(ctSlice({}), 500);
    const classes: unknown[] = [];
    for (let n = 1; n <= 10; n++) {
      const sending = client.send(delivery);
      const pacs = await accepted(listener);
      await objectAt(pacs);
      pacs.reset();
      const result = await sending;
      classes.push(isFailure(result) && result.class);
    }
    expect(classes).toEqual([...Array.from({ length: 9 }, () => 'ambiguous'), 'permanent']);
  });

  it('takes for stored what is there already, where it was sent before, and only there', async () => {
    const results: unknown[] = [];
    let pacs: Pacs | null = null;
    for (const attempts of [1, 2]) {
      const sending = client.send(await stored.deliver(ctSlice({}), attempts));
      pacs ??= await accepted(listener);
      await objectAt(pacs);
      pacs.send(response(0x0111, pacs.messageId));
      const result = await sending;
      results.push([isFailure(result), result.detail]);
    }
    expect(results).toEqual([
      [true, '0111 duplicate SOP instance'],
      [false, 'stored, 0111 duplicate SOP instance'],
    ]);
  });

  it('leaves a peer that answers before it has the object and then reads no more', async () => {
    const hasty = clientTo(listener.port, { timeoutMs: 1_000 });
    const sending = hasty.send(await stored.deliver(ctSlice({ size: 4_000 })));
    const pacs = await accepted(listener);
    pacs.socket.pause();
    pacs.send(response(0xa700, 1));
    expect(await sending).toMatchObject({ failure: true, class: 'transient', detail: 'no answer in time' });
    await hasty.close();
  });

  it('holds back its lane where nobody lets it in, however final the peer calls that', async () => {
    const sending = client.send(await stored.deliver(ctSlice({})));
    const pacs = await listener.accept();
    await pduAt(pacs);
    pacs.send(encodePdu({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 7 }));
    expect(await sending).toMatchObject({
      failure: true,
      class: 'transient',
      detail: 'association rejected: result 1, source 1, reason 7',
    });
  });

  it('sets aside an object whose file is gone', async () => {
    const delivery = await stored.deliver(ctSlice({}));
    const content = Buffer.from(delivery.content.toString().replace(/"blob":"[^"]+"/, `"blob":"${'0'.repeat(64)}"`));
    const sending = client.send({ ...delivery, content });
    await accepted(listener);
    expect(await sending).toMatchObject({ failure: true, code: 'not-found', class: 'permanent' });
  });

  it('releases an association that has nothing to do', async () => {
    const hasty = clientTo(listener.port, { idleMs: 1 });
    const sending = hasty.send(await stored.deliver(ctSlice({})));
    const pacs = await accepted(listener);
    await objectAt(pacs);
    pacs.send(response(0, pacs.messageId));
    await sending;
    await released(pacs);
    await hasty.close();
  });
});

(isInstalled('storescp') && existsSync(CORPUS) ? describe : describe.skip)('dcmtk storescp', () => {
  let storescp: DicomServer;
  beforeAll(async () => {
    storescp = await startStorescp(['+xa', '-pm']);
  });
  afterAll(() => storescp.stop());

  /** Files that our own door takes, with a transfer syntax that storescp knows. */
  const files = (existsSync(TABLE) ? readFileSync(TABLE, 'utf8') : '').split('\n').flatMap((line) => {
    const [file = '', syntax = '', answer = ''] = line.split('\t');
    return answer === '0000' ? [{ file, syntax }] : [];
  });

  it('has every dataset of the corpora that it takes, byte for byte', async () => {
    const client = clientTo(storescp.target.port, { aeTitle: 'STORESCP' });
    const outcomes = { stored: 0, refused: [] as string[] };
    for (const { file, syntax } of files) {
      const object = objectIn(readFileSync(`${CORPUS}/${file}`), syntax);
      const before = new Set(readdirSync(storescp.directory));
      const result = await client.send(await stored.deliver(object));
      if (isFailure(result)) {
        outcomes.refused.push(`${file}: ${result.detail}`);
        continue;
      }
      const [name = ''] = readdirSync(storescp.directory).filter((one) => !before.has(one));
      if (name !== '')
        expect([file, isSent(datasetIn(readFileSync(`${storescp.directory}/${name}`)), object.dataset)]).toEqual([file, true]);
      outcomes.stored++;
    }
    await client.close();
    expect(outcomes).toEqual({ stored: files.length - UNKNOWN_THERE.length, refused: UNKNOWN_THERE });
  });
});

(isInstalled('storescp') && existsSync(CORPUS) ? describe : describe.skip)('dcmtk storescp that takes Implicit VR only', () => {
  it('gets an uncompressed object converted where the destination allows it, and none otherwise', async () => {
    const storescp = await startStorescp(['+xi', '-pm']);
    const [allowing, not] = [clientTo(storescp.target.port, { transcode: 'uncompressed' }), clientTo(storescp.target.port)];
    const names = ['dicomParser/image_dfl', 'pydicom/files/MR_small_bigendian.dcm', 'dcmqi/derived/sr.dcm', 'pydicom/files/JPEG2000.dcm'];
    const objects = names.map((name) => objectIn(readFileSync(`${CORPUS}/${name}`), ''));
    const results = [];
    for (const object of objects) results.push(await allowing.send(await stored.deliver(object)));
    expect(results.map(({ detail }) => detail)).toEqual([
      ...Array.from({ length: 3 }, () => `stored, in ${IMPLICIT_LITTLE_ENDIAN}`),
      expect.stringContaining('the peer takes no'),
    ]);
    const decompressing = clientTo(storescp.target.port, { transcode: 'decompressed' });
    const film = { ...ctSlice({ size: 64, seriesUid: '2.25.7' }), transferSyntax: '1.2.840.10008.1.2.4.102' };
    const [lossless, undecodable] = [rleCompressed(ctSlice({ size: 64, seriesUid: '2.25.9' })), film];
    const further = [];
    for (const object of [lossless, ...objects, undecodable]) further.push(await decompressing.send(await stored.deliver(object)));
    expect(further.map(({ detail }) => detail)).toEqual([
      ...Array.from({ length: 5 }, () => `stored, in ${IMPLICIT_LITTLE_ENDIAN}`),
      expect.stringContaining('cannot be decompressed here'),
    ]);
    for (const object of objects) expect(await not.send(await stored.deliver(object))).toMatchObject({ failure: true, class: 'permanent' });
    const plain = ctSlice({ size: 64 });
    const implicit = {
      ...plain,
      transferSyntax: IMPLICIT_LITTLE_ENDIAN,
      dataset: await wholeOf(transcoded([plain.dataset], plain.transferSyntax, IMPLICIT_LITTLE_ENDIAN)),
    };
    expect(await allowing.send(await stored.deliver(implicit))).toMatchObject({ detail: 'stored' });
    await Promise.all([allowing.close(), not.close()]);
    await decompressing.close();
    expect(readdirSync(storescp.directory)).toHaveLength(6);
    await storescp.stop();
  });
});

async function wholeOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

(isInstalled('storescp') ? describe : describe.skip)('dcmtk storescp over TLS', () => {
  it('takes objects from who shows the right certificate, and nothing from others', async () => {
    const authority = testAuthority();
    const [server, us] = [authority.issue('pacs'), authority.issue('waystation')];
    const storescp = await startStorescp(['+tls', server.keyFile, server.certFile, '+cf', authority.caFile]);
    const slice = ctSlice({});
    const tls = { ca: authority.ca, key: us.key, cert: us.cert, serverName: '' };
    const client = clientTo(storescp.target.port, { tls });
    expect(await client.send(await stored.deliver(slice))).toMatchObject({ detail: 'stored' });
    await client.close();
    const [file = ''] = readdirSync(storescp.directory);
    expect(datasetIn(readFileSync(`${storescp.directory}/${file}`)).equals(slice.dataset)).toBe(true);
    for (const wrong of [{ ...tls, key: '', cert: '' }, { ...tls, ca: testAuthority().ca }, null]) {
      const stranger = clientTo(storescp.target.port, { tls: wrong, timeoutMs: 60_000 });
      expect(await stranger.send(await stored.deliver(slice))).toMatchObject({ failure: true, class: 'transient' });
      await stranger.close();
    }
    await storescp.stop();
  });
});

(isInstalled('storescp') ? describe : describe.skip)('C-ECHO', () => {
  it('is answered by a PACS that is there, and says why by one that is not', async () => {
    const storescp = await startStorescp();
    const { port } = storescp.target;
    expect(await echo(destination(port))).toBe(0);
    await storescp.stop();
    expect(await echo(destination(port))).toMatchObject({ failure: true, code: 'unreachable', class: 'transient' });
  });
});

describe('dcmjs-dimse as the PACS', () => {
  const { Server, Scp, constants, log, responses } = dcmjsDimse;

  it('takes what it does not refuse, and has the same datasets', async () => {
    log.setLevel(log.levels.ERROR);
    const slices = ctSeries({ slices: 4, size: 64 });
    const refused = slices[1]?.sopInstanceUid;
    const received: unknown[] = [];
    class Pacs extends Scp {
      override associationRequested(association: dcmjsDimse.association.Association): void {
        for (const { id } of association.getPresentationContexts()) {
          const offered = association.getPresentationContext(id);
          for (const syntax of offered.getTransferSyntaxUids()) offered.setResult(constants.PresentationContextResult.Accept, syntax);
        }
        this.sendAssociationAccept();
      }
      override cStoreRequest(
        request: dcmjsDimse.requests.CStoreRequest,
        answer: (response: dcmjsDimse.responses.CStoreResponse) => void,
      ): void {
        const response = responses.CStoreResponse.fromRequest(request);
        const isRefused = request.getAffectedSopInstanceUid() === refused;
        response.setStatus(isRefused ? constants.Status.ProcessingFailure : constants.Status.Success);
        if (!isRefused) received.push(request.getDataset()?.getElement('SOPInstanceUID'));
        answer(response);
      }
      override associationReleaseRequested(): void {
        this.sendAssociationReleaseResponse();
      }
    }
    const port = await freePort();
    const server = new Server(Pacs);
    server.listen(port);
    const client = clientTo(port);
    const results = [];
    for (const slice of slices) results.push(await client.send(await stored.deliver(slice)));
    expect(results.map(({ detail }) => detail)).toEqual(['stored', '0110 processing failure', 'stored', 'stored']);
    expect(received).toEqual(slices.map(({ sopInstanceUid }) => sopInstanceUid).filter((uid) => uid !== refused));
    await client.close();
    server.close();
  });
});

(isInstalled('Orthanc') ? describe : describe.skip)('Orthanc', () => {
  it('indexes what it is sent', async () => {
    const orthanc = await startOrthanc();
    const client = clientTo(orthanc.target.port, { aeTitle: 'ORTHANC' });
    const slices = ctSeries({ slices: 5 });
    for (const slice of slices) expect(await client.send(await stored.deliver(slice))).toMatchObject({ detail: 'stored' });
    // The same once more changes nothing.
    expect(await client.send(await stored.deliver(slices[0] as (typeof slices)[0]))).toMatchObject({ detail: 'stored' });
    await client.close();
    const instances = async () => (await (await fetch(`${orthanc.http}/instances`)).json()) as string[];
    expect(await until(instances, ({ length }) => length === 5)).toHaveLength(5);
    await orthanc.stop();
  });
});

/** Transfer syntaxes that this dcmtk does not know. */
const UNKNOWN_THERE = [
  'dicomParser/CT0012.fragmented_no_bot_jpeg_lossless.57.dcm: the peer takes no 1.2.840.10008.5.1.4.1.1.2.1 in 1.2.840.10008.1.2.4.57',
  'pydicom-data/liver_deflate.dcm: the peer takes no 1.2.840.10008.5.1.4.1.1.66.4 in 1.2.840.10008.1.2.8.1',
];
