/**
 * Compressed images, decompressed: dcmtk's decoders and OpenJPEG's make the same of every image of the corpora that they know, and of others
 * that dcmtk compresses in ways the corpora lack. Of lossless ones each byte is the same.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDecoder } from '../../src/endpoints/dicom/decoder-session.ts';
import { isFailure } from '../../src/model/failure.ts';
import { type DecompressedImage, openDecompressed } from '../../src/protocols/dicom/decompression.ts';
import { locateFrames } from '../../src/protocols/dicom/frames.ts';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { decompressionsOf } from '../../src/protocols/dicom/transcoder.ts';
import { EXPLICIT_LITTLE_ENDIAN, transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';
import { type CorpusObject, objectIn, parsed } from '../support/corpus-objects.ts';
import { isInstalled, run } from '../support/programs.ts';
import { bytesOf, inPieces, storedDataset } from '../support/stored-dataset.ts';
import { datasetIn } from '../support/stored-objects.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CORPUS = '../shared/corpora/dicom';
const TABLE = 'test/contract/dicom-corpus.tsv';
const ROOT = '1.2.840.10008.1.2.';
/** dcmtk's decoders, and how they leave colour as it is or make RGB of lossy JPEG, by pixel. */
const JUDGES: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(['4.50', '4.51', '4.57', '4.70'].map((syntax) => [syntax, ['dcmdjpeg', '+cl', '+px']])),
  ...Object.fromEntries(['4.80', '4.81'].map((syntax) => [syntax, ['dcmdjpls', '+px']])),
  '5': ['dcmdrle'],
};

const objects = existsSync(CORPUS)
  ? readFileSync(TABLE, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [file = '', syntax = '', answer = ''] = line.split('\t');
        if (answer !== '0000' || file.includes('malformed')) return [];
        const object = objectIn(readFileSync(`${CORPUS}/${file}`), syntax);
        return decompressionsOf(object.transferSyntax).length > 0 ? [{ file, object }] : [];
      })
  : [];
const LOSSY: readonly string[] = ['4.50', '4.51', '4.81'];
const short = (object: CorpusObject): string => object.transferSyntax.slice(ROOT.length);
const ofDcmtk = objects.filter(({ object }) => short(object) in JUDGES);
const ofOpenJpeg = objects.filter(({ object }) => /^4\.(9|20)/.test(short(object)));

