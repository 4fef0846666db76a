/**
 * What of a configuration works and is perhaps not meant: doors that other machines reach without TLS, calls that go to them without it, an
 * address that nobody can follow. In: the whole configuration and its source. Out: each with its place in the file; a start goes on.
 */
import type { Config, Destination } from '../model/config.ts';
import { isLoopback } from './address-range.ts';
import type { ConfigFault, Source } from './source.ts';

export function warnings(config: Config, source: Source): ConfigFault[] {
  return [...openDoors(config, source), ...openCalls(config, source), ...openReports(config, source), ...unnamed(config, source)];
}

function openDoors(config: Config, source: Source): ConfigFault[] {
  const listed = Array.isArray((source.raw as { mllp?: unknown }).mllp);
  const doors = [
    ...config.mllp.map(({ host, tls }, index) => ({ path: listed ? ['mllp', index] : ['mllp'], host, tls })),
    { path: ['dimse'], host: config.dimse.host, tls: config.dimse.tls },
    { path: ['http'], host: config.http.host, tls: config.http.tls },
  ];
  return doors
    .filter(({ host, tls }) => tls === null && !isLoopback(host))
    .map(({ path, host }) =>
      source.fault([...path, 'host'], `${host} is reached from other machines, and this door speaks without TLS: ${SHELTER}`),
    );
}

/** What is sent there, and the token it is sent with, can be read on the way. */
function openCalls({ destinations }: Config, source: Source): ConfigFault[] {
  return destinations.flatMap((destination, index) => {
    const called = calledBy(destination);
    if (called === null || called.secure || isLoopback(called.host)) return [];
    const path = ['destinations', index, called.key];
    return [source.fault(path, `${called.host} is another machine, and is called without TLS: ${SHELTER}`)];
  });
}

/** Which objects are safe tells whose they are to who knows the UIDs. */
function openReports({ peers }: Config, source: Source): ConfigFault[] {
  return peers.flatMap(({ commitment }, index) => {
    if (!commitment || commitment.tls || isLoopback(commitment.host)) return [];
    const path = ['peers', index, 'dimse', 'commitment', 'host'];
    return [source.fault(path, `${commitment.host} is another machine, and is called without TLS: ${SHELTER}`)];
  });
}

/** Where a destination is, and the key under which that stands. */
function calledBy(destination: Destination): { readonly key: string; readonly host: string; readonly secure: boolean } | null {
  if (destination.kind === 'pull') return null;
  if (!('url' in destination)) return { key: 'host', host: destination.host, secure: destination.tls !== null };
  const { hostname, protocol } = new URL(destination.url);
  return { key: 'url', host: hostname.replace(/^\[|\]$/g, ''), secure: protocol === 'https:' };
}

function unnamed({ http }: Config, source: Source): ConfigFault[] {
  if (http.publicUrl !== '' || !EVERY_ADDRESS.has(http.host)) return [];
  return [source.fault(['http', 'host'], `${http.host} is no address others can follow: ${NAME_IT}`)];
}

const EVERY_ADDRESS = new Set(['0.0.0.0', '::']);
const NAME_IT = 'say in http.publicUrl how they reach this gateway';
const SHELTER = 'keep it inside a network you trust, or behind something that ends TLS';
