/**
 * The whole corridor: orders offered at a fixed rate on 8 connections, whatever the gateway does, until each is a Task that a search finds.
 * Latency counts from the moment a message was due. Whether it is searchable is asked from outside, of a sample, by FHIR search.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle } from '@medplum/fhirtypes';
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
const SEARCH_LIMIT_MS = 60_000;
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
  const searches: Promise<void>[] = [];
  const searchable = new Latencies();
  const onSample = (sample: Sample): void => {
    searches.push(untilFound(reader, sample).then((at) => searchable.add(at - sample.sentAt)));
  };
  const result = await runLoadThread({ ...load, address: gateway.mllp, connections: CONNECTIONS, sampleEvery: SAMPLE_EVERY }, onSample);
  await Promise.all(searches);
  return { result, searchable };
}

/** Epoch milliseconds at which the search for the order's Task first found it. */
async function untilFound(reader: Reader, { group }: Sample): Promise<number> {
  const deadline = Date.now() + SEARCH_LIMIT_MS;
  while (Date.now() < deadline) {
    const found = await getJson<Bundle>(reader, `${reader.http}/fhir/Task?group-identifier=${group}`);
    if ((found.entry ?? []).length > 0) return performance.timeOrigin + performance.now();
    await pause(SEARCH_EVERY_MS);
  }
  throw new Error(`the Task of ${group} was not to be found for ${SEARCH_LIMIT_MS / 1000} s`);
}

function both(p50: number, p99: number): string {
  return `${milliseconds(p50)} / ${milliseconds(p99)}`;
}
