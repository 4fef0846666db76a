/**
 * Bundles in and out (R4 §2.36, §3.1.0.11). In: a transaction or batch as parsed. Out: its entries as interactions, and the Bundles that
 * answer: transaction-response, batch-response, searchset, history.
 */
import type { Bundle, BundleEntry, BundleLink, Resource } from '@medplum/fhirtypes';
import { isFailure } from '../../model/failure.ts';
import { type Interaction, interactionOf, type Write } from './interaction.ts';
import { type FhirFailure, refuse } from './operation-outcome.ts';

/** Entries of one transaction or batch. */
export const MAX_ENTRIES = 500;

/** The entries of a Bundle, each as it would be asked alone. A fault in one is that entry's. */
export function bundleEntries(bundle: Bundle, base: string): (Interaction | FhirFailure)[] | FhirFailure {
  const entries = bundle.entry ?? [];
  if (!Array.isArray(entries)) return refuse(400, 'structure', 'entry is not an array', 'Bundle.entry');
  if (entries.length > MAX_ENTRIES) return refuse(413, 'too-long', `more than ${MAX_ENTRIES} entries`, 'Bundle.entry');
  return entries.map((entry, index) => entryInteraction(entry, index, base));
}

/** The entries of a transaction: all writes, each resource once, each name once. */
export function transactionEntries(bundle: Bundle, base: string): Write[] | FhirFailure {
  const entries = bundleEntries(bundle, base);
  if (isFailure(entries)) return entries;
  const writes: Write[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const path = `Bundle.entry[${index}]`;
    if (isFailure(entry)) return entry;
    if (entry.kind === 'get') return refuse(400, 'not-supported', 'reads go into a batch, not into a transaction', path);
    const names = [entry.kind === 'delete' ? '' : entry.fullUrl, 'id' in entry && entry.id !== '' ? `${entry.type}/${entry.id}` : ''];
    for (const name of names.filter((text) => text !== '')) {
      if (seen.has(name)) return refuse(400, 'invalid', 'the same resource or fullUrl stands in two entries', path);
      seen.add(name);
    }
    writes.push(entry);
  }
  return writes;
}

function entryInteraction(entry: BundleEntry | null, index: number, base: string): Interaction | FhirFailure {
  const path = `Bundle.entry[${index}]`;
  const { method, url, ifMatch, ifNoneExist } = entry?.request ?? {};
  if (typeof method !== 'string' || typeof url !== 'string')
    return refuse(400, 'required', 'an entry needs request.method and request.url', path);
  const relative = url.startsWith(`${base}/`) ? url.slice(base.length + 1) : url;
  const fullUrl = typeof entry?.fullUrl === 'string' ? entry.fullUrl : '';
  const body = entry?.resource;
  return interactionOf({ method, url: relative, ifMatch: textOf(ifMatch), ifNoneExist: textOf(ifNoneExist), body, fullUrl });
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** One entry of a searchset. */
export function searchEntry(resource: Resource, mode: 'match' | 'include', base: string): BundleEntry {
  return { fullUrl: `${base}/${resource.resourceType}/${resource.id}`, resource, search: { mode } };
}

/** A searchset; `total` null when it was not asked for. */
export function searchBundle(entries: readonly BundleEntry[], links: readonly BundleLink[], total: number | null): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    ...(total === null ? {} : { total }),
    link: [...links],
    ...(entries.length > 0 ? { entry: [...entries] } : {}),
  };
}
