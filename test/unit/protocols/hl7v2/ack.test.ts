import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { FailureCode } from '../../../../src/model/failure.ts';
import { ackCodeOf, buildAck, parseAck, shortControlId } from '../../../../src/protocols/hl7v2/ack.ts';
import { type Header, isRefusal, readHeader, refusal } from '../../../../src/protocols/hl7v2/header.ts';

const ORDER = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7', 'latin1');
const STAMP = { now: new Date('2026-03-14T08:26:53.589Z'), controlId: '0195930f1c2d7abc8def' };

function header(text: string): Header {
  const read = readHeader(Buffer.from(text, 'latin1'));
  if (isRefusal(read)) throw new Error(read.failure.detail);
  return read;
}

function answer(text: string, refused: Parameters<typeof buildAck>[1] = null): string[] {
  return buildAck(header(text), refused, STAMP).toString('latin1').split('\r');
}

const version = (text: string): string => ORDER.replace('|P|2.5.1|', `|P|${text}|`);
const NO_PATIENT_ID = refusal('required-field', 'PID-3 is empty', 'PID', 3);

describe('an acknowledgment', () => {
  it('turns sender and receiver round and echoes control id, mode, version and character set', () => {
    expect(answer(ORDER)).toEqual([
      'MSH|^~\\&|WAYSTATION|HUB|ORDERS|NORTH|20260314082653+0000||ACK^O01^ACK|0195930f1c2d7abc8def|P|2.5.1||||||UNICODE UTF-8',
      'MSA|AA|N-1001',
      '',
    ]);
  });

  it('says what was wrong and where in ERR', () => {
    expect(answer(ORDER, NO_PATIENT_ID).slice(1)).toEqual([
      'MSA|AE|N-1001',
      'ERR||PID^1^3|101^Required field missing^HL70357|E||||Required field missing',
      '',
    ]);
  });

  it('names a segment as a whole', () => {
    expect(answer(ORDER, refusal('segment-sequence', '', 'OBR', 0, 2))[2]).toBe(
      'ERR||OBR^2|100^Segment sequence error^HL70357|E||||Segment sequence error',
    );
  });

  it.each(['2.1', '2.2', '2.3', '2.3.1', '2.4'])('is written in the words of version %s', (old) => {
    const [msh, msa, err] = answer(version(old), NO_PATIENT_ID);
    expect(msh?.split('|')[8]).toBe(old < '2.3.1' ? 'ACK' : 'ACK^O01^ACK');
    expect(msa).toBe('MSA|AE|N-1001|Required field missing');
    expect(err).toBe('ERR|PID^1^3^101&Required field missing&HL70357');
  });

  it('before v2.5 leaves out the field of a segment as a whole', () => {
    expect(answer(version('2.4'), refusal('segment-sequence', '', 'OBR', 0, 2))[2]).toBe('ERR|OBR^2^^100&Segment sequence error&HL70357');
  });

  it('to an unknown version is of v2.5.1', () => {
    expect(answer(version('9.9'), refusal('unsupported-version', '', 'MSH', 12))).toEqual([
      expect.stringContaining('|P|2.5.1|'),
      'MSA|AR|N-1001',
      'ERR||MSH^1^12|203^Unsupported version id^HL70357|E||||Unsupported version id',
      '',
    ]);
  });

  it('uses the delimiters of the sender', () => {
    expect(answer('MSH$*%!?$APP$FAC$RAPP$RFAC$$$ORM*O01$N-2$P$2.5\r', NO_PATIENT_ID)).toEqual([
      'MSH$*%!?$RAPP$RFAC$APP$FAC$20260314082653+0000$$ACK*O01*ACK$0195930f1c2d7abc8def$P$2.5',
      'MSA$AE$N-2',
      'ERR$$PID*1*3$101*Required field missing*HL70357$E$$$$Required field missing',
      '',
    ]);
  });

  it('gives the bytes of the sender back in any character set', () => {
    const bytes = buildAck(header('MSH|^~\\&|\xd6RTE|\xe4\xf6|||||ORM^O01|\xc3\xbc-1|P|2.3||||||8859/1\r'), null, STAMP);
    expect(bytes.toString('latin1')).toMatch(/\|\xd6RTE\|\xe4\xf6\|.*\|8859\/1\rMSA\|AA\|\xc3\xbc-1\r$/);
  });

  it('answers what has no header without one', () => {
    expect(
      buildAck(null, refusal('malformed', '', 'MSH', 0), STAMP)
        .toString('latin1')
        .split('\r'),
    ).toEqual([
      'MSH|^~\\&|WAYSTATION||||20260314082653+0000||ACK|0195930f1c2d7abc8def|P|2.5.1',
      'MSA|AE|',
      'ERR||MSH^1|100^Segment sequence error^HL70357|E||||Segment sequence error',
      '',
    ]);
  });

  it('never tells the detail', () => {
    expect(answer(ORDER, refusal('internal', 'a secret', 'MSH', 0)).join()).not.toContain('secret');
  });
});

describe('MSA-1', () => {
  it.each<[FailureCode, string]>([
    ['malformed', 'AE'],
    ['segment-sequence', 'AE'],
    ['required-field', 'AE'],
    ['invalid', 'AE'],
    ['forbidden', 'AE'],
    ['too-large', 'AE'],
    ['unsupported-type', 'AR'],
    ['unsupported-event', 'AR'],
    ['unsupported-processing-id', 'AR'],
    ['unsupported-version', 'AR'],
    ['duplicate-control-id', 'AR'],
    ['out-of-resources', 'AR'],
    ['internal', 'AR'],
  ])('for %s is %s', (code, expected) => {
    expect(ackCodeOf(code)).toBe(expected);
  });
});

describe('the control id of an answer', () => {
  it('has at most the 20 characters that every version allows', () => {
    expect(shortControlId('0195930f-1c2d-7abc-8def-0123456789ab')).toBe('0195930f1c2d7abc8def');
  });
});

describe('reading an acknowledgment', () => {
  const read = (text: string): unknown => parseAck(Buffer.from(text, 'latin1'));

  it('gives code, control id and errors of what is written here', () => {
    const bytes = buildAck(header(ORDER), NO_PATIENT_ID, STAMP);
    expect(parseAck(bytes)).toEqual({ code: 'AE', controlId: 'N-1001', errors: ['101'] });
    expect(parseAck(buildAck(header(version('2.3')), NO_PATIENT_ID, STAMP))).toEqual({ code: 'AE', controlId: 'N-1001', errors: ['101'] });
  });

  it('gives every error of it', () => {
    const answered = 'MSH|^~\\&|\rMSA|AR|7|||| 207^Error\nERR||PID^1^3|101\nERR|||200^type^HL70357\n';
    expect(read(answered.replace(' 207', '207'))).toEqual({ code: 'AR', controlId: '7', errors: ['101', '200', '207'] });
  });

  it.each(['HELLO', 'MSH|^~\\&|\rPID|1', 'MSH|^~\\&|\rMSA|OK|7', 'MSH|^~\\&|\rMSA||7'])('%j is none', (text) => {
    expect(read(text)).toMatchObject({ failure: true, code: 'malformed' });
  });
});
