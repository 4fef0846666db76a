import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import {
  buildMessage,
  type Delimiters,
  escapeText,
  STANDARD_DELIMITERS,
  segment,
  unescapeText,
} from '../../../../src/protocols/hl7v2/escape.ts';
import { parseMessage, type Segment } from '../../../../src/protocols/hl7v2/message.ts';
import fc from '../../../support/properties.ts';

const HEADER = segment('MSH', { 3: 'WAY', 18: 'UNICODE UTF-8' });
const OWN: Delimiters = { field: '$', component: '*', repetition: '!', escape: '%', subcomponent: '@', truncation: '#' };

/** Text with everything that could hurt: delimiters, escape characters, line ends, controls, other scripts. */
const text = fc
  .string({
    unit: fc.oneof(fc.constantFrom(...'|^~\\&#$*!%@\n\t\v\u001cXE. "'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
  })
  .filter((one) => !one.includes('\r') && one.isWellFormed());

function written(name: string, fields: Parameters<typeof segment>[1], delimiters = STANDARD_DELIMITERS): Segment {
  const message = parseMessage(buildMessage([HEADER, segment(name, fields)], delimiters));
  if (isFailure(message)) throw new Error(message.detail);
  expect(message.gaps).toEqual([]);
  expect(message.segments).toHaveLength(2);
  return message.segments[1] as Segment;
}

describe('writing and reading a message', () => {
  it.each([
    ['the standard delimiters', STANDARD_DELIMITERS],
    ['others', OWN],
  ])('gives the same text back in %s', (_name, delimiters) => {
    fc.assert(
      fc.property(text, text, text, (one, two, three) => {
        const read = written('OBX', { 3: [one, [two, three]], 5: { repetitions: [three, one] } }, delimiters);
        expect([read.get(3), read.get(3, 2), read.get(3, 2, 1, 2)]).toEqual([one, two, three]);
        expect([read.text(5, 1), read.text(5, 2)]).toEqual([three, one]);
      }),
    );
  });

  it('writes a field it has read as a tree', () => {
    const first = written('PID', { 3: { repetitions: [['77', '', '', ['HO|SP', '1.2', 'ISO'], 'MR'], ['8^8']] } });
    const again = written('PID', { 3: { repetitions: first.tree(3) } }, OWN);
    expect(again.tree(3)).toEqual(first.tree(3));
  });

  it('never lets a text end the segment or the frame', () => {
    const bytes = buildMessage([HEADER, segment('OBX', { 5: 'a\r\nPID|1\u001c\r\u000bMSH|' })]);
    expect(bytes.toString()).toBe('MSH|^~\\&|WAY|||||||||||||||UNICODE UTF-8\rOBX|||||a\\.br\\PID\\F\\1\\X1C\\\\.br\\\\X0B\\MSH\\F\\\r');
  });
});

describe('escape sequences', () => {
  it.each([
    ['\\F\\\\S\\\\T\\\\R\\\\E\\', '|^&~\\'],
    ['\\H\\bold\\N\\ plain', 'bold plain'],
    ['a\\.br\\b\\.sp2\\c\\.sk 3\\d\\.in+4\\e', 'a\nb\n\nc   de'],
    ['\\X41\\\\X4243\\', 'ABC'],
    ['\\Z01\\kept', '\\Z01\\kept'],
    ['C:\\temp\\F\\x', 'C:\\temp|x'],
    ['lone \\ end', 'lone \\ end'],
    ['\\X4\\odd', '\\X4\\odd'],
    ['\\P\\ before 2.7', '\\P\\ before 2.7'],
  ])('%j reads %j', (raw, decoded) => {
    expect(unescapeText(raw, STANDARD_DELIMITERS, 'UNICODE UTF-8')).toBe(decoded);
  });

  it('escapes the truncation character where the message has one', () => {
    expect(escapeText('#1', STANDARD_DELIMITERS)).toBe('#1');
    expect(escapeText('#1', { ...STANDARD_DELIMITERS, truncation: '#' })).toBe('\\P\\1');
  });
});
