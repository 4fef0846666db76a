/**
 * Metadata of every file of the corpora that pydicom reads, as the DICOMweb door gives it, held against pydicom's own DICOM JSON: same
 * elements, same VRs, same values. What differs by rule is said in `same` and `isLeftOut`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isFailure } from '../../src/model/failure.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { storeObjects } from '../support/store-objects.ts';

const CORPUS = '../shared/corpora/dicom';
const PYTHON = '/usr/bin/python3';
const isThere = existsSync(CORPUS) && spawnSync(PYTHON, ['-c', 'import pydicom']).status === 0;

const READ = `
import sys, json, pydicom
for line in sys.stdin:
    name = line.strip()
    try:
        read = pydicom.dcmread(sys.argv[1] + '/' + name).to_json_dict(1024, lambda element: 'bulk')
    except Exception:
        read = None
    print(json.dumps(read))
`;

type Element = { vr: string; Value?: unknown[]; InlineBinary?: string; BulkDataURI?: string };
type Dataset = Record<string, Element>;

(isThere ? describe : describe.skip)('metadata of the DICOM corpora', () => {
  let door: DicomDoor;
  beforeAll(async () => {
    door = await openDicomDoor();
  });
  afterAll(() => door.close());

  it('is what pydicom reads', async () => {
    const files = readFileSync('test/contract/dicom-corpus.tsv', 'utf8')
      .split('\n')
      .map((line) => line.split('\t'))
      .flatMap(([file, syntax, answer]) => (answer === '0000' && syntax === '' ? [file as string] : []));
    const output = execFileSync(PYTHON, ['-W', 'ignore', '-c', READ, CORPUS], { input: files.join('\n'), maxBuffer: 1 << 28 });
    const theirs = output
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Dataset | null);
    let compared = 0;
    for (const [index, file] of files.entries()) {
      const other = theirs[index];
      if (!other) continue;
      const uid = (tag: string) => String(other[tag]?.Value?.[0]);
      const ours = await metadataOf(door, `${CORPUS}/${file}`, { sopClassUid: uid('00080016'), sopInstanceUid: uid('00080018') });
      expect([file, differences(ours, other)]).toEqual([file, []]);
      compared++;
    }
    expect(compared).toBe(108);
  });
});

type Identity = { sopClassUid: string; sopInstanceUid: string };

async function metadataOf(door: DicomDoor, file: string, identity: Identity): Promise<Dataset> {
  const bytes = readFileSync(file);
  const meta = readPart10(bytes);
  if (isFailure(meta)) throw new Error(meta.detail);
  await storeObjects(door.port, [{ ...meta, ...identity, dataset: bytes.subarray(meta.datasetOffset) }]);
  const { rows } = await door.database.query('select study_uid from instance');
  const response = await fetch(`${door.url}/studies/${rows[0]?.study_uid}/metadata`);
  const [metadata] = (await response.json()) as [Dataset];
  await door.database.query('truncate journal, instance, instance_metadata, pending, outcome');
  return metadata;
}

function differences(ours: Dataset, theirs: Dataset, path = ''): string[] {
  const tags = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter((tag) => !isLeftOut(tag));
  return tags.flatMap((tag) => {
    const [one, other] = [ours[tag], theirs[tag]];
    const [items, others] = [(one?.Value ?? []) as Dataset[], (other?.Value ?? []) as Dataset[]];
    if (one?.vr === 'SQ' && other?.vr === 'SQ' && items.length === others.length)
      return items.flatMap((item, index) => differences(item, others[index] as Dataset, `${path}${tag}/${index + 1}/`));
    return one && other && same(tag, one, other)
      ? []
      : [`${path}${tag}: ${JSON.stringify(one)?.slice(0, 80)} | ${JSON.stringify(other)?.slice(0, 80)}`];
  });
}

/** Group lengths and padding are of the encoding; the character set is that of the JSON. */
function isLeftOut(tag: string): boolean {
  return tag.endsWith('0000') || tag === 'FFFCFFFC' || tag === '00080005';
}

function same(tag: string, one: Element, other: Element): boolean {
  // pydicom knows some private elements by its own dictionary.
  if (one.vr === 'UN' && other.vr !== 'UN') return Number.parseInt(tag.slice(0, 4), 16) % 2 === 1;
  if (one.vr !== other.vr) return false;
  // pydicom counts the characters of Base64, and has small pixels inline.
  if (one.BulkDataURI !== undefined) return other.BulkDataURI !== undefined || tag === '7FE00010';
  if (other.BulkDataURI !== undefined) return (one.InlineBinary?.length ?? 0) > 1024;
  if (one.InlineBinary !== undefined) return one.InlineBinary === other.InlineBinary;
  return JSON.stringify(valuesOf(one)) === JSON.stringify(valuesOf(other));
}

/** pydicom writes an empty value as "" or leaves trailing delimiters in a name, and single precision with all its noise. */
function valuesOf({ vr, Value = [] }: Element): unknown[] {
  const values = Value.map((value) => {
    if (value === null || value === '') return null;
    if (['DS', 'IS', 'FL', 'FD'].includes(vr)) return Math.fround(Number(value));
    if (vr !== 'PN') return value;
    const groups = Object.entries(value as Record<string, string>).map(([name, text]) => [name, text.replace(/\^+$/, '')]);
    const named = groups.filter(([, text]) => text !== '');
    return named.length > 0 ? Object.fromEntries(named) : null;
  });
  return values.every((value) => value === null) ? [] : values;
}
