/**
 * Which case a new resource belongs to, and who may see it. In: the planned changes of one write, the rows they refer to.
 * Out: case and readers of each. What refers to a resource of a case that its writer sees belongs to that case, and so does what is
 * written along with it and hangs on it (a Provenance on its report, a Binary on its Media). Anything else is seen by its writer's group.
 */
import type { Caller } from '../../model/peer.ts';
import { literalReferences } from '../../protocols/fhir/references.ts';
import type { StoredResource } from '../../store/resource-store.ts';
import { isShared, sees } from './visibility.ts';
import type { Identified, Planned } from './write-plan.ts';

export type CaseLink = { readonly caseId: string | null; readonly readers: readonly string[]; readonly author: string };

/** Case and readers by reference `Type/id`, for every change that leaves a resource. */
export function linkToCases(changes: readonly Planned[], rows: ReadonlyMap<string, StoredResource>, caller: Caller): Map<string, CaseLink> {
  const written = changes.flatMap((change) => (change.after && !change.kept ? [{ ...change, after: change.after }] : []));
  const links = new Map(written.map((change) => [change.reference, startOf(change, rows, caller)]));
  const edges = written.flatMap(({ reference, after }) => edgesOf(reference, after, links));
  // Each round carries a case one reference further; a request has no longer chain than it has resources.
  for (let round = 0; round < written.length; round++) {
    if (!edges.map(([a, b]) => carry(links, a, b) || carry(links, b, a)).includes(true)) break;
  }
  return links;
}

/** Resources uploaded before by the same group (a Binary, a photo) that something of a case now refers to: they join it. */
export function adoptedRows(
  changes: readonly Planned[],
  links: ReadonlyMap<string, CaseLink>,
  rows: ReadonlyMap<string, StoredResource>,
  caller: Caller,
): { readonly reference: string; readonly link: CaseLink }[] {
  return changes.flatMap(({ reference, after }) => {
    const link = links.get(reference);
    if (!after || !link?.caseId || isShared(after.resourceType)) return [];
    return literalReferences(after)
      .filter((other) => mayBeAdopted(rows.get(other), links, other, caller))
      .map((other) => ({ reference: other, link }));
  });
}

function startOf(
  { before, after }: { before: StoredResource | null; after: Identified },
  rows: ReadonlyMap<string, StoredResource>,
  caller: Caller,
): CaseLink {
  if (before && (before.caseId !== null || isShared(before.type))) return before;
  const found = isShared(after.resourceType) ? null : caseAround(after, rows, caller);
  if (before) return { caseId: found?.caseId ?? null, readers: union(before.readers, found?.readers ?? []), author: before.author };
  return { caseId: found?.caseId ?? null, readers: union([caller.group], found?.readers ?? []), author: caller.group };
}

/** The case of what it refers to: the order's before the Task's before any other's. */
function caseAround(after: Identified, rows: ReadonlyMap<string, StoredResource>, caller: Caller): StoredResource | null {
  const candidates = literalReferences(after)
    .map((reference) => rows.get(reference))
    .filter((row) => row !== undefined && row.caseId !== null && !row.deleted && !isShared(row.type) && sees(caller, row));
  return (
    candidates.find((row) => row?.type === 'ServiceRequest') ?? candidates.find((row) => row?.type === 'Task') ?? candidates[0] ?? null
  );
}

/** References between resources of this write, shared types left out. */
function edgesOf(reference: string, after: Identified, links: ReadonlyMap<string, CaseLink>): [string, string][] {
  if (isShared(after.resourceType)) return [];
  return literalReferences(after)
    .filter((other) => links.has(other) && !isShared(other.slice(0, other.indexOf('/'))))
    .map((other) => [reference, other]);
}

function carry(links: Map<string, CaseLink>, from: string, to: string): boolean {
  const [source, target] = [links.get(from) as CaseLink, links.get(to) as CaseLink];
  if (source.caseId === null || target.caseId !== null) return false;
  links.set(to, { ...target, caseId: source.caseId, readers: union(target.readers, source.readers) });
  return true;
}

function mayBeAdopted(row: StoredResource | undefined, links: ReadonlyMap<string, CaseLink>, reference: string, caller: Caller): boolean {
  if (!row || row.deleted || row.caseId !== null || links.has(reference) || isShared(row.type)) return false;
  return row.author === caller.group && sees(caller, row);
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}
