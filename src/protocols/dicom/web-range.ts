/** Range and conditional requests (RFC 9110 §13.1.2 and §14): one range of bytes, and the entity tags a caller already has. */

/** First and last byte, both inclusive. */
export type ByteRange = { readonly start: number; readonly end: number };

/** Null: the whole is sent, also for what is no single range of bytes (RFC 9110 §14.2 lets a server ignore it). */
export function parseRange(header: string | undefined, length: number): ByteRange | 'unsatisfiable' | null {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return null;
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first);
  const end = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1);
  if (first !== '' && last !== '' && Number(last) < start) return null;
  return start > end ? 'unsatisfiable' : { start, end };
}

/** Whether If-None-Match names the tag, by weak comparison. */
export function isKnownTo(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => bare(tag) === bare(etag));
}

/** Whether If-Range lets a range be answered: by strong comparison; an absent one does. */
export function rangeHolds(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || (ifRange.trim() === etag && !etag.startsWith('W/'));
}
