/**
 * What the status of a C-STORE response, or the Failure Reason of a STOW-RS answer, means for who sent the object (PS3.4 Table B.2-1,
 * PS3.7 Annex C, PS3.18 Table 10.5.3-1: the same numbers). Pure. A status that no table names is a failure (PS3.7 §C.1).
 */
import { statusName } from './status.ts';

export type StoreVerdict = {
  /**
   * `stored`: taken, perhaps with changes; `busy`: surely not taken, and will be later; `barred`: nothing of who sends is taken until a person
   * lets him in; `refused`: this object never, as it is.
   */
  readonly kind: 'stored' | 'busy' | 'barred' | 'refused';
  /** For the log: the status and its meaning. '' for plain success. */
  readonly note: string;
};

export function storeVerdict(status: number): StoreVerdict {
  if (status === 0x0000) return { kind: 'stored', note: '' };
  const meaning = MEANINGS.find(({ from, to }) => status >= from && status <= to);
  return { kind: meaning?.kind ?? 'refused', note: `${statusName(status)} ${meaning?.what ?? 'unknown status'}` };
}

type Meaning = StoreVerdict['kind'];
const row = (from: number, to: number, kind: Meaning, what: string) => ({ from, to, kind, what });

/** The first row that holds. */
const MEANINGS = [
  row(0x0001, 0x0001, 'stored', 'warning'),
  row(0x0107, 0x0107, 'stored', 'warning: attribute list error'),
  row(0x0110, 0x0110, 'refused', 'processing failure'),
  row(0x0111, 0x0111, 'refused', 'duplicate SOP instance'),
  row(0x0116, 0x0116, 'stored', 'warning: attribute value out of range'),
  row(0x0117, 0x0117, 'refused', 'invalid object instance'),
  row(0x0122, 0x0122, 'refused', 'SOP class not supported'),
  row(0x0124, 0x0124, 'barred', 'not authorized'),
  row(0x0210, 0x0210, 'refused', 'duplicate invocation'),
  row(0x0211, 0x0211, 'refused', 'unrecognized operation'),
  row(0x0212, 0x0212, 'refused', 'mistyped argument'),
  row(0x0213, 0x0213, 'busy', 'resource limitation'),
  row(0xa700, 0xa7ff, 'busy', 'out of resources'),
  row(0xa900, 0xa9ff, 'refused', 'dataset does not match SOP class'),
  row(0xb000, 0xb000, 'stored', 'warning: coercion of data elements'),
  row(0xb006, 0xb006, 'stored', 'warning: elements discarded'),
  row(0xb007, 0xb007, 'stored', 'warning: dataset does not match SOP class'),
  row(0xb001, 0xbfff, 'stored', 'warning'),
  row(0xc122, 0xc122, 'refused', 'referenced transfer syntax not supported'),
  row(0xc000, 0xcfff, 'refused', 'cannot understand'),
] as const;
