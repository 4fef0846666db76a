/** Results and the cases they belong to: worked off by a real corridor on a real database, message by message. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Condition, DiagnosticReport, DocumentReference, ServiceRequest, Task } from '@medplum/fhirtypes';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { StoredBinary } from '../../src/model/binary.ts';
import type { CaseState } from '../../src/model/case.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { readCaseEvents, readCases } from '../../src/store/case-store.ts';
import { requeueEntries } from '../../src/store/journal-store.ts';
import { readResources } from '../../src/store/resource-store.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let corridor: Corridor;
let sent = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  corridor = await openCorridor(fresh.database, testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-results-') }), silentLog);
});
afterAll(() => fresh.drop());

const PDF = Buffer.from('%PDF-1.4 a report');

/** Sends one message about patient 4711 and works it off; its journal number. */
async function send(type: string, segments: readonly string[], patient = '4711'): Promise<number> {
  const seq = await queue(type, segments, patient);
  await workOff();
  return seq;
}

async function queue(type: string, segments: readonly string[], patient = '4711'): Promise<number> {
  const controlId = `R${++sent}`;
  const head = [`MSH|^~\\&|RIS|H|W|W|20260302081500||${type}|${controlId}|P|2.5.1`, `PID|1||${patient}^^^HOSP^MR||Muster^Erika`];
  const payload = Buffer.from(`${[...head, ...segments].join('\r')}\r`);
  const digest = createHash('sha256').update(payload).digest();
  const entry = { kind: 'hl7v2', peer: 'ris', type, controlId, digest, lane: 'ris', payload } as const;
  const rest = { blob: null, disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() } as const;
  return (await openJournal(fresh.database).append({ ...entry, ...rest })).seq;
}

async function workOff(): Promise<void> {
  while ((await runBatch(corridor)) > 0);
}

const order = (placer: string): string[] => [
  `ORC|NW|${placer}^RIS`,
  `OBR|1|${placer}^RIS||24725-4^CT Head^LN||||||||||||||A${placer}||||||CT`,
];

const report = (placer: string, status: string, text: string): string[] => [
  `ORC|RE|${placer}^RIS|F${placer}^PACS`,
  `OBR|1|${placer}^RIS|F${placer}^PACS|24725-4^CT Head^LN|||20260201||||||||||||||||||${status}`,
  `OBX|1|TX|24725-4&IMP^CT Head^LN||${text}||||||${status}`,
  `OBX|2|ED|18748-4^Report^LN||^application^pdf^Base64^${PDF.toString('base64')}||||||${status}`,
];

async function casesOf(placer: string): Promise<CaseState[]> {
  const { rows } = await fresh.database.query<{ case_id: string }>(
    `select case_id from case_key_member where kind = 'placer' and value = $1`,
    [placer],
  );
  const found = await readCases(
    fresh.database,
    rows.map((row) => row.case_id),
  );
  return [...found.values()].map(({ state }) => state);
}

/** The case that was opened first. */
async function caseOf(placer: string): Promise<CaseState> {
  return (await casesOf(placer)).sort((a, b) => (a.id < b.id ? -1 : 1))[0] as CaseState;
}

async function resource<T>(reference: string): Promise<T> {
  return (await readResources(fresh.database, [reference])).get(reference)?.resource as T;
}

function membersOf({ members }: CaseState, type: string): string[] {
  return members.filter((member) => member.startsWith(`${type}/`));
}

async function outcomeOf(seq: number): Promise<string> {
  const { rows } = await fresh.database.query<{ detail: string }>('select detail from outcome where seq = $1', [seq]);
  return rows[0]?.detail ?? '';
}

