import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Message } from 'node-hl7-client';
import { isFailure } from '../../../../src/model/failure.ts';
import { type Hl7Message, parseMessage } from '../../../../src/protocols/hl7v2/message.ts';
import fc from '../../../support/properties.ts';

const CORPUS = '../shared/corpora/hl7v2';

function parsed(bytes: string | Buffer): Hl7Message {
  const message = parseMessage(Buffer.from(bytes as string));
  if (isFailure(message)) throw new Error(message.detail);
  return message;
}

const ORDER = [
  'MSH|^~\\&|RIS|HOSP|WAY|TELE|20260301120000||ORM^O01^ORM_O01|C1|P|2.5.1',
  'PID|1||77^^^HOSP&1.2.3&ISO^MR~88^^^NAT||Berg\\T\\Tal^Ida|""',
  'OBX|1|TX|A^B||first~second ^ cut\\.br\\end',
  'OBX|2|ST|C||x',
].join('\r');

describe('the message tree', () => {
  it('numbers MSH as the standard does', () => {
    const msh = parsed(ORDER).segments[0];
    expect([1, 2, 3, 4, 9, 10, 12].map((field) => msh?.get(field))).toEqual(['|', '^~\\&', 'RIS', 'HOSP', 'ORM', 'C1', '2.5.1']);
    expect(msh?.get(9, 2)).toBe('O01');
    expect(msh?.text(9)).toBe('ORM^O01^ORM_O01');
  });

  it('reads components, repetitions and subcomponents, decoded', () => {
    const pid = parsed(ORDER).first('PID');
    expect(pid?.position).toBe(2);
    expect(pid?.repetitions(3)).toBe(2);
    expect(pid?.get(3, 4, 1, 2)).toBe('1.2.3');
    expect(pid?.get(3, 4, 2)).toBe('NAT');
    expect(pid?.get(5)).toBe('Berg&Tal');
    expect(pid?.raw(5)).toBe('Berg\\T\\Tal^Ida');
    expect(pid?.tree(3)).toEqual([
      [['77'], [''], [''], ['HOSP', '1.2.3', 'ISO'], ['MR']],
      [['88'], [''], [''], ['NAT']],
    ]);
  });

  it('tells delete from absent', () => {
    const pid = parsed(ORDER).first('PID');
    expect(pid?.get(6)).toBe('""');
    expect(pid?.get(7)).toBe('');
    expect(pid?.get(99, 3)).toBe('');
    expect(pid?.repetitions(99)).toBe(0);
  });

  it('gives text whole where senders forget to escape', () => {
    const [first] = parsed(ORDER).all('OBX');
    expect(first?.text(5, 1)).toBe('first');
    expect(first?.text(5, 2)).toBe('second ^ cut\nend');
  });

  it.each([['\r'], ['\n'], ['\r\n'], ['\r\r\n']])('takes %j as the end of a segment', (end) => {
    expect(parsed(ORDER.replaceAll('\r', end)).segments.map((one) => one.name)).toEqual(['MSH', 'PID', 'OBX', 'OBX']);
  });

  it('reads messages in delimiters of their own', () => {
    const message = parsed('MSH$*!%@$A$B\rPID$1$$7***X@1.2@ISO!8$$a%S%b|c');
    expect(message.delimiters).toMatchObject({ field: '$', component: '*', repetition: '!', escape: '%', subcomponent: '@' });
    expect(message.first('PID')?.get(3, 4, 1, 2)).toBe('1.2');
    expect(message.first('PID')?.get(5)).toBe('a*b|c');
  });

  it('skips a byte order mark and blank lines', () => {
    expect(parsed(`\uFEFF\r\n${ORDER.replace('\r', '\r\n \r\n')}`).segments).toHaveLength(4);
  });

  it('reads a line without a segment name as the rest of the segment before', () => {
    const message = parsed('MSH|^~\\&|A\rNTE|1||first line\nsecond line\rPID|1');
    expect(message.first('NTE')?.text(3)).toBe('first line\nsecond line');
    expect(message.segments.map((one) => one.name)).toEqual(['MSH', 'NTE', 'PID']);
    expect(message.gaps).toHaveLength(1);
  });

  it.each([['HELLO WORLD'], [''], ['MSH'], ['MSHX^~\\&|A'], ['MSH|^^~\\&|A'], ['MSH|ABCD|A'], ['PID|1\rMSH|^~\\&|A']])(
    'calls %j malformed',
    (text) => {
      expect(parseMessage(Buffer.from(text))).toMatchObject({ failure: true, code: 'malformed' });
    },
  );

  it('agrees with node-hl7-client on every first component of the corpora', () => {
    if (!existsSync(CORPUS)) {
      console.warn(`skipped: ${CORPUS} is not here`);
      return;
    }
    const messages = corpusFiles().map((file) => readFileSync(file));
    const unreadable = messages.filter((bytes) => isFailure(parseMessage(bytes)));
    // One file of the corpora doubles the escape character in MSH-2.
    expect(unreadable.map((bytes) => bytes.toString('latin1', 0, 10))).toEqual(['MSH|^~\\\\&|']);
    for (const bytes of messages) if (!unreadable.includes(bytes)) compareWithOtherReader(bytes);
  });
});

