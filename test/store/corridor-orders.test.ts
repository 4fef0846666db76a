/** What the state of an order does to its case: worked off by a real corridor on a real database, message by message. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from '@medplum/fhirtypes';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { CaseState } from '../../src/model/case.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { readCases } from '../../src/store/case-store.ts';
import { requeueEntries } from '../../src/store/journal-store.ts';
import { lockResources, readResources } from '../../src/store/resource-store.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let corridor: Corridor;
let sent = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  corridor = await openCorridor(fresh.database, testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-orders-') }), silentLog);
});
afterAll(() => fresh.drop());

type Said = { placer: string; control: string; status?: string; detailed?: boolean; priority?: string; at?: string; orderer?: string };

/** Sends one message of these orders and works it off; its journal number. */
async function send(orders: readonly Said[], peer = 'ris'): Promise<number> {
  const seq = await append(orders, peer);
  await workOff();
  return seq;
}

async function append(orders: readonly Said[], peer = 'ris', patient = '4711'): Promise<number> {
  const controlId = `M${++sent}`;
  const groups = orders.flatMap(({ placer, control, status = '', detailed = true, priority = 'R', orderer = '' }) => [
    `ORC|${control}|${placer}^RIS|||${status}||^^^20260302^^${priority}|||||${orderer}`,
    ...(detailed ? [`OBR|1|${placer}^RIS||24725-4^CT Head^LN||||||||||||||A${placer}||||||CT`] : []),
  ]);
  const head = [
    `MSH|^~\\&|RIS|H|W|W|${orders[0]?.at ?? '20260302081500'}||ORM^O01|${controlId}|P|2.5.1`,
    `PID|1||${patient}^^^HOSP^MR||Muster^Erika||19700101|F`,
  ];
  const payload = Buffer.from(`${[...head, ...groups].join('\r')}\r`);
  const entry = {
    kind: 'hl7v2',
    peer,
    type: 'ORM^O01',
    controlId,
    digest: createHash('sha256').update(payload).digest(),
    lane: 'ris',
    payload,
  } as const;
  const rest = { blob: null, disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() } as const;
  return (await openJournal(fresh.database).append({ ...entry, ...rest })).seq;
}

async function workOff(): Promise<void> {
  while ((await runBatch(corridor)) > 0);
}

async function caseOf(placer: string): Promise<CaseState> {
  const { rows } = await fresh.database.query<{ case_id: string }>(
    `select case_id from case_key_member where kind = 'placer' and value = $1`,
    [placer],
  );
  const id = rows[0]?.case_id as string;
  return (await readCases(fresh.database, [id])).get(id)?.state as CaseState;
}

async function taskOf(placer: string): Promise<string | undefined> {
  const { task } = await caseOf(placer);
  return ((await readResources(fresh.database, [task])).get(task)?.resource as { status?: string } | undefined)?.status;
}

describe('the state of an order', () => {
  it('ends only the case of the order that is cancelled, not those that came along with it', async () => {
    await send([{ placer: 'A1', control: 'NW' }]);
    await send([
      { placer: 'A1', control: 'CA' },
      { placer: 'A2', control: 'NW' },
    ]);
    expect([(await caseOf('A1')).phase, (await caseOf('A2')).phase]).toEqual(['cancelled', 'assembling']);
  });

  it.each([
    ['CA', ''],
    ['DC', ''],
    ['OC', ''],
    ['OD', ''],
    ['SC', 'CA'],
    ['SC', 'CM'],
  ])('makes the case unclaimable: ORC-1 %s, ORC-5 %s', async (control, status) => {
    const placer = `B${control}${status}`;
    await send([{ placer, control: 'NW', priority: 'S' }]);
    expect(await taskOf(placer)).toBe('requested');
    await send([{ placer, control, status }]);
    expect([(await caseOf(placer)).phase, await taskOf(placer)]).toEqual(['cancelled', 'cancelled']);
  });

  it('takes back the offer while the order is held, and makes it again when it is active', async () => {
    await send([{ placer: 'C1', control: 'NW', priority: 'S' }]);
    await send([{ placer: 'C1', control: 'HD', priority: 'S' }]);
    expect([await taskOf('C1'), (await caseOf('C1')).missing]).toEqual(['draft', expect.arrayContaining(['order: on-hold'])]);
    await send([{ placer: 'C1', control: 'RL', status: 'IP', priority: 'S' }]);
    expect(await taskOf('C1')).toBe('requested');
  });

  it('opens a cancelled case again when it is ordered anew under the same number', async () => {
    await send([{ placer: 'D1', control: 'NW' }]);
    await send([{ placer: 'D1', control: 'CA' }]);
    await send([{ placer: 'D1', control: 'NW' }]);
    expect([(await caseOf('D1')).phase, await taskOf('D1')]).toEqual(['assembling', 'draft']);
  });

  it('only notes what another sender says of an order that is not his', async () => {
    await send([{ placer: 'E1', control: 'NW' }]);
    await send([{ placer: 'E1', control: 'CA' }], 'somebody-else');
    expect((await caseOf('E1')).phase).toBe('assembling');
  });

  it.each(['NW', 'XO', 'CA'])('says what it said before %s of a sender whom nobody has vouched for', async (control) => {
    const placer = `V${control}`;
    await send([{ placer, control: 'NW', orderer: 'D1^Muster' }]);
    const before = await requestOf(placer);
    await send([{ placer, control, priority: 'S', orderer: 'D2^Other' }], 'somebody-else');
    expect(await requestOf(placer)).toEqual(before);
    const { rows } = await fresh.database.query('select kind from case_event where case_id = $1 order by n', [(await caseOf(placer)).id]);
    expect(rows.at(-1)).toEqual({ kind: 'control-noted' });
  });
});

