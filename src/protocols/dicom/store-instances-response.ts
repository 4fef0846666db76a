/**
 * The answer to a STOW-RS request (PS3.18 §10.5.3, Table 10.5.3-2) as DICOM JSON. In: the body. Out: what became of one instance of the
 * request: its Failure Reason or Warning Reason, 0 where it was stored plainly, null where the answer does not name it.
 */
type Item = Readonly<Record<string, { readonly Value?: readonly unknown[] } | undefined>>;

/** Throws where the body is no JSON. */
export function storedStatus(body: string, sopInstanceUid: string): number | null {
  const answer = JSON.parse(body) as Item;
  const failed = itemOf(answer, FAILED_SOP_SEQUENCE, sopInstanceUid);
  if (failed) return numberAt(failed, FAILURE_REASON) ?? PROCESSING_FAILURE;
  const stored = itemOf(answer, REFERENCED_SOP_SEQUENCE, sopInstanceUid);
  return stored ? (numberAt(stored, WARNING_REASON) ?? 0) : null;
}

function itemOf(answer: Item, sequence: string, uid: string): Item | undefined {
  const items = (answer?.[sequence]?.Value ?? []) as readonly (Item | null)[];
  return items.find((item) => item?.[REFERENCED_INSTANCE]?.Value?.[0] === uid) ?? undefined;
}

function numberAt(item: Item, tag: string): number | undefined {
  const value = Number(item[tag]?.Value?.[0] ?? Number.NaN);
  return Number.isInteger(value) ? value : undefined;
}

const PROCESSING_FAILURE = 0x0110;
const FAILED_SOP_SEQUENCE = '00081198';
const REFERENCED_SOP_SEQUENCE = '00081199';
const REFERENCED_INSTANCE = '00081155';
const WARNING_REASON = '00081196';
const FAILURE_REASON = '00081197';
