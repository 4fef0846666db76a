/**
 * What mapping gathers while it reads one message or study: resources, each once, and gaps.
 * The one thing in this room that is written to; everything else takes values and returns values.
 */
import { hash } from 'node:crypto';
import type { Attachment, Practitioner, Reference, Resource } from '@medplum/fhirtypes';
import type { StoredBinary } from '../model/binary.ts';
import { type Identity, type MappedResource, urnOf } from '../model/identity.ts';
import type { Gap } from '../model/mapped.ts';
import type { Peer } from '../model/peer.ts';
import { isMediaType } from '../protocols/fhir/media-type.ts';
import type { Segment } from '../protocols/hl7v2/message.ts';
import type { ReadFile } from './datatypes/ed-attachment.ts';
import { identity, keyOf } from './datatypes/systems.ts';

/** More gaps than this help nobody; a hostile message could have millions. */
const MAX_GAPS = 500;
/** Nothing has more numbers: thousands of orders of one placer's number would each be held against all before. */
const MAX_IDENTITIES = 200;
/** Characters of a value that was not carried. */
const MAX_VALUE = 200;

/** Whom a field names, and where it stood first. */
export type NamedPersons = { readonly segment: Segment; readonly field: number; readonly references: readonly Reference<Practitioner>[] };

export type ResourceOptions = Partial<Pick<MappedResource, 'mode' | 'shared' | 'initial'>>;

export class Draft {
  readonly peer: Peer;
  /** Offset of times that have none. */
  readonly zone: string;
  /** Fields that name persons, as they stand, and whom they name. */
  readonly persons = new Map<string, NamedPersons>();
  readonly #resources = new Map<string, MappedResource>();
  /** Of identities that were asked for: the same person is named many times. */
  readonly #urns = new Map<string, string>();
  readonly #contained = new Map<string, Resource>();
  readonly #gaps = new Map<string, Gap>();
  readonly #files = new Map<string, Buffer>();
  /** Why fields have no place, by segment. */
  readonly #left = new Map<string, Readonly<Record<number, string>>[]>();

  constructor(peer: Peer, zone: string) {
    this.peer = peer;
    this.zone = zone;
  }

  /** Lists a value that was not carried. `reason` never quotes it. */
  gap(path: string, reason: string, value = ''): void {
    if (this.#gaps.size < MAX_GAPS)
      this.#gaps.set(`${path} ${reason}`, { path, reason, ...(value === '' ? {} : { value: shortened(value) }) });
  }

  /** Lists a code that no table here knows: a person may map it in the configuration of the peer. */
  unmapped(path: string, table: string, code: string): void {
    if (this.#gaps.size < MAX_GAPS)
      this.#gaps.set(`${path} ${code}`, { path, reason: `code is not in ${table}`, value: shortened(code), table });
  }

  /** Says why fields of a segment have no place; told when the message holds something there (`listUnread`). */
  leave(segment: string, reasons: Readonly<Record<number, string>>): void {
    const known = this.#left.get(segment);
    if (!known) this.#left.set(segment, [reasons]);
    else if (!known.includes(reasons)) known.push(reasons);
  }

  /** Lists what no mapping read: last, when everything has been mapped. */
  listUnread(segments: readonly Segment[]): void {
    for (const segment of segments) {
      for (const { path, value } of segment.unread()) {
        if (this.#gaps.size >= MAX_GAPS) return;
        const field = fieldOf(path);
        const reasons = this.#left.get(segment.name)?.findLast((one) => one[field] !== undefined);
        this.gap(path, reasons?.[field] ?? NO_PLACE, value);
      }
    }
  }

  /**
   * Keeps a small resource that nobody looks for by itself (a ward, a sending system) inside the one that refers to it: whichever is added
   * next with this reference in it. The same content has the same id, in whatever message.
   */
  contain<T extends Resource>(resource: T): Reference<T> {
    const id = `${resource.resourceType.toLowerCase()}-${hash('sha256', JSON.stringify(resource)).slice(0, 12)}`;
    this.#contained.set(id, Object.assign({ resourceType: resource.resourceType, id }, resource));
    return { reference: `#${id}` };
  }

  /** The resource of this message that is first known so, if there is one already. */
  held(known: Identity): Resource | undefined {
    return this.#resources.get(urnOf(known))?.resource;
  }

  /** Adds a resource under its identities and returns the reference to it. One that is there already only gains what it lacks. */
  add<T extends Resource>(resource: T, identities: readonly Identity[], options: ResourceOptions = {}): Reference<T> {
    const urn = this.#urnOf(identities[0] as Identity);
    const known = this.#resources.get(urn);
    // What names the resource first, for whoever reads the JSON.
    const whole = Object.assign({ resourceType: resource.resourceType }, resource, known?.resource);
    this.#resources.set(urn, {
      urn,
      resource: this.#contained.size === 0 ? whole : this.#withContained(whole),
      identities: known ? united(known.identities, identities) : identities,
      mode: options.mode ?? 'update',
      shared: options.shared ?? false,
      ...(options.initial ? { initial: options.initial } : {}),
    });
    return { reference: urn };
  }

  #urnOf(identity: Identity): string {
    const key = `${identity.type}\0${identity.system}\0${identity.value}`;
    const urn = this.#urns.get(key) ?? urnOf(identity);
    this.#urns.set(key, urn);
    return urn;
  }

