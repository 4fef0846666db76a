/** A photo that nobody took: a spot on skin, as a PNG (ISO/IEC 15948). In: which one. Out: its bytes. */
import { crc32, deflateSync } from 'node:zlib';

const SIDE = 480;

/** The nth view of the same spot: nearer each time. */
export function spotPhoto(view: number): Buffer {
  const rows = Array.from({ length: SIDE }, (_, y) => row(y, view));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header()),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Filter type 0, then red, green and blue of each pixel. */
function row(y: number, view: number): Buffer {
  const bytes = Buffer.alloc(1 + 3 * SIDE);
  for (let x = 0; x < SIDE; x++) {
    const [dx, dy] = [(x / SIDE - 0.5) / view, (y / SIDE - 0.47) / view];
    const edge = 0.06 + 0.012 * Math.sin(5 * Math.atan2(dy, dx) + 1);
    const inside = Math.min(1, Math.max(0, (edge - Math.hypot(dx, dy)) * 60 * view + 0.5));
    const grain = ((x * 73 + y * 151 + view * 37) % 13) - 6;
    for (const [channel, skin] of SKIN.entries()) {
      bytes[1 + 3 * x + channel] = Math.round(skin + ((SPOT[channel] ?? 0) - skin) * inside + grain);
    }
  }
  return bytes;
}

/** §11.2.2: width, height, 8 bits a channel, colour type 2 (RGB). */
function header(): Buffer {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32BE(SIDE, 0);
  bytes.writeUInt32BE(SIDE, 4);
  bytes.set([8, 2, 0, 0, 0], 8);
  return bytes;
}

/** §5.3: length, type, data, CRC of type and data. */
function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const bytes = Buffer.alloc(8 + named.length);
  bytes.writeUInt32BE(data.length, 0);
  named.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(named), 4 + named.length);
  return bytes;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const SKIN = [224, 182, 160];
const SPOT = [96, 58, 48];
