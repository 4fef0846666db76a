import { describe, expect, it } from '@jest/globals';
import { matchesKeys } from '../../../../src/protocols/dicom/attribute-match.ts';
import type { DicomJson, DicomJsonValue } from '../../../../src/protocols/dicom/header.ts';
import fc from '../../../support/properties.ts';

const matches = (vr: string, key: readonly DicomJsonValue[], value: readonly DicomJsonValue[]): boolean =>
  matchesKeys({ '00100010': { vr, Value: key } }, { '00100010': { vr, Value: value } });

describe('matching of attributes (PS3.4 §C.2.2.2)', () => {
  it.each([
    ['a single value', 'LO', ['HEAD'], ['HEAD'], true],
    ['a single value with regard to case', 'LO', ['head'], ['HEAD'], false],
    ['one of several values that are known', 'CS', ['MR'], ['CT', 'MR'], true],
    ['a list of UIDs', 'UI', ['1.2', '1.3'], ['1.3'], true],
    ['a UID that is not in the list', 'UI', ['1.2', '1.3'], ['1.4'], false],
    ['any sequence of characters', 'LO', ['H*D'], ['HEAD'], true],
    ['any one character', 'SH', ['A-?'], ['A-12'], false],
    ['wildcards that are none in a UID', 'UI', ['1.*'], ['1.2'], false],
    ['a star alone, also where nothing is known', 'LO', ['*'], [], true],
    ['nothing where something is asked for', 'LO', ['HEAD'], [], false],
    ['a name without regard to case and accents', 'PN', [{ Alphabetic: 'MULLER^*' }], [{ Alphabetic: 'Müller^Ada' }], true],
    ['a name by another group', 'PN', [{ Alphabetic: '山田*' }], [{ Alphabetic: 'Yamada', Ideographic: '山田^太郎' }], true],
    ['a date', 'DA', ['20260301'], ['20260301'], true],
    ['dates from', 'DA', ['20260301-'], ['20260228'], false],
    ['dates up to', 'DA', ['-20260301'], ['20260301'], true],
    ['dates between', 'DA', ['20260101-20261231'], ['20260301'], true],
    ['a time by its hour', 'TM', ['10'], ['101500'], true],
    ['times between', 'TM', ['0900-1030'], ['103059.5'], true],
    ['times past it', 'TM', ['0900-1030'], ['1031'], false],
    ['a date and time with an offset, which is no range', 'DT', ['20260301101500-0500'], ['20260301101500-0500'], true],
    ['a range of dates and times', 'DT', ['20260301-20260302'], ['20260302235959'], true],
    ['a number', 'IS', [2], [2], true],
  ] as const)('takes %s', (_, vr, key, value, expected) => {
    expect(matches(vr, key as never, value as never)).toBe(expected);
  });

  it('looks for one item of a sequence that matches every key', () => {
    const key = (aeTitle: string, modality: string): DicomJson => ({
      '00400100': { vr: 'SQ', Value: [{ '00400001': { vr: 'AE', Value: [aeTitle] }, '00080060': { vr: 'CS', Value: [modality] } }] },
    });
    const known: DicomJson = {
      '00400100': {
        vr: 'SQ',
        Value: [
          { '00400001': { vr: 'AE', Value: ['CT1'] }, '00080060': { vr: 'CS', Value: ['CT'] } },
          { '00400001': { vr: 'AE', Value: ['MR1'] }, '00080060': { vr: 'CS', Value: ['MR'] } },
        ],
      },
    };
    expect(matchesKeys(key('CT1', 'CT'), known)).toBe(true);
    expect(matchesKeys(key('CT1', 'MR'), known)).toBe(false);
    expect(matchesKeys({ '00400100': { vr: 'SQ', Value: [{ '00400001': { vr: 'AE' } }] } }, {})).toBe(true);
    expect(matchesKeys({ '00400100': { vr: 'SQ' } }, {})).toBe(true);
  });

  it('agrees with regular expressions on wildcards', () => {
    const text = fc.stringMatching(/^[ab]{0,8}$/);
    const pattern = fc.stringMatching(/^[ab*?]{1,8}$/).filter((one) => one !== '*');
    fc.assert(
      fc.property(
        pattern,
        text.filter((one) => one !== ''),
        (wanted, value) => {
          const expression = new RegExp(`^${wanted.replaceAll('*', '.*').replaceAll('?', '.')}$`);
          expect(matches('LO', [wanted], [value])).toBe(expression.test(value));
        },
      ),
    );
  });
});
