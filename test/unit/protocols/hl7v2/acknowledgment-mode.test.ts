import { describe, expect, it } from '@jest/globals';
import type { FailureCode } from '../../../../src/model/failure.ts';
import { acceptCode, isAnswered, isApplicationAnswered, modeOf } from '../../../../src/protocols/hl7v2/acknowledgment-mode.ts';
import { type Header, isRefusal, readHeader } from '../../../../src/protocols/hl7v2/header.ts';

function header(accept: string, application: string): Header {
  const read = readHeader(Buffer.from(`MSH|^~\\&|A|B|C|D|||ORM^O01|1|P|2.5.1|||${accept}|${application}\r`));
  if (isRefusal(read)) throw new Error(read.failure.detail);
  return read;
}

describe('MSH-15 and MSH-16', () => {
  it.each([
    // MSH-15, MSH-16, mode; answered at once when taken, when refused; application acknowledgment after success, after failure
    ['', '', 'original', true, true, false, false],
    ['AL', '', 'enhanced', true, true, false, false],
    ['AL', 'NE', 'enhanced', true, true, false, false],
    ['AL', 'AL', 'enhanced', true, true, true, true],
    ['NE', 'AL', 'enhanced', false, false, true, true],
    ['', 'AL', 'enhanced', false, false, true, true],
    ['ER', 'NE', 'enhanced', false, true, false, false],
    ['SU', 'ER', 'enhanced', true, false, false, true],
    ['ER', 'SU', 'enhanced', false, true, true, false],
    ['NE', 'NE', 'enhanced', false, false, false, false],
    ['UNICODE UTF-8', '', 'original', true, true, false, false],
    ['yes', 'AL', 'enhanced', true, true, true, true],
  ])('%s and %s: %s mode', (accept, application, kind, taken, refused, succeeded, failed) => {
    const mode = modeOf(header(accept, application), false);
    expect(mode.kind).toBe(kind);
    expect([isAnswered(mode, true), isAnswered(mode, false)]).toEqual([taken, refused]);
    expect([isApplicationAnswered(mode, true), isApplicationAnswered(mode, false)]).toEqual([succeeded, failed]);
  });

  it('are of no account for a sender that fills them by habit, and where there is no header', () => {
    expect(modeOf(header('NE', 'NE'), true)).toEqual({ kind: 'original' });
    expect(modeOf(null, false)).toEqual({ kind: 'original' });
  });
});

describe('MSA-1 of what is answered at once', () => {
  const enhanced = modeOf(header('AL', 'AL'), false);
  const original = modeOf(header('', ''), false);

  it.each<[FailureCode | null, string, string]>([
    [null, 'AA', 'CA'],
    ['required-field', 'AE', 'CE'],
    ['segment-sequence', 'AE', 'CE'],
    ['forbidden', 'AE', 'CE'],
    ['unsupported-type', 'AR', 'CR'],
    ['unsupported-event', 'AR', 'CR'],
    ['unsupported-processing-id', 'AR', 'CR'],
    ['unsupported-version', 'AR', 'CR'],
    ['duplicate-control-id', 'AR', 'CE'],
    ['out-of-resources', 'AR', 'CE'],
  ])('for %s is %s, enhanced %s', (code, plain, accept) => {
    expect([acceptCode(original, code), acceptCode(enhanced, code)]).toEqual([plain, accept]);
  });
});
