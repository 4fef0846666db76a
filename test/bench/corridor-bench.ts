/**
 * The whole corridor: orders offered at a fixed rate on 8 connections, whatever the gateway does, until each is a Task that a search finds.
 * Latency counts from the moment a message was due. Whether it is searchable is asked from outside, of a sample, by FHIR search.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, Task } from '@medplum/fhirtypes';
import { getJson, type Reader } from '../support/fhir-pages.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { Latencies } from '../support/latencies.ts';
import { runLoadThread, type Sample } from '../support/mllp-load-thread.ts';
import { type Bench, megabytes, milliseconds, perSecond } from './measure.ts';
import { averageOf, watchMemory } from './memory.ts';

const CONNECTIONS = 8;
/** Five samples a second at the default rate: their searches are a small part of the load. */
const SAMPLE_EVERY = 200;
const SEARCH_EVERY_MS = 25;
const SEARCH_AT_MOST = 40;
const SEARCH_LIMIT_MS = 120_000;
const WARM_UP_SECONDS = 5;

const AIM = { ackP99Ms: 50, searchableP50Ms: 500, memoryGrowth: 1.1 };

export type CorridorFigures = {
  readonly rate: number;
  readonly ackP50: number;
  readonly ackP99: number;
  readonly searchableP50: number;
  readonly searchableP99: number;
};

export async function benchCorridor(
  bench: Bench,
  gateway: GatewayProcess,
  reader: Reader,
  load: { readonly seconds: number; readonly rate: number; readonly title: string; readonly run: string },
): Promise<CorridorFigures> {
  const { seconds, rate, title, run } = load;
  await offer(gateway, reader, { seconds: WARM_UP_SECONDS, rate: rate / 2, run: `${run}W` });
  const memory = watchMemory(gateway.pid);
  const { result, searchable } = await offer(gateway, reader, { seconds, rate, run });
  memory.stop();
  const acknowledged = result.acknowledged / result.seconds;
  const figures = {
    rate: acknowledged,
    ackP50: result.latencies.percentile(0.5),
    ackP99: result.latencies.percentile(0.99),
    searchableP50: searchable.percentile(0.5),
    searchableP99: searchable.percentile(0.99),
  };
  const [early, late] = [averageOf(memory.samples, 0.3, 0.5), averageOf(memory.samples, 0.8, 1)];
  bench.add(
    `${title}: acknowledged, offered ${perSecond(rate)}`,
    perSecond(acknowledged),
    `for ${seconds} s on ${CONNECTIONS} connections`,
    acknowledged > rate * 0.99,
  );
  bench.add(
    `${title}: acknowledgment p50 / p99`,
    both(figures.ackP50, figures.ackP99),
    `aim p99 < ${AIM.ackP99Ms} ms`,
    figures.ackP99 < AIM.ackP99Ms,
  );
  bench.add(
    `${title}: receipt to searchable Task p50 / p99`,
    both(figures.searchableP50, figures.searchableP99),
    `aim p50 < ${AIM.searchableP50Ms} ms, ${searchable.count} samples`,
    figures.searchableP50 < AIM.searchableP50Ms,
  );
  bench.add(
    `${title}: memory of the gateway`,
    `${megabytes(early)} → ${megabytes(late)}`,
    'second and last fifth, aim within 10 %',
    late < early * AIM.memoryGrowth,
  );
  return figures;
}

async function offer(gateway: GatewayProcess, reader: Reader, load: { seconds: number; rate: number; run: string }) {
  const sampler = startSampler(reader);
  const result = await runLoadThread({ ...load, address: gateway.mllp, connections: CONNECTIONS, sampleEvery: SAMPLE_EVERY }, sampler.add);
  return { result, searchable: await sampler.end() };
}

/** One search at a time asks for the Tasks of all samples that are not found yet, so that a slow gateway is not asked more than a fast one. */
function startSampler(reader: Reader): { add(sample: Sample): void; end(): Promise<Latencies> } {
  const waiting = new Map<string, number>();
  const searchable = new Latencies();
  let ending = false;
  let deadline = Number.POSITIVE_INFINITY;
  const look = async (): Promise<void> => {
    const groups = [...waiting.keys()].slice(0, SEARCH_AT_MOST);
    const found = await getJson<Bundle<Task>>(
      reader,
      `${reader.http}/fhir/Task?group-identifier=${groups.join(',')}&_count=${SEARCH_AT_MOST}`,
    );
    const now = performance.timeOrigin + performance.now();
    for (const { resource } of found.entry ?? []) {
      const group = resource?.groupIdentifier?.value ?? '';
      const sentAt = waiting.get(group);
      if (sentAt !== undefined) searchable.add(now - sentAt);
      waiting.delete(group);
    }
  };
  const run = async (): Promise<void> => {
    while (!ending || waiting.size > 0) {
      if (Date.now() > deadline) throw new Error(`${waiting.size} Tasks were not to be found for ${SEARCH_LIMIT_MS / 1000} s`);
      if (waiting.size > 0) await look();
      await pause(SEARCH_EVERY_MS);
    }
  };
  const running = run();
  return {
    add: ({ group, sentAt }) => void waiting.set(group, sentAt),
    end: async () => {
      ending = true;
      deadline = Date.now() + SEARCH_LIMIT_MS;
      await running;
      return searchable;
    },
  };
}

function both(p50: number, p99: number): string {
  return `${milliseconds(p50)} / ${milliseconds(p99)}`;
}
