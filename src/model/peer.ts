import type { CharsetName } from './charset.ts';
import type { CommitmentAddress } from './commitment.ts';
import type { Failure } from './failure.ts';
import type { MappingOverrides } from './override.ts';
import type { ShownCertificate } from './tls.ts';

/** A Peer: a system that sends to us, and how we treat what it sends. Configured, or made up from how it introduced itself. */
export type MessagePolicy = 'mapped' | 'ignored' | 'refused';

export type Peer = {
  readonly name: string;
  /** Messages by MSH-9 `ORM^O01` or `ADT^*`; what is not named follows `otherMessages`. */
  readonly messages: Readonly<Record<string, MessagePolicy>>;
  readonly otherMessages: 'ignored' | 'refused';
  /** By MSH-15 and MSH-16, or one AA, AE or AR whatever they ask. */
  readonly acknowledgment: 'asked' | 'plain';
  /** MLLP release of its connections; 0 for that of the listener. */
  readonly release: 0 | 1 | 2;
  /** Same MSH-10 with other bytes: taken as new and flagged, or refused. */
  readonly reusedControlId: 'flag' | 'refuse';
  /** Set of its messages where MSH-18 is empty; '' for UTF-8. */
  readonly charset: CharsetName | '';
  /** Where the accession number stands. */
  readonly accession: 'OBR-18' | 'OBR-3' | 'OBR-20' | 'IPC-1';
  /** Issuer of accession numbers, system of patient ids, placer and filler numbers that come without one. */
  readonly accessionIssuer: string;
  readonly patientAuthority: string;
  /** Offset for times without one, `+01:00`. */
  readonly zone: string;
  /** How its messages are meant where they do not say it as the standard has it; absent for as they are. */
  readonly mapping?: MappingOverrides | undefined;
  /** Specialty of its orders when nothing in them says; '' for the gateway's default. */
  readonly specialty: string;
  /** Messages with codes that no table knows: carried without them, or held until a person has mapped the code. */
  readonly gaps: 'pass' | 'hold';
  /** How long it may be kept waiting for the reply to its orders, in the same connection; absent where it gets a plain ACK at once. */
  readonly replyWaitMs?: number;
  /** Destinations its answers go to. */
  readonly returns: readonly string[];
  /** What it may query and retrieve by C-FIND, C-GET and C-MOVE; absent where it may not. */
  readonly query?: PeerQuery;
  /** Whose open orders it sees in the worklist: the peers with its issuer of accession numbers; absent where it may not ask. */
  readonly worklist?: { readonly of: readonly string[] };
  /** Where answers to its requests for storage commitment go; absent where it may not ask. */
  readonly commitment?: CommitmentAddress;
  /** Destinations that are asked for storage commitment and have its AE title: it may report on that. */
  readonly archives?: readonly string[];
  /** Destinations with `deidentify` that it sends back for: what it sends of theirs becomes what it was. */
  readonly reidentifies?: readonly string[];
};

export type PeerQuery = {
  /** It sees the cases of this group. */
  readonly group: string;
  /** Names of the destinations it may have objects moved to. */
  readonly moveTo: readonly string[];
  /** What may be converted where it takes by C-GET only another transfer syntax than the stored one: compressed objects too, or not. */
  readonly transcode: 'uncompressed' | 'decompressed';
};

/** Who calls over HTTP, from the bearer token. */
export type Caller = {
  readonly client: string;
  /** What it sees: resources whose `readers` hold this group. An operator sees all. */
  readonly group: string;
  readonly role: 'origin' | 'reader' | 'operator';
};

/** Who is at the other end of an MLLP connection, whatever the messages say. */
export type MllpCaller = {
  /** Name of the listener that was called. */
  readonly listener: string;
  readonly address: string;
  /** Shown and verified; null without TLS, or where none was shown. */
  readonly certificate: ShownCertificate | null;
};

/** Who is at the other end of a connection to the DIMSE door. */
export type DimseCaller = Omit<MllpCaller, 'listener'>;

/** Recognises senders at each door. A Failure is said to the caller in his protocol's words. */
export type PeerDirectory = {
  mllp(caller: MllpCaller, sendingApplication: string, sendingFacility: string): Peer | Failure;
  dimse(caller: DimseCaller, callingAeTitle: string, calledAeTitle: string): Peer | Failure;
  http(client: string): Peer;
  /** By the name the journal has, for the corridor. */
  named(name: string): Peer;
  /** Whether somebody wrote this sender into the configuration, and so vouches for the numbers it names. */
  isConfigured(name: string): boolean;
};
