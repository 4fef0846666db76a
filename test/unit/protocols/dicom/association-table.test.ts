import { describe, expect, it } from '@jest/globals';
import { type AssociationEvent, type State, stepOf } from '../../../../src/protocols/dicom/association-table.ts';

/** PS3.8 Table 9-10 as printed, from Sta1 to Sta13: the action of each cell, `-` where it is blank. */
const PRINTED: readonly [evt: string, event: AssociationEvent, cells: string][] = [
  ['Evt1', 'associate request', 'AE-1 - - - - - - - - - - - -'],
  ['Evt2', 'transport connected', '- - - AE-2 - - - - - - - - -'],
  ['Evt3', 'A-ASSOCIATE-AC', '- AA-1 AA-8 - AE-3 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6'],
  ['Evt4', 'A-ASSOCIATE-RJ', '- AA-1 AA-8 - AE-4 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6'],
  ['Evt5', 'transport indicated', 'AE-5 - - - - - - - - - - - -'],
  ['Evt6', 'A-ASSOCIATE-RQ', '- AE-6 AA-8 - AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-7'],
  ['Evt7', 'associate accept', '- - AE-7 - - - - - - - - - -'],
  ['Evt8', 'associate reject', '- - AE-8 - - - - - - - - - -'],
  ['Evt9', 'data request', '- - - - - DT-1 - AR-7 - - - - -'],
  ['Evt10', 'P-DATA-TF', '- AA-1 AA-8 - AA-8 DT-2 AR-6 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6'],
  ['Evt11', 'release request', '- - - - - AR-1 - - - - - - -'],
  ['Evt12', 'A-RELEASE-RQ', '- AA-1 AA-8 - AA-8 AR-2 AR-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6'],
  ['Evt13', 'A-RELEASE-RP', '- AA-1 AA-8 - AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6'],
  ['Evt14', 'release response', '- - - - - - - AR-4 AR-9 - - AR-4 -'],
  ['Evt15', 'abort request', '- - AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 -'],
  ['Evt16', 'A-ABORT', '- AA-2 AA-3 - AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-2'],
  ['Evt17', 'transport closed', '- AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AR-5'],
  ['Evt18', 'ARTIM expired', '- AA-2 - - - - - - - - - - AA-2'],
  ['Evt19', 'invalid PDU', '- AA-1 AA-8 - AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-7'],
];

/** PS3.8 Tables 9-6 to 9-9: what each action does, in a few words, and the state after it. */
const ACTIONS: Readonly<Record<string, string>> = {
  'AE-1': 'connect → Sta4',
  'AE-2': 'send → Sta5',
  'AE-3': 'indicate → Sta6',
  'AE-4': 'indicate, close → Sta1',
  'AE-5': 'start ARTIM → Sta2',
  'AE-6': 'stop ARTIM, indicate → Sta3',
  'AE-7': 'send → Sta6',
  'AE-8': 'send, start ARTIM → Sta13',
  'DT-1': 'send → Sta6',
  'DT-2': 'indicate → Sta6',
  'AR-1': 'send → Sta7',
  'AR-2': 'indicate → Sta8',
  'AR-3': 'indicate, close → Sta1',
  'AR-4': 'send, start ARTIM → Sta13',
  'AR-5': 'stop ARTIM → Sta1',
  'AR-6': 'indicate → Sta7',
  'AR-7': 'send → Sta8',
  'AR-9': 'send → Sta11',
  'AR-10': 'indicate → Sta12',
  'AA-1': 'send A-ABORT as service-user, start ARTIM → Sta13',
  'AA-2': 'stop ARTIM, close → Sta1',
  'AA-3': 'indicate, close → Sta1',
  'AA-4': 'indicate A-P-ABORT → Sta1',
  'AA-5': 'stop ARTIM → Sta1',
  'AA-6': ' → Sta13',
  'AA-7': 'send A-ABORT as service-provider → Sta13',
  'AA-8': 'send A-ABORT as service-provider, indicate A-P-ABORT, start ARTIM → Sta13',
};

const CELLS = PRINTED.flatMap(([evt, event, cells]) =>
  cells.split(' ').map((action, index) => ({ evt, event, action, state: `Sta${index + 1}` as State })),
);

describe('the association state table', () => {
  it('has all 19 events and 13 states', () => {
    expect(CELLS).toHaveLength(19 * 13);
  });

  it.each(CELLS)('$evt in $state is $action', ({ event, action, state }) => {
    for (const requestor of [true, false]) {
      const step = stepOf(state, event, requestor);
      const expected = action === 'AR-8' ? `indicate → ${requestor ? 'Sta9' : 'Sta10'}` : ACTIONS[action];
      expect(step ? `${step.effects.join(', ')} → ${step.next}` : undefined).toBe(expected);
    }
  });
});
