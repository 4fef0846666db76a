/**
 * Where a row of a segment table writes: `name[]`, `period.start`, `location[prior].status`, `_birthDate.extension[url].valueDateTime`.
 * In: the path. Out: a function that sets a value at it, made once; it walks no text when it is called.
 */

/** Items by key, as long as one segment is read. */
export type Place = { readonly keyed: Map<string, Record<string, unknown>> };

/** `index`: which of the values of its row. */
export type Writer = (target: Record<string, unknown>, value: unknown, index: number, place: Place) => void;

export type ElementPath = {
  /** The first name of the path. */
  readonly member: string;
  /** Whether every repetition of the field has a place. */
  readonly isList: boolean;
  readonly write: Writer;
};

type Step = { readonly name: string; readonly key: string | null };

export function writerOf(path: string): ElementPath {
  const steps = stepsOf(path);
  const isList = steps.some(({ name, key }) => key === '' || isExtension(name));
  return { member: (steps[0] as Step).name, isList, write: writerFrom(steps, '') };
}

/** Names, each with what stands in brackets behind it; a url there may hold points. */
function stepsOf(path: string): Step[] {
  const steps = [...path.matchAll(/([A-Za-z_]\w*)(?:\[([^\]]*)\])?(?:\.|$)/g)].map(([, name, key]) => ({
    name: name as string,
    key: key ?? null,
  }));
  const whole = steps.map(({ name, key }) => (key === null ? name : `${name}[${key}]`)).join('.');
  if (whole !== path) throw new Error(`mapping: ${path} is no path of an element`);
  return steps;
}

function writerFrom([step, ...rest]: readonly Step[], above: string): Writer {
  const { name, key } = step as Step;
  const at = `${above}.${name}[${key}]`;
  if (rest.length === 0) return key === null ? writeMember(name) : writeItem(name, key);
  const next = writerFrom(rest, at);
  return key === null ? descend(name, next) : descendKeyed(name, key, at, next);
}

/** The first row that gives a single element a value decides. */
function writeMember(name: string): Writer {
  return (target, value) => {
    target[name] ??= value;
  };
}

function writeItem(name: string, key: string): Writer {
  if (key !== '') throw new Error(`mapping: ${name}[${key}] names an item and no element of it`);
  return (target, value) => {
    listIn(target, name).push(value);
  };
}

function descend(name: string, next: Writer): Writer {
  return (target, value, index, place) => {
    target[name] ??= {};
    next(target[name] as Record<string, unknown>, value, index, place);
  };
}

/** `name[key]`: one item for all rows of the key, of an extension one a value; `name[]`: a new item a value. */
function descendKeyed(name: string, key: string, at: string, next: Writer): Writer {
  const extension = isExtension(name);
  return (target, value, index, place) => {
    const known = key === '' ? undefined : place.keyed.get(extension ? `${at}${index}` : at);
    const item = known ?? (extension ? { url: key } : {});
    if (known === undefined) {
      listIn(target, name).push(item);
      if (key !== '') place.keyed.set(extension ? `${at}${index}` : at, item);
    }
    next(item, value, index, place);
  };
}

function isExtension(name: string): boolean {
  return name === 'extension' || name === 'modifierExtension';
}

function listIn(target: Record<string, unknown>, name: string): unknown[] {
  const list = (target[name] as unknown[] | undefined) ?? [];
  target[name] = list;
  return list;
}
