/**
 * A resource as a reader is shown it who did not send it: photos and films that stand in it go without where they were taken, and what is said of
 * the size and hash of one (Attachment.size, .hash) is said of what he is given, or not at all.
 * In: a resource. Out: the same, with its attachments so. What is signed is left alone.
 */
import { createHash } from 'node:crypto';
import type { Attachment, Resource } from '@medplum/fhirtypes';
import { isPictured, shownBytes } from '../media/shown-file.ts';

export function shownToReader<T extends Resource>(resource: T): T {
  return SIGNED.has(resource.resourceType) ? resource : (shownValue(resource) as T);
}

function shownValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shownValue);
  if (typeof value !== 'object' || value === null) return value;
  const attachment = value as Attachment;
  if (typeof attachment.data === 'string' && typeof attachment.contentType === 'string') return withData(attachment, attachment.data);
  if (typeof attachment.url === 'string' && isPicture(attachment)) return withoutMeasures(attachment);
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, shownValue(child)]));
}

function isPicture({ contentType, url = '' }: Attachment): boolean {
  return contentType === undefined ? url.startsWith('Binary/') : isPictured(contentType);
}

function withData(attachment: Attachment, data: string): Attachment {
  const bytes = Buffer.from(data, 'base64');
  const shown = shownBytes(bytes, attachment.contentType ?? '');
  if (shown?.equals(bytes)) return attachment;
  const { data: _data, ...said } = withoutMeasures(attachment);
  if (!shown) return { ...said, extension: [...(said.extension ?? []), MASKED] };
  return {
    ...said,
    data: shown.toString('base64'),
    ...(attachment.size === undefined ? {} : { size: shown.length }),
    // R4 Attachment.hash is SHA-1.
    ...(attachment.hash === undefined ? {} : { hash: createHash('sha1').update(shown).digest('base64') }),
  };
}

/** Of a file elsewhere nobody has looked yet how long it is without. */
function withoutMeasures({ size: _size, hash: _hash, ...attachment }: Attachment): Attachment {
  return attachment;
}

const MASKED = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' };
/** Their content is what a signature covers. */
const SIGNED: ReadonlySet<string> = new Set(['DiagnosticReport', 'Provenance']);
