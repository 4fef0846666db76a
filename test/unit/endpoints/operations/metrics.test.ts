/** The page that Prometheus scrapes: whoever reads it finds what each figure is. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { openMetrics } from '../../../../src/endpoints/operations/metrics.ts';

const SRC = fileURLToPath(new URL('../../../../src/', import.meta.url));

it('says of every metric that the house counts what it is', async () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const names = new Set(files.flatMap((file) => readFileSync(SRC + file, 'utf8').match(/(?<=')waystation_[a-z_]+(?=')/g) ?? []));
  const { metrics, scrape } = openMetrics(async () => ({ pending: { depth: 0, oldest: null }, failed: 0, held: 0, lanes: [] }), Date.now);
  for (const name of names) metrics.gauge(name, 1);
  const page = await scrape.text();
  expect(names.size).toBeGreaterThan(20);
  expect([...names].filter((name) => page.includes(`# HELP ${name} ${name}\n`))).toEqual([]);
});
