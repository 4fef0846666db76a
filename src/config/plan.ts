/**
 * Whether the names of a configuration meet each other: returns and routes lead somewhere, nothing is named twice,
 * no two doors share a port, no sender is recognised as two peers.
 * In: the values as written, whole or not, so that these faults stand beside those of the schema in one list.
 */
import { isLoopback } from './address-range.ts';
import { didYouMean } from './fault.ts';
import { MLLP_SIGNS, rankOf } from './mllp-signs.ts';
import { BUILT_IN_READERS, DEFAULT_PORTS, LOOPBACK } from './schema.ts';
import { type ConfigFault, type Path, pathText, type Source } from './source.ts';

/** Every fault between the parts. `specialties` are the names of those that exist. */
export function planFaults(source: Source, specialties: readonly string[]): ConfigFault[] {
  const raw = record(source.raw);
  const destinations = withReaders(items(raw, 'destinations'));
  const parts: Parts = { source, raw, specialties, peers: items(raw, 'peers'), destinations, routes: items(raw, 'routes') };
  return [doors, listeners, names, returns, archives, outgoing, routes, specialtyNames, recognition, queries, priors].flatMap((rule) =>
    rule(parts),
  );
}

type Item = { readonly path: Path; readonly value: Raw };
type Raw = Readonly<Record<string, unknown>>;
type Parts = {
  readonly source: Source;
  readonly raw: Raw;
  readonly specialties: readonly string[];
  readonly peers: readonly Item[];
  readonly destinations: readonly Item[];
  readonly routes: readonly Item[];
};

function doors({ source, raw }: Parts): ConfigFault[] {
  const sections = Object.keys(DEFAULT_PORTS) as (keyof typeof DEFAULT_PORTS)[];
  const open = sections.flatMap((section) => {
    const written = items(raw, section);
    const doors = written.length > 0 ? written : [{ path: [section] as Path, value: record(raw[section]) }];
    return doors.map(({ path, value }) => ({ path, host: value.host ?? LOOPBACK, port: value.port ?? DEFAULT_PORTS[section] }));
  });
  return open.flatMap((door, index) => {
    const other = open.slice(0, index).find((one) => one.port === door.port && door.port !== 0 && sameInterface(one.host, door.host));
    if (other === undefined) return [];
    return [source.fault([...door.path, 'port'], `must not be ${door.port}, which is the port of ${pathText(other.path)}`)];
  });
}

/** A listener that a peer is recognised by exists. */
function listeners({ source, raw, peers }: Parts): ConfigFault[] {
  const doors = Array.isArray(raw.mllp) ? items(raw, 'mllp').map(({ value }) => value) : [record(raw.mllp)];
  const known = doors.map((door) => (isText(door.name) ? door.name : 'mllp'));
  return peers.flatMap(({ path, value }) =>
    existing(source, [...path, 'mllp', 'listener'], record(value.mllp).listener, known, 'MLLP listener'),
  );
}

function names({ source, raw, peers, destinations }: Parts): ConfigFault[] {
  const listed = items(raw, 'mllp').map(({ path, value }) => ({ path, value: { name: 'mllp', ...value } }));
  return [listed, peers, destinations].flatMap((group) =>
    group.flatMap(({ path, value }, index) => {
      const first = group.slice(0, index).find((one) => isText(value.name) && one.value.name === value.name);
      const owner = first?.path.length === 0 ? 'the group that comes with the gateway' : pathText(first?.path ?? []);
      return first === undefined ? [] : [source.fault([...path, 'name'], `is taken: ${owner} is named '${value.name}' too`)];
    }),
  );
}

function returns({ source, peers, destinations }: Parts): ConfigFault[] {
  return peers.flatMap(({ path, value }) =>
    texts(value.returns).flatMap((to, index) => leadsTo(source, [...path, 'returns', index], to, destinations, TAKE_ANSWERS)),
  );
}

