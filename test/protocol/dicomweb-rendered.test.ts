import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';
import type { DatasetElement } from '../../src/protocols/dicom/write.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { IDENTITY, objectOf } from '../support/dicom-objects.ts';
import { storeObjects } from '../support/store-objects.ts';

const BASELINE = '1.2.840.10008.1.2.4.50';
const JPEG_2000 = '1.2.840.10008.1.2.4.90';
const PATH = `/studies/${IDENTITY.studyUid}/series/${IDENTITY.seriesUid}/instances/`;

/** Two frames of 8 × 4 pixels, 16 bits: a ramp, and the same turned around. */
const RAMP = Array.from({ length: 32 }, (_, index) => index * 100);
const IMAGE: DatasetElement[] = [
  [0x00280002, 'US', 1],
  [0x00280004, 'CS', 'MONOCHROME2'],
  [0x00280008, 'IS', '2'],
  [0x00280010, 'US', 4],
  [0x00280011, 'US', 8],
  [0x00280100, 'US', 16],
  [0x00280101, 'US', 16],
  [0x00280102, 'US', 15],
  [0x00280103, 'US', 0],
  [0x7fe00010, 'OW', words([...RAMP, ...RAMP.toReversed()])],
];

describe('rendering at the DICOMweb door', () => {
  let door: DicomDoor;
  const get = (path: string, accept = 'image/png'): Promise<Response> => fetch(`${door.url}${path}`, { headers: { accept } });
  const pixels = async (path: string) => {
    const response = await get(path);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
    const { data, info } = await sharp(Buffer.from(await response.arrayBuffer()))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, values: [...data] };
  };
  beforeAll(async () => {
    door = await openDicomDoor();
    await storeObjects(door.port, [objectOf(IMAGE)]);
  });
  afterAll(() => door.close());

  const IMAGE_PATH = `${PATH}${IDENTITY.sopInstanceUid}`;

  it('gives an image, dark where it is dark, and says that it is not for diagnosis', async () => {
    const { width, height, values } = await pixels(`${IMAGE_PATH}/rendered`);
    expect([width, height, values[0], values.at(-1)]).toEqual([8, 4, 0, 255]);
    expect(values).toEqual(values.toSorted((one, other) => one - other));
    expect((await get(`${IMAGE_PATH}/rendered`)).headers.get('warning')).toBe('299 waystation "Rendered for looking, not for diagnosis"');
  });

  it('gives the frame that is named', async () => {
    expect((await pixels(`${IMAGE_PATH}/frames/2/rendered`)).values[0]).toBe(255);
    expect((await get(`${IMAGE_PATH}/frames/3/rendered`)).status).toBe(404);
    expect((await get(`${IMAGE_PATH}/frames/1,2/rendered`)).status).toBe(400);
  });

  it('windows, cuts out and scales as it is asked', async () => {
    const windowed = await pixels(`${IMAGE_PATH}/rendered?window=500,200`);
    expect([windowed.values[3], windowed.values[7]]).toEqual([0, 255]);
    const scaled = await pixels(`${IMAGE_PATH}/rendered?viewport=16,16`);
    expect([scaled.width, scaled.height]).toEqual([16, 8]);
    const cut = await pixels(`${IMAGE_PATH}/rendered?viewport=2,2&window=500,200`);
    expect([cut.width, cut.height]).toEqual([2, 1]);
    const region = await pixels(`${IMAGE_PATH}/rendered?viewport=2,2,6,2,2,2`);
    expect([region.width, region.height, region.values[3]]).toEqual([2, 2, 255]);
  });

  it('gives JPEG to whoever takes anything, and a small image as a thumbnail of image, series and study', async () => {
    for (const path of [IMAGE_PATH, `${IMAGE_PATH}/frames/2`, PATH.replace('/instances/', ''), `/studies/${IDENTITY.studyUid}`]) {
      const response = await get(`${path}/thumbnail`, '*/*');
      const { format, width, height } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
      expect([format, width, height]).toEqual(['jpeg', 128, 64]);
    }
  });

  it('knows what a caller has', async () => {
    const etag = (await get(`${IMAGE_PATH}/rendered`)).headers.get('etag') as string;
    const again = (query: string) =>
      fetch(`${door.url}${IMAGE_PATH}/rendered${query}`, { headers: { accept: 'image/png', 'if-none-match': etag } });
    expect([(await again('')).status, (await again('?window=1,2')).status]).toEqual([304, 200]);
  });

  it.each([
    ['window=x', 400],
    ['window=1,0', 400],
    ['window=1,2,sigmoid', 400],
    ['viewport=1', 400],
    ['viewport=0,1', 400],
    ['viewport=100000,1', 400],
    ['viewport=1,1,0,0,0,0', 400],
    ['quality=0', 400],
    ['viewport=4,4,100,100,5,5', 200],
  ])('answers %s with %i', async (query, status) => {
    expect((await get(`${IMAGE_PATH}/rendered?${query}`)).status).toBe(status);
  });

  it('gives no other form', async () => {
    expect((await get(`${IMAGE_PATH}/rendered`, 'video/mp4')).status).toBe(406);
  });

  it('decodes JPEG', async () => {
    const jpeg = await sharp(Buffer.from(RAMP.map((value) => (value / 100) * 8)), { raw: { width: 8, height: 4, channels: 1 } })
      .toColourspace('b-w')
      .jpeg({ quality: 100 })
      .toBuffer();
    await storeObjects(door.port, [encapsulated(jpeg, BASELINE, '2.25.99.1.20')]);
    const { width, height, values } = await pixels(`${PATH}2.25.99.1.20/rendered`);
    expect([width, height]).toEqual([8, 4]);
    expect((values[31] as number) - (values[0] as number)).toBeGreaterThan(200);
  });

  it.each([
    ['noise', Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251)), BASELINE],
    ['a code stream that says it is larger', jpeg2000Of(60_000, 60_000), JPEG_2000],
    ['a code stream of a great many tiles', jpeg2000Of(8, 4, 1, 0), JPEG_2000],
    ['a code stream that ends in its header', jpeg2000Of(8, 4), JPEG_2000],
    ['a JPEG that has no frame', Buffer.from('ffd8ffe0ffff', 'hex'), BASELINE],
  ])('refuses %s, and goes on', async (what, stream, syntax) => {
    const uid = `2.25.99.1.3${what.length}`;
    await storeObjects(door.port, [encapsulated(stream, syntax, uid)]);
    expect((await get(`${PATH}${uid}/rendered`)).status).toBe(406);
    expect((await get(`${IMAGE_PATH}/rendered?window=${what.length},20`)).status).toBe(200);
  });

  it('refuses a picture that is cut off, which a decoder would fill up', async () => {
    const samples = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 8));
    const jpeg = await sharp(samples, { raw: { width: 8, height: 4, channels: 1 } })
      .toColourspace('b-w')
      .jpeg()
      .toBuffer();
    const answers: number[] = [];
    for (const [uid, stream] of [
      ['2.25.99.1.41', jpeg],
      ['2.25.99.1.42', jpeg.subarray(0, -6)],
    ] as const) {
      await storeObjects(door.port, [encapsulated(stream, BASELINE, uid)]);
      answers.push((await get(`${PATH}${uid}/rendered`)).status);
    }
    expect(answers).toEqual([200, 406]);
  });

  it('refuses an image that says it is larger than can be held', async () => {
    const huge = objectOf(
      [...IMAGE.slice(0, 2), [0x00280010, 'US', 60_000], [0x00280011, 'US', 60_000], [0x00280100, 'US', 1], IMAGE[9] as DatasetElement],
      {
        sopInstanceUid: '2.25.99.1.9',
      },
    );
    await storeObjects(door.port, [huge]);
    expect((await get(`${PATH}2.25.99.1.9/rendered`)).status).toBe(406);
  });

  it('has nothing to show of an object without pixels', async () => {
    await storeObjects(door.port, [objectOf([], { sopInstanceUid: '2.25.99.1.10' })]);
    expect((await get(`${PATH}2.25.99.1.10/rendered`)).status).toBe(404);
  });
});

