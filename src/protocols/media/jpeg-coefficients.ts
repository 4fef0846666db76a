/**
 * The coefficients of a baseline JPEG (ITU-T T.81 Annex A, F.1.2, F.2.2): read out of its one scan, and written anew, without a loss. In: a file.
 * Out: the quantized coefficients of its blocks and what is needed to write them again. Null for what is coded otherwise, or broken.
 */

import { isAdobe, readJpeg, type Segment, segmentsOf } from './jpeg.ts';
import { BitReader, BitWriter, decoderOf, encoderOf, type HuffmanDecoder, STANDARD_TABLES } from './jpeg-huffman.ts';

export type CoefficientPlane = {
  readonly id: number;
  /** Sampling factors (A.1.1). */
  readonly h: number;
  readonly v: number;
  readonly quantization: number;
  /** Blocks, with those that fill up the last MCU. */
  readonly wide: number;
  readonly high: number;
  /** 64 a block, in the order of rows. */
  readonly values: Int16Array;
};

export type Coefficients = {
  readonly columns: number;
  readonly rows: number;
  readonly planes: readonly CoefficientPlane[];
  /** By number, in the order of rows. */
  readonly quantization: ReadonlyMap<number, Uint8Array>;
  /** What says which colours the components are. */
  readonly adobe: Buffer;
};

/** In blocks: as many as 64 million samples. */
const MAX_BLOCKS = 3_000_000;

export function readCoefficients(file: Buffer): Coefficients | null {
  const facts = readJpeg(file);
  const segments = segmentsOf(file) ?? [];
  const scans = segments.filter(({ marker }) => marker === SOS);
  const frame = segments.find(({ marker }) => marker === SOF0);
  if (facts?.bits !== 8 || !frame || scans.length !== 1 || facts.rows === 0 || facts.columns === 0) return null;
  const quantization = quantizationIn(segments);
  const planes = planesOf(frame.bytes, facts, (scans[0] as Segment).bytes.length);
  const scan = planes && scanOf(scans[0] as Segment, planes, segments);
  if (!planes || !scan || planes.some((plane) => !quantization.has(plane.quantization))) return null;
  const adobe = segments.find(isAdobe)?.bytes ?? Buffer.alloc(0);
  return readScan(scan) ? { columns: facts.columns, rows: facts.rows, planes, quantization, adobe } : null;
}

export function writeCoefficients({ columns, rows, planes, quantization, adobe }: Coefficients): Buffer | null {
  const data = writeScan(planes);
  if (!data) return null;
  const tables = [...quantization].map(([id, values]) => segment(DQT, [id, ...ZIGZAG.map((place) => values[place] as number)]));
  const frame = [8, rows >> 8, rows & 255, columns >> 8, columns & 255, planes.length];
  const components = planes.flatMap(({ id, h, v, quantization: table }) => [id, h * 16 + v, table]);
  const codes = STANDARD_TABLES.slice(0, planes.length === 1 ? 1 : 2).flatMap(({ dc, ac }, id) => [
    segment(DHT, [id, ...dc.counts, ...dc.symbols]),
    segment(DHT, [16 + id, ...ac.counts, ...ac.symbols]),
  ]);
  const scan = [planes.length, ...planes.flatMap(({ id }, index) => [id, index === 0 ? 0 : 0x11]), 0, 63, 0];
  const end = Buffer.from([0xff, 0xd9]);
  const start = Buffer.from([0xff, 0xd8]);
  return Buffer.concat([start, adobe, ...tables, segment(SOF0, [...frame, ...components]), ...codes, segment(SOS, scan), data, end]);
}

function quantizationIn(segments: readonly Segment[]): Map<number, Uint8Array> {
  const tables = new Map<number, Uint8Array>();
  for (const { bytes } of segments.filter(({ marker }) => marker === DQT)) {
    for (let at = 4; at + 65 <= bytes.length && (bytes[at] as number) < 4; at += 65) {
      const values = new Uint8Array(64);
      for (const [index, place] of ZIGZAG.entries()) values[place] = bytes[at + 1 + index] as number;
      tables.set(bytes[at] as number, values);
    }
  }
  return tables;
}

