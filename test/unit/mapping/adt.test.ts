import { describe, expect, it } from '@jest/globals';
import type { Account, Encounter, Observation, Patient, Provenance, Resource } from '@medplum/fhirtypes';
import { mapHl7v2 } from '../../../src/mapping/registry.ts';
import { ENCOUNTER_STATUS } from '../../../src/mapping/vocabulary/0003-encounter-status.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { Mapped } from '../../../src/model/mapped.ts';
import { ADT_EVENTS } from '../../../src/protocols/hl7v2/adt-events.ts';
import { adt, mrg, pid, pv1, type Sent } from '../../support/hospital-messages.ts';
import { PEER } from './fixtures.ts';

const received = new Date('2026-03-10T12:00:00Z');

function map({ type, controlId, bytes }: Sent, at = received): Mapped {
  const mapped = mapHl7v2({ peer: PEER.name, type, controlId, digest: Buffer.alloc(32), payload: bytes, received: at }, { peer: PEER });
  if (isFailure(mapped)) throw new Error(mapped.detail);
  return mapped;
}

function made<T extends Resource>({ resources }: Mapped, type: T['resourceType']): T[] {
  return resources.flatMap(({ resource }) => (resource.resourceType === type ? [resource as T] : []));
}

const identities = ({ resources }: Mapped) =>
  resources.flatMap(({ resource, identities: all }) =>
    resource.resourceType === 'Patient' ? [all.map(({ value }) => value).join(' ')] : [],
  );

describe('ADT', () => {
  it('is persons and stays, and no part of a case', () => {
    const mapped = map(adt('A01', '20260310090000', pid('X', 'Muster^Erika', { 18: 'A1^^^HOSP^AN' }), pv1('V1', { 44: '20260310083000' })));
    expect(mapped.parts).toEqual([]);
    expect(made<Patient>(mapped, 'Patient')[0]?.name?.[0]?.family).toBe('Muster');
    expect(made<Account>(mapped, 'Account')[0]).toMatchObject({ status: 'active', identifier: [{ value: 'A1' }] });
    expect(made<Encounter>(mapped, 'Encounter')[0]).toMatchObject({ status: 'in-progress', account: [{}], identifier: [{ value: 'V1' }] });
    expect(made<Provenance>(mapped, 'Provenance').some(({ activity }) => activity?.text === 'ADT^A01')).toBe(true);
  });

  it.each([...ENCOUNTER_STATUS])('says that a stay after %s is %s', (event, status) => {
    const [item] = map(adt(event, '20260310090000', pid('X'), pv1('V1'))).resources.filter(
      ({ resource }) => resource.resourceType === 'Encounter',
    );
    expect((item?.resource as Encounter | undefined)?.status ?? null).toBe(status);
    expect(item?.initial).toEqual({ status: status ?? 'in-progress' });
  });

  it('has a status for every event that only tells of persons and stays', () => {
    const updates = [...ADT_EVENTS].flatMap(([event, { does }]) => (does === 'update' ? [event] : []));
    expect([...ENCOUNTER_STATUS.keys()].sort()).toEqual(updates.sort());
  });

  it('never takes what is of one patient for what is of another, whatever their numbers are', () => {
    const urns = [
      [pid('4711\\F\\A'), 'AL1|1||B'],
      [pid('4711'), 'AL1|1||A\\F\\B'],
      [pid('4711\\E\\'), 'AL1|1||A'],
      [pid('4711\\E\\\\F\\A'), 'AL1|1||'],
    ].map(([patient = '', allergy = '']) =>
      map(adt('A08', '20260310090000', patient, pv1('V1'), allergy)).resources.flatMap(({ resource, identities: [known] }) =>
        resource.resourceType === 'AllergyIntolerance' ? [known?.value] : [],
      ),
    );
    expect(urns.flat()).toEqual([...new Set(urns.flat())]);
    expect(urns.flat().length).toBeGreaterThan(2);
  });

  it('knows what was observed of a patient again by its code and its time', () => {
    const weight = (kilograms: number) => `OBX|1|NM|29463-7^Body weight^LN||${kilograms}|kg|||||F|||20260310080000`;
    const [first, later] = [weight(70), weight(71)].map((obx) => map(adt('A08', '20260310090000', pid('X'), pv1('V1'), obx)));
    const urns = [first, later].map((mapped) => mapped?.resources.find(({ resource }) => resource.resourceType === 'Observation')?.urn);
    expect(urns[0]).toBe(urns[1]);
    expect(made<Observation>(later as Mapped, 'Observation')[0]).toMatchObject({
      valueQuantity: { value: 71 },
      subject: {},
      encounter: {},
    });
  });

  it('keeps both of two observations that the sender gave one number', () => {
    const obx = (n: number, code: string, text: string) => `OBX|${n}|ST|${code}^^L||${text}||||||F||||||||||SLIDE-1^LAB`;
    const mapped = map(adt('A08', '20260310090000', pid('X'), pv1('V1'), obx(1, 'A', 'one'), obx(2, 'B', 'two')));
    expect(made<Observation>(mapped, 'Observation').map(({ valueString }) => valueString)).toEqual(['one', 'two']);
  });

  it('makes no stay of a PV1 that names none', () => {
    expect(made(map(adt('A31', '20260310090000', pid('X'), 'PV1|1|N')), 'Encounter')).toEqual([]);
  });

  it('never finds a survivor by the number that is merged into it, though the sender repeats it in PID-3', () => {
    const message = adt('A40', '20260310090000', pid('Y^^^HOSP^MR~X^^^HOSP^MR'), mrg({ 1: 'X^^^HOSP^MR' }));
    const mapped = map(message);
    expect(identities(mapped)).toEqual(['Y']);
    expect(mapped.changes).toMatchObject([{ kind: 'merge', type: 'Patient', from: [{ identity: { value: 'X' } }] }]);
  });

  it.each([
    ['A18', 'merge Patient'],
    ['A30', 'merge Patient'],
    ['A34', 'merge Patient'],
    ['A35', 'merge Account'],
    ['A36', 'merge Patient, merge Account'],
    ['A40', 'merge Patient'],
    ['A41', 'merge Account'],
    ['A43', 'move-numbers Patient'],
    ['A44', 'move Patient'],
    ['A45', 'renumber Encounter, move Patient'],
    ['A47', 'renumber Patient'],
    ['A50', 'renumber Encounter'],
    ['A51', 'renumber Encounter'],
  ])('takes %s as: %s', (event, expected) => {
    const before = mrg({ 1: 'X^^^HOSP^MR', 3: 'A0^^^HOSP^AN', 5: 'V0^^^HOSP^VN', 6: 'W0^^^HOSP' });
    const stay = pv1('V1', { 50: 'W1^^^HOSP' });
    const mapped = map(adt(event, '20260310090000', pid('Y', 'Muster', { 18: 'A1^^^HOSP^AN' }), before, stay));
    expect((mapped.changes ?? []).map(({ kind, type }) => `${kind} ${type}`).join(', ')).toBe(expected);
  });

  it.each([
    ['A24', 'link'],
    ['A37', 'unlink'],
  ])('takes %s as a %s of two records', (event, kind) => {
    expect(map(adt(event, '20260310090000', pid('X'), pid('Y'))).changes).toMatchObject([{ kind, from: [{ identity: { value: 'Y' } }] }]);
  });
});

