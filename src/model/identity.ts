/**
 * Business identity of a resource, before it has an id here.
 * Mapping emits `urn:uuid:` names made from an Identity, so that mapping stays pure and the same message gives the same names;
 * the corridor later resolves (type, system, value) to the one id in the table `identifiers`.
 */
import { hash } from 'node:crypto';
import type { Identifier, Resource } from '@medplum/fhirtypes';

export type Identity = { readonly type: string; readonly system: string; readonly value: string };

/** A resource that mapping made. References between mapped resources are `urn:uuid:` names of each other. */
export type MappedResource = {
  /** `urn:uuid:…`, from `urnOf(identities[0])`. */
  readonly urn: string;
  readonly resource: Resource;
  /** At least one; the first is the strongest. */
  readonly identities: readonly Identity[];
  /**
   * `update`: write when changed. `create`: write only when absent (a DICOM header never overwrites what an order said of the
   * patient). `amend`: write only when present (a document that gives way to another may never have come).
   */
  readonly mode: 'update' | 'create' | 'amend';
  /** True for resources that belong to many cases: Patient, Practitioner, PractitionerRole, Organization. */
  readonly shared: boolean;
  /** Elements that only a resource gets which is not there yet: what this message leaves as it was, but FHIR requires. */
  readonly initial?: Readonly<Record<string, unknown>>;
};

/** A business identifier as its sender writes it, and as the identity it stands for. */
export type Numbered = { readonly identity: Identity; readonly identifier: Identifier };

/** What carries numbers that an event may merge, move or change: who he is, what he is billed under, the stay. */
export type NumberedType = 'Patient' | 'Account' | 'Encounter';

/**
 * What a message says of who is who (HL7 v2.5.1 §3.6.2). `into`: the urn of a resource of the same message; `from`: the numbers it takes over.
 * It is carried out when names have become ids, after what the message says of the resource itself.
 */
export type IdentityChange =
  /** Two records become one: what is under `from` goes to `into`. */
  | { readonly kind: 'merge'; readonly type: NumberedType; readonly from: readonly Numbered[]; readonly into: string }
  /** One record gets another number. */
  | { readonly kind: 'renumber'; readonly type: NumberedType; readonly from: readonly Numbered[]; readonly into: string }
  /** These numbers of a patient, and what is under them, were never his: they go to `into`. */
  | { readonly kind: 'move-numbers'; readonly type: 'Patient'; readonly from: readonly Numbered[]; readonly into: string }
  /** A stay or an account (`what`: a urn of the message) of another patient is that of `into`. */
  | { readonly kind: 'move'; readonly type: 'Patient'; readonly from: readonly Numbered[]; readonly into: string; readonly what: string }
  /** Two records are of one person, and stay two; or no longer so. */
  | { readonly kind: 'link' | 'unlink'; readonly type: 'Patient'; readonly from: readonly Numbered[]; readonly into: string };

/** A stable `urn:uuid:` name for an identity (RFC 9562 §5.8: version 8, from SHA-256). */
export function urnOf(identity: Identity): string {
  const digest = hash('sha256', `${identity.type}\0${identity.system}\0${identity.value}`);
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  const hex = `${digest.slice(0, 12)}8${digest.slice(13, 16)}${variant}${digest.slice(17, 32)}`;
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