/** A.1.1, A.2: of one component alone the factors mean nothing. */
function planesOf(
  frame: Buffer,
  { rows, columns, components }: { rows: number; columns: number; components: number },
  scanBytes: number,
): CoefficientPlane[] | null {
  if (components !== 1 && components !== 3) return null;
  const said = Array.from({ length: components }, (_, index) => frame.subarray(10 + 3 * index, 13 + 3 * index) as Buffer);
  const factors = said.map(
    (three) => (components === 1 ? [1, 1] : [(three[1] as number) >> 4, (three[1] as number) & 15]) as [number, number],
  );
  if (factors.some(([h, v]) => h < 1 || h > 4 || v < 1 || v > 4)) return null;
  const [across, down] = [0, 1].map((axis) => Math.max(...factors.map((pair) => pair[axis] as number))) as [number, number];
  const [mcusWide, mcusHigh] = [Math.ceil(columns / (8 * across)), Math.ceil(rows / (8 * down))];
  const blocks = factors.reduce((sum, [h, v]) => sum + mcusWide * h * mcusHigh * v, 0);
  // F.1.2: a block takes two bits at least. Memory for what the scan cannot hold would be given to whoever says a size.
  if (blocks > MAX_BLOCKS || blocks > scanBytes * 4) return null;
  return factors.map(([h, v], index) => {
    const [wide, high] = [mcusWide * h, mcusHigh * v];
    const three = said[index] as Buffer;
    return { id: three[0] as number, h, v, quantization: three[2] as number, wide, high, values: new Int16Array(wide * high * 64) };
  });
}

type ScanPlane = { readonly plane: CoefficientPlane; readonly dc: HuffmanDecoder; readonly ac: HuffmanDecoder };
type Scan = {
  readonly planes: readonly ScanPlane[];
  readonly bytes: Buffer;
  readonly restarts: readonly number[];
  readonly interval: number;
};

/** B.2.3: the one scan has all components. */
function scanOf({ bytes }: Segment, planes: readonly CoefficientPlane[], segments: readonly Segment[]): Scan | null {
  const decoders = new Map<number, HuffmanDecoder>();
  for (const { bytes: table } of segments.filter(({ marker }) => marker === DHT)) {
    for (let at = 4; at + 17 <= table.length; ) {
      const counts = table.subarray(at + 1, at + 17);
      const total = counts.reduce((sum, count) => sum + count, 0);
      decoders.set(table[at] as number, decoderOf({ counts, symbols: table.subarray(at + 17, at + 17 + total) }));
      at += 17 + total;
    }
  }
  if (bytes[4] !== planes.length) return null;
  const scanned = planes.flatMap((plane, index) => {
    const [id, tables] = [bytes[5 + 2 * index], bytes[6 + 2 * index] ?? 0];
    const [dc, ac] = [decoders.get(tables >> 4), decoders.get(16 + (tables & 15))];
    return id === plane.id && dc && ac ? [{ plane, dc, ac }] : [];
  });
  const restart = segments.find(({ marker, bytes: { length } }) => marker === DRI && length === 6);
  const interval = restart ? restart.bytes.readUInt16BE(4) : 0;
  return scanned.length === planes.length ? { planes: scanned, interval, ...unstuffed(bytes.subarray(2 + bytes.readUInt16BE(2))) } : null;
}

/** Without stuffing, and where a restart marker stood (F.1.2.3, F.2.2.5). Three zeros more may be peeked at. */
function unstuffed(data: Buffer): { bytes: Buffer; restarts: number[] } {
  const bytes = Buffer.alloc(data.length + 3);
  const restarts = [0];
  let length = 0;
  for (let at = 0; at < data.length; at++) {
    bytes[length++] = data[at] as number;
    if (data[at] !== 0xff) continue;
    const next = data[++at] ?? 0;
    if (next >= 0xd0 && next <= 0xd7) restarts.push(--length);
  }
  return { bytes: bytes.subarray(0, length + 3), restarts };
}

/** False where the data ends early or has no code. */
function readScan({ planes, bytes, restarts, interval }: Scan): boolean {
  const [{ plane: first }] = planes as [ScanPlane];
  const mcus = (first.wide / first.h) * (first.high / first.v);
  const each = interval === 0 ? mcus : interval;
  for (let mcu = 0, part = 0; mcu < mcus; part++) {
    const start = restarts[part];
    if (start === undefined) return false;
    const reader = new BitReader(bytes, start, restarts[part + 1] ?? bytes.length - 3);
    const before = planes.map(() => 0);
    for (const until = Math.min(mcus, mcu + each); mcu < until; mcu++)
      if (!readMcu(reader, planes, mcu, before) || reader.isBeyond) return false;
  }
  return true;
}