async function requestOf(placer: string): Promise<ServiceRequest> {
  const { serviceRequest } = await caseOf(placer);
  return (await readResources(fresh.database, [serviceRequest])).get(serviceRequest)?.resource as ServiceRequest;
}

describe('the number of an order of another patient', () => {
  it.each([
    ['ris', 'NW'],
    ['ris', 'XO'],
    ['ris', 'CA'],
    ['somebody-else', 'NW'],
    ['somebody-else', 'CA'],
  ])('changes nothing of it, and opens nothing: %s says %s', async (peer, control) => {
    const placer = `P${peer}${control}`;
    await send([{ placer, control: 'NW', priority: 'S' }]);
    const before = await requestOf(placer);
    const seq = await append([{ placer, control, priority: 'R' }], peer, '9999');
    await workOff();
    expect(await requestOf(placer)).toEqual(before);
    const { rows } = await fresh.database.query<{ cases: number; state: string; noted: number }>(
      `select (select count(distinct case_id)::int from case_key_member where value = $1) as cases, state,
              (select count(*)::int from case_event e where e.seq = $2 and e.kind = 'patient-mismatch') as noted from outcome where seq = $2`,
      [placer, seq],
    );
    expect(rows).toEqual([{ cases: 1, state: 'failed', noted: 1 }]);
  });
});

async function orderless(placer: string): Promise<string[]> {
  const { rows } = await fresh.database.query<{ found: string }>(
    `select 'case' as found from case_key_member where value = $1
     union all select type from resource join identifiers using (type, id) where type = 'ServiceRequest' and value = $1`,
    [placer],
  );
  return rows.map(({ found }) => found);
}

describe('an order that was never seen', () => {
  it.each(['CA', 'DC', 'XO', 'HD', 'RL', 'SC', 'OK', 'NA'])('is not opened by %s, and is taken when it is ordered', async (control) => {
    const placer = `U${control}`;
    const seq = await send([{ placer, control }]);
    expect(await orderless(placer)).toEqual([]);
    const { rows } = await fresh.database.query<{ state: string; detail: string }>(`select state, detail from outcome where seq = $1`, [
      seq,
    ]);
    expect(rows[0]).toEqual({ state: 'done', detail: expect.stringContaining('nothing was opened') });
    await send([{ placer, control: 'NW', priority: 'S' }]);
    expect([await taskOf(placer), (await requestOf(placer)).status]).toEqual(['requested', 'active']);
  });
});

describe('an event that is worked off once more', () => {
  it('changes nothing, also when it was the last', async () => {
    await send([{ placer: 'W1', control: 'NW' }]);
    const cancel = await send([{ placer: 'W1', control: 'CA' }]);
    const before = await caseOf('W1');
    await requeueEntries(fresh.database, [cancel]);
    await workOff();
    expect((await caseOf('W1')).phase).toBe('cancelled');
    const anew = await send([{ placer: 'W1', control: 'NW' }]);
    await requeueEntries(fresh.database, [cancel, anew]);
    await workOff();
    expect([(await caseOf('W1')).phase, (await requestOf('W1')).status]).toEqual(['assembling', 'active']);
    expect(before.order?.seq).toBe(cancel);
  });
});

describe('an event that is older than the last', () => {
  it('changes nothing', async () => {
    await send([{ placer: 'O1', control: 'NW', at: '20260302081500', priority: 'S' }]);
    await send([{ placer: 'O1', control: 'XO', at: '20260302091500', priority: 'S' }]);
    await send([{ placer: 'O1', control: 'CA', at: '20260302083000', priority: 'R' }]);
    expect([await taskOf('O1'), (await requestOf('O1')).status, (await requestOf('O1')).priority]).toEqual(['requested', 'active', 'stat']);
  });

  it('changes nothing, also where several are worked off together', async () => {
    await send([{ placer: 'O3', control: 'NW', at: '20260302091500', priority: 'S', orderer: 'D1^Muster' }]);
    const before = await requestOf('O3');
    await append([{ placer: 'O3', control: 'XO', at: '20260302083000', priority: 'R' }]);
    await append([{ placer: 'O3', control: 'XO', at: '20260302083100', priority: 'A' }]);
    await workOff();
    expect(await requestOf('O3')).toEqual(before);
  });

  it('is told from one whose time is not said so exactly', async () => {
    await send([{ placer: 'O2', control: 'NW', at: '20260302081500' }]);
    await send([{ placer: 'O2', control: 'CA', at: '20260302' }]);
    expect((await caseOf('O2')).phase).toBe('cancelled');
  });
});

