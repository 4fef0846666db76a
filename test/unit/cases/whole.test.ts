import { describe, expect, it } from '@jest/globals';
import { newCase } from '../../../src/cases/join.ts';
import { releasedAtOnce, specialtyOf, wholeness } from '../../../src/cases/whole.ts';
import type { CaseState } from '../../../src/model/case.ts';
import type { Specialty } from '../../../src/model/config.ts';

const specialty = (name: string, over: Partial<Specialty> = {}): Specialty => ({
  name,
  title: name,
  practice: { system: '', code: '', display: '' },
  report: { system: '', code: '', display: '' },
  match: [`modality:${name}`],
  whole: { instances: 1, media: 0, forms: 0, quietMs: 1000, limitMs: 10_000 },
  releaseAtOnce: ['stat'],
  ...over,
});
const study = (instances: number, lastReceived: number) => ({
  uid: '1.2',
  imagingStudy: 'ImagingStudy/1',
  series: 1,
  instances,
  modalities: ['CT'],
  lastReceived,
});
const state = (over: Partial<CaseState>): CaseState => ({ ...newCase('c'), ...over });

describe('is the package whole', () => {
  it('lists everything that is missing', () => {
    const derm = specialty('derm', { whole: { instances: 0, media: 3, forms: 1, quietMs: 0, limitMs: 0 } });
    expect(wholeness(state({ members: ['Media/1'] }), derm, 0).missing).toEqual([
      'order',
      'media: 1 of at least 3',
      'forms: 0 of at least 1',
    ]);
  });

  it('is whole when order and images are there and nothing came for the quiet time', () => {
    const whole = wholeness(state({ serviceRequest: 'ServiceRequest/1', studies: [study(3, 1000)] }), specialty('CT'), 2000);
    expect(whole).toEqual({ missing: [], wake: null, by: 'quiet time', late: false });
  });

  it('waits while instances arrive, and says when to look again', () => {
    const whole = wholeness(state({ serviceRequest: 'ServiceRequest/1', studies: [study(3, 1500)] }), specialty('CT'), 2000);
    expect(whole).toMatchObject({ missing: ['study: instances are still arriving'], wake: 2500 });
  });

  it('lets a stat order go at once, a routine one not', () => {
    expect(releasedAtOnce(state({ serviceRequest: 'ServiceRequest/1', priority: 'stat' }), specialty('CT'))).toBe(true);
    expect(releasedAtOnce(state({ serviceRequest: 'ServiceRequest/1' }), specialty('CT'))).toBe(false);
    expect(releasedAtOnce(state({ priority: 'stat' }), specialty('CT'))).toBe(false);
  });

  it('chooses the first specialty that has a hint of the case, else the fallback', () => {
    const all = [specialty('CT'), specialty('OP')];
    expect(specialtyOf(state({ hints: ['modality:OP'] }), all, 'CT').name).toBe('OP');
    expect(specialtyOf(state({}), all, 'CT').name).toBe('CT');
    expect(() => specialtyOf(state({}), all, 'none')).toThrow('none');
  });
});
