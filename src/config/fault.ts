/**
 * The schema's issues become faults a person can act on: one each, at its line, with `did you mean` for a misspelt key.
 * An object of schema.ts says its known keys as the message of its `unrecognized_keys` issue: see `section` there.
 */
import type { z } from 'zod';
import type { ConfigFault, Path, Source } from './source.ts';

/** Every issue of one parse, in the order of the file. */
export function faultsOf(issues: readonly z.core.$ZodIssue[], source: Source): ConfigFault[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path;
    // Of another file that this one names, with its own places.
    if (issue.code === 'custom' && issue.params?.faults) return issue.params.faults as ConfigFault[];
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => source.faultAtKey(path, key, unknownKey(key, issue.message)));
    return [source.fault(path, valueAt(source.raw, path) === undefined ? `is missing: ${issue.message}` : issue.message)];
  });
}

/** By file, then by line. */
export function inOrder(faults: readonly ConfigFault[]): ConfigFault[] {
  return [...faults].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column);
}

/** `; did you mean 'port'?` when something known is near enough, '' otherwise. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? '' : `; did you mean '${near.candidate}'?`;
}

function unknownKey(key: string, known: string): string {
  return `is not a known key${didYouMean(key, known.split(', ')) || `; known here: ${known}`}`;
}

function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined),
    raw,
  );
}

/** Levenshtein distance, where two neighbours swapped count once (optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_KEY_DISTANCE) return Number.POSITIVE_INFINITY;
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) rows.push(nextRow(a, b, i, rows));
  return rows[a.length]?.[b.length] as number;
}

function nextRow(a: string, b: string, i: number, rows: readonly number[][]): number[] {
  const above = rows[i - 1] as number[];
  const row = [i];
  for (let j = 1; j <= b.length; j++) {
    const replaced = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
    const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (rows[i - 2]?.[j - 2] as number) + 1 : replaced;
    row.push(Math.min(replaced, swapped, (above[j] as number) + 1, (row[j - 1] as number) + 1));
  }
  return row;
}

/** Words whose lengths differ by more are never a misspelling of each other; it also bounds the work on a hostile key. */
const MAX_KEY_DISTANCE = 3;
