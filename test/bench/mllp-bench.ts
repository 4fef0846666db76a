/**
 * Durable acknowledgments a second at the MLLP door, against what the same database takes without a door.
 * Twice: the door alone (the sender's messages are journaled and not mapped) and with the corridor working behind it.
 */
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import type { LoadResult } from '../support/mllp-load.ts';
import { runLoadThread } from '../support/mllp-load-thread.ts';
import { measureInsertLimit } from './insert-limit.ts';
import { type Bench, milliseconds, perSecond, ratio } from './measure.ts';

const CONNECTIONS = [1, 8, 32];
const AIM = 0.5;

const JOURNALED_ONLY = 'peers: [{ name: load, mllp: { application: LOADRIS }, messages: { "ORM^O01": ignored } }]';

export async function benchMllp(bench: Bench, seconds: number): Promise<void> {
  const limit = await measureInsertLimit(seconds);
  bench.add('insert limit, 32 rows of 1 KB a commit, bare table', perSecond(limit.bare));
  bench.add("insert limit, 32 entries a commit, the journal's statement", perSecond(limit.journal));
  await withGateway(JOURNALED_ONLY, (gateway) => measure(bench, gateway, 'door alone', seconds, limit.journal));
  await withGateway('', (gateway) => measure(bench, gateway, 'corridor behind', seconds, limit.journal));
}

async function measure(bench: Bench, gateway: GatewayProcess, how: string, seconds: number, limit: number): Promise<void> {
  await load(gateway, 8, 2, 'W');
  for (const connections of CONNECTIONS) {
    const { acknowledged, seconds: took, latencies } = await load(gateway, connections, seconds, `C${connections}`);
    const rate = acknowledged / took;
    const decides = connections === 32 && how === 'door alone';
    bench.add(
      `durable AA, ${how}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
      perSecond(rate),
      `${ratio(rate, limit)} of the journal limit, p99 ${milliseconds(latencies.percentile(0.99))}${decides ? `, aim ${AIM}` : ''}`,
      decides ? rate / limit >= AIM : null,
    );
  }
}

function load(gateway: GatewayProcess, connections: number, seconds: number, run: string): Promise<LoadResult> {
  return runLoadThread({ address: gateway.mllp, connections, seconds, run });
}

async function withGateway(yaml: string, work: (gateway: GatewayProcess) => Promise<void>): Promise<void> {
  const gateway = await startGatewayProcess({ yaml });
  try {
    await work(gateway);
  } finally {
    await gateway.kill({ database: true });
    gateway.remove();
  }
}