/** Who is granted what an archive has committed names one that is asked. */
function archives({ source, peers, destinations }: Parts): ConfigFault[] {
  const asked = destinations.filter(({ value }) => value.kind === 'dimse' && isRecord(value.commitment));
  return peers.flatMap(({ path, value }) => {
    const { archive } = record(record(value.dimse).commitment);
    const place = [...path, 'dimse', 'commitment', 'archive'];
    return existing(source, place, archive, namesOf(asked), 'destination of kind dimse with commitment');
  });
}

/**
 * Who is coerced is named, and commitment is asked, and availability told, by the UIDs that are stored: none fits a destination that shall not
 * know them. Nor does a result: its case would wait for the receipt of a document that is never sent there. Who takes no results is told
 * of studies at least.
 */
function outgoing({ source, raw, destinations, peers }: Parts): ConfigFault[] {
  const unknowing = destinations.filter(({ value }) => value.deidentify !== undefined);
  const beside = unknowing.flatMap(({ path, value }) =>
    ['coerce', 'commitment', 'availability']
      .filter((key) => value[key] !== undefined && value[key] !== false)
      .map((key) => source.fault([...path, key], 'cannot stand beside deidentify')),
  );
  const names = new Set<unknown>(namesOf(unknowing));
  const results = peers.flatMap(({ path, value }) =>
    (Array.isArray(value.returns) ? value.returns : []).flatMap((name, index) =>
      names.has(name) ? [source.fault([...path, 'returns', index], 'is a destination with deidentify, which takes no results')] : [],
    ),
  );
  const mute = destinations.filter(
    ({ value }) => Array.isArray(value.results) && value.results.length === 0 && value.availability !== true,
  );
  const muteFaults = mute.map(({ path }) => source.fault([...path, 'results'], 'must not be empty without availability'));
  return [...beside, ...results, ...muteFaults, ...unknowing.flatMap((one) => returnedBy(source, one, peers, raw))];
}

/**
 * What comes back is put into the study and patient it is of: only from a peer that is known by more than an AE title. It does not search here,
 * or it could send something of a study to learn whose that is.
 */
function returnedBy(source: Source, { path, value }: Item, peers: readonly Item[], raw: Raw): ConfigFault[] {
  const written = record(value.deidentify).returnedBy;
  const named = Array.isArray(written) ? written.map((name, index) => ({ name, at: [index] })) : [{ name: written, at: [] }];
  return named.flatMap(({ name, at }) => {
    const place = [...path, 'deidentify', 'returnedBy', ...at];
    const dimse = record(peers.find((peer) => peer.value.name === name)?.value.dimse);
    return [
      ...existing(source, place, name, namesOf(peers), 'peer'),
      ...(isText(dimse.aeTitle) && !isPlaced(dimse, raw) ? [source.fault(place, `is '${name}', ${BIND_RETURNS}`)] : []),
      ...(dimse.query === undefined && dimse.worklist !== true ? [] : [source.fault(place, `is '${name}', which may search here`)]),
    ];
  });
}

/** Known by more than its AE title, or calling from this machine. */
function isPlaced(dimse: Raw, raw: Raw): boolean {
  const door = record(raw.dimse).host ?? LOOPBACK;
  return (isText(door) && isLoopback(door)) || isText(dimse.certificate) || isText(dimse.address);
}

function routes({ source, raw, routes: rules, destinations, peers, specialties }: Parts): ConfigFault[] {
  const takers = destinations.filter(({ value }) => takesCases(value));
  const faults = rules.flatMap(({ path, value }) => {
    const when = record(value.when);
    return [
      ...leadsTo(source, [...path, 'to'], value.to, destinations, TAKE_CASES),
      ...existing(source, [...path, 'when', 'specialty'], when.specialty, specialties, 'specialty'),
      ...(isText(when.peer) && when.peer.includes(':')
        ? []
        : existing(source, [...path, 'when', 'peer'], when.peer, namesOf(peers), 'peer')),
    ];
  });
  if (raw.routes !== undefined || takers.length <= 1) return faults;
  return [
    ...faults,
    source.fault([], `routes: is missing: ${namesOf(takers).join(' and ')} could each take a case, so rules must say which`),
  ];
}

