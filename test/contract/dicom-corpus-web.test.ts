/**
 * Every file of the third-party DICOM corpora by STOW-RS: dicom-corpus.tsv says which are taken, as at the DIMSE door. What was taken comes
 * back by WADO-RS with its dataset byte for byte, all files of a kind in one request; what was not leaves nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isFailure } from '../../src/model/failure.ts';
import { part10Prefix, readPart10 } from '../../src/protocols/dicom/part10.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';

const CORPUS = '../shared/corpora/dicom';

type Row = { readonly file: string; readonly syntax: string; readonly answer: string };

const rows: Row[] = readFileSync('test/contract/dicom-corpus.tsv', 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .slice(1)
  .map((line) => line.split('\t'))
  .map(([file = '', syntax = '', answer = '']) => ({ file, syntax, answer }));

(existsSync(CORPUS) ? describe : describe.skip)('every file of the DICOM corpora by STOW-RS', () => {
  let door: DicomDoor;
  beforeAll(async () => {
    door = await openDicomDoor();
  });
  afterAll(() => door.close());

  it.each(rows.filter(({ answer }) => answer === '0000'))('$file is stored, and comes back', async ({ file, syntax }) => {
    const bytes = part10Of(readFileSync(`${CORPUS}/${file}`), syntax);
    const stored = await post(door, bytes);
    expect(stored.status).toBe(200);
    const { '00081199': sequence } = (await stored.json()) as { '00081199': { Value: { '00081190': { Value: string[] } }[] } };
    const back = await fetch(sequence.Value[0]?.['00081190'].Value[0] as string, { headers: { accept: 'application/dicom' } });
    expect(datasetOf(Buffer.from(await back.arrayBuffer())).equals(datasetOf(bytes))).toBe(true);
    await door.database.query('truncate journal, instance, pending, outcome');
  });

  it.each(rows.filter(({ answer }) => answer !== '0000'))('$file is not', async ({ file, syntax }) => {
    expect((await post(door, part10Of(readFileSync(`${CORPUS}/${file}`), syntax))).status).toBe(409);
    expect((await door.database.query('select 1 from instance')).rows).toEqual([]);
    expect(await door.unfinished()).toEqual([]);
  });
});

function post(door: DicomDoor, file: Buffer): Promise<Response> {
  return fetch(`${door.url}/studies`, { method: 'POST', body: new Uint8Array(file), headers: { 'content-type': 'application/dicom' } });
}

/** The file as it is; where it does not say how it is encoded, with a prefix that does. */
function part10Of(file: Buffer, syntax: string): Buffer {
  if (syntax === '') return file;
  const meta = readPart10(file);
  const dataset = isFailure(meta) ? file : file.subarray(meta.datasetOffset);
  return Buffer.concat([part10Prefix({ sopClassUid: '', sopInstanceUid: '', transferSyntax: syntax }), dataset]);
}

function datasetOf(file: Buffer): Buffer {
  const meta = readPart10(file);
  if (isFailure(meta)) throw new Error(meta.detail);
  return file.subarray(meta.datasetOffset);
}
