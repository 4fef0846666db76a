/**
 * Names become ids: what mapping made of the messages of a batch is found under its business identifiers, references follow, and each
 * resource is put where it is new or says something new. Records of persons, accounts and stays come first, message by message, because a
 * merge in one message (identity-step.ts) says whom the others mean.
 * Promises: what was said earlier never overwrites what was said later, whatever arrives first; who still uses the number of a record that
 * was merged is led to the one that took it in, and does not overwrite what that one says.
 */
import type { Extension, Identifier, Patient, Reference, Resource } from '@medplum/fhirtypes';
import type { CasePart } from '../model/case.ts';
import type { Identity, MappedResource } from '../model/identity.ts';
import type { Mapped, Occurred } from '../model/mapped.ts';
import type { Work } from '../model/work.ts';
import { type Batch, isLocked, loadResources, peekResources, putResource, putSaid, resourceIn, saidOf } from '../store/batch.ts';
import { claimIdentifiers, type ResolvedIdentity } from '../store/identifier-store.ts';
import { carryOut, claimsOf, loadRecords, prepare } from './identity-step.ts';
import { hasOtherNames, linkedTo, namesFormerOnly, personKeys, united } from './numbers.ts';
import { IN_ORDER_OF_TIME, isOutdated } from './outdated-step.ts';
import { currentRecord, numberName, openRecords, type Records } from './records.ts';

export type MappedWork = { readonly work: Work; readonly mapped: Mapped };

/** A resource of a message, and the id that its identities lead to. */
type Item = { readonly work: Work; readonly item: MappedResource; readonly occurred: Occurred | null; readonly resolved: ResolvedIdentity };

export async function resolve(batch: Batch, mapped: readonly MappedWork[]): Promise<void> {
  const { items, records } = await claim(batch, mapped);
  const persons = Map.groupBy(
    items.filter(({ item }) => RECORDS.has(item.resource.resourceType)),
    ({ work }) => work,
  );
  for (const { work, mapped: message } of mapped) {
    await prepare(batch, work, message, records);
    if (work.failure) continue;
    for (const one of persons.get(work) ?? []) putItem(batch, one, records);
    await carryOut(batch, work, message, records);
  }
  await loadRecords(batch, formerSubjects(batch, items, records));
  for (const one of items) {
    if (!RECORDS.has(one.item.resource.resourceType) && !one.work.failure) putItem(batch, one, records);
  }
  await loadLinked(batch, records);
  for (const { work, mapped: message } of mapped) if (!work.failure) setParts(batch, work, message, records);
}

/** One claim for all identities of the batch: rows are taken in one order. What is there already is read, and locked where it may change. */
async function claim(batch: Batch, mapped: readonly MappedWork[]): Promise<{ items: Item[]; records: Records }> {
  const all = mapped.flatMap(({ work, mapped: { resources, occurred = null } }) => resources.map((item) => ({ work, item, occurred })));
  const former = mapped.flatMap(({ mapped: { changes = [] } }) => claimsOf(changes));
  const claims = [...all.map(({ item }) => item.identities), ...former].map((identities) => ({ identities, fresh: batch.clock.uuid() }));
  const resolved = await claimIdentifiers(batch.tx, claims);
  const items = all.map((one, index) => ({ ...one, resolved: resolved[index] as ResolvedIdentity }));
  const records = openRecords();
  for (const { item, resolved: found } of items) {
    const type = item.resource.resourceType;
    records.names.set(item.urn, `${type}/${found.id}`);
    // A stay and an account have one number each.
    if (type !== 'Patient' && RECORDS.has(type)) records.names.set(numberName(item.identities[0] as Identity), `${type}/${found.id}`);
  }
  for (const [index, identities] of former.entries()) {
    const { id } = resolved[all.length + index] as ResolvedIdentity;
    for (const number of identities) records.names.set(numberName(number), `${number.type}/${id}`);
  }
  const known = resolved.flatMap(({ created }, index) => (created || isCommon(all[index]?.item) ? [] : [index]));
  await loadRecords(
    batch,
    known.map((index) => referenceAt(index, all, former, resolved)),
  );
  await loadCommon(
    batch,
    items.filter(({ item, resolved: { created } }) => !created && isCommon(item)),
    records,
  );
  return { items, records };
}

