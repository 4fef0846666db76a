/**
 * Merges, moves, links and new numbers, in the batch's transaction (HL7 v2.5.1 §3.6.2). The records they speak of are locked and change
 * here (merge-step.ts); what refers to them (orders, Tasks, cases) follows in `cases`, told by a MoveAct.
 *
 *   merge        the old Patient stays, out of use, `replaced-by` the survivor; its numbers lead to the survivor, who has them as `old`
 *   renumber     the record gets the new number, and the old one leads to it; where the new number has a record already, a merge
 *   move-numbers the numbers, and the cases that name them, go to another Patient; one that keeps none is merged
 *   move         a stay or an account, and what belongs to it, goes to another Patient
 *   link, unlink Patient.link `seealso`, both ways
 *
 * A record that is not known yet is made (a survivor) or only remembered as a number (an old one). A merge into itself changes nothing but
 * which number is in use. A number that was retired by an earlier event is no record to merge into yet another: a person decides.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import { failure } from '../model/failure.ts';
import type { Identity, IdentityChange, Numbered } from '../model/identity.ts';
import type { Mapped, Occurred } from '../model/mapped.ts';
import type { Work } from '../model/work.ts';
import { type Batch, loadResources, putResource, resourceIn } from '../store/batch.ts';
import { type Identified, linkActs, mergePatients, mergeStays, moveNumbers, moveStay, repoint, type Two } from './merge-step.ts';
import { linkedPatient, namesFormerOnly, replacedBy, unlinkedPatient, withCurrent, withFormer } from './numbers.ts';
import { isOutdated } from './outdated-step.ts';
import { currentRecord, MAX_CHAIN, numberName, type Records } from './records.ts';

/** Numbers that take part in changes, as claims. */
export function claimsOf(changes: readonly IdentityChange[]): Identity[][] {
  return changes.flatMap(({ from }) => from.map(({ identity }) => [identity]));
}

/**
 * Locks and reads what is there, and the records that Patients were merged into: a number that was looked up before a merge was committed
 * leads to the record that has gone up, whose row this transaction waited for.
 */
export async function loadRecords(batch: Batch, references: readonly string[]): Promise<void> {
  let missing = references;
  for (let step = 0; step < MAX_CHAIN && missing.length > 0; step++) {
    await loadResources(batch, missing);
    missing = missing.map((reference) => replacedBy(resourceIn(batch, reference))).filter((reference) => reference !== '');
  }
}

/** Before the records of a message are put: what it must not touch, and which numbers its records have from now on. */
export async function prepare(
  batch: Batch,
  work: Work,
  { changes = [], resources, occurred = null }: Mapped,
  records: Records,
): Promise<void> {
  for (const change of changes) {
    const two = recordsOf(batch, change, records);
    if (two.source === two.target) {
      // A number that was retired may be in use again.
      if (RENAMING.has(change.kind))
        rename(batch, work, two.target, occurred, (record) => withCurrent(record, newNumbers(change, resources)));
    } else if (change.kind === 'merge' && namesFormerOnly(resourceIn(batch, two.source), change.from.map(identityIn))) {
      work.failure = failure('mapping', 'conflict', 'a number that was retired before is merged into another record: a person decides');
      return;
    } else if (change.kind === 'renumber' && resourceIn(batch, two.source) && !resourceIn(batch, two.target)) {
      // Nobody had the new number: it is this record's.
      await repoint(batch, change.type, two.target, two.source, records);
    }
  }
}

/** After the records of a message were put. */
export async function carryOut(
  batch: Batch,
  work: Work,
  { changes = [], resources, occurred = null }: Mapped,
  records: Records,
): Promise<void> {
  const said = occurred?.to ?? batch.now;
  for (const change of changes) {
    const two = { ...recordsOf(batch, change, records), said };
    if (change.kind === 'move') moveStay(batch, work, two, currentRecord(records, change.what, reader(batch)));
    else if (change.kind === 'link' || change.kind === 'unlink') link(batch, work, change.kind, two);
    else if (two.source === two.target) {
      if (RENAMING.has(change.kind)) rename(batch, work, two.target, occurred, (record) => withFormer(record, retired(change, resources)));
    } else if (change.kind === 'move-numbers') await moveNumbers(batch, work, change.from, two, records);
    else if (change.type !== 'Patient') await mergeStays(batch, work, change, two, records);
    else await mergePatients(batch, work, change.from, two, records);
  }
}

/** `source`: the record that one of the old numbers leads to, else the one they would get. */
function recordsOf(batch: Batch, { from, into }: IdentityChange, records: Records): Two {
  const read = reader(batch);
  const found = from.map(({ identity }) => currentRecord(records, numberName(identity), read));
  const source = found.find((reference) => read(reference) !== null) ?? (found[0] as string);
  return { source, target: currentRecord(records, into, read) };
}

function reader(batch: Batch): (reference: string) => Resource | null {
  return (reference) => resourceIn(batch, reference);
}

function identityIn({ identity }: { readonly identity: Identity }): Identity {
  return identity;
}

function newNumbers({ into }: IdentityChange, resources: Mapped['resources']): readonly Identity[] {
  return resources.find(({ urn }) => urn === into)?.identities ?? [];
}

/** A number that is merged into itself stays in use. */
function retired(change: IdentityChange, resources: Mapped['resources']): readonly Numbered[] {
  const used = new Set(newNumbers(change, resources).map(numberName));
  return change.from.filter(({ identity }) => !used.has(numberName(identity)));
}

/** Which of the numbers of one record is in use: unless something newer has been said of it. */
function rename(batch: Batch, work: Work, reference: string, occurred: Occurred | null, change: (record: Identified) => Identified): void {
  const record = resourceIn(batch, reference) as Identified | null;
  if (!record || isOutdated(batch, reference, work.entry.seq, occurred)) return;
  putResource(batch, change(record), work.entry.seq);
}

function link(batch: Batch, work: Work, kind: 'link' | 'unlink', { source, target }: Two): void {
  if (source === target) return;
  const change = kind === 'link' ? linkedPatient : unlinkedPatient;
  const patients = [source, target].map((reference) => resourceIn(batch, reference) as Identified<Patient> | null);
  const [one, other] = patients;
  if (!one || !other) return;
  putResource(batch, change(one, target), work.entry.seq);
  putResource(batch, change(other, source), work.entry.seq);
  work.acts.push(...linkActs(batch, kind, { source, target }));
}

const RENAMING: ReadonlySet<IdentityChange['kind']> = new Set(['merge', 'renumber']);
