import { describe, expect, it } from '@jest/globals';
import { APPLICATION_CONTEXT, type AssociateAc, type AssociateRq, encodePdu, type Pdu } from '../../../../src/protocols/dicom/pdu.ts';
import { type Indication, type Transport, type UpperLayer, upperLayer } from '../../../../src/protocols/dicom/upper-layer.ts';

const association = {
  protocolVersion: 1,
  called: 'A',
  calling: 'B',
  applicationContext: APPLICATION_CONTEXT,
  user: { maxPduLength: 0, implementationClassUid: '1.2', implementationVersionName: '' },
};
const RQ: AssociateRq = { type: 'A-ASSOCIATE-RQ', ...association, contexts: [] };
const AC: AssociateAc = { type: 'A-ASSOCIATE-AC', ...association, results: [] };
const DATA: Pdu = { type: 'P-DATA-TF', values: [{ context: 1, command: true, last: true, fragment: Buffer.from('x') }] };
const RELEASE_RQ: Pdu = { type: 'A-RELEASE-RQ' };
const RELEASE_RP: Pdu = { type: 'A-RELEASE-RP' };
const GARBAGE = Buffer.from('GET / HTTP/1.1\r\n\r\n');
/** PS3.8 Table 9-26: source, reason. */
const ABORT = { byUser: '0 0', unrecognized: '2 1', unexpected: '2 2', invalidParameter: '2 6' };