  /**
   * A file as others refer to it: one with bytes becomes a Binary, known by the resource it belongs to and which of its files it is. The
   * row holds the digest; the bytes go to the blob store as they are.
   */
  addFile({ attachment, bytes }: ReadFile, owner: Identity, n: number): Attachment {
    if (bytes === null) return attachment;
    const digest = hash('sha256', bytes);
    const { contentType = '' } = attachment;
    const binary = {
      resourceType: 'Binary',
      contentType: isMediaType(contentType) ? contentType : 'application/octet-stream',
      digest,
      size: bytes.length,
    } satisfies StoredBinary;
    const known = identity('Binary', 'urn:waystation:file-of-resource', `${owner.type}|${keyOf(owner)}|${n}`);
    const { reference: url } = this.add(binary as StoredBinary, [known]);
    this.#files.set(digest, bytes);
    return { ...attachment, url, size: bytes.length };
  }

  /** Bytes by their SHA-256 in hex, as the Binaries name them, where there are any. */
  get kept(): { readonly files?: ReadonlyMap<string, Buffer> } {
    return this.#files.size > 0 ? { files: this.#files } : {};
  }

  /** Gives a resource that was added what it lacks. */
  extend<T extends Resource>({ reference = '' }: Reference<T>, members: Partial<T>): void {
    const known = this.#resources.get(reference);
    if (known) this.#resources.set(reference, { ...known, resource: { ...members, ...known.resource } as T });
  }

  /** With what it refers to, and what that refers to. */
  #withContained<T extends Resource>(resource: T): T {
    const held = (resource as { contained?: Resource[] }).contained ?? [];
    const found = new Map(held.map((one) => [one.id as string, one]));
    for (const named of this.#namedIn(resource)) this.#collect(named, found);
    return found.size === 0 ? resource : { ...resource, contained: [...found.values()] };
  }

  #collect(id: string, found: Map<string, Resource>): void {
    const resource = this.#contained.get(id);
    if (!resource || found.has(id)) return;
    for (const named of this.#namedIn(resource)) if (named !== id) this.#collect(named, found);
    found.set(id, resource);
    // Whoever refers to the same thing next has contained it again.
    this.#contained.delete(id);
  }

  #namedIn(resource: Resource): string[] {
    const named: string[] = [];
    eachFragment(resource, (id) => {
      if (this.#contained.has(id)) named.push(id);
    });
    return named;
  }

  get resources(): readonly MappedResource[] {
    return [...this.#resources.values()];
  }

  get gaps(): readonly Gap[] {
    return [...this.#gaps.values()];
  }
}

/** Every text `#id` in a resource. */
function eachFragment(value: unknown, visit: (id: string) => void): void {
  if (typeof value === 'string') {
    if (value.startsWith('#')) visit(value.slice(1));
  } else if (Array.isArray(value)) {
    for (const item of value) eachFragment(item, visit);
  } else if (typeof value === 'object' && value !== null) {
    for (const key of Object.keys(value)) eachFragment((value as Record<string, unknown>)[key], visit);
  }
}

/** `OBX[2]-5[3].1` is a part of field 5. */
function fieldOf(path: string): number {
  return Number.parseInt(path.slice(path.indexOf('-') + 1), 10);
}

/** A value as gaps keep it: a long one by its beginning and its digest. */
function shortened(value: string): string {
  if (value.length <= MAX_VALUE) return value;
  return `${value.slice(0, MAX_VALUE)}~sha256:${hash('sha256', value)}`;
}

const NO_PLACE = 'has no place in FHIR here: the message keeps it';

function united(a: readonly Identity[], b: readonly Identity[]): readonly Identity[] {
  if (a.length >= MAX_IDENTITIES) return a;
  return [...a, ...b.filter((one) => !a.some((other) => other.system === one.system && other.value === one.value))];
}
