/** Bytes that are written one after another: a Buffer that grows, because an array of numbers takes twenty times as much. */
export type ByteWriter = {
  write(byte: number): void;
  /** What was written. */
  bytes(): Buffer;
};

/** `expected`: about so many. */
export function byteWriter(expected: number): ByteWriter {
  let buffer = Buffer.allocUnsafe(Math.max(expected, LEAST));
  let length = 0;
  return {
    write: (byte) => {
      if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      buffer[length++] = byte;
    },
    bytes: () => buffer.subarray(0, length),
  };
}

const LEAST = 64;
