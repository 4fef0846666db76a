import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { blobFailure } from '../../src/store/blob-failure.ts';
import { readRanges } from '../../src/store/blob-range-store.ts';
import { type BlobStore, openBlobs } from '../../src/store/blob-store.ts';

describe('blob store', () => {
  let home: string;
  let blobs: BlobStore;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'waystation-blobs-'));
    blobs = await openBlobs(home);
  });
  afterEach(() => rm(home, { recursive: true }));

  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const leftovers = () => readdir(join(home, 'blobs', 'tmp'));

  it('names a file by the SHA-256 of its bytes and gives them back unchanged', async () => {
    const bytes = randomBytes(3_000_001);
    const stored = await blobs.put(bytes);
    expect(stored).toEqual({ digest: sha256(bytes), bytes: bytes.length });
    expect(blobs.path(stored.digest)).toBe(join(home, 'blobs', stored.digest.slice(0, 2), stored.digest));
    expect(Buffer.compare(await readFile(blobs.path(stored.digest)), bytes)).toBe(0);
    expect(await blobs.stat(stored.digest)).toEqual({ bytes: bytes.length });
  });

  it('joins chunks of any size in their order, waited for or not', async () => {
    const chunks = [0, 1, 16_384, 0, 700_000, 3, 2_000_000, 132].map((size) => randomBytes(size));
    const whole = Buffer.concat(chunks);
    const waited = await blobs.writer();
    for (const chunk of chunks) await waited.write(chunk);
    const hurried = await blobs.writer();
    for (const chunk of chunks) void hurried.write(chunk);
    expect([await waited.commit(), await hurried.commit()]).toEqual(Array(2).fill({ digest: sha256(whole), bytes: whole.length }));
    expect(Buffer.compare(await buffer(blobs.read(sha256(whole))), whole)).toBe(0);
  });

  it('keeps an object without bytes', async () => {
    const { digest } = await (await blobs.writer()).commit();
    expect(digest).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(await blobs.stat(digest)).toEqual({ bytes: 0 });
  });

  it('reads a range, both ends included', async () => {
    const { digest } = await blobs.put(Buffer.from('0123456789'));
    expect(await buffer(blobs.read(digest, { start: 2, end: 5 }))).toEqual(Buffer.from('2345'));
    expect(await buffer(blobs.read(digest, { start: 7 }))).toEqual(Buffer.from('789'));
  });

  it('gives a large object piece by piece, through memory that it uses again', async () => {
    const whole = randomBytes(1_200_000);
    const { digest } = await blobs.put(whole);
    const read = async (range?: { start?: number; end?: number }): Promise<Buffer> => {
      const copies: Buffer[] = [];
      for await (const piece of blobs.pieces(digest, range)) copies.push(Buffer.from(piece));
      return Buffer.concat(copies);
    };
    expect(Buffer.compare(await read(), whole)).toBe(0);
    expect(Buffer.compare(await read({ start: 7, end: 1_100_000 }), whole.subarray(7, 1_100_001))).toBe(0);
    const memory = new Set<ArrayBufferLike>();
    for await (const piece of blobs.pieces(digest)) memory.add(piece.buffer);
    expect(memory.size).toBe(1);
    await expect(read({ start: 1_200_000 })).resolves.toHaveLength(0);
  });

  it('opens no file for a range before it is read, and has nothing in an empty one', async () => {
    const { digest } = await blobs.put(Buffer.from('preamble and dataset'));
    const { bytes, readAt, stream } = readRanges(blobs, { blob: digest, bytes: 20, datasetOffset: 13 });
    const range = stream({ start: 2, length: 4 });
    await rm(blobs.path(digest));
    await expect(buffer(range)).rejects.toMatchObject({ code: 'ENOENT' });
    await blobs.put(Buffer.from('preamble and dataset'));
    expect([bytes, `${await buffer(stream({ start: 2, length: 4 }))}`, `${await readAt(4, 10)}`]).toEqual([7, 'tase', 'set']);
    expect(await buffer(stream({ start: 2, length: 0 }))).toHaveLength(0);
  });

  it('keeps the same content once, also when many write it at the same time', async () => {
    const bytes = randomBytes(900_000);
    const stored = await Promise.all(Array.from({ length: 8 }, () => blobs.put(bytes)));
    expect(new Set(stored.map((one) => one.digest))).toEqual(new Set([sha256(bytes)]));
    expect(await readdir(join(home, 'blobs', sha256(bytes).slice(0, 2)))).toEqual([sha256(bytes)]);
    expect(await leftovers()).toEqual([]);
  });

  it('shows nothing of an object before its commit, and forgets an aborted one', async () => {
    const bytes = randomBytes(1_000_000);
    const writer = await blobs.writer();
    await writer.write(bytes);
    expect(await blobs.stat(sha256(bytes))).toBeNull();
    await writer.abort();
    await writer.abort();
    expect(await blobs.stat(sha256(bytes))).toBeNull();
    expect(await leftovers()).toEqual([]);
    await expect(writer.write(bytes)).rejects.toThrow('after its end');
    await expect(writer.commit()).rejects.toThrow('after its end');
  });

  it('sweeps what a killed writer left, and nothing else', async () => {
    const { digest } = await blobs.put(Buffer.from('kept'));
    const killed = await blobs.writer();
    await killed.write(randomBytes(600_000));
    const afterRestart = await openBlobs(home);
    expect(await afterRestart.sweep()).toBe(1);
    expect(await leftovers()).toEqual([]);
    expect(await afterRestart.verify(digest)).toBe(true);
    await killed.abort();
  });

  it('tells a damaged or absent object, and heals it when the same bytes come again', async () => {
    const { digest } = await blobs.put(Buffer.from('whole'));
    expect(await blobs.verify(digest)).toBe(true);
    await appendFile(blobs.path(digest), '!');
    expect(await blobs.verify(digest)).toBe(false);
    await blobs.put(Buffer.from('whole'));
    expect(await blobs.verify(digest)).toBe(true);
    expect(await blobs.verify(sha256(Buffer.from('never stored')))).toBe(false);
  });

  it('takes nothing but a digest for a name', () => {
    for (const name of ['', '../../../etc/passwd', 'AB'.repeat(32), `${'ab'.repeat(31)}/b`, `${'ab'.repeat(32)}\n`]) {
      expect(() => blobs.path(name)).toThrow(TypeError);
    }
  });

  it('throws the error of the file system when the object cannot be written, and leaves no file', async () => {
    const writer = await blobs.writer();
    await writer.write(Buffer.from('lost'));
    const digest = sha256(Buffer.from('lost'));
    await rm(join(home, 'blobs', digest.slice(0, 2)), { recursive: true });
    await expect(writer.commit()).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await leftovers()).toEqual([]);
  });

  it('leaves no file when what it is given cannot be written', async () => {
    await expect(blobs.put(null as unknown as Uint8Array)).rejects.toThrow(TypeError);
    expect(await leftovers()).toEqual([]);
  });

  it('calls a full disk out of resources, which a sender may try again', () => {
    expect(blobFailure(Object.assign(new Error(), { code: 'ENOSPC' }))).toMatchObject({ code: 'out-of-resources', class: 'transient' });
    expect(blobFailure(new Error('anything'))).toMatchObject({ code: 'internal', class: 'transient', detail: 'blob store: unknown' });
  });
});
