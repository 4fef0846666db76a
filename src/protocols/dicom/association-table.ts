/**
 * The association state machine of the DICOM Upper Layer as the standard's own table (PS3.8 §9.2.3, Table 9-10), acceptor and requestor.
 * In: a state and an event. Out: the action's effects and the next state, or null for a blank cell: that event cannot happen there,
 * or (a local wish such as answering an association that the peer has aborted meanwhile) comes too late and is dropped.
 * upper-layer.ts carries the effects out.
 */
export type State = `Sta${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13}`;

/** A received PDU is an event by its own name; the rest are local wishes, the transport and the timer. */
export type AssociationEvent = keyof typeof TABLE;

export type Effect =
  | 'connect'
  /** The PDU that the local user gave with the event. */
  | 'send'
  | 'send A-ABORT as service-user'
  | 'send A-ABORT as service-provider'
  /** Hand the received PDU to the local user. */
  | 'indicate'
  /** Tell the local user that the association is gone without a PDU saying so. */
  | 'indicate A-P-ABORT'
  | 'start ARTIM'
  | 'stop ARTIM'
  | 'close';

export type Step = { readonly effects: readonly Effect[]; readonly next: State };

export function stepOf(state: State, event: AssociationEvent, requestor: boolean): Step | null {
  const cell = TABLE[event][Number(state.slice(3)) - 1] as Cell;
  if (cell === '    ') return null;
  if (cell !== 'AR-8') return ACTIONS[cell];
  return { effects: ACTIONS['AR-8'].effects, next: requestor ? 'Sta9' : 'Sta10' };
}

type Action = keyof typeof ACTIONS;
type Cell = Action | '    ';

/** PS3.8 Tables 9-6 to 9-9. */
const ACTIONS = {
  'AE-1': { effects: ['connect'], next: 'Sta4' },
  'AE-2': { effects: ['send'], next: 'Sta5' },
  'AE-3': { effects: ['indicate'], next: 'Sta6' },
  'AE-4': { effects: ['indicate', 'close'], next: 'Sta1' },
  'AE-5': { effects: ['start ARTIM'], next: 'Sta2' },
  // Deviation: a rejection by the service-provider is not AE-6's other branch but AE-8 at once after it: same PDU, same timer, same Sta13.
  'AE-6': { effects: ['stop ARTIM', 'indicate'], next: 'Sta3' },
  'AE-7': { effects: ['send'], next: 'Sta6' },
  'AE-8': { effects: ['send', 'start ARTIM'], next: 'Sta13' },
  'DT-1': { effects: ['send'], next: 'Sta6' },
  'DT-2': { effects: ['indicate'], next: 'Sta6' },
  'AR-1': { effects: ['send'], next: 'Sta7' },
  'AR-2': { effects: ['indicate'], next: 'Sta8' },
  'AR-3': { effects: ['indicate', 'close'], next: 'Sta1' },
  'AR-4': { effects: ['send', 'start ARTIM'], next: 'Sta13' },
  'AR-5': { effects: ['stop ARTIM'], next: 'Sta1' },
  'AR-6': { effects: ['indicate'], next: 'Sta7' },
  'AR-7': { effects: ['send'], next: 'Sta8' },
  'AR-8': { effects: ['indicate'], next: 'Sta10' }, // Sta9 for the requestor
  'AR-9': { effects: ['send'], next: 'Sta11' },
  AR10: { effects: ['indicate'], next: 'Sta12' }, // AR-10
  'AA-1': { effects: ['send A-ABORT as service-user', 'start ARTIM'], next: 'Sta13' },
  'AA-2': { effects: ['stop ARTIM', 'close'], next: 'Sta1' },
  'AA-3': { effects: ['indicate', 'close'], next: 'Sta1' },
  'AA-4': { effects: ['indicate A-P-ABORT'], next: 'Sta1' },
  'AA-5': { effects: ['stop ARTIM'], next: 'Sta1' },
  'AA-6': { effects: [], next: 'Sta13' },
  'AA-7': { effects: ['send A-ABORT as service-provider'], next: 'Sta13' },
  'AA-8': { effects: ['send A-ABORT as service-provider', 'indicate A-P-ABORT', 'start ARTIM'], next: 'Sta13' },
} as const satisfies Record<string, Step>;

/** PS3.8 Table 9-10, Sta1 to Sta13 from left to right. */
// biome-ignore format: a table is read by its columns
const TABLE = {
  'associate request':   ['AE-1', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    '], // Evt1
  'transport connected': ['    ', '    ', '    ', 'AE-2', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    '], // Evt2
  'A-ASSOCIATE-AC':      ['    ', 'AA-1', 'AA-8', '    ', 'AE-3', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-6'], // Evt3
  'A-ASSOCIATE-RJ':      ['    ', 'AA-1', 'AA-8', '    ', 'AE-4', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-6'], // Evt4
  'transport indicated': ['AE-5', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    '], // Evt5
  'A-ASSOCIATE-RQ':      ['    ', 'AE-6', 'AA-8', '    ', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-7'], // Evt6
  'associate accept':    ['    ', '    ', 'AE-7', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    '], // Evt7
  'associate reject':    ['    ', '    ', 'AE-8', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    '], // Evt8
  'data request':        ['    ', '    ', '    ', '    ', '    ', 'DT-1', '    ', 'AR-7', '    ', '    ', '    ', '    ', '    '], // Evt9
  'P-DATA-TF':           ['    ', 'AA-1', 'AA-8', '    ', 'AA-8', 'DT-2', 'AR-6', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-6'], // Evt10
  'release request':     ['    ', '    ', '    ', '    ', '    ', 'AR-1', '    ', '    ', '    ', '    ', '    ', '    ', '    '], // Evt11
  'A-RELEASE-RQ':        ['    ', 'AA-1', 'AA-8', '    ', 'AA-8', 'AR-2', 'AR-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-6'], // Evt12
  'A-RELEASE-RP':        ['    ', 'AA-1', 'AA-8', '    ', 'AA-8', 'AA-8', 'AR-3', 'AA-8', 'AA-8', 'AR10', 'AR-3', 'AA-8', 'AA-6'], // Evt13
  'release response':    ['    ', '    ', '    ', '    ', '    ', '    ', '    ', 'AR-4', 'AR-9', '    ', '    ', 'AR-4', '    '], // Evt14
  'abort request':       ['    ', '    ', 'AA-1', 'AA-2', 'AA-1', 'AA-1', 'AA-1', 'AA-1', 'AA-1', 'AA-1', 'AA-1', 'AA-1', '    '], // Evt15
  'A-ABORT':             ['    ', 'AA-2', 'AA-3', '    ', 'AA-3', 'AA-3', 'AA-3', 'AA-3', 'AA-3', 'AA-3', 'AA-3', 'AA-3', 'AA-2'], // Evt16
  'transport closed':    ['    ', 'AA-5', 'AA-4', 'AA-4', 'AA-4', 'AA-4', 'AA-4', 'AA-4', 'AA-4', 'AA-4', 'AA-4', 'AA-4', 'AR-5'], // Evt17
  'ARTIM expired':       ['    ', 'AA-2', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', '    ', 'AA-2'], // Evt18
  'invalid PDU':         ['    ', 'AA-1', 'AA-8', '    ', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-8', 'AA-7'], // Evt19
} as const satisfies Record<string, readonly Cell[]>;
