/**
 * Text as bytes of a Specific Character Set (PS3.5 §6.1.2, PS3.3 §C.12.1.1.2), the way back of charset.ts.
 * In: text, the values of (0008,0005), the VR. Out: bytes; null where the text has a character that these sets have not, or that this
 * does not write (GB 18030 beyond its two-byte part): what is composed then goes in UTF-8. Nothing is replaced.
 */
import { DELIMITERS, decodeRun, NAME_DELIMITERS, normalized } from './charset.ts';

export function encodeText(text: string, charsets: readonly string[], vr: string): Buffer | null {
  const [first = '', ...others] = charsets.map(normalized);
  if (first === '192') return Buffer.from(text);
  if (others.length === 0 && WHOLE.has(first)) return oneByOne(text, [ASCII, WHOLE.get(first) as CodedSet]);
  const initial = first === '13' ? JIS_ROMAN : ASCII;
  const own = SETS.get(first);
  const upper = own?.half === 'g1' ? own : null;
  if (others.length === 0) return oneByOne(text, upper ? [initial, upper] : [initial]);
  const further = others.flatMap((term) => SETS.get(term) ?? []);
  return bySwitching(text, initial, upper, further, vr === 'PN' ? NAME_DELIMITERS : DELIMITERS);
}

type CodedSet = {
  readonly half: 'g0' | 'g1';
  /** As `decodeRun` knows it. */
  readonly label: string;
  /** What follows ESC (PS3.3 Tables C.12-3 and C.12-4). */
  readonly escape: string;
  /** Two bytes a character. */
  readonly wide: boolean;
};

function oneByOne(text: string, sets: readonly CodedSet[]): Buffer | null {
  const bytes: number[] = [];
  for (const character of text) {
    const code = sets.map((set) => codeIn(set, character)).find((found) => found !== undefined);
    if (code === undefined) return null;
    bytes.push(...code);
  }
  return Buffer.from(bytes);
}

/** PS3.5 §6.1.2.5.3: at each delimiter, and at the end of the value, the first sets hold. */
function bySwitching(
  text: string,
  initial: CodedSet,
  upper: CodedSet | null,
  further: readonly CodedSet[],
  delimiters: ReadonlySet<number>,
): Buffer | null {
  const bytes: number[] = [];
  let [g0, g1]: [CodedSet, CodedSet | null] = [initial, upper];
  const toInitial = (): void => {
    if (g0 !== initial) bytes.push(ESCAPE, ...Buffer.from(initial.escape));
    [g0, g1] = [initial, upper];
  };
  for (const character of text) {
    const isDelimiter = delimiters.has(character.codePointAt(0) as number);
    if (isDelimiter) toInitial();
    const set = [g0, initial, ...(g1 ? [g1] : []), ...(upper ? [upper] : []), ...further].find((one) => codeIn(one, character));
    if (!set) return null;
    const current = set.half === 'g0' ? g0 : g1;
    if (set !== current) bytes.push(ESCAPE, ...Buffer.from(set.escape));
    if (set.half === 'g0') g0 = set;
    else g1 = set;
    bytes.push(...(codeIn(set, character) as readonly number[]));
  }
  toInitial();
  return Buffer.from(bytes);
}

function codeIn(set: CodedSet, character: string): readonly number[] | undefined {
  if (set.label !== 'ascii') return codesOf(set).get(character);
  const code = character.codePointAt(0) as number;
  return code < 0x7f ? [code] : undefined;
}

const known = new Map<string, ReadonlyMap<string, readonly number[]>>();

/** Every character of a set, made at the first need by reading each of its codes. */
function codesOf({ label, half, wide }: CodedSet): ReadonlyMap<string, readonly number[]> {
  const made = known.get(`${label} ${wide}`);
  if (made) return made;
  const codes = new Map<string, readonly number[]>();
  const high = half === 'g1' ? 0x80 : 0;
  const [from, to] = wide ? [0x21 + high, 0x7e + high] : [0xa0, 0xff];
  for (let row = from; row <= to; row++) {
    for (let cell = wide ? from : 0; cell <= (wide ? to : 0); cell++) {
      const bytes = wide ? [row, cell] : [row];
      const text = decodeRun(Buffer.from(bytes), label);
      const isOne = [...text].length === 1 && !text.includes('\ufffd') && !/[\u0080-\u009f\ue000-\uf8ff]/.test(text);
      if (isOne && !codes.has(text)) codes.set(text, bytes);
    }
  }
  known.set(`${label} ${wide}`, codes);
  return codes;
}

const ESCAPE = 0x1b;
const ASCII: CodedSet = { half: 'g0', label: 'ascii', escape: '(B', wide: false };
/** JIS X 0201 Romaji, as far as it is ASCII. */
const JIS_ROMAN: CodedSet = { ...ASCII, escape: '(J' };
const WIDE: ReadonlySet<string> = new Set(['euc-kr', 'gbk', 'jis-x-0208', 'jis-x-0212']);

/** Sets without code extension, beside ASCII. Deviation: of GB 18030 and GBK only the rows that GB 2312 has. */
const WHOLE: ReadonlyMap<string, CodedSet> = new Map([
  ['GB18030', { half: 'g1', label: 'gbk', escape: '', wide: true }],
  ['GBK', { half: 'g1', label: 'gbk', escape: '', wide: true }],
]);

/** By defined term (PS3.3 Tables C.12-3 and C.12-4). */
const SETS: ReadonlyMap<string, CodedSet> = new Map(
  (
    [
      ['6', 'g0', '(B', 'ascii'],
      ['13', 'g1', ')I', 'shift_jis'],
      ['87', 'g0', '$B', 'jis-x-0208'],
      ['159', 'g0', '$(D', 'jis-x-0212'],
      ['100', 'g1', '-A', 'windows-1252'],
      ['101', 'g1', '-B', 'iso-8859-2'],
      ['109', 'g1', '-C', 'iso-8859-3'],
      ['110', 'g1', '-D', 'iso-8859-4'],
      ['144', 'g1', '-L', 'iso-8859-5'],
      ['127', 'g1', '-G', 'iso-8859-6'],
      ['126', 'g1', '-F', 'iso-8859-7'],
      ['138', 'g1', '-H', 'iso-8859-8'],
      ['148', 'g1', '-M', 'windows-1254'],
      ['203', 'g1', '-b', 'iso-8859-15'],
      ['166', 'g1', '-T', 'windows-874'],
      ['149', 'g1', '$)C', 'euc-kr'],
      ['58', 'g1', '$)A', 'gbk'],
    ] as const
  ).map(([term, half, sequence, label]) => [term, { half, escape: sequence, label, wide: WIDE.has(label) }]),
);
