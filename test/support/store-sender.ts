/**
 * A modality that sends: one association with one presentation context (CT, Explicit VR Little Endian) and C-STORE over plain node:net,
 * written from PS3.7 and PS3.8 for the bytes it needs and no others. Imports nothing from src.
 * Every failure is thrown: for a sender, an object without an answer was not taken.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { CT_IMAGE_STORAGE, type CtSlice, EXPLICIT_VR_LITTLE_ENDIAN } from './ct-slice.ts';

export type StoreTarget = { readonly host: string; readonly port: number; readonly aeTitle: string };

export type StoreAssociation = {
  /** The status of the C-STORE-RSP: 0 is success (PS3.4 Table B.2-1). */
  store(slice: CtSlice): Promise<number>;
  /** The same for an object that comes in pieces. */
  storePieces(object: Omit<CtSlice, 'dataset'>, pieces: Iterable<Buffer>): Promise<number>;
  release(): Promise<void>;
  /** Hangs up without a word. */
  destroy(): void;
};

const ANSWER_TIMEOUT_MS = 90_000;
const CONTEXT = 1;
/** Where the answer sets no limit. */
const MAX_PDU_BYTES = 128 * 1024;

/** `connected`: a connection that is there already, such as one with TLS. */
export async function openStoreAssociation(target: StoreTarget, callingAeTitle = 'LOADCT', connected?: Socket): Promise<StoreAssociation> {
  const socket = connected ?? connect({ host: target.host, port: target.port, noDelay: true });
  const pdus = pdusOf(socket);
  if (!connected) await once(socket, 'connect');
  socket.write(associateRq(target.aeTitle, callingAeTitle));
  const accept = await pdus.next();
  if (accept[0] !== 0x02) throw new Error(`the association was answered with PDU type ${accept[0]}`);
  const maxPdu = Math.min(acceptedPduLength(accept) || MAX_PDU_BYTES, MAX_PDU_BYTES);
  let messageId = 0;
  const storePieces: StoreAssociation['storePieces'] = async (object, pieces) => {
    messageId = (messageId % 65_535) + 1;
    socket.cork();
    socket.write(dataPdu(0x03, storeRq(object, messageId)));
    let before: Buffer | null = null;
    for (const piece of pieces) {
      if (before) await sendDataset(socket, before, maxPdu - 6, false);
      before = piece;
    }
    await sendDataset(socket, before ?? Buffer.alloc(0), maxPdu - 6, true);
    return statusOf(await pdus.next());
  };
  return {
    store: (slice) => storePieces(slice, [slice.dataset]),
    storePieces,
    release: async () => {
      socket.write(Buffer.from([5, 0, 0, 0, 0, 4, 0, 0, 0, 0]));
      await pdus.next();
      socket.destroy();
    },
    destroy: () => void socket.destroy(),
  };
}

/** Whole PDUs in turn (PS3.8 §9.3.1: type, reserved, 4 bytes of length). */
function pdusOf(socket: Socket): { next(): Promise<Buffer> } {
  let received: Buffer = Buffer.alloc(0);
  let over = false;
  let look = (): void => {};
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    look();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    over = true;
    look();
  });
  return {
    next: () =>
      new Promise((resolve, reject) => {
        look = () => {
          const length = received.length >= 6 ? 6 + received.readUInt32BE(2) : Number.POSITIVE_INFINITY;
          if (received.length < length) return over ? reject(new Error('the association was lost')) : undefined;
          const pdu = received.subarray(0, length);
          received = received.subarray(length);
          look = () => {};
          resolve(pdu);
        };
        look();
      }),
  };
}

/** Begins and, but for the last piece, ends with the socket corked: a header never goes alone. */
async function sendDataset(socket: Socket, dataset: Buffer, fragmentBytes: number, last: boolean): Promise<void> {
  for (let at = 0; at < dataset.length; at += fragmentBytes) {
    const fragment = dataset.subarray(at, at + fragmentBytes);
    socket.write(dataHeader(last && at + fragmentBytes >= dataset.length ? 0x02 : 0x00, fragment.length));
    const flowing = socket.write(fragment);
    socket.uncork();
    if (!flowing) await drained(socket);
    if (socket.destroyed) throw new Error('the association was lost');
    socket.cork();
  }
  if (last) socket.uncork();
}

