/**
 * A scripted DICOM sender: associates with any contexts, sends commands and datasets in any fragments, right or wrong, and reads what comes back.
 */
import { isFailure } from '../../src/model/failure.ts';
import { COMMAND, type Command, decodeCommand, encodeCommand } from '../../src/protocols/dicom/command.ts';
import { APPLICATION_CONTEXT, type AssociateRq, encodePdu, type Pdu, type Pdv } from '../../src/protocols/dicom/pdu.ts';
import { pduAt } from './scripted-pacs.ts';
import { callPeer, type ScriptedPeer } from './scripted-peer.ts';

export type DicomSender = ScriptedPeer & {
  /** The next PDU. */
  pdu(): Promise<Pdu>;
  sendPdu(pdu: Pdu): void;
  sendValues(...values: Pdv[]): void;
  /** The whole dataset of a C-STORE in fragments of `size`, and its command before it. */
  store(object: SentObject, size?: number): void;
  /** The next command, which must be a response: its status. */
  status(): Promise<number>;
};

export type SentObject = { readonly sopClassUid: string; readonly sopInstanceUid: string; readonly dataset: Buffer };

export type Proposal = { readonly abstractSyntax: string; readonly transferSyntaxes: readonly string[] };

/** Connects, and says nothing yet. */
export async function callDoor(port: number): Promise<DicomSender> {
  const peer = await callPeer(port);
  const sendPdu = (pdu: Pdu): void => peer.send(encodePdu(pdu));
  const sendValues = (...values: Pdv[]): void => sendPdu({ type: 'P-DATA-TF', values });
  const pdu = () => pduAt(peer);
  return Object.assign(Object.create(peer) as ScriptedPeer, {
    ...{ pdu, sendPdu, sendValues },
    store: (object: SentObject, size = 16_000) => {
      sendValues(storeRq(object));
      for (const value of datasetValues(object.dataset, size)) sendValues(value);
    },
    status: async () => statusOf(await pdu()),
  });
}

/** Connects and associates, one context (ids 1, 3, 5 …) for each proposal; all of them must be accepted. */
export async function associateWith(
  port: number,
  proposals: readonly Proposal[],
  changes: Partial<AssociateRq> = {},
): Promise<DicomSender> {
  const sender = await callDoor(port);
  sender.sendPdu(associateRq(proposals, changes));
  const answer = await sender.pdu();
  if (answer.type !== 'A-ASSOCIATE-AC' || answer.results.some(({ result }) => result !== 0))
    throw new Error(`answered ${JSON.stringify(answer)}`);
  return sender;
}

export function associateRq(proposals: readonly Proposal[], changes: Partial<AssociateRq> = {}): AssociateRq {
  const contexts = proposals.map((proposal, index) => ({ id: 2 * index + 1, ...proposal }));
  const user = { maxPduLength: 16_384, implementationClassUid: '2.25.1', implementationVersionName: '' };
  const titles = { called: 'WAYSTATION', calling: 'SCRIPTED' };
  return { type: 'A-ASSOCIATE-RQ', protocolVersion: 1, ...titles, applicationContext: APPLICATION_CONTEXT, contexts, user, ...changes };
}

export function storeRq({ sopClassUid, sopInstanceUid }: SentObject, messageId = 1): Pdv {
  return commandValue({ field: COMMAND.cStoreRq, messageId, sopClassUid, sopInstanceUid, hasDataset: true });
}

export function commandValue(command: Command, context = 1): Pdv {
  return { context, command: true, last: true, fragment: encodeCommand(command) };
}

export function* datasetValues(dataset: Buffer, size: number, context = 1): Generator<Pdv> {
  for (let at = 0; at < dataset.length; at += size) {
    yield { context, command: false, last: at + size >= dataset.length, fragment: dataset.subarray(at, at + size) };
  }
}

function statusOf(pdu: Pdu): number {
  if (pdu.type !== 'P-DATA-TF') throw new Error(`answered ${JSON.stringify(pdu)}`);
  const command = decodeCommand(pdu.values[0]?.fragment as Buffer);
  if (isFailure(command) || command.status === undefined) throw new Error('the answer has no status');
  return command.status;
}
