/**
 * The images of a case for the PACS it is routed to, with the database: once the case is offered every object of its studies is ordered
 * there, and each that arrives later as well. The case itself, its Task and its report go as those of any reading group.
 * What came back re-identified from where it was sent de-identified goes home as well: to the archives its origin names.
 * Promises: an object is ordered once for a case and destination, whatever is worked off again; what the PACS has taken is told in one
 * line of the timeline each time it has all that was ordered, not in one an object.
 */
import type { CasePhase, CaseState } from '../model/case.ts';
import { type Config, type Destination, takesObjects } from '../model/config.ts';
import type { PeerDirectory } from '../model/peer.ts';
import type { Act } from '../model/work.ts';
import { addEvent, type Batch, caseIn, changedCases, putCase } from '../store/batch.ts';
import { countDeliveries } from '../store/delivery-store.ts';
import { unsentObjects, unsentReturned } from '../store/instance-store.ts';
import { objectDelivery } from './dicom/object-delivery.ts';

export async function sendObjects(
  batch: Batch,
  { destinations }: Pick<Config, 'destinations'>,
  peers: Pick<PeerDirectory, 'named'>,
): Promise<void> {
  const receipts = new Set(batch.works.flatMap(({ acts }) => acts.filter(isObjectReceipt).map(({ caseId }) => caseId)));
  for (const state of changedCases(batch)) {
    const destination = destinations.find(({ name }) => name === state.route?.destination);
    if (SENDING.has(state.phase)) await orderObjects(batch, state, destination);
    if (receipts.has(state.id)) await countTaken(batch, state.id);
    const { returns } = peers.named(state.origin?.peer ?? '');
    for (const archive of destinations.filter(({ name }) => returns.includes(name))) await sendReturned(batch, state, archive, destination);
  }
}

async function orderObjects(batch: Batch, state: CaseState, destination: Destination | undefined): Promise<void> {
  if (!takesObjects(destination) || state.studies.length === 0) return;
  const before = state.objects?.destination === destination.name ? state.objects : await counted(batch, state.id, destination.name);
  const known = state.studies.reduce((sum, { instances }) => sum + instances, 0);
  if (before.ordered >= known) return;
  const place = { caseId: state.id, destination: destination.name };
  const studies = state.studies.map(({ uid }) => uid);
  const objects = await unsentObjects(batch.tx, place, studies, MOST_AT_ONCE);
  if (objects.length === 0) return;
  for (const object of objects)
    batch.deliveries.push(objectDelivery({ id: batch.clock.uuid(), destination, caseId: state.id, seq: object.seq, object }));
  const more = objects.length === MOST_AT_ONCE;
  const count = objects.length === 1 ? '1 object' : `${objects.length} objects`;
  addEvent(batch, state.id, { seq: null, kind: 'sending', actor: 'gateway', detail: `${count} to ${destination.name}` });
  const sent = { ...before, ordered: before.ordered + objects.length };
  putCase(batch, { ...state, objects: sent, wake: more ? batch.now.getTime() : state.wake });
}

/** Only of what was sent de-identified something comes back so. */
async function sendReturned(batch: Batch, state: CaseState, archive: Destination, from: Destination | undefined): Promise<void> {
  if (!takesObjects(archive) || !takesObjects(from) || !from.deidentify?.returnedBy || archive.name === from.name) return;
  const studies = state.studies.map(({ uid }) => uid);
  const objects = await unsentReturned(batch.tx, { caseId: state.id, destination: archive.name }, studies);
  if (objects.length === 0) return;
  for (const object of objects)
    batch.deliveries.push(objectDelivery({ id: batch.clock.uuid(), destination: archive, caseId: state.id, seq: object.seq, object }));
  const count = objects.length === 1 ? '1 object that came back' : `${objects.length} objects that came back`;
  addEvent(batch, state.id, { seq: null, kind: 'sending', actor: 'gateway', detail: `${count} from ${from.name} to ${archive.name}` });
}

/** Counted where the receipts are, so that one that is worked off again counts once. */
async function countTaken(batch: Batch, id: string): Promise<void> {
  const state = caseIn(batch, id) as CaseState;
  if (!state.objects) return;
  const { destination, ordered, taken } = state.objects;
  const now = await counted(batch, id, destination);
  if (now.taken === taken) return;
  putCase(batch, { ...state, objects: { ...state.objects, taken: now.taken } });
  if (now.taken < ordered) return;
  addEvent(batch, id, { seq: null, kind: 'receipt', actor: destination, detail: `${destination} has stored all ${ordered} objects` });
}

/** As the lanes have it: what this batch orders is not in there yet. */
async function counted(batch: Batch, caseId: string, destination: string): Promise<NonNullable<CaseState['objects']>> {
  const { ordered, delivered } = await countDeliveries(batch.tx, { caseId, destination }, 'dicom-object');
  return { destination, ordered, taken: delivered };
}

function isObjectReceipt(act: Act): act is Act & { readonly kind: 'receipt' } {
  return act.kind === 'receipt' && act.deliveryKind === 'dicom-object';
}

/** Objects ordered in one transaction; what is left comes with the next look of the clock. */
const MOST_AT_ONCE = 2_000;

/** Phases in which somebody reads, or read what came so far. */
const SENDING: ReadonlySet<CasePhase> = new Set(['requested', 'claimed', 'reported']);
