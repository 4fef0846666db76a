/**
 * Series and instances of an ImagingStudy (R4 ImagingStudy.series, .instance; PS3.3 §C.7.3.1). In: the instances. Out: one entry a series, in
 * the order of Series Number, its instances in the order of Instance Number. What a series says as a whole is read from its first instance.
 */
import type { Coding, ImagingStudySeries, ImagingStudySeriesInstance } from '@medplum/fhirtypes';
import { type DicomJson, textOf } from '../../protocols/dicom/header.ts';
import { filled } from '../datatypes/components.ts';
import type { Draft } from '../draft.ts';
import { conceptOf, dateTimeAt, itemsOf, type ReadInstance } from './attributes.ts';

export function studySeries(read: readonly ReadInstance[], draft: Draft): ImagingStudySeries[] {
  const groups = [...Map.groupBy(read, ({ instance }) => instance.seriesUid)];
  const series = groups.map(([uid, instances]) => seriesOf(uid, instances, draft));
  return series.sort((a, b) => (a.number ?? Number.MAX_SAFE_INTEGER) - (b.number ?? Number.MAX_SAFE_INTEGER) || (a.uid < b.uid ? -1 : 1));
}

/** CID 29 and its kin in the DICOM vocabulary; OT (other) where a dataset says none, for FHIR requires one. */
export function modalityCoding(modality: string): Coding {
  return { system: DCM, code: modality || 'OT' };
}

function seriesOf(uid: string, instances: readonly ReadInstance[], draft: Draft): ImagingStudySeries {
  const { header, instance } = instances[0] as ReadInstance;
  return filled<ImagingStudySeries>({
    uid,
    number: wholeNumber(textOf(header, 'SeriesNumber')),
    modality: modalityCoding(instance.modality),
    description: textOf(header, 'SeriesDescription'),
    numberOfInstances: instances.length,
    bodySite: bodySiteOf(header, draft.peer.name),
    laterality: lateralityOf(instances),
    started: dateTimeAt(header, 'SeriesDate', 'SeriesTime', draft.zone),
    instance: instances.map(instanceOf).sort(byNumber),
  }) as ImagingStudySeries;
}

function instanceOf({ instance, header }: ReadInstance): ImagingStudySeriesInstance {
  return filled<ImagingStudySeriesInstance>({
    uid: instance.sopInstanceUid,
    sopClass: { system: 'urn:ietf:rfc:3986', code: `urn:oid:${instance.sopClassUid}` },
    number: wholeNumber(textOf(header, 'InstanceNumber')),
    title: textOf(header, 'DocumentTitle'),
  }) as ImagingStudySeriesInstance;
}

function byNumber(a: ImagingStudySeriesInstance, b: ImagingStudySeriesInstance): number {
  return (a.number ?? Number.MAX_SAFE_INTEGER) - (b.number ?? Number.MAX_SAFE_INTEGER) || (a.uid < b.uid ? -1 : 1);
}

/** Anatomic Region Sequence (0008,2218) is coded; Body Part Examined (0018,0015) is a defined term without a code of its own here. */
function bodySiteOf(header: DicomJson, owner: string): Coding | undefined {
  const coded = conceptOf(itemsOf(header, 'AnatomicRegionSequence')[0], owner)?.coding?.[0];
  return coded ?? filled<Coding>({ display: textOf(header, 'BodyPartExamined') });
}

/** (0020,0060), else (0020,0062) where every image has the same side. */
function lateralityOf(instances: readonly ReadInstance[]): Coding | undefined {
  const sides = new Set(instances.map(({ header }) => textOf(header, 'Laterality') || textOf(header, 'ImageLaterality')));
  const [side = ''] = sides;
  return sides.size === 1 ? LATERALITY.get(side) : undefined;
}

/** unsignedInt of R4; IS may be negative. */
function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

const DCM = 'http://dicom.nema.org/resources/ontology/DCM';

/** (0020,0060) and (0020,0062) to SNOMED CT, as R4's value set bodysite-laterality has them. */
const LATERALITY: ReadonlyMap<string, Coding> = new Map([
  ['R', { system: 'http://snomed.info/sct', code: '419465000', display: 'Unilateral right' }],
  ['L', { system: 'http://snomed.info/sct', code: '419161000', display: 'Unilateral left' }],
  ['B', { system: 'http://snomed.info/sct', code: '51440002', display: 'Bilateral' }],
]);
