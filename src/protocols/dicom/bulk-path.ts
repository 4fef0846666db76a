/**
 * Where a value lies that metadata left to a BulkDataURI (PS3.18 §10.4.1.1.5). In: the path of that URI (`54000100/1/54001010`: tags, and items
 * counted from 1) and the calls of a DatasetWalker. Out: the element, once the walk has come to it.
 */
import type { DatasetSink, WalkedElement } from './dataset-walker.ts';

export type BulkLocator = { readonly sink: DatasetSink; found(): WalkedElement | null };

/** Null for what is no such path. */
export function bulkLocator(path: string): BulkLocator | null {
  if (!/^[0-9A-F]{8}(\/[1-9]\d{0,6}\/[0-9A-F]{8})*$/.test(path)) return null;
  const wanted = path.split('/').map((step, index) => (index % 2 === 0 ? Number.parseInt(step, 16) : Number(step)));
  let found: WalkedElement | null = null;
  /** How many steps of the path were gone, and the item of each sequence that is walked. */
  let gone = 0;
  let lost = 0;
  let item = 0;
  const isLast = (): boolean => lost === 0 && gone === wanted.length - 1;
  const sink: DatasetSink = {
    wants: () => false,
    value: () => {},
    passed: (element) => {
      if (isLast() && element.tag === wanted[gone]) found ??= element;
    },
    entered: ({ tag }) => {
      if (lost > 0 || isLast() || tag !== wanted[gone]) return false;
      gone++;
      item = 0;
      return true;
    },
    left: () => {
      gone--;
    },
    itemEntered: () => {
      item++;
      if (lost > 0 || item !== wanted[gone]) lost++;
      else gone++;
    },
    itemLeft: () => {
      if (lost > 0) lost--;
      else {
        gone--;
        item = wanted[gone] as number;
      }
    },
  };
  return { sink, found: () => found };
}
