import { expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { barePixels } from '../../../../src/protocols/dicom/bare-pixels.ts';
import { deidentification } from '../../../../src/protocols/dicom/deidentification.ts';
import { editDataset } from '../../../../src/protocols/dicom/edited-dataset.ts';
import { writeDataset } from '../../../../src/protocols/dicom/write.ts';
import fc from '../../../support/properties.ts';
import { storedDataset } from '../../../support/stored-dataset.ts';

const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';

/** SOI, an Exif segment, a scan, EOI. */
function picture(said: string): Buffer {
  const exif = Buffer.from(`\0\0Exif\0\0${said}`, 'latin1');
  exif.writeUInt16BE(exif.length);
  return Buffer.concat([Buffer.from('ffd8ffe1', 'hex'), exif, Buffer.from('ffda0004aabb11ff00223344ffd9', 'hex')]);
}

function item(content: Buffer, element = 0xe000): Buffer {
  const header = Buffer.from('feff0000', 'hex');
  header.writeUInt16LE(element, 2);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.length);
  return Buffer.concat([header, length, content]);
}

const NOTHING = Buffer.alloc(0);

/** Of two frames, the second in two fragments; `behind`: what follows the pixels. */
function fragments(said: string, behind: Buffer): Buffer {
  const [one, other] = [picture(said), picture(said)];
  const half = other.length / 2;
  return Buffer.concat([
    item(NOTHING),
    item(one),
    item(other.subarray(0, half)),
    item(other.subarray(half)),
    item(NOTHING, 0xe0dd),
    behind,
  ]);
}

async function bare(bytes: Buffer, cuts: readonly number[]): Promise<Buffer> {
  const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
  async function* chunks(): AsyncGenerator<Buffer> {
    for (const [index, end] of places.slice(1).entries()) yield bytes.subarray(places[index], end);
  }
  const out: Buffer[] = [];
  for await (const chunk of barePixels(chunks())) out.push(chunk);
  return Buffer.concat(out);
}

it('makes each frame bare, in one fragment or several, however the bytes come', async () => {
  const behind = Buffer.from('ffd8ffe1 stays', 'latin1');
  const [given, wanted] = [fragments('SECRET', behind), fragments('\0'.repeat(6), behind)];
  const whole = await bare(given, []);
  expect(whole).toHaveLength(given.length);
  expect([whole.includes('SECRET'), whole.includes('Exif'), whole.includes(behind)]).toEqual([false, false, true]);
  // The name of the segment goes with what it says.
  expect(whole).toEqual(Buffer.from(wanted.toString('latin1').replaceAll('Exif', '\0\0\0\0'), 'latin1'));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 60 }), async (cuts) => {
      expect(await bare(given, cuts)).toEqual(whole);
    }),
    { numRuns: 100 },
  );
});

it('changes nothing of pixels that are coded otherwise, nor of what breaks off', async () => {
  const rle = Buffer.concat([item(NOTHING), item(Buffer.alloc(64, 0x01)), item(NOTHING, 0xe0dd)]);
  expect(await bare(rle, [3, 9, 20])).toEqual(rle);
  for (const length of [1, 7, 9, 12, 30]) expect(await bare(rle.subarray(0, length), [])).toHaveLength(length);
});

it('is what a de-identified copy has, and the elements behind it', async () => {
  const header = writeDataset([
    [0x00100020, 'LO', 'P-1'],
    [0x7fe00010, 'OB', NOTHING],
  ]);
  header.writeUInt32LE(0xffffffff, header.length - 4);
  const trailing = writeDataset([[0xfffcfffc, 'OB', Buffer.alloc(8)]]);
  const dataset = Buffer.concat([header, fragments('SECRET', trailing)]);
  const made = deidentification(new Map(), { retain: [], burnedIn: 'refuse' }, { secret: Buffer.alloc(32), destination: 'd' });
  if (isFailure(made)) throw new Error(made.detail);
  const copy = await editDataset(storedDataset(dataset, JPEG_BASELINE), made.edits);
  if (isFailure(copy)) throw new Error(copy.detail);
  const chunks: Buffer[] = [];
  for await (const chunk of copy.read()) chunks.push(chunk);
  const sent = Buffer.concat(chunks);
  expect(sent).toHaveLength(copy.bytes as number);
  expect([sent.includes('SECRET'), sent.includes('P-1'), dataset.includes('SECRET')]).toEqual([false, false, true]);
  // The profile removes Data Set Trailing Padding.
  expect(sent.subarray(-22)).toEqual(Buffer.concat([Buffer.from('ffda0004aabb11ff00223344ffd9', 'hex'), item(NOTHING, 0xe0dd)]));
});
