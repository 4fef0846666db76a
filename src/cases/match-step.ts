/**
 * Matching, with the database: claims the keys of every part of the batch, locks the cases that own them, joins.
 * Two workers with the order and the images of one case at the same moment meet at the unique key: the second waits and joins.
 */
import type { CaseEvent, CasePart, CaseState } from '../model/case.ts';
import type { Work } from '../model/work.ts';
import { addEvent, type Batch, caseIn, grant, loadCases, putCase } from '../store/batch.ts';
import { claimCaseKeys } from '../store/case-store.ts';
import { absorbCase, absorbedCase, joinPart, newCase, type Sender } from './join.ts';
import { matchPart } from './match.ts';

type Claim = { readonly work: Work; readonly part: CasePart; readonly fresh: string; owners: string[] };

export async function matchCases(batch: Batch): Promise<void> {
  const claims = batch.works.flatMap((work) =>
    work.failure ? [] : work.parts.map((part) => ({ work, part, fresh: batch.clock.uuid(), owners: [] as string[] })),
  );
  await claimKeys(batch, claims);
  await loadCases(
    batch,
    claims.flatMap((claim) => claim.owners),
  );
  for (const claim of claims) joinClaim(batch, claim);
}

async function claimKeys(batch: Batch, claims: Claim[]): Promise<void> {
  const rows = claims.flatMap((claim) => claim.part.keys.map((key) => ({ key, caseId: claim.fresh, claim })));
  const owners = await claimCaseKeys(batch.tx, rows);
  for (const [index, row] of rows.entries()) row.claim.owners.push(owners[index] as string);
}

function joinClaim(batch: Batch, claim: Claim): void {
  const states = ownersOf(batch, claim);
  const match = matchPart(claim.part, states);
  if (match.kind === 'none') {
    openCase(batch, claim, match.disagree);
    return;
  }
  const [first] = match.cases;
  for (const other of match.absorb) absorb(batch, first as string, other);
  // The keys this part was the first to name lead to the case it joined.
  if (claim.owners.includes(claim.fresh)) batch.mergedCases.push({ from: claim.fresh, to: first as string });
  for (const id of match.cases) join(batch, id, claim);
}

/** Cases that own keys of this part; ids that were only reserved in this batch lead to where their part went. */
function ownersOf(batch: Batch, claim: Claim): CaseState[] {
  const ids = new Set(claim.owners.filter((id) => id !== claim.fresh).map((id) => whereTo(batch, id)));
  return [...ids].map((id) => caseIn(batch, id)).filter((state) => state !== null);
}

function whereTo(batch: Batch, id: string): string {
  const merge = batch.mergedCases.findLast((candidate) => candidate.from === id);
  return merge ? whereTo(batch, merge.to) : id;
}

function openCase(batch: Batch, claim: Claim, disagree: readonly string[]): void {
  putCase(batch, newCase(claim.fresh));
  note(batch, claim.fresh, claim, {
    kind: 'opened',
    detail: claim.part.kind === 'order' ? 'by an order' : `by ${claim.part.kind} without an order`,
  });
  for (const id of disagree) {
    note(batch, id, claim, { kind: 'patient-mismatch', detail: `case ${claim.fresh} names a key of this case for another patient` });
    note(batch, claim.fresh, claim, { kind: 'patient-mismatch', detail: `names a key of case ${id}, whose patient is another` });
  }
  join(batch, claim.fresh, claim);
}

function join(batch: Batch, id: string, claim: Claim): void {
  const state = joinPart(caseIn(batch, id) as CaseState, claim.part, senderOf(batch, claim));
  putCase(batch, state);
  claim.work.cases.add(id);
  const { part } = claim;
  const own = [part.serviceRequest, part.study?.imagingStudy ?? '', ...part.members];
  const readers = groupsOf(state);
  grant(batch, own, id, readers);
  grant(batch, [part.subject, ...claim.work.shared], null, readers);
  note(batch, id, claim, { kind: `${part.kind}-received`, detail: describe(part, claim.work) });
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
  const what = `${work.entry.type} ${work.entry.controlId}`.trim();
  if (part.kind === 'images' && part.study)
    return `study of ${part.study.instances} instances in ${part.study.series} series, last ${what}`;
  return part.control === '' ? what : `${what}, order control ${part.control}`;
}
