/**
 * Quantities as people write them: durations `500ms 30s 10m 2h 3d`, sizes `512KiB 64MiB 1GiB`.
 * In: text. Out: milliseconds or bytes, null where the text is neither. A bare number is refused: it never says its unit.
 */

/** Milliseconds of `30s`, or null. */
export function durationMs(text: string): number | null {
  return quantity(text, DURATION_UNITS);
}

/** Bytes of `64MiB`, or null. */
export function sizeBytes(text: string): number | null {
  return quantity(text, SIZE_UNITS);
}

function quantity(text: string, units: Readonly<Record<string, number>>): number | null {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?) ?([A-Za-z]+)$/.exec(text) ?? [];
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined;
  return amount === undefined || factor === undefined ? null : Math.round(Number(amount) * factor);
}

const DURATION_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** IEC 80000-13 binary multiples. */
const SIZE_UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