describe('rendering that takes too long', () => {
  it('is ended', async () => {
    const door = await openDicomDoor({ renderMs: 1 });
    await storeObjects(door.port, [objectOf(IMAGE)]);
    expect((await fetch(`${door.url}${PATH}${IDENTITY.sopInstanceUid}/rendered`)).status).toBe(406);
    expect(await door.said('dicomweb.not-rendered')).toMatchObject({ why: 'timeout' });
    await door.close();
  });
});

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16LE(value, index * 2);
  return bytes;
}

/** A main header (SOC, SIZ) and nothing behind it. */
function jpeg2000Of(columns: number, rows: number, components = 1, tile = columns): Buffer {
  const bytes = Buffer.alloc(46);
  bytes.writeUInt32BE(0xff4fff51, 0);
  bytes.writeUInt16BE(41, 4);
  for (const [index, value] of [columns, rows, 0, 0, tile, tile, 0, 0].entries()) bytes.writeUInt32BE(value, 8 + index * 4);
  bytes.writeUInt16BE(components, 40);
  return bytes;
}

function encapsulated(stream: Buffer, syntax: string, sopInstanceUid: string): SampleObject {
  const shape = IMAGE.slice(0, 9).map(([tag, vr, value]): DatasetElement => {
    if (tag === 0x00280008) return [tag, vr, '1'];
    return tag >= 0x00280100 && tag <= 0x00280102 ? [tag, vr, tag === 0x00280102 ? 7 : 8] : [tag, vr, value];
  });
  const head = objectOf(shape, { sopInstanceUid });
  const even = stream.length % 2 === 0 ? stream : Buffer.concat([stream, Buffer.alloc(1)]);
  const item = Buffer.from('feff00e000000000', 'hex');
  const fragment = Buffer.from(item);
  fragment.writeUInt32LE(even.length, 4);
  const pixels = [Buffer.from('e07f10004f420000ffffffff', 'hex'), item, fragment, even, Buffer.from('feffdde000000000', 'hex')];
  return { ...head, transferSyntax: syntax, dataset: Buffer.concat([head.dataset, ...pixels]) };
}
