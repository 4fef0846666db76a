/** A request for storage commitment that was accepted is answered, although gateway and database were killed in between. */
import { describe, expect, it } from '@jest/globals';
import type { SopReference } from '../../src/model/commitment.ts';
import { COMMAND, type Command, decodeCommand, encodeCommand, RESPONSE } from '../../src/protocols/dicom/command.ts';
import { APPLICATION_CONTEXT, encodePdu } from '../../src/protocols/dicom/pdu.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH } from '../../src/protocols/dicom/sop-class.ts';
import { writeEvent } from '../../src/protocols/dicom/storage-commitment.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { CT, CT_EXPLICIT, ctSlice } from '../support/dicom-objects.ts';
import { associateWith, commandValue } from '../support/dicom-sender.ts';
import { freePort } from '../support/free-port.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { pduAt } from '../support/scripted-pacs.ts';
import { listenAsPeer, type ScriptedPeer } from '../support/scripted-peer.ts';

const COMMITMENT = { abstractSyntax: STORAGE_COMMITMENT_PUSH, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] };
const TRANSACTION = '1.2.3.1000';
const SLICE = ctSlice();
const STORED: SopReference = { sopClassUid: CT, sopInstanceUid: SLICE.sopInstanceUid };

async function askAndLeave(port: number): Promise<void> {
  const sender = await associateWith(port, [CT_EXPLICIT, COMMITMENT], { calling: 'CT1' });
  sender.store(SLICE);
  expect(await sender.status()).toBe(0x0000);
  const about = { sopClassUid: STORAGE_COMMITMENT_PUSH, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE, hasDataset: true };
  const fragment = writeEvent({ transactionUid: TRANSACTION, committed: [STORED], failed: [] }, true);
  sender.sendValues({ ...commandValue({ field: COMMAND.nActionRq, messageId: 7, actionTypeId: 1, ...about }), context: 3 });
  sender.sendValues({ context: 3, command: false, last: true, fragment });
  expect(await sender.status()).toBe(0x0000);
  sender.socket.destroy();
}

/** Takes the event that the gateway brings: its command and dataset. */
async function takeEvent(peer: ScriptedPeer): Promise<{ command: Command; dataset: Buffer; role: boolean }> {
  const header = await peer.receive(6);
  const body = await peer.receive(header.readUInt32BE(2));
  const role = body.includes(Buffer.concat([Buffer.from(STORAGE_COMMITMENT_PUSH), Buffer.from([0, 1])]));
  const user = { maxPduLength: 16_384, implementationClassUid: '2.25.2', implementationVersionName: '' };
  const results = [{ id: 1, result: 0, transferSyntax: EXPLICIT_LITTLE_ENDIAN }];
  const titles = { called: 'CT1', calling: 'WAYSTATION', applicationContext: APPLICATION_CONTEXT };
  peer.send(encodePdu({ type: 'A-ASSOCIATE-AC', protocolVersion: 1, ...titles, results, user }));
  const parts: Buffer[] = [];
  while (parts.length < 2) {
    const pdu = await pduAt(peer);
    if (pdu.type === 'P-DATA-TF') parts.push(...pdu.values.map(({ fragment }) => fragment));
  }
  const [command, dataset] = [decodeCommand(parts[0] as Buffer) as Command, parts[1] as Buffer];
  const about = { sopClassUid: STORAGE_COMMITMENT_PUSH, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE, hasDataset: false, status: 0 };
  const fragment = encodeCommand({ field: COMMAND.nEventReportRq | RESPONSE, messageId: command.messageId, ...about });
  peer.send(encodePdu({ type: 'P-DATA-TF', values: [{ context: 1, command: true, last: true, fragment }] }));
  await pduAt(peer);
  peer.send(encodePdu({ type: 'A-RELEASE-RP' }));
  return { command, dataset, role };
}

describe('storage commitment', () => {
  it('survives kill -9 of gateway and database between the request and its answer', async () => {
    const port = await freePort();
    const yaml = `peers: [{ name: ct, dimse: { aeTitle: CT1, commitment: { host: 127.0.0.1, port: ${port} } } }]\n`;
    const gateway = await startGatewayProcess({ yaml });
    await askAndLeave(gateway.dimse.port);
    await gateway.kill({ database: true });
    const again = await startGatewayProcess({ yaml, directory: gateway.directory });
    const listener = await listenAsPeer(port);
    try {
      const { command, dataset, role } = await takeEvent(await listener.accept());
      expect([command.field, command.eventTypeId, role]).toEqual([COMMAND.nEventReportRq, 1, true]);
      expect(dataset).toEqual(writeEvent({ transactionUid: TRANSACTION, committed: [STORED], failed: [] }, true));
    } finally {
      await listener.close();
      await again.kill({ database: true });
      again.remove();
    }
  });
});
