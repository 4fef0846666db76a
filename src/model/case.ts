/**
 * A Case: one consultation, that is a ServiceRequest, a Task and everything that belongs to its package.
 * `CasePart` is what mapping found in one message for one case; `CaseState` is what is stored.
 */
import type { OrderEvent, OrderState } from './order.ts';

/** Unique keys by which the parts of one case find each other. */
export type CaseKeyKind =
  | 'accession' // AccessionNumber (0008,0050) / OBR-18 …, system = issuer
  | 'placer' // PlacerOrderNumber, ORC-2 / OBR-2 / (0040,2016)
  | 'filler' // FillerOrderNumber, ORC-3 / OBR-3 / (0040,2017)
  | 'study' // StudyInstanceUID (0020,000D), system 'urn:dicom:uid'
  | 'service-request'; // id of a ServiceRequest written by FHIR, system ''

export type CaseKey = { readonly kind: CaseKeyKind; readonly system: string; readonly value: string };

/**
 * Patient identifier with assigning authority: not a key of a case, but a joining key holds only when the patient agrees.
 * System '' where neither the sender nor the configuration names an authority: the value agrees with the same value of any.
 */
export type PatientKey = { readonly system: string; readonly value: string };

export type Priority = 'routine' | 'urgent' | 'asap' | 'stat';

export type CasePart = {
  /**
   * `order`: a ServiceRequest; `images`: a DICOM study; `material`: anything else that joins a case (forms, photos); `result`: a report or
   * a document that joins the case whose numbers it names, and never opens one; `progress`: what is said of how far a study is, likewise;
   * `prior`: a study that was asked for, which goes to the cases that asked.
   */
  readonly kind: 'order' | 'images' | 'material' | 'result' | 'progress' | 'prior';
  readonly keys: readonly CaseKey[];
  readonly patient: readonly PatientKey[];
  /** ORC-1 for an order (`NW` where the protocol has no such thing), '' otherwise. */
  readonly control: string;
  /** Of `progress`: what is said, in the words of the timeline. */
  readonly progress?: string;
  /** What happens to the order, in its placer's words; only an order has one. */
  readonly event?: OrderEvent;
  /** False for an order message that says nothing of what was ordered (a cancel without OBR): the answer cannot quote it. */
  readonly detailed?: boolean;
  /** False when the sender marked the message as test or training (MSH-11 T or D). */
  readonly production: boolean;
  /** Null where the sender says none: the case keeps the one it has. */
  readonly priority: Priority | null;
  /** Hints that choose a specialty: `modality:CT`, `code:system|value`, `service:RAD` (OBR-24), `performer:system|value`. */
  readonly hints: readonly string[];
  /** Names (`urn:uuid:`) or `Type/id` references of the resources of this part. Empty string where there is none. */
  readonly serviceRequest: string;
  readonly subject: string;
  readonly members: readonly string[];
  /** A Task that came with the order (another gateway pushed it): the case takes it as its own. */
  readonly task?: string;
  /** Only `images`. */
  readonly study: StudySummary | null;
};

export type StudySummary = {
  readonly uid: string;
  /** Name or reference of the ImagingStudy. */
  readonly imagingStudy: string;
  readonly series: number;
  readonly instances: number;
  readonly modalities: readonly string[];
  /** Number of Study Related Instances (0020,1208) where its sender gives it. */
  readonly expected?: number;
  /** Epoch ms of the last instance received. */
  readonly lastReceived: number;
};

/**
 * assembling → requested → claimed → reported → closed; cancelled while nobody holds it. cases/phase.ts is the table.
 * assembling: the package is not whole (Task `draft`, or no Task without an order); requested: offered to a reader.
 */
export type CasePhase = 'assembling' | 'requested' | 'claimed' | 'reported' | 'closed' | 'cancelled';

export type PriorState = {
  /** Destination that is asked. */
  readonly from: string;
  /** Epoch ms until which a whole case waits for them. */
  readonly until: number;
  /** Nothing more is asked for. */
  readonly done: boolean;
  /** Study Instance UIDs that the PACS was asked for, and the ImagingStudies of those that are here. */
  readonly uids: readonly string[];
  readonly imagingStudies: readonly string[];
};

/** `Type/id` of a report and of its Provenance, and which of the reports of its case it is, from 1. */
export type ReportVersion = {
  readonly reference: string;
  readonly provenance?: string;
  readonly version: string;
  /** It adds to the one before, which stands beside it (status appended). */
  readonly appended?: true;
};

/** `delivery` is '' where the answer could not be worded yet; with a receipt, where there is nothing to send. */
export type ReturnState = {
  readonly destination: string;
  readonly delivery: string;
  readonly receipt: number | null;
};

