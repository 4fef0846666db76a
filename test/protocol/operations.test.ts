import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  CaseView,
  DestinationLine,
  GapLine,
  JournalView,
  NewClient,
  Page,
  ReplayedHeld,
  ReplayedSetAside,
  StatusView,
} from '../../src/endpoints/operations/contract.ts';
import type { CaseState } from '../../src/model/case.ts';
import type { Entry, NewEntry } from '../../src/model/entry.ts';
import { countGaps, encodeLoss, lossText } from '../../src/model/loss-report.ts';
import { workOf } from '../../src/model/work.ts';
import { newToken, tokenHash } from '../../src/security/token.ts';
import { addCaseEvents, saveCases, saveKeyMembers } from '../../src/store/case-store.ts';
import { addDeliveries, beginAttempts, laneHeads, settleAttempts } from '../../src/store/delivery-store.ts';
import { saveGapCounts } from '../../src/store/gap-store.ts';
import { claimEntries, readEntry, saveOutcomes } from '../../src/store/journal-store.ts';
import { type OperationsDoor, startOperationsDoor } from '../support/operations-door.ts';
import { until } from '../support/until.ts';

const CASE = '0190aaaa-0000-7000-8000-000000000001';
const TASK = '0190aaaa-0000-7000-8000-000000000002';
const BARE = '0190aaaa-0000-7000-8000-000000000003';
const DELIVERY = '0190aaaa-0000-7000-8000-000000000004';

let door: OperationsDoor;

beforeAll(async () => {
  door = await startOperationsDoor();
  door.metrics.count('waystation_mllp_messages_total', { answer: 'AA' }, 3);
});

afterAll(() => door.close());

