/**
 * Edits a dataset while it is walked (PS3.5 §7), at its root and within its sequences.
 * In: the calls of a DatasetWalker, and what shall become of each element. Out: the edited dataset as pieces in order: ranges of the
 * original, which were never held in memory, and new bytes.
 * Promises: what is not edited stays byte for byte; elements that are put in stand in the order of tags; the defined lengths of sequences
 * and items that hold an edit are written anew, undefined ones stay undefined; a Group Length (PS3.5 §7.2) of a group that was edited,
 * and Length to End, are left out. Memory is bounded by the edits.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { DatasetSink, WalkedElement, WalkedEnd, WalkedItem } from './dataset-walker.ts';
import { elementBytes, elementHeader, ITEM, itemsBytes, type NewElement, type NewItem, type Setting } from './element-bytes.ts';
import type { Range } from './frames.ts';
import type { TransferSyntax } from './transfer-syntax.ts';

/** Where an element stands: the sequences around it, outermost first, and how its dataset is encoded. */
export type Place = Setting & { readonly path: readonly number[] };

/**
 * `within`: a sequence stays, and its items are edited; `ask`: it depends on the value; `bare`: encapsulated pixels stay, without what is said
 * beside their coding.
 */
export type Verdict = 'keep' | 'remove' | 'within' | 'ask' | 'bare' | NewElement | Failure;

export type Edits = {
  decide(element: WalkedElement, place: Place): Verdict;
  /** For what `decide` asked the value of; neither `ask` nor `within`. */
  decideBy?(element: WalkedElement, value: Buffer, place: Place): Verdict;
  /** What the dataset, or an item of a sequence that is edited, shall hold in place of elements of the same tags. */
  put?(path: readonly number[]): readonly NewElement[];
  /** Elements for the root that stay as they are where the dataset has them already. */
  readonly supply?: readonly NewElement[];
  /** Items to follow those of a sequence that is edited within. */
  append?(path: readonly number[]): readonly NewItem[];
  /** Character set of new text, where it is not that of the place. */
  readonly charset?: string;
};

/** `bare`: fragments of encapsulated pixels, to be read by way of bare-pixels.ts. */
export type Piece = (Range & { readonly bare?: true }) | Buffer;

export type DatasetEditor = {
  readonly sink: DatasetSink;
  /** Call once, after the walk, with the length of the original. */
  pieces(end: number): readonly Piece[] | Failure;
};

/** All terms there are, several times over. */
const MAX_CHARSET_BYTES = 1024;
/** Of one level; a dataset of more edits is an attack. */
const MAX_PIECES = 500_000;

type Level = {
  readonly at: Pick<WalkedItem, 'begin' | 'start' | 'length'>;
  /** Tag of the element that holds it: a sequence's own, or Item. */
  readonly tag: number;
  /** How its header is encoded. */
  readonly header: { readonly vr: string; readonly setting: Setting };
  /** Of what it holds. */
  place: Place;
  readonly put: NewElement[];
  /** Tags of those that nothing in the dataset may stand beside. */
  readonly putTags: ReadonlySet<number>;
  readonly pieces: Piece[];
  /** Everything of the original before it is in `pieces` or left out. */
  cursor: number;
  /** What begins at the cursor is left out, or made bare, up to the next element. */
  dropping: boolean;
  baring: boolean;
  edited: boolean;
  readonly groups: Set<number>;
  /** Group Lengths: which of the pieces, and of which group. */
  readonly lengths: { readonly index: number; readonly group: number }[];
};

