/** Application acknowledgments of enhanced mode: ordered by a real corridor on a real database, when a message is worked off. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { Config } from '../../src/model/config.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { requeueEntries } from '../../src/store/journal-store.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let corridor: Corridor;
let sent = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  corridor = await openCorridor(fresh.database, configuration(), silentLog);
});
afterAll(() => fresh.drop());

function configuration(): Config {
  const directory = temporaryDirectory('waystation-acknowledgments-');
  writeFileSync(
    join(directory, 'waystation.yaml'),
    `
destinations: [{ kind: mllp, name: ris-in, host: 127.0.0.1, port: 1 }]
peers:
  - { name: ris, mllp: { application: RIS }, returns: [ris-in] }
  - { name: old-ris, mllp: { application: OLD }, returns: [ris-in], acknowledgment: plain }
  - { name: held-ris, mllp: { application: HELD }, returns: [ris-in], gaps: hold }
`,
  );
  return testConfig({ WAYSTATION_CONFIG: join(directory, 'waystation.yaml') });
}

/** Sends an order that asks for acknowledgments and works it off; what was ordered because of it, and the outcome. */
async function send(accept: string, application: string, { peer = 'ris', type = 'ORM^O01', control = 'NW' } = {}) {
  const controlId = `M${++sent}`;
  const payload = Buffer.from(
    [
      `MSH|^~\\&|RIS|H|W|W|20260302081500||${type}|${controlId}|P|2.5.1|||${accept}|${application}||UNICODE UTF-8`,
      'PID|1||4711^^^HOSP^MR||Muster^Erika||19700101|F',
      `ORC|${control}|P${sent}^RIS`,
      `OBR|1|P${sent}^RIS||24725-4^CT Head^LN`,
      '',
    ].join('\r'),
  );
  const { seq } = await openJournal(fresh.database).append({
    ...{ kind: 'hl7v2', peer, type, controlId, digest: createHash('sha256').update(payload).digest(), lane: peer, payload },
    ...{ blob: null, disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() },
  });
  while ((await runBatch(corridor)) > 0);
  const { rows: deliveries } = await fresh.database.query<{ destination: string; kind: string; content: Buffer; control_id: string }>(
    'select * from delivery where seq = $1',
    [seq],
  );
  const { rows: outcomes } = await fresh.database.query<{ state: string; detail: string }>('select * from outcome where seq = $1', [seq]);
  return { seq, controlId, deliveries, outcome: outcomes[0] };
}

describe('the application acknowledgment', () => {
  it('goes to where its sender takes answers, and asks for an accept acknowledgment only', async () => {
    const { controlId, deliveries } = await send('AL', 'AL');
    expect(deliveries).toMatchObject([{ destination: 'ris-in', kind: 'acknowledgment' }]);
    const [msh = '', msa] = (deliveries[0]?.content.toString() ?? '').split('\r');
    expect(msh.split('|').slice(8)).toEqual([
      'ACK^O01^ACK',
      deliveries[0]?.control_id,
      'P',
      '2.5.1',
      '',
      '',
      'AL',
      'NE',
      '',
      'UNICODE UTF-8',
    ]);
    expect(msa).toBe(`MSA|AA|${controlId}`);
  });

  it.each([
    ['', ''],
    ['AL', 'NE'],
    ['AL', 'ER'],
    ['NE', ''],
  ])('is not sent where MSH-15 %j and MSH-16 %j do not ask for it', async (accept, application) => {
    expect((await send(accept, application)).deliveries).toEqual([]);
  });

  it('is not sent to who fills the fields by habit', async () => {
    expect((await send('AL', 'AL', { peer: 'old-ris' })).deliveries).toEqual([]);
  });

  it('says AR where no mapping is, and only this where errors are asked for', async () => {
    const { controlId, deliveries, outcome } = await send('AL', 'ER', { type: 'SIU^S12' });
    expect(outcome?.state).toBe('failed');
    expect(deliveries[0]?.content.toString()).toContain(`\rMSA|AR|${controlId}\rERR|||200^Unsupported message type^HL70357|E|`);
    expect((await send('AL', 'SU', { type: 'SIU^S12' })).deliveries).toEqual([]);
  });

  it('is not sent while the message is held for a code', async () => {
    const { deliveries, outcome } = await send('AL', 'AL', { peer: 'held-ris', control: 'ZZ' });
    expect([deliveries, outcome?.state]).toEqual([[], 'held']);
    expect((await send('AL', 'AL', { peer: 'held-ris' })).deliveries).toHaveLength(1);
  });

  it('is not sent again when a message that was worked off is replayed, but when one that had failed is', async () => {
    const [done, failed] = [await send('AL', 'AL'), await send('AL', 'AL', { type: 'SIU^S12' })];
    await requeueEntries(fresh.database, [done.seq, failed.seq]);
    while ((await runBatch(corridor)) > 0);
    const { rows } = await fresh.database.query('select count(*)::int as n from delivery where seq = any($1) group by seq order by seq', [
      [done.seq, failed.seq],
    ]);
    expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('has nowhere to go without a destination, and the outcome says so', async () => {
    const { deliveries, outcome } = await send('AL', 'AL', { peer: 'somebody' });
    expect(deliveries).toEqual([]);
    expect(outcome).toMatchObject({ state: 'done', detail: expect.stringContaining('no MLLP destination takes answers') });
  });
});
