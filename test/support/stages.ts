/**
 * A journey photographed in every room: what is seen at each stage, held against a file in fixtures/journeys/<story>/.
 * Ids, times and sizes differ from run to run; they stand as names: the same id has the same name in all stages of a story.
 * `WAYSTATION_WRITE_STAGES=1` writes the files anew: read what changed before it is committed.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { ROOT } from './gateway-process.ts';

export type Stages = {
  /** The text of an input, as it lies there. */
  read(name: string): string;
  /** Holds a stage against its file. */
  see(name: string, seen: unknown): void;
};

export function stagesOf(story: string): Stages {
  const directory = join(ROOT, 'fixtures/journeys', story);
  const named = namesOf();
  return {
    read: (name) => readFileSync(join(directory, name), 'utf8'),
    see: (name, seen) => {
      const text = named(typeof seen === 'string' ? seen : `${JSON.stringify(sorted(seen), null, 2)}\n`);
      if (process.env.WAYSTATION_WRITE_STAGES === '1') {
        mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, name), text);
      }
      expect(text).toBe(readFileSync(join(directory, name), 'utf8'));
    },
  };
}

/** FHIR gives the order of elements no meaning (R4 §2.1.0): a file must not change because it did. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, sorted(item)]),
  );
}

function namesOf(): (text: string) => string {
  const ids = new Map<string, string>();
  const nameOf = (id: string): string => {
    const known = ids.get(id) ?? `id-${ids.size + 1}`;
    ids.set(id, known);
    return known;
  };
  return (text) =>
    text
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, nameOf)
      // MSH-10 of what we send: the beginning of an id.
      .replace(/\b[0-9a-f]{12}7[0-9a-f]{7}\b/g, '<control id>')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<instant>')
      .replace(/\b20\d{12}\+0000/g, '<time>')
      .replace(/127\.0\.0\.1:\d+/g, '<here>')
      .replace(/\b(seq|entry) \d+\b/g, '$1 <n>')
      .replace(/"seq": \d+/g, '"seq": "<n>"')
      // How many versions there were depends on what arrived together.
      .replace(/"versionId": "\d+"/g, '"versionId": "<n>"')
      .replace(/[A-Za-z0-9+/]{200,}={0,2}/g, (base64) => `<base64 that begins ${base64.slice(0, 12)}>`);
}
