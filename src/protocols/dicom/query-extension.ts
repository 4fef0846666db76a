/**
 * SOP Class Extended Negotiation of Query/Retrieve (PS3.4 §C.5.1.1, §C.5.2.1, §C.5.3.1): what a peer may ask beyond a hierarchical search.
 * In: the service-class-application-information of a request. Out: what is agreed on, and how it is answered.
 */
import { QUERY_MODELS } from './query-retrieve.ts';

export type QueryExtension = {
  /** Unique keys of the levels above may be left out. */
  readonly relational: boolean;
  /** Names match by the beginnings of their words. */
  readonly fuzzy: boolean;
};

/** Null for a SOP class that has none. */
export function queryExtension(sopClassUid: string, information: Buffer): QueryExtension | null {
  const operation = QUERY_MODELS.get(sopClassUid)?.operation;
  if (!operation) return null;
  return { relational: information[RELATIONAL] === 1, fuzzy: operation === 'FIND' && information[FUZZY] === 1 };
}

/** The bytes of the answer: combined date-time matching, time zones and conversion of multi-frame objects are not agreed on. */
export function extensionBytes(sopClassUid: string, { relational, fuzzy }: QueryExtension): Buffer {
  const bytes = Buffer.alloc(QUERY_MODELS.get(sopClassUid)?.operation === 'FIND' ? FIND_BYTES : RETRIEVE_BYTES);
  bytes[RELATIONAL] = Number(relational);
  if (fuzzy) bytes[FUZZY] = 1;
  return bytes;
}

/** PS3.4 Tables C.5.1-1, C.5.2-1 and C.5.3-1: places of the bytes, counted from 0, and how many there are. */
const RELATIONAL = 0;
const FUZZY = 2;
const FIND_BYTES = 5;
const RETRIEVE_BYTES = 2;