/** A request with the operator's token; its status and body. */
async function ask<Body>(
  path: string,
  options: { method?: string; body?: unknown; token?: string } = {},
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${door.url}/operations${path}`, {
    method: options.method ?? 'GET',
    headers: { authorization: `Bearer ${options.token ?? door.token}`, 'content-type': 'application/json' },
    body: options.body === undefined ? null : JSON.stringify(options.body),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

function order(controlId: string, disposition: NewEntry['disposition'] = 'accepted'): NewEntry {
  return {
    kind: 'hl7v2',
    peer: 'ris',
    type: 'ORM^O01',
    controlId,
    digest: Buffer.alloc(32, controlId),
    lane: `ris ${controlId}`,
    payload: Buffer.from(`MSH|^~\\&|RIS|N|||20260302||ORM^O01|${controlId}|P|2.5\rPID|1||77||Doe^Jane\r`),
    blob: null,
    disposition,
    answer: Buffer.from(`MSA|AA|${controlId}\r`),
    effects: [],
    detail: disposition === 'refused' ? 'unsupported-type: ORM' : '',
    received: new Date('2026-03-02T10:00:00Z'),
  };
}

function caseState(id: string, more: Partial<CaseState>): CaseState {
  return {
    id,
    phase: 'assembling',
    specialty: 'teleradiology',
    priority: 'routine',
    production: true,
    origin: null,
    patientKeys: [{ system: 'default', value: '77' }],
    patient: 'Patient/p',
    serviceRequest: '',
    task: '',
    studies: [],
    members: [],
    hints: [],
    keys: [],
    missing: [],
    released: null,
    route: null,
    push: null,
    claim: null,
    report: null,
    returns: [],
    wake: null,
    ...more,
  };
}

async function store(state: CaseState, accession: string): Promise<void> {
  await door.database.transaction(async (tx) => {
    await saveKeyMembers(tx, [{ key: { kind: 'accession', system: 'default', value: accession }, caseId: state.id }], []);
    await saveCases(tx, [{ state, version: 1 }], new Date('2026-03-02T10:00:01Z'));
  });
}

describe('who is let in', () => {
  it('nobody without a token, or with one that is not known', async () => {
    expect((await fetch(`${door.url}/operations/status`)).status).toBe(401);
    expect((await fetch(`${door.url}/operations/status`)).headers.get('www-authenticate')).toBe('Bearer realm="operations"');
    expect((await ask('/status', { token: newToken() })).status).toBe(401);
    expect((await ask('/status', { token: 'wst_short' })).status).toBe(401);
  });

  it('a client with the role operator, and no other', async () => {
    const add = (client: string, role: string) => ask<NewClient>('/clients', { method: 'POST', body: { client, group: client, role } });
    const reader = (await add('reader-1', 'reader')).body.token;
    const operator = (await add('operator-1', 'operator')).body.token;
    expect((await ask('/status', { token: reader })).status).toBe(403);
    expect((await ask('/status', { token: operator })).status).toBe(200);
    expect((await ask('/clients/operator-1', { method: 'DELETE' })).status).toBe(200);
    expect((await ask('/status', { token: operator })).status).toBe(401);
  });
});

describe('clients', () => {
  it('a token is told once, and kept as a hash', async () => {
    const { status, body } = await ask<NewClient>('/clients', {
      method: 'POST',
      body: { client: 'clinic', group: 'clinic', role: 'origin' },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ client: 'clinic', group: 'clinic', role: 'origin' });
    const listed = await ask<{ rows: { client: string; revoked: string | null }[] }>('/clients');
    expect(listed.body.rows.find((row) => row.client === 'clinic')).toMatchObject({ revoked: null });
    expect(JSON.stringify(listed.body)).not.toContain(body.token);
    const { rows } = await door.database.query<{ token_hash: Buffer }>(`select token_hash from client where name = 'clinic'`);
    expect(rows[0]?.token_hash).toEqual(tokenHash(body.token));
  });

  it('a name in use, a name that is none, and an unknown role are refused', async () => {
    const add = (client: unknown, role: string) => ask('/clients', { method: 'POST', body: { client, group: 'g', role } });
    await add('twice', 'reader');
    expect((await add('twice', 'reader')).status).toBe(409);
    expect((await add('a b', 'reader')).status).toBe(422);
    expect((await add({ $ne: 1 }, 'reader')).status).toBe(422);
    expect((await add('other', 'admin')).status).toBe(422);
    expect((await ask('/clients/nobody', { method: 'DELETE' })).status).toBe(404);
  });

  it('an origin does not get into a group that reads, nor a reader into one that asks', async () => {
    const add = async (client: string, group: string, role: string) =>
      (await ask('/clients', { method: 'POST', body: { client, group, role } })).status;
    expect(await add('dermatologists', 'dermatologists', 'origin')).toBe(409);
    expect(await add('dr-ada', 'dermatologists', 'reader')).toBe(201);
    expect(await add('dr-bea', 'cardiologists', 'reader')).toBe(201);
    expect(await add('practice', 'cardiologists', 'origin')).toBe(409);
    expect(await add('practice', 'practice', 'origin')).toBe(201);
    expect(await add('dr-cai', 'practice', 'reader')).toBe(409);
    expect(await add('practice-2', 'practice', 'origin')).toBe(201);
    await ask('/clients/dr-bea', { method: 'DELETE' });
    expect(await add('practice-3', 'cardiologists', 'origin')).toBe(409);
    expect(await add('dr-bea', 'dr-bea', 'origin')).toBe(201);
  });

  it('adding and revoking is in the journal with who did it', async () => {
    await ask('/clients', { method: 'POST', body: { client: 'brief', group: 'g', role: 'reader' } });
    const { body } = await ask<{ seq: number }>('/clients/brief', { method: 'DELETE' });
    const entry = await readEntry(door.database, body.seq);
    expect(entry).toMatchObject({ kind: 'operation', type: 'client.revoke', peer: 'operator' });
    expect(JSON.parse(String(entry?.payload))).toEqual({ client: 'brief' });
  });
});

describe('what is not carried', () => {
  const gaps = [
    { path: 'PID-39', reason: 'has no place', value: 'Secret' },
    { path: 'OBX[2]-8', reason: 'code is not in HL7 Table 0078', value: 'QQ', table: 'HL7 Table 0078' },
  ];

  it('is told of one entry when it is asked for, and then audited', async () => {
    const { seq } = await door.journal.append(order('LOSS-1'));
    await saveOutcomes(door.database, [{ seq, state: 'done', detail: lossText(gaps), produced: [], cases: [], loss: encodeLoss(gaps) }]);
    const plain = await ask<JournalView>(`/journal/${seq}`);
    expect([plain.body.loss, JSON.stringify(plain.body).includes('Secret')]).toEqual([null, false]);
    expect((await ask<JournalView>(`/journal/${seq}?loss=true`)).body).toMatchObject({ loss: gaps, payload: null });
    await door.audit.close();
    const { rows } = await door.database.query('select 1 from audit where target = $1', [`journal/${seq}`]);
    expect(rows).toHaveLength(1);
  });

  it('is counted, without values that are no codes', async () => {
    const { seq } = await door.journal.append(order('LOSS-2'));
    const entry = (await readEntry(door.database, seq)) as Entry;
    const counts = countGaps([{ ...workOf(entry), gaps }]);
    await door.database.transaction((tx) => saveGapCounts(tx, counts, new Date('2026-03-02T10:00:00Z')));
    await door.database.transaction((tx) => saveGapCounts(tx, counts, new Date('2026-03-02T09:00:00Z')));
    const { body } = await ask<Page<GapLine>>('/gaps?peer=ris');
    expect(body.rows.map(({ path, code, times }) => [path, code, times])).toEqual([
      ['OBX-8', 'QQ', 2],
      ['PID-39', '', 2],
    ]);
    expect((await ask<Page<GapLine>>('/gaps?codes=true')).body).toEqual({
      rows: [
        {
          ...{ peer: 'ris', type: 'ORM^O01', path: 'OBX-8', reason: 'code is not in HL7 Table 0078', code: 'QQ', table: 'HL7 Table 0078' },
          ...{ times: 2, lastSeq: seq, lastSeen: '2026-03-02T10:00:00.000Z' },
        },
      ],
      next: null,
    });
    expect((await ask<Page<GapLine>>('/gaps?limit=1&before=1')).body).toMatchObject({ rows: [{ path: 'PID-39' }], next: '2' });
    expect((await ask<Page<GapLine>>('/gaps?peer=nobody')).body.rows).toEqual([]);
  });

  it('holds messages, which are listed, counted and let go together', async () => {
    const { seq } = await door.journal.append(order('LOSS-3'));
    await door.database.query('delete from pending where seq = $1', [seq]);
    await saveOutcomes(door.database, [{ seq, state: 'held', detail: '1 unknown code', produced: [], cases: [], loss: encodeLoss(gaps) }]);
    expect((await ask<StatusView>('/status')).body).toMatchObject({ held: 1 });
    expect(await (await fetch(`${door.url}/metrics`)).text()).toContain('\nwaystation_journal_held 1\n');
    expect((await ask<Page<JournalView>>('/journal?state=held')).body.rows).toMatchObject([{ seq, detail: '1 unknown code' }]);
    expect((await ask('/journal/replay', { method: 'POST', body: {} })).status).toBe(422);
    const released = await ask<ReplayedHeld>('/journal/replay', { method: 'POST', body: { peer: 'ris' } });
    expect(released).toMatchObject({ status: 202, body: { entries: 1 } });
    expect(await readEntry(door.database, released.body.seq)).toMatchObject({ type: 'journal.replay-held', peer: 'operator' });
    expect((await ask('/journal/replay', { method: 'POST', body: { peer: 'ris' } })).status).toBe(409);
    expect((await ask<StatusView>('/status')).body).toMatchObject({ held: 0 });
  });
});

describe('a case', () => {
  beforeAll(async () => {
    const { seq } = await door.journal.append(order('M1'));
    await saveOutcomes(door.database, [{ seq, state: 'done', detail: '', produced: ['Task'], cases: [CASE], loss: null }]);
    const route = { destination: 'readers', kind: 'pull', group: 'readers', why: 'always' } as const;
    const state = caseState(CASE, {
      origin: { peer: 'ris', kind: 'hl7v2', group: '', seq },
      serviceRequest: 'ServiceRequest/s',
      task: `Task/${TASK}`,
      missing: ['instances: 0 of at least 1'],
      route,
    });
    await store(state, 'ACC-1');
    const event = { at: new Date('2026-03-02T10:00:01Z'), seq, kind: 'opened', actor: 'ris', detail: 'order' };
    await door.database.transaction((tx) => addCaseEvents(tx, [{ caseId: CASE, event }]));
    await store(caseState(BARE, { missing: ['order'] }), 'ACC-2');
  });

  it('is found by its id, its Task and its accession number, and shows each hop with its message', async () => {
    const [byId, byTask, byNumber] = await Promise.all([
      ask<CaseView>(`/cases/${CASE}`),
      ask<CaseView>(`/cases/${TASK}`),
      ask<CaseView>('/cases/ACC-1'),
    ]);
    expect(byId.body).toMatchObject({ id: CASE, phase: 'assembling', origin: 'ris', waitingFor: ['instances: 0 of at least 1'] });
    expect(byId.body.timeline).toEqual([
      { at: '2026-03-02T10:00:01.000Z', kind: 'opened', actor: 'ris', detail: 'order', seq: expect.any(Number), message: 'ORM^O01 M1' },
    ]);
    expect(byTask.body).toEqual(byId.body);
    expect(byNumber.body).toEqual(byId.body);
  });

  it('is shown as it was in one moment, although it moves on while it is read', async () => {
    const event = { at: new Date('2026-03-02T10:00:02Z'), seq: null, kind: 'released', actor: 'gateway', detail: 'moved on' };
    let reading: ReturnType<typeof ask<CaseView>> | undefined;
    await door.database.transaction(async (tx) => {
      await tx.query('lock table case_event in access exclusive mode');
      reading = ask<CaseView>(`/cases/${BARE}`);
      const waiting = "select 1 from pg_locks where not granted and relation = 'case_event'::regclass";
      await until(
        async () => (await door.database.query(waiting)).rowCount ?? 0,
        (readers) => readers > 0,
      );
      await addCaseEvents(tx, [{ caseId: BARE, event }]);
    });
    expect((await reading)?.body).toMatchObject({ phase: 'assembling', timeline: [] });
    expect((await ask<CaseView>(`/cases/${BARE}`)).body.timeline).toMatchObject([{ detail: 'moved on' }]);
  });

  it('shows no identifier of the patient', async () => {
    expect(JSON.stringify((await ask<CaseView>(`/cases/${CASE}`)).body)).not.toMatch(/"77"|Doe/);
  });

  it('that nobody knows is not found', async () => {
    expect((await ask('/cases/ACC-9')).status).toBe(404);
    expect((await ask('/cases/0190aaaa-0000-7000-8000-0000000000ff')).status).toBe(404);
  });

  it('is listed by phase', async () => {
    const page = await ask<{ rows: { id: string }[] }>('/cases?phase=assembling');
    expect(page.body.rows.map((row) => row.id).sort()).toEqual([CASE, BARE]);
    expect((await ask<{ rows: unknown[] }>('/cases?phase=closed')).body.rows).toEqual([]);
  });

  it('is listed page by page, none left out though all are of one moment', async () => {
    type Cases = { rows: { id: string }[]; next: string | null };
    const { body: first } = await ask<Cases>('/cases?limit=1');
    const { body: second } = await ask<Cases>(`/cases?limit=1&before=${first.next}`);
    const { body: end } = await ask<Cases>(`/cases?limit=1&before=${second.next}`);
    expect([...first.rows, ...second.rows].map((row) => row.id).sort()).toEqual([CASE, BARE]);
    expect(end).toEqual({ rows: [], next: null });
  });

  it('is released by a journal entry that says who and why', async () => {
    const { status, body } = await ask<{ seq: number }>('/cases/ACC-1/release', { method: 'POST', body: { why: ' images are on a CD ' } });
    expect(status).toBe(202);
    const entry = await readEntry(door.database, body.seq);
    expect(entry).toMatchObject({
      kind: 'operation',
      type: 'case.release',
      peer: 'operator',
      disposition: 'accepted',
      lane: `case ${CASE}`,
    });
    expect(JSON.parse(String(entry?.payload))).toEqual({ caseId: CASE, why: 'images are on a CD' });
  });

  it('is not released without a reason, nor without an order', async () => {
    expect((await ask('/cases/ACC-1/release', { method: 'POST', body: {} })).status).toBe(422);
    expect((await ask('/cases/ACC-2/release', { method: 'POST', body: { why: 'x' } })).status).toBe(409);
  });
});

describe('the journal', () => {
  it('lists entries with their state, the newest first', async () => {
    const { seq } = await door.journal.append(order('M2', 'refused'));
    const page = await ask<{ rows: { seq: number; state: string; detail: string }[] }>('/journal?state=refused');
    expect(page.body.rows[0]).toMatchObject({ seq, state: 'refused', detail: 'unsupported-type: ORM', controlId: 'M2' });
  });

  it('shows bytes only when asked, and then writes down who asked', async () => {
    const { seq } = await door.journal.append(order('M3'));
    const without = await ask<JournalView>(`/journal/${seq}`);
    expect(without.body).toMatchObject({ seq, state: 'waiting', payload: null, answer: null });
    expect(JSON.stringify(without.body)).not.toContain('Doe');
    const { body } = await ask<JournalView>(`/journal/${seq}?bytes=true`);
    expect(Buffer.from(String(body.payload), 'base64')).toEqual(order('M3').payload);
    expect(Buffer.from(String(body.answer), 'base64')).toEqual(order('M3').answer);
    await door.audit.close();
    const { rows } = await door.database.query(`select client, action, target from audit where target = $1`, [`journal/${seq}`]);
    expect(rows).toEqual([{ client: 'operator', action: 'read', target: `journal/${seq}` }]);
  });

  it('replays what is settled, not what waits or was refused', async () => {
    const { seq } = await door.journal.append(order('M4'));
    expect((await ask(`/journal/${seq}/replay`, { method: 'POST' })).status).toBe(409);
    await door.database.transaction((tx) => claimEntries(tx, 1_000, 1, new Date()));
    await saveOutcomes(door.database, [{ seq, state: 'failed', detail: 'internal: x', produced: [], cases: [], loss: null }]);
    expect((await ask<JournalView>(`/journal/${seq}`)).body.state).toBe('failed');
    expect((await ask(`/journal/${seq}/replay`, { method: 'POST' })).status).toBe(202);
    expect((await ask<JournalView>(`/journal/${seq}`)).body.state).toBe('waiting');
    const refused = await door.journal.append(order('M5', 'refused'));
    expect((await ask(`/journal/${refused.seq}/replay`, { method: 'POST' })).status).toBe(409);
    expect((await ask('/journal/999999/replay', { method: 'POST' })).status).toBe(404);
    expect((await ask('/journal/x', {})).status).toBe(404);
  });
});

describe('deliveries', () => {
  it('that were set aside are listed, shown in their case, and replayed to the end of their lane', async () => {
    const { database } = door;
    const now = new Date('2026-03-02T11:00:00Z');
    const delivery = {
      id: DELIVERY,
      destination: 'ris',
      kind: 'oru',
      caseId: CASE,
      seq: 1,
      controlId: 'R1',
      content: Buffer.from('MSH'),
      lane: 'ris',
    } as const;
    await database.transaction((tx) => addDeliveries(tx, [delivery], now));
    expect((await ask(`/deliveries/${DELIVERY}/replay`, { method: 'POST' })).status).toBe(409);
    const [head] = await laneHeads(database, 'ris', 1);
    if (!head) throw new Error('no head');
    const attempt = { started: now, ended: now, outcome: 'dead', detail: 'rejected: AR' };
    expect(await beginAttempts(database, [{ delivery: head, due: now }])).toEqual(new Set([DELIVERY]));
    await settleAttempts(database, [{ delivery: head, attempt, next: { state: 'dead', due: now, lastFailure: 'rejected: AR' } }]);
    const page = await ask<{ rows: unknown[] }>('/deliveries?state=dead');
    expect(page.body.rows).toMatchObject([{ id: DELIVERY, destination: 'ris', attempts: 1, lastFailure: 'rejected: AR' }]);
    const view = await ask<CaseView>(`/cases/${CASE}`);
    expect(view.body.timeline.at(-1)).toMatchObject({
      kind: 'not delivered',
      actor: 'ris',
      detail: 'attempt 1: rejected: AR',
      message: 'oru R1',
    });
    expect((await ask(`/deliveries/${DELIVERY}/replay`, { method: 'POST' })).status).toBe(202);
    expect(await laneHeads(database, 'ris', 2)).toMatchObject([{ id: DELIVERY, laneSeq: 2, attempts: 0 }]);
    expect((await ask('/deliveries/nothing/replay', { method: 'POST' })).status).toBe(404);
    const again = (body: object) => ask<ReplayedSetAside>('/deliveries/replay', { method: 'POST', body });
    expect([(await again({})).status, (await again({ destination: 'ris' })).status]).toEqual([422, 409]);
    const [once] = await laneHeads(database, 'ris', 1);
    if (!once) throw new Error('no head');
    await settleAttempts(database, [{ delivery: once, attempt, next: { state: 'dead', due: now, lastFailure: 'rejected: AR' } }]);
    const all = await again({ destination: 'ris' });
    expect([all.status, all.body.deliveries]).toEqual([202, 1]);
    expect(await readEntry(database, all.body.seq)).toMatchObject({ type: 'delivery.replay-set-aside', peer: 'operator' });
    expect(await laneHeads(database, 'ris', 2)).toMatchObject([{ id: DELIVERY, laneSeq: 3, attempts: 0 }]);
  });
});

describe('hostile requests', () => {
  it('too much, and what is not JSON, are refused in few words', async () => {
    const send = (body: string) =>
      fetch(`${door.url}/operations/clients`, {
        method: 'POST',
        headers: { authorization: `Bearer ${door.token}`, 'content-type': 'application/json' },
        body,
      });
    expect((await send(`{"client":"${'x'.repeat(100_000)}"}`)).status).toBe(413);
    expect((await send('{"client":')).status).toBe(400);
    expect((await ask('/nothing')).status).toBe(404);
    expect(door.logged.filter((line) => line.includes('operations.failed'))).toEqual([]);
  });
});

describe('health', () => {
  it('is alive and ready, and says why it is not only to operators', async () => {
    door.corridor.seen = Number.POSITIVE_INFINITY;
    expect((await fetch(`${door.url}/health`)).status).toBe(200);
    expect((await fetch(`${door.url}/ready`)).status).toBe(200);
    door.corridor.seen = 0;
    const response = await fetch(`${door.url}/ready`);
    expect([response.status, await response.json()]).toEqual([503, { status: 'not ready' }]);
    const { body } = await ask<StatusView>('/status');
    expect(body).toMatchObject({ ready: false, checks: { corridor: 'the corridor does not answer', database: '', disk: '' } });
    door.corridor.seen = Number.POSITIVE_INFINITY;
  });

  it('metrics count what the doors did and how much waits, for this machine or an operator', async () => {
    const page = await (await fetch(`${door.url}/metrics`)).text();
    expect(page).toMatch(/^waystation_mllp_messages_total\{answer="AA"\} 3$/m);
    expect(page).toMatch(/^waystation_journal_pending \d+$/m);
    expect(page).toMatch(/^waystation_lane_depth\{destination="ris"\} 1$/m);
    const proxied = { 'x-forwarded-for': '203.0.113.9' };
    expect((await fetch(`${door.url}/metrics`, { headers: proxied })).status).toBe(401);
    expect((await fetch(`${door.url}/metrics`, { headers: { ...proxied, authorization: `Bearer ${door.token}` } })).status).toBe(200);
  });
});

describe('destinations', () => {
  it('are paused and resumed by name, with who and why, and it is in the journal', async () => {
    expect((await ask('/destinations/nowhere/pause', { method: 'POST', body: { why: 'x' } })).status).toBe(404);
    expect((await ask('/destinations/clinic/resume', { method: 'POST' })).status).toBe(409);
    expect((await ask('/destinations/clinic/pause', { method: 'POST', body: { why: 'moving house' } })).status).toBe(200);
    const { body } = await ask<Page<DestinationLine>>('/destinations');
    expect(body.rows.map(({ destination, paused }) => [destination, paused?.why ?? null])).toEqual([
      ['clinic', 'moving house'],
      ['ris', null],
    ]);
    const resumed = await ask<{ seq: number }>('/destinations/clinic/resume', { method: 'POST' });
    expect(resumed.status).toBe(200);
    expect(await readEntry(door.database, resumed.body.seq)).toMatchObject({ kind: 'operation', type: 'destination.resume' });
    expect((await ask<Page<DestinationLine>>('/destinations')).body.rows[0]?.paused).toBeNull();
  });
});

describe('a delivery that holds its lane', () => {
  it('is shown as such, and is set aside by a person', async () => {
    const id = '0190aaaa-0000-7000-8000-0000000000aa';
    await door.database.query(
      `insert into delivery (id, destination, kind, lane, lane_seq, case_id, seq, control_id, content, state, due)
       values ($1, 'ris', 'oru', 'held-lane', 1, $2, 1, 'W-77', '', 'held', now())`,
      [id, CASE],
    );
    expect((await ask<Page<DestinationLine>>('/destinations')).body.rows.find(({ destination }) => destination === 'ris')).toMatchObject({
      held: 1,
    });
    expect((await ask<Page<{ id: string }>>('/deliveries?state=held')).body.rows.map((row) => row.id)).toEqual([id]);
    expect((await ask(`/deliveries/${id}/set-aside`, { method: 'POST' })).status).toBe(202);
    expect((await ask(`/deliveries/${id}/set-aside`, { method: 'POST' })).status).toBe(409);
    expect((await ask<Page<{ id: string }>>('/deliveries?state=held')).body.rows).toEqual([]);
  });
});
