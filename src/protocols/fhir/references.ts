/**
 * The literal references inside a resource: `Reference.reference` and the URLs of attachments (R4 §2.3.0, §2.24.0.3).
 * In: a resource. Out: what it points to here, or the same resource with other names put in (R4 §3.1.0.11.2, transactions).
 */
import type { Resource } from '@medplum/fhirtypes';

/** `Type/id`, as this server writes references to what it holds. */
const LITERAL = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;

/** The distinct references `Type/id` (versions taken off) to resources of this server, in the order they stand. */
export function literalReferences(resource: object): string[] {
  const found = new Set<string>();
  eachReference(resource, (text) => {
    if (LITERAL.test(text)) found.add(text.split('/_history/')[0] as string);
  });
  return [...found];
}

/** References that cannot be followed: neither literal, nor contained, nor an absolute URL of somebody else. */
export function brokenReferences(resource: Resource, base: string): { readonly text: string; readonly why: string }[] {
  const broken: { text: string; why: string }[] = [];
  eachReference(resource, (text, isAttachment) => {
    const why = whyBroken(text, isAttachment, base);
    if (why !== '') broken.push({ text, why });
  });
  return broken;
}

/** The resource with every reference that is a key of `names` replaced. The given one is not changed. */
export function renameReferences<T extends Resource>(resource: T, names: ReadonlyMap<string, string>): T {
  return names.size === 0 ? resource : (renamed(resource, names) as T);
}

function whyBroken(text: string, isAttachment: boolean, base: string): string {
  if (text.startsWith(`${base}/`)) return 'a reference to this server is written relative (Type/id)';
  if (text.startsWith('urn:uuid:') && !isAttachment) return 'no entry of this request has this fullUrl';
  if (isAttachment || text.startsWith('#') || ABSOLUTE.test(text) || LITERAL.test(text)) return '';
  if (text.includes('?')) return 'conditional references are not supported';
  return 'not a reference: Type/id, #contained or an absolute URL';
}

/** RFC 3986 §3.1: a scheme and a colon. */
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/** Where a value stands: an Extension has a `url` too, but it names the extension's definition. */
const isExtensionName = (name: string) => name === 'extension' || name === 'modifierExtension';

function eachReference(value: unknown, visit: (text: string, isAttachment: boolean) => void, inExtension = false): void {
  if (Array.isArray(value)) for (const item of value) eachReference(item, visit, inExtension);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, child] of Object.entries(value)) {
      if (typeof child !== 'string') eachReference(child, visit, isExtensionName(name));
      else if (name === 'reference') visit(child, false);
      else if (name === 'url' && !inExtension) visit(child, true);
    }
  }
}

function renamed(value: unknown, names: ReadonlyMap<string, string>, inExtension = false): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names, inExtension));
  if (typeof value !== 'object' || value === null) return value;
  const links = (name: string) => name === 'reference' || (name === 'url' && !inExtension);
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => {
      if (typeof child !== 'string') return [name, renamed(child, names, isExtensionName(name))];
      return [name, links(name) ? (names.get(child) ?? child) : child];
    }),
  );
}