/** A physician, a ward: what stands in messages of many patients. */
function isCommon(item: MappedResource | undefined): boolean {
  return item?.shared === true && !RECORDS.has(item.resource.resourceType);
}

/** What is common hardly ever changes: it is locked only where a message says something new of it, or every batch would wait for the one before. */
async function loadCommon(batch: Batch, items: readonly Item[], records: Records): Promise<void> {
  const referenceOf = ({ item }: Item) => records.names.get(item.urn) as string;
  await peekResources(batch, items.map(referenceOf));
  const isNews = (one: Item): boolean => {
    const worded = word(batch, one, records);
    return worded !== null && JSON.stringify(worded) !== JSON.stringify(resourceIn(batch, referenceOf(one)));
  };
  await loadResources(batch, items.filter(isNews).map(referenceOf));
}

function referenceAt(
  index: number,
  all: readonly { readonly item: MappedResource }[],
  former: readonly MappedResource['identities'][],
  resolved: readonly ResolvedIdentity[],
): string {
  const type = all[index]?.item.resource.resourceType ?? former[index - all.length]?.[0]?.type;
  return `${type}/${resolved[index]?.id}`;
}

function putItem(batch: Batch, one: Item, records: Records): void {
  const { work, item, occurred, resolved } = one;
  const reference = currentOf(batch, records, item.urn);
  const worded = word(batch, one, records);
  if (worded === null) return;
  work.produced.add(reference);
  // What is not locked says already what the message says.
  if (!resolved.created && !isLocked(batch, reference)) return;
  putResource(batch, worded, work.entry.seq, resolved.created);
  if (occurred && IN_ORDER_OF_TIME.has(item.resource.resourceType))
    putSaid(batch, reference, later(saidOf(batch, reference), occurred.from));
}

/** The resource as it is after the message; null where the message has no say. */
function word(batch: Batch, { work, item, occurred }: Item, records: Records): (Resource & { id: string }) | null {
  const reference = currentOf(batch, records, item.urn);
  const current = resourceIn(batch, reference);
  if (!current && item.mode === 'amend') return null;
  if (current && isOfAnother(batch, records, item, current)) {
    work.detail ||= `${reference} is of another patient, and stays as it was`;
    records.foreign.set(work, (records.foreign.get(work) ?? new Set()).add(reference));
    return null;
  }
  if (current && (item.mode === 'create' || namesFormerOnly(current, item.identities))) return null;
  if (current && isOutdated(batch, reference, work.entry.seq, occurred)) {
    noteOutdated(work, reference, records);
    return null;
  }
  if (records.outdated.has(work) && isSnapshot(work, item, current)) return null;
  const known: object = current ?? item.initial ?? {};
  const said: object = withReferences(item.resource, (name) => currentOf(batch, records, name));
  const id = reference.slice(reference.indexOf('/') + 1);
  const stay = { resourceType: item.resource.resourceType, ...known, ...said, id } as Resource & { id: string };
  const resource = current && !work.entry.type.startsWith('ADT^') ? keepProgress(stay, current) : stay;
  return withIdentifiers(resource, current);
}

/** Whom the results that are there already are about: they may have been merged since. */
function formerSubjects(batch: Batch, items: readonly Item[], records: Records): string[] {
  return items.flatMap(({ item }) => {
    return isOfOnePatient(item) ? (subjectOf(resourceIn(batch, currentOf(batch, records, item.urn))) ?? []) : [];
  });
}