export function datasetEditor(syntax: TransferSyntax, edits: Edits): DatasetEditor {
  const setting: Setting = { explicit: syntax.explicit, bigEndian: syntax.bigEndian, charsets: [] };
  const whole = { begin: 0, start: 0, length: Number.POSITIVE_INFINITY };
  const put = edits.put?.([]) ?? [];
  const supplied = (edits.supply ?? []).filter(({ tag }) => !put.some((one) => one.tag === tag));
  const levels: Level[] = [openLevel(whole, 0, { vr: '', setting }, { ...setting, path: [] }, put, supplied)];
  const top = (): Level => levels.at(-1) as Level;
  let problem: Failure | null = null;
  let last: { begin: number; verdict: Verdict } = { begin: -1, verdict: 'keep' };

  const settingOf = ({ place }: Level): Setting =>
    edits.charset === undefined ? place : { ...place, charsets: [edits.charset], former: place.charsets };
  const insert = (level: Level, bytes: Buffer | Failure, tag: number): void => {
    if (isFailure(bytes)) problem ??= bytes;
    else level.pieces.push(bytes);
    touch(level, tag);
  };
  /** Before an element, and before the end of its level: puts in what stands before it. */
  const reach = (level: Level, position: number, tag: number): void => {
    if (level.baring) append(level, { start: level.cursor, length: position - level.cursor, bare: true });
    if (level.dropping || level.baring) Object.assign(level, { cursor: position, dropping: false, baring: false });
    while (level.put[0] && level.put[0].tag < tag) {
      keepUpTo(level, position);
      const element = level.put.shift() as NewElement;
      insert(level, elementBytes(element, settingOf(level)), element.tag);
    }
    if (level.pieces.length > MAX_PIECES) problem ??= failure('dicom', 'too-large', 'an object that would be edited in too many places');
  };
  /** The walker may ask more than once. */
  const verdictOf = (element: WalkedElement): Verdict => {
    if (last.begin === element.begin) return last.verdict;
    const level = top();
    reach(level, element.begin, element.tag);
    const put = level.put[0]?.tag === element.tag ? level.put.shift() : undefined;
    const isReplaced = level.putTags.has(element.tag);
    const verdict = isReplaced ? (put ?? 'remove') : edits.decide(element, level.place);
    last = { begin: element.begin, verdict };
    return verdict;
  };
  const apply = (element: WalkedElement, verdict: Verdict): void => {
    const level = top();
    if (isFailure(verdict)) problem ??= verdict;
    else if (verdict === 'keep') noteLength(level, element);
    else if (verdict === 'bare') {
      keepUpTo(level, element.start);
      level.baring = true;
      touch(level, element.tag);
    } else {
      keepUpTo(level, element.begin);
      level.dropping = true;
      touch(level, element.tag);
      if (typeof verdict === 'object') insert(level, elementBytes(verdict, settingOf(level)), element.tag);
    }
  };
  const close = ({ content, end }: WalkedEnd): void => {
    const level = levels.pop() as Level;
    reach(level, content, Number.POSITIVE_INFINITY);
    keepUpTo(level, content);
    const items = level.tag === ITEM ? [] : (edits.append?.(level.place.path) ?? []);
    if (items.length > 0) insert(level, itemsBytes(items, settingOf(level)), level.tag);
    if (!level.edited) return;
    const parent = top();
    keepUpTo(parent, level.at.begin);
    const pieces = settled(level);
    const isEndless = level.at.length === Number.POSITIVE_INFINITY;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const { vr, setting: around } = level.header;
    append(
      parent,
      isEndless ? { start: level.at.begin, length: level.at.start - level.at.begin } : elementHeader(level.tag, vr, length, around),
    );
    for (const piece of pieces) append(parent, piece);
    parent.cursor = content;
    keepUpTo(parent, end);
    touch(parent, level.tag);
  };
  const sink: DatasetSink = {
    wants: (element) => verdictOf(element) === 'ask' || (element.tag === SPECIFIC_CHARACTER_SET && element.length <= MAX_CHARSET_BYTES),
    value: (element, value) => {
      const level = top();
      if (element.tag === SPECIFIC_CHARACTER_SET) level.place = { ...level.place, charsets: value.toString('latin1').split('\\') };
      const verdict = verdictOf(element);
      apply(element, verdict === 'ask' ? (edits.decideBy?.(element, value, level.place) ?? 'keep') : verdict);
    },
    passed: (element) => apply(element, verdictOf(element)),
    entered: (element) => {
      const verdict = verdictOf(element);
      if (verdict !== 'within') {
        apply(element, verdict);
        return false;
      }
      const { place } = top();
      const header = { vr: element.implied ? 'UN' : 'SQ', setting: { ...element, charsets: [] } };
      levels.push(openLevel(element, element.tag, header, { ...place, path: [...place.path, element.tag] }, []));
      return true;
    },
    left: close,
    itemEntered: (item) => {
      const { place } = top();
      const inside = { ...place, explicit: item.explicit, bigEndian: item.bigEndian };
      levels.push(openLevel(item, ITEM, { vr: '', setting: inside }, inside, edits.put?.(place.path) ?? []));
    },
    itemLeft: close,
  };
  const pieces = (end: number): readonly Piece[] | Failure => {
    const root = top();
    reach(root, end, Number.POSITIVE_INFINITY);
    keepUpTo(root, end);
    return problem ?? settled(root);
  };
  return { sink, pieces };
}

