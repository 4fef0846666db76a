import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Peer } from '../../../../src/model/peer.ts';
import { judge, messageType } from '../../../../src/protocols/hl7v2/accept.ts';
import { isRefusal, readHeader } from '../../../../src/protocols/hl7v2/header.ts';

const ORDER = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7', 'utf8');

const PEER: Peer = {
  name: 'north',
  messages: {},
  otherMessages: 'refused',
  reusedControlId: 'flag',
  gaps: 'pass',
  acknowledgment: 'asked',
  release: 0,
  accession: 'OBR-18',
  accessionIssuer: '',
  patientAuthority: '',
  charset: '',
  zone: '+01:00',
  specialty: '',
  returns: [],
};

/** `accepted 4711`, `ignored`, or `refused <code> <segment>-<field>`. */
function verdict(text: string, peer: Partial<Peer> = {}): string {
  const bytes = Buffer.from(text);
  const header = readHeader(bytes);
  if (isRefusal(header)) throw new Error(header.failure.detail);
  const judged = judge(bytes, header, { ...PEER, ...peer });
  if (judged.disposition === 'accepted') return `accepted ${judged.patient}`;
  if (judged.disposition === 'ignored') return 'ignored';
  const { failure, location } = judged.refusal;
  return `refused ${failure.code} ${location?.segment}^${location?.sequence}-${location?.field}`;
}

/** The order with one thing changed. */
function changed(from: string | RegExp, to: string): string {
  const text = ORDER.replace(from, to);
  if (text === ORDER) throw new Error(`${from} is not in the fixture`);
  return text;
}

const typed = (type: string): string => changed('ORM^O01^ORM_O01', type);

describe('at the door', () => {
  it('takes a thousand orders in a message, and no more', () => {
    const orders = (count: number) => ORDER + Array.from({ length: count - 1 }, (_, n) => `ORC|CA|P-${n}\r`).join('');
    expect(verdict(orders(1_000))).toBe('accepted 4711');
    expect(verdict(orders(1_001))).toBe('refused too-large ORC^1001-0');
  });

  it('accepts a new order and finds its patient', () => {
    expect(verdict(ORDER)).toBe('accepted 4711');
  });

  it.each(['T', 'D', 'P^T', 'P^'])('accepts processing id %s', (id) => {
    expect(verdict(changed('|P|2.5.1', `|${id}|2.5.1`))).toBe('accepted 4711');
  });

  it.each(['2.1', '2.3', '2.3.1', '2.9', '2.5.1^DEU^1'])('accepts version %s', (version) => {
    expect(verdict(changed('|P|2.5.1', `|P|${version}`))).toBe('accepted 4711');
  });

  it.each([
    ['|X|2.5.1', 'refused unsupported-processing-id MSH^1-11'],
    ['||2.5.1', 'refused unsupported-processing-id MSH^1-11'],
    ['|P|3.0', 'refused unsupported-version MSH^1-12'],
    ['|P|', 'refused unsupported-version MSH^1-12'],
  ])('refuses %s', (mode, refusal) => {
    expect(verdict(changed('|P|2.5.1', mode))).toBe(refusal);
  });

  it('reads the first repetition, as mapping does', () => {
    expect(verdict(changed('ORC|NW|', 'ORC|~NW|'))).toBe('refused required-field ORC^1-1');
  });

  it('refuses a message without type or control id', () => {
    expect(verdict(typed(''))).toBe('refused required-field MSH^1-9');
    expect(verdict(changed('|N-1001|', '||'))).toBe('refused required-field MSH^1-10');
  });
});

describe('the type of a message', () => {
  it('is its code and trigger', () => {
    const header = readHeader(Buffer.from(typed('ORM^O01')));
    expect(isRefusal(header) ? '' : messageType(header)).toBe('ORM^O01');
  });

  it('that is unknown follows the policy for others', () => {
    expect(verdict(typed('ADT^A01^ADT_A01'))).toBe('refused unsupported-type MSH^1-9');
    expect(verdict(typed('ADT^A01^ADT_A01'), { otherMessages: 'ignored' })).toBe('ignored');
  });

  it('is an unsupported event where another event of it is mapped', () => {
    expect(verdict(typed('ORM^O02'))).toBe('refused unsupported-event MSH^1-9');
    expect(verdict(typed('ORM'))).toBe('refused unsupported-event MSH^1-9');
  });

  it('follows the policy named for it, then the one for its code', () => {
    const messages = { 'ADT^*': 'ignored', 'ADT^A40': 'refused' } as const;
    expect(verdict(typed('ADT^A01'), { messages })).toBe('ignored');
    expect(verdict(typed('ADT^A40'), { messages })).toBe('refused unsupported-type MSH^1-9');
  });

  it('that is mapped may be ignored or refused for a peer', () => {
    expect(verdict(ORDER, { messages: { 'ORM^O01': 'ignored' } })).toBe('ignored');
    expect(verdict(ORDER, { messages: { 'ORM^*': 'refused' } })).toBe('refused unsupported-type MSH^1-9');
  });

  it('that mapping does not know is never accepted, whatever the policy says', () => {
    expect(verdict(typed('SIU^S12'), { messages: { 'SIU^*': 'mapped' } })).toBe('refused unsupported-type MSH^1-9');
  });

  it('that tells of persons is taken from those only who were configured to', () => {
    expect(verdict(typed('ADT^A08'))).toBe('refused unsupported-type MSH^1-9');
    expect(verdict(typed('ADT^A08'), { messages: { 'ADT^*': 'mapped' } })).toBe('accepted 4711');
    expect(verdict(typed('ADT^A08'), { messages: { 'ADT^A08': 'mapped' } })).toBe('accepted 4711');
  });

  it('that says nothing here does not stop a feed that is mapped as a whole', () => {
    expect(verdict(typed('ADT^A60'), { messages: { 'ADT^*': 'mapped' } })).toBe('ignored');
    expect(verdict(typed('ADT^A60'), { messages: { 'ADT^*': 'mapped', 'ADT^A60': 'mapped' } })).toBe('refused unsupported-event MSH^1-9');
  });

  it('that is ignored is not judged further than its control id', () => {
    const ignored = typed('ADT^A01').replace('|P|2.5.1', '|?|99');
    expect(verdict(ignored, { otherMessages: 'ignored' })).toBe('ignored');
    expect(verdict(ignored.replace('|N-1001|', '||'), { otherMessages: 'ignored' })).toBe('refused required-field MSH^1-10');
  });
});

