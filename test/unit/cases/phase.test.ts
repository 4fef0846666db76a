import { describe, expect, it } from '@jest/globals';
import { nextPhase, type PhaseEvent, taskStatusOf } from '../../../src/cases/phase.ts';
import type { CasePhase } from '../../../src/model/case.ts';

const EVENTS: readonly PhaseEvent[] = [
  'whole',
  'released',
  'claimed',
  'reported',
  'returned',
  'cancelled',
  'held',
  'reopened',
  'changed',
  'aborted',
  'withdrawn',
];
/** Every cell: phase, then what each event of EVENTS makes of it (`-`: nothing). */
const TABLE: readonly [CasePhase, readonly string[]][] = [
  ['assembling', ['requested', 'requested', '-', '-', '-', 'cancelled', '-', '-', '-', '-', '-']],
  ['requested', ['-', '-', 'claimed', 'reported', '-', 'cancelled', 'assembling', '-', 'assembling', 'cancelled', '-']],
  ['claimed', ['-', '-', 'claimed', 'reported', '-', '-', '-', '-', '-', 'cancelled', '-']],
  ['reported', ['-', '-', '-', 'reported', 'closed', '-', '-', '-', '-', '-', 'requested']],
  ['closed', ['-', '-', '-', 'reported', '-', '-', '-', '-', '-', '-', 'requested']],
  ['cancelled', ['-', '-', '-', '-', '-', '-', '-', 'assembling', '-', '-', '-']],
];

describe('the life of a case', () => {
  for (const [phase, row] of TABLE) {
    for (const [index, event] of EVENTS.entries()) {
      it(`${phase} + ${event} → ${row[index]}`, () => {
        expect(nextPhase(phase, event) ?? '-').toBe(row[index]);
      });
    }
  }

  it('leaves Task.status to the reader only while he holds the case', () => {
    expect(TABLE.map(([phase]) => [phase, taskStatusOf(phase)])).toEqual([
      ['assembling', 'draft'],
      ['requested', 'requested'],
      ['claimed', null],
      ['reported', 'completed'],
      ['closed', 'completed'],
      ['cancelled', 'cancelled'],
    ]);
  });
});
