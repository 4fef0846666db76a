/** What goes along with an answer, with the database: resources that others refer to, and the bytes of their files. */
import type { Resource } from '@medplum/fhirtypes';
import type { StoredBinary } from '../model/binary.ts';
import { literalReferences } from '../protocols/fhir/references.ts';
import { type Batch, loadResources, resourceIn } from '../store/batch.ts';
import type { BlobStore } from '../store/blob-store.ts';

/** What resources refer to, as far as it is here. */
export async function loadKnown(batch: Batch, resources: readonly Resource[]): Promise<Map<string, Resource>> {
  const references = [...new Set(resources.flatMap(literalReferences))];
  await loadResources(batch, references);
  return new Map(
    references.flatMap((reference) => resourceIn(batch, reference) ?? []).map((found) => [`${found.resourceType}/${found.id}`, found]),
  );
}

/** Bytes of the files that resources name by `Binary/id`, up to a size. A file that is not there (a restore without its blobs) is left out. */
export async function filesOf(batch: Batch, blobs: BlobStore, resources: readonly Resource[], most: number): Promise<Map<string, Buffer>> {
  const urls = [...new Set(resources.flatMap(fileUrls))];
  await loadResources(batch, urls);
  const files = new Map<string, Buffer>();
  for (const url of urls) {
    const binary = resourceIn(batch, url) as StoredBinary | null;
    if (!binary || binary.size > most || !(await blobs.stat(binary.digest))) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of blobs.read(binary.digest)) chunks.push(chunk as Buffer);
    files.set(url, Buffer.concat(chunks));
  }
  return files;
}

function fileUrls(resource: Resource): string[] {
  return [...JSON.stringify(resource).matchAll(/"url":"(Binary\/[A-Za-z0-9.-]{1,64})"/g)].map(([, url]) => url as string);
}

export function resourcesIn(batch: Batch, references: readonly string[]): Resource[] {
  return references.map((reference) => resourceIn(batch, reference)).filter((resource) => resource !== null);
}
