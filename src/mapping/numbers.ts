/**
 * Records under their numbers: what a merge, a link or a new number makes of a Patient (R4 §8.1.4, Patient.link; HL7 v2.5.1 §3.6.2).
 * In: resources. Out: resources. Nothing is lost: a number that is no longer to be used stays, marked `old`, and leads to who the person is now.
 */
import type { Identifier, Patient, PatientLink, Reference, Resource } from '@medplum/fhirtypes';
import type { PatientKey } from '../model/case.ts';
import type { Identity, Numbered } from '../model/identity.ts';

import { bounded } from './datatypes/systems.ts';
import { namesOnePerson } from './segments/pid-patient.ts';

type Identified<T extends Resource> = T & { id: string };
type WithNumbers = Resource & { readonly identifier?: Identifier[] };

/** The record that a Patient was merged into, `Patient/id`; '' for one that stands. */
export function replacedBy(resource: Resource | null): string {
  const link = resource?.resourceType === 'Patient' ? resource.link?.find(({ type }) => type === 'replaced-by') : undefined;
  return link?.other.reference ?? '';
}

/** Records that the sender said are of the same person, and that stay records of their own. */
export function linkedTo(resource: Resource | null): string[] {
  if (resource?.resourceType !== 'Patient') return [];
  return (resource.link ?? []).flatMap(({ type, other }) => (type === 'seealso' && other.reference ? [other.reference] : []));
}

/** The record that went up into `survivor`: kept as it was, out of use. */
export function mergedPatient(old: Identified<Patient>, survivor: string): Identified<Patient> {
  const others = (old.link ?? []).filter(({ type }) => type !== 'replaced-by');
  const identifier = (old.identifier ?? []).map((one) => ({ ...one, use: 'old' as const }));
  return {
    ...old,
    active: false,
    ...(identifier.length > 0 ? { identifier } : {}),
    link: [...others, linkOf(survivor, 'replaced-by')],
  };
}

/** The record that took `old` in: it has its numbers, too; those that the event retires, or that it has another of, are `old`. */
export function survivingPatient(
  survivor: Identified<Patient>,
  old: Identified<Patient>,
  retired: readonly Numbered[],
): Identified<Patient> {
  const own = survivor.identifier ?? [];
  const gained = (old.identifier ?? []).filter((one) => !own.some((known) => isSame(known, one)));
  const kept = gained.map((one) => (isIn(one, retired) || own.some((known) => takesPlaceOf(known, one)) ? retiredNumber(one) : one));
  const link = [...(survivor.link ?? []).filter(({ other }) => other.reference !== referenceOf(old)), linkOf(referenceOf(old), 'replaces')];
  return withFormer({ ...survivor, identifier: [...own, ...kept], link }, retired);
}

/** A record as it was before it was merged, without what was found since to be another's (`merged`: the record as it is). */
export function standingPatient(before: Identified<Patient>, merged: Patient): Identified<Patient> {
  const { meta: _meta, identifier = [], link = [], ...kept } = before;
  const own = identifier.filter((one) => merged.identifier?.some((known) => isSame(known, one)));
  const links = link.filter((one) => merged.link?.some(({ type, other }) => type === one.type && other.reference === one.other.reference));
  return { ...kept, ...(own.length > 0 ? { identifier: own } : {}), ...(links.length > 0 ? { link: links } : {}) };
}

/** Numbers of the old record that the survivor has not. */
export function gainedBy(survivor: Patient, old: Patient): Identity[] {
  const gained = (old.identifier ?? []).filter((one) => !survivor.identifier?.some((known) => isSame(known, one)));
  return gained.map(({ system = '', value = '' }) => ({ type: 'Patient', system: bounded(system), value: bounded(value) }));
}

/** A Patient that no longer replaces another. */
export function withoutLink(patient: Identified<Patient>, replaced: string): Identified<Patient> {
  const { link = [], ...kept } = patient;
  const others = link.filter(({ type, other }) => type !== 'replaces' || other.reference !== replaced);
  return others.length > 0 ? { ...kept, link: others } : kept;
}

export function linkedPatient(patient: Identified<Patient>, other: string): Identified<Patient> {
  if (linkedTo(patient).includes(other)) return patient;
  return { ...patient, link: [...(patient.link ?? []), linkOf(other, 'seealso')] };
}

export function unlinkedPatient(patient: Identified<Patient>, other: string): Identified<Patient> {
  const { link = [], ...kept } = patient;
  const others = link.filter((one) => one.type !== 'seealso' || one.other.reference !== other);
  return others.length > 0 ? { ...kept, link: others } : kept;
}

