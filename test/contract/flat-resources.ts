/**
 * Resources of two makers side by side: what each says of an element of a type, whatever its id, its order and its number.
 * In: resources. Out: `Patient name.family` → the values there. What is contained counts as a resource of its type.
 */

/** Type and path without indices, and the values found there. */
export type Facts = ReadonlyMap<string, ReadonlySet<string>>;

type Json = { readonly [member: string]: unknown };

export function factsOf(resources: readonly object[]): Facts {
  const facts = new Map<string, Set<string>>();
  for (const resource of resources as readonly Json[]) addResource(resource, facts);
  return facts;
}

function addResource(resource: Json, facts: Map<string, Set<string>>): void {
  for (const [member, value] of Object.entries(resource)) {
    if (member === 'contained') for (const one of value as readonly Json[]) addResource(one, facts);
    else if (member !== 'resourceType') addValue(`${resource.resourceType} ${member}`, value, facts);
  }
}

function addValue(path: string, value: unknown, facts: Map<string, Set<string>>): void {
  if (Array.isArray(value)) for (const one of value) addValue(path, one, facts);
  else if (typeof value === 'object' && value !== null) {
    for (const [member, one] of Object.entries(value)) addValue(`${path}.${member}`, one, facts);
  } else if (value !== undefined) facts.set(path, (facts.get(path) ?? new Set()).add(String(value)));
}

/** Whether a value is said in a text of ours: as it is, or as the same day or the same minute of another zone. */
export type Said = (value: string) => boolean;

export function saidIn(values: Iterable<string>): Said {
  const all = [...values];
  const text = all.join('\n').toLowerCase();
  const times = new Set(all.flatMap((value) => value.split(/[\^&~]/).flatMap(timesOf)));
  return (value) => {
    const own = timesOf(value);
    return own.length > 0 ? own.some((time) => times.has(time)) : text.includes(value.trim().toLowerCase());
  };
}

/** The day as it is written, and the minute of one with a zone; none of what is no date. HL7 v2 DTM or FHIR dateTime. */
export function timesOf(value: string): string[] {
  const found = /^(\d{4})-?(\d\d)-?(\d\d)(?:T?(\d\d):?(\d\d)(?::?\d\d)?(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?$/.exec(value.trim());
  if (!found) return [];
  const [, year, month, day, hour, minute, zone] = found;
  const offset = zone && zone !== 'Z' ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : 'Z';
  const instant = zone ? [`${Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00${offset}`)}`] : [];
  return [`${year}-${month}-${day}`, ...instant];
}
