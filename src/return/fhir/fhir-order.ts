/**
 * A case for a specialist's own FHIR server: Patient, ServiceRequest, Task and the package, as transactions of conditional creates.
 * In: the resources of the case as they are here, the bytes of their files. Out: a Push of one bundle where it fits, else of several, the
 * ServiceRequest and its Task in the last one: nobody there opens half a package.
 * Photos go inline: a Binary cannot be created conditionally, so that a retry would double it. What is too large for that, and the images
 * of a study, stay here and are named by URL (WADO-RS endpoint, PS3.18 §10.4). What tells where a photo or film was taken does not go along:
 * one that is not understood well enough for that stays here, too.
 */
import { createHash } from 'node:crypto';
import type { Attachment, BundleEntry, Identifier, Patient, Reference, Resource, ServiceRequest, Task } from '@medplum/fhirtypes';
import { CASE_SYSTEM, RESOURCE_SYSTEM } from '../../protocols/fhir/canonical.ts';
import { businessIdentifier, logicalReference, moved } from '../../protocols/fhir/move.ts';
import { createOnce, MAX_PUSH_ENTRIES, type Push, pushName, transaction } from '../../protocols/fhir/push.ts';
import { shownBytes } from '../../protocols/media/shown-file.ts';

/** Files above this are left here and named by URL. */
export const MAX_INLINE_BYTES = 8 * 1024 * 1024;
/** A bundle is closed when it has grown to this size. */
const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

export type FhirOrderInput = {
  readonly task: Task;
  readonly serviceRequest: ServiceRequest;
  readonly patient: Patient;
  /** The package: ImagingStudy, Media, QuestionnaireResponse, Observation … Of these, MATERIAL is sent. */
  readonly material: readonly Resource[];
  /** What else the resources refer to (requester, organisation), by `Type/id`: named there, not sent. */
  readonly known: ReadonlyMap<string, Resource>;
  /** Bytes of files up to MAX_INLINE_BYTES, by `Binary/id`. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Our FHIR and DICOMweb bases as others reach them. */
  readonly base: string;
  readonly dicomweb: string;
  /** UUID of the delivery. */
  readonly controlId: string;
};

export function composeFhirOrder(input: FhirOrderInput): Push {
  const groups = groupsOf(input);
  const all = groups.flat();
  const groupOf = new Map(groups.flatMap((group, at) => group.map((resource) => [referenceOf(resource), at] as const)));
  return groups.map((group, at) => {
    const place = (reference: Reference & { reference: string }): Reference => {
      const there = groupOf.get(reference.reference);
      // A bundle can name what it holds and what is there already, not what comes later.
      if (there !== undefined && there <= at) return { ...reference, reference: pushName(reference.reference) };
      return logicalReference(reference, resourceAt(reference.reference, all, input.known), input.base);
    };
    return transaction(
      input.controlId,
      group.map((resource) => entryOf(resource, place, input)),
    );
  });
}

/** All in one bundle where that fits; else the package in as many as it needs, and the order last. */
function groupsOf({ patient, material, serviceRequest, task, files }: FhirOrderInput): Resource[][] {
  const sent = [patient, ...material.filter(({ resourceType }) => MATERIAL.has(resourceType))];
  const groups: Resource[][] = [[]];
  let bytes = 0;
  for (const resource of sent) {
    const size = sizeOf(resource, files);
    if (groups.at(-1)?.length === MAX_PUSH_ENTRIES || (bytes > 0 && bytes + size > MAX_BUNDLE_BYTES)) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(resource);
    bytes += size;
  }
  if (groups.length === 1 && sent.length + 2 <= MAX_PUSH_ENTRIES) return [[...sent, serviceRequest, taskToSend(task)]];
  return [...groups, [withSupport(serviceRequest, sent.slice(1)), taskToSend(task)]];
}

/** What goes ahead of the order cannot name it, so the order names all of that. */
function withSupport(request: ServiceRequest, ahead: readonly Resource[]): ServiceRequest {
  const named = request.supportingInfo ?? [];
  const unnamed = ahead
    .map((resource) => ({ reference: referenceOf(resource) }))
    .filter(({ reference }) => !named.some((one) => one.reference === reference));
  return { ...request, supportingInfo: [...named, ...unnamed] };
}

