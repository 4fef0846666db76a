/**
 * Which case is a part for? In: the part, the cases that name one of its keys. Out: a Match.
 * A key joins only when the patient agrees (two hospitals may count accession numbers alike, and anybody may name a number); a study
 * without its order and the order without its study become one case as soon as something names both.
 */
import type { CasePart, CaseState, PatientKey } from '../model/case.ts';

export type Match =
  /** The part joins these cases (several orders read on one study), after `absorb` went up into the first of them. */
  | { readonly kind: 'exact'; readonly cases: readonly string[]; readonly absorb: readonly string[] }
  /**
   * A case of its own. `disagree`: open cases whose key it names but whose patient is not shown to be the same; `beside`: cases of other
   * orders of the same patient under the same key, whose images are its images, too.
   */
  | { readonly kind: 'none'; readonly disagree: readonly string[]; readonly beside: readonly string[] }
  /** No case here is meant, and none is opened: a result. `disagree` as above. */
  | { readonly kind: 'nowhere'; readonly disagree: readonly string[] };

export function matchPart(part: CasePart, owners: readonly CaseState[]): Match {
  const agreeing = owners.filter((owner) => isSame(part, owner));
  const others = owners.filter((owner) => !agreeing.includes(owner) && isOpen(owner));
  if (part.kind === 'result' || part.kind === 'progress') return matchResult(agreeing, others);
  if (part.kind === 'order') return matchOrder(part, agreeing, others);
  // What is over takes in only what nobody else waits for: late images of a closed case.
  const open = agreeing.filter(isOpen);
  const candidates = open.length > 0 ? open : agreeing;
  const [ordered, orphans] = [oldestFirst(candidates.filter(hasOrder)), oldestFirst(candidates.filter((owner) => !hasOrder(owner)))];
  if (ordered.length > 0) return { kind: 'exact', cases: ordered, absorb: orphans };
  if (orphans.length > 0) return { kind: 'exact', cases: orphans.slice(0, 1), absorb: orphans.slice(1) };
  return { kind: 'none', disagree: oldestFirst(others), beside: [] };
}

/** A result, or what is said of a study, joins the cases that have its order, open or closed, and images that wait for their order; it brings nothing together. */
function matchResult(agreeing: readonly CaseState[], others: readonly CaseState[]): Match {
  const ordered = agreeing.filter(hasOrder);
  const cases = oldestFirst(ordered.length > 0 ? ordered : agreeing);
  return cases.length > 0 ? { kind: 'exact', cases, absorb: [] } : { kind: 'nowhere', disagree: oldestFirst(others) };
}

/** Another order that names a key of this one (one study, two orders) is a case of its own: nobody takes over a case by naming its key. */
function matchOrder(part: CasePart, agreeing: readonly CaseState[], others: readonly CaseState[]): Match {
  const own = agreeing.find((owner) => owner.serviceRequest === part.serviceRequest);
  const orphans = oldestFirst(agreeing.filter((owner) => !hasOrder(owner)));
  const [home, ...absorb] = own ? [own.id, ...orphans] : orphans;
  if (home !== undefined) return { kind: 'exact', cases: [home], absorb };
  return { kind: 'none', disagree: oldestFirst(others), beside: oldestFirst(agreeing) };
}

/** The same patient; or the very order, or the very study, that the case has already, whoever it is of. */
function isSame(part: CasePart, owner: CaseState): boolean {
  if (part.patient.length > 0 && owner.patientKeys.length > 0) return patientsAgree(part.patient, owner.patientKeys);
  const names = (reference: string) =>
    part.keys.some(({ kind, value }) => kind === 'service-request' && reference === `ServiceRequest/${value}`);
  if (part.kind === 'progress') return part.keys.some(({ kind, value }) => kind === 'study' && namesStudy(owner, value));
  return names(owner.serviceRequest) || owner.studies.some(({ uid }) => uid === part.study?.uid);
}

function namesStudy({ keys }: CaseState, uid: string): boolean {
  return keys.some(({ kind, value }) => kind === 'study' && value === uid);
}

/** One identifier must be common: where a side has none, nothing is shown, and a person must look. */
export function patientsAgree(a: readonly PatientKey[], b: readonly PatientKey[]): boolean {
  return telling(a).some((left) => telling(b).some((right) => left.value === right.value && authoritiesAgree(left.system, right.system)));
}

/** Numbers whose authority nobody named (images seldom carry it) count only where there are no others, and may be anybody's. */
function telling(keys: readonly PatientKey[]): readonly PatientKey[] {
  const named = keys.filter((key) => key.system !== '');
  return named.length > 0 ? named : keys;
}

function authoritiesAgree(a: string, b: string): boolean {
  return a === b || a === '' || b === '';
}

function isOpen({ phase }: CaseState): boolean {
  return phase !== 'cancelled' && phase !== 'closed';
}

function hasOrder(state: CaseState): boolean {
  return state.serviceRequest !== '';
}

/** Case ids are UUIDv7: they sort by the time of opening. */
function oldestFirst(cases: readonly CaseState[]): string[] {
  return cases.map((state) => state.id).sort();
}
