/**
 * The datasets of the third-party DICOM corpora through the dataset editor: without an edit not a byte changes, and after one pydicom reads
 * all the rest as it was, dcmdump reads the file to its end.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { isFailure } from '../../src/model/failure.ts';
import type { Edits } from '../../src/protocols/dicom/dataset-editor.ts';
import { editDataset } from '../../src/protocols/dicom/edited-dataset.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { isInstalled, run } from '../support/programs.ts';
import { storedDataset } from '../support/stored-dataset.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CORPUS = '../shared/corpora/dicom';
const PYTHON = '/usr/bin/python3';
const isThere = existsSync(CORPUS) && spawnSync(PYTHON, ['-c', 'import pydicom']).status === 0;
const withCorpus = isThere ? describe : describe.skip;

/** What the door takes (0000 in the table) and says its own transfer syntax. */
const files = readFileSync('test/contract/dicom-corpus.tsv', 'utf8')
  .split('\n')
  .map((line) => line.split('\t'))
  .filter(([, syntax, answer]) => syntax === '' && answer === '0000')
  .map(([file]) => file as string);

/** Everywhere: an element of the root, added where there is none, and one within sequences. */
const EDITS: Edits = {
  decide: ({ tag, vr }) =>
    vr === 'SQ' ? 'within' : tag === CODE_MEANING ? { tag, vr: 'LO', value: 'a meaning of another length' } : 'keep',
  put: (path) => (path.length === 0 ? [{ tag: 0x00100020, vr: 'LO', value: 'EDITED-1' }] : []),
};
const CODE_MEANING = 0x00080104;

withCorpus('every dataset of the corpora that is taken', () => {
  const directory = temporaryDirectory('waystation-edit-');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('are nearly all of them', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(readdirSync(CORPUS).length).toBeGreaterThan(5);
  });

  it.each(files)('%s stays as it is without an edit', async (file) => {
    const { dataset, transferSyntax } = datasetOf(file);
    const edits: Edits = { decide: ({ vr }) => (vr === 'SQ' ? 'within' : 'keep') };
    const bytes = await edited(dataset, transferSyntax, edits);
    expect(bytes.equals(dataset)).toBe(true);
  });

  it('is read by pydicom with the edit, and the rest as it was; by dcmdump to its end', async () => {
    for (const [index, file] of files.entries()) {
      const { dataset, transferSyntax, prefix } = datasetOf(file);
      writeFileSync(join(directory, `${index}.dcm`), Buffer.concat([prefix, await edited(dataset, transferSyntax, EDITS)]));
    }
    writeFileSync(join(directory, 'files.json'), JSON.stringify(files));
    const { stdout, stderr } = spawnSync(PYTHON, ['-W', 'ignore', '-c', COMPARE, CORPUS, directory], { encoding: 'utf8' });
    expect(stdout === '' ? stderr : stdout.trim().split('\n')).toEqual([`${files.length} the same`]);
    if (!isInstalled('dcmdump')) return;
    const { code, output } = await run('dcmdump', ['-q', '+sd', '+sp', '*.dcm', directory]);
    expect([code, output.split('\n').filter((line) => /^[EF]:/.test(line))]).toEqual([0, []]);
  });
});

function datasetOf(file: string): { dataset: Buffer; transferSyntax: string; prefix: Buffer } {
  const bytes = readFileSync(join(CORPUS, file));
  const meta = readPart10(bytes);
  if (isFailure(meta)) throw new Error(meta.detail);
  const { datasetOffset, transferSyntax } = meta;
  return { dataset: bytes.subarray(datasetOffset), transferSyntax, prefix: bytes.subarray(0, datasetOffset) };
}

async function edited(dataset: Buffer, transferSyntax: string, edits: Edits): Promise<Buffer> {
  const result = await editDataset(storedDataset(dataset, transferSyntax), edits);
  if (isFailure(result)) throw new Error(result.detail);
  const chunks: Buffer[] = [];
  for await (const chunk of result.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The same edits by pydicom on the original; raw elements are compared as bytes where a value cannot be converted. */
const COMPARE = `
import sys, json, os, pydicom
corpus, directory = sys.argv[1:]
def edit(ds):
    for e in list(ds):
        if e.tag == 0x00080104: e.value = 'a meaning of another length'
        elif e.VR == 'SQ':
            for item in e.value: edit(item)
    return ds
def plain(ds):
    return {k: v for k, v in ds.to_json_dict(1 << 40, None).items() if k[4:] != '0000'}
same = 0
for index, name in enumerate(json.load(open(directory + '/files.json'))):
    before = edit(pydicom.dcmread(corpus + '/' + name, force=True))
    before.PatientID = 'EDITED-1'
    after = pydicom.dcmread(directory + '/%d.dcm' % index, force=True)
    try:
        one, other = plain(before), plain(after)
    except Exception:
        one, other = str(before), str(after)
    if one == other: same += 1
    else: print('differs', name)
print(same, 'the same')
`;
