import { describe, expect, it } from '@jest/globals';
import { closingOf, type Here, type Rule, ruleOf, type Told } from '../../../src/cases/closing.ts';
import { newCase } from '../../../src/cases/join.ts';
import type { CaseState, StudySummary } from '../../../src/model/case.ts';
import type { ClosingCount } from '../../../src/model/closing.ts';
import type { Specialty } from '../../../src/model/config.ts';

const QUIET = 1_000;
const LIMIT = 10_000;
const specialty = { name: 'CT', whole: { instances: 1, media: 0, forms: 0, quietMs: QUIET, limitMs: LIMIT } } as unknown as Specialty;
const STUDY = '1.2.3';
const keyOf = (value: string) => ({ kind: 'study', system: 'urn:dicom:uid', value }) as const;
const PATIENT = [{ system: 'HOSP', value: '4711' }];

const study = (instances: number, over: Partial<StudySummary> = {}): StudySummary => ({
  ...{ uid: STUDY, imagingStudy: 'ImagingStudy/1', series: 1, instances, modalities: ['CT'], lastReceived: 5_000 },
  ...over,
});
const caseWith = (studies: readonly StudySummary[]): CaseState => ({
  ...newCase('c'),
  ...{ studies, patientKeys: PATIENT, keys: [keyOf(STUDY), ...studies.map(({ uid }) => keyOf(uid))] },
});
const said = (over: Partial<ClosingCount>): ClosingCount => ({
  ...{
    kind: 'mpps',
    state: 'performed',
    keys: [keyOf(STUDY)],
    patient: PATIENT,
    at: new Date(4_000),
    named: 10,
    absent: 0,
    absentUids: [],
  },
  ...over,
});
const close = (instances: number, counts: readonly ClosingCount[], now: number, over: Partial<StudySummary> = {}) =>
  closingOf(caseWith(instances === 0 ? [] : [study(instances, over)]), specialty, counts, now);

const CELLS: readonly [Told, Here, Rule][] = (
  [
    ['nothing', ['quiet', 'quiet', 'quiet']],
    ['counted', ['wait', 'wait', 'now']],
    ['performing', ['wait', 'wait', 'wait']],
    ['performed', ['wait', 'wait', 'now']],
    ['discontinued', ['never', 'wait', 'quiet']],
    ['mistaken', ['never', 'never', 'never']],
  ] as const
).flatMap(([told, rules]) => (['none', 'some', 'all'] as const).map((here, at) => [told, here, rules[at] as Rule] as [Told, Here, Rule]));

/** Each row of the table as it is said; 10 instances are named. */
const SAYING: Readonly<Record<Told, (absent: number) => readonly ClosingCount[]>> = {
  nothing: () => [],
  counted: () => [],
  performing: (absent) => [said({ state: 'performing', absent })],
  performed: (absent) => [said({ absent })],
  discontinued: (absent) => [said({ state: 'discontinued', absent })],
  mistaken: (absent) => [said({ state: 'mistaken', absent })],
};
const HAVE: Readonly<Record<Here, number>> = { none: 0, some: 9, all: 10 };

describe('what closes a study', () => {
  it.each(CELLS)('%s, of which %s is here: %s', (told, here, rule) => {
    expect(ruleOf(told, here)).toBe(rule);
    if (here === 'none' && (told === 'counted' || told === 'nothing')) return;
    const at = (now: number) => close(HAVE[here], SAYING[told](10 - HAVE[here]), now, told === 'counted' ? { expected: 10 } : {});
    const [early, quiet, late] = [at(5_500), at(5_000 + QUIET), at(5_000 + LIMIT)];
    expect(early.missing === '').toBe(rule === 'now');
    expect(quiet.missing === '').toBe(rule === 'now' || rule === 'quiet');
    expect(late.missing === '').toBe(rule === 'now' || rule === 'quiet');
    expect(late.late).toBe(rule === 'wait');
    expect(early.wake === null).toBe(rule === 'now' || rule === 'never');
  });

  it('waits for the quiet time of its specialty, and says when to look again', () => {
    expect(close(3, [], 5_500)).toEqual({ missing: 'study: instances are still arriving', wake: 6_000, by: '', late: false });
    expect(close(3, [], 6_000)).toEqual({ missing: '', wake: null, by: 'quiet time', late: false });
    expect(close(0, [], 6_000)).toEqual({ missing: '', wake: null, by: '', late: false });
  });

  it('lists what is missing of what was said, until the limit counted from the last that came or was said', () => {
    const counts = [said({ absent: 4, absentUids: ['1.1', '1.2', '1.3'], at: new Date(7_000) })];
    const missing = 'study: 6 of 10 instances are here (1.1, 1.2, 1.3 …)';
    expect(close(6, counts, 16_999)).toEqual({ missing, wake: 17_000, by: '', late: false });
    expect(close(6, counts, 17_000)).toEqual({ missing, wake: null, by: '', late: true });
  });

  it('takes the modality before the PACS, and both before a number', () => {
    const ian = said({ kind: 'ian' });
    expect(close(10, [said({ state: 'performing' }), ian], 5_500).missing).toContain('still being performed');
    expect(close(10, [ian], 5_500, { expected: 12 })).toMatchObject({ missing: '', by: 'notification of availability' });
    expect(close(10, [said({}), said({ kind: 'ian', absent: 1 })], 5_500).missing).toContain('9 of 10');
  });

  it('goes on while one of several steps goes on, and by those that were completed where another was broken off', () => {
    expect(close(10, [said({}), said({ state: 'performing' })], 5_500).missing).toContain('still being performed');
    expect(close(10, [said({ state: 'discontinued', named: 2, absent: 2 }), said({})], 5_500).missing).toBe('');
    expect(close(10, [said({ state: 'mistaken' }), said({})], 5_500).missing).toBe('');
  });

  it('learns nothing from a step that is completed and names nothing', () => {
    expect(close(10, [said({ named: 0 })], 5_500).missing).toContain('still arriving');
  });

  it('learns nothing from commitment that is asked object by object, or for some of what is here', () => {
    expect(close(1, [said({ kind: 'commitment', named: 1 })], 5_500).missing).toContain('still arriving');
    expect(close(10, [said({ kind: 'commitment', named: 9 })], 5_500).missing).toContain('still arriving');
    expect(close(10, [said({ kind: 'commitment' })], 5_500)).toMatchObject({ missing: '', by: 'request for storage commitment' });
  });

  it('hears nothing of another patient, and of one that is not named only by the study', () => {
    const other = said({ state: 'discontinued', patient: [{ system: 'HOSP', value: '4712' }] });
    expect(close(10, [other], 6_000).by).toBe('quiet time');
    expect(close(10, [said({ kind: 'ian', patient: [] })], 5_500).missing).toBe('');
    expect(close(10, [said({ kind: 'ian', patient: [], keys: [keyOf('9.9')] })], 5_500).missing).toContain('still arriving');
  });

  it('waits for the study that is furthest behind', () => {
    const two = caseWith([study(10), study(3, { uid: '1.2.4' })]);
    expect(closingOf(two, specialty, [said({})], 5_500).missing).toBe('study: instances are still arriving');
    expect(closingOf(two, specialty, [said({})], 6_000)).toMatchObject({ missing: '', by: 'performed procedure step, quiet time' });
    const announced = [said({}), said({ state: 'performing', keys: [keyOf('1.2.5')] })];
    expect(closingOf(caseWith([study(10)]), specialty, announced, 6_000).missing).toContain('still being performed');
  });
});
