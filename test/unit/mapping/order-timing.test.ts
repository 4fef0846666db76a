import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadValidator, type Validate } from '../../../src/protocols/fhir/resource-validator.ts';
import { mapBytes } from './fixtures.ts';

type Request = Record<string, unknown>;
type Read = { readonly request: Request; readonly gaps: string[] };

let validate: Validate;
beforeAll(() => {
  validate = loadValidator();
});

/** The ServiceRequest of an order with these segments, which must be valid, and the gaps of its timing. */
function read({ orc7 = '', obr5 = '', obr6 = '', obr27 = '', tq1 = '' }: Record<string, string>): Read {
  const obr = ['OBR', '1', '', '', 'CT', obr5, obr6, ...Array(20).fill(''), obr27].join('|');
  const lines = ['MSH|^~\\&|A|B|||20260302||ORM^O01|1|P|2.5', 'PID|||1', `ORC|NW|P1|||||${orc7}`, ...(tq1 ? [`TQ1||${tq1}`] : []), obr];
  const { resources, gaps } = mapBytes(Buffer.from(lines.join('\r')));
  const request = resources.find(({ resource }) => resource.resourceType === 'ServiceRequest')?.resource as never as Request;
  expect(validate({ status: 'unknown', ...JSON.parse(JSON.stringify(request)) } as never)).toEqual([]);
  return {
    request,
    gaps: gaps.filter(({ path }) => /^(TQ1|ORC-7|OBR-(5|6|27))/.test(path)).map(({ path, reason }) => `${path}: ${reason}`),
  };
}

describe('the priority of an order', () => {
  it.each([
    [{ tq1: '|||||||S' }, 'stat', undefined],
    [{ tq1: '|||||||A', orc7: '^^^^^S' }, 'asap', undefined],
    [{ orc7: '^^^^^S', obr5: 'R' }, 'stat', undefined],
    [{ obr27: '^^^^^R~^^^^^S' }, 'stat', undefined],
    [{ obr5: 'R' }, 'routine', undefined],
    [{ tq1: '|||||||TH4^within four hours^HL70485' }, 'urgent', 'TH4'],
    [{ tq1: '|||||||PRN' }, 'routine', 'PRN'],
    [{ tq1: '|||||||QUICK' }, 'urgent', 'QUICK'],
  ])('of %j is %s', (said, priority, original) => {
    const { request } = read(said);
    expect(request.priority).toBe(priority);
    expect(JSON.stringify(request._priority)?.match(/"code":"(\w+)"/)?.[1]).toBe(original);
  });

  it('lists a code that the table does not have, and who says another', () => {
    expect(read({ tq1: '|||||||QUICK', obr5: 'R' }).gaps).toEqual([
      'TQ1-9: code is not in HL7 Table 0485',
      'OBR-5: is not taken: TQ1-9 says another priority',
    ]);
    expect(read({ tq1: '|||||||S' }).gaps).toEqual([]);
  });
});

describe('the time of an order', () => {
  it.each([
    ['a start', { obr6: '20260302083000' }, { occurrenceDateTime: '2026-03-02T08:30:00+01:00' }],
    ['a day', { orc7: '^^^20260302' }, { occurrenceDateTime: '2026-03-02' }],
    ['a start and an end', { tq1: '|||||20260302|20260304' }, { occurrencePeriod: { start: '2026-03-02', end: '2026-03-04' } }],
    ['an end', { obr27: '^^^^20260304' }, { occurrencePeriod: { end: '2026-03-04' } }],
    ['a start and how long', { tq1: '||||2^d|20260302' }, { occurrencePeriod: { start: '2026-03-02', end: '2026-03-04' } }],
    [
      'an end and how long',
      { tq1: '||||90^min||202603020900' },
      { occurrencePeriod: { start: '2026-03-02T07:30:00+01:00', end: '2026-03-02T09:00:00+01:00' } },
    ],
    ['a pattern', { tq1: '|BID' }, { occurrenceTiming: { code: { coding: [{ system: expect.stringContaining('GTS'), code: 'BID' }] } } }],
    [
      'an interval',
      { tq1: '|Q6H|||||||||||3' },
      { occurrenceTiming: { repeat: { frequency: 1, period: 6, periodUnit: 'h', count: 3, countMax: 3 } } },
    ],
    ['days of the week', { tq1: '|^DW^1^3' }, { occurrenceTiming: { repeat: { dayOfWeek: ['mon', 'tue', 'wed'] } } }],
    ['half an hour before a meal', { tq1: '|^^^^^^^AC^30^min' }, { occurrenceTiming: { repeat: { when: ['AC'], offset: 30 } } }],
    ['times of the day', { orc7: '2^QD&0800,2000^^20260302' }, { occurrenceTiming: { repeat: { timeOfDay: ['08:00:00', '20:00:00'] } } }],
    ['how long each', { tq1: '|||||||||||15^min' }, { occurrenceTiming: { repeat: { duration: 15, durationUnit: 'min' } } }],
    ['how many and on which condition', { tq1: '3^films||||||||if fever|ring twice' }, { asNeededCodeableConcept: { text: 'if fever' } }],
  ])('as %s', (_, said, expected) => {
    expect(read(said as Record<string, string>).request).toMatchObject(expected);
  });

  it('goes on where an end is before its start, an offset has no event, a unit is no time', () => {
    expect(read({ tq1: '|||||20260304|20260302' })).toMatchObject({
      request: { occurrenceDateTime: '2026-03-04' },
      gaps: ['TQ1-3: the end is before the start'],
    });
    expect(read({ tq1: '|BID||10^min' }).gaps).toEqual(['TQ1-3: an offset without the event it is from']);
    expect(read({ tq1: '||||3^films' }).gaps).toEqual(['TQ1-6: is no number of a unit of time']);
    expect(read({ tq1: '|^^^^^^^ICM' }).gaps).toEqual(['TQ1-3.8: code is not in HL7 Table 0528']);
  });

  it('takes the first place that says one, and lists the others unless they say the same', () => {
    const { request, gaps } = read({ orc7: '^^^20260302', obr27: '^^^20260302', obr6: '20260303' });
    expect(request.occurrenceDateTime).toBe('2026-03-02');
    expect(gaps.map((gap) => gap.split(':')[0])).toEqual(['OBR-6']);
  });
});
