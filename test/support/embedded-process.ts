/**
 * A gateway reduced to its database, for tests that kill it: `node embedded-process.ts <data directory>`.
 * Prints a JSON line a fact. SIGINT or SIGTERM: asks the database once more, then ends it in order.
 */
import { openDatabase } from '../../src/store/database.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/store/embedded-server.ts';

const say = (fact: object): void => console.log(JSON.stringify(fact));
const tell = (event: string): void => say({ log: event });

const server = await startEmbedded({
  dataDirectory: process.argv[2] as string,
  log: { info: tell, warn: tell, error: tell },
  onLost: (error) => say({ lost: error.message }),
}).catch((error: Error) => {
  say({ failed: error.message });
  process.exit(1);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(server));
say({ ready: { url: server.url, adopted: server.adopted } });
// A gateway's doors keep it running; here there are none.
setInterval(() => {}, 60_000);

async function end(running: EmbeddedServer): Promise<void> {
  const database = openDatabase(running.url, { max: 1 });
  const answered = await database.query('select 1').then(
    () => true,
    () => false,
  );
  await database.close();
  await running.stop();
  say({ stopped: { answered } });
  process.exit(0);
}