function specialtyNames({ source, raw, peers, specialties }: Parts): ConfigFault[] {
  return [
    ...existing(source, ['defaultSpecialty'], raw.defaultSpecialty, specialties, 'specialty'),
    ...peers.flatMap(({ path, value }) => existing(source, [...path, 'specialty'], value.specialty, specialties, 'specialty')),
    ...Object.keys(record(raw.specialties))
      .filter((key) => !specialties.includes(key))
      .map((key) => source.faultAtKey(['specialties'], key, `is not a specialty${didYouMean(key, specialties)}`)),
  ];
}

/** A sender that two peers would recognise equally well belongs to neither. */
function recognition({ source, peers }: Parts): ConfigFault[] {
  return peers.flatMap(({ path, value }, index) => {
    const nothing = signsOf(value).length === 0 && ['dimse', 'http'].every((door) => Object.keys(record(value[door])).length === 0);
    if (nothing) return [source.fault(path, 'does not say how it is recognised: give mllp, dimse or http')];
    return peers.slice(0, index).flatMap((other) => {
      const door = ambiguous(value, other.value);
      return door === '' ? [] : [source.fault([...path, door], `recognises the same senders as peers[${other.path[1]}]`)];
    });
  });
}

/** Who may look at patients is known by more than an AE title, sees the cases of a group that there is, and sends them where it is said. */
function queries({ source, raw, peers, destinations }: Parts): ConfigFault[] {
  const groups = destinations.flatMap(({ value }) => (isText(value.group) ? [value.group] : []));
  const unknowing = destinations.flatMap(({ value }) => (value.deidentify === undefined ? [] : [value.group]));
  const door = record(raw.dimse).host ?? LOOPBACK;
  const isHere = isText(door) && isLoopback(door);
  return peers.flatMap(({ path, value }) => {
    const dimse = record(value.dimse);
    const query = record(dimse.query);
    const unplaced = dimse.worklist === true && !isPlaced(dimse, raw) ? [source.fault([...path, 'dimse', 'worklist'], BIND_WORKLIST)] : [];
    if (dimse.query === undefined) return unplaced;
    const at = [...path, 'dimse', 'query'];
    return [
      ...unplaced,
      ...(isHere || isText(dimse.certificate)
        ? []
        : [source.fault(at, 'is for a peer that is known by its certificate: give dimse.certificate')]),
      ...existing(source, [...at, 'group'], query.group, groups, 'group of a destination'),
      // A C-FIND and a C-GET tell what is stored.
      ...(unknowing.includes(query.group)
        ? [source.fault([...at, 'group'], 'is of a destination with deidentify, whose readers shall not know')]
        : []),
      ...texts(query.moveTo).flatMap((to, index) => leadsTo(source, [...at, 'moveTo', index], to, destinations, TAKE_C_STORE)),
    ];
  });
}

/** Who is asked for priors is known as a peer, which says whose numbers his patients have: a number alone may be anybody's. */
function priors({ source, raw, peers, destinations }: Parts): ConfigFault[] {
  return Object.entries(record(raw.specialties)).flatMap(([specialty, change]) => {
    const { from } = record(record(change).priors);
    const at = ['specialties', specialty, 'priors', 'from'];
    const wrong = from === undefined ? [] : leadsTo(source, at, from, destinations, ANSWER_QUERIES);
    if (!isText(from) || wrong.length > 0) return wrong;
    const aeTitle = destinations.find(({ value }) => value.name === from)?.value.aeTitle;
    const known = peers.some(({ value }) => same(record(value.dimse).aeTitle, aeTitle) && isText(value.patientAuthority));
    return known ? [] : [source.fault(at, `is '${from}', and no peer with its dimse.aeTitle says its patientAuthority: ${NAME_AUTHORITY}`)];
  });
}