describe('an association as acceptor', () => {
  it('is accepted, carries data and is released', async () => {
    const { layer, trace, receive } = await accepted();
    await receive(DATA);
    await receive(RELEASE_RQ);
    await layer.send({ type: 'A-RELEASE-RP' });
    await layer.closed();
    expect(trace).toEqual([
      'start ARTIM',
      'stop ARTIM',
      'indicate A-ASSOCIATE-RQ',
      'send A-ASSOCIATE-AC',
      'indicate P-DATA-TF',
      'indicate A-RELEASE-RQ',
      'send A-RELEASE-RP',
      'start ARTIM',
      'stop ARTIM',
    ]);
    expect(layer.state).toBe('Sta1');
  });

  it('closes the connection when the peer says nothing until ARTIM expires', async () => {
    const { layer, trace } = await connected('acceptor');
    await layer.artimExpired();
    expect(trace).toEqual(['start ARTIM', 'stop ARTIM', 'close']);
  });

  it.each([
    ['data before an association', DATA, ABORT.byUser],
    ['a release before an association', RELEASE_RQ, ABORT.byUser],
    ['an answer before an association', AC, ABORT.byUser],
  ])('aborts on %s', async (_, pdu, abort) => {
    const { trace, receive } = await connected('acceptor');
    await receive(pdu);
    expect(trace).toEqual(['start ARTIM', `send A-ABORT ${abort}`, 'start ARTIM']);
  });

  it.each([
    ['a second A-ASSOCIATE-RQ', encodePdu(RQ), ABORT.unexpected],
    ['a release answer that nobody asked for', encodePdu(RELEASE_RP), ABORT.unexpected],
    ['bytes that are no PDU', GARBAGE, ABORT.unrecognized],
    ['a PDU length of 4 GiB', Buffer.from('0400ffffffff', 'hex'), ABORT.invalidParameter],
    ['a PDV that runs past its PDU', Buffer.from('04000000000700000005010361', 'hex'), ABORT.invalidParameter],
  ])('aborts as service-provider on %s, tells the user, and hears no more', async (_, bytes, abort) => {
    const { layer, trace } = await accepted();
    trace.length = 0;
    await layer.received(bytes);
    expect(trace).toEqual([`send A-ABORT ${abort}`, 'indicate A-P-ABORT', 'start ARTIM']);
    await layer.received(encodePdu(DATA));
    expect(trace).toHaveLength(3);
    expect(layer.state).toBe('Sta13');
  });

  it('tells the user when the connection is lost', async () => {
    const { layer, trace } = await accepted();
    await layer.closed();
    expect(trace.at(-1)).toBe('indicate A-P-ABORT');
    expect(layer.state).toBe('Sta1');
  });

  it('closes at once when the peer aborts', async () => {
    const { trace, receive, layer } = await accepted();
    await receive({ type: 'A-ABORT', source: 0, reason: 0 });
    expect(trace.slice(-2)).toEqual(['indicate A-ABORT 0 0', 'close']);
    expect(layer.state).toBe('Sta1');
  });

  it('drops what the user wishes too late', async () => {
    const { layer, trace, receive } = await accepted();
    await receive({ type: 'A-ABORT', source: 0, reason: 0 });
    const before = trace.length;
    await layer.send(DATA as never);
    await layer.abort();
    expect(trace).toHaveLength(before);
  });

  it('rejects, and closes when the peer does not', async () => {
    const { layer, trace, receive } = await connected('acceptor');
    await receive(RQ);
    await layer.send({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 3 });
    await layer.artimExpired();
    expect(trace).toEqual([
      'start ARTIM',
      'stop ARTIM',
      'indicate A-ASSOCIATE-RQ',
      'send A-ASSOCIATE-RJ',
      'start ARTIM',
      'stop ARTIM',
      'close',
    ]);
  });

  it('looks at the next PDU only when the user is done with the one before', async () => {
    const order: string[] = [];
    let freed = (): void => {};
    const layer = upperLayer('acceptor', 1000, quiet(), async (indication) => {
      order.push(indication.type);
      if (indication.type === 'A-ASSOCIATE-RQ') void layer.send(AC);
      if (indication.type === 'P-DATA-TF') await new Promise<void>((resolve) => (freed = resolve));
    });
    await layer.connected();
    const received = layer.received(Buffer.concat([RQ, DATA, RELEASE_RQ].map(encodePdu)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['A-ASSOCIATE-RQ', 'P-DATA-TF']);
    freed();
    await received;
    expect(order).toEqual(['A-ASSOCIATE-RQ', 'P-DATA-TF', 'A-RELEASE-RQ']);
  });
});

describe('an association as requestor', () => {
  it('asks, is answered, and releases', async () => {
    const { layer, trace, receive } = await connected('requestor');
    await receive(AC);
    await layer.send(RELEASE_RQ as never);
    await receive(DATA);
    await receive(RELEASE_RP);
    expect(trace).toEqual([
      'connect',
      'send A-ASSOCIATE-RQ',
      'indicate A-ASSOCIATE-AC',
      'send A-RELEASE-RQ',
      'indicate P-DATA-TF',
      'indicate A-RELEASE-RP',
      'close',
    ]);
  });

  it('closes after a rejection', async () => {
    const { trace, receive, layer } = await connected('requestor');
    await receive({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 7 });
    expect(trace.slice(-2)).toEqual(['indicate A-ASSOCIATE-RJ', 'close']);
    expect(layer.state).toBe('Sta1');
  });

  it('survives a release collision (PS3.8 §7.2.2.7)', async () => {
    const { layer, trace, receive } = await connected('requestor');
    await receive(AC);
    await layer.send(RELEASE_RQ as never);
    await receive(RELEASE_RQ);
    expect(layer.state).toBe('Sta9');
    await layer.send({ type: 'A-RELEASE-RP' });
    await receive(RELEASE_RP);
    expect(trace.slice(-3)).toEqual(['send A-RELEASE-RP', 'indicate A-RELEASE-RP', 'close']);
  });
});

async function accepted() {
  const peer = await connected('acceptor');
  await peer.receive(RQ);
  await peer.layer.send(AC);
  return peer;
}

async function connected(role: 'acceptor' | 'requestor') {
  const trace: string[] = [];
  const transport: Transport = {
    connect: () => void trace.push('connect'),
    send: async (bytes) => void trace.push(`send ${nameOf(bytes)}`),
    close: () => void trace.push('close'),
    startArtim: () => void trace.push('start ARTIM'),
    stopArtim: () => void trace.push('stop ARTIM'),
  };
  const layer: UpperLayer = upperLayer(role, 1000, transport, async (indication) => void trace.push(`indicate ${titleOf(indication)}`));
  if (role === 'requestor') await layer.request();
  await layer.connected(role === 'requestor' ? RQ : undefined);
  return { layer, trace, receive: (pdu: Pdu) => layer.received(encodePdu(pdu)) };
}

function quiet(): Transport {
  return { connect: () => {}, send: async () => {}, close: () => {}, startArtim: () => {}, stopArtim: () => {} };
}

function titleOf(indication: Indication): string {
  return indication.type === 'A-ABORT' ? `A-ABORT ${indication.source} ${indication.reason}` : indication.type;
}

function nameOf(bytes: Buffer): string {
  const names = ['', 'A-ASSOCIATE-RQ', 'A-ASSOCIATE-AC', 'A-ASSOCIATE-RJ', 'P-DATA-TF', 'A-RELEASE-RQ', 'A-RELEASE-RP', 'A-ABORT'];
  const name = names[bytes[0] as number] as string;
  return name === 'A-ABORT' ? `A-ABORT ${bytes[8]} ${bytes[9]}` : name;
}
