import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { associate, type DimseAssociation } from '../../src/delivery/dimse/dimse-client.ts';
import { isFailure } from '../../src/model/failure.ts';
import { COMMAND, encodeCommand, RESPONSE } from '../../src/protocols/dicom/command.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { APPLICATION_CONTEXT, type AssociateAc, encodePdu, type Pdu } from '../../src/protocols/dicom/pdu.ts';
import { CT, CT_EXPLICIT, ctSlice } from '../support/dicom-objects.ts';
import { startStorescp } from '../support/dicom-peers.ts';
import { isInstalled } from '../support/programs.ts';
import { pduAt } from '../support/scripted-pacs.ts';
import { listenAsPeer, type ScriptedListener, type ScriptedPeer } from '../support/scripted-peer.ts';

const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] };
const SLICE = ctSlice({ size: 64 });
const OBJECT = { ...SLICE, dataset: [SLICE.dataset] };

describe('the DIMSE client', () => {
  let listener: ScriptedListener;
  const target = (changes = {}) => ({
    host: '127.0.0.1',
    port: listener.port,
    calling: 'WAYSTATION',
    called: 'PACS',
    timeoutMs: 60_000,
    ...changes,
  });
  beforeEach(async () => {
    listener = await listenAsPeer();
  });
  afterEach(() => listener.close());

  it('gives the exact status of the peer', async () => {
    const [association, pacs] = await opened();
    for (const status of [0x0000, 0xb006, 0xa700, 0xc123]) {
      const stored = association.store(OBJECT);
      await objectAt(pacs);
      pacs.send(encodePdu(response(COMMAND.cStoreRq, status, pacs.messageId)));
      expect(await stored).toBe(status);
    }
  });

  it('sends an object in PDUs as long as the peer takes, and no longer', async () => {
    const [association, pacs] = await opened({ maxPduLength: 1000 });
    const stored = association.store(OBJECT);
    const { dataset, longest } = await objectAt(pacs);
    expect(dataset.equals(SLICE.dataset)).toBe(true);
    expect(longest).toBe(1000);
    pacs.send(encodePdu(response(COMMAND.cStoreRq, 0, pacs.messageId)));
    expect(await stored).toBe(0);
  });

  it('says that a peer which rejects for now may be asked again, and one that rejects for good not', async () => {
    for (const [result, failureClass] of [
      [1, 'permanent'],
      [2, 'transient'],
    ] as const) {
      const opening = associate(target(), [CT_EXPLICIT]);
      const pacs = await listener.accept();
      await pduAt(pacs);
      pacs.send(encodePdu({ type: 'A-ASSOCIATE-RJ', result, source: 1, reason: 1 }));
      expect(await opening).toMatchObject({ failure: true, code: 'rejected', class: failureClass });
    }
  });

  it('says what the peer did not accept', async () => {
    const [association] = await opened({ result: 4 });
    expect(association.accepts(CT, SLICE.transferSyntax)).toBe(false);
    expect(await association.store(OBJECT)).toMatchObject({ failure: true, code: 'rejected', class: 'permanent' });
    expect(await association.echo()).toMatchObject({ failure: true, code: 'rejected' });
  });

  it('says that an object whose sending was broken off was not taken', async () => {
    const [association, pacs] = await opened();
    const endless = async function* () {
      for (;;) yield Buffer.alloc(100_000);
    };
    const stored = association.store({ ...OBJECT, dataset: endless() });
    await pduAt(pacs);
    pacs.send(encodePdu({ type: 'A-ABORT', source: 0, reason: 0 }));
    expect(await stored).toMatchObject({ failure: true, code: 'rejected', class: 'transient' });
  });

  it('says that an object without an answer may have been taken', async () => {
    const [association, pacs] = await opened();
    const stored = association.store(OBJECT);
    await objectAt(pacs);
    pacs.hangUp();
    expect(await stored).toMatchObject({ failure: true, class: 'ambiguous' });
    expect(await association.store(OBJECT)).toMatchObject({ failure: true });
  });

  it('does not take the answer to another message for its own', async () => {
    const [association, pacs] = await opened();
    const stored = association.store(OBJECT);
    await objectAt(pacs);
    pacs.send(encodePdu(response(COMMAND.cStoreRq, 0, 999)));
    expect(await stored).toMatchObject({ failure: true, class: 'ambiguous' });
  });

  it('waits no longer than it was told', async () => {
    const silent = await associate(target({ timeoutMs: 50 }), [CT_EXPLICIT]);
    expect(silent).toMatchObject({ failure: true, code: 'unreachable', class: 'transient' });
  });

  it('says so when nobody listens', async () => {
    const { port } = listener;
    await listener.close();
    expect(await associate(target({ port }), [CT_EXPLICIT])).toMatchObject({ failure: true, code: 'unreachable', class: 'transient' });
  });

  it('survives a peer that talks nonsense', async () => {
    const opening = associate(target(), [CT_EXPLICIT]);
    (await listener.accept()).send('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await opening).toMatchObject({ failure: true });
  });

  it('releases, also when the peer releases at the same time', async () => {
    const [association, pacs] = await opened();
    const released = association.release();
    expect((await pduAt(pacs)).type).toBe('A-RELEASE-RQ');
    pacs.send(encodePdu({ type: 'A-RELEASE-RQ' }));
    expect((await pduAt(pacs)).type).toBe('A-RELEASE-RP');
    pacs.send(encodePdu({ type: 'A-RELEASE-RP' }));
    await released;
    await pacs.ended();
  });

  async function opened(answer: { maxPduLength?: number; result?: number } = {}): Promise<[DimseAssociation, Pacs]> {
    const opening = associate(target(), [CT_EXPLICIT, VERIFICATION]);
    const pacs = await listener.accept();
    await pduAt(pacs);
    pacs.send(encodePdu(acceptance(answer.maxPduLength ?? 16_384, answer.result ?? 0)));
    const association = await opening;
    if (isFailure(association)) throw new Error(association.detail);
    return [association, Object.assign(pacs, { messageId: 0 })];
  }
});

(isInstalled('storescp') ? describe : describe.skip)('dcmtk storescp', () => {
  it('takes a series from the DIMSE client, byte for byte', async () => {
    const storescp = await startStorescp();
    const { target, directory } = storescp;
    const association = await associate({ ...target, called: target.aeTitle, calling: 'WAYSTATION', timeoutMs: 60_000 }, [
      CT_EXPLICIT,
      VERIFICATION,
    ]);
    if (isFailure(association)) throw new Error(association.detail);
    expect(await association.echo()).toBe(0);
    const slices = [1, 2, 3].map((series) => ctSlice({ seriesUid: `2.25.4711.${series}`, size: 256 }));
    for (const slice of slices)
      expect(await association.store({ ...slice, dataset: [slice.dataset.subarray(0, 1000), slice.dataset.subarray(1000)] })).toBe(0);
    await association.release();
    const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
    const datasets = files.map((file) => file.subarray((readPart10(file) as { datasetOffset: number }).datasetOffset));
    expect(datasets.sort(Buffer.compare)).toEqual(slices.map(({ dataset }) => dataset).sort(Buffer.compare));
    await storescp.stop();
  });
});

type Pacs = ScriptedPeer & { messageId: number };

/** Reads a C-STORE to its end. */
async function objectAt(pacs: Pacs): Promise<{ dataset: Buffer; longest: number }> {
  const fragments: Buffer[] = [];
  let longest = 0;
  for (;;) {
    const pdu = await pduAt(pacs);
    if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
    for (const { command, last, fragment } of pdu.values) {
      longest = Math.max(longest, fragment.length + 6);
      if (command) pacs.messageId = fragment.readUInt16LE(fragment.indexOf(Buffer.from('0000100102000000', 'hex')) + 8);
      else fragments.push(fragment);
      if (!command && last) return { dataset: Buffer.concat(fragments), longest };
    }
  }
}

function acceptance(maxPduLength: number, result: number): AssociateAc {
  const results = [CT_EXPLICIT, VERIFICATION].map(({ transferSyntaxes }, index) => ({
    id: 2 * index + 1,
    result,
    transferSyntax: transferSyntaxes[0] as string,
  }));
  const user = { maxPduLength, implementationClassUid: '2.25.2', implementationVersionName: '' };
  return {
    type: 'A-ASSOCIATE-AC',
    protocolVersion: 1,
    called: 'PACS',
    calling: 'WAYSTATION',
    applicationContext: APPLICATION_CONTEXT,
    results,
    user,
  };
}

function response(field: number, status: number, messageId: number): Pdu {
  const fragment = encodeCommand({ field: field | RESPONSE, messageId, sopClassUid: CT, sopInstanceUid: '', hasDataset: false, status });
  return { type: 'P-DATA-TF', values: [{ context: 1, command: true, last: true, fragment }] };
}
