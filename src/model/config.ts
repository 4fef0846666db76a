/** What the rooms are told at start: the configuration after it was read, checked and completed with defaults. */
import type { CharsetName } from './charset.ts';
import type { CoercionRules, DeidentifyRules } from './outgoing.ts';
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

/** Encapsulated PDF, structured report, its measurements as one of their own, key object selection. */
export type ResultKind = 'pdf' | 'sr' | 'measurements' | 'kos';

/** What a PACS is told and asked by, whether objects go to it by C-STORE or by STOW-RS. */
export type ObjectDestination = {
  readonly name: string;
  /** Who reads what was sent there, and sees the case and reports on it at our FHIR door; '' where no cases go: an archive. */
  readonly group: string;
  /** Null: without TLS, or (of a URL with https) as the machine trusts. */
  readonly tls: CallTls | null;
  readonly timeoutMs: number;
  /** Studies that are sent at the same time, each over an association or a connection of its own. */
  readonly associations: number;
  /** What of a report is sent there, where it is an answer's destination. */
  readonly results: readonly ResultKind[];
  /** The least SOP class of its structured report: what says more goes in a higher one. */
  readonly srClass: 'basic' | 'enhanced' | 'comprehensive';
  /** As what the documents of a report that a later one corrects are rejected (IHE RAD IOCM). */
  readonly rejection: 'none' | 'quality' | 'safety' | 'worklist' | 'retention';
  /**
   * What is done where it does not take the stored transfer syntax: nothing, or an uncompressed one is converted into another, or a compressed
   * one is decompressed, too.
   */
  readonly transcode: 'never' | 'uncompressed' | 'decompressed';
  /** What of an object is written anew for it; absent: objects go as they are. */
  readonly coerce?: CoercionRules | undefined;
  /** What of an object is taken out so that nobody there knows whose it is; absent: nothing. */
  readonly deidentify?: DeidentifyRules | undefined;
  readonly retry: RetryPolicy;
};

/** A PACS that takes C-STORE (PS3.4 Annex B). */
export type DimseDestination = ObjectDestination & {
  readonly kind: 'dimse';
  readonly host: string;
  readonly port: number;
  /** What it is called, and what we call ourselves. */
  readonly aeTitle: string;
  readonly callingAeTitle: string;
  /** An association without work is released after this long. */
  readonly idleMs: number;
  /** It is asked to commit what was sent; what it has not committed in this time is a person's. Absent where it is not asked. */
  readonly commitment?: { readonly limitMs: number };
  /** It is told which objects of a study can be had here, once the study is whole. */
  readonly availability?: boolean;
};

/** A PACS that takes STOW-RS (PS3.18 §10.5). */
export type DicomwebDestination = ObjectDestination & {
  readonly kind: 'dicomweb';
  /** The root of its service, without /studies. */
  readonly url: string;
  /** As FhirDestination.token. */
  readonly token: string;
};

export type Destination = MllpDestination | FhirDestination | PullDestination | DimseDestination | DicomwebDestination;

/** Whether the stored objects of a case are sent there. */
export function takesObjects(destination: Destination | undefined): destination is DimseDestination | DicomwebDestination {
  return destination?.kind === 'dimse' || destination?.kind === 'dicomweb';
}

/** The group that sees the cases of a destination at our FHIR door; '' for none. */
export function readersOf(destination: Destination): string {
  return destination.kind === 'pull' || takesObjects(destination) ? destination.group : '';
}

/** Where who takes his answers at `returns` gets the replies to his orders, as messages of their own. */
export function replyDestinations({ destinations }: Pick<Config, 'destinations'>, returns: readonly string[]): MllpDestination[] {
  return destinations.filter((one): one is MllpDestination => one.kind === 'mllp' && one.orderReplies && returns.includes(one.name));
}

/** Whether cases may be routed there: somebody reads them. */
export function takesCases(destination: Destination): boolean {
  return destination.kind === 'fhir' || readersOf(destination) !== '';
}

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
    /** Where what was said of a study and what has come of it disagree, it is offered as it is after this time. */
    readonly limitMs: number;
  };
  /** Priorities whose orders do not wait for the package. */
  readonly releaseAtOnce: readonly string[];
  /** Earlier studies of the patient that a PACS is asked for; absent where none is. */
  readonly priors?: PriorRule;
};

export type PriorRule = {
  /** Name of a destination of kind `dimse`. */
  readonly from: string;
  /** So many studies, the newest first, and none older than so many years. */
  readonly most: number;
  readonly years: number;
  /** Only studies with a modality of the case. */
  readonly sameModality: boolean;
  /** A case that is whole waits for them so long. */
  readonly waitMs: number;
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
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Null: without TLS. */
    readonly tls: DoorTls | null;
    readonly publicUrl: string;
    /** Whose pages in a browser may read what is answered at /fhir and /dicomweb; empty: nobody's. */
    readonly corsOrigins: readonly string[];
    readonly maxBodyBytes: number;
  };
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
