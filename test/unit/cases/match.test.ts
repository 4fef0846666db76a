import { describe, expect, it } from '@jest/globals';
import { absorbCase, joinPart, newCase } from '../../../src/cases/join.ts';
import { matchPart, patientsAgree } from '../../../src/cases/match.ts';
import type { CasePart, CaseState } from '../../../src/model/case.ts';

const patient = (value: string) => [{ system: 'urn:waystation:authority:A', value }];
const part = (over: Partial<CasePart>): CasePart => ({
  kind: 'order',
  keys: [],
  patient: patient('P1'),
  control: 'NW',
  production: true,
  priority: 'routine',
  hints: [],
  serviceRequest: 'ServiceRequest/1',
  subject: 'Patient/1',
  members: [],
  study: null,
  ...over,
});
const study = { uid: '1.2', imagingStudy: 'ImagingStudy/1', series: 1, instances: 3, modalities: ['CT'], lastReceived: 5 };
const entry = { peer: 'ris', kind: 'hl7v2', seq: 7, group: '' } as const;
const withOrder = (id: string, over: Partial<CaseState> = {}): CaseState => ({
  ...joinPart(newCase(id), part({}), entry),
  ...over,
});
const withImages = (id: string): CaseState =>
  joinPart(newCase(id), part({ kind: 'images', serviceRequest: '', control: '', study }), { peer: 'ct', kind: 'dicom', seq: 8, group: '' });

describe('which case a part is for', () => {
  it('opens a case of its own when nobody has its keys', () => {
    expect(matchPart(part({}), [])).toEqual({ kind: 'none', disagree: [], beside: [] });
  });

  it('joins images to the order that waits for them', () => {
    const match = matchPart(part({ kind: 'images', serviceRequest: '', study }), [withOrder('a')]);
    expect(match).toEqual({ kind: 'exact', cases: ['a'], absorb: [] });
  });

  it('joins an order to the images that came first', () => {
    expect(matchPart(part({}), [withImages('b')])).toEqual({ kind: 'exact', cases: ['b'], absorb: [] });
  });

  it('lets a case of images go up into the case of its order when a part names both', () => {
    const match = matchPart(part({ kind: 'images', serviceRequest: '', study }), [withImages('b'), withOrder('c')]);
    expect(match).toEqual({ kind: 'exact', cases: ['c'], absorb: ['b'] });
  });

  it('gives one study to every order that names it', () => {
    const match = matchPart(part({ kind: 'images', serviceRequest: '', study }), [
      withOrder('d', { serviceRequest: 'ServiceRequest/2' }),
      withOrder('c'),
    ]);
    expect(match).toEqual({ kind: 'exact', cases: ['c', 'd'], absorb: [] });
  });

  it('joins a result to the orders it names, and opens nothing for one of no order', () => {
    const result = part({ kind: 'result', serviceRequest: '', control: '' });
    expect(matchPart(result, [withImages('b'), withOrder('a')])).toEqual({ kind: 'exact', cases: ['a'], absorb: [] });
    expect(matchPart(result, [withOrder('a', { phase: 'closed' })])).toEqual({ kind: 'exact', cases: ['a'], absorb: [] });
    expect(matchPart(result, [withImages('b')])).toEqual({ kind: 'exact', cases: ['b'], absorb: [] });
    expect(matchPart(result, [])).toEqual({ kind: 'nowhere', disagree: [] });
    expect(matchPart(part({ ...result, patient: patient('P2') }), [withOrder('a')])).toEqual({ kind: 'nowhere', disagree: ['a'] });
  });

  it('opens a case of its own for another order that names a key of this one', () => {
    expect(matchPart(part({ serviceRequest: 'ServiceRequest/2' }), [withOrder('a')])).toEqual({
      kind: 'none',
      disagree: [],
      beside: ['a'],
    });
  });

  it('joins an order that comes again to its own case', () => {
    expect(matchPart(part({ control: 'XO' }), [withOrder('a'), withOrder('b', { serviceRequest: 'ServiceRequest/2' })])).toEqual({
      kind: 'exact',
      cases: ['a'],
      absorb: [],
    });
  });

  it('never joins by a key when the patients are two', () => {
    const match = matchPart(part({ patient: patient('P2') }), [withOrder('a')]);
    expect(match).toEqual({ kind: 'none', disagree: ['a'], beside: [] });
  });

  it('passes over a case that is cancelled or closed while another waits', () => {
    const images = part({ kind: 'images', serviceRequest: '', study });
    const over = withOrder('a', { phase: 'cancelled' });
    expect(matchPart(images, [over, withOrder('b', { phase: 'closed' }), withOrder('c')])).toEqual({
      kind: 'exact',
      cases: ['c'],
      absorb: [],
    });
    expect(matchPart(images, [withOrder('b', { phase: 'closed' })])).toEqual({ kind: 'exact', cases: ['b'], absorb: [] });
  });

  it('takes a missing patient identifier for no agreement', () => {
    expect(patientsAgree([], patient('P1'))).toBe(false);
    expect(patientsAgree([], [])).toBe(false);
    expect(patientsAgree(patient('P1'), patient('P2'))).toBe(false);
    expect(patientsAgree([...patient('P0'), ...patient('P1')], patient('P1'))).toBe(true);
  });

  it('gives no order without a patient identifier the images of another sender, nor an order images without one', () => {
    expect(matchPart(part({ patient: [] }), [withImages('b')])).toEqual({ kind: 'none', disagree: ['b'], beside: [] });
    const images = part({ kind: 'images', serviceRequest: '', patient: [], study });
    expect(matchPart(images, [withOrder('a')])).toEqual({ kind: 'none', disagree: ['a'], beside: [] });
  });

  it('knows an order and a study again without a patient identifier', () => {
    const nobody = (state: CaseState): CaseState => ({ ...state, patientKeys: [] });
    const again = part({ patient: [], keys: [{ kind: 'service-request', system: '', value: '1' }] });
    expect(matchPart(again, [nobody(withOrder('a'))])).toEqual({ kind: 'exact', cases: ['a'], absorb: [] });
    const slice = part({ kind: 'images', serviceRequest: '', patient: [], study });
    expect(matchPart(slice, [nobody(withImages('b'))])).toEqual({ kind: 'exact', cases: ['b'], absorb: [] });
  });

  it('takes a number without an authority for the same number of any, unless there are better ones', () => {
    const unnamed = [{ system: '', value: 'P1' }];
    expect(patientsAgree(unnamed, patient('P1'))).toBe(true);
    expect(patientsAgree(unnamed, patient('P2'))).toBe(false);
    expect(patientsAgree([...unnamed, { system: 'urn:waystation:authority:B', value: 'P1' }], patient('P1'))).toBe(false);
  });
});

