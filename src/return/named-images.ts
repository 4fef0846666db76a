/**
 * Images that a report names as its key images. In: the report, and the Media it links that are not contained in it. Out: SOP Instance UIDs,
 * with frames where one is named. An image is named by DiagnosticReport.media, whose Media has it as `urn:dicom:uid` or by a WADO-RS URL,
 * or by DiagnosticReport.imagingStudy, where that is an ImagingStudy contained in the report, with instances: a selection. A study that is
 * named as a whole is what was read, and no selection.
 */
import type { DiagnosticReport, ImagingStudy, Media, Reference, Resource } from '@medplum/fhirtypes';
import { isUid } from '../protocols/dicom/uid.ts';

export type NamedImage = { readonly sopInstanceUid: string; readonly frames: readonly number[] };

/** `Media/id` of what must be loaded for `namedImages`. */
export function linkedMedia({ media }: DiagnosticReport): string[] {
  return (media ?? []).flatMap(({ link }) => (/^Media\/[A-Za-z0-9.-]{1,64}$/.test(link.reference ?? '') ? [link.reference as string] : []));
}

export function namedImages(report: DiagnosticReport, known: ReadonlyMap<string, Resource>): NamedImage[] {
  const at = ({ reference = '' }: Reference): Resource | undefined =>
    reference.startsWith('#') ? report.contained?.find(({ id }) => id === reference.slice(1)) : known.get(reference);
  const linked = (report.media ?? []).flatMap(({ link }) => imageOf(at(link)) ?? []);
  const selected = (report.imagingStudy ?? []).filter(({ reference }) => reference?.startsWith('#')).flatMap((one) => instancesOf(at(one)));
  return joined([...linked, ...selected]);
}

function imageOf(resource: Resource | undefined): NamedImage | null {
  if (resource?.resourceType !== 'Media') return null;
  const { identifier, content } = resource as Media;
  const uid = identifier?.find(({ system }) => system === 'urn:dicom:uid')?.value?.replace(/^urn:oid:/, '');
  if (uid !== undefined && isUid(uid)) return { sopInstanceUid: uid, frames: [] };
  const [, instance = '', frame] = WADO_RS.exec(content?.url ?? '') ?? [];
  return isUid(instance) ? { sopInstanceUid: instance, frames: frame === undefined ? [] : [Number(frame)] } : null;
}

function instancesOf(resource: Resource | undefined): NamedImage[] {
  if (resource?.resourceType !== 'ImagingStudy') return [];
  const uids = ((resource as ImagingStudy).series ?? []).flatMap(({ instance }) => (instance ?? []).map(({ uid }) => uid ?? ''));
  return uids.filter(isUid).map((sopInstanceUid) => ({ sopInstanceUid, frames: [] }));
}

/** Each image once; one that is named as a whole is not cut down to the frames that are named beside. */
function joined(images: readonly NamedImage[]): NamedImage[] {
  return [...Map.groupBy(images, ({ sopInstanceUid }) => sopInstanceUid)].map(([sopInstanceUid, same]) => {
    const frames = same.some((one) => one.frames.length === 0) ? [] : [...new Set(same.flatMap((one) => one.frames))].sort((a, b) => a - b);
    return { sopInstanceUid, frames };
  });
}

/** PS3.18 Table 10.4.1-1. */
const WADO_RS = /\/studies\/[\d.]+\/series\/[\d.]+\/instances\/([\d.]+)(?:\/frames\/([1-9]\d{0,8})(?![\d,]))?/;
