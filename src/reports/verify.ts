/**
 * Is this report signed, whole, and for this case? In: a DiagnosticReport, its Provenance, the signers we know, and what the case
 * expects. Out: a VerifiedReport, or a Failure that says which of these does not hold.
 * FHIR R4 Signature (§2.24.0.15): Provenance.signature, the only one, is a detached JWS over the bytes in its extension `signed-content`.
 * Promises: everything sent home afterwards (conclusion, coded results, files) was covered by the signature or bound by its digest.
 */
import type { DiagnosticReport, Identifier, Provenance, Reference, Signature } from '@medplum/fhirtypes';
import type { Signer } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import { boundDigest, isBoundTo } from '../protocols/fhir/attachment.ts';
import { SIGNED_CONTENT } from '../protocols/fhir/canonical.ts';
import { type ProtectedHeader, verifyDetached } from './jws.ts';
import { parseSignedContent, sameApartFromPlaces, signedContent } from './signed-content.ts';

export type VerifyInput = {
  readonly report: DiagnosticReport;
  readonly provenance: Provenance | null;
  readonly signers: readonly Signer[];
  /** The case's own resources, in the references of the server where the report lies. */
  readonly expected: {
    readonly serviceRequest: string;
    readonly patient: string;
    /** Records of the same person that were merged into that one since the report was begun. */
    readonly formerPatients?: readonly string[];
  };
  /** FHIR base of that server, where the report may name it (absolute references). */
  readonly server?: string;
  /** Of a report that takes back those before: who signed each; empty where there are none. */
  readonly withdraws?: readonly Identifier[];
  /** Hex SHA-256 of the bytes of `Binary/id`, or null. */
  blobOf(reference: string): string | null;
  /** True for a report whose references were rewritten after signing, because it moved from the signer's server to this one. */
  readonly moved?: boolean;
};

export type VerifiedReport = {
  readonly report: DiagnosticReport;
  readonly provenance: Provenance;
  readonly signer: Signer;
  /** Instant. */
  readonly signedAt: string;
};

export function verifyReport(input: VerifyInput): VerifiedReport | Failure {
  const { report, provenance, signers, moved = false } = input;
  const [signature, ...others] = provenance?.signature ?? [];
  if (!provenance || signature === undefined) return refused('no Provenance with a signature came with the report');
  if (others.length > 0) return refused('the Provenance has more than one signature: each that travels home must be verified');
  const opened = openSignature(signature, signers);
  if (isFailure(opened)) return opened;
  const fault =
    alteration(report, opened, moved) ??
    wrongCase(report, input) ??
    notAReport(report, input) ??
    wrongSigner(report, provenance, opened.signer) ??
    notWhoSigned(report, opened.signer, input) ??
    alteredFile(report, input);
  return fault ?? { report, provenance, signer: opened.signer, signedAt: signature.when };
}

type Opened = { readonly signer: Signer; readonly content: Buffer; readonly signed: DiagnosticReport };

/** Finds the signer, holds the JWS against the bytes that travel with it, and reads those. */
function openSignature(signature: Signature, signers: readonly Signer[]): Opened | Failure {
  const encoded = signature.extension?.find((extension) => extension.url === SIGNED_CONTENT)?.valueBase64Binary;
  if (!signature.data || !encoded) return refused('the signature lacks its data or the extension signed-content');
  const jws = decodeBase64(signature.data);
  const content = decodeBase64(encoded);
  if (jws === null || content === null) return refused('the signature is not canonical base64');
  const found = verifyByAny(signersOf(signature, signers), jws.toString('latin1'), content);
  if (isFailure(found)) return found;
  if (!agreesOnTime(found.header, signature.when)) return refused('signature.when is not the time in the signed header (sigT)');
  const signed = parseSignedContent(content);
  return isFailure(signed) ? signed : { signer: found.signer, content, signed };
}

/** One person may have several keys (a new one beside the old one). */
function signersOf(signature: Signature, signers: readonly Signer[]): Signer[] {
  return signers.filter((candidate) => isSame(candidate.identifier, signature.who?.identifier));
}

function verifyByAny(candidates: readonly Signer[], jws: string, content: Buffer): { signer: Signer; header: ProtectedHeader } | Failure {
  let last = refused('signature.who does not carry the identifier of a signer who is known here');
  for (const signer of candidates) {
    const header = verifyDetached(jws, content, signer.jwk);
    if (!isFailure(header)) return { signer, header };
    last = header;
  }
  return last;
}

