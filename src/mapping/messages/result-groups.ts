/**
 * The groups of a message of results (HL7 v2.5.1 §7.3.1, ORU_R01; v2.9 ORDER_DOCUMENT):
 *
 *   MSH [PID [PD1] [PRT…] [NTE…] [NK1…] { OBX [PRT…] } [PV1 [PV2]]]  { [ORC [PRT…] [OBX [PRT…] TXA]] OBR [NTE…] [PRT…] [TQ1…]
 *     { OBX [PRT…] [NTE…] } [FT1…] [CTI…] { SPM { OBX [PRT…] } } } [DSC]
 *
 * Segments are grouped by where they stand: a report begins with an ORC, or with an OBR that no ORC precedes.
 */
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import type { ObservationSegments } from '../segments/obx-observation.ts';
import { observationsIn } from './observation-groups.ts';
import type { OrderGroup } from './order-groups.ts';

export type SpecimenResults = {
  readonly spm: Segment;
  readonly notes: readonly Segment[];
  readonly observations: readonly ObservationSegments[];
};

export type ResultGroup = Pick<OrderGroup, 'obr' | 'tq1' | 'ipc' | 'zds' | 'notes' | 'observations'> & {
  readonly orc: Segment | undefined;
  /** Of ORC and of OBR. */
  readonly participants: readonly Segment[];
  readonly specimens: readonly SpecimenResults[];
  /** ORDER_DOCUMENT: a document of the order, and what describes it. */
  readonly document: { readonly txa: Segment; readonly observations: readonly ObservationSegments[] } | undefined;
};

export type ResultMessage = {
  /** What comes before the first report. */
  readonly head: readonly Segment[];
  readonly groups: readonly ResultGroup[];
};

export function resultGroups(message: Hl7Message): ResultMessage {
  const { segments } = message;
  const starts = startsIn(segments);
  return {
    head: segments.slice(0, starts[0] ?? segments.length),
    groups: starts.map((start, index) => groupOf(segments.slice(start, starts[index + 1]))),
  };
}

/** Each ORC, and each OBR before which stands no ORC, or another OBR nearer. */
function startsIn(segments: readonly Segment[]): number[] {
  let before = '';
  return segments.flatMap(({ name }, index) => {
    if (name !== 'ORC' && name !== 'OBR') return [];
    const begins = name === 'ORC' || before !== 'ORC';
    before = name;
    return begins ? [index] : [];
  });
}

function groupOf(segments: readonly Segment[]): ResultGroup {
  const place = segments.findIndex(({ name }) => name === 'OBR');
  const [ahead, rest] = place < 0 ? [segments, []] : [segments.slice(0, place), segments.slice(place)];
  const specimenStarts = rest.flatMap(({ name }, index) => (name === 'SPM' ? [index] : []));
  const result = rest.slice(0, specimenStarts[0] ?? rest.length);
  const own = untilObservation(result);
  return {
    orc: segments.find(({ name }) => name === 'ORC'),
    obr: rest[0],
    participants: [...named(untilObservation(ahead), 'PRT'), ...named(own, 'PRT')],
    notes: [...named(untilObservation(ahead), 'NTE'), ...named(own, 'NTE')],
    tq1: named(segments, 'TQ1'),
    ipc: named(segments, 'IPC'),
    zds: named(segments, 'ZDS'),
    document: documentOf(ahead),
    observations: observationsIn(result),
    specimens: specimenStarts.map((start, index) => specimenOf(rest.slice(start, specimenStarts[index + 1]))),
  };
}

function documentOf(ahead: readonly Segment[]): ResultGroup['document'] {
  const txa = ahead.find(({ name }) => name === 'TXA');
  return txa && { txa, observations: observationsIn(ahead) };
}

function specimenOf(segments: readonly Segment[]): SpecimenResults {
  return { spm: segments[0] as Segment, notes: named(untilObservation(segments), 'NTE'), observations: observationsIn(segments) };
}

function untilObservation(segments: readonly Segment[]): readonly Segment[] {
  const first = segments.findIndex(({ name }) => name === 'OBX');
  return first < 0 ? segments : segments.slice(0, first);
}

function named(segments: readonly Segment[], name: string): Segment[] {
  return segments.filter((segment) => segment.name === name);
}
