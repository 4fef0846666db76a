import { describe, expect, it } from '@jest/globals';
import type { Attachment, Observation } from '@medplum/fhirtypes';
import { flagsField, rangeField, valueFields } from '../../../../src/return/hl7v2/observation-fields.ts';

const observation = (more: Partial<Observation>): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  ...more,
});
const original = (text: string) => [{ url: 'http://hl7.org/fhir/StructureDefinition/originalText', valueString: text }];
const mm = { unit: 'mm', system: 'http://unitsofmeasure.org', code: 'mm' };
const file = (valueAttachment: Attachment) => ({
  url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment',
  valueAttachment,
});
const UNIT = ['mm', 'mm', 'UCUM'];

describe('the value of an observation', () => {
  it.each([
    ['a number', { valueQuantity: { value: 4.2, ...mm } }, { type: 'NM', value: '4.2', unit: UNIT }],
    [
      'a number as it was written',
      { valueQuantity: { value: 4.2, extension: original('4.20'), ...mm } },
      { type: 'NM', value: '4.20', unit: UNIT },
    ],
    [
      'a number that was changed since',
      { valueQuantity: { value: 5, extension: original('4.20'), ...mm } },
      { type: 'NM', value: '5', unit: UNIT },
    ],
    ['a number below', { valueQuantity: { value: 10, comparator: '<', ...mm } }, { type: 'SN', value: ['<', '10'], unit: UNIT }],
    [
      'a range',
      { valueRange: { low: { value: 1, ...mm }, high: { value: 2, ...mm } } },
      { type: 'SN', value: ['', '1', '-', '2'], unit: UNIT },
    ],
    [
      'a titre',
      { valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } } },
      { type: 'SN', value: ['', '1', ':', '128'], unit: [''] },
    ],
    [
      'a ratio as it was written',
      { valueRatio: { extension: original('1 / 2'), numerator: { value: 1 }, denominator: { value: 2 } } },
      { type: 'SN', value: ['', '1', '/', '2'], unit: [''] },
    ],
    ['a whole number', { valueInteger: 3 }, { type: 'NM', value: '3' }],
    ['a time', { valueDateTime: '2026-03-02T09:00:00+01:00' }, { type: 'TS', value: '20260302090000+0100' }],
    ['a date', { valueDateTime: '2026-03-02' }, { type: 'DT', value: '20260302' }],
    ['a time of day', { valueTime: '08:15:00' }, { type: 'TM', value: '081500' }],
    ['a period', { valuePeriod: { start: '2026-03-01', end: '2026-03-02' } }, { type: 'DR', value: ['20260301', '20260302'] }],
    ['yes', { valueBoolean: true }, { type: 'CE', value: ['Y', '', 'HL70136'] }],
    ['a time to a part of a second', { valueDateTime: '2026-03-02T09:00:00.12345Z' }, { type: 'TS', value: '20260302090000.1234+0000' }],
    [
      'a number that equals',
      { valueQuantity: { value: 5.4, extension: original('= 5.40'), ...mm } },
      { type: 'SN', value: ['=', '5.40'], unit: UNIT },
    ],
    [
      'an array',
      { valueSampledData: { origin: { value: 0, ...mm }, period: 1, dimensions: 2, data: '1 2.50 3 E' } },
      {
        type: 'NA',
        value: {
          repetitions: [
            ['1', '2.50'],
            ['3', ''],
          ],
        },
        unit: UNIT,
      },
    ],
    [
      'a file',
      { extension: [file({ contentType: 'image/jpeg', data: '/9j/4A==' })] },
      { type: 'ED', value: { repetitions: [['', 'image', 'jpeg', 'Base64', '/9j/4A==']] } },
    ],
    [
      'a file elsewhere',
      { extension: [file({ contentType: 'application/pdf', url: 'https://north.example/1.pdf' })] },
      { type: 'RP', value: { repetitions: [['https://north.example/1.pdf', '', 'application', 'pdf']] } },
    ],
    ['a word', { valueString: 'none' }, { type: 'ST', value: 'none' }],
    ['a text', { valueString: 'one\ntwo' }, { type: 'FT', value: 'one\ntwo' }],
    ['nothing, and why', { dataAbsentReason: { text: 'not done' } }, { type: 'FT', value: 'not done' }],
  ] as [string, Partial<Observation>, object][])('that is %s', (_what, value, fields) => {
    expect(valueFields(observation(value), '2.5.1')).toEqual(fields);
  });

  it('is written as the version does', () => {
    expect(valueFields(observation({ valueCodeableConcept: { text: 'small' } }), '2.6').type).toBe('CE');
    expect(valueFields(observation({ valueCodeableConcept: { text: 'small' } }), '2.7').type).toBe('CWE');
    expect(valueFields(observation({ valueDateTime: '2026-03-02T09:00:00Z' }), '2.8').type).toBe('DTM');
  });

  it('is repeated where there are several under its code, and told in words where its parts have codes of their own', () => {
    const part = (text: string, value: number) => ({ code: { text }, valueQuantity: { value, ...mm } });
    expect(valueFields(observation({ component: [part('x', 1), part('x', 2)] }), '2.5.1')).toEqual({
      type: 'NM',
      value: { repetitions: ['1', '2'] },
      unit: UNIT,
    });
    expect(valueFields(observation({ component: [part('length', 1), part('width', 2)] }), '2.5.1')).toEqual({
      type: 'FT',
      value: 'length 1 mm; width 2 mm',
    });
  });
});

describe('what stands beside it', () => {
  it.each([
    [{ low: { value: 3.5 }, high: { value: 4.5 } }, '3.5-4.5'],
    [{ low: { value: 3.5 } }, '>3.5'],
    [{ high: { value: 4.5 } }, '<4.5'],
    [{ text: 'negative' }, 'negative'],
    [{}, ''],
  ])('the range %j is %s', (range, text) => {
    expect(rangeField(observation({ referenceRange: [range] }))).toBe(text);
    expect(rangeField(observation({}))).toBe('');
  });

  it('every interpretation', () => {
    const coded = (code: string) => ({ coding: [{ code }] });
    expect(flagsField(observation({ interpretation: [coded('H'), coded('A')] }))).toEqual({ repetitions: ['H', 'A'] });
    expect(flagsField(observation({ interpretation: [coded('H')] }))).toBe('H');
    expect(flagsField(observation({ interpretation: [{ text: 'see text' }] }))).toBe('see text');
    expect(flagsField(observation({}))).toBe('');
  });
});
