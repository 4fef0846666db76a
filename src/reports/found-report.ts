/**
 * A report found on a specialist's own server. In: the bytes the journal keeps of it (a Bundle: DiagnosticReport, Provenance, Binaries, in
 * that server's words). Out: those, to be verified as they stand; then, once verified, the same in ours: ids and references of this server.
 * What the report refers to and we do not have (that server's practitioners) becomes an absolute URL there.
 */
import { createHash } from 'node:crypto';
import type { Binary, Bundle, DiagnosticReport, Provenance, Resource } from '@medplum/fhirtypes';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import { parseJsonObject } from '../protocols/fhir/json-text.ts';
import { literalReferences, renameReferences } from '../protocols/fhir/references.ts';
import type { Validate } from '../protocols/fhir/resource-validator.ts';
import type { VerifiedReport } from './verify.ts';

export type FoundFile = { readonly contentType: string; readonly bytes: Buffer; readonly sha256: string };

export type FoundReport = {
  /** FHIR base of the server it was found on. */
  readonly server: string;
  readonly report: DiagnosticReport;
  readonly provenance: Provenance;
  /** By reference as the report writes it. */
  readonly files: ReadonlyMap<string, FoundFile>;
};

/** Reads what the journal keeps. What comes from elsewhere is held against R4 before it is used. */
export function readFoundReport(bytes: Buffer, validate: Validate): FoundReport | Failure {
  const parsed = parseJsonObject(bytes);
  if (isFailure(parsed)) return parsed;
  const { entry } = parsed as Partial<Bundle>;
  const resources = (Array.isArray(entry) ? entry : []).flatMap(({ resource }) => resource ?? []);
  const [report, provenance, ...binaries] = resources as [DiagnosticReport?, Provenance?, ...Binary[]];
  if (report?.resourceType !== 'DiagnosticReport' || provenance?.resourceType !== 'Provenance') {
    return failure('reports', 'malformed', 'no DiagnosticReport with its Provenance was found');
  }
  const [fault] = resources.flatMap(validate);
  if (fault) return failure('reports', 'malformed', `the report found is not valid: ${fault.path} ${fault.said}`);
  const server = String(entry?.[0]?.fullUrl ?? '').replace(/\/DiagnosticReport\/[^/]*$/, '');
  return { server, report, provenance, files: filesOf(report, binaries, server) };
}

/** Hex SHA-256 of a file as it was found. */
export function digestFound(found: FoundReport, reference: string): string | null {
  return found.files.get(reference)?.sha256 ?? null;
}

/**
 * The report and its Provenance as ours. `places`: references there to references here (`ServiceRequest/…` and the Patient at least, the
 * files too); `ids`: those of the two here. The signature still holds apart from places (`verifyReport` with `moved`).
 */
export function localise(
  { report, provenance }: Pick<VerifiedReport, 'report' | 'provenance'>,
  server: string,
  places: ReadonlyMap<string, string>,
  ids: { readonly report: string; readonly provenance: string },
): { report: DiagnosticReport & { id: string }; provenance: Provenance & { id: string } } {
  const names = new Map(places);
  for (const [there, here] of places) names.set(`${server}/${there}`, here);
  for (const name of [`DiagnosticReport/${report.id}`, `${server}/DiagnosticReport/${report.id}`])
    names.set(name, `DiagnosticReport/${ids.report}`);
  return { report: ours(report, ids.report, server, names), provenance: ours(provenance, ids.provenance, server, names) };
}

function ours<T extends Resource>(resource: T, id: string, server: string, names: ReadonlyMap<string, string>): T & { id: string } {
  const { meta: _meta, ...content } = resource;
  const { text: _text, ...signed } = content as T & { text?: unknown };
  const unknown = literalReferences(resource).filter((reference) => !names.has(reference));
  const all = new Map([...unknown.map((reference) => [reference, `${server}/${reference}`] as const), ...names]);
  return { ...renameReferences(signed as T, all), id };
}

function filesOf(report: DiagnosticReport, binaries: readonly Binary[], server: string): Map<string, FoundFile> {
  const files = new Map<string, FoundFile>();
  for (const { url } of report.presentedForm ?? []) {
    const binary = binaries.find(({ id }) => url === `Binary/${id}` || url === `${server}/Binary/${id}`);
    if (url === undefined || binary?.data === undefined) continue;
    const bytes = Buffer.from(binary.data, 'base64');
    files.set(url, { contentType: binary.contentType, bytes, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  return files;
}
