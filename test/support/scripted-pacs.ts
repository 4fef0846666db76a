/** A PACS that does exactly what a test says: lets associations in, takes objects, answers. */
import { isFailure } from '../../src/model/failure.ts';
import { COMMAND, encodeCommand, RESPONSE } from '../../src/protocols/dicom/command.ts';
import { type AssociateRq, encodePdu, type Pdu } from '../../src/protocols/dicom/pdu.ts';
import { CT } from './dicom-objects.ts';
import { readPdu } from './read-pdu.ts';
import type { ScriptedListener, ScriptedPeer } from './scripted-peer.ts';

export type Pacs = ScriptedPeer & { messageId: number };

export async function accepted(listener: ScriptedListener, result = 0, proposals: string[][] = []): Promise<Pacs> {
  const pacs = await listener.accept();
  const rq = (await pduAt(pacs)) as AssociateRq;
  proposals.push(rq.contexts.map(({ abstractSyntax }) => abstractSyntax));
  const results = rq.contexts.map(({ id, transferSyntaxes }) => ({ id, result, transferSyntax: transferSyntaxes[0] as string }));
  const user = { maxPduLength: 16_384, implementationClassUid: '2.25.2', implementationVersionName: '' };
  const { protocolVersion, called, calling, applicationContext } = rq;
  pacs.send(encodePdu({ type: 'A-ASSOCIATE-AC', protocolVersion, called, calling, applicationContext, results, user }));
  return Object.assign(pacs, { messageId: 0 });
}

export async function released(pacs: ScriptedPeer): Promise<void> {
  const { type } = await pduAt(pacs);
  if (type !== 'A-RELEASE-RQ') throw new Error(type);
  pacs.send(encodePdu({ type: 'A-RELEASE-RP' }));
}

export async function pduAt(peer: ScriptedPeer): Promise<Pdu> {
  const header = await peer.receive(6);
  const pdu = readPdu(Buffer.concat([header, await peer.receive(header.readUInt32BE(2))]));
  if (isFailure(pdu)) throw new Error(pdu.detail);
  return pdu;
}

/** The dataset of a C-STORE, read to its end. */
export async function objectAt(pacs: Pacs): Promise<Buffer> {
  const fragments: Buffer[] = [];
  for (;;) {
    const pdu = await pduAt(pacs);
    if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
    for (const { command, last, fragment } of pdu.values) {
      if (command) pacs.messageId = fragment.readUInt16LE(fragment.indexOf(Buffer.from('0000100102000000', 'hex')) + 8);
      else fragments.push(fragment);
      if (!command && last) return Buffer.concat(fragments);
    }
  }
}

export function response(status: number, messageId: number): Buffer {
  const fragment = encodeCommand({
    field: COMMAND.cStoreRq | RESPONSE,
    messageId,
    sopClassUid: CT,
    sopInstanceUid: '',
    hasDataset: false,
    status,
  });
  return encodePdu({ type: 'P-DATA-TF', values: [{ context: 1, command: true, last: true, fragment }] });
}
