/**
 * The house as the imports draw it: who may import whom, where each package lives, which files touch the world.
 * A rule that stands in the way is changed here and in src/README.md, in the same commit.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { readSource, readSources, type SourceFile, target } from '../support/source-file.ts';

/** Rooms, and the rooms each may import besides itself. Files directly in src (main.ts, pipeline.ts …) may import everything. */
const ROOMS: Record<string, readonly string[]> = {
  model: [],
  protocols: ['model'],
  store: ['model'],
  security: ['model'],
  mapping: ['model', 'protocols'],
  cases: ['model', 'protocols'],
  routing: ['model', 'protocols'],
  reports: ['model', 'protocols'],
  return: ['model', 'protocols'],
  journal: ['model', 'store'],
  endpoints: ['model', 'protocols', 'journal', 'store', 'security'],
  delivery: ['model', 'protocols', 'journal', 'store', 'security'],
  config: ['model'],
  cli: ['model', 'config'],
};

/** What a step of a pure room may import besides: it loads, lets its room decide, and saves. */
const STEP_ALSO = ['store', 'security'];

/** Doors between single files or folders, and why they are there. */
const DOORS: readonly (readonly [from: string, to: string, why: string])[] = [
  ['return/', 'mapping/vocabulary/', 'answers use the code tables backwards'],
  ['return/', 'mapping/datatypes/', 'answers use the datatypes backwards'],
  ['cli/', 'endpoints/operations/contract.ts', 'the words between the commands and the gateway they speak to'],
  ['cli/', 'main.ts', '`start` and `demo` put the house together'],
  ['cli/', '../package.json', 'its version'],
  ['cli/gateway-client.ts', 'security/gateway-file-store.ts', 'how a command finds the gateway of this machine and is let in'],
  ['cli/demo/', 'delivery/', 'the hospital of `demo` sends orders and images as we send'],
  ['cli/demo/', 'protocols/', 'and makes them up'],
  ['cli/demo/', 'reports/', 'its specialists sign, its clinic verifies'],
  ['cli/destination-check.ts', 'delivery/dimse/echo-client.ts', '`destination check` asks a PACS whether it answers'],
  ['cli/map-file.ts', 'mapping/', '`map` shows what mapping makes of a file'],
  ['cli/map-file.ts', 'protocols/', 'and has to parse it first'],
  ['cli/map-file.ts', 'endpoints/mllp/inbound-entry.ts', 'just as the door would'],
  ['cli/check-samples.ts', 'mapping/', '`check --samples` shows what the overrides of a peer do'],
  ['cli/check-samples.ts', 'protocols/', 'to a message as it was read'],
];

/** Each package has one home. Types of FHIR resources are at home everywhere. */
const HOMES: Record<string, readonly string[]> = {
  pg: ['store/'],
  express: ['endpoints/'],
  cors: ['endpoints/'],
  'prom-client': ['endpoints/operations/'],
  '@medplum/fhir-router': ['endpoints/fhir/'],
  '@medplum/core': ['protocols/fhir/', 'endpoints/fhir/'],
  'node-hl7-client': ['protocols/hl7v2/'],
  dcmjs: ['protocols/dicom/', 'endpoints/dimse/', 'endpoints/dicomweb/'],
  'dcmjs-imaging': ['endpoints/dicomweb/'],
  'dcmjs-codecs': ['endpoints/dicom/'],
  sharp: ['endpoints/dicomweb/', 'delivery/photos/'],
  'heic-decode': ['delivery/photos/'],
  'dicom-parser': ['protocols/dicom/', 'endpoints/dimse/', 'endpoints/dicomweb/'],
  'fhir-kit-client': ['delivery/fhir/'],
  undici: ['delivery/fhir/', 'delivery/dicomweb/'],
  jose: ['security/', 'reports/'],
  canonicalize: ['security/', 'reports/'],
  pdfkit: ['reports/'],
  commander: ['cli/'],
  zod: ['config/'],
  yaml: ['config/'],
};
const TYPES_EVERYWHERE = ['@medplum/fhirtypes'];

/** The last word of a file name that touches the world: sockets, files, processes, the database. */
const WORLD_WORDS = ['listener', 'session', 'client', 'store', 'routes', 'worker', 'server', 'database', 'step', 'main'];
const WORLD_BUILTINS = ['fs', 'net', 'tls', 'http', 'https', 'http2', 'dgram', 'dns', 'child_process', 'cluster', 'worker_threads', 'os'];
const WORLD_PACKAGES = ['pg', 'express', 'undici', 'fhir-kit-client'];

