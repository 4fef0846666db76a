/**
 * Which case is a part for? In: the part, the cases that own its keys. Out: a Match.
 * A key joins only when the patient agrees (two hospitals may count accession numbers alike); a study without its order and the order
 * without its study become one case as soon as something names both.
 */
import type { CasePart, CaseState, PatientKey } from '../model/case.ts';

export type Match =
  /** The part joins these cases (several orders read on one study), after `absorb` went up into the first of them. */
  | { readonly kind: 'exact'; readonly cases: readonly string[]; readonly absorb: readonly string[] }
  /** Nobody has its keys: a case of its own. `disagree`: cases whose key it names but whose patient is another. */
  | { readonly kind: 'none'; readonly disagree: readonly string[] };

export function matchPart(part: CasePart, owners: readonly CaseState[]): Match {
  const agreeing = owners.filter((owner) => patientsAgree(part.patient, owner.patientKeys));
  const disagree = owners.filter((owner) => !agreeing.includes(owner)).map((owner) => owner.id);
  if (agreeing.length === 0) return { kind: 'none', disagree };
  const ordered = agreeing.filter((owner) => owner.serviceRequest !== '');
  const orphans = agreeing.filter((owner) => owner.serviceRequest === '');
  if (ordered.length === 0) {
    const [first, ...rest] = oldestFirst(orphans);
    return { kind: 'exact', cases: [first as string], absorb: rest };
  }
  if (part.kind === 'order') {
    const own = ordered.find((owner) => owner.serviceRequest === part.serviceRequest);
    const [home, ...rest] = own ? [own.id, ...oldestFirst(orphans)] : oldestFirst(orphans);
    // Another order that names a key of this one (one study, two orders) is a case of its own: nobody takes over a case by naming its key.
    return home === undefined ? { kind: 'none', disagree: [] } : { kind: 'exact', cases: [home], absorb: rest };
  }
  return { kind: 'exact', cases: oldestFirst(ordered), absorb: oldestFirst(orphans) };
}

/** No identifier on either side proves nothing; otherwise one must be common. */
export function patientsAgree(a: readonly PatientKey[], b: readonly PatientKey[]): boolean {
  if (a.length === 0 || b.length === 0) return true;
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

/** Case ids are UUIDv7: they sort by the time of opening. */
function oldestFirst(cases: readonly CaseState[]): string[] {
  return cases.map((state) => state.id).sort();
}