/** A number that names what is there already, of somebody else: a result never moves from one patient to another by its number. */
function isOfAnother(batch: Batch, records: Records, item: MappedResource, current: Resource): boolean {
  if (!isOfOnePatient(item)) return false;
  const [subject, before] = [subjectOf(item.resource), subjectOf(current)];
  if (subject === undefined || before === undefined) return false;
  return currentOf(batch, records, subject) !== currentOf(batch, records, before);
}

/** An order that is only named, by its result, is of whom its own message said. */
function isOfOnePatient({ resource, mode }: MappedResource): boolean {
  return OF_ONE_PATIENT.has(resource.resourceType) || (mode === 'create' && resource.resourceType === 'ServiceRequest');
}

function subjectOf(resource: Resource | null): string | undefined {
  const { subject, patient } = (resource ?? {}) as { subject?: Reference; patient?: Reference };
  return (subject ?? patient)?.reference;
}

/** An order or a result says of what class a stay is (PV1-2), not how far it is: only that it is over (PV1-45). */
function keepProgress<T extends Resource>(said: T, current: Resource): T {
  if (said.resourceType !== 'Encounter' || current.resourceType !== 'Encounter') return said;
  return said.status === 'finished' ? said : { ...said, status: current.status };
}

function currentOf(batch: Batch, records: Records, name: string): string {
  return currentRecord(records, name, (reference) => resourceIn(batch, reference));
}

function noteOutdated(work: Work, reference: string, { outdated }: Records): void {
  const type = reference.slice(0, reference.indexOf('/'));
  if (type === 'Patient') outdated.add(work);
  if (IN_ORDER_OF_TIME.has(type)) work.detail ||= `older than what is known of the ${type}: it stays as it is`;
}

/**
 * What a message that is older than what is known of its patient says beside him: an allergy or an insurance that is not there may have been
 * taken back since. What an order brings is kept all the same: who reads it must know what its writer knew.
 */
function isSnapshot({ entry }: Work, { resource }: MappedResource, current: Resource | null): boolean {
  return OF_THE_PATIENT.has(resource.resourceType) && (current !== null || entry.type.startsWith('ADT^'));
}

function later(a: Date | null, b: Date): Date {
  return a && a > b ? a : b;
}

/** What a sender leaves out stays; identifiers add up, and so do extensions of what is told bit by bit (`extensionsOf`). */
function withIdentifiers(resource: Resource & { id: string }, current: Resource | null): Resource & { id: string } {
  const before = (current ?? {}) as Lists;
  const now = resource as Lists;
  const extension = TOLD_BIT_BY_BIT.has(resource.resourceType) ? extensionsOf(before.extension, now.extension) : now.extension;
  const added = Array.isArray(before.identifier) && Array.isArray(now.identifier);
  if (!added && extension === now.extension) return resource;
  return {
    ...resource,
    ...(added ? { identifier: united(now.identifier as Identifier[], before.identifier as Identifier[]) } : {}),
    ...(extension === now.extension ? {} : { extension: extension?.length ? extension : undefined }),
  } as Resource & { id: string };
}

/** A result that is told anew is told whole. */
const TOLD_BIT_BY_BIT: ReadonlySet<string> = new Set(['Patient', 'Encounter', 'ServiceRequest']);

type Lists = { readonly identifier?: Identifier[]; readonly extension?: Extension[] };

/**
 * Each url as it was said last. One with an id is told by itself: it takes the place of the one with its id, an id alone ends that, and the
 * others of its url stay.
 */
function extensionsOf(before: Extension[] | undefined, now: Extension[] | undefined): Extension[] | undefined {
  if (!Array.isArray(now) || before === now) return now;
  const whole = new Set(now.flatMap(({ id, url }) => (id === undefined ? [url] : [])));
  const single = new Set(now.flatMap(({ id, url }) => (id === undefined ? [] : [`${url} ${id}`])));
  const kept = (Array.isArray(before) ? before : []).filter(({ id, url }) => !whole.has(url) && !single.has(`${url} ${id}`));
  const said = now.filter((one) => one.id === undefined || Object.keys(one).length > END_MEMBERS);
  return kept.length === 0 && said.length === now.length ? now : [...said, ...kept];
}

