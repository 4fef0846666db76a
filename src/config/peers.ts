/**
 * Who is calling: the configured peer that a sender's introduction fits best, or one made up from that introduction.
 * In: the configuration. Out: a PeerDirectory for the doors and the corridor.
 * A made-up peer has the same name whenever the same sender calls, and that name is safe to log and bounded in length.
 */
import { createHash } from 'node:crypto';
import type { Config, ConfiguredPeer } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { DimseCaller, MllpCaller, Peer, PeerDirectory } from '../model/peer.ts';
import { askedDestination } from '../model/prior.ts';
import type { ShownCertificate } from '../model/tls.ts';
import { addressRange } from './address-range.ts';
import { rankOf } from './mllp-signs.ts';

/**
 * An MLLP sender fits the peer of which most signs agree, a certificate before all others: application and facility before the
 * application alone (config/plan.ts refuses two that would fit equally well). Where no called AE titles are listed, ours is only insisted
 * on where unknown senders are refused: a modality that calls ANY-SCP is as unknown as one that nobody configured. Who calls by the AE
 * title of a peer from elsewhere, or without its certificate, is nobody: not an unknown one either.
 */
export function peerDirectory(config: Config): PeerDirectory {
  const accept = config.unknownPeers === 'accept';
  const signs = config.peers.map(signsOf);
  const byName = new Map(config.peers.map((peer) => [peer.name, peer]));
  const orUnknown = (peer: Peer | undefined, name: string): Peer | Failure => peer ?? (accept ? unknownPeer(name) : unknownSender(name));
  return {
    mllp: (caller, application, facility) =>
      orUnknown(bestFit(signs, caller, application, facility), madeUpName('mllp', application, facility)),
    dimse: (caller, calling, called) => {
      const [from, to] = [calling.trim(), called.trim()];
      if (!mayBeCalled(config, to)) return failure('config', 'not-found', `called AE title ${safe(to)} is not ours`);
      const peer = from === '' ? undefined : config.peers.find(({ callingAeTitle }) => callingAeTitle === from);
      if (peer && !comesFrom(peer, caller)) return failure('config', 'forbidden', `${peer.name} does not call from there`);
      const known = orUnknown(peer, madeUpName('dimse', from));
      const archives = archivesCalled(config, from);
      return isFailure(known) || archives.length === 0 ? known : { ...known, archives };
    },
    http: (client) =>
      (client === '' ? undefined : config.peers.find((peer) => peer.client === client)) ?? unknownPeer(madeUpName('http', client)),
    named: (name) => byName.get(name) ?? askedPeer(config, name) ?? unknownPeer(name),
    isConfigured: (name) => byName.has(name),
  };
}

/** What a peer is recognised by at an MLLP door: every sign it names must be there. */
type Signs = {
  readonly peer: ConfiguredPeer;
  readonly rank: number;
  readonly fits: (caller: MllpCaller, application: string, facility: string) => boolean;
};

function signsOf(peer: ConfiguredPeer): Signs {
  const { sendingApplication, sendingFacility, listener, address, certificate } = peer;
  const isIn = address === '' ? null : addressRange(address);
  return {
    peer,
    rank: rankOf(
      [sendingApplication, sendingFacility, listener, address, certificate].filter((sign) => sign !== '').length,
      certificate !== '',
    ),
    fits: (caller, application, facility) =>
      (sendingApplication === '' || sendingApplication === application) &&
      (sendingFacility === '' || sendingFacility === facility) &&
      (listener === '' || listener === caller.listener) &&
      (isIn === null || isIn(caller.address)) &&
      (certificate === '' || isShown(certificate, caller.certificate)),
  };
}

/** `certificate`: a common name, or a SHA-256 with colons or without. */
function isShown(certificate: string, shown: ShownCertificate | null): boolean {
  if (shown === null) return false;
  return shown.subject === certificate || shown.fingerprint === certificate.replaceAll(':', '').toLowerCase();
}

function comesFrom({ callingAddress, callingCertificate }: ConfiguredPeer, caller: DimseCaller): boolean {
  if (callingAddress !== '' && !addressRange(callingAddress)(caller.address)) return false;
  return callingCertificate === '' || isShown(callingCertificate, caller.certificate);
}

function archivesCalled({ destinations = [] }: Partial<Config>, aeTitle: string): string[] {
  return destinations.flatMap((one) => (one.kind === 'dimse' && one.commitment && one.aeTitle === aeTitle ? [one.name] : []));
}

/** What a destination was asked for is meant as what it sends by itself. */
function askedPeer({ destinations = [], peers = [] }: Partial<Config>, name: string): Peer | undefined {
  const destination = destinations.find((one) => one.kind === 'dimse' && one.name === askedDestination(name));
  const peer = destination?.kind === 'dimse' ? peers.find(({ callingAeTitle }) => callingAeTitle === destination.aeTitle) : undefined;
  return peer && { ...peer, name };
}

function mayBeCalled({ dimse, unknownPeers }: Config, called: string): boolean {
  if (called === dimse.aeTitle || dimse.calledAeTitles.includes(called)) return true;
  return dimse.calledAeTitles.length === 0 && unknownPeers === 'accept';
}

/** Of those that fit, the one that names a certificate, then the one that names most. */
function bestFit(peers: readonly Signs[], caller: MllpCaller, application: string, facility: string): ConfiguredPeer | undefined {
  let best: Signs | undefined;
  for (const one of peers) {
    if (one.rank > (best?.rank ?? 0) && one.fits(caller, application, facility)) best = one;
  }
  return best?.peer;
}

function unknownSender(name: string): Failure {
  return failure('config', 'forbidden', `${name} is not a configured peer, and unknown peers are refused`);
}

/**
 * All unknown senders share one authority, so that the order of an unknown RIS and the images of an unknown modality meet:
 * behind one gateway with nothing configured there is one hospital.
 */
function unknownPeer(name: string): Peer {
  return {
    name,
    messages: { 'ORM^O01': 'mapped' },
    otherMessages: 'refused',
    reusedControlId: 'flag',
    accession: 'OBR-18',
    accessionIssuer: 'default',
    patientAuthority: 'default',
    charset: '',
    acknowledgment: 'asked',
    release: 0,
    zone: '+00:00',
    specialty: '',
    gaps: 'pass',
    returns: [],
  };
}

/** `mllp:RIS|HOSPITAL`. What is cut or replaced is told apart by a digest of the whole. */
function madeUpName(door: string, ...introduction: readonly string[]): string {
  const shown = introduction.map(safe);
  const exact = shown.every((part, index) => part === introduction[index]);
  const digest = exact ? '' : `~${createHash('sha256').update(introduction.join('\0')).digest('hex').slice(0, 8)}`;
  return `${door}:${shown.join('|')}${digest}`;
}

function safe(text: string): string {
  return text.slice(0, MAX_PART_LENGTH).replaceAll(/[^A-Za-z0-9._-]/g, '_');
}

const MAX_PART_LENGTH = 32;
