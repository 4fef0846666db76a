/**
 * A gateway under load is killed with -9 again and again at seeded random moments, alone or with its database, and started again on the
 * same directory. Hospitals, modalities, a specialist and a receiver of results go on all the while, as they would; at the end their own
 * ledgers are held against what the gateway shows. Imports nothing from src.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type CtSlice, ctSlice } from './ct-slice.ts';
import type { Reader } from './fhir-pages.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import { compareOrders, compareResults, compareSlices, type Ledger, newLedger } from './ledger.ts';
import { startMllpLoad } from './mllp-load.ts';
import { type Order, orderMessage } from './order-message.ts';
import { seededRandom } from './random.ts';
import { startReadingRoom } from './reading-room.ts';
import { type ResultReceiver, startResultReceiver } from './result-receiver.ts';
import { newSpecialist, type Specialist } from './specialist.ts';
import { startStoreLoad } from './store-load.ts';

export type KillOptions = {
  readonly rounds: number;
  readonly seed: number;
  /** Longest life of a gateway between its start and its end. */
  readonly roundSeconds: number;
  /** Orders a second. */
  readonly rate: number;
  /** A line for the person who watches. */
  readonly tell?: (line: string) => void;
};

export type KillReport = {
  readonly kills: number;
  readonly databaseKills: number;
  readonly orders: number;
  readonly slices: number;
  readonly results: number;
  /** Messages that were sent again because the answer never came, and results that the receiver got more than once. */
  readonly resent: number;
  readonly repeatedResults: number;
  /** What is missing, there twice or not the same. Empty: nothing was lost. */
  readonly faults: readonly string[];
};

const RUN = 'K';
/** Objects a study. */
const SLICES = 6;
/** Every 20th order is stat and goes to the specialist at once; others when their study is whole. */
const STAT_EVERY = 20;
/** After the last start results come home one by one; when this long none came, those that miss are lost. */
const PATIENCE_MS = 60_000;
const SETTLE_POLL_MS = 500;

export async function runKillRounds(options: KillOptions): Promise<KillReport> {
  const { tell = () => {} } = options;
  const receiver = await startResultReceiver();
  const specialist = await newSpecialist();
  const house = await openHouse(receiver, specialist);
  try {
    const ledger = newLedger();
    const senders = startSenders(house, ledger, options);
    const room = startReadingRoom(() => house.as('reader'), specialist);
    const databaseKills = await killAndRestart(house, options, (line) => tell(`${line}; ${heard(ledger, receiver)}`));
    const { resent } = await senders.stop();
    tell(`senders have stopped; ${heard(ledger, receiver)}`);
    const faults = await settle(house, ledger, receiver);
    await room.stop();
    // What was proven has to hold after an orderly end as well.
    const code = await house.restart();
    const again = [...(await inside(house, ledger)), ...compareResults(ledger, receiver.ledger)];
    const trouble = room.trouble() === '' ? [] : [`the specialist could not go on: ${room.trouble()}`];
    return {
      kills: options.rounds,
      databaseKills,
      orders: ledger.orders.size,
      slices: ledger.slices.size,
      results: receiver.ledger.size,
      resent,
      repeatedResults: [...receiver.ledger.values()].filter((result) => result.times > 1).length,
      faults: [
        ...new Set([...faults, ...again, ...(faults.length > 0 ? trouble : []), ...(code === 0 ? [] : [`stopped with code ${code}`])]),
      ],
    };
  } finally {
    await house.close();
    await receiver.close();
  }
}

/** The gateway that is there just now. */
type House = {
  gateway(): GatewayProcess;
  as(who: 'reader' | 'operator'): Reader;
  kill(database: boolean): Promise<void>;
  restart(): Promise<number>;
  close(): Promise<void>;
};

async function openHouse(receiver: ResultReceiver, specialist: Specialist): Promise<House> {
  const yaml = configuration(receiver, specialist);
  let gateway = await startGatewayProcess({ yaml });
  const { directory } = gateway;
  const tokens = { reader: gateway.addClient('reader', 'reader', 'readers'), operator: gateway.addClient('operator', 'operator') };
  return {
    gateway: () => gateway,
    as: (who) => ({ http: gateway.http, token: tokens[who] }),
    kill: async (database) => {
      await gateway.kill({ database });
      gateway = await startGatewayProcess({ yaml, directory });
    },
    restart: async () => {
      const code = await gateway.stop();
      gateway = await startGatewayProcess({ yaml, directory });
      return code;
    },
    close: async () => {
      await gateway.stop();
      // Of a gateway that did not start again only the database may be left.
      await gateway.kill({ database: true });
      gateway.remove();
    },
  };
}

