/** How long a start takes: the embedded database alone, and the gateway until its doors are open; first, again, and after kill -9. */
import { rmSync } from 'node:fs';
import { startEmbedded } from '../../src/store/embedded-server.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import type { Bench } from './measure.ts';

export async function benchStart(bench: Bench): Promise<void> {
  await benchDatabase(bench);
  const [first, gateway] = await timed(() => startGatewayProcess());
  const { directory } = gateway;
  await gateway.stop();
  const [later, again] = await timed(() => startGatewayProcess({ directory }));
  await again.kill({ database: true });
  const [recovered, last] = await timed(() => startGatewayProcess({ directory }));
  await last.stop();
  last.remove();
  bench.add('gateway, doors open: first start / later', `${seconds(first)} / ${seconds(later)}`);
  bench.add('gateway, doors open: after kill -9 of it and its database', seconds(recovered));
}

async function benchDatabase(bench: Bench): Promise<void> {
  const home = temporaryDirectory('waystation-start-');
  const [first, server] = await timed(() => startEmbedded({ dataDirectory: home, log: silentLog }));
  await server.stop();
  const [later, again] = await timed(() => startEmbedded({ dataDirectory: home, log: silentLog }));
  await again.stop();
  rmSync(home, { recursive: true, force: true });
  bench.add('embedded database: first start / later', `${seconds(first)} / ${seconds(later)}`);
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