/** A record with numbers that are no longer to be used, whether it had them or not. */
export function withFormer<T extends Resource>(resource: T, former: readonly Numbered[]): T {
  const { identifier = [] } = resource as WithNumbers;
  const marked = identifier.map((one) => (isIn(one, former) ? retiredNumber(one) : one));
  const added = former.filter(({ identifier: one }) => !identifier.some((known) => isSame(known, one)));
  return { ...resource, identifier: [...marked, ...added.map((one) => retiredNumber(one.identifier))] } as T;
}

/** A record whose numbers are in use again. */
export function withCurrent<T extends Resource>(resource: T, current: readonly Identity[]): T {
  const { identifier } = resource as WithNumbers;
  if (!identifier?.some((one) => one.use === 'old' && isAmong(one, current))) return resource;
  return { ...resource, identifier: identifier.map((one) => (isAmong(one, current) ? usedNumber(one) : one)) } as T;
}

/** A Patient with numbers that were said to be another's. */
export function gainedNumbers(patient: Identified<Patient>, numbers: readonly Numbered[]): Identified<Patient> {
  const own = patient.identifier ?? [];
  const gained = numbers.filter(({ identifier }) => !own.some((one) => isSame(one, identifier)));
  const identities = numbers.map(({ identity }) => identity);
  return withCurrent({ ...patient, identifier: [...own, ...gained.map(({ identifier }) => identifier)] }, identities);
}

/** A record without numbers. */
export function withoutNumbers<T extends Resource>(resource: T, numbers: readonly Identity[]): T {
  const { identifier = [], ...kept } = resource as WithNumbers;
  const others = identifier.filter((one) => !isAmong(one, numbers));
  return { ...kept, ...(others.length > 0 ? { identifier: others } : {}) } as T;
}

/** Whether all these identities are numbers of the record that are no longer to be used: who names it so does not know what it says now. */
export function namesFormerOnly(resource: Resource | null, identities: readonly Identity[]): boolean {
  const former = ((resource as WithNumbers | null)?.identifier ?? []).filter(({ use }) => use === 'old');
  return former.length > 0 && identities.every((identity) => former.some((one) => isIdentity(one, identity)));
}

/** Identifiers of a message and those known before: they add up, and a number that is `old` stays so. */
export function united(now: readonly Identifier[], before: readonly Identifier[]): Identifier[] {
  const said = now.map((one) => {
    const known = before.find((other) => isSame(other, one));
    return known?.use === 'old' ? { ...one, use: 'old' as const } : one;
  });
  return [...said, ...before.filter((one) => !now.some((other) => isSame(other, one)))];
}

/** What other messages about the person may call him: his numbers, also those that are no longer to be used. */
export function personKeys(resource: Resource | null): PatientKey[] {
  if (resource?.resourceType !== 'Patient') return [];
  return (resource.identifier ?? []).flatMap(({ system, value, type }) => {
    const isPersonal = type?.coding?.every(({ code }) => namesOnePerson(code ?? '')) ?? true;
    return system && value && isPersonal ? [{ system: bounded(system), value: bounded(value) }] : [];
  });
}

/** Whether merges, links or new numbers have given the record other names than its messages use. */
export function hasOtherNames(resource: Resource | null): boolean {
  if (resource?.resourceType !== 'Patient') return false;
  return linkedTo(resource).length > 0 || (resource.identifier ?? []).some(({ use }) => use === 'old');
}

function retiredNumber(identifier: Identifier): Identifier {
  return { ...identifier, use: 'old' };
}

function usedNumber({ use: _use, ...identifier }: Identifier): Identifier {
  return identifier;
}

/** A number of the same authority and type: nobody has two of them in use. */
function takesPlaceOf(known: Identifier, one: Identifier): boolean {
  const code = (identifier: Identifier) => identifier.type?.coding?.[0]?.code ?? '';
  return known.use !== 'old' && known.system === one.system && code(known) === code(one);
}

function isSame(a: Identifier, b: Identifier): boolean {
  return a.system === b.system && a.value === b.value;
}

function isIn(one: Identifier, numbers: readonly Numbered[]): boolean {
  return numbers.some(({ identifier }) => isSame(identifier, one));
}

function isAmong(one: Identifier, identities: readonly Identity[]): boolean {
  return identities.some((identity) => isIdentity(one, identity));
}

function isIdentity({ system = '', value = '' }: Identifier, identity: Identity): boolean {
  return bounded(system) === identity.system && bounded(value) === identity.value;
}

function linkOf(other: string, type: PatientLink['type']): PatientLink {
  return { other: { reference: other } as Reference<Patient>, type };
}

function referenceOf({ id }: Identified<Patient>): string {
  return `Patient/${id}`;
}
