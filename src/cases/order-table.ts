/**
 * An order as a state machine: event × state of its Task → what becomes of ServiceRequest.status, the case, the Task, and the reply.
 * The event is ORC-1 (HL7 Table 0119), the state that the placer says ORC-5 (Table 0038): a second event, applied after the first, which
 * has no reply of its own. The codes are the placer's here; those by which a filler answers are read as notices of what is done already.
 *
 * Decided, where the standards leave it open:
 * - CA, DC, RP: at once while nobody holds the case, though HL7's guide maps CA to active: the placer is the order's author, and a
 *   cancelled order that can be claimed would be reported on. After the claim the reader is asked (a Task of code abort), and the order
 *   stays active until he answers; CR, DR, RQ or UC, UD, UM wait for that.
 * - An order that was never seen here is not opened by its cancel, change, hold or status: UC, UD, UX, UH, UR, UM say so.
 * - XO leaves a hold as it is: only RL, or a new NW, ends it. NW of an order that was cancelled orders it anew.
 * - What was read is not called back: after the report a cancel is UC, a change UX, and NW under the same number UA. RO opens all the same.
 * - A status (SC, SR) changes the state only by its ORC-5, and never brings back an order that was cancelled.
 * - ORC-5 HD beside RL, and an ORC-5 that still says active beside a cancel, are the state as it was before the event: not read.
 */
import type { RequestStatus } from '../model/order.ts';

/** `none`: the order is not known here; `claimed`: a reader holds the Task, whatever he has done of it. */
export type OrderColumn = 'none' | 'draft' | 'requested' | 'claimed' | 'completed' | 'cancelled';

export type CaseEffect =
  | 'open' // a case of its own
  | 'take' // what the message says of the order is taken over
  | 'change' // so, and an offer is weighed again
  | 'alert' // so, and the reader is told
  | 'cancel'
  | 'hold'
  | 'release'
  | 'reopen'
  | 'abort' // the reader is asked
  | 'refuse'; // nothing of the message is taken over

export type OrderEffect = {
  /** Null: as it was. */
  readonly status: RequestStatus | null;
  readonly case: CaseEffect;
  /** What Task the effect leads to: the case's own in this status, or one that asks for its end. Null: as it was. */
  readonly task: 'draft' | 'cancelled' | 'abort' | null;
  /** ORC-1 of the reply; '' for none, or for later. */
  readonly reply: string;
};

/** What ORC-1 does. A code that is not in Table 0119 opens an order whose state nobody knows: it is never dropped. */
export function effectOf(control: string, column: OrderColumn): OrderEffect {
  return cellOf(rowOf(control), column);
}

/** What ORC-5 does beside ORC-1; null where it does nothing. */
export function stateEffectOf(control: string, state: string, column: OrderColumn): OrderEffect | null {
  const [event, said] = [rowOf(control), Object.hasOwn(ROW_OF_STATE, state) ? ROW_OF_STATE[state] : undefined];
  if (said === undefined || ENDING.has(event)) return null;
  if (said === 'ORC-5 active' && !SILENT.has(event)) return null;
  if (said === 'ORC-5 held' && RELEASING.has(event)) return null;
  return cellOf(said, column);
}

/** The reply when the reader has answered a cancel that came after his claim. */
export function outcomeReply(control: string, agreed: boolean): string {
  const [yes, no] = OUTCOMES[control] ?? ['', ''];
  return agreed ? yes : no;
}

/** What is replied to an event that a newer one has overtaken. */
export function overtakenReply(control: string): string {
  const { reply } = effectOf(control, 'completed');
  return reply === 'UA' ? '' : reply;
}

/** Whether the event gives its order away to those that follow it in the message (ORC-1 RO). */
export function isReplaced(control: string): boolean {
  const row = rowOf(control);
  return row === 'replace' || row === 'replaced';
}

/** ORC-1 and ORC-5 as a timeline may tell them: what is no code of their tables may be anything, also the name of a person. */
export function eventText(control: string, state = ''): string {
  const event = `order control ${Object.hasOwn(ROW_OF_CONTROL, control) ? control : 'of no table'}`;
  return Object.hasOwn(ROW_OF_STATE, state) ? `${event}, order status ${state}` : event;
}

function rowOf(control: string): string {
  return Object.hasOwn(ROW_OF_CONTROL, control) ? (ROW_OF_CONTROL[control] as string) : 'other';
}

