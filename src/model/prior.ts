/** Priors: earlier studies of the patient of a case, which a PACS is asked for (PS3.4 Annex C). */

/** What is asked for, kept until it is settled. */
export type PriorOrder = {
  readonly caseId: string;
  /** Name of the destination that is asked. */
  readonly from: string;
  readonly patient: PriorPatient;
  /** Any of these; empty for any at all. */
  readonly modalities: readonly string[];
  /** YYYYMMDD: no study before it. */
  readonly since: string;
  readonly most: number;
};

/** The number by which the PACS knows the patient, and the authority that gives it. */
export type PriorPatient = { readonly id: string; readonly authority: string };

/** Peer under whose name what was asked for is journaled. */
export function priorPeer(destination: string): string {
  return `${PRIOR_PREFIX}${destination}`;
}

/** The destination that was asked; null for a peer that sent by itself. */
export function askedDestination(peer: string): string | null {
  return peer.startsWith(PRIOR_PREFIX) ? peer.slice(PRIOR_PREFIX.length) : null;
}

/** No configured peer can be named so. */
const PRIOR_PREFIX = 'prior:';
