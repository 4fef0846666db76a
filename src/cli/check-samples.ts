/**
 * Sample messages through the mapping of a configuration. In: a directory of .hl7 files. Out: for each what it becomes, what is not carried
 * and what the overrides of its peer did; and which of those overrides no sample needed. No values of the messages are in it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerDirectory } from '../config/peers.ts';
import { checkedPath, type Done, pathIn } from '../mapping/overrides/edit.ts';
import { overridden } from '../mapping/overrides/overridden.ts';
import { mapHl7v2 } from '../mapping/registry.ts';
import type { Config, ConfiguredPeer } from '../model/config.ts';
import { isFailure } from '../model/failure.ts';
import type { Mapped } from '../model/mapped.ts';
import type { MappingOverrides } from '../model/override.ts';
import type { PeerDirectory } from '../model/peer.ts';
import { type Hl7Message, parseMessage } from '../protocols/hl7v2/message.ts';
import { inboundEntry } from './map-file.ts';
import { CliError, EXIT } from './terminal.ts';

export type Sample = {
  readonly file: string;
  /** Why it would be refused, '' when it would not. */
  readonly refused: string;
  readonly type: string;
  readonly peer: string;
  /** How many of each type. */
  readonly resources: Readonly<Record<string, number>>;
  readonly gaps: readonly { readonly path: string; readonly reason: string }[];
  readonly overrides: readonly { readonly override: string; readonly path: string }[];
};

export type Samples = { readonly samples: readonly Sample[]; readonly unused: readonly string[] };

/** `peer`: who is taken to have sent them all, '' for whoever each says. */
export function checkSamples(directory: string, config: Config, peer: string): Samples {
  const peers = peerDirectory(config);
  const samples = sampleFiles(directory).map((file) => sampleOf(file, showMessage(read(join(directory, file)), peers, peer)));
  const senders = new Set(samples.map((sample) => sample.peer));
  const used = new Set(samples.flatMap((sample) => sample.overrides.map(({ override }) => `${sample.peer}: ${override}`)));
  const known = config.peers.filter(({ name }) => senders.has(name)).flatMap(overridesOf);
  return { samples, unused: known.filter((name) => !used.has(name)) };
}

export function samplesText({ samples, unused }: Samples): string {
  return [...samples.map(sampleText), ...unused.map((name) => `warning: ${name} did nothing in any sample`)].join('\n');
}

function sampleOf(file: string, shown: ReturnType<typeof showMessage>): Sample {
  if (typeof shown === 'string') return { file, refused: shown, type: '', peer: '', resources: {}, gaps: [], overrides: [] };
  const { type, peer, mapped, done } = shown;
  const resources: Record<string, number> = {};
  for (const { resource } of mapped.resources) resources[resource.resourceType] = (resources[resource.resourceType] ?? 0) + 1;
  const gaps = mapped.gaps.map(({ path, reason }) => ({ path, reason }));
  return { file, refused: '', type, peer, resources, gaps, overrides: done };
}

function sampleText({ file, refused, type, peer, resources, gaps, overrides }: Sample): string {
  if (refused !== '') return `${file}: refused: ${refused}`;
  const counted = Object.entries(resources).map(([name, count]) => (count === 1 ? name : `${count} ${name}`));
  return [
    `${file}: ${type} from ${peer}: ${counted.join(', ')}`,
    ...overrides.map(({ override, path }) => `  ${override}: ${path}`),
    ...gaps.map(({ path, reason }) => `  not carried: ${path}: ${reason}`),
  ].join('\n');
}

/** As `overridden` names them. */
function overridesOf({ name, mapping }: ConfiguredPeer): string[] {
  if (!mapping) return [];
  const { rewrite, codes, authorities, segments } = mapping;
  return [
    ...rewrite.map((_one, index) => `rewrite[${index}]`),
    ...Object.keys(codes).map((place) => `codes.${place}`),
    ...(Object.keys(authorities).length > 0 ? ['authorities'] : []),
    ...Object.keys(segments).map((place) => `segments.${place}`),
  ].map((override) => `${name}: ${override}`);
}

/** What a message would become, and what the overrides of its peer did. */
type ShownMessage = { readonly type: string; readonly peer: string; readonly mapped: Mapped; readonly done: readonly Done[] };

/** Why it would be refused, else what it would become. */
function showMessage(bytes: Buffer, peers: PeerDirectory, peerName: string): ShownMessage | string {
  const inbound = inboundEntry(bytes, peers, peerName);
  if (typeof inbound === 'string') return inbound;
  const peer = peers.named(inbound.peer);
  const mapped = mapHl7v2(inbound, { peer });
  if (isFailure(mapped)) return `${mapped.code}: ${mapped.detail}`;
  const message = peer.mapping ? parseMessage(inbound.payload, peer.charset) : null;
  const changes = message && peer.mapping && !isFailure(message) ? overridden(message, peer.mapping) : null;
  const carried = changes && peer.mapping ? fieldsCarried(changes.message, peer.mapping, mapped) : [];
  return { type: inbound.type, peer: peer.name, mapped, done: [...(changes?.done ?? []), ...carried] };
}

/** Fields of Z segments that went into an order: there, and not among what was not carried. */
function fieldsCarried(message: Hl7Message, { segments }: MappingOverrides, { gaps }: Mapped): Done[] {
  return Object.keys(segments).flatMap((place) => {
    const at = checkedPath(place);
    const there = message.all(at.segment).filter((segment) => !['', '""'].includes(segment.rawAt(at)));
    const paths = there.map((segment) => pathIn(segment, place));
    const left = (path: string) =>
      gaps.some((gap) => gap.path === path || gap.path.startsWith(`${path}.`) || path.startsWith(`${gap.path}.`));
    return paths.filter((path) => !left(path)).map((path) => ({ override: `segments.${place}`, path }));
  });
}

function sampleFiles(directory: string): string[] {
  const files = attempt(directory, () => readdirSync(directory).sort()).filter((name) => name.endsWith('.hl7'));
  if (files.length > 0) return files;
  throw new CliError(`${directory} holds no .hl7 files`, '', EXIT.usage);
}

function read(path: string): Buffer {
  return attempt(path, () => readFileSync(path));
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new CliError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, '', EXIT.usage);
  }
}
