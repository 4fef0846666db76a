/**
 * A film in an MP4 or QuickTime file (ISO/IEC 14496-12 §8, 14496-15 for what is coded). In: the Movie Box `moov`, with the place where it
 * stands in its file. Out: what its video track says; the edits that take out of the file what may tell where it was taken.
 * Edits keep every byte in its place, so that a file of any size is streamed through them. Only boxes that are needed to show and hear the
 * film stay; user data, metadata and tracks that are neither picture nor sound (positions of action cameras, for one) are blanked, the
 * samples of such tracks too. Null where a box is not as it should be.
 */
import { type Box, blanked, boxesIn, boxUnder, type Edit, tried } from './boxes.ts';

export type MovieFacts = {
  /** `avc1`, `hvc1` … (14496-12 §8.5.2), and of the decoder configuration: profile, constraints, level, as coded. */
  readonly coding: string;
  readonly profile: number;
  readonly constraints: number;
  readonly level: number;
  readonly columns: number;
  readonly rows: number;
  readonly frames: number;
  /** Milliseconds between two frames, on average. */
  readonly frameTime: number;
  /** How far players turn it clockwise to show it upright. */
  readonly turn: 0 | 90 | 180 | 270;
};

/** Of one track that is blanked: a chunk is about a second. */
const MAX_CHUNKS = 50_000;
const MAX_SAMPLES = 4_000_000;

/** A Movie Fragment Box (§8.8.4), and where it begins in its file. */
export type Fragment = { readonly bytes: Buffer; readonly at: number };

/** `fragments`: those of the file, where it is written in pieces. */
export function readMovie(moov: Buffer, fragments: readonly Fragment[] = []): MovieFacts | null {
  return tried(() => {
    const track = tracksOf(moov).find((box) => handlerOf(moov, box) === 'vide');
    const media = track && boxUnder(moov, track, 'mdia', 'mdhd');
    const table = track && boxUnder(moov, track, 'mdia', 'minf', 'stbl');
    const sizes = table && boxUnder(moov, table, 'stsz');
    if (!track || !media || !table || !sizes) return null;
    const clock = clockOf(moov, media);
    const { timescale } = clock;
    const ahead = { frames: moov.readUInt32BE(sizes.body + 8), duration: clock.duration };
    const { frames, duration } = fragments.length === 0 ? ahead : fragmentTimes(moov, track, fragments, ahead.frames);
    const entry = sampleEntryOf(moov, table);
    if (!entry || frames === 0 || duration === 0 || timescale === 0) return null;
    return { ...entry, frames, frameTime: (1000 * duration) / timescale / frames, turn: turnOf(moov, track) };
  });
}

/** `at`: where `moov` begins in its file. */
export function movieEdits(moov: Buffer, at: number): Edit[] | null {
  return tried(() => {
    const edits: Edit[] = [];
    for (const box of boxesIn(moov, 8, moov.length)) {
      const shown = box.type !== 'trak' || SHOWN_TRACKS.has(handlerOf(moov, box));
      if (!shown) edits.push(...samplesOf(moov, box));
      if (!shown || !KEPT_IN_MOVIE.has(box.type)) edits.push(...moved(blanked(box), at));
      else if (box.type === 'trak') edits.push(...moved(trackEdits(moov, box), at));
    }
    return edits;
  });
}

/** Of a fragment, which may hold metadata as `moov` does. */
export function fragmentEdits(moof: Buffer, at: number): Edit[] {
  const whole = wholeBox(moof);
  const tracks = boxesIn(moof, whole.body, whole.end).filter(({ type }) => type === 'traf');
  const hidden = [...hiddenIn(moof, whole, KEPT_IN_FRAGMENT), ...tracks.flatMap((one) => hiddenIn(moof, one, KEPT_IN_TRACK_FRAGMENT))];
  return moved(hidden.flatMap(blanked), at);
}

function wholeBox(bytes: Buffer): Box {
  const [box] = boxesIn(bytes, 0, bytes.length);
  if (!box) throw new RangeError('no box');
  return box;
}

/** Whether a track is neither picture nor sound: samples of fragments are found for none. */
export function hasOtherTracks(moov: Buffer): boolean {
  return tracksOf(moov).some((track) => !SHOWN_TRACKS.has(handlerOf(moov, track)));
}

function trackEdits(moov: Buffer, track: Box): Edit[] {
  const media = boxUnder(moov, track, 'mdia');
  const information = media && boxUnder(moov, media, 'minf');
  return [
    ...hiddenIn(moov, track, KEPT_IN_TRACK, true),
    ...(media ? hiddenIn(moov, media, KEPT_IN_MEDIA, true) : []),
    ...(information ? hiddenIn(moov, information, KEPT_IN_INFORMATION, true) : []),
  ].flatMap(blanked);
}

