/**
 * Retain Safe Private Option (PS3.15 §E.3.10): the private attributes that stay in a de-identified copy, as its object is walked. In: each private
 * element with its dataset's depth, and the value of each Private Creator (PS3.5 §7.8.1). Out: what becomes of it. A creator stays whose
 * attributes are declared below; of its attributes those that are, where their VR is the declared one (or the dataset does not say) and the
 * value is as that VR has it: text that is no number or code is removed.
 */
import type { Verdict } from './dataset-editor.ts';
import type { WalkedElement } from './dataset-walker.ts';

export type SafePrivate = {
  /** Before the elements of a dataset or item. */
  enter(depth: number): void;
  decide(element: WalkedElement, depth: number): Verdict;
  decideBy(element: WalkedElement, value: Buffer, depth: number): Verdict;
};

export function safePrivate(): SafePrivate {
  /** By depth: the creators by group and block. */
  const creators: Map<number, string>[] = [];
  const declared = ({ tag }: WalkedElement, depth: number): string | undefined => {
    const creator = creators[depth]?.get(blockOf(tag));
    return creator === undefined ? undefined : rowsOf().get(nameOf(tag, creator));
  };
  return {
    enter: (depth) => {
      creators[depth] = new Map();
    },
    decide: (element, depth) => {
      const { vr, length } = element;
      if (isCreator(element.tag)) return length <= MAX_CREATOR_BYTES ? 'ask' : 'remove';
      const row = declared(element, depth);
      return row !== undefined && (vr === row || vr === 'UN') && length <= MAX_VALUE_BYTES ? 'ask' : 'remove';
    },
    decideBy: (element, value, depth) => {
      const { tag } = element;
      if (!isCreator(tag)) return isValueOf(declared(element, depth) ?? '', value) ? 'keep' : 'remove';
      const creator = value.toString('latin1').replace(/[\0 ]+$/, '');
      if (!CREATORS.has(creator)) return 'remove';
      creators[depth]?.set((tag >>> 16) * 0x100 + (tag & 0xff), creator);
      return 'keep';
    },
  };
}

/** (gggg,0010) to (gggg,00FF). */
function isCreator(tag: number): boolean {
  return (tag & 0xffff) >= 0x0010 && (tag & 0xffff) <= 0x00ff;
}

/** Of (gggg,bbee) group and block. */
function blockOf(tag: number): number {
  return (tag >>> 16) * 0x100 + ((tag >>> 8) & 0xff);
}

function nameOf(tag: number, creator: string): string {
  return `${(tag >>> 16).toString(16).padStart(4, '0')} ${(tag & 0xff).toString(16).padStart(2, '0')} ${creator}`.toUpperCase();
}

function isValueOf(vr: string, value: Buffer): boolean {
  const size = SIZES.get(vr);
  if (size !== undefined) return value.length % size === 0;
  return TEXTS.get(vr)?.test(value.toString('latin1').replace(/[\0 ]+$/, '')) ?? false;
}

function rowsOf(): ReadonlyMap<string, string> {
  rows ??= new Map(
    SAFE.trim()
      .split('\n')
      .map((line) => {
        const [, group = '', element = '', vr = '', creator = ''] = /^(\S+) (\S+) (\S+) (.+?) {2}/.exec(line) ?? [];
        return [`${group} ${element} ${creator}`.toUpperCase(), vr];
      }),
  );
  return rows;
}

let rows: ReadonlyMap<string, string> | null = null;

const MAX_CREATOR_BYTES = 64;
/** Of some numbers; no list of names hides in it. */
const MAX_VALUE_BYTES = 256;
/** Bytes of one number. */
const SIZES: ReadonlyMap<string, number> = new Map([
  ['SS', 2],
  ['US', 2],
  ['SL', 4],
  ['FL', 4],
  ['FD', 8],
]);
const TEXTS: ReadonlyMap<string, RegExp> = new Map([
  ['DS', /^[\d +\-.eE\\]*$/],
  ['IS', /^[\d +\-\\]*$/],
  ['CS', /^[A-Z0-9_ ]{0,16}$/],
  // A ratio.
  ['SH', /^[\d.:]{0,16}$/],
]);

/** Of PS3.15 Table E.3.10-1 the numbers and codes that reading an image needs: group, element within the block, VR, Private Creator, name. */
const SAFE = `
0019 0c IS SIEMENS MR HEADER  B Value
0019 0d CS SIEMENS MR HEADER  Diffusion Directionality
0019 0e FD SIEMENS MR HEADER  Diffusion Gradient Direction
0019 27 FD SIEMENS MR HEADER  B Matrix
0019 23 DS GEMS_ACQU_01  Table Speed
0019 24 DS GEMS_ACQU_01  Mid Scan Time
0019 27 DS GEMS_ACQU_01  Rotation Speed
0025 07 SL GEMS_SERS_01  Images in Series
0043 27 SH GEMS_PARM_01  Scan Pitch Ratio
0043 39 IS GEMS_PARM_01  B Value
0043 6f DS GEMS_PARM_01  Scanner Table Entry and Gradient Coil Selected
0045 01 SS GEMS_HELIOS_01  Number of Macro Rows in Detector
0045 02 FL GEMS_HELIOS_01  Macro Width at ISO Center
00e1 21 DS ELSCINT1  DLP
01e1 26 CS ELSCINT1  Phantom Type
01f1 01 CS ELSCINT1  Acquisition Type
01f1 07 DS ELSCINT1  Table Velocity
01f1 26 DS ELSCINT1  Pitch
01f1 27 DS ELSCINT1  Rotation Time
0903 10 US GEIIS PACS  Reject Image Flag
0903 11 US GEIIS PACS  Significant Flag
0903 12 US GEIIS PACS  Confidential Flag
2001 03 FL Philips Imaging DD 001  Diffusion B-Factor
2001 04 CS Philips Imaging DD 001  Diffusion Direction
7053 00 DS Philips PET Private Group  SUV Factor
7053 09 DS Philips PET Private Group  Activity Concentration Factor
`;
const CREATORS: ReadonlySet<string> = new Set([
  'SIEMENS MR HEADER',
  'GEMS_ACQU_01',
  'GEMS_SERS_01',
  'GEMS_PARM_01',
  'GEMS_HELIOS_01',
  'ELSCINT1',
  'GEIIS PACS',
  'Philips Imaging DD 001',
  'Philips PET Private Group',
]);
