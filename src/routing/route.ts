/**
 * Which destination reads a case, and why. In: the case and the configured rules. Out: the first rule whose every condition holds.
 * `pull` groups see the case at our FHIR door, also those that read what is sent to a PACS; `fhir` destinations get it pushed.
 */
import type { CaseState } from '../model/case.ts';
import { type Destination, type Route, readersOf, takesCases } from '../model/config.ts';

export function routeOf(state: CaseState, routes: readonly Route[], destinations: readonly Destination[]): CaseState['route'] {
  const index = routes.findIndex((route) => holds(route.when, state));
  if (index < 0) return null;
  const destination = destinations.find((candidate) => candidate.name === routes[index]?.to);
  if (!destination || !takesCases(destination)) return null;
  return {
    destination: destination.name,
    kind: destination.kind === 'fhir' ? 'push' : 'pull',
    group: readersOf(destination),
    why: `rule ${index + 1}: ${describe(routes[index] as Route)}`,
  };
}

function holds(when: Route['when'], state: CaseState): boolean {
  return (
    (when.specialty === undefined || when.specialty === state.specialty) &&
    (when.peer === undefined || when.peer === state.origin?.peer) &&
    (when.priority === undefined || when.priority === state.priority) &&
    (when.hint === undefined || state.hints.includes(when.hint))
  );
}

function describe(route: Route): string {
  const conditions = Object.entries(route.when).map(([name, value]) => `${name} ${value}`);
  return conditions.length === 0 ? 'always' : conditions.join(' and ');
}
