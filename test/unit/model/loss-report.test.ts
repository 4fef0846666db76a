import { describe, expect, it } from '@jest/globals';
import { countGaps, decodeLoss, encodeLoss, holdText, lossText } from '../../../src/model/loss-report.ts';
import type { Gap } from '../../../src/model/mapped.ts';
import { type Work, workOf } from '../../../src/model/work.ts';
import fc from '../../support/properties.ts';

const SET_ID: Gap = { path: 'OBX[2]-1', reason: 'counts the segments only', value: '2' };
const CODE: Gap = { path: 'OBX[2]-8[1].1', reason: 'code is not in HL7 Table 0078', value: 'QQ', table: 'HL7 Table 0078' };

function work(seq: number, gaps: readonly Gap[], type = 'ORM^O01'): Work {
  return { ...workOf({ seq, peer: 'ris', type } as Work['entry']), gaps };
}

describe('a loss report', () => {
  it('is read back as it was written, whatever it says', () => {
    const text = fc.string({ unit: 'grapheme' });
    const gap = fc.record(
      { path: text, reason: text, value: text, table: text.filter((one) => one !== '') },
      { requiredKeys: ['path', 'reason'] },
    );
    const byPath = (a: Gap, b: Gap) => JSON.stringify(a).localeCompare(JSON.stringify(b));
    fc.assert(
      fc.property(fc.array(gap), (gaps) => {
        expect(decodeLoss(encodeLoss(gaps)).sort(byPath)).toEqual([...gaps].sort(byPath));
      }),
    );
  });

  it('says a reason once', () => {
    const gaps = Array.from({ length: 10 }, (_, n) => ({ ...SET_ID, path: `OBX[${n + 1}]-1` }));
    expect(encodeLoss(gaps).toString().split(SET_ID.reason)).toHaveLength(2);
  });

  it('is told in a sentence without its values', () => {
    expect([lossText([]), lossText([SET_ID]), lossText([SET_ID, SET_ID, CODE])]).toEqual([
      '',
      'not carried: 1 value',
      'not carried: 2 values, 1 unknown code',
    ]);
  });
});

describe('a message is held', () => {
  it('where its peer says so and a code is not known, and the sentence names no value', () => {
    expect(holdText({ gaps: 'pass' }, [CODE])).toBe('');
    expect(holdText({ gaps: 'hold' }, [SET_ID])).toBe('');
    expect(holdText({ gaps: 'hold' }, [SET_ID, CODE])).toBe('1 unknown code: OBX[2]-8[1].1 (HL7 Table 0078); nothing of it was written');
    expect(holdText({ gaps: 'hold' }, Array(7).fill(CODE))).toMatch(/^7 unknown codes: .* and 2 more; /);
  });
});

describe('counting', () => {
  it('takes repetitions together, and values apart only where they are codes', () => {
    const counts = countGaps([
      work(7, [SET_ID, { ...SET_ID, path: 'OBX[3]-1', value: '3' }, CODE]),
      work(9, [
        { ...CODE, path: 'OBX-8.1' },
        { ...CODE, value: 'RR' },
      ]),
      work(8, [SET_ID], 'ORU^R01'),
    ]);
    expect(counts.map(({ type, path, code, times, seq }) => [type, path, code, times, seq])).toEqual([
      ['ORM^O01', 'OBX-1', '', 2, 7],
      ['ORM^O01', 'OBX-8.1', 'QQ', 2, 9],
      ['ORM^O01', 'OBX-8.1', 'RR', 1, 9],
      ['ORU^R01', 'OBX-1', '', 1, 8],
    ]);
  });

  it('has what may be a code, and of what may be a text only how often: it is of one patient', () => {
    const long = 'Q'.repeat(200);
    const codes = [`${long}1`, `${long}2`, 'a\0', 'a\uFFFD', 'a\uD800', 'A1', 'A1'];
    const counts = countGaps([
      work(
        1,
        codes.map((value) => ({ ...CODE, value })),
      ),
    ]);
    expect(counts.map(({ code, times }) => [code, times])).toEqual([
      ['(text)', 5],
      ['A1', 2],
    ]);
  });
});
