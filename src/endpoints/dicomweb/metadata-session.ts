/**
 * Metadata of stored instances as DICOM JSON (PS3.18 §10.4.1.1.2): made once from the file and kept, streamed from there.
 * Promises: memory bounded whatever the study; an instance of very many elements is made anew each time instead of being kept.
 */
import { promisify } from 'node:util';
import { deflateRaw, inflateRawSync } from 'node:zlib';
import type { StoredObject } from '../../model/instance.ts';
import { metadataJson, withBase } from '../../protocols/dicom/metadata-json.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { Queryable } from '../../store/database.ts';
import { keepMetadata, metadataOf, withoutMetadata } from '../../store/metadata-store.ts';
import { type Files, walkStored } from './dataset-session.ts';
import { parsedWhole } from './model-session.ts';

/** Longer metadata is not kept. */
const MAX_KEPT_CHARACTERS = 4 * 1024 * 1024;
/** Instances whose metadata is read at once. */
const PAGE = 128;

const PIECE_CHARACTERS = 128 * 1024;

const deflated = promisify(deflateRaw);

export type MetadataDeps = { readonly database: Queryable; readonly blobs: Files };

/** An array of all of them, in pieces of some size, each of which costs a write; `base` is the address of the service. */
export async function* metadataArray(deps: MetadataDeps, objects: readonly StoredObject[], base: string): AsyncGenerator<string> {
  let gathered = '';
  for await (const piece of pieces(deps, objects, base)) {
    gathered += piece;
    if (gathered.length < PIECE_CHARACTERS) continue;
    yield gathered;
    gathered = '';
  }
  yield gathered;
}

/** Each of them by itself. */
export async function* metadataEach(deps: MetadataDeps, objects: readonly StoredObject[], base: string): AsyncGenerator<unknown> {
  for (const object of objects) {
    const [metadata] = (await parsedWhole(pieces(deps, [object], base))) as readonly unknown[];
    yield metadata;
  }
}

type Page = { readonly page: readonly StoredObject[]; readonly kept: Promise<ReadonlyMap<string, Buffer>> };

async function* pieces(deps: MetadataDeps, objects: readonly StoredObject[], base: string): AsyncGenerator<string> {
  let separator = '[';
  const pageAt = (at: number): Page => {
    const page = objects.slice(at, at + PAGE);
    const uids = page.map((object) => object.sopInstanceUid);
    const kept = page.length === 0 ? Promise.resolve(new Map<string, Buffer>()) : metadataOf(deps.database, uids);
    // Its error is met when its turn comes, or never, where the caller has gone before.
    kept.catch(() => {});
    return { page, kept };
  };
  // The database looks for the next page while this one is written.
  for (let at = PAGE, next = pageAt(0); next.page.length > 0; at += PAGE) {
    const { page } = next;
    const kept = await next.kept;
    next = pageAt(at);
    for (const object of page) {
      const json = kept.get(object.sopInstanceUid);
      const url = urlOf(object, base);
      yield separator;
      if (json) yield withBase(inflateRawSync(json).toString(), url);
      else for await (const piece of made(deps, object)) yield withBase(piece, url);
      separator = ',';
    }
  }
  yield objects.length === 0 ? '[]' : ']';
}

function urlOf({ studyUid, seriesUid, sopInstanceUid }: StoredObject, base: string): string {
  return `${base}/studies/${studyUid}/series/${seriesUid}/instances/${sopInstanceUid}`;
}

/** Makes metadata ahead. One that cannot be made (its file is gone) is left to who asks for it. */
export async function makeMetadata(deps: MetadataDeps, objects: readonly StoredObject[]): Promise<void> {
  for (const object of await withoutMetadata(deps.database, objects)) {
    try {
      for await (const _ of made(deps, object));
    } catch (error) {
      if (!isFileFault(error)) throw error;
    }
  }
}

/** From the file, piece by piece; kept once it is whole. */
async function* made({ database, blobs }: MetadataDeps, object: StoredObject): AsyncGenerator<string> {
  const metadata = metadataJson();
  let held: string[] | null = [];
  let characters = 0;
  const hold = (piece: string): string => {
    characters += piece.length;
    if (characters > MAX_KEPT_CHARACTERS) held = null;
    held?.push(piece);
    return piece;
  };
  for await (const _ of walkStored(blobs, object, transferSyntax(object.transferSyntax) as TransferSyntax, metadata.sink)) {
    const piece = metadata.take();
    if (piece !== '') yield hold(piece);
  }
  yield hold(metadata.end());
  if (held) await keepMetadata(database, object.sopInstanceUid, await deflated(held.join('')));
}

function isFileFault(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'EIO' || message.startsWith('stored dataset');
}
