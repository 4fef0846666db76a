/**
 * Prometheus metrics: an implementation of model/metrics.ts on prom-client, and the page that is scraped.
 * What the doors count is counted here; how much waits is asked from the database when the page is made.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Labels, Metrics } from '../../model/metrics.ts';
import type { Depths } from '../../store/operations-store.ts';

export type Scrape = { readonly contentType: string; text(): Promise<string> };

export type MetricsPage = { readonly metrics: Metrics; readonly scrape: Scrape };

/** `depths` is asked once a page; pages asked for at the same time share one answer. */
export function openMetrics(depths: () => Promise<Depths>, now: () => number): MetricsPage {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const metrics = recorder(register);
  let making: Promise<string> | null = null;
  const make = async (): Promise<string> => {
    setDepths(metrics, await depths(), now());
    return register.metrics();
  };
  const text = (): Promise<string> => {
    making ??= make().finally(() => {
      making = null;
    });
    return making;
  };
  return { metrics, scrape: { contentType: register.contentType, text } };
}

/** A metric is made when it is first used; its label names are those of its first use. */
function recorder(register: Registry): Metrics {
  const of = <Kind extends Counter | Gauge | Histogram>(Kind: new (shape: Shape) => Kind, name: string, labels: Labels): Kind =>
    (register.getSingleMetric(name) as Kind | undefined) ??
    new Kind({ name, help: HELP[name] ?? name, labelNames: Object.keys(labels), registers: [register] });
  return {
    count: (name, labels = {}, by = 1) => {
      const counter = of(Counter, name, labels);
      counter.inc(labelled(counter, labels), by);
    },
    gauge: (name, value, labels = {}) => {
      const gauge = of(Gauge, name, labels);
      gauge.set(labelled(gauge, labels), value);
    },
    observe: (name, seconds, labels = {}) => {
      const histogram = of(Histogram, name, labels);
      histogram.observe(labelled(histogram, labels), seconds);
    },
  };
}

type Shape = { name: string; help: string; labelNames: string[]; registers: Registry[] };

/** prom-client throws on a label it does not know: counting must never be what breaks a door. */
function labelled(metric: Counter | Gauge | Histogram, labels: Labels): Record<string, string> {
  const { labelNames } = metric as unknown as { labelNames: string[] };
  return Object.fromEntries(labelNames.map((name) => [name, labels[name] ?? '']));
}

function setDepths(metrics: Metrics, { pending, failed, held, lanes }: Depths, now: number): void {
  const age = (oldest: Date | null): number => (oldest === null ? 0 : Math.max(0, now - oldest.getTime()) / 1000);
  metrics.gauge('waystation_journal_pending', pending.depth);
  metrics.gauge('waystation_journal_pending_oldest_seconds', age(pending.oldest));
  metrics.gauge('waystation_journal_failed', failed);
  metrics.gauge('waystation_journal_held', held);
  for (const { destination, waiting, oldest, held, dead } of lanes) {
    metrics.gauge('waystation_lane_depth', waiting, { destination });
    metrics.gauge('waystation_lane_oldest_seconds', age(oldest), { destination });
    metrics.gauge('waystation_lane_held', held, { destination });
    metrics.gauge('waystation_lane_dead', dead, { destination });
  }
}

const HELP: Readonly<Record<string, string>> = {
  waystation_commitment_requests_total: 'Requests for storage commitment to archives, by destination and outcome',
  waystation_corridor_batch_seconds: 'Time of one transaction of the corridor',
  waystation_corridor_entries_total: 'Journal entries worked off',
  waystation_delivery_attempts_total: 'Attempts to deliver, by destination and outcome',
  waystation_dicomweb_requests_total: 'DICOMweb requests, by status',
  waystation_dicomweb_stores_total: 'Objects by STOW-RS, by whether they were stored',
  waystation_dimse_aborts_total: 'Associations ended by an abort',
  waystation_dimse_associations: 'Associations open',
  waystation_dimse_commitment_requests_total: 'Requests for storage commitment, by the status answered',
  waystation_dimse_commitments_total: 'Answers to requests for storage commitment that were taken',
  waystation_dimse_notices_total: 'Performed procedure steps and notifications of availability, by the status answered',
  waystation_dimse_operations_total: 'DIMSE operations, by service',
  waystation_dimse_store_seconds: 'Time of a C-STORE, from its command to its answer',
  waystation_dimse_stored_bytes_total: 'Bytes of datasets stored',
  waystation_dimse_stores_total: 'C-STORE operations, by the status answered',
  waystation_fhir_errors_total: 'FHIR requests that failed within the gateway',
  waystation_fhir_requests_total: 'FHIR requests, by status',
  waystation_fhir_unauthenticated_total: 'FHIR requests without a token that is known',
  waystation_journal_commits_total: 'Commits of the journal; entries through commits is how many shared one',
  waystation_journal_entries_total: 'Journal entries committed',
  waystation_journal_failed: 'Entries that could not be worked off and wait for a person',
  waystation_journal_held: 'Messages with codes that nobody has mapped yet',
  waystation_journal_pending: 'Entries accepted and not worked off yet',
  waystation_journal_pending_oldest_seconds: 'Age of the oldest entry that is not worked off yet',
  waystation_landing_objects: 'Objects that are durable and not in the journal yet',
  waystation_lane_dead: 'Deliveries set aside for a person',
  waystation_lane_held: 'Deliveries that hold their lane until a person decides',
  waystation_lane_depth: 'Deliveries that wait',
  waystation_lane_oldest_seconds: 'Age of the oldest delivery that waits',
  waystation_mllp_closed_total: 'MLLP connections ended by the gateway, by reason',
  waystation_mllp_connections: 'MLLP connections open',
  waystation_mllp_messages_total: 'HL7 v2 messages, by the acknowledgment code answered',
  waystation_mllp_received_bytes_total: 'Bytes received over MLLP',
  waystation_mllp_stray_total: 'Bytes or frames over MLLP that are no message, by kind',
  waystation_photos_total: 'Photos and films that became DICOM objects, or did not',
  waystation_priors_total: 'Cases whose priors a PACS was asked for, by whether all of them came',
};
