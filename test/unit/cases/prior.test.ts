import { describe, expect, it } from '@jest/globals';
import { newCase } from '../../../src/cases/join.ts';
import { priorOrder, waitsForPriors } from '../../../src/cases/prior.ts';
import type { CaseState } from '../../../src/model/case.ts';
import type { PriorRule } from '../../../src/model/config.ts';

const RULE: PriorRule = { from: 'pacs', most: 3, years: 5, sameModality: true, waitMs: 0 };
const AUTHORITY = { name: 'HOSP', system: 'urn:waystation:authority:HOSP' };
const NOW = new Date('2026-03-02T08:00:00Z');
const READY: CaseState = {
  ...newCase('c'),
  serviceRequest: 'ServiceRequest/1',
  patientKeys: [
    { system: AUTHORITY.system, value: 'P1' },
    { system: 'urn:waystation:authority:OTHER', value: 'X9' },
  ],
  hints: ['modality:CT', 'service:RAD'],
  route: { destination: 'readers', kind: 'pull', group: 'readers', why: '' },
};
const PRIORS = { from: 'pacs', until: 1_000, done: false, uids: [], imagingStudies: [] };
const asked = (over: Partial<CaseState>, rule: Partial<PriorRule> = {}) =>
  priorOrder({ ...READY, ...over }, { ...RULE, ...rule }, AUTHORITY, NOW);
const study = (...modalities: string[]) => ({
  uid: '1.2',
  imagingStudy: 'ImagingStudy/1',
  series: 1,
  instances: 1,
  modalities,
  lastReceived: 0,
});

describe('priors of a case', () => {
  it('are asked for by the number that the PACS gives, the modality and the age', () => {
    expect(asked({})).toEqual({
      ...{ caseId: 'c', from: 'pacs', patient: { id: 'P1', authority: 'HOSP' }, modalities: ['CT'], since: '20210302', most: 3 },
    });
  });

  it('take the modality from the images as well, and leave out what is no image', () => {
    expect(asked({ hints: [], studies: [study('MR', 'SR', 'PR')] })?.modalities).toEqual(['MR']);
    expect(asked({ hints: [], studies: [study('SR')] })).toBeNull();
    expect(asked({ hints: [] }, { sameModality: false })?.modalities).toEqual([]);
  });

  it('wait for the order, the patient and the modality', () => {
    expect(asked({ serviceRequest: '' })).toBeNull();
    expect(asked({ patientKeys: [{ system: '', value: 'P1' }] })).toBeNull();
    expect(asked({ hints: [] })).toBeNull();
  });

  it('are not asked for where two numbers of one authority could be meant', () => {
    expect(asked({ patientKeys: [...READY.patientKeys, { system: AUTHORITY.system, value: 'P2' }] })).toBeNull();
  });

  it('are asked for once, while somebody may still read the case here', () => {
    expect(asked({ priors: PRIORS })).toBeNull();
    for (const phase of ['reported', 'closed', 'cancelled'] as const) expect(asked({ phase })).toBeNull();
    expect(asked({ phase: 'claimed' })).not.toBeNull();
    expect(asked({ route: null })).toBeNull();
    expect(asked({ route: { destination: 'north', kind: 'push', group: '', why: '' } })).toBeNull();
  });

  it('hold up a case no longer than the rule says', () => {
    expect(waitsForPriors({}, 0)).toBe(false);
    expect(waitsForPriors({ priors: PRIORS }, 999)).toBe(true);
    expect(waitsForPriors({ priors: PRIORS }, 1_000)).toBe(false);
    expect(waitsForPriors({ priors: { ...PRIORS, done: true } }, 0)).toBe(false);
  });
});
