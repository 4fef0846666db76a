/**
 * Whether what is known matches the keys of an identifier (PS3.4 §C.2.2.2): single value, list of UIDs, universal, wildcard, range and
 * sequence matching. In: keys and attributes as DICOM JSON. Out: yes or no. An empty key matches everything; names match without regard to
 * case and accents (§C.2.2.2.1).
 */
import type { DicomJson, DicomJsonValue } from './header.ts';
import { foldedName } from './query-index.ts';

type Element = DicomJson[string];

/** Every key matches. `skip`: keys that were matched elsewhere, or say something else. */
export function matchesKeys(keys: DicomJson, known: DicomJson, skip: ReadonlySet<string> = NONE): boolean {
  return Object.entries(keys).every(([tag, key]) => skip.has(tag) || matchesKey(key, known[tag]));
}

function matchesKey({ vr, Value: wanted = [] }: Element, known: Element | undefined): boolean {
  if (wanted.length === 0) return true;
  const values = (known?.Value ?? []).filter((value) => value !== null);
  if (vr === 'SQ') return matchesSequence(wanted as readonly DicomJson[], values as readonly DicomJson[]);
  if (wanted.every((value) => textsOf(value).every((text) => text === '*'))) return true;
  return values.some((value) => wanted.some((one) => matchesValue(vr, one, value)));
}

/** §C.2.2.2.6: one item holds the keys; one item of what is known matches them all. */
function matchesSequence(wanted: readonly DicomJson[], known: readonly DicomJson[]): boolean {
  const keys = wanted[0] ?? {};
  return isUniversal(keys) || known.some((item) => matchesKeys(keys, item));
}

/** No key of an item is more than asked for. */
function isUniversal(keys: DicomJson): boolean {
  return Object.values(keys).every(({ vr, Value = [] }) =>
    vr === 'SQ' ? isUniversal((Value[0] ?? {}) as DicomJson) : Value.every((value) => textsOf(value).every((text) => text === '')),
  );
}

function matchesValue(vr: string, wanted: DicomJsonValue, value: DicomJsonValue): boolean {
  if (vr === 'PN') return textsOf(wanted).every((name) => textsOf(value).some((one) => matchesText(foldedName(name), foldedName(one))));
  const [key, text] = [String(wanted), String(value)];
  if (vr === 'DA' || vr === 'TM' || vr === 'DT') return inRange(vr, key, text);
  return WILDCARDS.has(vr) ? matchesText(key, text) : key === text;
}

/** `*`: any sequence of characters; `?`: any one (§C.2.2.2.4). Works its way by positions: no pattern takes longer than its length allows. */
function matchesText(pattern: string, text: string): boolean {
  let [at, from] = [0, 0];
  let star = -1;
  let tried = 0;
  while (from < text.length) {
    if (at < pattern.length && pattern[at] === '*') {
      star = at++;
      tried = from;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[from])) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++tried;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

/** §C.2.2.2.5: a value, or two with a hyphen between, either of which may be left out. A shorter value stands for all that begin so. */
function inRange(vr: string, range: string, value: string): boolean {
  const plain = (text: string) => text.replace(vr === 'TM' ? /[:\s]/g : /[.\s]/g, '');
  const offset = vr === 'DT' ? /^(.*?[^-])-(?=\d{8}|$)(.*)$|^-(.+)$/ : /^([^-]*)-([^-]*)$/;
  const parts = offset.exec(range);
  const [from, to] = parts ? [plain(parts[1] ?? ''), plain(parts[2] ?? parts[3] ?? '')] : [plain(range), plain(range)];
  const at = plain(value);
  return at !== '' && (from === '' || at >= from.slice(0, at.length)) && (to === '' || at.slice(0, to.length) <= to);
}

function textsOf(value: DicomJsonValue): string[] {
  if (value === null) return [''];
  return typeof value === 'object' ? Object.values(value).map((group) => String(group).replace(/[\^ ]+$/, '')) : [String(value)];
}

const NONE: ReadonlySet<string> = new Set();
/** §C.2.2.2.4: where wildcards are wildcards. */
const WILDCARDS: ReadonlySet<string> = new Set(['AE', 'CS', 'LO', 'LT', 'SH', 'ST', 'UC', 'UR', 'UT']);