/** Boxes at the top of a file that stay as they are; `moov` is edited within. */
export function staysInFile(type: string): boolean {
  return KEPT_IN_FILE.has(type);
}

function tracksOf(moov: Buffer): Box[] {
  return boxesIn(moov, 8, moov.length).filter(({ type }) => type === 'trak');
}

/** §8.4.3. */
function handlerOf(moov: Buffer, track: Box): string {
  const handler = boxUnder(moov, track, 'mdia', 'hdlr');
  return handler ? moov.toString('latin1', handler.body + 8, handler.body + 12) : '';
}

/** `once`: of a kind there is one, the first, which is the one that is looked into; a second would be a place that nobody looked at. */
function hiddenIn(moov: Buffer, box: Box, kept: ReadonlySet<string>, once = false): Box[] {
  const boxes = boxesIn(moov, box.body, box.end);
  return boxes.filter((one) => !kept.has(one.type) || (once && boxes.find(({ type }) => type === one.type) !== one));
}

function moved(edits: readonly Edit[], by: number): Edit[] {
  return edits.map(({ start, end, bytes }) => ({ start: start + by, end: end + by, bytes }));
}

/** §8.4.2. */
function clockOf(moov: Buffer, { body }: Box): { timescale: number; duration: number } {
  if (moov[body] === 1) return { timescale: moov.readUInt32BE(body + 20), duration: Number(moov.readBigUInt64BE(body + 24)) };
  return { timescale: moov.readUInt32BE(body + 12), duration: moov.readUInt32BE(body + 16) };
}

/** §8.8.3, §8.8.7, §8.8.8: what the runs of a track come to. A sample without a duration has that of its fragment, else of the track. */
function fragmentTimes(moov: Buffer, track: Box, fragments: readonly Fragment[], ahead: number): { frames: number; duration: number } {
  const header = boxUnder(moov, track, 'tkhd');
  const id = header ? moov.readUInt32BE(header.body + (moov[header.body] === 1 ? 20 : 12)) : 0;
  const mvex = boxUnder(moov, wholeBox(moov), 'mvex');
  const trex = mvex && boxesIn(moov, mvex.body, mvex.end).find((box) => box.type === 'trex' && moov.readUInt32BE(box.body + 4) === id);
  const usual = trex ? moov.readUInt32BE(trex.body + 12) : 0;
  const times = { frames: ahead, duration: ahead * usual };
  for (const { bytes } of fragments) {
    const moof = wholeBox(bytes);
    for (const traf of boxesIn(bytes, moof.body, moof.end).filter(({ type }) => type === 'traf')) {
      const said = boxUnder(bytes, traf, 'tfhd');
      if (!said || bytes.readUInt32BE(said.body + 4) !== id) continue;
      for (const run of boxesIn(bytes, traf.body, traf.end).filter(({ type }) => type === 'trun')) {
        const { frames, duration } = runTimes(bytes, run, durationIn(bytes, said) ?? usual);
        times.frames += frames;
        times.duration += duration;
      }
    }
  }
  return times;
}

/** Default sample duration of a Track Fragment Header, behind the optional fields that come before it. */
function durationIn(bytes: Buffer, { body }: Box): number | null {
  const flags = bytes.readUInt32BE(body) & 0xffffff;
  return flags & 0x08 ? bytes.readUInt32BE(body + 8 + (flags & 0x01 ? 8 : 0) + (flags & 0x02 ? 4 : 0)) : null;
}