describe('a result', () => {
  it('joins the case whose order it names, with its files, and leaves it where it is', async () => {
    await send('ORM^O01', order('B1'));
    const before = await caseOf('B1');
    await send('ORU^R01', report('B1', 'P', 'Early look.'));
    const after = await caseOf('B1');
    expect({ phase: after.phase, priority: after.priority, report: after.report, claim: after.claim, origin: after.origin }).toEqual({
      phase: before.phase,
      priority: before.priority,
      report: null,
      claim: null,
      origin: before.origin,
    });
    const [prior] = membersOf(after, 'DiagnosticReport');
    const found = await resource<DiagnosticReport>(prior as string);
    expect(found).toMatchObject({ status: 'preliminary', conclusion: 'Early look.', basedOn: [{ reference: after.serviceRequest }] });
    const file = found.presentedForm?.[0]?.url as string;
    expect(membersOf(after, 'Binary')).toEqual([file]);
    const binary = await resource<StoredBinary>(file);
    expect(binary).toMatchObject({ contentType: 'application/pdf', size: PDF.length });
    const chunks: Buffer[] = [];
    for await (const chunk of corridor.house.blobs.read(binary.digest)) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks)).toEqual(PDF);
    const task = await resource<Task>(after.task);
    expect(task.input?.map(({ type }) => type?.text)).toContain('result');
  });

  it('is changed by its correction, and never by an older message that is worked off again', async () => {
    const first = await send('ORU^R01', report('B1', 'F', 'No bleeding.'));
    await send('ORU^R01', report('B1', 'C', 'Small bleeding.'));
    const state = await caseOf('B1');
    expect(membersOf(state, 'DiagnosticReport')).toHaveLength(1);
    await requeueEntries(fresh.database, [first]);
    await workOff();
    const [prior] = membersOf(await caseOf('B1'), 'DiagnosticReport');
    expect(await resource<DiagnosticReport>(prior as string)).toMatchObject({ status: 'corrected', conclusion: 'Small bleeding.' });
  });

  it('does not touch the order, which is its author’s', async () => {
    await send('ORU^R01', ['ORC|RE|B1^RIS|FB1^PACS||CM', 'OBR|1|B1^RIS|FB1^PACS|X^Another^L|||||||||||||||||||||F']);
    const state = await caseOf('B1');
    expect(await resource<ServiceRequest>(state.serviceRequest)).toMatchObject({
      status: 'active',
      code: { coding: [{ code: '24725-4' }] },
    });
  });

  it('that came before its order joins the case with it, once', async () => {
    const early = await send('ORU^R01', report('L1', 'F', 'Read elsewhere.'));
    expect(await casesOf('L1')).toEqual([]);
    await send('ORM^O01', order('L1'));
    const state = await caseOf('L1');
    const [prior, ...others] = membersOf(state, 'DiagnosticReport');
    expect(others).toEqual([]);
    expect(await resource<DiagnosticReport>(prior as string)).toMatchObject({ status: 'final', conclusion: 'Read elsewhere.' });
    expect((await resource<Task>(state.task)).input?.map(({ type }) => type?.text)).toContain('result');
    expect(await outcomeOf(early)).not.toContain('no case');
    const received = (await readCaseEvents(fresh.database, state.id)).filter(({ kind }) => kind === 'result-received');
    expect(received).toHaveLength(1);
    expect((await fresh.database.query('select from waiting_result where seq = $1', [early])).rowCount).toBe(0);
  });

  it('that came before an order of another patient waits on for its own', async () => {
    await send('ORU^R01', report('L2', 'F', 'Read elsewhere.'));
    await send('ORM^O01', order('L2'), '4799');
    expect((await casesOf('L2')).flatMap((state) => membersOf(state, 'DiagnosticReport'))).toEqual([]);
    const waiting = await fresh.database.query(`select from waiting_result where kind = 'placer' and value = 'L2'`);
    expect(waiting.rowCount).toBe(1);
  });

  it('and its order that are worked off in one batch meet, whichever came first', async () => {
    await queue('ORU^R01', report('L3', 'F', 'Read elsewhere.'));
    await queue('ORM^O01', order('L3'));
    await workOff();
    expect(membersOf(await caseOf('L3'), 'DiagnosticReport')).toHaveLength(1);
  });

  it('opens no case: of an order that is not here, or of another patient', async () => {
    const unknown = await send('ORU^R01', report('B9', 'F', 'Nobody asked.'));
    expect(await casesOf('B9')).toEqual([]);
    expect(await outcomeOf(unknown)).toContain('result of no case that is here');
    const other = await send('ORU^R01', report('B1', 'F', 'Of somebody else.'), '4799');
    expect(await outcomeOf(other)).toContain('result of no case that is here');
    expect(await outcomeOf(other)).toContain('is of another patient, and stays as it was');
    expect(await casesOf('B1')).toHaveLength(1);
    const [prior] = membersOf(await caseOf('B1'), 'DiagnosticReport');
    expect((await resource<DiagnosticReport>(prior as string)).subject?.reference).toBe((await caseOf('B1')).patient);
  });

  it('that a message of another patient names by its number stays out of his case', async () => {
    const [foreign] = membersOf(await caseOf('B1'), 'DiagnosticReport');
    const prior = ['PID|||4799^^^HOSP^MR', 'ORC|PR|P1^RIS|FB1^PACS', 'OBR|1|P1^RIS|FB1^PACS|24725-4^CT Head^LN|||20260201'];
    await send('OMG^O19', [...order('E1'), ...prior], '4799');
    expect(membersOf(await caseOf('E1'), 'DiagnosticReport')).toEqual([]);
    await send('ORU^R01', report('E1', 'F', 'A number of somebody else.').join('\r').replaceAll('FE1', 'FB1').split('\r'), '4799');
    expect(membersOf(await caseOf('E1'), 'DiagnosticReport')).toEqual([]);
    const { rows } = await fresh.database.query<{ case_id: string }>(
      `select case_id from resource where type = 'DiagnosticReport' and id = $1`,
      [foreign?.split('/')[1]],
    );
    expect(rows[0]?.case_id).toBe((await caseOf('B1')).id);
  });

  it('and a diagnosis with the number of another patient’s is none of his', async () => {
    const diagnosed = (placer: string, number: string) => [...order(placer), `DG1|1||I63.9^Stroke^I10|||W${'|'.repeat(14)}${number}`];
    const conditions = async (placer: string) => {
      const found = membersOf(await caseOf(placer), 'Condition').map((reference) => resource<Condition>(reference));
      return (await Promise.all(found)).map(({ subject }) => subject.reference);
    };
    await send('ORM^O01', diagnosed('G1', '1'));
    await send('ORM^O01', diagnosed('G2', '1'), '4799');
    expect(await conditions('G1')).toEqual([(await caseOf('G1')).patient]);
    expect(await conditions('G2')).toEqual([(await caseOf('G2')).patient]);
    await send('ORM^O01', diagnosed('G3', '7^HIS'));
    await send('ORM^O01', diagnosed('G4', '7^HIS'), '4799');
    expect(await conditions('G3')).toEqual([(await caseOf('G3')).patient]);
    expect(await conditions('G4')).toEqual([]);
  });

  it('as the answer to an order that is here changes it, and opens none that is not', async () => {
    await send('ORU^R01', ['ORC|OK|B1^RIS|FB1^READERS||SC', 'OBR|1|B1^RIS|FB1^READERS|24725-4^CT Head^LN']);
    expect((await resource<ServiceRequest>((await caseOf('B1')).serviceRequest)).identifier?.map(({ value }) => value)).toContain('FB1');
    await send('ORU^R01', ['ORC|OK|B8^RIS|FB8^READERS||SC', 'OBR|1|B8^RIS|FB8^READERS|24725-4^CT Head^LN']);
    expect(await casesOf('B8')).toEqual([]);
  });

  it('of documents: a replacement supersedes the document it names, of the same patient only', async () => {
    const txa = (number: string, parent = '') => `TXA|1|CN|TX|||||||||${number}^RIS|${parent}|B1^RIS|||AU||AV`;
    const text = (words: string) => `OBX|1|TX|N^Note^L||${words}||||||F`;
    await send('MDM^T02', [txa('D1'), text('First.')]);
    await send('MDM^T10', [txa('D3', 'D1^RIS'), text('Of somebody else.')], '4799');
    const documents = async () => {
      const found = membersOf(await caseOf('B1'), 'DocumentReference').map((reference) => resource<DocumentReference>(reference));
      return (await Promise.all(found)).map(({ masterIdentifier, status, relatesTo }) => [
        masterIdentifier?.value,
        status,
        relatesTo?.[0]?.code,
      ]);
    };
    expect(await documents()).toEqual([['D1', 'current', undefined]]);
    await send('MDM^T10', [txa('D2', 'D1^RIS'), text('Second.')]);
    expect(await documents()).toEqual([
      ['D1', 'superseded', undefined],
      ['D2', 'current', 'replaces'],
    ]);
    await send('MDM^T11', [txa('D2')]);
    expect(await documents()).toContainEqual(['D2', 'entered-in-error', 'replaces']);
  });
});
