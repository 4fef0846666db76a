/**
 * Who sees a study's objects: whoever is shown the ImagingStudy that the corridor made of them (R4 §11.8).
 * An ImagingStudy that somebody else wrote says nothing here, whatever UIDs it names: only the corridor and operators give a resource
 * the identity of a study.
 */
import type { Caller } from '../../model/peer.ts';
import type { Queryable } from '../../store/database.ts';
import { findIdentifiers } from '../../store/identifier-store.ts';
import { readResources } from '../../store/resource-store.ts';

/** False too for a study that is not in the corridor yet. */
export async function maySeeStudy(q: Queryable, caller: Caller, studyUid: string): Promise<boolean> {
  if (caller.role === 'operator') return true;
  const [id] = await findIdentifiers(q, [{ type: 'ImagingStudy', system: 'urn:dicom:uid', value: `urn:oid:${studyUid}` }]);
  const reference = `ImagingStudy/${id}`;
  const stored = id ? (await readResources(q, [reference])).get(reference) : undefined;
  return stored !== undefined && !stored.deleted && stored.readers.includes(caller.group);
}
