/**
 * Matching, with the database: claims the keys of every part of the batch, locks the cases that name them, joins.
 * Two workers with the order and the images of one case at the same moment meet at the unique key: the second waits and joins.
 * A result that came before its order waits for it: the order has its entry worked off once more.
 */
import type { CaseEvent, CaseKey, CasePart, CaseState } from '../model/case.ts';
import { failure } from '../model/failure.ts';
import type { PeerDirectory } from '../model/peer.ts';
import type { Work } from '../model/work.ts';
import { addEvent, type Batch, caseIn, grant, loadCases, loadResources, putCase, takeBack } from '../store/batch.ts';
import { claimCaseKeys, keyText, readKeyMembers } from '../store/case-store.ts';
import { requeueEntries } from '../store/journal-store.ts';
import { keepWaiting, takeWaiting } from '../store/waiting-result-store.ts';
import { absorbCase, absorbedCase, joinPart, newCase, type Sender } from './join.ts';
import { type Match, matchPart, patientsAgree } from './match.ts';
import { applyOrder, decideOrder, noteOrder, refuseOrder } from './order-step.ts';
import { eventText } from './order-table.ts';

type Claim = { readonly work: Work; readonly part: CasePart };
/** The cases that name each key, by keyText: as stored, and as this batch goes on. */
type Members = Map<string, string[]>;

/** `peers`: who may say something of the orders of others. */
export async function matchCases(batch: Batch, peers: Pick<PeerDirectory, 'isConfigured'>): Promise<void> {
  const claims = batch.works.flatMap((work) =>
    work.failure ? [] : work.parts.filter(({ kind }) => kind !== 'prior').map((part) => ({ work, part })),
  );
  // Cases whose patient was merged or linked in this batch: what did not agree may agree now.
  const followed = batch.works.flatMap(({ acts, cases }) => (acts.some(({ kind }) => kind === 'move') ? openOf(batch, cases) : []));
  const keys = [...claims.flatMap(({ part }) => part.keys), ...followed.flatMap((state) => state.keys)];
  const members = await loadMembers(batch, await claimCaseKeys(batch.tx, keys));
  await loadTasks(batch, claims);
  for (const { id } of followed) gather(batch, id, members);
  const unmet: Claim[] = [];
  for (const claim of claims) {
    const owners = ownersOf(batch, claim.part, members);
    const match = matchPart(claim.part, owners);
    if (match.kind === 'nowhere') unmet.push(claim);
    else await joinClaim(batch, claim, { match, owners, members }, peers);
  }
  await meetResults(batch, claims, unmet, members);
}

/** Results whose order came behind them in this batch join it now, those whose order came in another one are queued again; the others wait. */
async function meetResults(batch: Batch, claims: readonly Claim[], unmet: readonly Claim[], members: Members): Promise<void> {
  const ordered = claims.filter(({ part, work }) => part.kind === 'order' && !work.failure);
  const waiting = unmet.filter((claim) => !joinLate(batch, claim, members) && claim.part.kind === 'result');
  await requeueEntries(
    batch.tx,
    await takeWaiting(
      batch.tx,
      ordered.flatMap(({ part }) => part.keys),
    ),
  );
  await keepWaiting(
    batch.tx,
    waiting.map(({ work, part }) => ({ seq: work.entry.seq, keys: part.keys })),
    batch.now,
  );
}

/** What was of no case when its turn came; returns whether it joined one. */
function joinLate(batch: Batch, claim: Claim, members: Members): boolean {
  const match = matchPart(claim.part, ownersOf(batch, claim.part, members));
  if (match.kind === 'nowhere') leaveOut(batch, claim, match);
  else joinAll(batch, claim, match, members);
  return match.kind !== 'nowhere';
}

/** What the orders of this batch may end: the Tasks of their cases, and those by which a reader is asked. */
async function loadTasks(batch: Batch, claims: readonly Claim[]): Promise<void> {
  const named = new Set(claims.flatMap(({ part }) => (part.event ? [part.serviceRequest] : [])));
  const states = [...batch.cases.values()].flatMap(({ state }) => (named.has(state.serviceRequest) ? [state] : []));
  await loadResources(
    batch,
    states.flatMap(({ task, order, serviceRequest }) => [task, serviceRequest, order?.abort?.task ?? '']),
  );
}

function openOf(batch: Batch, ids: Iterable<string>): CaseState[] {
  const states = [...ids].map((id) => caseIn(batch, id) as CaseState);
  return states.filter(({ phase }) => phase !== 'cancelled' && phase !== 'closed');
}