/** Files and folders that touch it under another name, and why. */
const WORLD_EXCEPTIONS: Record<string, string> = {
  'cli/': 'a command is named as it is typed; all of them speak with the terminal and the gateway',
  'pipeline.ts': 'the corridor in one table: it names every step',
  'journal/journal.ts': 'the whole room: rows in, sequence numbers out',
  'protocols/fhir/definitions.ts': 'the definitions of R4 are a table too large for code: a file beside it, read at need',
  'store/batch.ts': 'what the steps of one transaction share: loads and saves through the stores',
  'endpoints/fhir/reply.ts': 'STATUS_CODES of node:http is a table',
};

/** Where the time of day is asked, besides cli and the files that join the rooms. */
const CLOCK_FILES = ['model/clock.ts'];
const CLOCKS = ['Date', 'Date.now'];
/** Rooms whose answer depends on nothing but the question. */
const PURE_ROOMS = ['model', 'protocols', 'mapping', 'cases', 'routing', 'reports', 'return'];
const CHANCE = ['Math.random', 'crypto.randomUUID', 'crypto.getRandomValues', 'randomUUID', 'randomBytes', 'randomInt', 'randomFillSync'];

const sources = readSources(fileURLToPath(new URL('../../src', import.meta.url)));

/** Every import that a rule calls wrong, with what to do. */
function faults(rule: (file: SourceFile, specifier: string, typeOnly: boolean) => string | null): string[] {
  return sources.flatMap((file) =>
    file.imports.flatMap(({ specifier, typeOnly }) => {
      const fault = rule(file, specifier, typeOnly);
      return fault ? [`src/${file.path} imports ${specifier}: ${fault}`] : [];
    }),
  );
}

/** What a file uses of a list of names, global or imported. */
function used(file: SourceFile, names: readonly string[]): string[] {
  return [...file.globals, ...file.imports.flatMap((one) => one.names)].filter((name) => names.includes(name));
}

const roomOf = (path: string): string | null => (path.includes('/') ? path.slice(0, path.indexOf('/')) : null);
const lastWord = (path: string): string => /([a-z0-9]+)\.ts$/.exec(path)?.[1] ?? '';
const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
const isBuiltin = (specifier: string): boolean => specifier.startsWith('node:');

describe('every file in src', () => {
  it('stands in a room, or is one of the few that join them', () => {
    const rooms = new Set(sources.map((file) => roomOf(file.path)).filter((room) => room !== null));
    expect([...rooms].sort()).toEqual(Object.keys(ROOMS).sort());
  });

  it('imports only rooms that its room may import', () => {
    expect(faults(roomFault)).toEqual([]);
  });

  it('imports a package only in its home', () => {
    expect(faults(packageFault)).toEqual([]);
  });

  it('touches the world only when its name says so', () => {
    expect(faults(worldFault)).toEqual([]);
  });

  it('reads the environment only in config', () => {
    const readers = sources.filter((file) => roomOf(file.path) !== 'config' && used(file, ['process.env', 'env']).length > 0);
    expect(readers.map(({ path }) => `src/${path} reads process.env: let config read it, and take the value as an argument`)).toEqual([]);
  });

  it('gets the time handed in', () => {
    const askers = sources.filter(({ path }) => ![null, 'cli'].includes(roomOf(path)) && !CLOCK_FILES.includes(path));
    const asking = askers.filter((file) => used(file, CLOCKS).length > 0);
    expect(asking.map((file) => `src/${file.path} uses ${used(file, CLOCKS)}: take a Clock (model/clock.ts), or a Date`)).toEqual([]);
  });

  it('leaves nothing to chance in the rooms that only decide', () => {
    const askers = sources.filter(({ path }) => PURE_ROOMS.includes(roomOf(path) ?? '') && !CLOCK_FILES.includes(path));
    const asking = askers.filter((file) => used(file, CHANCE).length > 0);
    expect(asking.map((file) => `src/${file.path} uses ${used(file, CHANCE)}: take a Clock (model/clock.ts) and its uuid()`)).toEqual([]);
  });
});

describe('every journey', () => {
  it('starts the gateway from outside and imports nothing of it', () => {
    const journeys = readSources(fileURLToPath(new URL('../journeys', import.meta.url)));
    const knowing = journeys.filter((file) => file.imports.some((one) => target(file, one.specifier)?.startsWith('../../src/')));
    expect(knowing.map(({ path }) => `test/journeys/${path} imports src: look at what the gateway prints and answers`)).toEqual([]);
  });
});