describe('any bytes after a header', () => {
  const noise = fc.array(fc.oneof(fc.constantFrom(...'|^~\\&\r\n', 'PID|', 'OBX|1|'), fc.string({ unit: 'binary', maxLength: 8 })), {
    maxLength: 60,
  });

  it('are read without an error, every value, and the same again', () => {
    fc.assert(
      fc.property(noise, fc.constantFrom('', '8859/1', 'UNICODE UTF-8', '~ISO IR87', 'BIG-5', 'nobody knows'), (parts, charset) => {
        const bytes = Buffer.from(`MSH|^~\\&|A|B${'|'.repeat(14)}${charset}\r${parts.join('')}`);
        const [message, again] = [parsed(bytes), parsed(bytes)];
        for (const [index, one] of message.segments.entries()) {
          for (let field = 1; field <= one.length; field++) {
            for (let at = 1; at <= one.repetitions(field); at++) expect(again.segments[index]?.text(field, at)).toBe(one.text(field, at));
          }
        }
      }),
    );
  });
});

describe('the character set of a message', () => {
  const named = (charset: string, name: Buffer): Hl7Message =>
    parsed(Buffer.concat([Buffer.from(`MSH|^~\\&|A|B${'|'.repeat(14)}${charset}\rPID|1||||`), name]));

  it.each([
    ['UNICODE UTF-8', Buffer.from('Åse Łęcka'), 'Åse Łęcka'],
    ['', Buffer.from('Åse Łęcka'), 'Åse Łęcka'],
    ['8859/1', Buffer.from('Åse', 'latin1'), 'Åse'],
    ['8859/2', Buffer.from([0xa3, 0xea]), 'Łę'],
    ['8859/5', Buffer.from([0xb8, 0xd2]), 'Ив'],
    ['8859/15', Buffer.from([0xa4]), '€'],
    ['GB 18030-2000', Buffer.from([0x81, 0x7c]), '亅'],
    ['8859/1~UNICODE UTF-8', Buffer.from('Åse', 'latin1'), 'Åse'],
  ])('%j is what names are read in', (charset, bytes, text) => {
    const message = named(charset, bytes);
    expect(message.first('PID')?.get(5)).toBe(text);
    expect(message.gaps).toEqual([]);
  });

  it.each([[''], ['UNICODE UTF-8'], ['ASCII']])('%j with bytes that are no UTF-8 is read as Latin-1, and listed', (charset) => {
    const message = named(charset, Buffer.from('Åse', 'latin1'));
    expect(message.first('PID')?.get(5)).toBe('Åse');
    expect(message.gaps).toMatchObject([{ path: 'MSH-18' }]);
  });

  it('lists a character set it does not know', () => {
    const message = named('EBCDIC', Buffer.from('Åse'));
    expect(message.first('PID')?.get(5)).toBe('Åse');
    expect(message.gaps).toMatchObject([{ path: 'MSH-18' }]);
  });

  it('reads hexadecimal escapes in the same set', () => {
    expect(named('8859/1', Buffer.from('\\XC5\\se')).first('PID')?.get(5)).toBe('Åse');
    expect(named('UNICODE UTF-8', Buffer.from('\\XC385\\se')).first('PID')?.get(5)).toBe('Åse');
  });
});

function corpusFiles(): string[] {
  return readdirSync(CORPUS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.hl7'))
    .map((name) => join(CORPUS, name));
}

/** The other reader's value of each field's first component, where it has one and no escape tells the two apart. */
function compareWithOtherReader(bytes: Buffer): void {
  const message = parsed(bytes);
  if (message.gaps.length > 0) return;
  const text = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim()
    .split(/[\r\n]+/)
    .map((line) => line.trimStart())
    .join('\r');
  const other = new Message({ text });
  for (const name of new Set(message.segments.map((one) => one.name))) {
    if (name === 'MSH') continue;
    const mine = message.first(name);
    for (let field = 1; field <= (mine?.length ?? 0); field++) {
      if (mine?.raw(field).includes(message.delimiters.escape)) continue;
      const theirs = other.get(`${name}.${field}.1`);
      const value = theirs.isEmpty() ? '' : theirs.toString().trim();
      if (mine?.raw(field).split(/[~^]/)[0]?.includes('&')) continue;
      expect(`${name}-${field}: ${mine?.get(field).trim()}`).toBe(`${name}-${field}: ${value}`);
    }
  }
}
