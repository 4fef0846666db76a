/**
 * The answer for who asked by FHIR: the signed DiagnosticReport and its Provenance as one transaction for his own server.
 * His server knows neither our ids nor, by id, what he sent us: references go by business identifier (the order's, the patient's), a
 * file goes inline. The signature stays whole, because the signed bytes travel in it: `sameApartFromPlaces` of `reports` tells how to
 * compare. What the signature does not cover (a narrative) is not sent. Both are created once, found again by a tag: R4 Provenance has
 * no identifier, and one more identifier would alter what was signed.
 */
import type { Attachment, Bundle, DiagnosticReport, Provenance, Reference, Resource } from '@medplum/fhirtypes';
import { type Failure, failure } from '../../model/failure.ts';
import { isBoundTo } from '../../protocols/fhir/attachment.ts';
import { RESOURCE_SYSTEM } from '../../protocols/fhir/canonical.ts';
import { logicalReference, type Moving, moved } from '../../protocols/fhir/move.ts';
import { createOnce, type Push, pushName, transaction } from '../../protocols/fhir/push.ts';

export type FhirReportInput = {
  readonly report: DiagnosticReport;
  readonly provenance: Provenance;
  /** What the two refer to here, by `Type/id`. */
  readonly known: ReadonlyMap<string, Resource>;
  /** Bytes of the report's files, by `Binary/id`. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Our FHIR base as others reach it. */
  readonly base: string;
  /** UUID of the delivery. */
  readonly controlId: string;
};

export function composeFhirReport(input: FhirReportInput): Push | Failure {
  const { report, provenance, controlId } = input;
  const fault = fileFault(input);
  if (fault !== null) return fault;
  const [reportHere, provenanceHere] = [`DiagnosticReport/${report.id}`, `Provenance/${provenance.id}`];
  const { text: _text, ...signed } = moved(report, movingOf(input));
  const target = [{ reference: pushName(reportHere) }];
  const proof = { ...moved(provenance, movingOf(input)), target };
  return [transaction(controlId, [onceByTag(reportHere, signed), onceByTag(provenanceHere, proof)])] satisfies Bundle[];
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
  const tagged = { ...resource, meta: { tag: [{ system: RESOURCE_SYSTEM, code: here }] } };
  return createOnce(pushName(here), tagged, '_tag', RESOURCE_SYSTEM, here);
}

function movingOf({ known, files, base }: FhirReportInput): Moving {
  return {
    place: (reference): Reference => logicalReference(reference, known.get(reference.reference), base),
    file: ({ url, ...attachment }): Attachment => ({ ...attachment, data: files.get(url)?.toString('base64') }),
  };
}
