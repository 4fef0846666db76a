/** What receipts, operations and claims say of cases that are already there: entries in, acts out. */
import { failure } from '../model/failure.ts';
import type { Work } from '../model/work.ts';
import { type Batch, caseIdOf, resourceIn } from '../store/batch.ts';
import { readDelivery } from '../store/delivery-store.ts';
import { isAbort } from './abort.ts';

export async function readActs(batch: Batch): Promise<void> {
  for (const work of batch.works) {
    if (work.failure) continue;
    if (work.entry.kind === 'receipt' && work.entry.type === 'delivery') await readReceipt(batch, work);
    if (work.entry.kind === 'operation') readOperation(work);
    if (work.entry.kind === 'fhir') readTasks(batch, work);
  }
}

async function readReceipt(batch: Batch, work: Work): Promise<void> {
  const delivery = await readDelivery(batch.tx, work.entry.controlId);
  if (!delivery) {
    work.failure = failure('cases', 'not-found', `no delivery ${work.entry.controlId}`);
    return;
  }
  const { id, caseId, destination, kind } = delivery;
  if (caseId !== '') work.acts.push({ kind: 'receipt', delivery: id, caseId, destination, deliveryKind: kind });
}

/** The payload of an operation is JSON: `{ caseId, why }` for `case.release`. */
function readOperation(work: Work): void {
  if (work.entry.type !== 'case.release') return;
  const { caseId, why } = JSON.parse(work.entry.payload.toString('utf8')) as { caseId: string; why: string };
  work.acts.push({ kind: 'release', caseId, by: work.entry.peer, why });
}

/** A Task that was changed, not one that came with its order. */
function readTasks(batch: Batch, work: Work): void {
  for (const effect of work.entry.effects) {
    const [type, id, version] = effect.split('/');
    if (type !== 'Task' || version === '1') continue;
    const task = resourceIn(batch, `Task/${id}`);
    if (task?.resourceType !== 'Task') continue;
    const said = { task: `Task/${id}`, status: task.status ?? '', by: work.entry.peer };
    const caseId = caseIdOf(batch, said.task);
    if (!isAbort(task)) work.acts.push({ kind: 'task', ...said });
    else if (caseId !== null) work.acts.push({ kind: 'abort', caseId, ...said });
  }
}