/** The signer seals the time (`sigT`, ETSI TS 119 182-1 §5.2.1): without it anybody could write another `when`. */
function agreesOnTime(header: ProtectedHeader, when: string): boolean {
  const shown = Date.parse(when);
  if (Number.isNaN(shown)) return false;
  return typeof header.sigT === 'string' && Date.parse(header.sigT) === shown;
}

function alteration(report: DiagnosticReport, { content, signed }: Opened, moved: boolean): Failure | null {
  if (moved) return sameApartFromPlaces(signed, report) ? null : refused('the report is not the one that was signed');
  const bytes = signedContent(report);
  if (isFailure(bytes)) return bytes;
  return bytes.equals(content) ? null : refused('the report is not the one that was signed');
}

function wrongCase({ basedOn, subject }: DiagnosticReport, { expected, server }: VerifyInput): Failure | null {
  const names = (reference: string | undefined, place: string) =>
    reference === place || (server !== undefined && reference === `${server}/${place}`);
  if (basedOn?.length !== 1 || !names(basedOn[0]?.reference, expected.serviceRequest)) {
    return invalid('basedOn is not (only) the ServiceRequest of the case');
  }
  const records = [expected.patient, ...(expected.formerPatients ?? [])];
  return records.some((patient) => names(subject?.reference, patient)) ? null : invalid('subject is not the Patient of the case');
}

function notAReport(report: DiagnosticReport, { withdraws = [] }: VerifyInput): Failure | null {
  const { status, conclusion, result, presentedForm, contained } = report;
  if (status === WITHDRAWAL && withdraws.length > 0) return null;
  if (!SIGNED_STATUSES.includes(status)) return invalid(`the status is not one of ${SIGNED_STATUSES.join(', ')}`);
  const observations = (contained ?? []).filter(({ resourceType }) => resourceType === 'Observation').map(({ id }) => `#${id}`);
  if (result?.some(({ reference }) => !observations.includes(reference ?? ''))) {
    return invalid('a result is no contained Observation: the signature does not cover a resource elsewhere');
  }
  const says = [conclusion?.trim(), result?.length, presentedForm?.length].some(Boolean);
  return says ? null : invalid('the report has no conclusion, no result and no presentedForm');
}

/** Who signed must be the one the Provenance shows, and one of those the report itself names as its interpreters. */
function wrongSigner({ resultsInterpreter }: DiagnosticReport, { agent }: Provenance, { identifier }: Signer): Failure | null {
  if (!agent?.some(({ who }) => isSame(identifier, who?.identifier))) return invalid('the signer is no agent of the Provenance');
  const named = (resultsInterpreter ?? []).flatMap(({ identifier: one }: Reference) => (one ? [one] : []));
  if (named.length === 0 || named.some((one) => isSame(identifier, one))) return null;
  return invalid('resultsInterpreter names others, not the signer');
}

/** Nobody takes back what another has signed: he may correct it. */
function notWhoSigned({ status }: DiagnosticReport, { identifier }: Signer, { withdraws = [] }: VerifyInput): Failure | null {
  if (status !== WITHDRAWAL || withdraws.every((one) => isSame(identifier, one))) return null;
  return refused('a report is withdrawn by who signed it, and by nobody else');
}

function alteredFile({ presentedForm }: DiagnosticReport, { blobOf }: VerifyInput): Failure | null {
  for (const [index, attachment] of (presentedForm ?? []).entries()) {
    const { url, data } = attachment;
    const found = url === undefined ? null : blobOf(url);
    if (url !== undefined && found === null) return invalid(`the Binary of presentedForm[${index}] is not here`);
    const fits = url === undefined ? isBoundTo(attachment, Buffer.from(data ?? '', 'base64')) : found === boundDigest(attachment);
    if (!fits) return refused(`the bytes of presentedForm[${index}] are not the ones that were signed`);
  }
  return null;
}

function isSame(one: Signer['identifier'], other: Identifier | undefined): boolean {
  return other !== undefined && one.system === other.system && one.value === other.value;
}

function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

function refused(detail: string): Failure {
  return failure('reports', 'signature', detail);
}

function invalid(detail: string): Failure {
  return failure('reports', 'invalid', detail);
}

/** HL7 diagnostic-report-status of what takes back the report before. */
export const WITHDRAWAL = 'entered-in-error';

/** HL7 diagnostic-report-status: those under which a report may be read as the answer. */
const SIGNED_STATUSES: readonly string[] = ['final', 'amended', 'corrected', 'appended'];