describe('an order that is changed', () => {
  it('stays on hold, and is offered as it was changed when it is released', async () => {
    await send([{ placer: 'X1', control: 'NW', priority: 'S' }]);
    await send([{ placer: 'X1', control: 'HD', priority: 'S' }]);
    await send([{ placer: 'X1', control: 'XO', priority: 'S' }]);
    expect([await taskOf('X1'), (await requestOf('X1')).status]).toEqual(['draft', 'on-hold']);
    await send([{ placer: 'X1', control: 'RL', status: 'HD', priority: 'S' }]);
    expect([await taskOf('X1'), (await requestOf('X1')).status]).toEqual(['requested', 'active']);
  });

  it('takes back an offer that no longer fits, until its package is whole', async () => {
    await send([{ placer: 'X2', control: 'NW', priority: 'S' }]);
    await send([{ placer: 'X2', control: 'XO', priority: 'R' }]);
    expect([await taskOf('X2'), (await requestOf('X2')).priority]).toEqual(['draft', 'routine']);
  });

  it('is not changed any more once it is cancelled', async () => {
    await send([{ placer: 'X3', control: 'NW' }]);
    await send([{ placer: 'X3', control: 'CA' }]);
    await send([{ placer: 'X3', control: 'XO', priority: 'S' }]);
    expect([(await caseOf('X3')).phase, (await requestOf('X3')).status, (await requestOf('X3')).priority]).toEqual([
      'cancelled',
      'revoked',
      'routine',
    ]);
  });
});

describe('an order that is replaced', () => {
  it('gives way to the new one, which is linked to it', async () => {
    await send([{ placer: 'R1', control: 'NW', priority: 'S' }]);
    await send([
      { placer: 'R1', control: 'RP' },
      { placer: 'R2', control: 'RO', priority: 'S' },
    ]);
    const [old, replacement] = [await caseOf('R1'), await requestOf('R2')];
    expect([old.phase, (await requestOf('R1')).status, await taskOf('R2')]).toEqual(['cancelled', 'revoked', 'requested']);
    expect(replacement.replaces).toEqual([{ reference: old.serviceRequest }]);
  });
});

describe('a number that is asked for', () => {
  it('is given once, and leads to the order', async () => {
    await send([{ placer: 'N1', control: 'SN' }]);
    const filler = (await requestOf('N1')).identifier?.filter(({ type }) => type?.coding?.[0]?.code === 'FILL') ?? [];
    expect(filler).toEqual([
      expect.objectContaining({ system: 'urn:waystation:authority:WAYSTATION', value: expect.stringMatching(/^[0-9a-f]{20}$/) }),
    ]);
    await send([{ placer: 'N1', control: 'SN' }]);
    expect((await requestOf('N1')).identifier?.filter(({ type }) => type?.coding?.[0]?.code === 'FILL')).toEqual(filler);
  });
});

describe('the message that the answer quotes', () => {
  it('stays the one with the order’s detail when a cancel or a status comes without', async () => {
    const seq = await send([{ placer: 'F1', control: 'NW' }]);
    await send([{ placer: 'F1', control: 'SC', status: 'IP', detailed: false }]);
    expect((await caseOf('F1')).origin?.seq).toBe(seq);
  });

  it('is not set back by an older one that is worked off once more', async () => {
    const old = await send([{ placer: 'G1', control: 'NW', priority: 'R' }]);
    const newer = await send([{ placer: 'G1', control: 'XO', priority: 'S' }]);
    await requeueEntries(fresh.database, [old]);
    await workOff();
    expect([(await caseOf('G1')).origin?.seq, (await caseOf('G1')).priority]).toEqual([newer, 'stat']);
  });
});

describe('what many orders share', () => {
  it('is locked by a message that says something new of it, and by no other', async () => {
    const orderer = '815^Beispiel^Berta^^^Dr.';
    await send([{ placer: 'SHARED-1', control: 'NW', orderer }]);
    const { rows } = await fresh.database.query<{ id: string }>(
      `select id from identifiers where type = 'Practitioner' and value like '%815%'`,
    );
    await fresh.database.transaction(async (tx) => {
      expect((await lockResources(tx, [`Practitioner/${rows[0]?.id}`])).size).toBe(1);
      await send([{ placer: 'SHARED-2', control: 'NW', orderer }]);
    });
    expect(await caseOf('SHARED-2')).toMatchObject({ phase: 'assembling' });
    await send([{ placer: 'SHARED-3', control: 'NW', orderer: '815^Beispiel-Neu^Berta^^^Dr.' }]);
    const found = await readResources(fresh.database, [`Practitioner/${rows[0]?.id}`]);
    expect([...found.values()][0]?.resource).toMatchObject({ name: [{ family: 'Beispiel-Neu' }] });
  });
});
