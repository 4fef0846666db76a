/**
 * The ADT events that are understood (HL7 v2.5.1 §3.3, HL7 Table 0003): what each says, and the fields without which it says nothing.
 * Swaps of beds (A17), pending events (A14 to A16 and their cancels), leaves of absence (A21, A22) and deletions (A23, A29) have no meaning
 * here: a feed that is mapped as a whole has them ignored.
 */
export type AdtEvent = {
  readonly does: AdtAct;
  /** Beside PID-3. */
  readonly needs: readonly string[];
};

export type AdtAct =
  | 'update'
  | 'merge-patient'
  | 'merge-account'
  | 'merge-both'
  | 'move-patient'
  | 'move-account'
  | 'move-visit'
  | 'link'
  | 'unlink'
  | 'renumber-patient'
  | 'renumber-visit'
  | 'renumber-alternate-visit';

const event = (does: AdtAct, ...needs: readonly string[]): AdtEvent => ({ does, needs });

/** By MSH-9.2. */
export const ADT_EVENTS: ReadonlyMap<string, AdtEvent> = new Map([
  ['A01', event('update')], // admit
  ['A02', event('update')], // transfer
  ['A03', event('update')], // discharge
  ['A04', event('update')], // register
  ['A05', event('update')], // pre-admit
  ['A06', event('update')], // outpatient to inpatient
  ['A07', event('update')], // inpatient to outpatient
  ['A08', event('update')], // update
  ['A09', event('update')], // departing
  ['A10', event('update')], // arriving
  ['A11', event('update')], // cancel admit
  ['A12', event('update')], // cancel transfer
  ['A13', event('update')], // cancel discharge
  ['A18', event('merge-patient', 'MRG-1')],
  ['A24', event('link')],
  ['A28', event('update')], // add person
  ['A30', event('merge-patient', 'MRG-1')],
  ['A31', event('update')], // update person
  ['A34', event('merge-patient', 'MRG-1')],
  ['A35', event('merge-account', 'PID-18', 'MRG-3')],
  ['A36', event('merge-both', 'MRG-1')],
  ['A37', event('unlink')],
  ['A40', event('merge-patient', 'MRG-1')],
  ['A41', event('merge-account', 'PID-18', 'MRG-3')],
  ['A43', event('move-patient', 'MRG-1')],
  ['A44', event('move-account', 'PID-18', 'MRG-1')],
  ['A45', event('move-visit', 'PV1-19')],
  ['A47', event('renumber-patient', 'MRG-1')],
  ['A50', event('renumber-visit', 'PV1-19', 'MRG-5')],
  ['A51', event('renumber-alternate-visit', 'PV1-50', 'MRG-6')],
]);
