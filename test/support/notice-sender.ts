/** Sends N-CREATE and N-SET on the first context of an association: the command that answers. */
import { COMMAND, type Command, decodeCommand } from '../../src/protocols/dicom/command.ts';
import { type DatasetElement, writeDataset } from '../../src/protocols/dicom/write.ts';
import { commandValue, type DicomSender, datasetValues } from './dicom-sender.ts';

export type Notice = {
  readonly operation: 'N-CREATE' | 'N-SET';
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly dataset: readonly DatasetElement[];
  readonly context?: number;
};

const FRAGMENT_BYTES = 64 * 1024;

export async function sendNotice(sender: DicomSender, { operation, context = 1, dataset, ...named }: Notice): Promise<Command> {
  const field = operation === 'N-CREATE' ? COMMAND.nCreateRq : COMMAND.nSetRq;
  sender.sendValues(commandValue({ field, messageId: 5, ...named, hasDataset: true }, context));
  for (const value of datasetValues(writeDataset(dataset), FRAGMENT_BYTES, context)) sender.sendValues(value);
  const pdu = await sender.pdu();
  if (pdu.type !== 'P-DATA-TF') throw new Error(`answered ${pdu.type}`);
  return decodeCommand(pdu.values[0]?.fragment as Buffer) as Command;
}
