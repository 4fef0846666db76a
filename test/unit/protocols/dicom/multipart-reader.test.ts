import { describe, expect, it } from '@jest/globals';
import { multipartReader } from '../../../../src/protocols/dicom/multipart-reader.ts';
import fc from '../../../support/properties.ts';

type Part = { headers: Record<string, string>; body: string };

describe('a multipart body', () => {
  it.each([
    [
      'one part',
      '--b\r\nContent-Type: application/dicom\r\n\r\nbody\r\n--b--',
      [{ headers: { 'content-type': 'application/dicom' }, body: 'body' }],
    ],
    [
      'a preamble, an epilogue and spaces',
      'hello\r\n--b  \r\nA: 1\r\nB: 2\r\n\r\nx\r\n--b--\r\nbye',
      [{ headers: { a: '1', b: '2' }, body: 'x' }],
    ],
    ['a part without headers', '--b\r\n\r\nx\r\n--b--', [{ headers: {}, body: 'x' }]],
    ['an empty part', '--b\r\nA: 1\r\n\r\n\r\n--b--', [{ headers: { a: '1' }, body: '' }]],
    [
      'what is nearly a boundary',
      '--b\r\n\r\n\r\n--a\r\n-\r\n--b\r\n\r\ny\r\n--b--',
      [
        { headers: {}, body: '\r\n--a\r\n-' },
        { headers: {}, body: 'y' },
      ],
    ],
  ])('has %s, however it is cut', (_, text, parts) => {
    for (let size = 1; size <= text.length; size++) expect(read(text, size)).toEqual({ parts, whole: true });
  });

  it.each([
    ['is cut in its body', '--b\r\n\r\nx'],
    ['has no last boundary', '--b\r\n\r\nx\r\n--b\r\n'],
    ['has something else behind a boundary', '--bc\r\n\r\nx\r\n--b--'],
    ['has endless headers', `--b\r\nA: ${'x'.repeat(20_000)}`],
    ['is empty', ''],
  ])('is not whole when it %s', (_, text) => {
    expect(read(text, 7).whole).toBe(false);
  });

  it.each(['', 'x'.repeat(201)])('cannot have the boundary %p', (boundary) => {
    expect(multipartReader(boundary)).toBeNull();
  });

  it('gives every part with its bytes', () => {
    const body = fc
      .string({ unit: fc.constantFrom('\r', '\n', '-', 'b', 'x'), maxLength: 30 })
      .filter((text) => !`\r\n${text}\r\n`.includes('\r\n--b'));
    fc.assert(
      fc.property(fc.array(body, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 20 }), (bodies, size) => {
        const text = `${bodies.map((one) => `--b\r\nA: 1\r\n\r\n${one}\r\n`).join('')}--b--`;
        expect(read(text, size).parts.map((part) => part.body)).toEqual(bodies);
      }),
    );
  });
});

function read(text: string, size: number): { parts: Part[]; whole: boolean } {
  const reader = multipartReader('b');
  if (!reader) throw new Error('no reader');
  const parts: Part[] = [];
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += size) {
    for (const event of reader.push(bytes.subarray(at, at + size))) {
      if (event.kind === 'part') parts.push({ headers: Object.fromEntries(event.headers), body: '' });
      if (event.kind === 'bytes') (parts.at(-1) as Part).body += event.bytes.toString('latin1');
    }
  }
  return { parts, whole: reader.isWhole() };
}
