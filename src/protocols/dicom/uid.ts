/**
 * What counts as a UID (PS3.5 §9.1): components of digits parted by dots, at most 64 characters. Leading zeros are let pass, as everywhere
 * in the field. What comes from a peer and goes into an index column, a path or a header of an answer is held to this before.
 */
export function isUid(text: string): boolean {
  return text.length <= 64 && /^\d+(\.\d+)+$/.test(text);
}