/** A cell: ServiceRequest.status, case, Task, reply; `-`: as it was, or none. */
const TABLE = `
event        | none                 | draft                               | requested                           | claimed           | completed     | cancelled
new          | active open draft OK | active change - OK                  | active change - OK                  | active alert - OK | - refuse - UA | active reopen draft OK
number       | active open draft NA | - take - NA                         | - take - NA                         | - take - NA       | - take - NA   | - take - NA
cancel       | - refuse - UC        | revoked cancel cancelled CR         | revoked cancel cancelled CR         | - abort abort -   | - refuse - UC | - take - CR
discontinue  | - refuse - UD        | revoked cancel cancelled DR         | revoked cancel cancelled DR         | - abort abort -   | - refuse - UD | - take - DR
replace      | - refuse - UM        | revoked cancel cancelled RQ         | revoked cancel cancelled RQ         | - abort abort -   | - refuse - UM | - take - RQ
replaced     | - refuse - -         | revoked cancel cancelled -          | revoked cancel cancelled -          | - abort abort -   | - refuse - -  | - take - -
ended        | - refuse - -         | revoked cancel cancelled -          | revoked cancel cancelled -          | - abort abort -   | - refuse - -  | - take - -
change       | - refuse - UX        | - change - XR                       | - change - XR                       | - alert - XR      | - refuse - UX | - refuse - UX
changed      | - refuse - -         | - change - -                        | - change - -                        | - alert - -       | - refuse - -  | - refuse - -
hold         | - refuse - UH        | on-hold hold draft HR               | on-hold hold draft HR               | - alert - UH      | - refuse - UH | - refuse - UH
held         | - refuse - -         | on-hold hold draft -                | on-hold hold draft -                | - alert - -       | - refuse - -  | - refuse - -
release      | - refuse - UR        | active release - OR                 | active take - OR                    | - take - OR       | - refuse - UR | - refuse - UR
released     | - refuse - -         | active release - -                  | active take - -                     | - take - -        | - refuse - -  | - refuse - -
status       | - refuse - -         | - take - -                          | - take - -                          | - take - -        | - take - -    | - take - -
request      | - refuse - DE        | - take - SR                         | - take - SR                         | - take - SR       | - take - SR   | - take - SR
other        | unknown open draft - | - take - -                          | - take - -                          | - take - -        | - take - -    | - take - -
ORC-5 active | - refuse - -         | active release - -                  | active take - -                     | - take - -        | - take - -    | - take - -
ORC-5 held   | - refuse - -         | on-hold hold draft -                | on-hold hold draft -                | - alert - -       | - take - -    | - take - -
ORC-5 ended  | - refuse - -         | revoked cancel cancelled -          | revoked cancel cancelled -          | - abort abort -   | - take - -    | - take - -
ORC-5 error  | - refuse - -         | entered-in-error cancel cancelled - | entered-in-error cancel cancelled - | - abort abort -   | - take - -    | - take - -
ORC-5 done   | - refuse - -         | completed cancel cancelled -        | completed cancel cancelled -        | - alert - -       | - take - -    | - take - -
`;

const CELLS: ReadonlyMap<string, OrderEffect> = readTable(TABLE);

function cellOf(row: string, column: OrderColumn): OrderEffect {
  return CELLS.get(`${row} ${column}`) as OrderEffect;
}

function readTable(text: string): ReadonlyMap<string, OrderEffect> {
  const [head = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return new Map(rows.flatMap(([row, ...cells]) => cells.map((cell, index) => [`${row} ${head[index + 1]}`, readCell(cell)] as const)));
}

function readCell(text: string): OrderEffect {
  const [status, effect, task, reply] = text.split(' ').map((word) => (word === '-' ? null : word));
  return { status: status as RequestStatus | null, case: effect as CaseEffect, task: task as OrderEffect['task'], reply: reply ?? '' };
}

/** HL7 Table 0119 → row. What is said of refills, charges and links is none of this product's. */
const ROW_OF_CONTROL: Readonly<Record<string, string>> = {
  CA: 'cancel', // cancel order request
  CH: 'new', // child order
  CR: 'ended', // canceled as requested
  DC: 'discontinue', // discontinue order request
  DR: 'ended', // discontinued as requested
  HD: 'hold', // hold order request
  HR: 'held', // on hold as requested
  NA: 'status', // number assigned: the numbers of an order add up
  NW: 'new', // new order
  OC: 'ended', // order canceled
  OD: 'ended', // order discontinued
  OE: 'released', // order released
  OH: 'held', // order held
  OR: 'released', // released as requested
  PA: 'new', // parent order
  PR: 'new', // previous results with new order
  RL: 'release', // release previous hold
  RO: 'new', // replacement order
  RP: 'replace', // replace order request
  RQ: 'replaced', // replaced as requested
  RU: 'replaced', // replaced unsolicited
  SC: 'status', // status changed
  SN: 'number', // send order number
  SQ: 'changed', // supplemented as requested
  SR: 'status', // response to a status request
  SS: 'request', // send order status
  SU: 'change', // supplement this order
  XO: 'change', // change order request
  XR: 'changed', // changed as requested
  XX: 'changed', // changed, unsolicited
  ...Object.fromEntries(
    ['AF', 'CN', 'CP', 'DE', 'DF', 'FU', 'LI', 'MC', 'NR', 'OF', 'OK', 'OP', 'PY', 'RA', 'RC', 'RD', 'RE', 'RF', 'RR', 'UA'].map((code) => [
      code,
      'status',
    ]),
  ),
  ...Object.fromEntries(['UC', 'UD', 'UF', 'UH', 'UM', 'UN', 'UR', 'UX'].map((code) => [code, 'status'])),
};

/** HL7 Table 0038 → row. */
const ROW_OF_STATE: Readonly<Record<string, string>> = {
  A: 'ORC-5 active',
  CA: 'ORC-5 ended',
  CM: 'ORC-5 done',
  DC: 'ORC-5 ended',
  ER: 'ORC-5 error',
  HD: 'ORC-5 held',
  IP: 'ORC-5 active',
  RP: 'ORC-5 ended',
  SC: 'ORC-5 active',
};

/** Rows that say themselves how the order ends or rests. */
const ENDING: ReadonlySet<string> = new Set(['cancel', 'discontinue', 'replace', 'replaced', 'ended', 'hold', 'held']);
/** Rows of which ORC-5 alone says the state. */
const SILENT: ReadonlySet<string> = new Set(['status', 'request', 'other']);
const RELEASING: ReadonlySet<string> = new Set(['release', 'released']);

/** ORC-1 of a request → its reply when the reader agrees, and when he does not. */
const OUTCOMES: Readonly<Record<string, readonly [agreed: string, refused: string]>> = {
  CA: ['CR', 'UC'],
  DC: ['DR', 'UD'],
  RP: ['RQ', 'UM'],
};
