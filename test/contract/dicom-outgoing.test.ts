/**
 * The third-party DICOM corpora as they go out by rules, coerced and de-identified: pydicom reads them, dciodvfy finds no error that the
 * original does not have, and nothing is left of the patient.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { isFailure } from '../../src/model/failure.ts';
import { COERCED, coercion, textOfElement } from '../../src/protocols/dicom/coercion.ts';
import type { Edits } from '../../src/protocols/dicom/dataset-editor.ts';
import { deidentification, JUDGED } from '../../src/protocols/dicom/deidentification.ts';
import { editDataset, readElements, type StoredDataset } from '../../src/protocols/dicom/edited-dataset.ts';
import { type FileMeta, part10Prefix, readPart10 } from '../../src/protocols/dicom/part10.ts';
import { isInstalled, run } from '../support/programs.ts';
import { storedDataset } from '../support/stored-dataset.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CORPUS = '../shared/corpora/dicom';
const PYTHON = '/usr/bin/python3';
const areThere = existsSync(CORPUS) && isInstalled('dciodvfy') && spawnSync(PYTHON, ['-c', 'import pydicom']).status === 0;

const files = readFileSync('test/contract/dicom-corpus.tsv', 'utf8')
  .split('\n')
  .map((line) => line.split('\t'))
  .flatMap(([file, syntax, answer]) => (syntax === '' && answer === '0000' ? [file as string] : []));

const READ = `
import sys, os, pydicom
for name in sorted(os.listdir(sys.argv[1])):
    str(pydicom.dcmread(sys.argv[1] + '/' + name, force=True))
print('read')
`;

(areThere ? describe : describe.skip)('every dataset of the corpora that is taken, as it goes out', () => {
  const directory = temporaryDirectory('waystation-rules-');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(files)('%s', async (file) => {
    const original = readFileSync(join(CORPUS, file));
    const before = await errorsIn(join(CORPUS, file));
    const { meta, stored } = storedIn(original);
    for (const { rule, edits, uid } of await copiesOf(stored)) {
      const prefix = part10Prefix({ ...meta, sopInstanceUid: uid(meta.sopInstanceUid) });
      const dataset = await edited(stored, edits);
      const path = join(directory, `${files.indexOf(file)}-${rule}.dcm`);
      writeFileSync(path, Buffer.concat([prefix, dataset]));
      expect([rule, [...(await errorsIn(path))].filter((error) => !before.has(error))]).toEqual([rule, []]);
    }
  });

  it('is read by pydicom, with every value', () => {
    const { stdout, stderr } = spawnSync(PYTHON, ['-W', 'ignore', '-c', READ, directory], { encoding: 'utf8' });
    expect(stdout.trim() || stderr).toBe('read');
  });
});

type Copy = { readonly rule: string; readonly edits: Edits; readonly uid: (original: string) => string };

async function copiesOf(stored: StoredDataset): Promise<Copy[]> {
  const judged = await readElements(stored, JUDGED);
  const elements = await readElements(stored, COERCED);
  if (isFailure(judged) || isFailure(elements)) throw new Error('unreadable');
  const hidden = deidentification(judged, { retain: [], burnedIn: 'allow' }, { secret: Buffer.alloc(32), destination: 'research' });
  const issuer = { namespace: 'NORTH', universalId: '1.2.3', universalIdType: 'ISO' };
  const kept = { patient: 'kept', patientIdPrefix: 'N-', patientIdIssuer: issuer, accession: 'kept' } as const;
  const rules = { ...kept, accessionPrefix: '', accessionIssuer: issuer };
  const by = { system: 'WAYSTATION', source: 'hospital', at: new Date(0) };
  const coerced = coercion(elements, rules, { patient: null, accession: null }, by);
  if (isFailure(hidden) || isFailure(coerced)) throw new Error('refused');
  expect(coerced === null).toBe(textOfElement(elements, 0x00100020) === '' && textOfElement(elements, 0x00080050) === '');
  const hiddenCopy = { rule: 'hidden', edits: hidden.edits, uid: hidden.mapped };
  return coerced ? [hiddenCopy, { rule: 'coerced', edits: coerced, uid: (one) => one }] : [hiddenCopy];
}

/** What dciodvfy calls errors, without the UIDs that stand in some; none of an original over which it breaks down. */
async function errorsIn(path: string): Promise<Set<string>> {
  const { output } = await run('dciodvfy', [path]).catch(() => ({ output: '' }));
  const lines = output.split('\n').filter((line) => line.startsWith('Error'));
  return new Set(lines.map((line) => line.replaceAll(/\b\d+(\.\d+){2,}\b/g, 'UID')));
}

function storedIn(file: Buffer): { readonly meta: FileMeta; readonly stored: StoredDataset } {
  const meta = readPart10(file);
  if (isFailure(meta)) throw new Error(meta.detail);
  return { meta, stored: storedDataset(file.subarray(meta.datasetOffset), meta.transferSyntax) };
}

async function edited(stored: StoredDataset, edits: Edits): Promise<Buffer> {
  const result = await editDataset(stored, edits);
  if (isFailure(result)) throw new Error(result.detail);
  const chunks: Buffer[] = [];
  for await (const chunk of result.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
