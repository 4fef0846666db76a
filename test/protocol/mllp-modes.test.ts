/** What is answered at the MLLP door beside a plain AA: enhanced mode, batches, and MLLP Release 2. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { COMMIT_ACK, COMMIT_NAK, frame } from '../../src/protocols/hl7v2/framer.ts';
import { answerOf, type DoorOptions, openTestDoor, type TestDoor, verdictOf } from '../support/mllp-door.ts';

const ORDER = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7', 'utf8').replaceAll('\n', '\r');
const order = (controlId: string, change: (text: string) => string = (text) => text): Buffer =>
  Buffer.from(change(ORDER.replace('|N-1001|', `|${controlId}|`)));
const asking = (accept: string, application: string) => (text: string) =>
  text.replace('|2.5.1||||||', `|2.5.1|||${accept}|${application}||`);
const WITHOUT_PATIENT = (text: string): string => text.replace('4711^^^NORTH^MR', '');

let opened: TestDoor | null = null;
const open = async (options?: DoorOptions): Promise<TestDoor> => {
  opened = await openTestDoor(options);
  return opened;
};
afterEach(async () => {
  await opened?.close();
  opened = null;
});

describe('enhanced mode', () => {
  it('answers CA after the commit, CE and CR for what is refused', async () => {
    const test = await open();
    const peer = await test.call();
    const both = asking('AL', 'AL');
    peer.send(frame(order('N-1', both)));
    peer.send(frame(order('N-2', (text) => both(WITHOUT_PATIENT(text)))));
    peer.send(frame(order('N-3', (text) => both(text).replace('ORM^O01^ORM_O01', 'SIU^S12^SIU_S12'))));
    expect([await verdictOf(peer), await verdictOf(peer), await verdictOf(peer)]).toEqual(['CA N-1', 'CE N-2 101', 'CR N-3 200']);
    expect((await test.journaled()).map(({ disposition }) => disposition)).toEqual(['accepted', 'refused', 'refused']);
  });

  it.each([
    ['NE', []],
    ['ER', ['CE N-2 101']],
    ['SU', ['CA N-1']],
  ])('says with MSH-15 %s only what is asked for; all is in the journal', async (accept, answers) => {
    const test = await open();
    const peer = await test.call();
    peer.send(frame(order('N-1', asking(accept, 'NE'))));
    peer.send(frame(order('N-2', (text) => asking(accept, 'NE')(WITHOUT_PATIENT(text)))));
    peer.send(frame(order('N-3')));
    for (const answer of [...answers, 'AA N-3']) expect(await verdictOf(peer)).toBe(answer);
    expect((await test.journaled()).map(({ control_id }) => control_id)).toEqual(['N-1', 'N-2', 'N-3']);
  });

  it('is of no account for a peer that fills the fields by habit', async () => {
    const test = await open({ peers: [{ acknowledgment: 'plain' }] });
    const peer = await test.call();
    peer.send(frame(order('N-1', asking('NE', 'AL'))));
    expect(await verdictOf(peer)).toBe('AA N-1');
  });
});

describe('a batch', () => {
  const batch = (...messages: readonly Buffer[]): Buffer =>
    frame(Buffer.concat([Buffer.from('BHS|^~\\&|RIS|NORTH|||||||B-1\r'), ...messages, Buffer.from(`BTS|${messages.length}\r`)]));
  const verdicts = (answer: string): string[] =>
    answer
      .split('\r')
      .filter((line) => /^(BHS|MSA|BTS)/.test(line))
      .map((line) => line.split('|').slice(0, 3).join('|'));

  it('is taken message by message, and answered when all are committed: one that is refused holds back no other', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(batch(order('N-1'), order('N-2', WITHOUT_PATIENT), order('N-3')));
    expect(verdicts(await answerOf(peer))).toEqual(['BHS|^~\\&|', 'MSA|AA|N-1', 'MSA|AE|N-2', 'MSA|AA|N-3', 'BTS|3']);
    const rows = await test.journaled();
    expect(rows.map(({ control_id, disposition }) => [control_id, disposition])).toEqual([
      ['N-1', 'accepted'],
      ['N-2', 'refused'],
      ['N-3', 'accepted'],
    ]);
    expect(rows[0]?.payload).toEqual(order('N-1'));
  });

  it('that is sent again takes nothing twice', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(batch(order('N-1'), order('N-2')));
    const first = await answerOf(peer);
    peer.send(batch(order('N-1'), order('N-2'), order('N-3')));
    expect(verdicts(await answerOf(peer))).toEqual([...verdicts(first).slice(0, -1), 'MSA|AA|N-3', 'BTS|3']);
    peer.send(frame(order('N-1')));
    expect(first).toContain(await answerOf(peer));
    expect(await test.journaled()).toHaveLength(3);
  });

  it('of several batches is in the journal before what comes after it on the connection', async () => {
    const test = await open();
    const peer = await test.call();
    const [one, two] = ['N-1', 'N-2'].map((id) => Buffer.concat([Buffer.from('BHS|^~\\&|RIS|NORTH\r'), order(id), Buffer.from('BTS|1\r')]));
    peer.send(
      Buffer.concat([frame(Buffer.concat([Buffer.from('FHS|^~\\&|RIS|NORTH\r'), one as Buffer, two as Buffer])), frame(order('N-3'))]),
    );
    expect(verdicts(await answerOf(peer))).toEqual(['BHS|^~\\&|', 'MSA|AA|N-1', 'BTS|1', 'BHS|^~\\&|', 'MSA|AA|N-2', 'BTS|1']);
    expect(await verdictOf(peer)).toBe('AA N-3');
    expect((await test.journaled()).map(({ control_id }) => control_id)).toEqual(['N-1', 'N-2', 'N-3']);
  });

  it('keeps control ids apart where they must be unused', async () => {
    const test = await open({ everyone: { reusedControlId: 'refuse' } });
    const peer = await test.call();
    peer.send(
      batch(
        order('N-1'),
        order('N-1', (text) => text.replace('Sturz', 'Unfall')),
      ),
    );
    peer.send(frame(order('N-2')));
    expect(verdicts(await answerOf(peer))).toEqual(['BHS|^~\\&|', 'MSA|AA|N-1', 'MSA|AR|N-1', 'BTS|2']);
    expect(await verdictOf(peer)).toBe('AA N-2');
  });

  it('of acknowledgments is not answered, one without messages is refused', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(batch(Buffer.from('MSH|^~\\&|A|B|C|D|||ACK^O01|7|P|2.5\rMSA|AA|6\r')));
    peer.send(batch());
    expect(await verdictOf(peer)).toBe('AE  100');
    expect(await test.journaled()).toMatchObject([{ disposition: 'refused', detail: expect.stringContaining('malformed') }]);
  });
});

describe('MLLP Release 2', () => {
  const block = (content: Uint8Array): Buffer => frame(content);

  it('commits with one byte after the journal, then answers', async () => {
    const test = await open({ release: 2 });
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    expect(await peer.receive(4)).toEqual(block(COMMIT_ACK));
    expect(await verdictOf(peer)).toBe('AA N-1');
    peer.send(block(COMMIT_ACK));
    peer.send(frame(order('N-2', asking('NE', 'NE'))));
    expect(await peer.receive(4)).toEqual(block(COMMIT_ACK));
    peer.send(frame(order('N-3', WITHOUT_PATIENT)));
    expect(await peer.receive(4)).toEqual(block(COMMIT_ACK));
    expect(await verdictOf(peer)).toBe('AE N-3 101');
    expect(await test.journaled()).toHaveLength(3);
  });

  it('says NAK and nothing else to what is not in safe storage', async () => {
    const test = await open({ release: 2, maxMessageBytes: 2_000 });
    const peer = await test.call();
    peer.send(frame(order('N-1', (text) => `${text}NTE|1||${'x'.repeat(4_000)}\r`)));
    peer.send(frame(order('N-2')));
    expect(await peer.receive(8)).toEqual(Buffer.concat([block(COMMIT_NAK), block(COMMIT_ACK)]));
    expect(await verdictOf(peer)).toBe('AA N-2');
  });

  it('is that of the peer where the listener has the other', async () => {
    const test = await open({ peers: [{ release: 2 }] });
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    expect(await peer.receive(4)).toEqual(block(COMMIT_ACK));
    expect(await verdictOf(peer)).toBe('AA N-1');
    peer.send(frame(order('N-2', (text) => text.replace('|ORDERS|', '|OTHER|'))));
    expect(await verdictOf(peer)).toBe('AA N-2');
  });

  it('tells an answer that its sender could not commit', async () => {
    const test = await open({ release: 2 });
    const peer = await test.call();
    peer.send(block(COMMIT_NAK));
    peer.send(frame(order('N-1')));
    await peer.receive(4);
    expect(test.logged.map(({ event }) => event)).toContain('mllp.answer-not-committed');
  });
});
