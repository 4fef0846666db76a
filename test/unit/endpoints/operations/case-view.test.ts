import { describe, expect, it } from '@jest/globals';
import { waitingFor } from '../../../../src/endpoints/operations/case-view.ts';
import type { CaseState } from '../../../../src/model/case.ts';
import type { DeliverySummary } from '../../../../src/store/operations-store.ts';

const STATE: CaseState = {
  id: 'c',
  phase: 'assembling',
  specialty: 'teleradiology',
  priority: 'routine',
  production: true,
  origin: null,
  patientKeys: [],
  patient: '',
  serviceRequest: 'ServiceRequest/s',
  task: 'Task/t',
  studies: [],
  members: [],
  hints: [],
  keys: [],
  missing: [],
  released: null,
  route: { destination: 'readers', kind: 'pull', group: 'radiologists', why: 'always' },
  push: null,
  claim: null,
  report: null,
  returns: [],
  wake: null,
};

const DELIVERY: DeliverySummary = {
  id: 'd',
  destination: 'ris',
  kind: 'oru',
  lane: 'ris',
  caseId: 'c',
  controlId: 'R1',
  state: 'waiting',
  attempts: 0,
  due: new Date('2026-03-02T10:00:00Z'),
  lastFailure: '',
  created: new Date(0),
};

function waits(state: Partial<CaseState>, delivery: Partial<DeliverySummary> = {}): string[] {
  return waitingFor({ ...STATE, ...state }, [{ ...DELIVERY, ...delivery }]);
}

describe('what is waited for', () => {
  const returns = [{ destination: 'ris', delivery: 'd', receipt: null }];

  it('of a reader who is asked to stop: his report, and his answer', () => {
    const asked = [{ control: 'CA', seq: 2, position: 3 }];
    const order = { status: 'active' as const, seq: 2, position: 3, said: null, abort: { task: 'Task/2', asked } };
    const claim = { by: 'reading-room', at: '2026-03-02T09:00:00Z' };
    expect(waits({ phase: 'claimed', claim, order })).toEqual([
      'the signed report of reading-room',
      'his answer to the cancel of the order: Task/2',
    ]);
  });

  it('while a case assembles: what is missing, a route among it; an answer that cannot be worded is owed', () => {
    expect(waits({ missing: ['order', 'forms: 0 of at least 1'] })).toEqual(['order', 'forms: 0 of at least 1']);
    const route = 'route: no rule of the configuration fits';
    expect(waits({ route: null, missing: [route] })).toEqual([route]);
    const returns = [{ destination: 'ris', delivery: '', receipt: null }];
    expect(waits({ phase: 'reported', returns })).toEqual(['an answer for ris that can be worded: see return-failed']);
  });

  it('when it is offered: a claim by the group, or the report on the server it was pushed to', () => {
    expect(waits({ phase: 'requested' })).toEqual(['somebody of group radiologists to claim Task/t']);
    const route = { destination: 'partner', kind: 'push', group: '', why: 'always' } as const;
    expect(waits({ phase: 'requested', route, push: { delivery: 'd', receipt: null } })).toEqual(['the receipt of ris for oru R1']);
    expect(waits({ phase: 'requested', route, push: { delivery: 'd', receipt: 7 } })).toEqual(['the report on partner']);
  });

  it('after the claim: the report of who claimed it', () => {
    expect(waits({ phase: 'claimed', claim: { by: 'dr-ada', at: '2026-03-02T10:00:00Z' } })).toEqual(['the signed report of dr-ada']);
  });

  it('after the report: each receipt that is not in, how often it was tried, and how to go on', () => {
    expect(waits({ phase: 'reported', returns })).toEqual(['the receipt of ris for oru R1']);
    expect(waits({ phase: 'reported', returns }, { attempts: 1, lastFailure: 'unreachable' })).toEqual([
      'the receipt of ris for oru R1: 1 attempt (unreachable), the next at 2026-03-02T10:00:00.000Z',
    ]);
    expect(waits({ phase: 'reported', returns }, { state: 'dead', attempts: 3, lastFailure: 'rejected' })).toEqual([
      'the receipt of ris for oru R1: set aside after 3 attempts (rejected); waystation replay --delivery d',
    ]);
    expect(waits({ phase: 'reported', returns: [{ destination: 'ris', delivery: 'd', receipt: 9 }] })).toEqual([]);
  });

  it('in the end: nothing', () => {
    expect(waits({ phase: 'closed', returns })).toEqual([]);
    expect(waits({ phase: 'cancelled', missing: ['order'] })).toEqual([]);
  });
});