function configuration(receiver: ResultReceiver, specialist: Specialist): string {
  const sections = {
    peers: [{ name: 'ris', mllp: { application: 'LOADRIS' }, dimse: { aeTitle: 'LOADCT' }, returns: ['home'] }],
    destinations: [{ kind: 'mllp', name: 'home', host: '127.0.0.1', port: receiver.port, retry: { first: '100ms', most: '1s' } }],
    signers: [{ name: specialist.name, identifier: specialist.identifier, jwk: specialist.publicJwk }],
    specialties: { teleradiology: { quiet: '1s' } },
  };
  return Object.entries(sections)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join('\n');
}

type Senders = { stop(): Promise<{ resent: number }> };

function startSenders(house: House, ledger: Ledger, { rate }: KillOptions): Senders {
  const studies = new Set<number>();
  const orders = startMllpLoad({
    address: () => house.gateway().mllp,
    connections: 8,
    rate,
    message: orderOf,
    onAcknowledged: (order, n) => {
      ledger.orders.set(order.placer, order);
      if (isStat(n)) ledger.due.add(order.placer);
    },
  });
  const store = startStoreLoad({
    target: () => house.gateway().dimse,
    associations: 2,
    slicesOf: (study) => Array.from({ length: SLICES }, (_, n) => sliceOf(study, n)),
    restMs: 50,
    onStored: (slice, study) => {
      ledger.slices.set(slice.sopInstanceUid, slice);
      studies.add(study);
    },
  });
  return {
    stop: async () => {
      await store.stop();
      const { resent } = await orders.stop();
      for (const study of studies) {
        const { placer } = orderOf(orderOfStudy(study));
        if (ledger.orders.has(placer)) ledger.due.add(placer);
      }
      return { resent };
    },
  };
}

function isStat(n: number): boolean {
  return n % STAT_EVERY === 0;
}

function orderOf(n: number): Order {
  return orderMessage(n, { run: RUN, priority: isStat(n) ? 'S' : 'R' });
}

/** Images are made about as fast as orders come this far: some arrive before their order, some after it. */
function orderOfStudy(study: number): number {
  return study * 20 + 5;
}

function sliceOf(study: number, n: number): CtSlice {
  const { accession, patient } = orderOf(orderOfStudy(study));
  return ctSlice(n, { run: RUN, study, accession, patient });
}

/** Returns how often the database died as well. */
async function killAndRestart(house: House, options: KillOptions, tell: (line: string) => void): Promise<number> {
  const random = seededRandom(options.seed);
  let databaseKills = 0;
  for (let round = 1; round <= options.rounds; round++) {
    const after = Math.round(random() * options.roundSeconds * 1000);
    const database = random() < 0.5;
    await pause(after);
    await house.kill(database);
    if (database) databaseKills++;
    tell(`round ${round}: killed ${database ? 'gateway and database' : 'gateway'} after ${after} ms, back again`);
  }
  return databaseKills;
}

/** Waits while results come home; what is still wrong when none came for long is a fault. */
async function settle(house: House, ledger: Ledger, receiver: ResultReceiver): Promise<string[]> {
  let home = -1;
  for (let deadline = 0; ; await pause(SETTLE_POLL_MS)) {
    if (receiver.ledger.size > home) deadline = Date.now() + PATIENCE_MS;
    home = receiver.ledger.size;
    const late = Date.now() > deadline;
    const missing = compareResults(ledger, receiver.ledger);
    if (missing.length > 0 && !late) continue;
    const faults = [...missing, ...(await inside(house, ledger))];
    if (faults.length === 0 || late) return faults;
  }
}

async function inside(house: House, ledger: Ledger): Promise<string[]> {
  const operator = house.as('operator');
  return [...(await compareOrders(ledger, operator)), ...(await compareSlices(ledger, operator))];
}

function heard(ledger: Ledger, receiver: ResultReceiver): string {
  return `acknowledged so far: ${ledger.orders.size} orders, ${ledger.slices.size} objects; ${receiver.ledger.size} results are home`;
}