/** JSON and base64 of its files, in bytes, about. */
function sizeOf(resource: Resource, files: FhirOrderInput['files']): number {
  const json = JSON.stringify(resource);
  const inline = [...json.matchAll(/"url":"(Binary\/[^"]+)"/g)].reduce((sum, [, url]) => sum + (files.get(url as string)?.length ?? 0), 0);
  return json.length + Math.ceil(inline / 3) * 4;
}

function entryOf(
  resource: Resource,
  place: (reference: Reference & { reference: string }) => Reference,
  input: FhirOrderInput,
): BundleEntry {
  const here = referenceOf(resource);
  const copy = moved(resource, { place, file: (attachment) => fileOf(attachment, input) });
  const known = FOUND_BY_THEIRS.has(copy.resourceType) ? businessIdentifier(resource) : undefined;
  const own = { system: RESOURCE_SYSTEM, value: here };
  const { system, value } = known ?? own;
  const images = copy.resourceType === 'ImagingStudy' ? wadoEndpoint(input.dicomweb) : {};
  return createOnce(pushName(here), withIdentifier({ ...copy, ...images }, own), 'identifier', system, value);
}

/** Ours is added, so that the resource is found again and leads back to us; a QuestionnaireResponse has room for one only. */
function withIdentifier(resource: Resource, own: { system: string; value: string }): Resource {
  if (resource.resourceType === 'QuestionnaireResponse') return { ...resource, identifier: businessIdentifier(resource) ?? own };
  const { identifier = [] } = resource as { identifier?: Identifier[] };
  return { ...resource, identifier: [...identifier.filter(({ system }) => !OURS.has(system ?? '')), own] } as Resource;
}

function fileOf({ url, ...attachment }: Attachment & { url: string }, { files, base }: FhirOrderInput): Attachment {
  const file = files.get(url);
  const bytes = file && shownBytes(file, attachment.contentType ?? '');
  if (!bytes) return { ...attachment, url: `${base}/${url}` };
  const { size, hash, ...said } = attachment;
  return {
    ...said,
    data: bytes.toString('base64'),
    ...(size === undefined ? {} : { size: bytes.length }),
    // R4 Attachment.hash is SHA-1, of what is sent.
    ...(hash === undefined ? {} : { hash: createHash('sha1').update(bytes).digest('base64') }),
  };
}

/** The Task as a new request: who reads it there, and how far he is, is theirs to write. */
function taskToSend(task: Task): Task {
  const { owner: _owner, output: _output, statusReason: _reason, businessStatus: _business, note: _note, text: _text, ...kept } = task;
  return { ...kept, status: 'requested' };
}

function wadoEndpoint(address: string) {
  const connectionType = { system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type', code: 'dicom-wado-rs' };
  const endpoint = { resourceType: 'Endpoint' as const, id: 'wado-rs', status: 'active' as const, connectionType, address };
  return { contained: [{ ...endpoint, payloadType: [{ text: 'DICOM' }] }], endpoint: [{ reference: '#wado-rs' }] };
}

function resourceAt(reference: string, sent: readonly Resource[], known: FhirOrderInput['known']): Resource | undefined {
  return sent.find((resource) => referenceOf(resource) === reference) ?? known.get(reference);
}

function referenceOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

/** Numbers of this gateway: another one that is pushed to counts its own cases. */
const OURS: ReadonlySet<string> = new Set([RESOURCE_SYSTEM, CASE_SYSTEM]);

/** Types that are asked for by an identifier of others: a patient that server may already have; a form, which has one identifier only. */
const FOUND_BY_THEIRS: ReadonlySet<string> = new Set(['Patient', 'QuestionnaireResponse']);

/** Types of a package, all of which have an identifier to be found again by. */
const MATERIAL: ReadonlySet<string> = new Set([
  'ImagingStudy',
  'Media',
  'QuestionnaireResponse',
  'Observation',
  'DocumentReference',
  'DiagnosticReport',
  'Condition',
  'AllergyIntolerance',
  'Encounter',
]);
