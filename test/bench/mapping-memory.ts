/** `node mapping-memory.ts <message> <peer>`: prints how many bytes the most memory this process held is above what it held before it read
 * and mapped a result. */
import { readFileSync } from 'node:fs';
import { peerDirectory } from '../../src/config/peers.ts';
import { mapHl7v2 } from '../../src/mapping/registry.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Peer } from '../../src/model/peer.ts';
import { testConfig } from '../support/test-config.ts';
import { entryOf } from './mapping-bench.ts';

const KIB = 1024;
const [path = '', name = ''] = process.argv.slice(2);
const peer = peerDirectory(testConfig()).named(name) as Peer;

map(Buffer.from(readFileSync(path).toString('latin1', 0, 300)));
const before = process.memoryUsage.rss();
map(readFileSync(path));
console.log(process.resourceUsage().maxRSS * KIB - before);

function map(bytes: Buffer): void {
  const mapped = mapHl7v2(entryOf(bytes, 'ORU^R01', name), { peer });
  if (isFailure(mapped)) throw new Error(mapped.detail);
}