/** Resolves when the socket takes more, or is gone. */
async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
    if (socket.destroyed) done();
  });
}

/** PS3.8 Table 9-11. */
function associateRq(called: string, calling: string): Buffer {
  const head = Buffer.alloc(68);
  head.writeUInt16BE(1, 0);
  head.write(called.padEnd(16), 4, 'latin1');
  head.write(calling.padEnd(16), 20, 'latin1');
  const context = [item(0x30, Buffer.from(CT_IMAGE_STORAGE)), item(0x40, Buffer.from(EXPLICIT_VR_LITTLE_ENDIAN))];
  const maxLength = Buffer.alloc(4);
  maxLength.writeUInt32BE(MAX_PDU_BYTES);
  const body = Buffer.concat([
    head,
    item(0x10, Buffer.from('1.2.840.10008.3.1.1.1')),
    item(0x20, Buffer.concat([Buffer.from([CONTEXT, 0, 0, 0]), ...context])),
    item(0x50, Buffer.concat([item(0x51, maxLength), item(0x52, Buffer.from('2.25.80302813137786398554742050926734630921'))])),
  ]);
  return pdu(0x01, body);
}

/** PS3.8 §D.1.1: the Maximum Length sub-item of the answer; 0 is without limit. */
function acceptedPduLength(accept: Buffer): number {
  for (let at = 74; at + 4 <= accept.length; at += 4 + accept.readUInt16BE(at + 2)) {
    if (accept[at] === 0x21 && accept[at + 6] !== 0) throw new Error('the presentation context was not accepted');
    if (accept[at] === 0x50) {
      for (let sub = at + 4; sub + 8 <= accept.length; sub += 4 + accept.readUInt16BE(sub + 2)) {
        if (accept[sub] === 0x51) return accept.readUInt32BE(sub + 4);
      }
    }
  }
  return 0;
}

/** PS3.7 Table 9.3-1, in Implicit VR Little Endian. */
function storeRq(slice: Omit<CtSlice, 'dataset'>, messageId: number): Buffer {
  const elements = Buffer.concat([
    command(0x0002, uid(slice.sopClassUid)),
    command(0x0100, unsigned(0x0001)),
    command(0x0110, unsigned(messageId)),
    command(0x0700, unsigned(0)),
    command(0x0800, unsigned(0x0001)),
    command(0x1000, uid(slice.sopInstanceUid)),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(elements.length);
  return Buffer.concat([command(0x0000, length), elements]);
}

/** Status (0000,0900) of the response in one P-DATA-TF. */
function statusOf(answer: Buffer): number {
  if (answer[0] !== 0x04) throw new Error(`the object was answered with PDU type ${answer[0]}`);
  for (let at = 12; at + 8 <= answer.length; at += 8 + answer.readUInt32LE(at + 4)) {
    if (answer.readUInt16LE(at) === 0 && answer.readUInt16LE(at + 2) === 0x0900) return answer.readUInt16LE(at + 8);
  }
  throw new Error('the answer has no status');
}

function command(element: number, value: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}

/** PS3.8 §9.3.5 and §E.2: one presentation data value a PDU. Control: 1 command, 2 last fragment. */
function dataPdu(control: number, fragment: Buffer): Buffer {
  return Buffer.concat([dataHeader(control, fragment.length), fragment]);
}

function dataHeader(control: number, length: number): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x04;
  header.writeUInt32BE(length + 6, 2);
  header.writeUInt32BE(length + 2, 6);
  header[10] = CONTEXT;
  header[11] = control;
  return header;
}

function pdu(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(6);
  header[0] = type;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

function item(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header[0] = type;
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

function uid(text: string): Buffer {
  return Buffer.from(text.length % 2 === 0 ? text : `${text}\0`, 'latin1');
}

function unsigned(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
