/**
 * Every file of the third-party DICOM corpora, its dataset sent as it is through the real door: dicom-corpus.tsv says what is answered and why.
 * What was taken comes back by WADO-RS with its dataset byte for byte. A new file in the corpora without a line in the table fails.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import dicomParser from 'dicom-parser';
import { DimseAssociation } from '../../src/delivery/dimse/dimse-client.ts';
import { isFailure } from '../../src/model/failure.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { statusName } from '../../src/protocols/dicom/status.ts';
import { type CorpusObject, objectIn, parsed } from '../support/corpus-objects.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { partsOf } from '../support/multipart.ts';

const CORPUS = '../shared/corpora/dicom';
const TABLE = 'test/contract/dicom-corpus.tsv';
const withCorpus = existsSync(CORPUS) ? describe : describe.skip;

type Row = { readonly file: string; readonly transferSyntax: string; readonly answer: string; readonly reason: string };

const rows: Row[] = readFileSync(TABLE, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .slice(1)
  .map((line) => {
    const [file = '', transferSyntax = '', answer = '', reason = ''] = line.split('\t');
    return { file, transferSyntax, answer, reason };
  });

withCorpus('every file of the DICOM corpora', () => {
  let door: DicomDoor;
  let framesCompared = 0;
  beforeAll(async () => {
    door = await openDicomDoor();
  });
  afterAll(() => door.close());

  it('is in the table, and no other', () => {
    const files = readdirSync(CORPUS, { recursive: true }).map((file) => String(file).replaceAll('\\', '/'));
    const objects = files.filter(
      (file) => statSync(`${CORPUS}/${file}`).isFile() && !/(^|\/)(LICEN[CS]E.*|README|INDEX)(\.\w+)?$/.test(file),
    );
    expect(rows.map((row) => row.file)).toEqual(objects.sort());
  });

  it.each(rows)('$file is answered $answer $reason', async ({ file, transferSyntax, answer }) => {
    const object = objectIn(readFileSync(`${CORPUS}/${file}`), transferSyntax);
    expect(await store(door.port, object)).toBe(answer);
    expect(await door.unfinished()).toEqual([]);
    if (answer === '0000') await comesBack(door, object);
    if (answer === '0000') framesCompared += await framesAreThere(door, readFileSync(`${CORPUS}/${file}`), object);
    await door.database.query('truncate journal, instance, pending, outcome');
  });

  it('has 220 frames in all, each as another parser cuts it', () => {
    expect(framesCompared).toBe(220);
  });
});

/** The status as four digits, or `context refused` when the object may not even be sent. */
async function store(port: number, object: CorpusObject): Promise<string> {
  const { sopClassUid, transferSyntax } = object;
  const target = { host: '127.0.0.1', port, calling: 'CORPUS', called: 'WAYSTATION', timeoutMs: 20_000 };
  const association = new DimseAssociation(target, [{ abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntax] }]);
  expect(await association.open()).toBeNull();
  const status = association.accepts(sopClassUid, transferSyntax)
    ? await association.store({ ...object, dataset: [object.dataset] })
    : null;
  await association.release();
  if (isFailure(status)) throw new Error(status.detail);
  return status === null ? 'context refused' : statusName(status);
}

async function instanceUrl(door: DicomDoor): Promise<string> {
  const { rows } = await door.database.query('select study_uid, series_uid, sop_instance_uid from instance');
  const [{ study_uid, series_uid, sop_instance_uid }] = rows as [Record<string, string>];
  return `${door.url}/studies/${study_uid}/series/${series_uid}/instances/${sop_instance_uid}`;
}

/** Every frame, held against another parser's idea of it, where that has one. */
async function framesAreThere(door: DicomDoor, file: Buffer, object: CorpusObject): Promise<number> {
  const expected = framesIn(file, object.transferSyntax);
  if (!expected) return 0;
  const list = expected.map((_, index) => index + 1).join(',');
  const accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
  const response = await fetch(`${await instanceUrl(door)}/frames/${list}`, { headers: { accept } });
  expect(response.status).toBe(200);
  const parts = await partsOf(response);
  expect(parts.map(({ body }) => sha256(body))).toEqual(expected.map(sha256));
  return expected.length;
}

function framesIn(file: Buffer, transferSyntax: string): Buffer[] | null {
  const found = parsed(file, { TransferSyntaxUID: transferSyntax });
  const pixels = found?.elements.x7fe00010;
  if (!found || !pixels) return null;
  const frames = found.intString('x00280008') ?? 1;
  if (!pixels.encapsulatedPixelData) {
    const size = ((found.uint16('x00280010') ?? 0) * (found.uint16('x00280011') ?? 0) * bitsAPixel(found)) / 8;
    const bytes = Buffer.from(found.byteArray as Buffer).subarray(pixels.dataOffset, pixels.dataOffset + pixels.length);
    return Number.isInteger(size) ? Array.from({ length: frames }, (_, index) => bytes.subarray(index * size, (index + 1) * size)) : null;
  }
  const fragments = pixels.fragments ?? [];
  if (fragments.length === frames)
    return fragments.map((_, index) => Buffer.from(dicomParser.readEncapsulatedPixelDataFromFragments(found, pixels, index)));
  if (frames === 1) return [Buffer.from(dicomParser.readEncapsulatedPixelDataFromFragments(found, pixels, 0, fragments.length))];
  const table = pixels.basicOffsetTable?.length ? pixels.basicOffsetTable : dicomParser.createJPEGBasicOffsetTable(found, pixels);
  return table.map((_: number, index: number) => Buffer.from(dicomParser.readEncapsulatedImageFrame(found, pixels, index, table)));
}

function bitsAPixel(found: dicomParser.DataSet): number {
  const subsampled = found.string('x00280004') === 'YBR_FULL_422';
  return (found.uint16('x00280100') ?? 0) * (subsampled ? 2 : (found.uint16('x00280002') ?? 0));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function comesBack(door: DicomDoor, object: CorpusObject): Promise<void> {
  const response = await fetch(await instanceUrl(door), { headers: { accept: 'application/dicom' } });
  expect(response.headers.get('content-type')).toBe(`application/dicom; transfer-syntax=${object.transferSyntax}`);
  const file = Buffer.from(await response.arrayBuffer());
  const meta = readPart10(file);
  expect(meta).toMatchObject({
    sopClassUid: object.sopClassUid,
    sopInstanceUid: object.sopInstanceUid,
    transferSyntax: object.transferSyntax,
  });
  expect(file.subarray((meta as { datasetOffset: number }).datasetOffset).equals(object.dataset)).toBe(true);
}
