/**
 * What refers to a person, a stay or an account that was merged or moved follows: acts in, changed resources and cases out.
 *
 * - An open case is of the survivor from now on: its order, images and material say so, its Task is for him, and his other numbers are
 *   numbers of its patient. What was signed (DiagnosticReport and its Provenance) stays as it was signed.
 * - A case that is over keeps its resources; it names the survivor, so that what goes home later has his current number, and its timeline
 *   says what happened after its report was returned.
 * - Who reads a case does not change: nobody sees another case because two patients are one.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { CaseState, PatientKey } from '../model/case.ts';
import type { MoveAct, MoveScope, Work } from '../model/work.ts';
import { referenceTokens } from '../protocols/fhir/search-index.ts';
import {
  addEvent,
  type Batch,
  caseIn,
  loadCases,
  loadResources,
  putCase,
  putResource,
  readersIn,
  resourceIn,
  revoke,
} from '../store/batch.ts';
import { addMoved, findReferring, groupsThatSee, type Referring } from '../store/merge-store.ts';

export async function followMoves(batch: Batch): Promise<void> {
  let mentions: Mentions | null = null;
  for (const work of batch.works) {
    if (work.failure) continue;
    for (const act of work.acts) {
      if (act.kind !== 'move') continue;
      mentions ??= mentionsIn(batch);
      await follow(batch, work, act, mentions);
    }
  }
}

/** What this batch has put so far, by each reference that stands in it: made once, for all moves. What has gone elsewhere since is still there. */
type Mentions = Map<string, Set<string>>;

function mentionsIn({ slots }: Batch): Mentions {
  const mentions: Mentions = new Map();
  for (const [name, { next }] of slots) {
    if (next) for (const [, reference = ''] of JSON.stringify(next).matchAll(REFERENCE)) mention(mentions, reference, name);
  }
  return mentions;
}

function mention(mentions: Mentions, reference: string, name: string): void {
  const known = mentions.get(reference);
  if (known) known.add(name);
  else mentions.set(reference, new Set([name]));
}

const REFERENCE = /"reference":"([^"]*)"/g;

async function follow(batch: Batch, work: Work, act: MoveAct, mentions: Mentions): Promise<void> {
  const referring = (await referringTo(batch, act.from, mentions)).filter(({ reference }) => !STAYING.has(typeOf(reference)));
  await loadCases(
    batch,
    referring.flatMap(({ caseId }) => caseId ?? []),
  );
  await loadResources(
    batch,
    referring.map(({ reference }) => reference),
  );
  // What went elsewhere earlier in this batch does not refer to it any more.
  const still = referring.filter(({ reference }) => refersTo(resourceIn(batch, reference), act.from));
  const chosen = await choose(batch, act, still);
  const cases = [...new Set(chosen.flatMap(({ caseId }) => caseId ?? []))].filter((id) => isLive(caseIn(batch, id)));
  const moved = chosen.filter(({ caseId }) => caseId === null || isOpen(caseIn(batch, caseId)));
  if (act.from !== act.to) for (const { reference } of moved) moveReference(batch, work, reference, act, mentions);
  for (const id of cases) followCase(batch, work, id, act);
  const along = moved.map(({ reference }) => reference);
  if (act.merge !== null) await addMoved(batch.tx, act.merge, along, cases);
  if (act.scope.kind === 'noted') await closeRecord(batch, act, { references: along, cases });
}

/** Who saw a record only because another was merged into it sees it no longer. */
async function closeRecord(
  batch: Batch,
  { from }: MoveAct,
  along: { readonly references: readonly string[]; readonly cases: readonly string[] },
): Promise<void> {
  const groups = readersIn(batch, from);
  const kept = new Set(await groupsThatSee(batch.tx, referenceTokens(from), groups, along));
  for (const group of groups) if (!kept.has(group)) revoke(batch, [from], group);
}

/** What is stored, and what this batch has made of it so far. */
async function referringTo(batch: Batch, reference: string, mentions: Mentions): Promise<Referring[]> {
  const stored = await findReferring(batch.tx, referenceTokens(reference));
  const known = new Set(stored.map((one) => one.reference));
  const here = [...(mentions.get(reference) ?? [])].flatMap((name) => {
    const { next, stored: row } = batch.slots.get(name) ?? { next: null, stored: null };
    return next && !known.has(name) && refersTo(next, reference) ? [{ reference: name, caseId: row?.caseId ?? null }] : [];
  });
  return [...stored, ...here];
}

