/**
 * What is quoted of the message that ordered: so that who asked gets his numbers back as he wrote them. In: the message as read, and which
 * of its orders is meant. Out: segments and fields to write again. What the order asked to delete is not said again.
 */
import type { Patient } from '@medplum/fhirtypes';
import { components } from '../../mapping/datatypes/components.ts';
import { cxIdentifier } from '../../mapping/datatypes/cx-identifier.ts';
import type { CaseKey } from '../../model/case.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Peer } from '../../model/peer.ts';
import type { ComponentValue, FieldValue, SegmentValue } from '../../protocols/hl7v2/escape.ts';
import { segment } from '../../protocols/hl7v2/escape.ts';
import { type Hl7Message, parseMessage, type Segment } from '../../protocols/hl7v2/message.ts';
import { dateTimeField } from './hl7v2-fields.ts';

/** Who is written to, and how the message is known. */
export type Addressed = {
  readonly destination: { readonly receivingApplication: FieldValue; readonly receivingFacility: FieldValue; readonly version: string };
  readonly sender: { readonly application: FieldValue; readonly facility: FieldValue };
  /** MSH-11; `P` where it is not said. */
  readonly processingId?: string;
  /** MSH-10. */
  readonly controlId: string;
  readonly now: Date;
};

/** The patient as he now is, and the authority of numbers that the order's sender leaves without one. */
export type AskedFor = { readonly patient: Patient | null; readonly patientAuthority: string };

/** MSH. The structure (MSH-9.3) came with 2.3.1, where receivers of 2.3 still stumble over it. */
export function messageHeader(
  { destination, sender, processingId, controlId, now }: Addressed,
  [code, trigger]: readonly [string, string],
  structure: string,
): SegmentValue {
  return segment('MSH', {
    3: sender.application,
    4: sender.facility,
    5: destination.receivingApplication,
    6: destination.receivingFacility,
    7: dateTimeField(now.toISOString()),
    9: destination.version < '2.4' ? [code, trigger] : [code, trigger, structure],
    10: controlId,
    11: processingId ?? 'P',
    12: destination.version,
    18: 'UNICODE UTF-8',
  });
}

/** One order of a message: ORC, OBR, and the study UIDs (ZDS) or imaging procedures (IPC) that stand with them. */
export type OrderGroup = {
  readonly orc: Segment | null;
  readonly obr: Segment | null;
  readonly studies: readonly Segment[];
  readonly imaging: readonly Segment[];
};

export type DetailedGroup = OrderGroup & { readonly obr: Segment };

/** The message that ordered, and which of its orders is meant. */
export type Asking = { readonly order: Buffer; readonly orderCharset: Peer['charset']; readonly keys: readonly CaseKey[] };

/** The message as read, and the order in it. */
export function askingOrder(asking: Asking): { readonly order: Hl7Message; readonly group: DetailedGroup } | Failure {
  const order = parseMessage(asking.order, asking.orderCharset);
  if (isFailure(order)) return order;
  const group = askedGroup(order, asking.keys);
  return isFailure(group) ? group : { order, group };
}

/** The order that is meant, in a message as read. */
export function askedGroup(order: Hl7Message, keys: readonly CaseKey[]): DetailedGroup | Failure {
  return groupFor(order, keys) ?? failure('return', 'not-found', 'the order is not found in the message that brought it');
}

/** PV1 of the order, where it has one. */
export function visitOf(order: Hl7Message): SegmentValue[] {
  const visit = order.first('PV1');
  return visit ? [segment('PV1', copied(visit, [1, 2, 3, 19]))] : [];
}

/** The order that carries the most of the case's numbers; the only one there is. */
function groupFor(order: Hl7Message, keys: readonly CaseKey[]): DetailedGroup | null {
  const groups = groupsOf(order);
  const scored = groups.map((group) => ({ group, score: keys.filter((key) => numbersOf(group, key.kind).includes(key.value)).length }));
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a), scored[0] ?? { group: null, score: 0 });
  return groups.length > 1 && best.score === 0 ? null : best.group;
}

function groupsOf(order: Hl7Message): DetailedGroup[] {
  const groups: DetailedGroup[] = [];
  let orc: Segment | null = null;
  for (const one of order.segments) {
    if (one.name === 'ORC') orc = one;
    if (one.name === 'OBR') groups.push({ orc, obr: one, studies: [], imaging: [] });
    const last = groups.at(-1);
    if (one.name === 'ZDS' && last) groups[groups.length - 1] = { ...last, studies: [...last.studies, one] };
  }
  return groups;
}

/** The order whose ORC (or what stands for it) is the segment at this place of the message. */
export function groupAt(order: Hl7Message, position: number): OrderGroup | null {
  // Looked for from there on: of a thousand orders each would copy all behind it.
  let end = position;
  while (end < order.segments.length && order.segments[end]?.name !== 'ORC') end++;
  const segments = order.segments.slice(position - 1, end);
  const [first] = segments;
  if (!first) return null;
  const named = (name: string) => segments.filter((one) => one.name === name);
  return { orc: first.name === 'ORC' ? first : null, obr: named('OBR')[0] ?? null, studies: named('ZDS'), imaging: named('IPC') };
}

function numbersOf({ orc, obr }: DetailedGroup, kind: CaseKey['kind']): string[] {
  if (kind === 'placer') return [orc?.get(2) ?? '', obr.get(2)];
  if (kind === 'filler') return [orc?.get(3) ?? '', obr.get(3)];
  return kind === 'accession' ? [obr.get(18), obr.get(3), obr.get(20)] : [];
}

export function identification(order: Hl7Message, asked: AskedFor): SegmentValue[] {
  const pid = order.first('PID');
  return pid ? [segment('PID', { ...copied(pid, [1, 5, 7, 8, 18]), 3: { repetitions: currentNumbers(pid, asked) } })] : [];
}

/**
 * PID-3 of the order, each number as it now is with its authority. Numbers of other authorities are not told: they are not the
 * asking hospital's business.
 */
function currentNumbers(pid: Segment, { patient, patientAuthority }: AskedFor): readonly ComponentValue[][] {
  const known = (patient?.identifier ?? []).filter(({ use }) => use !== 'old');
  return pid.tree(3).map((repetition, index) => {
    const { system, value } = cxIdentifier(components(pid, 3, index + 1), patientAuthority, '+00:00')?.identifier ?? {};
    const ofAuthority = known.filter((identifier) => identifier.system === system);
    const stands = ofAuthority.length === 0 || ofAuthority.some((identifier) => identifier.value === value);
    return stands ? [...repetition] : [ofAuthority[0]?.value ?? '', '', '', ...repetition.slice(3)];
  });
}

/** Fields of a segment as they came; one that asks to delete says nothing here. */
export function copied(from: Segment, fields: readonly number[]): Record<number, FieldValue> {
  const given = fields.filter((field) => from.raw(field) !== '' && from.raw(field) !== '""');
  return Object.fromEntries(given.map((field) => [field, { repetitions: from.tree(field) }]));
}

/** ORC-2 and ORC-3 as they came, from the OBR where the ORC has none. */
export function numberFields({ orc, obr }: OrderGroup): Record<number, FieldValue> {
  const said = (field: number) => [orc, obr].find((one) => one && one.raw(field) !== '') ?? null;
  const [placer, filler] = [said(2), said(3)];
  return { ...(placer ? copied(placer, [2]) : {}), ...(filler ? copied(filler, [3]) : {}) };
}
