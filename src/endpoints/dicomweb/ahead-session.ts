/**
 * What DICOMweb needs of stored instances, made while nothing else waits: their metadata, and the search index of studies that came before
 * there was one. In: a place in the journal. Promises: what is there already is not made again.
 */
import { indexOfStudy } from '../../protocols/dicom/query-index.ts';
import type { Database } from '../../store/database.ts';
import { indexStudy, unindexedStudies } from '../../store/dicom-search-store.ts';
import { instancesOfStudies, objectsAfter } from '../../store/instance-store.ts';
import { type MetadataDeps, makeMetadata } from './metadata-session.ts';

export type AheadDeps = MetadataDeps & { readonly database: Database };

/** Of up to `limit` instances that came after `seq`. Returns where to go on; null when there are no more. */
export async function makeAhead(deps: AheadDeps, seq: number, limit: number): Promise<number | null> {
  const objects = await objectsAfter(deps.database, seq, limit);
  await makeMetadata(deps, objects);
  const studies = [...new Set(objects.map((object) => object.studyUid))];
  for (const study of await unindexedStudies(deps.database, studies)) {
    const index = indexOfStudy(await instancesOfStudies(deps.database, [study]));
    // Nobody finds a study before its series.
    await deps.database.transaction((tx) => indexStudy(tx, index));
  }
  return objects.at(-1)?.seq ?? null;
}
