/**
 * What becomes of two records of which a message says that one goes up into the other, or that something of the one is the other's.
 * In: the records, locked and loaded in the batch. Out: both as they now are, their numbers led on, and a MoveAct for what refers to them.
 */
import type { Account, Encounter, Patient, Resource } from '@medplum/fhirtypes';
import type { PatientKey } from '../model/case.ts';
import type { Identity, IdentityChange, Numbered, NumberedType } from '../model/identity.ts';
import type { MoveAct, MoveScope, Work } from '../model/work.ts';
import { type Batch, grant, putResource, readersIn, resourceIn } from '../store/batch.ts';
import { identitiesOf, insertMerge, isUndone, repointIdentities, repointPatient } from '../store/merge-store.ts';
import { gainedBy, gainedNumbers, mergedPatient, personKeys, survivingPatient, withFormer, withoutNumbers } from './numbers.ts';
import { numberName, type Records } from './records.ts';

export type Identified<T extends Resource = Resource> = T & { id: string };
/** `Type/id`: what goes, and where to. */
export type Two = { readonly source: string; readonly target: string };

export async function mergePatients(
  batch: Batch,
  work: Work,
  retired: readonly Numbered[],
  { source, target, said }: Two & { readonly said: Date },
  records: Records,
): Promise<void> {
  const old = resourceIn(batch, source) as Identified<Patient> | null;
  const survivor = resourceIn(batch, target) as Identified<Patient>;
  if (old && (await isUndone(batch.tx, old.id, survivor.id, said))) {
    work.detail = 'a person has undone this merge since: the two stay apart';
    return;
  }
  const identities = await repoint(batch, 'Patient', source, target, records);
  work.produced.add(target);
  if (!old) return putResource(batch, withFormer(survivor, retired), work.entry.seq);
  work.produced.add(source);
  putResource(batch, mergedPatient(old, target), work.entry.seq);
  putResource(batch, survivingPatient(survivor, old, retired), work.entry.seq);
  // Who saw the one sees who he is now.
  grant(batch, [target], null, readersIn(batch, source));
  const content = { old, gained: gainedBy(survivor, old) };
  const noted = { merged: old.id, survivor: survivor.id, at: batch.now, seq: work.entry.seq, identities, content };
  const merge = await insertMerge(batch.tx, noted);
  work.acts.push({ ...moveAct(batch, { source, target }, { kind: 'merged' }, `${source} was merged into ${target}`), merge });
}

/** R4 has no link between two stays or two accounts: the old one says that it was none. */
export async function mergeStays(
  batch: Batch,
  work: Work,
  { type, from }: IdentityChange,
  { source, target }: Two,
  records: Records,
): Promise<void> {
  const old = resourceIn(batch, source) as Identified<Account | Encounter> | null;
  await repoint(batch, type, source, target, records);
  putResource(batch, withFormer(resourceIn(batch, target) as Identified, from), work.entry.seq);
  if (!old) return;
  putResource(batch, { ...withFormer(old, from), status: 'entered-in-error' } as typeof old, work.entry.seq);
  work.acts.push(moveAct(batch, { source, target }, { kind: 'merged' }, `${source} was merged into ${target}`));
}

/** A Patient who keeps no number of a person is gone up into the other. */
export async function moveNumbers(
  batch: Batch,
  work: Work,
  from: readonly Numbered[],
  two: Two & { readonly said: Date },
  records: Records,
): Promise<void> {
  const { source, target } = two;
  const old = resourceIn(batch, source) as Identified<Patient> | null;
  const numbers = from.map(({ identity }) => identity);
  const moving = new Set(numbers.map(numberName));
  const left = (await identitiesOf(batch.tx, idOf(source))).filter((one) => !moving.has(numberName(one)));
  if (!old || left.length === 0) return mergePatients(batch, work, [], two, records);
  await repointIdentities(batch.tx, numbers, old.id, idOf(target));
  for (const number of numbers) records.names.set(numberName(number), target);
  putResource(batch, withoutNumbers(old, numbers), work.entry.seq);
  putResource(batch, gainedNumbers(resourceIn(batch, target) as Identified<Patient>, from), work.entry.seq);
  const moved = personKeys({ resourceType: 'Patient', identifier: from.map(({ identifier }) => identifier) });
  work.acts.push(moveAct(batch, two, { kind: 'numbers', numbers: moved }, `a number of ${source} is of ${target}`));
}

/** The message has put the stay under its patient already; what belongs to it follows. */
export function moveStay(batch: Batch, work: Work, { source, target }: Two, stay: string): void {
  if (source === target || !resourceIn(batch, source)) return;
  work.acts.push(moveAct(batch, { source, target }, { kind: 'stay', stay }, `${stay} of ${source} is of ${target}`));
}

/** The cases of either may be called by the numbers of both, or no longer. */
export function linkActs(batch: Batch, kind: 'link' | 'unlink', { source, target }: Two): MoveAct[] {
  return [
    [source, target],
    [target, source],
  ].map(([one = '', other = '']) => {
    const [own, others] = [personKeys(resourceIn(batch, one)), personKeys(resourceIn(batch, other))];
    const why = kind === 'link' ? `${one} and ${other} are one person` : `${one} and ${other} are two persons`;
    const act = { kind: 'move', from: one, to: one, why, merge: null } as const;
    if (kind === 'link') return { ...act, scope: { kind: 'linked' }, keys: [...own, ...others], lost: [] };
    return { ...act, scope: { kind: 'unlinked' }, keys: own, lost: others };
  });
}

/** Every number that leads to `from` leads to `to`. Returns those of a Patient. */
export async function repoint(batch: Batch, type: NumberedType, from: string, to: string, records: Records): Promise<Identity[]> {
  records.moved.set(from, to);
  if (type === 'Patient') return repointPatient(batch.tx, idOf(from), idOf(to));
  const numbers = [...records.names].flatMap(([name, reference]) => (reference === from ? numberOf(name) : []));
  await repointIdentities(batch.tx, numbers, idOf(from), idOf(to));
  return [];
}

/** Keys are those of the records as they now are. */
function moveAct(batch: Batch, { source, target }: Two, scope: MoveScope, why: string): MoveAct {
  const keys = personKeys(resourceIn(batch, target));
  const isKept = (key: PatientKey) => keys.some((one) => one.system === key.system && one.value === key.value);
  const lost = scope.kind === 'merged' ? [] : personKeys(resourceIn(batch, source)).filter((key) => !isKept(key));
  return { kind: 'move', from: source, to: target, why, scope, keys, lost, merge: null };
}

/** The number that a name is of; none for the urn of a resource. */
function numberOf(name: string): Identity[] {
  const [type = '', ...rest] = name.split('|');
  return rest.length < 2 ? [] : [{ type, system: rest.slice(0, -1).join('|'), value: rest.at(-1) as string }];
}

function idOf(reference: string): string {
  return reference.slice(reference.indexOf('/') + 1);
}
