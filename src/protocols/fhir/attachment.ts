/** Files of a resource that are bound by the SHA-256 of their bytes (extension `attachment-sha256`), wherever they lie. */
import type { Attachment, DiagnosticReport } from '@medplum/fhirtypes';
import { ATTACHMENT_SHA256 } from './canonical.ts';

/** An attachment elsewhere, bound by the SHA-256 of its bytes (lower-case hex). */
export function boundAttachment(url: string, contentType: string, sha256: string): Attachment {
  return { extension: [{ url: ATTACHMENT_SHA256, valueString: sha256 }], contentType, url };
}

/** Hex SHA-256 that the attachment is bound by, or null. */
export function boundDigest(attachment: Attachment): string | null {
  return attachment.extension?.find((extension) => extension.url === ATTACHMENT_SHA256)?.valueString ?? null;
}

/** The PDF of a signed report: its bytes where it is inline, else the SHA-256 they are found by; null where it has none. */
export function pdfOf({ presentedForm }: DiagnosticReport): { readonly bytes: Buffer } | { readonly sha256: string } | null {
  const pdf = presentedForm?.find(({ contentType }) => contentType === 'application/pdf');
  if (pdf === undefined) return null;
  if (pdf.data !== undefined) return { bytes: Buffer.from(pdf.data, 'base64') };
  const sha256 = boundDigest(pdf);
  return sha256 === null ? null : { sha256 };
}
