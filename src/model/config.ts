/** What the rooms are told at start: the configuration after it was read, checked and completed with defaults. */
import type { CharsetName } from './charset.ts';
import type { Peer } from './peer.ts';
import type { CallTls, DoorTls } from './tls.ts';

export type MllpDestination = {
  readonly kind: 'mllp';
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly receivingApplication: string;
  readonly receivingFacility: string;
  /** HL7 version of what we send, e.g. `2.5.1`. */
  readonly version: string;
  /** MLLP release: 2 waits for a commit acknowledgment as well. */
  readonly release: 1 | 2;
  /** Whether it awaits a reply to each order (ORR, ORI, ORG, ORL, RRI) beside the acknowledgment. */
  readonly orderReplies: boolean;
  /** How it is told the progress of orders: OSU^O51, or ORM^O01 with ORC-1 SC. */
  readonly orderStatus: 'none' | 'osu' | 'orm';
  /** Whether reports go as results (ORU^R01) or as documents (MDM). */
  readonly report: 'oru' | 'mdm';
  /** How the text of a report stands in OBX: in one, one a line, or one a paragraph. */
  readonly text: 'whole' | 'lines' | 'sections';
  /** What it reads. */
  readonly charset: CharsetName;
  /** Null: without TLS. */
  readonly tls: CallTls | null;
  readonly answerTimeoutMs: number;
  readonly retry: RetryPolicy;
};

export type FhirDestination = {
  readonly kind: 'fhir';
  readonly name: string;
  readonly url: string;
  /** Bearer token, read from the environment or a file by config; never logged. '' for none. */
  readonly token: string;
  readonly timeoutMs: number;
  /** How often a pushed case is looked at for its report. */
  readonly pollMs: number;
  readonly retry: RetryPolicy;
};

/** A group of specialists that pulls from us: no delivery rows, only visibility. */
export type PullDestination = { readonly kind: 'pull'; readonly name: string; readonly group: string };

export type Destination = MllpDestination | FhirDestination | PullDestination;

export type RetryPolicy = {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  readonly maxAttempts: number;
  readonly onFailure: 'setAside' | 'hold';
};

export type Route = {
  /** All given conditions must hold; an empty rule always holds. */
  readonly when: { readonly specialty?: string; readonly peer?: string; readonly priority?: string; readonly hint?: string };
  readonly to: string;
};

/** A person who signs: identified in Provenance and DiagnosticReport by identifier; the key verifies. */
export type Signer = {
  readonly name: string;
  readonly identifier: { readonly system: string; readonly value: string };
  /** Public JWK (EC P-256/P-384, Ed25519 or RSA). */
  readonly jwk: Readonly<Record<string, unknown>>;
};

export type Specialty = {
  readonly name: string;
  readonly title: string;
  /** SNOMED CT practice setting, and LOINC code of the report. */
  readonly practice: { readonly system: string; readonly code: string; readonly display: string };
  readonly report: { readonly system: string; readonly code: string; readonly display: string };
  /** A part with one of these hints belongs to this specialty. */
  readonly match: readonly string[];
  readonly whole: {
    /** Minimum number of DICOM instances; 0 where none are needed. */
    readonly instances: number;
    /** Photos, videos (Media). */
    readonly media: number;
    readonly forms: number;
    /** A study counts as complete this long after its last instance. */
    readonly quietMs: number;
  };
  /** Priorities whose orders do not wait for the package. */
  readonly releaseAtOnce: readonly string[];
};

/** One MLLP door; there may be several. */
export type MllpListener = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Null: without TLS. */
  readonly tls: DoorTls | null;
  /** MLLP release: 2 has commit acknowledgments. */
  readonly release: 1 | 2;
  readonly maxMessageBytes: number;
  readonly idleMs: number;
};

export type Config = {
  /** Absolute path. */
  readonly dataDirectory: string;
  /** '' for the embedded server. */
  readonly databaseUrl: string;
  readonly mllp: readonly MllpListener[];
  readonly dimse: {
    readonly host: string;
    readonly port: number;
    /** Null: without TLS. */
    readonly tls: DoorTls | null;
    readonly aeTitle: string;
    /** AE titles beside `aeTitle` that callers may call; empty: the default rule of config/peers.ts. */
    readonly calledAeTitles: readonly string[];
    readonly maxAssociations: number;
    readonly maxPduBytes: number;
    readonly artimMs: number;
    readonly idleMs: number;
    /** Objects are refused where less than this would be free on the disk. */
    readonly reserveBytes: number;
  };
  readonly http: { readonly host: string; readonly port: number; readonly publicUrl: string; readonly maxBodyBytes: number };
  readonly peers: readonly ConfiguredPeer[];
  /** Senders that no configured peer matches: taken with defaults, or refused. */
  readonly unknownPeers: 'accept' | 'refuse';
  readonly destinations: readonly Destination[];
  readonly routes: readonly Route[];
  readonly signers: readonly Signer[];
  readonly specialties: readonly Specialty[];
  readonly defaultSpecialty: string;
};

/** How a sender is recognised, beside how it is treated. An empty string matches anything. */
export type ConfiguredPeer = Peer & {
  readonly sendingApplication: string;
  readonly sendingFacility: string;
  /** Name of the MLLP listener it calls; address or network it calls from; common name or SHA-256 of the certificate it shows. */
  readonly listener: string;
  readonly address: string;
  readonly certificate: string;
  /** What it is recognised by at the DIMSE door. */
  readonly callingAeTitle: string;
  readonly callingAddress: string;
  readonly callingCertificate: string;
  /** Name of the client (bearer token) for HTTP. */
  readonly client: string;
};