/** The part of all that refers to the record that the move is about. */
async function choose(batch: Batch, { scope }: MoveAct, referring: readonly Referring[]): Promise<readonly Referring[]> {
  if (scope.kind === 'merged' || scope.kind === 'linked' || scope.kind === 'unlinked') return referring;
  if (scope.kind === 'noted') {
    return referring.filter(({ reference, caseId }) => scope.resources.includes(reference) || (caseId && scope.cases.includes(caseId)));
  }
  if (scope.kind === 'numbers') {
    return referring.filter(({ caseId }) => caseId && names(caseIn(batch, caseId), scope.numbers));
  }
  const stays = new Set(await staysOf(batch, scope));
  const within = referring.filter(({ reference }) => stays.has(reference) || refersToAny(resourceIn(batch, reference), stays));
  const cases = new Set(within.flatMap(({ caseId }) => caseId ?? []));
  return referring.filter((one) => within.includes(one) || (one.caseId !== null && cases.has(one.caseId)));
}

/** An account has stays of its own. */
async function staysOf(batch: Batch, { stay }: MoveScope & { kind: 'stay' }): Promise<string[]> {
  const within = stay.startsWith('Account/') ? await findReferring(batch.tx, referenceTokens(stay)) : [];
  return [stay, ...within.map(({ reference }) => reference).filter((reference) => reference.startsWith('Encounter/'))];
}

function moveReference(batch: Batch, work: Work, reference: string, { from, to }: MoveAct, mentions: Mentions): void {
  const resource = resourceIn(batch, reference) as (Resource & { id: string }) | null;
  if (!resource || !refersTo(resource, from)) return;
  putResource(batch, withReference(resource, from, to), work.entry.seq);
  mention(mentions, to, reference);
  work.produced.add(reference);
}

function followCase(batch: Batch, work: Work, id: string, act: MoveAct): void {
  const state = caseIn(batch, id) as CaseState;
  if (act.from.startsWith('Patient/')) {
    if (APART.has(act.scope.kind) && state.patient !== act.from) return;
    const former = new Set(state.formerPatients ?? []);
    // A report that names the record he had while it was read is his; one that names another person is not.
    if (act.scope.kind === 'merged') former.add(act.from);
    else former.delete(act.from);
    former.delete(act.to);
    putCase(batch, {
      ...state,
      patient: state.patient === act.from ? act.to : state.patient,
      patientKeys: keysAfter(state.patientKeys, act),
      formerPatients: [...former],
    });
  }
  work.cases.add(id);
  const detail = isOpen(state) ? act.why : `${act.why}, after the case was ${state.phase}: what was returned is not changed`;
  const kind = act.from.startsWith('Patient/') ? EVENTS[act.scope.kind] : 'stay-merged';
  addEvent(batch, id, { seq: work.entry.seq, kind, actor: work.entry.peer, detail });
}

function keysAfter(before: readonly PatientKey[], { keys, lost }: MoveAct): readonly PatientKey[] {
  const textOf = ({ system, value }: PatientKey) => `${system}|${value}`;
  const gone = new Set(lost.map(textOf));
  const kept = before.filter((key) => !gone.has(textOf(key)));
  return [...new Map([...kept, ...keys].map((key) => [textOf(key), key])).values()];
}

function names(state: CaseState | null, numbers: readonly PatientKey[]): boolean {
  return numbers.some(({ system, value }) => state?.patientKeys.some((key) => key.system === system && key.value === value));
}

/** A case that went up into another one keeps no key. */
function isLive(state: CaseState | null): boolean {
  return state !== null && state.keys.length > 0;
}

function isOpen(state: CaseState | null): boolean {
  return state !== null && state.phase !== 'closed' && state.phase !== 'cancelled';
}

function refersToAny(resource: Resource | null, references: ReadonlySet<string>): boolean {
  return [...references].some((reference) => refersTo(resource, reference));
}

function refersTo(resource: Resource | null, reference: string): boolean {
  return resource !== null && JSON.stringify(resource).includes(`"reference":"${reference}"`);
}

function withReference<T>(value: T, from: string, to: string): T {
  if (Array.isArray(value)) return value.map((item) => withReference(item, from, to)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [
    name,
    name === 'reference' && item === from ? to : withReference(item, from, to),
  ]);
  return Object.fromEntries(entries) as T;
}

function typeOf(reference: string): string {
  return reference.slice(0, reference.indexOf('/'));
}

/** Two persons after all: only what is of the one is not the other's. */
const APART: ReadonlySet<MoveScope['kind']> = new Set(['noted', 'unlinked']);

/** Kinds of lines in the timeline, of persons. */
const EVENTS: Readonly<Record<MoveScope['kind'], string>> = {
  merged: 'patient-merged',
  linked: 'patient-linked',
  unlinked: 'patient-unlinked',
  noted: 'patient-unmerged',
  stay: 'patient-moved',
  numbers: 'patient-moved',
};

/** Types that do not follow: what was signed, what tells of an act that was done, the records themselves. */
const STAYING: ReadonlySet<string> = new Set(['DiagnosticReport', 'Provenance', 'Patient']);