/** Images that waited beside an order, because their patients were not known to be one, come to it. */
function gather(batch: Batch, id: string, members: Members): void {
  const state = caseIn(batch, id) as CaseState;
  const others = ownersOf(batch, state, members).filter((owner) => owner.id !== id && owner.phase !== 'cancelled');
  const orphans = [state, ...others].filter(({ serviceRequest, keys }) => serviceRequest === '' && keys.length > 0);
  for (const orphan of orphans) {
    const homes = [state, ...others].filter((one) => one.serviceRequest !== '' && sharesKey(one, orphan));
    const agreeing = homes.filter((one) => patientsAgree(one.patientKeys, orphan.patientKeys)).map((one) => one.id);
    const [first, ...further] = agreeing.sort();
    if (first === undefined) continue;
    for (const other of further) shareStudies(batch, other, orphan.id);
    absorb(batch, first, orphan.id);
  }
}

function sharesKey(one: CaseState, other: CaseState): boolean {
  const known = new Set(one.keys.map(keyText));
  return other.keys.some((key) => known.has(keyText(key)));
}

/**
 * Between the reading of the members and the lock on them, one may have gone up into another case through keys that nobody here names:
 * the members are read again until none is such a signpost.
 */
async function loadMembers(batch: Batch, keys: readonly CaseKey[]): Promise<Members> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const members = await readKeyMembers(batch.tx, keys);
    const ids = [...members.values()].flat();
    await loadCases(batch, ids);
    if (!ids.some((id) => isSignpost(caseIn(batch, id)))) return members;
  }
  throw new Error('cases: the cases of a key are being joined again and again');
}

const MAX_ROUNDS = 5;

/** A case that went up into another one keeps no key. */
function isSignpost(state: CaseState | null): boolean {
  return state !== null && state.keys.length === 0;
}

type Matched = { readonly match: Exclude<Match, { kind: 'nowhere' }>; readonly owners: readonly CaseState[]; readonly members: Members };

async function joinClaim(batch: Batch, claim: Claim, matched: Matched, peers: Pick<PeerDirectory, 'isConfigured'>): Promise<void> {
  const { match, owners, members } = matched;
  const own = ownOf(batch, claim.part, match);
  const others = own === null && claim.work.entry.kind === 'hl7v2' ? owners.filter((owner) => hasThatOrder(owner, claim.part)) : [];
  if (others.length > 0) return leaveToOthers(batch, claim, others);
  const decision = claim.part.event ? decideOrder(batch, claim.work, claim.part.event, own, peers) : null;
  if (decision?.kind === 'refuse') return refuseOrder(batch, claim.work, claim.part, decision, own?.id ?? '');
  if (decision?.kind === 'note' && own && !decision.taken) return noteOrder(batch, claim.work, claim.part, own.id, false);
  const id = joinAll(batch, claim, match, members);
  if (decision?.kind === 'apply') await applyOrder(batch, claim.work, claim.part, decision, id, own);
  if (decision?.kind === 'note') noteOrder(batch, claim.work, claim.part, id, decision.taken);
}

function hasThatOrder({ serviceRequest }: CaseState, part: CasePart): boolean {
  return part.serviceRequest !== '' && serviceRequest === part.serviceRequest;
}

/** An order never moves from one patient to another by its number, whoever says so: the case that has it stays as it is. */
function leaveToOthers(batch: Batch, claim: Claim, others: readonly CaseState[]): void {
  const { work, part } = claim;
  takeBack(batch, [part.serviceRequest, ...part.members], work.entry.seq);
  work.failure = failure('cases', 'conflict', 'the number of an order is of an order of another patient: a person decides');
  const detail = `${work.entry.type} names the order of this case, but no identifier of its patient`;
  for (const { id } of others) note(batch, id, claim, { kind: 'patient-mismatch', detail });
}

/** The case of the very order. */
function ownOf(batch: Batch, part: CasePart, match: Match): CaseState | null {
  const state = match.kind === 'exact' ? caseIn(batch, match.cases[0] as string) : null;
  return state && hasThatOrder(state, part) ? state : null;
}

/** The (first) case that the part is in now. */
function joinAll(batch: Batch, claim: Claim, match: Exclude<Match, { kind: 'nowhere' }>, members: Members): string {
  const ids = match.kind === 'none' ? [openCase(batch, claim, match)] : match.cases;
  const [first] = ids as [string];
  if (match.kind === 'exact') {
    for (const other of match.absorb) absorb(batch, first, other);
    for (const id of ids) join(batch, id, claim);
  }
  // A case that went up into another lost its keys, and is not looked at again.
  const named = ids.flatMap((id) => (caseIn(batch, id) as CaseState).keys.map((key) => ({ key: keyText(key), id })));
  for (const { key, id } of named) members.set(key, [...new Set([...(members.get(key) ?? []), id])]);
  return first;
}

/** What is of no case is kept, and nobody's to read but an operator's. */
function leaveOut(batch: Batch, claim: Claim, { disagree }: Match & { kind: 'nowhere' }): void {
  claim.work.detail = [claim.work.detail, `${claim.part.kind} of no case that is here`].filter((text) => text !== '').join('; ');
  for (const other of disagree) {
    note(batch, other, claim, {
      kind: 'patient-mismatch',
      detail: `a ${claim.part.kind} names a key of this case, but no identifier of its patient`,
    });
  }
}

