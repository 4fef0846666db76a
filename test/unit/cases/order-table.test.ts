import { describe, expect, it } from '@jest/globals';
import {
  effectOf,
  eventText,
  isReplaced,
  type OrderColumn,
  outcomeReply,
  overtakenReply,
  stateEffectOf,
} from '../../../src/cases/order-table.ts';
import { ORDER_STATUS } from '../../../src/mapping/vocabulary/0038-order-status.ts';
import { ORDER_CONTROL } from '../../../src/mapping/vocabulary/0119-order-control.ts';

const COLUMNS: readonly OrderColumn[] = ['none', 'draft', 'requested', 'claimed', 'completed', 'cancelled'];
type Expected = readonly [none: string, draft: string, requested: string, claimed: string, completed: string, cancelled: string];

const ENDED = (reply: string, unable: string): Expected => [
  `-/refuse/-/${unable}`,
  `revoked/cancel/cancelled/${reply}`,
  `revoked/cancel/cancelled/${reply}`,
  '-/abort/abort/-',
  `-/refuse/-/${unable}`,
  `-/take/-/${reply}`,
];
const OPENED: Expected = [
  'active/open/draft/OK',
  'active/change/-/OK',
  'active/change/-/OK',
  'active/alert/-/OK',
  '-/refuse/-/UA',
  'active/reopen/draft/OK',
];
const CHANGED = (reply: string, unable: string): Expected => [
  `-/refuse/-/${unable}`,
  `-/change/-/${reply}`,
  `-/change/-/${reply}`,
  `-/alert/-/${reply}`,
  `-/refuse/-/${unable}`,
  `-/refuse/-/${unable}`,
];
const HELD = (reply: string, unable: string): Expected => [
  `-/refuse/-/${unable}`,
  `on-hold/hold/draft/${reply}`,
  `on-hold/hold/draft/${reply}`,
  `-/alert/-/${unable}`,
  `-/refuse/-/${unable}`,
  `-/refuse/-/${unable}`,
];
const RELEASED = (reply: string, unable: string): Expected => [
  `-/refuse/-/${unable}`,
  `active/release/-/${reply}`,
  `active/take/-/${reply}`,
  `-/take/-/${reply}`,
  `-/refuse/-/${unable}`,
  `-/refuse/-/${unable}`,
];
const TOLD = (reply: string, unknown: string): Expected => [`-/refuse/-/${unknown}`, ...taken(reply)] as unknown as Expected;
const taken = (reply: string) => Array.from({ length: 5 }, () => `-/take/-/${reply}`);

/** ORC-1 → every cell: ServiceRequest.status, case, Task, reply. */
const CONTROLS: Readonly<Record<string, Expected>> = {
  NW: OPENED,
  CH: OPENED,
  PA: OPENED,
  PR: OPENED,
  RO: OPENED,
  SN: ['active/open/draft/NA', ...taken('NA')] as unknown as Expected,
  CA: ENDED('CR', 'UC'),
  DC: ENDED('DR', 'UD'),
  RP: ENDED('RQ', 'UM'),
  RU: ENDED('-', '-'),
  RQ: ENDED('-', '-'),
  CR: ENDED('-', '-'),
  DR: ENDED('-', '-'),
  OC: ENDED('-', '-'),
  OD: ENDED('-', '-'),
  XO: CHANGED('XR', 'UX'),
  SU: CHANGED('XR', 'UX'),
  XR: CHANGED('-', '-'),
  XX: CHANGED('-', '-'),
  SQ: CHANGED('-', '-'),
  HD: HELD('HR', 'UH'),
  HR: HELD('-', '-'),
  OH: HELD('-', '-'),
  RL: RELEASED('OR', 'UR'),
  OE: RELEASED('-', '-'),
  OR: RELEASED('-', '-'),
  SS: TOLD('SR', 'DE'),
  ZZ: ['unknown/open/draft/-', ...taken('-')] as unknown as Expected,
};

const shown = (effect: ReturnType<typeof stateEffectOf>) =>
  effect && [effect.status ?? '-', effect.case, effect.task ?? '-', effect.reply || '-'].join('/');