/** `id` and `url`. */
const END_MEMBERS = 2;

/** Every `reference: urn:uuid:…`, and the `url` of a file, names the resource by its id. Only what holds one is copied: most of a resource holds none. */
function withReferences<T>(value: T, place: (name: string) => string): T {
  if (typeof value !== 'object' || value === null) return value;
  const whole = value as Record<string, unknown>;
  let copy: Record<string, unknown> | null = null;
  for (const key of Object.keys(whole)) {
    const item = whole[key];
    const isName = (key === 'reference' || key === 'url') && typeof item === 'string';
    const named = isName ? place(item) : withReferences(item, place);
    if (named === item) continue;
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
    copy[key] = named;
  }
  return (copy ?? value) as T;
}

/** Linked records say what else a person is called. */
async function loadLinked(batch: Batch, records: Records): Promise<void> {
  const persons = [...new Set([...records.names.values()].map((name) => currentOf(batch, records, name)))];
  await loadResources(
    batch,
    persons.flatMap((reference) => linkedTo(resourceIn(batch, reference))),
  );
}

function setParts(batch: Batch, work: Work, { parts, resources }: Mapped, records: Records): void {
  const named = (name: string) => currentOf(batch, records, name);
  const foreign = records.foreign.get(work);
  const own = (references: readonly string[]) => (foreign ? references.filter((reference) => !foreign.has(reference)) : [...references]);
  work.shared = own(resources.filter((item) => item.shared).map((item) => named(item.urn)));
  const taken = new Set(parts.flatMap((part) => [part.serviceRequest, part.subject, part.study?.imagingStudy ?? '', ...part.members]));
  const left = own(
    resources.filter((item) => !item.shared && item.mode !== 'amend' && !taken.has(item.urn)).map((item) => named(item.urn)),
  );
  // What a message says once (Encounter, Provenance) belongs to its only case, or is only shown to all of them.
  if (parts.length !== 1) work.shared.push(...left);
  work.parts = parts.map((part) => ({
    ...part,
    keys: part.serviceRequest === '' ? part.keys : [...part.keys, requestKey(named(part.serviceRequest))],
    patient: withOtherNames(batch, part, named(part.subject)),
    serviceRequest: named(part.serviceRequest),
    subject: named(part.subject),
    members: [...own(part.members.map(named)), ...(parts.length === 1 ? left : [])],
    study: part.study && { ...part.study, imagingStudy: named(part.study.imagingStudy) },
  }));
}

/** All that a person who was merged, linked or given a new number may be called in the other messages of a case. */
function withOtherNames(batch: Batch, part: CasePart, subject: string): CasePart['patient'] {
  const patient = resourceIn(batch, subject) as Patient | null;
  if (!hasOtherNames(patient)) return part.patient;
  const keys = [...part.patient, ...personKeys(patient), ...linkedTo(patient).flatMap((other) => personKeys(resourceIn(batch, other)))];
  return [...new Map(keys.map((key) => [`${key.system}|${key.value}`, key])).values()];
}

function requestKey(reference: string): CasePart['keys'][number] {
  return { kind: 'service-request', system: '', value: reference.slice(reference.indexOf('/') + 1) };
}

/** Results, documents, diagnoses: known by numbers that others may use, too. */
const OF_ONE_PATIENT: ReadonlySet<string> = new Set([
  ...['DiagnosticReport', 'DocumentReference', 'Observation', 'Specimen'],
  ...['Condition', 'Consent', 'EpisodeOfCare', 'Procedure'],
]);

/** Types that are known by numbers which events merge, move and change. */
const RECORDS: ReadonlySet<string> = new Set(['Patient', 'Account', 'Encounter']);
/** Types that a message tells of a patient beside him. */
const OF_THE_PATIENT: ReadonlySet<string> = new Set(['RelatedPerson', 'AllergyIntolerance', 'Coverage']);
