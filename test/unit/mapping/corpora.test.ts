/** Every message of the third-party corpora whose type is mapped: what the door says, and that what becomes of it is valid. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { mapHl7v2 } from '../../../src/mapping/registry.ts';
import { isFailure } from '../../../src/model/failure.ts';
import { loadValidator, type Validate } from '../../../src/protocols/fhir/resource-validator.ts';
import { judge, messageType } from '../../../src/protocols/hl7v2/accept.ts';
import { isRefusal, readHeader } from '../../../src/protocols/hl7v2/header.ts';
import { PEER, stored } from './fixtures.ts';

const CORPUS = '../shared/corpora/hl7v2';
const OPEN = { ...PEER, messages: {} };
const files = existsSync(CORPUS) ? filed() : [];

/** Messages of results and documents. */
function filed(): { name: string; payload: Buffer }[] {
  return readdirSync(CORPUS, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.hl7$|\.hl7_.*\.txt$/.test(name))
    .map((name) => ({ name, payload: readFileSync(join(CORPUS, name)) }))
    .filter(({ payload }) => {
      const header = readHeader(payload);
      return !isRefusal(header) && /^(?:ORU|MDM)\^/.test(messageType(header));
    });
}

let validate: Validate;
beforeAll(() => {
  validate = loadValidator();
});

(files.length > 0 ? describe : describe.skip)('results and documents of the corpora', () => {
  it.each(files.map(({ name, payload }) => [name, payload] as const))('%s', (_name, payload) => {
    const header = readHeader(payload);
    if (isRefusal(header)) throw new Error('no header');
    const entry = {
      peer: PEER.name,
      type: messageType(header),
      controlId: header.controlId,
      digest: createHash('sha256').update(payload).digest(),
      payload,
      received: new Date(0),
    };
    const mapped = mapHl7v2(entry, { peer: OPEN });
    if (isFailure(mapped)) {
      expect(judge(payload, header, OPEN).disposition).toBe('refused');
      return;
    }
    expect(stored(mapped).flatMap((resource) => validate(resource as never))).toEqual([]);
    const urns = new Set(mapped.resources.map(({ urn }) => urn));
    const text = JSON.stringify(mapped.resources.map(({ resource }) => resource));
    const referred = [...text.matchAll(/"(?:reference|url)":"(urn:uuid:[^"]+)"/g)].map(([, urn]) => urn as string);
    const named = [...referred, ...mapped.parts.flatMap(({ members, subject }) => [...members, subject])];
    expect(named.filter((urn) => !urns.has(urn))).toEqual([]);
  });
});
