/** Files of a signed resource: bound by the SHA-256 of their bytes (extension `attachment-sha256`), wherever they lie. */
import { createHash } from 'node:crypto';
import type { Attachment } from '@medplum/fhirtypes';
import { ATTACHMENT_SHA256 } from './canonical.ts';

/** Hex SHA-256 that the attachment is bound by, or null. */
export function boundDigest(attachment: Attachment): string | null {
  return attachment.extension?.find((extension) => extension.url === ATTACHMENT_SHA256)?.valueString ?? null;
}

/** Whether these are the bytes the attachment is bound to; one that is not bound is held inline, inside the signature. */
export function isBoundTo(attachment: Attachment, bytes: Buffer): boolean {
  const bound = boundDigest(attachment);
  return bound === null || bound === createHash('sha256').update(bytes).digest('hex');
}
