/**
 * The groups of an order message: what comes before the first ORC, and each ORC with what follows it (HL7 v2.5.1 §4.4.1).
 * Segments are grouped by where they stand; a NTE belongs to the segment before it.
 */
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';

export type OrderMessage = { readonly head: MessageHead; readonly groups: readonly OrderGroup[] };

export type MessageHead = {
  first(name: string): Segment | undefined;
  readonly notes: readonly Segment[];
};

export type OrderGroup = {
  readonly orc: Segment;
  readonly obr: Segment | undefined;
  /** `RXO` …: the order is of another kind; '' for OBR or no detail. */
  readonly otherDetail: string;
  readonly tq1: readonly Segment[];
  readonly ipc: readonly Segment[];
  readonly zds: readonly Segment[];
  readonly notes: readonly Segment[];
  readonly observations: readonly { readonly obx: Segment; readonly notes: readonly Segment[] }[];
};

export function orderGroups(message: Hl7Message): OrderMessage {
  const starts = message.segments.flatMap((segment, index) => (segment.name === 'ORC' ? [index] : []));
  const end = starts[0] ?? message.segments.length;
  const groups = starts.map((start, index) => groupOf(message.segments.slice(start, starts[index + 1])));
  return { head: headOf(message.segments.slice(0, end)), groups };
}

function headOf(segments: readonly Segment[]): MessageHead {
  return {
    first: (name) => segments.find((segment) => segment.name === name),
    notes: named(segments, 'NTE'),
  };
}

function groupOf(segments: readonly Segment[]): OrderGroup {
  const firstObservation = segments.findIndex((segment) => segment.name === 'OBX');
  const before = firstObservation < 0 ? segments : segments.slice(0, firstObservation);
  const otherDetail = segments.find((segment) => OTHER_DETAILS.has(segment.name))?.name ?? '';
  return {
    orc: segments[0] as Segment,
    obr: segments.find((segment) => segment.name === 'OBR'),
    otherDetail,
    tq1: named(segments, 'TQ1'),
    ipc: named(segments, 'IPC'),
    zds: named(segments, 'ZDS'),
    notes: named(before, 'NTE'),
    observations: observationsOf(segments),
  };
}

/** Notes after an OBX are its own, up to the next segment that is no note. */
function observationsOf(segments: readonly Segment[]): OrderGroup['observations'] {
  const observations: { obx: Segment; notes: Segment[] }[] = [];
  let notes: Segment[] | null = null;
  for (const segment of segments) {
    if (segment.name === 'OBX') {
      notes = [];
      observations.push({ obx: segment, notes });
    } else if (segment.name === 'NTE') notes?.push(segment);
    else notes = null;
  }
  return observations;
}

function named(segments: readonly Segment[], name: string): Segment[] {
  return segments.filter((segment) => segment.name === name);
}

/** The other choices of ORM_O01.CHOICE. */
const OTHER_DETAILS: ReadonlySet<string> = new Set(['RQD', 'RQ1', 'RXO', 'ODS', 'ODT']);
