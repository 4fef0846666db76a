/**
 * The Value Representation of each standard element (PS3.6), for datasets that do not carry it (Implicit VR, and VR UN).
 * The table is dcmjs's; the few VRs that depend on other elements are fixed here to what the header reader can use.
 */
import { dictionary } from 'dcmjs/dictionary';

/** The VR of a tag (group × 10000H + element), or 'UN' for private, retired-group and unknown elements. */
export function vrOf(tag: number): string {
  index ??= buildIndex();
  return index.get(tag) ?? 'UN';
}

let index: ReadonlyMap<number, string> | null = null;

function buildIndex(): ReadonlyMap<number, string> {
  const vrs = new Map<number, string>();
  for (const [tag, { vr }] of Object.entries(dictionary)) {
    const [, group, element] = /^\(([0-9A-F]{4}),([0-9A-F]{4})\)$/i.exec(tag) ?? [];
    if (group && element && vr) vrs.set(Number.parseInt(group + element, 16), AMBIGUOUS[vr] ?? vr);
  }
  return vrs;
}

/** PS3.5 §A.1 and §A.2: `ox` OB or OW, `xs` US or SS by Pixel Representation, `lt` LUT data. */
const AMBIGUOUS: Readonly<Record<string, string>> = { ox: 'OW', xs: 'US', up: 'UL', lt: 'OW', na: 'UN' };
