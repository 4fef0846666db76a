/**
 * A resource goes to another server, where our ids mean nothing (R4 §2.3.0, Resource References). In: a resource as it is here. Out: the
 * same content with references and attachments put as the other side can follow them.
 */
import type { Attachment, HumanName, Identifier, Reference, Resource } from '@medplum/fhirtypes';
import { RESOURCE_SYSTEM } from './canonical.ts';

export type Moving = {
  /** Where what a literal reference (`Type/id` here) points to is found there. */
  readonly place: (reference: Reference & { reference: string }) => Reference;
  /** The same for the file of an attachment whose `url` is a literal reference here. */
  readonly file: (attachment: Attachment & { url: string }) => Attachment;
};

/** The resource as it is written there: without id and meta, which that server gives. */
export function moved<T extends Resource>(resource: T, moving: Moving): T {
  const { id: _id, meta: _meta, ...content } = resource;
  return movedValue(content, moving) as T;
}

/**
 * A reference for a server that knows the target, if at all, by its business identifier. Without one it is the absolute URL here.
 * `base`: our FHIR base. `target`: the resource here, when it is at hand.
 */
export function logicalReference(reference: Reference & { reference: string }, target: Resource | undefined, base: string): Reference {
  const identifier = businessIdentifier(target) ?? reference.identifier;
  const display = reference.display ?? nameOf(target);
  const { reference: literal } = reference;
  return {
    ...(identifier ? {} : { reference: `${base}/${literal}` }),
    type: literal.slice(0, literal.indexOf('/')) as Reference['type'],
    ...(identifier ? { identifier } : {}),
    ...(display ? { display } : {}),
  };
}

/** The first identifier with a system that others gave it; one that is no longer used only where there is no other. */
export function businessIdentifier(resource: Resource | undefined): (Identifier & { system: string; value: string }) | undefined {
  const { identifier } = (resource ?? {}) as { identifier?: Identifier | Identifier[] };
  const all = identifier === undefined || Array.isArray(identifier) ? (identifier ?? []) : [identifier];
  const theirs = all.filter(
    (one): one is Identifier & { system: string; value: string } => Boolean(one.system && one.value) && one.system !== RESOURCE_SYSTEM,
  );
  return theirs.find(({ use }) => use !== 'old') ?? theirs[0];
}

function movedValue(value: unknown, moving: Moving): unknown {
  if (Array.isArray(value)) return value.map((item) => movedValue(item, moving));
  if (typeof value !== 'object' || value === null) return value;
  const { reference, url } = value as Reference & Attachment;
  if (isLiteral(reference)) return moving.place({ ...value, reference: withoutVersion(reference) });
  if (isLiteral(url)) return moving.file({ ...value, url });
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, movedValue(child, moving)]));
}

function isLiteral(text: unknown): text is string {
  return typeof text === 'string' && LITERAL.test(text);
}

/** Versions are counted anew there. */
function withoutVersion(literal: string): string {
  return literal.split('/_history/')[0] as string;
}

const LITERAL = /^[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/;

/** Whom a reference shows; a patient is named only where his record goes. */
function nameOf(resource: Resource | undefined): string {
  if (resource?.resourceType === 'Organization') return resource.name ?? '';
  if (resource?.resourceType === 'Practitioner') return humanName(resource.name?.[0]);
  return resource?.resourceType === 'PractitionerRole' ? (resource.practitioner?.display ?? '') : '';
}

function humanName(name: HumanName | undefined): string {
  return name?.text ?? [...(name?.prefix ?? []), ...(name?.given ?? []), name?.family].filter(Boolean).join(' ');
}
