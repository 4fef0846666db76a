/**
 * Which test files begin first, the same on every machine: those that start gateways and servers, whose length does not show in their size,
 * so that none of them is still running when everything else is done; of alike the largest.
 */
import { statSync } from 'node:fs';

const FIRST_TO_LAST = ['journeys', 'store/postgresql-15', 'store/embedded-server', 'contract', 'protocol', 'store', 'unit'];

export default class {
  sort(tests) {
    const sizes = new Map(tests.map(({ path }) => [path, statSync(path).size]));
    return [...tests].sort((a, b) => placeOf(a.path) - placeOf(b.path) || sizes.get(b.path) - sizes.get(a.path));
  }

  /** For --onlyFailures, which would need a memory of runs before. */
  allFailedTests(tests) {
    return this.sort(tests);
  }

  cacheResults() {}
}

function placeOf(path) {
  const place = FIRST_TO_LAST.findIndex((start) => path.includes(`/test/${start}`));
  return place < 0 ? FIRST_TO_LAST.length : place;
}