describe('an ORM^O01', () => {
  it('whose patient has only a later identifier with a value is accepted with that', () => {
    expect(verdict(changed('4711^^^NORTH^MR', '^^^NORTH~4712^^^SOUTH'))).toBe('accepted 4712');
  });

  it.each([
    ['no PID', /PID.*?\r/, '', 'refused segment-sequence PID^1-0'],
    ['an empty PID-3', '4711^^^NORTH^MR', '', 'refused required-field PID^1-3'],
    ['a PID-3 without id', '4711^^^NORTH^MR', '^^^NORTH^MR', 'refused required-field PID^1-3'],
    ['a deleted PID-3', '4711^^^NORTH^MR', '""', 'refused required-field PID^1-3'],
    ['two PID', 'PV1|', 'PID|2||4712\rPV1|', 'refused segment-sequence PID^2-0'],
    ['no ORC', /ORC.*?\r/, '', 'refused segment-sequence ORC^1-0'],
    ['neither ORC nor OBR', /ORC.*/s, '', 'refused segment-sequence ORC^1-0'],
    ['the patient after the order', /(PID.*?\r)(.*)/s, '$2$1', 'refused segment-sequence PID^1-0'],
    ['an empty ORC-1', 'ORC|NW', 'ORC|', 'refused required-field ORC^1-1'],
    ['no order number', /P-1001\^NORTH/g, '', 'refused required-field ORC^1-2'],
    ['a new order without OBR', /OBR.*?\r/, '', 'refused segment-sequence OBR^1-0'],
    ['a new order that asks nothing', '24725-4^CT Head^LN', '', 'refused required-field OBR^1-4'],
    ['two OBR under one ORC', /(OBR.*?\r)/, '$1$1', 'refused segment-sequence ORC^1-0'],
    ['OBR and RXO under one ORC', /$/, 'RXO|1\r', 'refused segment-sequence ORC^1-0'],
    ['a second message in the frame', /$/, ORDER, 'refused segment-sequence MSH^2-0'],
    ['NUL bytes', 'Sturz', 'Stu\0rz', 'refused invalid MSH^1-0'],
  ])('with %s is refused', (_, from, to, refusal) => {
    expect(verdict(changed(from, to))).toBe(refusal);
  });

  it('is judged order by order', () => {
    expect(verdict(`${ORDER}ORC|NW|P-1002\rOBR|2|||\r`)).toBe('refused required-field OBR^2-4');
  });

  it('with a filler number only, or numbers in OBR only, is accepted', () => {
    expect(verdict(changed('NW|P-1001^NORTH|', 'NW||F-1').replace('OBR|1|P-1001^NORTH', 'OBR|1|'))).toBe('accepted 4711');
    expect(verdict(changed('NW|P-1001^NORTH', 'NW|'))).toBe('accepted 4711');
  });

  it('that cancels needs no OBR', () => {
    expect(verdict(changed('ORC|NW', 'ORC|CA').replace(/OBR.*?\r/, ''))).toBe('accepted 4711');
  });

  it('of pharmacy, diet or supply orders follows the policy for other messages', () => {
    const pharmacy = changed(/OBR.*?\r/, 'RXO|50111032701^a drug^NDC\r');
    expect(verdict(pharmacy)).toBe('refused unsupported-type MSH^1-9');
    expect(verdict(pharmacy, { otherMessages: 'ignored' })).toBe('ignored');
    expect(verdict(pharmacy.replace('RXO|', 'ODS|'), { otherMessages: 'ignored' })).toBe('ignored');
    expect(verdict(pharmacy.replace('RXO|', 'RQD|'), { otherMessages: 'ignored' })).toBe('ignored');
  });

  it('that cancels an order without saying of what kind is never ignored with the others', () => {
    const cancelled = changed('ORC|NW', 'ORC|CA').replace(/OBR.*?\r/, '');
    expect(verdict(`${cancelled}ORC|NW|P-1002\rRXO|50111032701^a drug^NDC\r`, { otherMessages: 'ignored' })).toBe('accepted 4711');
  });

  it('that mixes them with an order of ours is accepted', () => {
    expect(verdict(`${ORDER}ORC|NW|P-1002\rRXO|50111032701^a drug^NDC\r`)).toBe('accepted 4711');
  });

  it.each(['OML^O21^OML_O21', 'OMG^O19', 'OMI^O23^OMI_O23'])('is the same as %s', (type) => {
    expect(verdict(typed(type))).toBe('accepted 4711');
    expect(verdict(`${typed(type)}ORC|NW|\rOBR|2|||CT\r`)).toBe('refused required-field ORC^2-2');
  });

  it('may bring prior results of the same or another patient, where its type has them', () => {
    const prior = 'PID|1||4712\rORC|SC\rOBR|1|||58410-2\rORC|NW|P-1002\rOBR|1|||CT\r';
    expect(verdict(`${typed('OML^O21')}${prior}`)).toBe('accepted 4711');
    expect(verdict(`${typed('OMG^O19')}ORC|PR\rOBR|1|||58410-2\r`)).toBe('accepted 4711');
    expect(verdict(`${typed('OMI^O23')}${prior}`)).toBe('refused segment-sequence PID^2-0');
    expect(verdict(`${ORDER}${prior}`)).toBe('refused segment-sequence PID^2-0');
  });
});

