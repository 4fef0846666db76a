/** The compressed images of the corpora without what is said beside their coding: they decode to the same pixels. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import imaging from 'dcmjs-imaging';
import { isFailure } from '../../src/model/failure.ts';
import { barePixels } from '../../src/protocols/dicom/bare-pixels.ts';
import { readElements } from '../../src/protocols/dicom/edited-dataset.ts';
import { locateFrames } from '../../src/protocols/dicom/frames.ts';
import { headerReader } from '../../src/protocols/dicom/header-reader.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { IMAGE_TAGS, imageElements } from '../../src/protocols/dicom/rendering.ts';
import { transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';
import { storedDataset } from '../support/stored-dataset.ts';

const CORPUS = '../shared/corpora/dicom';
const { DicomImage, NativePixelDecoder } = imaging;
const files = readFileSync('test/contract/dicom-corpus.tsv', 'utf8')
  .split('\n')
  .map((line) => line.split('\t'))
  .flatMap(([file, syntax, answer]) => (syntax === '' && answer === '0000' ? [file as string] : []));

(existsSync(CORPUS) ? describe : describe.skip)('the first frame of each compressed image', () => {
  it('decodes as before where it is bare', async () => {
    await NativePixelDecoder.initializeAsync();
    const found = { bare: 0, decoded: 0 };
    for (const file of files) {
      const image = await compressed(readFileSync(join(CORPUS, file)));
      if (!image) continue;
      const bytes = await collected(barePixels(once(image.fragments)));
      expect([file, bytes.length]).toEqual([file, image.fragments.length]);
      found.bare++;
      // What has not changed need not be decoded.
      const before = bytes.equals(image.fragments) ? null : image.decode(image.fragments);
      if (!before) continue;
      expect([file, image.decode(bytes)?.equals(before)]).toEqual([file, true]);
      found.decoded++;
    }
    expect(found.bare).toBeGreaterThan(20);
    // Kakadu signs what it writes, others leave a JFIF thumbnail or a comment.
    expect(found.decoded).toBeGreaterThan(2);
  });
});

async function compressed(file: Buffer) {
  const meta = readPart10(file);
  const syntax = isFailure(meta) ? null : transferSyntax(meta.transferSyntax);
  if (isFailure(meta) || !syntax) return null;
  const dataset = file.subarray(meta.datasetOffset);
  const reader = headerReader(syntax);
  await reader.push(dataset);
  const read = await reader.end();
  const elements = await readElements(storedDataset(dataset, meta.transferSyntax), IMAGE_TAGS);
  const kept = isFailure(elements) ? elements : imageElements(elements);
  if (isFailure(read) || isFailure(kept) || read.pixelOffset === null) return null;
  const start = read.pixelOffset + ELEMENT_HEADER_BYTES;
  const at = { syntax, header: read.header.json, frames: read.header.frames, pixelOffset: read.pixelOffset };
  if (dataset.readUInt32LE(start - 4) !== UNDEFINED_LENGTH) return null;
  const ranges = await locateFrames(async (position, length) => dataset.subarray(position, position + length), at, [1]);
  if (isFailure(ranges)) return null;
  const decode = (fragments: Buffer): Buffer | null => {
    const whole = Buffer.concat([dataset.subarray(0, start), fragments]);
    const frame = Buffer.concat((ranges[0] ?? []).map((range) => whole.subarray(range.start, range.start + range.length)));
    try {
      const { buffer, byteOffset, byteLength } = Uint8Array.from(frame);
      const pixelData = [buffer.slice(byteOffset, byteOffset + byteLength)];
      const picture = new DicomImage({ ...kept, PixelData: pixelData, _vrMap: { PixelData: 'OW' } }, meta.transferSyntax);
      return Buffer.from(picture.render({ frame: 0, renderOverlays: false }).pixels);
    } catch {
      return null;
    }
  };
  return { fragments: dataset.subarray(start), decode };
}

async function collected(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Explicit VR, OB or OW of undefined length. */
const ELEMENT_HEADER_BYTES = 12;
const UNDEFINED_LENGTH = 0xffffffff;
