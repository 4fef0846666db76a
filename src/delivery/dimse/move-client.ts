/**
 * The C-STORE sub-operations of a C-MOVE (PS3.4 §C.4.2.3.1): an association of its own with a configured destination.
 * In: which destinations the asking peer may name, the one it named, the objects. Out: the status of each object, or why it was not sent.
 * Promises: objects go in the transfer syntax they are stored in, streamed from file; nobody is called but a configured destination.
 */
import type { DimseDestination } from '../../model/config.ts';
import type { ObjectContent } from '../../model/delivery.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { StoredObject } from '../../model/instance.ts';
import type { MoveOrigin, ObjectStores, OpenMove } from '../../model/move.ts';
import type { OpenOutgoing } from '../outgoing-session.ts';
import { associate, MAX_CONTEXTS, type Wanted } from './dimse-client.ts';
import { storeOver } from './store-client.ts';

/** `openFor`: how an object is opened for a destination, whose rules hold for what is moved there, too. */
export function moveClient(destinations: readonly DimseDestination[], openFor: (destination: DimseDestination) => OpenOutgoing): OpenMove {
  return (names, aeTitle, objects, origin) => {
    const destination = destinations.find((one) => one.aeTitle === aeTitle && names.includes(one.name));
    return destination === undefined ? null : opened(destination, objects, origin, openFor(destination));
  };
}

async function opened(
  destination: DimseDestination,
  objects: readonly StoredObject[],
  origin: MoveOrigin,
  open: OpenOutgoing,
): Promise<ObjectStores | Failure> {
  if (objects.length === 0) return NOWHERE;
  const { host, port, aeTitle: called, callingAeTitle: calling, tls, timeoutMs } = destination;
  const association = await associate({ host, port, calling, called, tls, timeoutMs }, wantedFor(objects));
  if (isFailure(association)) return association;
  return {
    store: async (object) => {
      if (association.ended) return association.ended;
      const outgoing = await open({ content: contentOf(object), caseId: '' });
      return isFailure(outgoing) ? outgoing : storeOver(association, { ...outgoing, origin });
    },
    close: () => (association.ended ? Promise.resolve() : association.release()),
  };
}

function contentOf({ studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset }: StoredObject): Buffer {
  const content: ObjectContent = { studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset };
  return Buffer.from(JSON.stringify(content));
}

/** As many SOP classes with their transfer syntaxes as one association has room for; objects beyond them fail by themselves. */
function wantedFor(objects: readonly StoredObject[]): Wanted[] {
  const pairs = new Map(objects.map((one) => [`${one.sopClassUid} ${one.transferSyntax}`, one]));
  return [...pairs.values()]
    .slice(0, MAX_CONTEXTS)
    .map(({ sopClassUid, transferSyntax }) => ({ abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntax] }));
}

const NOWHERE: ObjectStores = { store: async () => failure('delivery', 'internal', 'nothing was opened'), close: async () => {} };
