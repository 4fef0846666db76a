/**
 * A merge in error, undone by a person's act: the old record stands again as it was, with its numbers, and what went along goes back.
 * In: operations `patient.unmerge` (`{ patient, why }`: the record that was merged). Out: both records, and MoveActs for their cases.
 *
 * What came after the merge goes back, too, where its own words name the old record: an order by its PID-3, a FHIR order by its subject.
 * Images that nobody ordered stay: of what they say only the study is known here. Runs before messages are mapped, so that those that wait
 * find the records apart.
 */
import type { Patient } from '@medplum/fhirtypes';
import { failure, isFailure } from '../model/failure.ts';
import type { Identity } from '../model/identity.ts';
import type { Peer, PeerDirectory } from '../model/peer.ts';
import type { MoveAct, Work } from '../model/work.ts';
import { referenceTokens } from '../protocols/fhir/search-index.ts';
import type { Segment } from '../protocols/hl7v2/message.ts';
import { type Batch, putResource, resourceIn } from '../store/batch.ts';
import { readCases } from '../store/case-store.ts';
import { readEntry, readHead } from '../store/journal-store.ts';
import {
  endMerge,
  findReferring,
  identitiesOf,
  type MergeContent,
  type PatientMerge,
  readMerge,
  repointIdentities,
} from '../store/merge-store.ts';
import { Draft } from './draft.ts';
import { loadRecords } from './identity-step.ts';
import type { Identified } from './merge-step.ts';
import { personKeys, replacedBy, standingPatient, withoutLink, withoutNumbers } from './numbers.ts';
import { messageOf } from './overrides/overridden.ts';
import { currentRecord, numberName, openRecords } from './records.ts';
import { patientNumbers } from './segments/mrg-numbers.ts';

export async function undoMerges(batch: Batch, peers: PeerDirectory): Promise<void> {
  for (const work of batch.works) {
    if (work.entry.kind !== 'operation' || work.entry.type !== 'patient.unmerge') continue;
    const { patient, why } = JSON.parse(work.entry.payload.toString('utf8')) as { patient: string; why: string };
    await loadRecords(batch, [`Patient/${patient}`]);
    const merge = await readMerge(batch.tx, patient);
    if (!merge || merge.undone !== null || replacedBy(resourceIn(batch, `Patient/${patient}`)) === '') {
      work.failure = failure('mapping', 'conflict', `Patient/${patient} is not merged into another`);
    } else if (merge.content === null) {
      work.failure = failure('mapping', 'conflict', `what Patient/${patient} was before its merge was not noted`);
    } else await undo(batch, work, { ...merge, content: merge.content }, why, peers);
  }
}

type Noted = PatientMerge & { readonly content: MergeContent };

async function undo(batch: Batch, work: Work, merge: Noted, why: string, peers: PeerDirectory): Promise<void> {
  const old = `Patient/${merge.merged}`;
  const survivor = currentRecord(openRecords(), old, (reference) => resourceIn(batch, reference));
  await repointIdentities(batch.tx, merge.identities, survivor.slice('Patient/'.length), merge.merged);
  const left = new Set((await identitiesOf(batch.tx, survivor.slice('Patient/'.length))).map(numberName));
  const gone = merge.content.gained.filter((one) => !left.has(numberName(one)));
  putResource(batch, standingPatient(merge.content.old, resourceIn(batch, old) as Patient), work.entry.seq);
  // A chain: the record that took this one in may have gone up into another since.
  for (const reference of new Set([`Patient/${merge.survivor}`, survivor])) {
    const record = resourceIn(batch, reference) as Identified<Patient> | null;
    if (record) putResource(batch, withoutLink(withoutNumbers(record, gone), old), work.entry.seq);
  }
  await endMerge(batch.tx, merge.n, batch.now);
  const cases = [...merge.cases, ...(await casesNaming(batch, merge, { old, survivor }, peers))];
  work.acts.push(...actsOf(batch, { old, survivor }, { resources: merge.resources, cases }, why));
  for (const reference of [old, survivor]) work.produced.add(reference);
}

/** Cases of the survivor that came with the merge or after it, and whose own words name the old record. */
async function casesNaming(
  batch: Batch,
  merge: PatientMerge,
  { old, survivor }: { readonly old: string; readonly survivor: string },
  peers: PeerDirectory,
): Promise<string[]> {
  const literal = new Set((await findReferring(batch.tx, referenceTokens(old))).flatMap(({ caseId }) => caseId ?? []));
  const referring = (await findReferring(batch.tx, referenceTokens(survivor))).flatMap(({ caseId }) => caseId ?? []);
  const naming: string[] = [];
  for (const { state } of (await readCases(batch.tx, [...new Set([...referring, ...literal])])).values()) {
    if (state.patient !== survivor || merge.cases.includes(state.id)) continue;
    const order = state.origin?.kind === 'hl7v2' ? state.origin.seq : null;
    if (literal.has(state.id) || (order !== null && (await namesOld(batch, order, merge.identities, peers)))) naming.push(state.id);
  }
  return naming;
}

async function namesOld(batch: Batch, seq: number, identities: readonly Identity[], peers: PeerDirectory): Promise<boolean> {
  const head = await readHead(batch.tx, seq);
  if (!head) return false;
  const peer = peers.named(head.peer);
  const pid = pidOf(head.payload, peer) ?? pidOf((await readEntry(batch.tx, seq))?.payload ?? NO_BYTES, peer);
  const numbers = patientNumbers(pid, 3, new Draft(peer, peer.zone));
  return numbers.some(({ identity }) => identities.some((one) => numberName(one) === numberName(identity)));
}

function pidOf(payload: Buffer, peer: Peer): Segment | undefined {
  const message = messageOf(payload, peer);
  return isFailure(message) ? undefined : message.first('PID');
}

const NO_BYTES = Buffer.alloc(0);

/** What went along goes back; what stays is no longer found by the numbers of the other. */
function actsOf(
  batch: Batch,
  { old, survivor }: { readonly old: string; readonly survivor: string },
  along: { readonly resources: readonly string[]; readonly cases: readonly string[] },
  why: string,
): MoveAct[] {
  const [keys, others] = [personKeys(resourceIn(batch, old)), personKeys(resourceIn(batch, survivor))];
  const act = { kind: 'move', why: `${old} and ${survivor} are two persons after all: ${why}`, merge: null } as const;
  const back: MoveAct = { ...act, from: survivor, to: old, scope: { kind: 'noted', ...along }, keys, lost: others };
  const rest: MoveAct = { ...act, from: survivor, to: survivor, scope: { kind: 'unlinked' }, keys: others, lost: keys };
  return [back, rest];
}