function ambiguous(one: Raw, other: Raw): string {
  const [a, b] = [record(one.mllp), record(other.mllp)];
  const overlap = MLLP_SIGNS.every((key) => a[key] === undefined || b[key] === undefined || a[key] === b[key]);
  const [rank, otherRank] = [one, other].map((peer) => rankOf(signsOf(peer).length, signsOf(peer).includes('certificate')));
  if (overlap && rank !== 0 && rank === otherRank) return 'mllp';
  if (same(record(one.dimse).aeTitle, record(other.dimse).aeTitle)) return 'dimse';
  return same(record(one.http).client, record(other.http).client) ? 'http' : '';
}

/** By what an MLLP peer is recognised. */
function signsOf(peer: Raw): string[] {
  return MLLP_SIGNS.filter((key) => record(peer.mllp)[key] !== undefined);
}

/** A reference to a destination of one of these kinds. */
function leadsTo(source: Source, path: Path, to: unknown, known: readonly Item[], { kinds, what }: typeof TAKE_CASES): ConfigFault[] {
  const found = known.find(({ value }) => value.name === to);
  if (found === undefined) return existing(source, path, to, namesOf(known), 'destination');
  if (kinds.includes(String(found.value.kind))) {
    const unread = kinds === TAKE_CASES.kinds && !takesCases(found.value);
    return unread ? [source.fault(path, `is '${to}', for whose cases no report could come: ${NAME_READERS}`)] : [];
  }
  return [source.fault(path, `is '${to}' of kind ${found.value.kind}, which takes no ${what}; name one of kind ${kinds.join(' or ')}`)];
}

function existing(source: Source, path: Path, word: unknown, known: readonly string[], what: string): ConfigFault[] {
  if (!isText(word) || known.includes(word)) return [];
  return [source.fault(path, `is '${word}', but there is no such ${what}${didYouMean(word, known)}`)];
}

/** Where nobody takes cases, load.ts adds the group that comes with the gateway. */
function withReaders(written: readonly Item[]): readonly Item[] {
  return written.some(({ value }) => takesCases(value)) ? written : [{ path: [], value: BUILT_IN_READERS }, ...written];
}

function sameInterface(a: unknown, b: unknown): boolean {
  return a === b || [a, b].some((host) => host === '0.0.0.0' || host === '::');
}

function same(a: unknown, b: unknown): boolean {
  return isText(a) && a === b;
}

function namesOf(group: readonly Item[]): string[] {
  return group.flatMap(({ value }) => (isText(value.name) ? [value.name] : []));
}

function items(raw: Raw, key: string): Item[] {
  const value = raw[key];
  return Array.isArray(value) ? value.flatMap((one, index) => (isRecord(one) ? { path: [key, index], value: one } : [])) : [];
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(isText) : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function record(value: unknown): Raw {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A PACS takes cases where somebody is named who reports on them. */
function takesCases(destination: Raw): boolean {
  return TAKE_CASES.kinds.includes(String(destination.kind)) && (!OBJECT_KINDS.has(String(destination.kind)) || isText(destination.group));
}

const OBJECT_KINDS: ReadonlySet<string> = new Set(['dimse', 'dicomweb']);
const NAME_READERS = 'name the readers who send it, in its group';
const TAKE_CASES = { what: 'cases', kinds: ['pull', 'fhir', 'dimse', 'dicomweb'] };
const BIND_WORKLIST = 'is for a peer that is known by more than its AE title: give dimse.certificate or dimse.address';
const BIND_RETURNS = 'which is known by its AE title alone: give its dimse.certificate or dimse.address';
const TAKE_C_STORE = { what: 'C-STORE', kinds: ['dimse'] };
const ANSWER_QUERIES = { what: 'C-FIND', kinds: ['dimse'] };
const NAME_AUTHORITY = 'whose patient numbers it is asked by';
const TAKE_ANSWERS = { what: 'answers', kinds: ['mllp', 'fhir', 'dimse', 'dicomweb'] };
