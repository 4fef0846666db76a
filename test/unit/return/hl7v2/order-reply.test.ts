import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { type Hl7Message, parseMessage } from '../../../../src/protocols/hl7v2/message.ts';
import { composeOrderReply, type OrderAnswer } from '../../../../src/return/hl7v2/order-reply.ts';
import { orderStateOf } from '../../../../src/return/hl7v2/order-state.ts';
import { composeOrderStatus } from '../../../../src/return/hl7v2/order-status.ts';

const ADDRESSED = {
  destination: { receivingApplication: 'RIS', receivingFacility: 'NORTH', version: '2.5.1' },
  sender: { application: 'WAYSTATION', facility: '' },
  controlId: 'W1',
  now: new Date('2026-03-02T09:32:00Z'),
  patient: null,
  patientAuthority: 'NORTH',
};
const PID = 'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F';

const message = (type: string, ...segments: string[]) =>
  Buffer.from([`MSH|^~\\&|RIS|NORTH|W|W|20260302081500||${type}|M1|P|2.5.1`, ...segments].map((one) => `${one}\r`).join(''));

function reply(bytes: Buffer, answers: readonly OrderAnswer[], version = '2.5.1'): string[] {
  const destination = { ...ADDRESSED.destination, version };
  const composed = composeOrderReply({ ...ADDRESSED, destination, message: bytes, messageCharset: '', answers });
  if (isFailure(composed)) throw new Error(composed.detail);
  return composed.toString().trimEnd().split('\r');
}

const answer = (position: number, control: string, more: Partial<OrderAnswer> = {}): OrderAnswer => ({
  position,
  control,
  state: 'SC',
  filler: '',
  ...more,
});

describe('the reply to orders', () => {
  const ORDER = ['ORC|CA|P1^RIS|F1^W|G1', 'OBR|7|P1^RIS|F1^W|24725-4^CT Head^LN||||||||||||||A-1'];

  it('is ORR^O02 to ORM^O01, byte by byte', () => {
    expect(reply(message('ORM^O01', PID, ...ORDER), [answer(3, 'CR', { state: 'CA' })])).toEqual([
      'MSH|^~\\&|WAYSTATION||RIS|NORTH|20260302093200+0000||ORR^O02^ORR_O02|W1|P|2.5.1||||||UNICODE UTF-8',
      'MSA|AA|M1',
      'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F',
      'ORC|CR|P1^RIS|F1^W|G1|CA||||20260302093200+0000',
      'OBR|7|P1^RIS|F1^W|24725-4^CT Head^LN||||||||||||||A-1',
    ]);
  });

  it.each([
    ['OMG^O19^OMG_O19', 'ORG^O20^ORG_O20'],
    ['OML^O21^OML_O21', 'ORL^O22^ORL_O22'],
    ['OMI^O23^OMI_O23', 'ORI^O24^ORI_O24'],
  ])('to %s is %s', (asked, replied) => {
    const lines = reply(message(asked, PID, ...ORDER, 'IPC|A-1|RP-1|1.2.3|SPS-1|CT'), [answer(3, 'OK')]);
    expect(lines[0]?.split('|')[8]).toBe(replied);
    expect(lines.map((line) => line.slice(0, 3))).toEqual(
      ['MSH', 'MSA', 'PID', 'ORC', 'OBR', 'IPC'].slice(0, asked.startsWith('OMI') ? 6 : 5),
    );
    expect(lines[5] ?? 'IPC|A-1|RP-1|1.2.3|SPS-1|CT').toBe('IPC|A-1|RP-1|1.2.3|SPS-1|CT');
  });

  it.each([
    ['REF^I12^REF_I12', 'OK', 'RRI^I12^RRI_I12', 'A'],
    ['REF^I14^REF_I12', 'UC', 'RRI^I14^RRI_I12', 'R'],
  ])('to %s with %s is %s, RF1-1 %s', (asked, control, replied, status) => {
    const referral = message(asked, 'RF1|P|R|MED|||R-1^NORTH', 'PRD|RP|Hausarzt^Peter', PID, 'ORC|NW|P1^RIS', 'OBR|1|P1^RIS||X');
    const lines = reply(referral, [answer(2, control)]);
    expect([lines[0]?.split('|')[8], ...lines.slice(2)]).toEqual([
      replied,
      `RF1|${status}^^HL70283|R|MED|||R-1^NORTH`,
      'PRD|RP|Hausarzt^Peter',
      'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F',
    ]);
  });

  it('answers each order with its own numbers, and leaves out one that waits for its answer', () => {
    const three = message('ORM^O01', PID, ...[1, 2, 3].flatMap((n) => [`ORC|CA|P${n}`, `OBR|${n}|P${n}||X`]));
    const lines = reply(three, [answer(3, 'CR'), answer(7, 'UC', { state: 'CM' })]);
    expect(lines.slice(3)).toEqual([
      'ORC|CR|P1|||SC||||20260302093200+0000',
      'OBR|1|P1||X',
      'ORC|UC|P3|||CM||||20260302093200+0000',
      'OBR|3|P3||X',
    ]);
  });

  it('says nothing of the state of an order that is not known, and writes no OBR where there was none', () => {
    expect(reply(message('ORM^O01', PID, 'ORC|CA|P9'), [answer(3, 'UC', { state: '' })]).slice(3)).toEqual([
      'ORC|UC|P9|||||||20260302093200+0000',
    ]);
  });

  it('gives the number that was asked for beside the placer’s', () => {
    const lines = reply(message('ORM^O01', PID, 'ORC|SN|P1^RIS', 'OBR|1|P1^RIS||X'), [answer(3, 'NA', { filler: '0190abcd' })]);
    expect(lines.slice(3)).toEqual(['ORC|NA|P1^RIS|0190abcd^WAYSTATION||SC||||20260302093200+0000', 'OBR|1|P1^RIS|0190abcd^WAYSTATION|X']);
  });

  it.each([
    ['DR', 'DC'],
    ['RQ', 'RP'],
  ])('%s says how it ended: ORC-5 %s', (control, state) => {
    expect(reply(message('ORM^O01', PID, ...ORDER), [answer(3, control, { state: 'CA' })])[3]?.split('|')[5]).toBe(state);
  });

  it('has no structure in MSH-9 for 2.3', () => {
    expect(reply(message('ORM^O01', PID, ...ORDER), [answer(3, 'OK')], '2.3')[0]?.split('|')[8]).toBe('ORR^O02');
  });

  it('is a Failure for a message of another type, or without that order', () => {
    const input = { ...ADDRESSED, messageCharset: '' as const, answers: [answer(9, 'OK')] };
    expect(composeOrderReply({ ...input, message: message('ADT^A08', PID) })).toMatchObject({ failure: true, code: 'unsupported-type' });
    expect(composeOrderReply({ ...input, message: message('ORM^O01', PID) })).toMatchObject({ failure: true, code: 'not-found' });
  });
});