describe('when it happened', () => {
  const spans = (when: string, at = received) => {
    const { occurred } = map(adt('A08', when, pid('X')), at);
    return occurred && [occurred.from.toISOString(), occurred.to.toISOString()];
  };

  it.each([
    ['20260310093015.25+0100', '2026-03-10T08:30:15.250Z', '2026-03-10T08:30:15.250Z'],
    ['20260310093015', '2026-03-10T08:30:15.000Z', '2026-03-10T08:30:15.999Z'],
    ['202603100930', '2026-03-10T08:30:00.000Z', '2026-03-10T08:30:59.999Z'],
    ['2026031009', '2026-03-10T08:00:00.000Z', '2026-03-10T08:59:59.999Z'],
    ['20260309', '2026-03-08T23:00:00.000Z', '2026-03-09T22:59:59.999Z'],
    ['20620310093015', received.toISOString(), received.toISOString()],
  ])('%s is from %s to %s', (when, from, to) => {
    expect(spans(when)).toEqual([from, to]);
  });

  it.each(['', 'yesterday', '2026'])('is not told by "%s"', (when) => {
    expect(spans(when)).toBeNull();
  });

  it('is EVN-2 before MSH-7', () => {
    const { bytes, ...message } = adt('A08', '20260310090000', pid('X'));
    const earlier = Buffer.from(bytes.toString().replace('EVN||20260310090000', 'EVN||20260310080000'));
    expect(map({ ...message, bytes: earlier }).occurred?.from.toISOString()).toBe('2026-03-10T07:00:00.000Z');
    const without = Buffer.from(bytes.toString().replace('EVN||20260310090000', 'EVN||'));
    expect(map({ ...message, bytes: without }).occurred?.from.toISOString()).toBe('2026-03-10T08:00:00.000Z');
  });
});