describe('what an order control code does', () => {
  // What is not named above tells something of an order that is here, and asks for nothing.
  for (const control of new Set([...ORDER_CONTROL.keys(), ...Object.keys(CONTROLS)])) {
    for (const [index, column] of COLUMNS.entries()) {
      const expected = (CONTROLS[control] ?? TOLD('-', '-'))[index];
      it(`${control}, Task ${column}: ${expected}`, () => expect(shown(effectOf(control, column))).toBe(expected));
    }
  }
});

/** ORC-5 beside a status message, of which it alone says the state. */
const STATES: Readonly<Record<string, Expected>> = {
  A: RELEASED('-', '-'),
  IP: RELEASED('-', '-'),
  SC: RELEASED('-', '-'),
  HD: HELD('-', '-'),
  CA: ENDED('-', '-'),
  DC: ENDED('-', '-'),
  RP: ENDED('-', '-'),
  ER: ENDED('-', '-').map((cell) => cell.replace('revoked', 'entered-in-error')) as unknown as Expected,
  CM: ENDED('-', '-').map((cell) => cell.replace('revoked', 'completed').replace('abort/abort', 'alert/-')) as unknown as Expected,
};

describe('what an order status does beside it', () => {
  for (const state of ORDER_STATUS.keys()) {
    for (const [index, column] of COLUMNS.entries()) {
      // What is over or read takes in what is said, and is moved by none of it.
      const over = column === 'completed' || column === 'cancelled' ? '-/take/-/-' : undefined;
      const expected = over ?? STATES[state]?.[index];
      it(`SC with ${state}, Task ${column}: ${expected}`, () => expect(shown(stateEffectOf('SC', state, column))).toBe(expected));
    }
  }

  it('is the state as it was beside a code that ends, holds or releases', () => {
    expect(['CA', 'DC', 'RP', 'OC', 'HD'].map((control) => stateEffectOf(control, 'IP', 'requested'))).toEqual(Array(5).fill(null));
    expect(['RL', 'OE', 'OR'].map((control) => stateEffectOf(control, 'HD', 'draft'))).toEqual(Array(3).fill(null));
  });

  it('says of an order that is new or changed when it is held or over, and never that it is active', () => {
    expect(['NW', 'XO', 'RO'].map((control) => shown(stateEffectOf(control, 'HD', 'draft')))).toEqual(
      Array(3).fill('on-hold/hold/draft/-'),
    );
    expect(['NW', 'XO', 'RO'].map((control) => stateEffectOf(control, 'IP', 'draft'))).toEqual(Array(3).fill(null));
    expect(stateEffectOf('NW', '', 'draft')).toBeNull();
  });
});

describe('what is answered later', () => {
  it.each([
    ['CA', 'CR', 'UC'],
    ['DC', 'DR', 'UD'],
    ['RP', 'RQ', 'UM'],
    ['OC', '', ''],
  ])('%s: %s when the reader stops, %s when he goes on', (control, agreed, refused) => {
    expect([outcomeReply(control, true), outcomeReply(control, false)]).toEqual([agreed, refused]);
  });

  it('tells who is overtaken by a newer event that it was not carried out, but not that an order was refused', () => {
    expect(['CA', 'XO', 'HD', 'NW', 'SC'].map(overtakenReply)).toEqual(['UC', 'UX', 'UH', '', '']);
  });

  it('takes no word for a code, and tells none', () => {
    for (const word of ['constructor', '__proto__', 'Muster^Erika']) {
      expect(effectOf(word, 'none')).toEqual(effectOf('ZZ', 'none'));
      expect(stateEffectOf('SC', word, 'draft')).toBeNull();
      expect(eventText(word, word)).toBe('order control of no table');
    }
    expect(eventText('NW', 'HD')).toBe('order control NW, order status HD');
  });

  it('knows which orders give way to those that follow', () => {
    expect(['RP', 'RU', 'RQ', 'RO', 'CA'].map(isReplaced)).toEqual([true, true, true, false, false]);
  });
});
