/**
 * The groups of an order message: what comes before the first ORC, and each ORC with what follows it (HL7 v2.5.1 §4.4.1 ORM, §4.4.4 OMG,
 * §4.4.6 OML, §4.4.12 OMI). Segments are grouped by where they stand; NTE, PRT and the OBX of a specimen belong to the segment before them.
 */
import { WITH_PRIOR_RESULTS } from '../../protocols/hl7v2/accept-order.ts';
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import { orderRanges } from '../../protocols/hl7v2/order-structure.ts';
import type { ObservationSegments } from '../segments/obx-observation.ts';
import { observationsIn } from './observation-groups.ts';

export type OrderMessage = { readonly head: MessageHead; readonly groups: readonly OrderGroup[] };

export type MessageHead = {
  readonly segments: readonly Segment[];
  first(name: string): Segment | undefined;
  all(name: string): readonly Segment[];
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
  /** Z segments of any name, ZDS too. */
  readonly own: readonly Segment[];
  readonly ctd: readonly Segment[];
  readonly diagnoses: readonly Segment[];
  readonly allergies: readonly Segment[];
  readonly notes: readonly Segment[];
  readonly observations: readonly ObservationSegments[];
  readonly specimens: readonly SpecimenGroup[];
  readonly prior: readonly PriorResult[];
};

export type SpecimenGroup = { readonly spm: Segment; readonly observations: readonly ObservationSegments[] };

/** An earlier result that came with the order; `pid` where the sender repeats whom it is about. */
export type PriorResult = {
  readonly pid: Segment | undefined;
  readonly orc: Segment | undefined;
  readonly obr: Segment;
  readonly notes: readonly Segment[];
  readonly observations: readonly ObservationSegments[];
};

export function orderGroups(message: Hl7Message): OrderMessage {
  const { segments } = message;
  const hasPrior = WITH_PRIOR_RESULTS.has(segments[0]?.get(9) ?? '');
  const controlAt = hasPrior ? (index: number) => segments[index]?.peek(1) ?? '' : null;
  const ranges = orderRanges(
    segments.map(({ name }) => name),
    controlAt,
  );
  const groups = ranges.map(({ start, prior, end }) => groupOf(segments.slice(start, prior), segments.slice(prior, end)));
  return { head: headOf(segments.slice(0, ranges[0]?.start ?? segments.length)), groups };
}

function headOf(segments: readonly Segment[]): MessageHead {
  return {
    segments,
    first: (name) => segments.find((segment) => segment.name === name),
    all: (name) => named(segments, name),
    notes: named(segments, 'NTE'),
  };
}

function groupOf(segments: readonly Segment[], prior: readonly Segment[]): OrderGroup {
  return {
    orc: segments[0] as Segment,
    obr: segments.find((segment) => segment.name === 'OBR'),
    otherDetail: segments.find((segment) => OTHER_DETAILS.has(segment.name))?.name ?? '',
    tq1: named(segments, 'TQ1'),
    ipc: named(segments, 'IPC'),
    zds: named(segments, 'ZDS'),
    own: segments.filter(({ name }) => name.startsWith('Z')),
    ctd: named(segments, 'CTD'),
    diagnoses: named(segments, 'DG1'),
    // After an order, some senders put those of its patient.
    allergies: named([...segments, ...(prior.some(({ name }) => name === 'PID') ? [] : prior)], 'AL1'),
    notes: notesOf(segments),
    ...observationsOf(segments),
    prior: priorResults(prior),
  };
}

/** Notes of the order itself: before its first observation or specimen. */
function notesOf(segments: readonly Segment[]): Segment[] {
  const first = segments.findIndex(({ name }) => name === 'OBX' || name === 'SPM');
  return named(first < 0 ? segments : segments.slice(0, first), 'NTE');
}

/** OBX after an SPM are of the specimen. */
function observationsOf(segments: readonly Segment[]): Pick<OrderGroup, 'observations' | 'specimens'> {
  const starts = segments.flatMap(({ name }, index) => (name === 'SPM' ? [index] : []));
  const specimens = starts.map((start, index) => segments.slice(start, starts[index + 1]));
  return {
    observations: observationsIn(segments.slice(0, starts[0] ?? segments.length)),
    specimens: specimens.map((one) => ({ spm: one[0] as Segment, observations: observationsIn(one) })),
  };
}

/** `{ [PID] [PV1] … [ORC] OBR [NTE…] { OBX [NTE…] } }`: a result begins with its OBR, or with what stands before that. */
export function priorResults(segments: readonly Segment[]): PriorResult[] {
  const results: Segment[][] = [];
  let detailed = false;
  for (const segment of segments) {
    const last = results.at(-1);
    if (!last || (detailed && PRIOR_BEGINS.has(segment.name))) {
      results.push([segment]);
      detailed = false;
    } else last.push(segment);
    if (segment.name === 'OBR') detailed = true;
  }
  let pid: Segment | undefined;
  return results.flatMap((group) => {
    pid = group.find(({ name }) => name === 'PID') ?? pid;
    const [orc, obr] = ['ORC', 'OBR'].map((wanted) => group.find(({ name }) => name === wanted));
    return obr ? [{ pid, orc, obr, notes: notesOf(group), observations: observationsOf(group).observations }] : [];
  });
}

function named(segments: readonly Segment[], name: string): Segment[] {
  return segments.filter((segment) => segment.name === name);
}

const PRIOR_BEGINS: ReadonlySet<string> = new Set(['PID', 'PV1', 'ORC', 'OBR']);

/** The other choices of ORM_O01.CHOICE. */
const OTHER_DETAILS: ReadonlySet<string> = new Set(['RQD', 'RQ1', 'RXO', 'ODS', 'ODT']);