export type CaseState = {
  readonly id: string;
  readonly phase: CasePhase;
  readonly specialty: string;
  readonly priority: Priority;
  readonly production: boolean;
  /** Who asked: where the answer goes. Null while only images are here. */
  readonly origin: {
    readonly peer: string;
    readonly kind: 'hl7v2' | 'fhir';
    /** Group of the client that wrote the order by FHIR; '' otherwise. It sees the case, too. */
    readonly group: string;
    readonly seq: number;
  } | null;
  readonly patientKeys: readonly PatientKey[];
  /** Relative references `Type/id`, '' where not known yet. */
  readonly patient: string;
  /** Records of the patient that were merged into the present one: a report may name him by the one he had when it was read. */
  readonly formerPatients?: readonly string[];
  readonly serviceRequest: string;
  readonly task: string;
  /** How its placer left the order; null without one. */
  readonly order?: OrderState | null;
  readonly studies: readonly StudySummary[];
  /** `Type/id` of Media, QuestionnaireResponse, Observation, DocumentReference … that belong to the package. */
  readonly members: readonly string[];
  readonly hints: readonly string[];
  readonly keys: readonly CaseKey[];
  /** What the specialty still waits for; empty when whole. */
  readonly missing: readonly string[];
  /** Set when a person or a rule let it go before it was whole. */
  readonly released: { readonly by: string; readonly at: string; readonly why: string } | null;
  readonly route: { readonly destination: string; readonly kind: 'pull' | 'push'; readonly group: string; readonly why: string } | null;
  /** The delivery that pushed it to the specialist's server, and its receipt. */
  readonly push: { readonly delivery: string; readonly receipt: number | null } | null;
  /** How many objects of the case were ordered to the PACS it is routed to, and how many of them it has taken; absent where none go. */
  readonly objects?: { readonly destination: string; readonly ordered: number; readonly taken: number };
  /** How many objects of a study a destination was told that they can be had here; absent where nobody is told. */
  readonly available?: readonly { readonly destination: string; readonly study: string; readonly objects: number }[];
  /** Earlier studies of the patient; absent where none were asked for. They are not images of the case. */
  readonly priors?: PriorState;
  readonly claim: { readonly by: string; readonly at: string } | null;
  readonly report: {
    readonly reference: string;
    readonly provenance: string;
    readonly version: string;
    readonly at: string;
    readonly seq: number;
    /** The report before, which this one corrects or withdraws; absent for the first, and for the first after a withdrawal. */
    readonly corrects?: ReportVersion;
    /** It and those before it, oldest first: what stands until it is withdrawn. */
    readonly earlier?: readonly ReportVersion[];
    readonly appended?: true;
    /** The signer takes back what stood: the case has no report. */
    readonly withdrawn?: true;
  } | null;
  readonly returns: readonly ReturnState[];
  /** ORC-5 as who asked was told last; absent where nobody was told. */
  readonly told?: string;
  /** Epoch ms at which the clock must look at this case again, or null. */
  readonly wake: number | null;
};

/** Whether the case has a report that nobody has withdrawn. */
export function hasReport({ report }: Pick<CaseState, 'report'>): boolean {
  return report !== null && !report.withdrawn;
}

/** The report that stands, and those that it corrects or adds to, oldest first; none once it is withdrawn. */
export function standingReports(state: Pick<CaseState, 'report'> | null): ReportVersion[] {
  if (!state?.report || !hasReport(state)) return [];
  const { reference, provenance, version, appended, corrects, earlier = corrects ? [corrects] : [] } = state.report;
  return [...earlier, { reference, provenance, version, ...(appended ? { appended } : {}) }];
}

/** Of reports, oldest first, those that a receiver still shows: the last that is no addendum, and what was added to it. */
export function shownReports(reports: readonly ReportVersion[]): readonly ReportVersion[] {
  return reports.slice(
    Math.max(
      reports.findLastIndex(({ appended }) => !appended),
      0,
    ),
  );
}

/** One line of the timeline. */
export type CaseEvent = {
  readonly at: Date;
  /** Journal entry that caused it, or null for the clock. */
  readonly seq: number | null;
  readonly kind: string;
  readonly actor: string;
  readonly detail: string;
};

/** The peer in whose worklist the order of a case stands while images are to come; '' when none are, or nobody ordered them. */
export function awaitedBy({ serviceRequest, origin, phase, studies }: CaseState): string {
  // What a reader has is done at the modality, unless it was let go without any images.
  const isAwaited = phase === 'assembling' || ((phase === 'requested' || phase === 'claimed') && studies.length === 0);
  return isAwaited && serviceRequest !== '' ? (origin?.peer ?? '') : '';
}