/** `before`: the DC of the block before, by component. */
function readMcu(reader: BitReader, planes: readonly ScanPlane[], mcu: number, before: number[]): boolean {
  for (const [index, { plane, dc, ac }] of planes.entries()) {
    for (const block of blocksOf(plane, mcu)) {
      const size = reader.symbol(dc);
      if (size < 0 || size > 11) return false;
      before[index] = (before[index] as number) + reader.value(size);
      plane.values[block] = before[index] as number;
      if (!readAc(reader, ac, plane.values, block)) return false;
    }
  }
  return true;
}

function readAc(reader: BitReader, ac: HuffmanDecoder, values: Int16Array, block: number): boolean {
  for (let k = 1; k < 64; k++) {
    const symbol = reader.symbol(ac);
    if (symbol < 0) return false;
    const [run, size] = [symbol >> 4, symbol & 15];
    if (size === 0 && run < 15) return true;
    k += run;
    if (k > 63 || size > 10) return false;
    if (size > 0) values[block + (ZIGZAG[k] as number)] = reader.value(size);
  }
  return true;
}

/** Where the blocks of a component in one MCU begin in its values (A.2.3). */
function blocksOf({ h, v, wide }: CoefficientPlane, mcu: number): number[] {
  const across = wide / h;
  const [left, top] = [(mcu % across) * h, Math.floor(mcu / across) * v];
  return Array.from({ length: h * v }, (_, n) => ((top + Math.floor(n / h)) * wide + left + (n % h)) * 64);
}

/** Null where a coefficient is larger than baseline has a code for. */
function writeScan(planes: readonly CoefficientPlane[]): Buffer | null {
  const writer = new BitWriter();
  const codes = STANDARD_TABLES.map(({ dc, ac }) => ({ dc: encoderOf(dc), ac: encoderOf(ac) }));
  const before = planes.map(() => 0);
  const [first] = planes as [CoefficientPlane];
  const mcus = (first.wide / first.h) * (first.high / first.v);
  for (let mcu = 0; mcu < mcus; mcu++) {
    for (const [index, plane] of planes.entries()) {
      const { dc, ac } = codes[index === 0 ? 0 : 1] as { dc: Uint32Array; ac: Uint32Array };
      for (const block of blocksOf(plane, mcu)) {
        const value = plane.values[block] as number;
        const difference = value - (before[index] as number);
        before[index] = value;
        if (!writeValue(writer, dc, 0, difference, 11) || !writeAc(writer, ac, plane.values, block)) return null;
      }
    }
  }
  return writer.end();
}

function writeAc(writer: BitWriter, ac: Uint32Array, values: Int16Array, block: number): boolean {
  let run = 0;
  for (let k = 1; k < 64; k++) {
    const value = values[block + (ZIGZAG[k] as number)] as number;
    if (value === 0) {
      run++;
      continue;
    }
    for (; run > 15; run -= 16) writeCode(writer, ac, ZERO_RUN);
    if (!writeValue(writer, ac, run, value, 10)) return false;
    run = 0;
  }
  if (run > 0) writeCode(writer, ac, END_OF_BLOCK);
  return true;
}

/** F.1.2.1, F.1.2.2. */
function writeValue(writer: BitWriter, codes: Uint32Array, run: number, value: number, most: number): boolean {
  const size = 32 - Math.clz32(Math.abs(value));
  if (size > most) return false;
  writeCode(writer, codes, run * 16 + size);
  writer.write(value < 0 ? value - 1 : value, size);
  return true;
}

function writeCode(writer: BitWriter, codes: Uint32Array, symbol: number): void {
  const code = codes[symbol] as number;
  writer.write(code >>> 5, code & 31);
}

function segment(marker: number, parameters: readonly number[]): Buffer {
  const length = parameters.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 255, ...parameters]);
}

const SOF0 = 0xc0;
const DHT = 0xc4;
const SOS = 0xda;
const DQT = 0xdb;
const DRI = 0xdd;
const ZERO_RUN = 0xf0;
const END_OF_BLOCK = 0;

/** Figure A.6: by place in the zig-zag, the place in the order of rows. */
const ZIGZAG: readonly number[] = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57,
  50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];