/** The cases that name a key of this part. */
function ownersOf(batch: Batch, part: Pick<CasePart, 'keys'>, members: Members): CaseState[] {
  const ids = new Set(part.keys.flatMap((key) => members.get(keyText(key)) ?? []));
  return [...ids].map((id) => caseIn(batch, id)).filter((state) => state !== null && !isSignpost(state)) as CaseState[];
}

function openCase(batch: Batch, claim: Claim, match: Match & { kind: 'none' }): string {
  const id = batch.clock.uuid();
  putCase(batch, newCase(id));
  note(batch, id, claim, {
    kind: 'opened',
    detail: claim.part.kind === 'order' ? 'by an order' : `by ${claim.part.kind} without an order`,
  });
  for (const other of match.disagree) {
    note(batch, other, claim, {
      kind: 'patient-mismatch',
      detail: `case ${id} names a key of this case, but no identifier of its patient`,
    });
    note(batch, id, claim, { kind: 'patient-mismatch', detail: `names a key of case ${other}, but no identifier of its patient` });
  }
  join(batch, id, claim);
  for (const other of match.beside) shareStudies(batch, id, other);
  return id;
}

/** The images were here before the second order that reads on them. */
function shareStudies(batch: Batch, id: string, other: string): void {
  const { studies } = caseIn(batch, other) as CaseState;
  if (studies.length === 0) return;
  const state = caseIn(batch, id) as CaseState;
  const known = new Set(state.studies.map(({ uid }) => uid));
  putCase(batch, { ...state, studies: [...state.studies, ...studies.filter(({ uid }) => !known.has(uid))] });
  addEvent(batch, id, { seq: null, kind: 'images-shared', actor: 'gateway', detail: `with case ${other}, an order on the same images` });
}

function join(batch: Batch, id: string, claim: Claim): void {
  const before = caseIn(batch, id) as CaseState;
  const state = joinPart(before, claim.part, senderOf(batch, claim));
  putCase(batch, state);
  claim.work.cases.add(id);
  const { part } = claim;
  const own = [part.serviceRequest, part.study?.imagingStudy ?? '', ...part.members];
  const readers = groupsOf(state);
  grant(batch, own, id, readers);
  grant(batch, [part.subject, ...claim.work.shared], null, readers);
  if (!isTold(before, part)) note(batch, id, claim, { kind: `${part.kind}-received`, detail: describe(part, claim.work) });
}

/** A study is counted in the index, which may be ahead of the entries of its objects: what the case knows already is no news. */
function isTold({ studies }: CaseState, { study }: CasePart): boolean {
  return studies.some((known) => known.uid === study?.uid && known.instances === study.instances && known.series === study.series);
}

function absorb(batch: Batch, into: string, other: string): void {
  if (into === other) return;
  const absorbed = caseIn(batch, other) as CaseState;
  putCase(batch, absorbCase(caseIn(batch, into) as CaseState, absorbed));
  putCase(batch, absorbedCase(absorbed));
  batch.mergedCases.push({ from: other, to: into });
  const state = caseIn(batch, into) as CaseState;
  grant(batch, [...absorbed.members, ...absorbed.studies.map((study) => study.imagingStudy)], into, groupsOf(state));
  addEvent(batch, into, { seq: null, kind: 'joined', actor: 'gateway', detail: `case ${other} is the same consultation` });
}

/** What a client wrote by FHIR carries his group as author. */
function senderOf(batch: Batch, { work, part }: Claim): Sender {
  const { kind, seq } = work.entry;
  return { peer: work.peer, kind, seq, group: batch.slots.get(part.serviceRequest)?.stored?.author ?? '' };
}

/** The group that reads a case: it sees everything in it. */
export function groupsOf(state: CaseState): string[] {
  return state.route && state.route.group !== '' ? [state.route.group] : [];
}

/** The group of who asked by FHIR: it sees the Task and the report, and what it wrote itself; not what others sent for the case. */
export function askersOf(state: CaseState): string[] {
  return state.origin && state.origin.group !== '' ? [state.origin.group] : [];
}

function note(batch: Batch, caseId: string, claim: Claim, event: Pick<CaseEvent, 'kind' | 'detail'>): void {
  addEvent(batch, caseId, { seq: claim.work.entry.seq, actor: claim.work.entry.peer, ...event });
}

function describe(part: CasePart, work: Work): string {
  if (part.progress !== undefined) return `${part.progress} (${work.entry.controlId})`;
  const what = `${work.entry.type} ${work.entry.controlId}`.trim();
  if (part.kind === 'images' && part.study)
    return `study of ${part.study.instances} instances in ${part.study.series} series, last ${what}`;
  return part.control === '' ? what : `${what}, ${eventText(part.control)}`;
}
