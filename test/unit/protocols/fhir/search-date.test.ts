import { describe, expect, it } from '@jest/globals';
import { dateRange, elementRange } from '../../../../src/protocols/fhir/search-date.ts';
import fc from '../../../support/properties.ts';

const at = (text: string) => new Date(text).getTime();

describe('a date', () => {
  it.each([
    ['2026', '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['2024-02', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['2026-05-01T10:20', '2026-05-01T10:20:00Z', '2026-05-01T10:21:00Z'],
    ['2026-05-01T10:20:30Z', '2026-05-01T10:20:30Z', '2026-05-01T10:20:31Z'],
    ['2026-05-01T00:30:00+02:00', '2026-04-30T22:30:00Z', '2026-04-30T22:30:01Z'],
    ['2026-12-31T23:59:59.999-05:30', '2027-01-01T05:29:59.999Z', '2027-01-01T05:30:00Z'],
  ])('%s is as wide as it is precise', (text, from, to) => {
    expect(dateRange(text)).toEqual({ from: at(from), to: at(to) });
  });

  it.each(['', '26', '2026-13', '2026-00', '2023-02-29', '2026-05-01T24:00', '2026-05-01T10', '2026-5-1', 'x2026', '2026-05-01 10:20'])(
    '%s is none',
    (text) => expect(dateRange(text)).toBeNull(),
  );

  it('of any instant holds that instant and nothing else', () => {
    const instants = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-30'), noInvalidDate: true });
    fc.assert(
      fc.property(instants, (moment) => {
        expect(dateRange(moment.toISOString())).toEqual({ from: moment.getTime(), to: moment.getTime() + 1 });
      }),
    );
  });
});

describe('a period', () => {
  it('reaches from its first to its last moment', () => {
    expect(elementRange({ start: '2026-01', end: '2026-02-03' })).toEqual({
      from: at('2026-01-01T00:00:00Z'),
      to: at('2026-02-04T00:00:00Z'),
    });
  });

  it('with an open end goes as far as dates go', () => {
    expect(elementRange({ start: '2026' })?.to).toBeGreaterThan(at('9999-01-01T00:00:00Z'));
    expect(elementRange({ end: '2026' })?.from).toBeLessThan(at('0002-01-01T00:00:00Z'));
    expect(elementRange({})).toBeNull();
  });
});
