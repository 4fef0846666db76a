/** Routing, with the database: every case with an order that may still be offered gets its destination; destinations get their Organization. */

import type { Organization } from '@medplum/fhirtypes';
import type { CaseState } from '../model/case.ts';
import type { Clock } from '../model/clock.ts';
import { type Destination, type Route, readersOf, takesCases } from '../model/config.ts';
import { GROUP_SYSTEM } from '../protocols/fhir/canonical.ts';
import {
  addEvent,
  type Batch,
  caseIn,
  changedCases,
  grant,
  loadResources,
  openBatch,
  putCase,
  putResource,
  resourceIn,
  revoke,
} from '../store/batch.ts';
import { readNeighbours } from '../store/case-store.ts';
import type { Database } from '../store/database.ts';
import { claimIdentifiers } from '../store/identifier-store.ts';
import { tokenHash } from '../store/resource-store.ts';
import { routeOf } from './route.ts';

export type RoutingRules = { readonly routes: readonly Route[]; readonly destinations: readonly Destination[] };

export async function routeCases(batch: Batch, rules: RoutingRules): Promise<void> {
  const moved: CaseState[] = [];
  for (const state of changedCases(batch)) {
    if (state.phase !== 'assembling' || state.serviceRequest === '') continue;
    const route = routeOf(state, rules.routes, rules.destinations);
    if (route?.destination === state.route?.destination) continue;
    putCase(batch, { ...state, route });
    if (route) addEvent(batch, state.id, { seq: null, kind: 'routed', actor: 'gateway', detail: `to ${route.destination} (${route.why})` });
    if (state.route && state.route.group !== '' && state.route.group !== route?.group) moved.push(state);
  }
  for (const state of moved) await takeFrom(batch, state, state.route?.group as string);
}

/**
 * A group to which a case no longer goes sees nothing of it, unless it wrote it or another of its cases holds it.
 * Deviation: what belongs to no case (Practitioner, Organization) stays in its sight.
 */
async function takeFrom(batch: Batch, state: CaseState, group: string): Promise<void> {
  const stored = await readNeighbours(batch.tx, state, group, tokenHash(`Task.subject=${state.patient}`));
  const here = [...batch.cases.values()].map((slot) => slot.state);
  const others = [...here, ...stored.filter(({ id }) => caseIn(batch, id) === null)];
  const kept = new Set(others.filter(({ id, route }) => id !== state.id && route?.group === group).flatMap(resourcesOf));
  revoke(
    batch,
    resourcesOf(state).filter((reference) => !kept.has(reference)),
    group,
  );
}

function resourcesOf(state: CaseState): string[] {
  const studies = [...state.studies.map(({ imagingStudy }) => imagingStudy), ...(state.priors?.imagingStudies ?? [])];
  return [state.task, state.serviceRequest, state.patient, ...state.members, ...studies];
}

/** Finds or makes the Organization of every reading destination: the owner of its Tasks. Run once at start. */
export async function openOwners(
  database: Database,
  rules: RoutingRules,
  clock: Clock,
  save: (batch: Batch) => Promise<void>,
): Promise<(destination: string) => string> {
  const readers = rules.destinations.filter(takesCases);
  const owners = await database.transaction(async (tx) => {
    const batch = openBatch(tx, clock.now(), clock, []);
    const identities = readers.map(({ name }) => [{ type: 'Organization', system: GROUP_SYSTEM, value: name }]);
    const ids = (
      await claimIdentifiers(
        tx,
        identities.map((list) => ({ identities: list, fresh: clock.uuid() })),
      )
    ).map(({ id }) => id);
    await loadResources(
      batch,
      ids.map((id) => `Organization/${id}`),
    );
    for (const [index, destination] of readers.entries()) putOwner(batch, destination, ids[index] as string);
    await save(batch);
    return new Map(readers.map((destination, index) => [destination.name, `Organization/${ids[index]}`]));
  });
  return (destination) => owners.get(destination) ?? '';
}

function putOwner(batch: Batch, destination: Destination, id: string): void {
  const reference = `Organization/${id}`;
  const current = resourceIn(batch, reference) as Organization | null;
  const identifier = [{ system: GROUP_SYSTEM, value: destination.name }];
  putResource(
    batch,
    { ...(current ?? {}), resourceType: 'Organization', id, identifier, active: true, name: destination.name },
    null,
    true,
  );
  if (readersOf(destination) !== '') grant(batch, [reference], null, [readersOf(destination)]);
}
