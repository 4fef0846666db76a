/**
 * The Value Representation of each standard element (PS3.6), for datasets that do not carry it (Implicit VR, and VR UN).
 * The table is dcmjs's; the few VRs that depend on other elements are fixed here to what a reader can use.
 */
import { dictionary } from 'dcmjs/dictionary';

/** The VR of a tag (group × 10000H + element), or 'UN' for private, retired-group and unknown elements. */
export function vrOf(tag: number): string {
  index ??= buildIndex();
  const [group, element] = [tag >>> 16, tag & 0xffff];
  if (element === 0) return 'UL'; // Group Length
  // PS3.5 §7.8.1: what a private block is called.
  if (group % 2 === 1) return element >= 0x10 && element <= 0xff ? 'LO' : 'UN';
  return index.vrs.get(tag) ?? index.vrs.get(firstOfRepeating(tag)) ?? 'UN';
}

/** Elements that are SS instead of US where Pixel Representation (0028,0103) is 1 (PS3.5 §A.1). */
export function isSignedByPixels(tag: number): boolean {
  index ??= buildIndex();
  return index.signedByPixels.has(tag);
}

/** The tag of a keyword of PS3.6, or null. */
export function tagOfKeyword(keyword: string): number | null {
  index ??= buildIndex();
  return index.tags.get(keyword) ?? null;
}

/** The keyword of an element (PS3.6), or null for one that has none. */
export function keywordOf(tag: number): string | null {
  index ??= buildIndex();
  return index.keywords.get(tag) ?? index.keywords.get(firstOfRepeating(tag)) ?? null;
}

type Index = {
  readonly keywords: ReadonlyMap<number, string>;
  readonly tags: ReadonlyMap<string, number>;
  readonly vrs: ReadonlyMap<number, string>;
  readonly signedByPixels: ReadonlySet<number>;
};
let index: Index | null = null;

function buildIndex(): Index {
  const vrs = new Map<number, string>();
  const signedByPixels = new Set<number>();
  const tags = new Map<string, number>();
  const keywords = new Map<number, string>();
  for (const [name, { vr, name: keyword }] of Object.entries(dictionary)) {
    const [, group, element] = /^\(([0-9A-F]{4})(?:-[0-9A-F]{4})?,([0-9A-F]{4})\)$/i.exec(name) ?? [];
    if (!group || !element || !vr) continue;
    const tag = Number.parseInt(group + element, 16);
    tags.set(keyword, tag);
    keywords.set(tag, keyword.replace(RETIRED, ''));
    vrs.set(tag, AMBIGUOUS[vr] ?? vr);
    if (vr === 'xs') signedByPixels.add(tag);
  }
  return { tags, keywords, vrs, signedByPixels };
}

/** PS3.5 §7.6: curves (50xx) and overlays (60xx) stand in the table under the first of their groups. */
function firstOfRepeating(tag: number): number {
  return REPEATING_GROUPS.has(tag >>> 24) ? (tag & 0xff00ffff) >>> 0 : tag;
}

/** dcmjs's mark of what the standard has retired; its own keyword has none. */
const RETIRED = /^RETIRED_/;
const REPEATING_GROUPS: ReadonlySet<number> = new Set([0x50, 0x60]);

/** PS3.5 §A.1 and §A.2: `ox` OB or OW, `xs` US or SS by Pixel Representation, `lt` LUT data. */
const AMBIGUOUS: Readonly<Record<string, string>> = { ox: 'OW', xs: 'US', up: 'UL', lt: 'OW', na: 'UN' };
