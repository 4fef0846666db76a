/**
 * Every uncompressed file of the DICOM corpora that our door takes, in another transfer syntax: dcmtk's dcmconv makes the same dataset of
 * it as of the file itself, once both are written in one way.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { conversionsOf, transcoded } from '../../src/protocols/dicom/transcoder.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { type CorpusObject, objectIn } from '../support/corpus-objects.ts';
import { isInstalled, run } from '../support/programs.ts';
import { datasetIn } from '../support/stored-objects.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CORPUS = '../shared/corpora/dicom';
const TABLE = 'test/contract/dicom-corpus.tsv';
const CHUNK_BYTES = 1000;

const objects: { file: string; object: CorpusObject }[] = existsSync(CORPUS)
  ? readFileSync(TABLE, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [file = '', syntax = '', answer = ''] = line.split('\t');
        if (answer !== '0000') return [];
        const object = objectIn(readFileSync(`${CORPUS}/${file}`), syntax);
        return conversionsOf(object.transferSyntax).length > 0 ? [{ file, object }] : [];
      })
  : [];

(isInstalled('dcmconv') && objects.length > 0 ? describe : describe.skip)('an uncompressed file of the corpora, converted', () => {
  let directory: string;
  beforeAll(() => {
    directory = temporaryDirectory('waystation-transcoded-');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  /** As dcmtk writes it: defined lengths, no group lengths. */
  const judged = async (object: CorpusObject, target: string): Promise<Buffer> => {
    const [from, to] = [join(directory, 'in.dcm'), join(directory, 'out.dcm')];
    writeFileSync(from, Buffer.concat([part10Prefix(object), object.dataset]));
    const { code, output } = await run('dcmconv', [target === EXPLICIT_LITTLE_ENDIAN ? '+te' : '+ti', '-g', '+e', '-p', from, to]);
    expect([code, output.replace(/^W: .*\n/gm, '')]).toEqual([0, '']);
    return datasetIn(readFileSync(to));
  };

  it.each(objects.map(({ file, object }) => [file, object] as const))('%s', async (_, object) => {
    for (const target of conversionsOf(object.transferSyntax)) {
      const chunks: Buffer[] = [];
      const pieces = Array.from({ length: Math.ceil(object.dataset.length / CHUNK_BYTES) }, (_piece, n) =>
        object.dataset.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
      );
      for await (const chunk of transcoded(pieces, object.transferSyntax, target)) chunks.push(chunk);
      const converted = { ...object, transferSyntax: target, dataset: Buffer.concat(chunks) };
      expect((await judged(converted, target)).equals(await judged(object, target))).toBe(true);
    }
  });
});
