import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { COMMAND, decodeCommand, encodeCommand, RESPONSE, responseTo } from '../../../../src/protocols/dicom/command.ts';
import { CommandAssembler } from '../../../../src/protocols/dicom/command-assembler.ts';
import fc from '../../../support/properties.ts';

const STORE = {
  field: COMMAND.cStoreRq,
  messageId: 7,
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '1.2.3',
  hasDataset: true,
};

/** PS3.7 Table 9.3-1 by hand: a C-STORE-RQ in Implicit VR Little Endian. */
const STORE_BYTES = Buffer.concat([
  Buffer.from('000000000400000058000000', 'hex'), // group length 88
  Buffer.from('000002001a000000', 'hex'),
  Buffer.from('1.2.840.10008.5.1.4.1.1.2\0'),
  Buffer.from('00000001020000000100', 'hex'), // command field
  Buffer.from('00001001020000000700', 'hex'), // message id
  Buffer.from('00000007020000000000', 'hex'), // priority
  Buffer.from('00000008020000000000', 'hex'), // a dataset follows
  Buffer.from('0000001006000000', 'hex'),
  Buffer.from('1.2.3\0'),
]);

describe('command sets', () => {
  it('writes a C-STORE-RQ as PS3.7 Table 9.3-1 lays it out', () => {
    expect(encodeCommand(STORE).toString('hex')).toBe(STORE_BYTES.toString('hex'));
  });

  it('reads it back', () => {
    expect(decodeCommand(STORE_BYTES)).toEqual(STORE);
  });

  it('answers with the ids of the request, and says that no dataset follows', () => {
    const answer = decodeCommand(encodeCommand(responseTo(STORE, 0xa700, 'no room')));
    expect(answer).toEqual({ ...STORE, field: COMMAND.cStoreRq | RESPONSE, hasDataset: false, status: 0xa700 });
  });

  it('knows which message a C-CANCEL-RQ means', () => {
    const bytes = Buffer.from('0000000102000000ff0f0000200102000000090000000008020000000101', 'hex');
    expect(decodeCommand(bytes)).toMatchObject({ field: COMMAND.cCancelRq, messageId: 9, hasDataset: false });
  });

  it('names the instance of an N-ACTION as Requested, and counts sub-operations in ascending tags', () => {
    const action = { ...STORE, field: COMMAND.nActionRq, actionTypeId: 1 };
    expect(encodeCommand(action).subarray(12, 16).toString('hex')).toBe('00000300');
    expect(decodeCommand(encodeCommand(action))).toEqual(action);
    const counts = { remaining: 3, completed: 2, failed: 1, warnings: 0 };
    const pending = { ...STORE, field: COMMAND.cMoveRq | RESPONSE, status: 0xff00, ...counts };
    expect(decodeCommand(encodeCommand(pending))).toEqual(pending);
  });

  it('names the attributes of an N-GET, and answers without them', () => {
    const get = { ...STORE, field: COMMAND.nGetRq, hasDataset: false, attributes: ['00400252', '00100010'] };
    expect(encodeCommand(get).toString('hex')).toContain('0000051008000000' + '40005202' + '10001000');
    expect(decodeCommand(encodeCommand(get))).toEqual(get);
    expect(responseTo(get, 0)).not.toHaveProperty('attributes');
  });

  it('answers a C-MOVE without its destination', () => {
    const move = { ...STORE, field: COMMAND.cMoveRq, sopInstanceUid: '', moveDestination: 'PACS' };
    expect(decodeCommand(encodeCommand(move))).toEqual(move);
    expect(responseTo(move, 0)).not.toHaveProperty('moveDestination');
  });

  it.each([
    ['nothing', ''],
    ['an element of another group', '080016000200000031'],
    ['an element longer than the command', '000000010400000001'],
    ['no message id', '0000000102000000010000000008020000000000'],
    ['a command field of four bytes', '0000000104000000010000000000100102000000070000000008020000000000'],
  ])('calls %s a failure', (_, hex) => {
    expect(isFailure(decodeCommand(Buffer.from(hex, 'hex')))).toBe(true);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeCommand(Buffer.from(bytes))));
  });
});

describe('the command assembler', () => {
  it('puts fragments together, and starts afresh after each command', () => {
    const assembler = new CommandAssembler();
    for (let turn = 0; turn < 2; turn++) {
      for (let at = 0; at < STORE_BYTES.length - 1; at++) expect(assembler.push(pdv(1, at, at + 1, false))).toBeNull();
      expect(assembler.push(pdv(1, STORE_BYTES.length - 1, STORE_BYTES.length, true))).toEqual(STORE);
    }
  });

  it('refuses a command on two presentation contexts', () => {
    const assembler = new CommandAssembler();
    assembler.push(pdv(1, 0, 10, false));
    expect(assembler.push(pdv(3, 10, STORE_BYTES.length, true))).toMatchObject({ failure: true, code: 'malformed' });
  });

  it('refuses a command without end, in large pieces and in empty ones', () => {
    for (const fragment of [Buffer.alloc(4096), Buffer.alloc(0)]) {
      const assembler = new CommandAssembler();
      const answers = Array.from({ length: 1100 }, () => assembler.push({ context: 1, command: true, last: false, fragment }));
      expect(answers.find((answer) => answer !== null)).toMatchObject({ failure: true, code: 'too-large' });
    }
  });
});

function pdv(context: number, from: number, to: number, last: boolean) {
  return { context, command: true, last, fragment: STORE_BYTES.subarray(from, to) };
}
