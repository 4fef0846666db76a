/**
 * What a read was about, for the audit trail. In: path and parameters. Out: `Type/id`, or `Type?` with the parameters of a search.
 * Names that were searched for are left out: the trail says who looked where, and is no second place where patients stand by name.
 */
import { searchParametersOf } from '../../protocols/fhir/search-parameters.ts';

export function auditTarget(path: readonly string[], parameters: readonly (readonly [string, string])[]): string {
  const table = searchParametersOf(path[0] ?? '');
  const kindOf = (name: string) => table?.get(name.split(':')[0] as string)?.type;
  const isTold = (name: string) => name.startsWith('_') || (kindOf(name) !== undefined && kindOf(name) !== 'string');
  const asked = parameters.filter(([name]) => name !== '_cursor').map(([name, value]) => (isTold(name) ? `${name}=${value}` : name));
  return path.join('/') + (asked.length > 0 ? `?${asked.join('&')}` : '');
}
