import { describe, expect, it } from '@jest/globals';
import type { Task } from '@medplum/fhirtypes';
import { admitTask } from '../../../src/cases/admit.ts';
import type { AdmitFacts } from '../../../src/model/admit.ts';

const task = (status: Task['status'], over: Partial<Task> = {}): Task => ({
  resourceType: 'Task',
  id: 't',
  status,
  intent: 'order',
  ...over,
});
const facts = (over: Partial<AdmitFacts> = {}): AdmitFacts =>
  ({
    caller: { client: 'ehr', group: 'readers', role: 'reader' },
    now: new Date(0),
    changes: [],
    caseOf: () => null,
    reportOn: () => null,
    blobOf: () => null,
    sizeOf: () => null,
    versionNamed: true,
    ...over,
  }) as AdmitFacts;

const ORIGIN = { client: 'clinic', group: 'clinic', role: 'origin' } as const;
const STATUSES = [
  'draft',
  'requested',
  'received',
  'accepted',
  'in-progress',
  'on-hold',
  'rejected',
  'completed',
  'cancelled',
  'failed',
] as const;
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  requested: ['received', 'accepted', 'in-progress'],
  received: ['received', 'accepted', 'in-progress'],
  accepted: ['accepted', 'in-progress', 'on-hold'],
  'in-progress': ['in-progress', 'on-hold'],
  'on-hold': ['on-hold', 'in-progress'],
};

describe('may this Task change so', () => {
  for (const before of STATUSES) {
    for (const after of STATUSES) {
      const allowed = (ALLOWED[before] ?? []).includes(after);
      it(`a reader ${allowed ? 'may' : 'may not'} make ${before} ${after}`, () => {
        expect(admitTask({ before: task(before), after: task(after) }, facts()) === null).toBe(allowed);
      });
    }
  }

  for (const before of STATUSES) {
    for (const after of STATUSES) {
      const allowed = before === after || (after === 'cancelled' && !['rejected', 'completed', 'failed'].includes(before));
      it(`an origin ${allowed ? 'may' : 'may not'} make ${before} ${after}`, () => {
        expect(admitTask({ before: task(before), after: task(after) }, facts({ caller: ORIGIN })) === null).toBe(allowed);
      });
    }
  }

  for (const status of STATUSES) {
    const allowed = status === 'draft' || status === 'requested';
    it(`an origin ${allowed ? 'may' : 'may not'} send a Task that is ${status}`, () => {
      expect(admitTask({ before: null, after: task(status) }, facts({ caller: ORIGIN })) === null).toBe(allowed);
    });
  }

  it('lets an origin add a note, and change or delete nothing else', () => {
    const before = task('accepted', { focus: { reference: 'ServiceRequest/1' } });
    const caller = ORIGIN;
    expect(admitTask({ before, after: { ...before, note: [{ text: 'hurry' }] } }, facts({ caller }))).toBeNull();
    const moved = { ...before, focus: { reference: 'ServiceRequest/2' } };
    expect(admitTask({ before, after: moved }, facts({ caller }))?.detail).toContain('Task.focus');
    expect(admitTask({ before, after: null }, facts({ caller }))?.code).toBe('forbidden');
  });

  it('does not ask operators', () => {
    const caller = { client: 'op', group: 'op', role: 'operator' } as const;
    expect(admitTask({ before: task('requested'), after: task('completed') }, facts({ caller }))).toBeNull();
  });

  const ABORT = { code: { coding: [{ system: 'http://hl7.org/fhir/CodeSystem/task-code', code: 'abort' }] } };
  const ANSWERS: Readonly<Record<string, readonly string[]>> = {
    requested: ['received', 'accepted', 'in-progress', 'completed', 'rejected'],
    received: ['received', 'accepted', 'in-progress', 'completed', 'rejected'],
    accepted: ['accepted', 'in-progress', 'completed', 'rejected'],
    'in-progress': ['in-progress', 'completed', 'rejected'],
  };
  for (const before of STATUSES) {
    for (const after of STATUSES) {
      const allowed = (ANSWERS[before] ?? []).includes(after);
      it(`a reader who is asked to stop ${allowed ? 'may' : 'may not'} make ${before} ${after}`, () => {
        expect(admitTask({ before: task(before, ABORT), after: task(after, ABORT) }, facts()) === null).toBe(allowed);
      });
    }
  }

  it('says why a case cannot be claimed that its placer cancelled or holds', () => {
    const why = (phase: string, status: string, before: Task['status']) =>
      admitTask({ before: task(before), after: task('accepted') }, facts({ caseOf: () => ({ phase, order: { status } }) as never }))
        ?.detail;
    expect(why('cancelled', 'revoked', 'cancelled')).toContain('its order is revoked, and is not to be read any more');
    expect(why('assembling', 'on-hold', 'draft')).toContain('its order is on hold until it is released');
    expect(why('assembling', 'active', 'draft')).toBe('a Task that is draft cannot become accepted');
  });

  it('lets a reader say why he does not stop', () => {
    const before = task('requested', ABORT);
    expect(admitTask({ before, after: { ...before, status: 'rejected', statusReason: { text: 'it is read' } } }, facts())).toBeNull();
  });

  it('asks for the version that was read', () => {
    expect(admitTask({ before: task('requested'), after: task('accepted') }, facts({ versionNamed: false }))?.detail).toContain('If-Match');
  });

  it('lets a reader add a note and nothing that is not his', () => {
    const before = task('requested', { owner: { reference: 'Organization/1' } });
    expect(admitTask({ before, after: { ...before, status: 'accepted', note: [{ text: 'mine' }] } }, facts())).toBeNull();
    expect(
      admitTask({ before, after: { ...before, status: 'accepted', owner: { reference: 'Organization/2' } } }, facts())?.detail,
    ).toContain('Task.owner');
  });

  it('has readers neither make nor delete Tasks', () => {
    expect(admitTask({ before: null, after: task('requested') }, facts())?.code).toBe('forbidden');
    expect(admitTask({ before: task('requested'), after: null }, facts())?.code).toBe('forbidden');
  });
});
