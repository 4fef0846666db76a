/** C-MOVE (PS3.4 §C.4.2): a peer has stored objects sent to somebody. */
import type { Failure } from './failure.ts';
import type { StoredObject } from './instance.ts';

/** Who asked: said with each object (PS3.7 §9.1.1.1). */
export type MoveOrigin = { readonly aeTitle: string; readonly messageId: number };

/** With the case of who asked that it is of: its patient and order are what a destination is told. '' where it has none. */
export type MovedObject = StoredObject & { readonly caseId: string };

/** Where objects are stored: the status of each, or why it could not be asked. */
export type ObjectStores = { readonly store: (object: MovedObject) => Promise<number | Failure>; close(): Promise<void> };

/**
 * An association with that one of the named destinations which answers to the AE title, for these objects; null where there is none.
 * Nothing is opened for no objects.
 */
export type OpenMove = (
  names: readonly string[],
  aeTitle: string,
  objects: readonly MovedObject[],
  origin: MoveOrigin,
) => Promise<ObjectStores | Failure> | null;
