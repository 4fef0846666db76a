import { describe, expect, it } from '@jest/globals';
import { createFramer, type Framer, type FramerEvent, frame } from '../../../../src/protocols/hl7v2/framer.ts';
import fc from '../../../support/properties.ts';

const VT = '\x0b';
const END = '\x1c\r';

/** What the framer says of a stream given in these chunks. */
function read(framer: Framer, chunks: readonly Buffer[]): FramerEvent[] {
  // Each chunk is overwritten after it was read, as a socket may do: what has to outlast it must have been copied.
  return chunks.flatMap((chunk) => {
    const events = [...framer.read(chunk)].map(kept);
    chunk.fill(0x3f);
    return events;
  });
}

function kept(event: FramerEvent): FramerEvent {
  if (event.kind === 'frame') return { ...event, bytes: Buffer.from(event.bytes) };
  return event.kind === 'too-large' ? { ...event, head: Buffer.from(event.head) } : event;
}

function readText(text: string, maxBytes = 1000): string[] {
  return read(createFramer(maxBytes), [Buffer.from(text, 'latin1')]).map(said);
}

function said(event: FramerEvent): string {
  switch (event.kind) {
    case 'frame':
      return `frame ${event.bytes.toString('latin1')}`;
    case 'too-large':
      return `too-large ${event.length} ${event.head.toString('latin1')}`;
    default:
      return `${event.kind} ${event.length}`;
  }
}

/** Garbage is told a chunk at a time: the sums are what does not depend on the cuts. */
function withoutCuts(events: readonly FramerEvent[]): string[] {
  const merged: string[] = [];
  let garbage = 0;
  for (const event of [...events, null]) {
    if (event?.kind === 'garbage') garbage += event.length;
    else {
      if (garbage > 0) merged.push(`garbage ${garbage}`);
      garbage = 0;
      if (event) merged.push(said(event));
    }
  }
  return merged;
}

describe('the MLLP framer', () => {
  it('gives the bytes between VT and FS CR', () => {
    expect(readText(`${VT}MSH|a\rPID|b\r${END}`)).toEqual(['frame MSH|a\rPID|b\r']);
  });

  it('gives every frame of a chunk that holds several', () => {
    expect(readText(`${VT}one${END}${VT}two${END}${VT}${END}`)).toEqual(['frame one', 'frame two', 'frame ']);
  });

  it('tells bytes outside frames and goes on', () => {
    expect(readText(`noise${VT}one${END}\r\n${VT}two${END}`)).toEqual(['garbage 5', 'frame one', 'garbage 2', 'frame two']);
  });

  it('takes a message without VT for garbage', () => {
    expect(readText(`MSH|a\r${END}`)).toEqual(['garbage 8']);
  });

  it('starts anew at a VT within a frame and tells the unfinished one', () => {
    expect(readText(`${VT}one${VT}two${END}`)).toEqual(['unfinished 3', 'frame two']);
  });

  it('keeps an FS that no CR follows as content', () => {
    expect(readText(`${VT}a\x1cb\x1c${END}`)).toEqual(['frame a\x1cb\x1c']);
  });

  it('does not take FS VT for an end', () => {
    expect(readText(`${VT}one\x1c${VT}two${END}`)).toEqual(['unfinished 4', 'frame two']);
  });

  it('holds a frame of exactly the limit', () => {
    expect(readText(`${VT}12345${END}`, 5)).toEqual(['frame 12345']);
  });

  it('tells a larger frame with its head and length when it ends, and reads the next', () => {
    expect(readText(`${VT}123456${END}${VT}next${END}`, 5)).toEqual(['too-large 6 123456', 'frame next']);
  });

  it('holds only the head of a frame that has outgrown the limit, however it comes', () => {
    const framer = createFramer(100_000);
    read(framer, [Buffer.from(VT), ...Array.from({ length: 500 }, () => Buffer.alloc(1000, 0x41))]);
    expect(framer.begun).toBe(500_001);
    expect(framer.held).toBeLessThanOrEqual(8192);
    const [event] = read(framer, [Buffer.from(END)]);
    expect(event).toEqual({ kind: 'too-large', head: Buffer.alloc(4096, 0x41), length: 500_000 });
  });

  it('holds at most twice a frame that comes byte by byte', () => {
    const framer = createFramer(1_000_000);
    read(framer, [Buffer.from(VT), ...Array.from({ length: 20_000 }, () => Buffer.from('x'))]);
    expect(framer.held).toBeLessThanOrEqual(40_000);
  });

  it('holds nothing between frames', () => {
    const framer = createFramer(1_000_000);
    read(framer, [Buffer.from(VT), Buffer.alloc(50_000), Buffer.from(END)]);
    expect([framer.held, framer.begun]).toEqual([0, 0]);
  });

  it('says the same of any stream, however it is cut', () => {
    const piece = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(VT, '\x1c', '\r', END, 'x', '\n') },
      fc.string({ maxLength: 12, unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) }),
    );
    const stream = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (bytes, places) => {
        const cuts = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = cuts.slice(1).map((end, index) => Buffer.from(bytes.subarray(cuts[index], end)));
        const whole = withoutCuts(read(createFramer(10), [Buffer.from(bytes)]));
        expect(withoutCuts(read(createFramer(10), chunks))).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives back what was framed, however it is cut', () => {
    const message = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte > 0x1c || byte === 0x0d)));
    fc.assert(
      fc.property(fc.array(message, { maxLength: 10 }), fc.integer({ min: 1, max: 40 }), (messages, size) => {
        const stream = Buffer.concat(messages.map((one) => frame(one)));
        const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, n) =>
          Buffer.from(stream.subarray(n * size, (n + 1) * size)),
        );
        expect(read(createFramer(1000), chunks)).toEqual(messages.map((bytes) => ({ kind: 'frame', bytes })));
      }),
    );
  });
});
