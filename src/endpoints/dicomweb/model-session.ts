/**
 * Datasets that are no objects (metadata, matches, what became of a request) as XML: a part of a multipart body each (PS3.18 §8.7.3.2).
 * In: datasets in the DICOM JSON Model, one after the other. Out: the body. Promises: one dataset is in memory at a time, and one that is
 * longer than the limit ends the answer.
 */
import { randomUUID } from 'node:crypto';
import { nativeModel } from '../../protocols/dicom/native-model.ts';
import { DICOM_XML } from '../../protocols/dicom/web-accept.ts';
import type { Reply } from './reply.ts';

/** Of one dataset in JSON. */
const MAX_CHARACTERS = 32 * 1024 * 1024;

export function modelReply(
  datasets: () => AsyncIterable<unknown> | Iterable<unknown>,
  reply: Pick<Reply, 'status' | 'etag' | 'headers'>,
): Reply {
  const boundary = randomUUID();
  return {
    ...reply,
    ...{ contentType: `multipart/related; type="${DICOM_XML}"; boundary=${boundary}`, length: null, ranged: false },
    body: async function* () {
      for await (const dataset of datasets()) yield `--${boundary}\r\nContent-Type: ${DICOM_XML}\r\n\r\n${nativeModel(dataset)}\r\n`;
      yield `--${boundary}--\r\n`;
    },
  };
}

/** The dataset that comes in pieces of its JSON. */
export async function parsedWhole(pieces: AsyncIterable<string>): Promise<unknown> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (text.length > MAX_CHARACTERS) throw new Error('the metadata is too long for XML');
  }
  return JSON.parse(text);
}
