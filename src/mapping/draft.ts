/**
 * What mapping gathers while it reads one message or study: resources, each once, and gaps.
 * The one thing in this room that is written to; everything else takes values and returns values.
 */
import type { Reference, Resource } from '@medplum/fhirtypes';
import { type Identity, type MappedResource, urnOf } from '../model/identity.ts';
import type { Gap } from '../model/mapped.ts';
import type { Peer } from '../model/peer.ts';

/** More gaps than this help nobody; a hostile message could have millions. */
const MAX_GAPS = 200;

export type ResourceOptions = Partial<Pick<MappedResource, 'mode' | 'shared' | 'initial'>>;

export class Draft {
  readonly peer: Peer;
  /** Offset of times that have none. */
  readonly zone: string;
  readonly #resources = new Map<string, MappedResource>();
  readonly #gaps = new Map<string, Gap>();

  constructor(peer: Peer, zone: string) {
    this.peer = peer;
    this.zone = zone;
  }

  /** Lists a value that was not carried. `reason` never quotes it. */
  gap(path: string, reason: string): void {
    if (this.#gaps.size < MAX_GAPS) this.#gaps.set(`${path} ${reason}`, { path, reason });
  }

  /** Adds a resource under its identities and returns the reference to it. One that is there already only gains what it lacks. */
  add<T extends Resource>(resource: T, identities: readonly Identity[], options: ResourceOptions = {}): Reference<T> {
    const urn = urnOf(identities[0] as Identity);
    const known = this.#resources.get(urn);
    this.#resources.set(urn, {
      urn,
      // What names the resource first, for whoever reads the JSON.
      resource: Object.assign({ resourceType: resource.resourceType }, resource, known?.resource),
      identities: known ? united(known.identities, identities) : identities,
      mode: options.mode ?? 'update',
      shared: options.shared ?? false,
      ...(options.initial ? { initial: options.initial } : {}),
    });
    return { reference: urn };
  }

  get resources(): readonly MappedResource[] {
    return [...this.#resources.values()];
  }

  get gaps(): readonly Gap[] {
    return [...this.#gaps.values()];
  }
}

function united(a: readonly Identity[], b: readonly Identity[]): readonly Identity[] {
  return [...a, ...b.filter((one) => !a.some((other) => other.system === one.system && other.value === one.value))];
}
