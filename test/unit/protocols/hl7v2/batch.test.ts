import { describe, expect, it, jest } from '@jest/globals';
import { buildBatchAck, isBatch, MAX_BATCH_MESSAGES, splitBatch } from '../../../../src/protocols/hl7v2/batch.ts';
import fc from '../../../support/properties.ts';

const STAMP = { now: new Date('2026-03-14T08:26:53Z'), controlId: '0195930f1c2d7abc8def' };
const FILE = 'FHS|^~\\&|RIS|NORTH|WAY|HUB|20260314||file-1||F-7\r';
const HEAD = 'BHS|^~\\&|RIS|NORTH|WAY|HUB|20260314||orders||B-9\r';
const message = (id: string): string => `MSH|^~\\&|RIS|NORTH|||||ORM^O01|${id}|P|2.5\rPID|1||${id}\r`;
const split = (text: string) => splitBatch(Buffer.from(text, 'latin1'));
const texts = (text: string) => split(text)?.batches.map(({ messages }) => messages.map(String));

describe('a batch', () => {
  it('is cut into its messages, each as it stands', () => {
    expect(texts(`${HEAD}${message('1')}${message('2')}BTS|2\r`)).toEqual([[message('1'), message('2')]]);
    expect(texts(`${FILE}${HEAD}${message('1')}BTS|1\r${HEAD}${message('2')}BTS|1\rFTS|2\r`)).toEqual([[message('1')], [message('2')]]);
    expect(texts(`${FILE}${message('1')}FTS|1\r`)).toEqual([[message('1')]]);
    expect(texts(`${HEAD}${message('1')}`)).toEqual([[message('1')]]);
    expect(texts(`\ufeff\r\n${HEAD}${message('1')}`.replace('\ufeff', '\xef\xbb\xbf'))).toEqual([[message('1')]]);
  });

  it('is known by how it begins', () => {
    expect([HEAD, FILE, `\n ${HEAD}`].map((text) => isBatch(Buffer.from(text)))).toEqual([true, true, true]);
    expect([message('1'), 'BHSX', 'FHS', ''].map((text) => isBatch(Buffer.from(text)))).toEqual([false, false, false, false]);
  });

  it('without messages is none, nor with more than anybody means', () => {
    expect(split(`${HEAD}BTS|0\r`)).toBeNull();
    expect(split(`${HEAD}${'MSH|\r'.repeat(MAX_BATCH_MESSAGES + 1)}`)).toBeNull();
    expect(split(`${'BHS|\r'.repeat(4 * MAX_BATCH_MESSAGES)}${message('1')}`)).toBeNull();
  });

  it('is read once, however long it is and whichever end its lines have', () => {
    for (const end of ['\r', '\n']) {
      const bytes = Buffer.from(`${HEAD}${message('1')}${'NTE|1\r'.repeat(100)}`.replaceAll('\r', end));
      const search = jest.spyOn(bytes, 'indexOf');
      splitBatch(bytes);
      const vain = search.mock.results.filter(({ value }) => value === -1);
      expect(vain).toHaveLength(1);
    }
  });

  it('gives every byte of its messages back, however lines end and whatever is in them', () => {
    const content = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n\u0100-\u{10ffff}]/gu, '.'));
    const one = fc.tuple(content, fc.constantFrom('\r', '\n', '\r\n')).map(([text, end]) => `MSH|^~\\&|${text}${end}NTE|1||${text}${end}`);
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 9 }), fc.boolean(), (messages, whole) => {
        expect(
          split(`${HEAD}${messages.join('')}${whole ? 'BTS|1\r' : ''}`)?.batches[0]?.messages.map((bytes) => bytes.toString('latin1')),
        ).toEqual(messages);
      }),
    );
  });

  it('never fails on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom(HEAD, FILE, ''), (bytes, head) => {
        const any = Buffer.concat([Buffer.from(head), bytes]);
        isBatch(any);
        splitBatch(any);
      }),
    );
  });
});

describe('the answer to a batch', () => {
  const answer = (text: string, answers: string[][]) =>
    buildBatchAck(
      split(text) as never,
      answers.map((group) => group.map((one) => Buffer.from(one))),
      STAMP,
    )
      .toString('latin1')
      .split('\r');

  it('is a batch of answers that names the batch it answers', () => {
    expect(answer(`${HEAD}${message('1')}${message('2')}BTS|2\r`, [['MSH|a\r', 'MSH|b\r']])).toEqual([
      'BHS|^~\\&|WAY|HUB|RIS|NORTH|20260314082653+0000||orders||0195930f1c2d7abc8def|B-9',
      'MSH|a',
      'MSH|b',
      'BTS|2',
      '',
    ]);
  });

  it('is a file where a file came, with a batch for each', () => {
    const came = `${FILE}${HEAD}${message('1')}BTS|1\r${HEAD}${message('2')}BTS|1\rFTS|2\r`;
    expect(answer(came, [['MSH|a\r'], ['MSH|b\r']]).map((line) => line.slice(0, 5))).toEqual([
      'FHS|^',
      'BHS|^',
      'MSH|a',
      'BTS|1',
      'BHS|^',
      'MSH|b',
      'BTS|1',
      'FTS|2',
      '',
    ]);
    expect(answer(came, [[], []])[0]).toContain('|file-1||0195930f1c2d7abc8def|F-7');
  });

  it('leaves out what is not answered, and says where the count is another', () => {
    expect(answer(`${HEAD}${message('1')}BTS|3\r`, [['']]).slice(1)).toEqual(['BTS|0|1 messages came, BTS-1 says 3', '']);
  });
});
