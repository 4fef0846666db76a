/** The facts that `admit` is asked with: what is locked and loaded for this write, seen through the changes it is about to make. */
import type { DiagnosticReport, Resource } from '@medplum/fhirtypes';
import type { AdmitFacts, Change } from '../../model/admit.ts';
import type { StoredBinary } from '../../model/binary.ts';
import { type CaseState, standingReports } from '../../model/case.ts';
import type { Caller } from '../../model/peer.ts';
import type { StoredCase } from '../../store/case-store.ts';
import type { StoredResource } from '../../store/resource-store.ts';
import type { CaseLink } from './case-link.ts';
import type { Planned } from './write-plan.ts';

export type FactsInput = {
  readonly caller: Caller;
  readonly now: Date;
  readonly changes: readonly Change[];
  readonly planned: Planned;
  readonly loaded: {
    readonly rows: ReadonlyMap<string, StoredResource>;
    readonly cases: ReadonlyMap<string, StoredCase>;
    readonly reports: readonly StoredResource[];
  };
  readonly links: ReadonlyMap<string, CaseLink>;
};

export function admitFacts({ caller, now, changes, planned, loaded, links }: FactsInput): AdmitFacts {
  const { rows, cases, reports } = loaded;
  const ofCases = new Set([...cases.values()].flatMap(({ state }) => admittedBy(state)));
  const caseOf = (reference: string): CaseState | null => {
    const id = rows.get(reference)?.caseId ?? links.get(reference)?.caseId;
    return (id && cases.get(id)?.state) || null;
  };
  return {
    caller,
    now,
    changes,
    caseOf,
    read: (reference) => (ofCases.has(reference) ? (rows.get(reference)?.resource ?? null) : null),
    reportOn: (order) => reportOn(order, reports, caller),
    blobOf: (reference) => binaryAt(reference, changes, rows)?.digest ?? null,
    sizeOf: (reference) => binaryAt(reference, changes, rows)?.size ?? null,
    versionNamed: 'ifMatch' in planned.write && planned.write.ifMatch !== null,
  };
}

/** Ids are UUIDv7: in the order in which the reports were written, whatever was marked since. */
function reportOn(order: string, reports: readonly StoredResource[], { group }: Caller): DiagnosticReport | null {
  const given = reports.filter(({ author, resource }) => author === group && basedOn(resource).includes(order));
  const [last] = given.sort((a, b) => (a.id < b.id ? 1 : -1));
  return (last?.resource as DiagnosticReport | undefined) ?? null;
}

function basedOn(resource: Resource): string[] {
  return ((resource as DiagnosticReport).basedOn ?? []).map(({ reference }) => reference ?? '');
}

/** What of a case `admit` looks at. */
export function admittedBy(state: CaseState): string[] {
  const { task, serviceRequest, patient } = state;
  const proofs = standingReports(state).map(({ provenance = '' }) => provenance);
  return [task, serviceRequest, patient, ...proofs].filter((text) => text !== '');
}

function binaryAt(reference: string, changes: readonly Change[], rows: ReadonlyMap<string, StoredResource>): StoredBinary | null {
  if (!reference.startsWith('Binary/')) return null;
  const written = changes.find(({ after }) => after?.resourceType === 'Binary' && `Binary/${after.id}` === reference)?.after;
  return ((written ?? rows.get(reference)?.resource) as StoredBinary | undefined) ?? null;
}
