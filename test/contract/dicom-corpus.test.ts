/**
 * Every file of the third-party DICOM corpora, its dataset sent as it is through the real door: dicom-corpus.tsv says what is answered and why.
 * What was taken comes back by WADO-RS with its dataset byte for byte. A new file in the corpora without a line in the table fails.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import dicomParser from 'dicom-parser';
import { DimseAssociation } from '../../src/delivery/dimse/dimse-client.ts';
import { isFailure } from '../../src/model/failure.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { statusName } from '../../src/protocols/dicom/status.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { IDENTITY } from '../support/dicom-objects.ts';

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
    await door.database.query('truncate journal, instance, pending, outcome');
  });
});

type CorpusObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
  readonly dataset: Buffer;
};

/** What a sender would say of the file: by its dataset as another parser reads it, else by its File Meta Information. */
function objectIn(file: Buffer, transferSyntax: string): CorpusObject {
  const meta = readPart10(file);
  const found = isFailure(meta) ? { ...IDENTITY, transferSyntax: '', datasetOffset: 0 } : meta;
  const uids = uidsOf(file, transferSyntax);
  return {
    sopClassUid: uids.sopClassUid || found.sopClassUid || IDENTITY.sopClassUid,
    sopInstanceUid: uids.sopInstanceUid || found.sopInstanceUid || IDENTITY.sopInstanceUid,
    transferSyntax: transferSyntax || found.transferSyntax,
    dataset: file.subarray(found.datasetOffset),
  };
}

function uidsOf(file: Buffer, transferSyntax: string): { sopClassUid: string; sopInstanceUid: string } {
  try {
    const options = { untilTag: 'x0020000e', ...(transferSyntax ? { TransferSyntaxUID: transferSyntax } : {}) };
    const dataset = dicomParser.parseDicom(file, options);
    return { sopClassUid: dataset.string('x00080016') ?? '', sopInstanceUid: dataset.string('x00080018') ?? '' };
  } catch {
    return { sopClassUid: '', sopInstanceUid: '' };
  }
}

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

async function comesBack(door: DicomDoor, object: CorpusObject): Promise<void> {
  const { rows } = await door.database.query('select study_uid, series_uid, sop_instance_uid from instance');
  const [{ study_uid, series_uid, sop_instance_uid }] = rows as [Record<string, string>];
  const url = `${door.url}/studies/${study_uid}/series/${series_uid}/instances/${sop_instance_uid}`;
  const response = await fetch(url, { headers: { accept: 'application/dicom' } });
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
