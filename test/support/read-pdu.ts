/** One whole PDU as the upper layer reads it; the fragments of a P-DATA-TF together. */
import { type Failure, failure, isFailure } from '../../src/model/failure.ts';
import { decodePdu, type Pdu } from '../../src/protocols/dicom/pdu.ts';
import { pduSplitter } from '../../src/protocols/dicom/pdu-splitter.ts';

export function readPdu(bytes: Buffer): Pdu | Failure {
  const found = [...pduSplitter(0xffffffff).push(bytes)];
  const fault = found.find((one) => isFailure(one));
  if (fault) return fault as Failure;
  const values = found.flatMap((one) => ('values' in one ? one.values : []));
  if (values.length > 0) return { type: 'P-DATA-TF', values };
  const raw = found[0];
  return raw && 'body' in raw ? decodePdu(raw.type, raw.body) : failure('dicom', 'malformed', 'no whole PDU');
}