function openLevel(
  at: Level['at'],
  tag: number,
  header: Level['header'],
  place: Place,
  put: readonly NewElement[],
  supplied: readonly NewElement[] = [],
): Level {
  return {
    at,
    tag,
    header,
    place,
    put: [...put, ...supplied].sort((a, b) => a.tag - b.tag),
    putTags: new Set(put.map((element) => element.tag)),
    pieces: [],
    cursor: at.start,
    dropping: false,
    baring: false,
    edited: false,
    groups: new Set(),
    lengths: [],
  };
}

function touch(level: Level, tag: number): void {
  level.edited = true;
  level.groups.add(tag >>> 16);
}

function keepUpTo(level: Level, position: number): void {
  append(level, { start: level.cursor, length: position - level.cursor });
  level.cursor = position;
}

/** Ranges that follow each other become one, but for a Group Length, which may have to be taken out. */
function append(level: Level, piece: Piece): void {
  if (piece.length === 0) return;
  const { pieces } = level;
  const before = pieces.at(-1);
  const areRanges = before && !Buffer.isBuffer(before) && !Buffer.isBuffer(piece) && !before.bare && !piece.bare;
  const joins = areRanges && before.start + before.length === piece.start;
  if (joins && level.lengths.at(-1)?.index !== pieces.length - 1)
    pieces[pieces.length - 1] = { start: before.start, length: before.length + piece.length };
  else pieces.push(piece);
}

/** Group Length and Length to End stand by themselves until it is known whether they still hold. */
function noteLength(level: Level, { tag, begin, start, length }: WalkedElement): void {
  const isLengthToEnd = tag === LENGTH_TO_END;
  if ((tag & 0xffff) !== 0 && !isLengthToEnd) return;
  keepUpTo(level, begin);
  level.pieces.push({ start: begin, length: start + length - begin });
  level.lengths.push({ index: level.pieces.length - 1, group: isLengthToEnd ? ANY_GROUP : tag >>> 16 });
  level.cursor = start + length;
}

/** The pieces of a level that was walked to its end. */
function settled(level: Level): readonly Piece[] {
  const { groups, lengths, pieces, edited } = level;
  if (lengths.length === 0) return pieces;
  const wrong = new Set(lengths.filter(({ group }) => (group === ANY_GROUP ? edited : groups.has(group))).map(({ index }) => index));
  const joined: Level = { ...level, pieces: [], lengths: [] };
  for (const [index, piece] of pieces.entries()) if (!wrong.has(index)) append(joined, piece);
  return joined.pieces;
}

const SPECIFIC_CHARACTER_SET = 0x00080005;
const LENGTH_TO_END = 0x00080001;
const ANY_GROUP = -1;
