/**
 * The outside ledger: what senders heard that it was taken, against what the gateway and the receivers show.
 * Out: one line for everything that is missing, there twice, or not the same. An empty list is the proof. Imports nothing from src.
 */
import type { ServiceRequest, Task } from '@medplum/fhirtypes';
import type { CtSlice } from './ct-slice.ts';
import { datasetOf, fetchInstance, type Reader, searchAll } from './fhir-pages.ts';
import type { Order } from './order-message.ts';
import type { ReceivedResult } from './result-receiver.ts';

export type Ledger = {
  /** Answered AA, by placer order number. */
  readonly orders: Map<string, Order>;
  /** Answered with success, by SOP Instance UID. */
  readonly slices: Map<string, CtSlice>;
  /** Placer order numbers of the cases that have to come home with a result. */
  readonly due: Set<string>;
};

export function newLedger(): Ledger {
  return { orders: new Map(), slices: new Map(), due: new Set() };
}

/** Each order is one ServiceRequest and one Task; a case whose result is home is completed. */
export async function compareOrders(ledger: Ledger, reader: Reader): Promise<string[]> {
  const requests = await searchAll<ServiceRequest>(reader, 'ServiceRequest?_count=500');
  const tasks = await searchAll<Task>(reader, 'Task?_count=500');
  const requestsOf = Map.groupBy(requests, placerOf);
  const tasksOf = Map.groupBy(tasks, (task) => task.focus?.reference ?? '');
  const faults = [...ledger.orders.keys()].flatMap((placer) => {
    const found = requestsOf.get(placer) ?? [];
    if (found.length !== 1) return [`order ${placer} is ${found.length} ServiceRequests`];
    const own = tasksOf.get(`ServiceRequest/${found[0]?.id}`) ?? [];
    if (own.length !== 1) return [`order ${placer} is ${own.length} Tasks`];
    return ledger.due.has(placer) && own[0]?.status !== 'completed' ? [`the Task of ${placer} is ${own[0]?.status}`] : [];
  });
  const strange = requests.map(placerOf).filter((placer) => !ledger.orders.has(placer));
  const many = tasks.length - ledger.orders.size;
  return [...faults, ...strange.map((placer) => `order ${placer} was never acknowledged`), ...(many > 0 ? [`${many} Tasks too many`] : [])];
}

/** Each object comes back with the very bytes of its dataset. */
export async function compareSlices(ledger: Ledger, reader: Reader): Promise<string[]> {
  const faults: string[] = [];
  for (const slice of ledger.slices.values()) {
    const file = await fetchInstance(reader, slice.studyUid, slice.seriesUid, slice.sopInstanceUid);
    if (file === null) faults.push(`instance ${slice.sopInstanceUid} is missing`);
    else if (!datasetOf(file).equals(slice.dataset)) faults.push(`instance ${slice.sopInstanceUid} has other bytes`);
  }
  return faults;
}

/** Each case that was due has one result at the receiver, who knows a repetition by its MSH-10; no other case has any. */
export function compareResults(ledger: Ledger, received: ReadonlyMap<string, ReceivedResult>): string[] {
  const results = Map.groupBy(received.values(), (result) => result.placer);
  const counts = [...ledger.due].flatMap((placer) => {
    const count = results.get(placer)?.length ?? 0;
    return count === 1 ? [] : [`${placer} came home as ${count} results`];
  });
  const strange = [...results.keys()].filter((placer) => !ledger.due.has(placer));
  const altered = [...received.values()].filter((result) => !result.same);
  return [
    ...counts,
    ...strange.map((placer) => `nobody waits for a result of ${placer}`),
    ...altered.map((result) => `result ${result.controlId} came again with other bytes`),
  ];
}

/** ORC-2: the identifier of type PLAC (HL7 Table 0203). */
function placerOf(request: ServiceRequest): string {
  const placer = request.identifier?.find((identifier) => identifier.type?.coding?.some(({ code }) => code === 'PLAC'));
  return placer?.value ?? '';
}
