/**
 * A message as its peer's configuration says that it is meant. In: the tree of the message as received, and the overrides. Out: another tree,
 * and what each override did. First the rewrites, in their order; then codes; then authorities. Made ready once for a configuration.
 */
import type { Failure } from '../../model/failure.ts';
import { isFailure } from '../../model/failure.ts';
import type { MappingOverrides } from '../../model/override.ts';
import type { Peer } from '../../model/peer.ts';
import { type Hl7Message, parseMessage, withSegments } from '../../protocols/hl7v2/message.ts';
import { authorityEdits } from './authorities.ts';
import { codeEdits } from './codes.ts';
import type { Done, Edit } from './edit.ts';
import { rewriteEdit } from './rewrite.ts';

/** The message as every reader of this room takes it from the kept bytes. */
export function messageOf(bytes: Buffer, { charset, mapping }: Pick<Peer, 'charset' | 'mapping'>): Hl7Message | Failure {
  const message = parseMessage(bytes, charset);
  return isFailure(message) || !mapping ? message : overridden(message, mapping).message;
}

export function overridden(
  message: Hl7Message,
  overrides: MappingOverrides,
): { readonly message: Hl7Message; readonly done: readonly Done[] } {
  let segments = message.segments;
  const done: Done[] = [];
  for (const edit of editsOf(overrides)) {
    const edited = edit(segments);
    segments = edited.segments;
    done.push(...edited.done);
  }
  return { message: segments === message.segments ? message : withSegments(message, segments), done };
}

function editsOf(overrides: MappingOverrides): readonly Edit[] {
  const known = COMPILED.get(overrides);
  if (known) return known;
  const edits = [
    ...overrides.rewrite.map(rewriteEdit),
    ...Object.entries(overrides.codes).flatMap(([place, codes]) => codeEdits(place, codes)),
    ...authorityEdits(overrides.authorities),
  ];
  COMPILED.set(overrides, edits);
  return edits;
}

const COMPILED = new WeakMap<MappingOverrides, readonly Edit[]>();