describe('every exception', () => {
  it('is needed by somebody', () => {
    const crossings = sources.flatMap((file) => file.imports.map(({ specifier }) => [file.path, target(file, specifier) ?? ''] as const));
    const idle = DOORS.filter(([from, to]) => !crossings.some(([path, imported]) => path.startsWith(from) && imported.startsWith(to)));
    expect(idle.map(([from, to]) => `nobody in ${from} imports ${to}: take the line out of DOORS`)).toEqual([]);
    const touching = sources.filter((file) => file.imports.some((one) => !one.typeOnly && touchesWorld(file, one.specifier)));
    const calm = Object.keys(WORLD_EXCEPTIONS).filter((exception) => !touching.some((file) => file.path.startsWith(exception)));
    expect(calm.map((exception) => `${exception} does not touch the world: take the line out of WORLD_EXCEPTIONS`)).toEqual([]);
  });
});

function roomFault(file: SourceFile, specifier: string): string | null {
  const to = target(file, specifier);
  const [from, room] = [roomOf(file.path), to && roomOf(to)];
  if (to === null || from === null || from === room) return null;
  if (DOORS.some(([importer, imported]) => file.path.startsWith(importer) && to.startsWith(imported))) return null;
  const allowed = [...(ROOMS[from] ?? []), ...(lastWord(file.path) === 'step' ? STEP_ALSO : [])];
  if (room !== null && allowed.includes(room)) return null;
  return (
    `${from} may import ${allowed.join(', ') || 'nothing'}, not ${to}. ` +
    'Take the value as an argument, move the shared word to model, or let pipeline.ts or main.ts join the two'
  );
}

function packageFault(file: SourceFile, specifier: string, typeOnly: boolean): string | null {
  const name = packageOf(specifier);
  if (specifier.startsWith('.') || isBuiltin(specifier) || (typeOnly && TYPES_EVERYWHERE.includes(name))) return null;
  const homes = HOMES[name];
  if (!homes) return 'it has no home: use what is there, or give it a line in HOMES of test/unit/imports.test.ts';
  return homes.some((home) => file.path.startsWith(home)) ? null : `it lives in ${homes.join(', ')}: call a function of that room`;
}

function worldFault(file: SourceFile, specifier: string, typeOnly: boolean): string | null {
  if (typeOnly || WORLD_WORDS.includes(lastWord(file.path)) || !touchesWorld(file, specifier)) return null;
  if (Object.keys(WORLD_EXCEPTIONS).some((exception) => file.path.startsWith(exception))) return null;
  return `the name ${file.path} promises a pure file. End it in ${WORLD_WORDS.map((word) => `-${word}`).join(', ')}, or take the value as an argument`;
}

function touchesWorld(file: SourceFile, specifier: string): boolean {
  const to = target(file, specifier);
  if (to !== null) return WORLD_WORDS.includes(lastWord(to));
  if (isBuiltin(specifier)) return WORLD_BUILTINS.includes(specifier.split(/[:/]/)[1] ?? '');
  return WORLD_PACKAGES.includes(packageOf(specifier));
}

describe('the reader of imports', () => {
  const importsOf = (text: string) => readSource('room/file.ts', text).imports.map(({ specifier, typeOnly }) => [specifier, typeOnly]);

  it.each([
    ["import x from 'a'", 'a', false],
    ["import * as x from 'a'", 'a', false],
    ["import 'a'", 'a', false],
    ["import { type X, y } from 'a'", 'a', false],
    ["import type { X } from 'a'", 'a', true],
    ["import { type X } from 'a'", 'a', true],
    ["export * from 'a'", 'a', false],
    ["export { x } from 'a'", 'a', false],
    ["export type { X } from 'a'", 'a', true],
    ["type X = import('a').X", 'a', true],
    ["const x = await import('a')", 'a', false],
    ["const x = require('a')", 'a', false],
    ['const x = await import(name)', '(computed)', false],
  ])('sees %s', (text, specifier, typeOnly) => {
    expect(importsOf(text)).toEqual([[specifier, typeOnly]]);
  });

  it('does not see comments and strings', () => {
    expect(importsOf(`// import 'a'\nconst x = "import 'b'"; /* require('c') */`)).toEqual([]);
  });

  it('sees the environment, the clock and chance', () => {
    const file = readSource(
      'x.ts',
      "process.env.A; process['env']; Date.now(); new Date(); new Date(0); import { randomUUID as id } from 'node:crypto'",
    );
    expect(file.globals).toEqual(['process.env', 'process.env', 'Date.now', 'Date']);
    expect(file.imports[0]?.names).toEqual(['randomUUID']);
  });
});
