/**
 * The answer for who asked by FHIR: the signed DiagnosticReport and its Provenance as one transaction for his own server.
 * His server knows neither our ids nor, by id, what he sent us: references go by business identifier (the order's, the patient's), a
 * file goes inline. The signature stays whole, because the signed bytes travel in it: `sameApartFromPlaces` of `reports` tells how to
 * compare. What the signature does not cover (a narrative) is not sent. Both are created once, found again by a tag: R4 Provenance has
 * no identifier, and one more identifier would alter what was signed.
 * A report that takes back others goes in the same way; the others, found by their tags, are overwritten with the status entered-in-error.
 */
import type { Attachment, Bundle, BundleEntry, DiagnosticReport, Provenance, Reference, Resource } from '@medplum/fhirtypes';
import { type Failure, failure } from '../../model/failure.ts';
import { isBoundTo } from '../../protocols/fhir/attachment.ts';
import { RESOURCE_SYSTEM } from '../../protocols/fhir/canonical.ts';
import { logicalReference, type Moving, moved } from '../../protocols/fhir/move.ts';
import { createOnce, MAX_PUSH_ENTRIES, type Push, pushName, transaction, updateByTag } from '../../protocols/fhir/push.ts';

export type FhirReportInput = {
  readonly report: DiagnosticReport;
  readonly provenance: Provenance;
  /** Reports that this one takes back, as they are now. */
  readonly withdrawn?: readonly DiagnosticReport[];
  /** What all of them refer to here, by `Type/id`. */
  readonly known: ReadonlyMap<string, Resource>;
  /** Bytes of the report's files, by `Binary/id`. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Our FHIR base as others reach it. */
  readonly base: string;
  /** UUID of the delivery. */
  readonly controlId: string;
};

export function composeFhirReport(input: FhirReportInput): Push | Failure {
  const { report, provenance, withdrawn = [], controlId } = input;
  const fault = fileFault(input);
  if (fault !== null) return fault;
  const [reportHere, provenanceHere] = [`DiagnosticReport/${report.id}`, `Provenance/${provenance.id}`];
  const { text: _text, ...signed } = moved(report, movingOf(input));
  const target = [{ reference: pushName(reportHere) }];
  const proof = { ...moved(provenance, movingOf(input)), target };
  const entries = [onceByTag(reportHere, signed), onceByTag(provenanceHere, proof), ...withdrawn.map((one) => takenBack(one, input))];
  const bundles = Math.ceil(entries.length / MAX_PUSH_ENTRIES);
  return Array.from({ length: bundles }, (_, at) => at * MAX_PUSH_ENTRIES).map(
    (from): Bundle => transaction(controlId, entries.slice(from, from + MAX_PUSH_ENTRIES)),
  );
}

function fileFault({ report, files }: FhirReportInput): Failure | null {
  for (const attachment of report.presentedForm ?? []) {
    if (attachment.url === undefined) continue;
    const bytes = files.get(attachment.url);
    if (bytes === undefined) return failure('return', 'not-found', `the file ${attachment.url} of the report is not here`);
    if (!isBoundTo(attachment, bytes)) return failure('return', 'signature', `the file ${attachment.url} is not the one that was signed`);
  }
  return null;
}

function onceByTag(here: string, resource: Resource) {
  return createOnce(pushName(here), tagged(here, resource), '_tag', RESOURCE_SYSTEM, here);
}

/** Created as what it is where the report itself never came: that it is not to be used holds all the same. */
function takenBack(report: DiagnosticReport, input: FhirReportInput): BundleEntry {
  const here = `DiagnosticReport/${report.id}`;
  const { text: _text, ...signed } = moved(report, movingOf(input));
  return updateByTag(pushName(here), tagged(here, signed), RESOURCE_SYSTEM, here);
}

function tagged(here: string, resource: Resource): Resource {
  return { ...resource, meta: { tag: [{ system: RESOURCE_SYSTEM, code: here }] } };
}

function movingOf({ known, files, base }: FhirReportInput): Moving {
  return {
    place: (reference): Reference => logicalReference(reference, known.get(reference.reference), base),
    file: ({ url, ...attachment }): Attachment => ({ ...attachment, data: files.get(url)?.toString('base64') }),
  };
}
