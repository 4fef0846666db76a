/** An MLLP door over a journal in a database of its own, with everything it logs and counts kept for a test to look at. */

import { peerDirectory } from '../../src/config/peers.ts';
import { type MllpDoor, startMllpDoor } from '../../src/endpoints/mllp/mllp-listener.ts';
import { openReplyWaiter, type ReplyWaiter } from '../../src/endpoints/mllp/reply-session.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Config, ConfiguredPeer } from '../../src/model/config.ts';
import { type Failure, isFailure } from '../../src/model/failure.ts';
import type { Log, LogFields } from '../../src/model/log.ts';
import type { Metrics } from '../../src/model/metrics.ts';
import type { Peer } from '../../src/model/peer.ts';
import type { DoorTls } from '../../src/model/tls.ts';
import { CR, FS } from '../../src/protocols/hl7v2/framer.ts';
import { type FreshDatabase, freshDatabase } from './database.ts';
import { callPeer, type ScriptedPeer } from './scripted-peer.ts';

export type TestDoor = {
  readonly door: MllpDoor;
  readonly replies: ReplyWaiter;
  readonly fresh: FreshDatabase;
  readonly logged: readonly { readonly event: string; readonly fields: LogFields }[];
  /** Sum of a counter, or the value of a gauge; labels are not told apart. */
  metric(name: string): number;
  call(): Promise<ScriptedPeer>;
  /** Everything in the journal, in order. */
  journaled(): Promise<readonly JournalRow[]>;
  close(): Promise<void>;
};

export type JournalRow = {
  readonly peer: string;
  readonly type: string;
  readonly control_id: string;
  readonly lane: string;
  readonly payload: Buffer;
  readonly disposition: string;
  readonly answer: Buffer;
  readonly detail: string;
  readonly reused_control_id: boolean;
};

export type DoorOptions = {
  readonly peers?: readonly Partial<ConfiguredPeer>[];
  readonly unknownPeers?: Config['unknownPeers'];
  /** How every sender is treated, whoever it is. */
  readonly everyone?: Partial<Peer>;
  readonly maxMessageBytes?: number;
  readonly idleMs?: number;
  readonly tls?: DoorTls;
  readonly release?: 1 | 2;
};

/** Opens a door on a free port. */
export async function openTestDoor(options: DoorOptions = {}): Promise<TestDoor> {
  const { maxMessageBytes = 1_048_576, idleMs = 30_000 } = options;
  const fresh = await freshDatabase();
  const journal = openJournal(fresh.database);
  const replies = openReplyWaiter(fresh.database, () => {});
  const { log, metrics, logged, values } = record();
  const peers: ScriptedPeer[] = [];
  const config = { peers: (options.peers ?? []).map(complete), unknownPeers: options.unknownPeers ?? 'accept' } as unknown as Config;
  const known = peerDirectory(config);
  const directory = { ...known, mllp: (...who: Parameters<typeof known.mllp>) => withTreatment(known.mllp(...who), options.everyone) };
  const door = await startMllpDoor(
    { name: 'mllp', host: '127.0.0.1', port: 0, tls: options.tls ?? null, release: options.release ?? 1, maxMessageBytes, idleMs },
    { journal, peers: directory, replies, log, metrics, clock: systemClock },
  );
  return {
    door,
    replies,
    fresh,
    logged,
    metric: (name) => values.get(name) ?? 0,
    call: async () => {
      const peer = await callPeer(door.port);
      peers.push(peer);
      return peer;
    },
    journaled: async () => (await fresh.database.query<JournalRow>('select * from journal order by seq')).rows,
    close: async () => {
      for (const peer of peers) peer.socket.destroy();
      await replies.stop();
      await door.stop(0);
      await journal.close();
      await fresh.drop();
    },
  };
}

/** The next answer, without its frame. */
export async function answerOf(peer: ScriptedPeer): Promise<string> {
  const block = await peer.receiveUntil(Buffer.from([FS, CR]));
  return block.toString('latin1', 1, block.length - 2);
}

/** MSA-1, MSA-2 and the condition of the next answer: `AE N-1 101`. */
export async function verdictOf(peer: ScriptedPeer): Promise<string> {
  const [, msa = '', err = ''] = (await answerOf(peer)).split('\r');
  const [, code, controlId] = msa.split('|');
  return [code, controlId, err.split('|')[3]?.split('^')[0] ?? ''].join(' ').trim();
}

export function record() {
  const logged: { event: string; fields: LogFields }[] = [];
  const values = new Map<string, number>();
  const say = (event: string, fields: LogFields = {}): void => void logged.push({ event, fields });
  const log: Log = { info: say, warn: say, error: say };
  const metrics: Metrics = {
    count: (name, _labels, by = 1) => void values.set(name, (values.get(name) ?? 0) + by),
    gauge: (name, value) => void values.set(name, value),
    observe: () => {},
  };
  return { log, metrics, logged, values };
}

function withTreatment(peer: Peer | Failure, treatment: Partial<Peer> = {}): Peer | Failure {
  return isFailure(peer) ? peer : { ...peer, ...treatment };
}

function complete(peer: Partial<ConfiguredPeer>): ConfiguredPeer {
  return {
    name: 'north',
    sendingApplication: 'ORDERS',
    sendingFacility: '',
    listener: '',
    address: '',
    certificate: '',
    callingAeTitle: '',
    callingAddress: '',
    callingCertificate: '',
    client: '',
    messages: {},
    otherMessages: 'refused',
    reusedControlId: 'flag',
    gaps: 'pass',
    acknowledgment: 'asked',
    release: 0,
    accession: 'OBR-18',
    accessionIssuer: '',
    patientAuthority: '',
    charset: '',
    zone: '+01:00',
    specialty: '',
    returns: [],
    ...peer,
  };
}