describe('an ADT message', () => {
  const FEED: Partial<Peer> = { messages: { 'ADT^*': 'mapped' } };
  const adt = (event: string, ...segments: string[]) =>
    verdict([`MSH|^~\\&|ADT|H|W|W|20260302081500||ADT^${event}|A1|P|2.5.1`, 'EVN||20260302081500', ...segments, ''].join('\r'), FEED);

  it.each([
    ['A01', ['PID|||X^^^H^MR'], 'accepted X'],
    ['A01', ['PV1|1|I'], 'refused segment-sequence PID^1-0'],
    ['A01', ['PID|||^^^H^MR'], 'refused required-field PID^1-3'],
    ['A01', [`PID|||${'9'.repeat(251)}`], 'refused too-large PID^1-3'],
    ['A40', ['PID|||Y', 'MRG|X'], 'accepted Y'],
    ['A40', ['PID|||Y'], 'refused segment-sequence MRG^1-0'],
    ['A40', ['PID|||Y', 'MRG|""'], 'refused required-field MRG^1-1'],
    ['A40', ['PID|||Y', 'MRG|X', 'PID|||Z', 'MRG|'], 'refused required-field MRG^2-1'],
    ['A24', ['PID|||X'], 'refused segment-sequence PID^2-0'],
    ['A24', ['PID|||X', 'PID|||Y'], 'accepted X'],
    ['A41', ['PID|||X', 'MRG|X||A1'], 'refused required-field PID^1-18'],
    ['A45', ['PID|||Y', 'MRG|X', 'PV1|1|I'], 'refused required-field PV1^1-19'],
    ['A50', ['PID|||X', 'MRG|X||||V1', 'PV1|1|I|||||||||||||||||V2'], 'accepted X'],
    ['A01', ['PID|||X', 'MSH|^~\\&'], 'refused segment-sequence MSH^2-0'],
  ])('%s of %j: %s', (event, segments, expected) => {
    expect(adt(event, ...segments)).toBe(expected);
  });

  it('of more people than one transaction should hold is refused', () => {
    const merges = (count: number) => Array.from({ length: count }, (_, index) => [`PID|||Y${index}`, `MRG|X${index}`]).flat();
    expect(adt('A40', ...merges(100))).toBe('accepted Y0');
    expect(adt('A40', ...merges(101))).toBe('refused too-large PID^101-0');
  });
});

describe('a referral', () => {
  const referral = readFileSync('fixtures/hl7v2/ref-i12/to-dermatology.hl7', 'utf8');

  it.each(['I12', 'I13', 'I14', 'I15'])('of trigger %s is accepted', (trigger) => {
    expect(verdict(referral.replace('REF^I12', `REF^${trigger}`))).toBe('accepted 4725');
  });

  it.each([
    ['REF^I12', 'REF^I16', 'refused unsupported-event MSH^1-9'],
    [/RF1.*?\r/, '', 'refused segment-sequence RF1^1-0'],
    ['R5001^EHR^1.2.826.0.1.99.9^ISO', '', 'refused required-field RF1^1-6'],
    [/PID.*?\r/, '', 'refused segment-sequence PID^1-0'],
    ['OBR|1', 'RF1|P\rOBR|1', 'refused segment-sequence RF1^2-0'],
  ])('with %s as %j is %s', (from, to, said) => {
    expect(verdict(referral.replace(from, to))).toBe(said);
  });
});
