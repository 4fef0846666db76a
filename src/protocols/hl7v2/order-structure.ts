/**
 * Where the orders of a message stand (HL7 v2.5.1 §4.4.1 ORM, §4.4.4 OMG, §4.4.6 OML, §4.4.12 OMI). In: its segments by name. Out: a range
 * an order, and where its prior results begin: for the door, which reads bytes, and for mapping, which reads the tree.
 *
 * A prior result repeats the segments of an order (`[PID [PD1]] [PV1 [PV2]] [AL1…] { [ORC] OBR … }`), and the standard tells the two apart
 * by place alone. Within an order that has its OBR, prior results begin with PID, PV1 or AL1, with an ORC whose control code is PR
 * (previous results with new order), or with a second OBR; the ORC that follows such a beginning is theirs. Any other ORC is a new order.
 */

export type OrderRange = {
  /** Index of the ORC. */
  readonly start: number;
  /** First index of its prior results; `end` where it has none. */
  readonly prior: number;
  readonly end: number;
};

/** `controlAt` reads ORC-1 of the segment at an index; null where the type of the message has no prior results. */
export function orderRanges(names: readonly string[], controlAt: ((index: number) => string) | null): OrderRange[] {
  const ranges: { start: number; prior: number; end: number }[] = [];
  let detailed = false;
  let awaitsOrc = false;
  for (const [index, name] of names.entries()) {
    const open = ranges.at(-1);
    const asked = controlAt !== null && open !== undefined && detailed;
    if (name === 'ORC' && !(asked && (awaitsOrc || controlAt(index) === 'PR'))) {
      ranges.push({ start: index, prior: names.length, end: names.length });
      if (open) [open.prior, open.end] = [Math.min(open.prior, index), index];
      detailed = false;
    } else if (asked && (name === 'ORC' || name === 'OBR' || PRIOR_HEADS.has(name))) {
      open.prior = Math.min(open.prior, index);
    }
    awaitsOrc = name === 'ORC' ? false : awaitsOrc || (asked && PRIOR_HEADS.has(name));
    if (name === 'OBR') detailed = true;
  }
  return ranges;
}

const PRIOR_HEADS: ReadonlySet<string> = new Set(['PID', 'PV1', 'AL1']);
