/** What happens to an order: the placer's event as mapping hands it over, what it made of the order, and what is answered. */
import type { ServiceRequest } from '@medplum/fhirtypes';

export type RequestStatus = NonNullable<ServiceRequest['status']>;

/** Epoch ms between which it was said: MSH-7 may leave seconds or hours open. */
export type SaidAt = { readonly from: number; readonly to: number };

/** One order of a message (ORC-1 and ORC-5 as they came); an order written by FHIR says its status in the same words. */
export type OrderEvent = {
  /** ORC-1, HL7 Table 0119. */
  readonly control: string;
  /** ORC-5, HL7 Table 0038; '' where the message says none. */
  readonly state: string;
  /** Place in the message of the ORC, or of what stands for it: the reply quotes its numbers. */
  readonly position: number;
  /** Null where the message does not say when. */
  readonly said: SaidAt | null;
};

/** A cancel after the claim: the abort Task, and whose questions its outcome answers. */
export type AbortState = { readonly task: string; readonly asked: readonly AskedEvent[] };

export type AskedEvent = { readonly control: string; readonly seq: number; readonly position: number };

/** How the order stands, by the events of its placer. */
export type OrderState = {
  readonly status: RequestStatus;
  /** The event that was applied last. */
  readonly seq: number;
  readonly position: number;
  readonly said: SaidAt | null;
  readonly abort: AbortState | null;
};

/** The answer to one order of a message (ORR, ORI, ORG, ORL, RRI): worded by `return`. */
export type OrderReply = {
  /** '' where no case is: an order that was never seen here. */
  readonly caseId: string;
  /** Journal entry of the message, and the place of the order in it. */
  readonly seq: number;
  readonly position: number;
  /** ORC-1 of the reply, HL7 Table 0119. */
  readonly control: string;
  /** The filler number that was asked for (SN); '' otherwise. */
  readonly filler: string;
};

/** Assigning authority of the filler numbers given here. */
export const FILLER_AUTHORITY = 'WAYSTATION';