const hasPeers = ['dcmdjpeg', 'dcmconv', 'opj_decompress'].every(isInstalled);
(hasPeers && objects.length > 0 ? describe : describe.skip)('a compressed image, decompressed', () => {
  const decoder = openDecoder();
  let directory: string;
  beforeAll(() => {
    directory = temporaryDirectory('waystation-decompressed-');
  });
  afterAll(async () => {
    await decoder.close();
    rmSync(directory, { recursive: true });
  });

  const path = (name: string) => join(directory, name);
  const toolDone = async (tool: string, args: readonly string[]): Promise<void> => {
    const { code, output } = await run(tool, args);
    expect([tool, code, output.replace(/^W: .*\n/gm, '').match(/^[EF]: .*/gm) ?? '']).toEqual([tool, 0, '']);
  };
  /** As dcmtk writes it: defined lengths, no group lengths; how much was lost, and by what, is said by us where the image did not say so. */
  const normal = async (object: CorpusObject, origin: CorpusObject): Promise<Buffer> => {
    writeFileSync(path('raw.dcm'), Buffer.concat([part10Prefix(object), object.dataset]));
    if (LOSSY.includes(short(origin)))
      await toolDone('dcmodify', ['-nb', '-imt', '-ea', '(0028,2112)', '-ea', '(0028,2114)', path('raw.dcm')]);
    await toolDone('dcmconv', ['+te', '-g', '+e', '-p', path('raw.dcm'), path('normal.dcm')]);
    return datasetIn(readFileSync(path('normal.dcm')));
  };
  const opened = async ({ dataset, transferSyntax: syntax }: CorpusObject): Promise<DecompressedImage> => {
    const image = await openDecompressed(storedDataset(dataset, syntax), decoder.decode);
    if (isFailure(image)) throw new Error(image.detail);
    return image;
  };
  const decompressed = async (object: CorpusObject): Promise<CorpusObject> => {
    const image = await opened(object);
    const dataset = await bytesOf(image.dataset(inPieces(object.dataset, 1000), EXPLICIT_LITTLE_ENDIAN));
    return { ...object, transferSyntax: EXPLICIT_LITTLE_ENDIAN, dataset };
  };
  const judged = async (object: CorpusObject): Promise<Buffer> => {
    const [tool = '', ...options] = JUDGES[short(object)] ?? [];
    writeFileSync(path('in.dcm'), Buffer.concat([part10Prefix(object), object.dataset]));
    await toolDone(tool, [...options, '-g', '+e', '-p', path('in.dcm'), path('out.dcm')]);
    const made = { ...object, transferSyntax: EXPLICIT_LITTLE_ENDIAN, dataset: datasetIn(readFileSync(path('out.dcm'))) };
    return LOSSY.includes(short(object)) ? normal(made, object) : made.dataset;
  };

  it.each(ofDcmtk.map(({ file, object }) => [file, object] as const))('is what dcmtk makes of %s', async (_, object) => {
    expect((await normal(await decompressed(object), object)).equals(await judged(object))).toBe(true);
  });

  it.each([
    ['JPEG-LS by line', 'examples_rgb_color', 'dcmcjpls', '+il'],
    ['JPEG-LS by sample', 'examples_rgb_color', 'dcmcjpls', '+is'],
    ['JPEG-LS by plane', 'examples_rgb_color', 'dcmcjpls', '+in'],
    ['near-lossless JPEG-LS', 'examples_rgb_color', 'dcmcjpls', '+en'],
    ['RLE in colour', 'examples_rgb_color', 'dcmcrle'],
    ['RLE of 32 bits', 'rtdose', 'dcmcrle'],
    ['JPEG Lossless of signed numbers', 'CT_small', 'dcmcjpeg', '+el'],
    ['JPEG Baseline with shared chrominance', 'examples_rgb_color', 'dcmcjpeg', '+eb', '+s2'],
    ['frames of odd length', 'SC_rgb_small_odd', 'dcmcrle'],
  ])('is what dcmtk makes of %s', async (_, file, ...[tool = '', ...options]) => {
    await toolDone(tool, [...options, `${CORPUS}/pydicom/files/${file}.dcm`, path('made.dcm')]);
    const object = objectIn(readFileSync(path('made.dcm')), '');
    expect((await normal(await decompressed(object), object)).equals(await judged(object))).toBe(true);
  });

  it.each(ofOpenJpeg.map(({ file, object }) => [file, object] as const))('has the samples that OpenJPEG finds in %s', async (_, object) => {
    const image = await opened(object);
    const header = parsed(Buffer.concat([part10Prefix(object), object.dataset]), {});
    const samples = header?.uint16('x00280002') ?? 0;
    const bytes = (header?.uint16('x00280100') ?? 0) / 8;
    const pixelOffset = object.dataset.lastIndexOf(Buffer.from('e07f1000', 'hex'));
    const syntax = transferSyntax(object.transferSyntax);
    const stored = storedDataset(object.dataset, object.transferSyntax);
    const ranges = syntax && (await locateFrames(stored.readAt, { syntax, header: {}, frames: 1, pixelOffset }, [1]));
    if (!ranges || isFailure(ranges)) throw new Error('no frame');
    writeFileSync(
      path('frame.j2k'),
      Buffer.concat((ranges[0] ?? []).map((one) => object.dataset.subarray(one.start, one.start + one.length))),
    );
    await toolDone('opj_decompress', ['-i', path('frame.j2k'), '-o', path('frame.rawl')]);
    const planes = readFileSync(path('frame.rawl'));
    const frame = await image.frame(1);
    if (isFailure(frame)) throw new Error(frame.detail);
    const largest = largestDifference(frame, planes, samples, bytes);
    expect([frame.length, largest <= (short(object) === '4.203' ? 1 : 0)]).toEqual([planes.length, true]);
  });
});

/** `planes`: one component behind the other. */
function largestDifference(frame: Buffer, planes: Buffer, samples: number, bytes: number): number {
  let largest = 0;
  for (let at = 0; at < frame.length; at++) {
    const [pixel, within] = [Math.floor(at / (samples * bytes)), at % (samples * bytes)];
    const plane = (Math.floor(within / bytes) * frame.length) / samples;
    largest = Math.max(largest, Math.abs((frame[at] ?? 0) - (planes[plane + pixel * bytes + (within % bytes)] ?? 0)));
  }
  return largest;
}