describe('how an order stands', () => {
  it.each([
    ['assembling', 'active', 'draft', 'SC'],
    ['assembling', 'on-hold', 'draft', 'HD'],
    ['requested', 'active', 'requested', 'SC'],
    ['requested', 'active', 'accepted', 'IP'],
    ['claimed', 'active', 'in-progress', 'IP'],
    ['claimed', 'active', 'on-hold', 'HD'],
    ['reported', 'active', 'completed', 'CM'],
    ['closed', 'active', 'completed', 'CM'],
    ['cancelled', 'revoked', 'cancelled', 'CA'],
    ['cancelled', 'entered-in-error', 'cancelled', 'ER'],
    ['cancelled', 'completed', 'cancelled', 'CM'],
  ] as const)('%s, order %s, Task %s: %s', (phase, status, task, code) => {
    const order = { status, seq: 1, position: 3, said: null, abort: null };
    expect(orderStateOf({ phase, order }, task)).toBe(code);
  });

  const order = parseMessage(
    message('ORM^O01', PID, 'PV1|1|O', 'ORC|NW|P1^RIS||G1', 'OBR|1|P1^RIS||24725-4^CT Head^LN||||||||||||||A-1'),
  ) as Hl7Message;
  const told = (kind: 'osu' | 'orm', version = '2.5.1') => {
    const destination = { ...ADDRESSED.destination, version };
    const input = { ...ADDRESSED, destination, order, keys: [], state: 'IP' as const, message: kind };
    return (composeOrderStatus(input) as Buffer).toString().trimEnd().split('\r');
  };

  it('is told as OSU^O51', () => {
    expect(told('osu')).toEqual([
      'MSH|^~\\&|WAYSTATION||RIS|NORTH|20260302093200+0000||OSU^O51^OSU_O51|W1|P|2.5.1||||||UNICODE UTF-8',
      'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F',
      'ORC|SC|P1^RIS||G1|IP||||20260302093200+0000',
    ]);
  });

  it('is told as ORM^O01 to those who know no OSU', () => {
    expect(told('orm', '2.3')).toEqual([
      'MSH|^~\\&|WAYSTATION||RIS|NORTH|20260302093200+0000||ORM^O01|W1|P|2.3||||||UNICODE UTF-8',
      'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F',
      'PV1|1|O',
      'ORC|SC|P1^RIS||G1|IP||||20260302093200+0000',
      'OBR|1|P1^RIS||24725-4^CT Head^LN||||||||||||||A-1',
    ]);
  });
});