describe('what a part adds to a case', () => {
  it('keeps the newest summary of a study, and the origin of the order', () => {
    const first = joinPart(withOrder('a'), part({ kind: 'images', serviceRequest: '', study }), {
      peer: 'ct',
      kind: 'dicom',
      seq: 8,
      group: '',
    });
    const second = joinPart(first, part({ kind: 'images', serviceRequest: '', study: { ...study, instances: 4 } }), {
      peer: 'ct',
      kind: 'dicom',
      seq: 9,
      group: '',
    });
    expect(second.studies).toEqual([{ ...study, instances: 4 }]);
    expect(second.origin).toEqual({ peer: 'ris', kind: 'hl7v2', group: '', seq: 7 });
    expect(second.serviceRequest).toBe('ServiceRequest/1');
  });

  it('quotes the latest order of the origin, not one of another peer', () => {
    const updated = joinPart(withOrder('a'), part({ priority: 'stat' }), { peer: 'ris', kind: 'hl7v2', seq: 11, group: '' });
    expect(updated.origin?.seq).toBe(11);
    expect(updated.priority).toBe('stat');
    expect(joinPart(updated, part({}), { peer: 'other', kind: 'hl7v2', seq: 12, group: '' }).origin?.seq).toBe(11);
  });

  it('carries images along when a case goes up into another', () => {
    const merged = absorbCase(withOrder('a'), withImages('b'));
    expect(merged.id).toBe('a');
    expect(merged.studies).toEqual([study]);
  });
});
