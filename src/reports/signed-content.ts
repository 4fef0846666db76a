/**
 * What a signature of a report covers. In: a DiagnosticReport. Out: the bytes that are signed (RFC 8785 canonical JSON, UTF-8).
 * Without `id`, `meta` and `text`, which servers write; references literal, because a server rewrites `urn:uuid:`; every presentedForm
 * inline or bound by SHA-256. Two servers that keep the same report therefore give the same bytes.
 */
import type { Attachment, DiagnosticReport } from '@medplum/fhirtypes';
import canonicalize from 'canonicalize';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import { boundDigest } from '../protocols/fhir/attachment.ts';

/** The bytes to sign, or why this report cannot be signed as it stands. */
export function signedContent(report: DiagnosticReport): Buffer | Failure {
  const { id: _id, meta: _meta, text: _text, ...content } = report;
  const fault = referenceFault(content) ?? attachmentFault(report.presentedForm ?? []);
  if (fault !== null) return failure('reports', 'invalid', fault);
  return canonicalBytes(content);
}

/**
 * Whether a report that moved to another server still says what was signed. Only places may differ: what a literal reference points to
 * (ids are the server's), and where a file lies that is bound by its SHA-256 (who uses the file checks the digest).
 */
export function sameApartFromPlaces(signed: DiagnosticReport, moved: DiagnosticReport): boolean {
  const { id: _id, meta: _meta, text: _text, ...content } = moved;
  return sameValue(signed, content);
}

/** Parses bytes that claim to be signed content; a Failure unless they are canonical JSON of a DiagnosticReport without server's parts. */
export function parseSignedContent(bytes: Buffer): DiagnosticReport | Failure {
  const report = parseObject(bytes) as DiagnosticReport | null;
  if (report?.resourceType !== 'DiagnosticReport') return failure('reports', 'signature', 'the signed content is no DiagnosticReport');
  const canonical = signedContent(report);
  if (isFailure(canonical)) return canonical;
  if (!canonical.equals(bytes))
    return failure('reports', 'signature', 'the signed content is not canonical (RFC 8785, without id, meta, text)');
  return report;
}

function parseObject(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

/** The library throws on what has no canonical form: a lone surrogate, and a nesting deeper than the stack. */
function canonicalBytes(value: unknown): Buffer | Failure {
  try {
    return Buffer.from(canonicalize(value) as string, 'utf8');
  } catch {
    return failure('reports', 'invalid', 'the report has no canonical form (RFC 8785)');
  }
}

/** Every `reference` in a value, wherever it stands. A loop, because hostile JSON may be nested deeper than the stack. */
function* referencesOf(value: unknown): Generator<string> {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const [name, child] of Object.entries(next)) {
      if (name === 'reference' && typeof child === 'string') yield child;
      else waiting.push(child);
    }
  }
}

function referenceFault(content: object): string | null {
  for (const reference of referencesOf(content)) {
    if (!LITERAL.test(reference)) return 'a reference is not literal: only Type/id, an absolute URL or #contained can be signed';
  }
  return null;
}

function attachmentFault(attachments: readonly Attachment[]): string | null {
  for (const [index, { url, data, ...attachment }] of attachments.entries()) {
    if ((url === undefined) === (data === undefined)) return `presentedForm[${index}] needs either data or url`;
    if (url === undefined) continue;
    if (!BINARY.test(url)) return `presentedForm[${index}].url is not Binary/id`;
    if (!/^[0-9a-f]{64}$/.test(boundDigest(attachment) ?? '')) return `presentedForm[${index}] is not bound by the SHA-256 of its bytes`;
  }
  return null;
}

function sameValue(signed: unknown, moved: unknown): boolean {
  if (!isObject(signed) || !isObject(moved)) return signed === moved;
  if (Array.isArray(signed) !== Array.isArray(moved)) return false;
  if (typeof signed.reference === 'string' && !signed.reference.startsWith('#')) return true;
  const places = isBound(signed) ? ['url', 'data'] : [];
  const names = new Set([...Object.keys(signed), ...Object.keys(moved)].filter((name) => !places.includes(name)));
  return [...names].every((name) => sameValue(signed[name], moved[name]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isBound(value: Record<string, unknown>): boolean {
  return Array.isArray(value.extension) && boundDigest(value as Attachment) !== null;
}

/** FHIR R4 §2.3.0.1: literal references, with the id rule of §2.24.0.1 (id). */
const LITERAL =
  /^(?:#[A-Za-z0-9.-]{1,64}|(?:https?:\/\/[^\s#?]+\/)?[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?)$/;
const BINARY = /^(?:https?:\/\/[^\s#?]+\/)?Binary\/[A-Za-z0-9.-]{1,64}$/;
