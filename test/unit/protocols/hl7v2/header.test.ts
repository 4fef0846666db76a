import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Header, isRefusal, readFields, readHeader, readSegments } from '../../../../src/protocols/hl7v2/header.ts';
import { parseMessage } from '../../../../src/protocols/hl7v2/message.ts';
import fc from '../../../support/properties.ts';

const MSH = 'MSH|^~\\&|ORDERS^1.2.3^ISO|NORTH|WAYSTATION|HUB|20260314092653||ORM^O01^ORM_O01|N-1|P^T|2.5.1^DEU||||||8859/1';

function header(text: string): Header {
  const read = readHeader(Buffer.from(text, 'latin1'));
  if (isRefusal(read)) throw new Error(read.failure.detail);
  return read;
}

function refusalOf(text: string): string {
  const read = readHeader(Buffer.from(text, 'latin1'));
  return isRefusal(read) ? `${read.failure.code} ${read.location?.segment}-${read.location?.field}` : 'read';
}

function namesOf(text: string): string[] {
  return readSegments(Buffer.from(text, 'latin1'), header(text)).map((place) => place.name);
}

describe('the header of a message', () => {
  it('gives the fields of MSH by their number', () => {
    expect(header(`${MSH}\rPID|1`)).toMatchObject({
      sendingApplication: 'ORDERS',
      sendingFacility: 'NORTH',
      code: 'ORM',
      trigger: 'O01',
      controlId: 'N-1',
      processingId: 'P',
      version: '2.5.1',
    });
    expect(header(MSH).fields[18]).toBe('8859/1');
  });

  it('takes the universal id of an HD without namespace', () => {
    expect(header('MSH|^~\\&|^1.2.3^ISO|').sendingApplication).toBe('1.2.3');
  });

  it.each([
    ['a byte order mark', `\xef\xbb\xbf${MSH}\r`],
    ['blank lines', `\r\n ${MSH}\r`],
    ['LF as segment end', `${MSH}\nPID|1\n`],
    ['CRLF as segment end', `${MSH}\r\nPID|1\r\n`],
    ['no segment end at all', MSH],
  ])('is read with %s', (_, text) => {
    expect(header(text).controlId).toBe('N-1');
  });

  it('is read in the delimiters it brings', () => {
    expect(header('MSH$*%!?$APP$FAC$$$$$ORM*O01$N-2$P$2.3\r')).toMatchObject({ code: 'ORM', trigger: 'O01', controlId: 'N-2' });
  });

  it.each([
    ['HELLO WORLD', 'malformed MSH-0'],
    ['', 'malformed MSH-0'],
    ['FHS|^~\\&|', 'malformed MSH-0'],
    ['MSH', 'invalid MSH-2'],
    ['MSHA^~\\&A', 'invalid MSH-2'],
    ['MSH|^~\\\\&|twice the same', 'invalid MSH-2'],
    [`MSH|^~\\&|${'x'.repeat(251)}|`, 'invalid MSH-3'],
    ['MSH|^~\\&|a|b|c|d|e|f|ORM^O01|N\0|P|2.5', 'invalid MSH-10'],
    [`MSH|^~\\&|a|b|c|d|e|f|ORM^O01|${'1'.repeat(3000)}|P|2.5`, 'invalid MSH-10'],
    [`MSH|^~\\&|a|b|c|d|e|${'x'.repeat(20_000)}`, 'invalid MSH-0'],
  ])('%.20s … is refused', (text, refusal) => {
    expect(refusalOf(text)).toBe(refusal);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, begun) => {
        const bytes = begun ? Buffer.concat([Buffer.from('MSH|^~\\&|'), noise]) : Buffer.from(noise);
        const read = readHeader(bytes);
        if (!isRefusal(read)) readSegments(bytes, read);
      }),
    );
  });
});

describe('the segments of a message', () => {
  it('are found behind CR, LF and CRLF, and blank lines between them', () => {
    expect(namesOf(`${MSH}\rPID|1\nPV1|1\r\n\r\nZDS|1\r  ORC|NW`)).toEqual(['PID', 'PV1', 'ZDS', 'ORC']);
  });

  it('do not count lines that begin with no segment name', () => {
    expect(namesOf(`${MSH}\rNTE|1||first\nPIDs are patients\nand more|\rOBX|1`)).toEqual(['NTE', 'OBX']);
  });

  it('give their fields as they stand', () => {
    const bytes = Buffer.from(`${MSH}\rPID|1||4711^^^A~4712|rest|more\r`, 'latin1');
    const read = header(bytes.toString('latin1'));
    const [pid] = readSegments(bytes, read);
    expect(pid && readFields(bytes, pid, read, 3)).toEqual(['PID', '1', '', '4711^^^A~4712']);
  });

  it('stand where the tree of message.ts has them', () => {
    const line = fc.oneof(
      fc.constantFrom('PID|1||4711', 'ORC|NW', 'OBR', 'PIDX|', 'pid|1', '', ' ', 'Z9A|', 'text', ' OBX|1', '\tNTE|2'),
      fc.string({ maxLength: 6, unit: fc.constantFrom('|', 'P', 'I', 'D', '^', '~', '\\', '&', ' ', '1') }),
    );
    const lines = fc.array(fc.tuple(line, fc.constantFrom('\r', '\n', '\r\n')), { maxLength: 15 });
    fc.assert(
      fc.property(lines, (ended) => {
        const text = `${MSH}\r${ended.map(([content, end]) => content + end).join('')}`;
        const tree = parseMessage(Buffer.from(text));
        expect('segments' in tree && tree.segments.slice(1).map((one) => one.name)).toEqual(namesOf(text));
      }),
    );
  });

  it('of a fixture are those it was written with', () => {
    expect(namesOf(readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7', 'latin1'))).toEqual(['PID', 'PV1', 'ORC', 'OBR']);
  });
});