function runTimes(bytes: Buffer, { body, end }: Box, usual: number): { frames: number; duration: number } {
  const flags = bytes.readUInt32BE(body) & 0xffffff;
  const frames = bytes.readUInt32BE(body + 4);
  if ((flags & 0x100) === 0) return { frames, duration: frames * usual };
  const first = body + 8 + (flags & 0x01 ? 4 : 0) + (flags & 0x04 ? 4 : 0);
  const stride = 4 * [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length;
  if (first + frames * stride > end) throw new RangeError('a run of samples that is not there');
  let duration = 0;
  for (let sample = 0; sample < frames; sample++) duration += bytes.readUInt32BE(first + sample * stride);
  return { frames, duration };
}

/** §8.3.2: of the matrix the first two rows; 16.16 numbers. */
function turnOf(moov: Buffer, track: Box): MovieFacts['turn'] {
  const header = boxUnder(moov, track, 'tkhd');
  if (!header) return 0;
  const at = header.body + (moov[header.body] === 1 ? 52 : 40);
  const [a, b, c, d] = [0, 4, 12, 16].map((offset) => Math.sign(moov.readInt32BE(at + offset)));
  return TURNS.find(({ matrix }) => matrix.every((value, index) => value === [a, b, c, d][index]))?.turn ?? 0;
}

/** §8.5.2, §12.1.3; 14496-15 §5.3.3 (avcC), §8.3.3 (hvcC). */
function sampleEntryOf(moov: Buffer, table: Box): Omit<MovieFacts, 'frames' | 'frameTime' | 'turn'> | null {
  const description = boxUnder(moov, table, 'stsd');
  const entry = description && boxesIn(moov, description.body + 8, description.end)[0];
  if (!entry) return null;
  const extensions = boxesIn(moov, entry.body + VISUAL_ENTRY_BYTES, entry.end);
  const avc = extensions.find(({ type }) => type === 'avcC');
  const hevc = extensions.find(({ type }) => type === 'hvcC');
  const size = { columns: moov.readUInt16BE(entry.body + 24), rows: moov.readUInt16BE(entry.body + 26) };
  const byte = (box: Box, offset: number): number => moov.readUInt8(box.body + offset);
  if (avc) return { coding: entry.type, profile: byte(avc, 1), constraints: byte(avc, 2), level: byte(avc, 3), ...size };
  if (hevc) return { coding: entry.type, profile: byte(hevc, 1) & 0x1f, constraints: 0, level: byte(hevc, 12), ...size };
  return { coding: entry.type, profile: 0, constraints: 0, level: 0, ...size };
}

/** Where the samples of a track lie in its file, chunk by chunk (§8.7). */
function samplesOf(moov: Buffer, track: Box): Edit[] {
  const table = boxUnder(moov, track, 'mdia', 'minf', 'stbl');
  const [sizes, runs] = [table && boxUnder(moov, table, 'stsz'), table && boxUnder(moov, table, 'stsc')];
  const offsets = table && (boxUnder(moov, table, 'stco') ?? boxUnder(moov, table, 'co64'));
  if (!sizes || !runs || !offsets) throw new RangeError('a track whose samples are not found');
  const sizeOf = (sample: number): number => moov.readUInt32BE(sizes.body + 4) || moov.readUInt32BE(sizes.body + 12 + 4 * sample);
  const [chunks, samples] = [moov.readUInt32BE(offsets.body + 4), moov.readUInt32BE(sizes.body + 8)];
  if (chunks > MAX_CHUNKS || samples > MAX_SAMPLES) throw new RangeError('a track of too many samples');
  const edits: Edit[] = [];
  let [run, sample] = [0, 0];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const wide = offsets.type === 'co64';
    const start = wide ? Number(moov.readBigUInt64BE(offsets.body + 8 + 8 * chunk)) : moov.readUInt32BE(offsets.body + 8 + 4 * chunk);
    while (run + 1 < moov.readUInt32BE(runs.body + 4) && moov.readUInt32BE(runs.body + 8 + 12 * (run + 1)) <= chunk + 1) run++;
    const last = Math.min(samples, sample + moov.readUInt32BE(runs.body + 12 + 12 * run));
    let end = start;
    for (; sample < last; sample++) end += sizeOf(sample);
    edits.push({ start, end, bytes: null });
  }
  return edits;
}

/** SampleEntry and VisualSampleEntry, without the header. */
const VISUAL_ENTRY_BYTES = 78;
const SHOWN_TRACKS: ReadonlySet<string> = new Set(['vide', 'soun', 'pict']);
/** §4.3, §8.1, §8.8, §8.16. What is free is often metadata that somebody took out by renaming its box. */
const KEPT_IN_FILE: ReadonlySet<string> = new Set(['ftyp', 'styp', 'moov', 'mdat', 'pdin', 'sidx', 'moof', 'mfra']);
const KEPT_IN_MOVIE: ReadonlySet<string> = new Set(['mvhd', 'trak', 'mvex', 'iods']);
const KEPT_IN_TRACK: ReadonlySet<string> = new Set(['tkhd', 'edts', 'mdia', 'tapt']);
/** §8.4, §12; `gmhd` is QuickTime's. */
const KEPT_IN_MEDIA: ReadonlySet<string> = new Set(['mdhd', 'hdlr', 'elng', 'minf']);
const KEPT_IN_INFORMATION: ReadonlySet<string> = new Set(['vmhd', 'smhd', 'hmhd', 'nmhd', 'sthd', 'gmhd', 'hdlr', 'dinf', 'stbl']);
const KEPT_IN_FRAGMENT: ReadonlySet<string> = new Set(['mfhd', 'traf']);
const KEPT_IN_TRACK_FRAGMENT: ReadonlySet<string> = new Set('tfhd tfdt trun sbgp sgpd subs saiz saio senc'.split(' '));

/** a, b, c, d of the matrix as players are told to turn. */
const TURNS: readonly { readonly turn: MovieFacts['turn']; readonly matrix: readonly number[] }[] = [
  { turn: 90, matrix: [0, 1, -1, 0] },
  { turn: 180, matrix: [-1, 0, 0, -1] },
  { turn: 270, matrix: [0, -1, 1, 0] },
];
