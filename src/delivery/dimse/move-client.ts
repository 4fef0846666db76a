/**
 * The C-STORE sub-operations of a C-MOVE (PS3.4 §C.4.2.3.1): an association of its own with a configured destination.
 * In: which destinations the asking peer may name, the one it named, the objects. Out: the status of each object, or why it was not sent.
 * Promises: each object goes as the lanes of the destination would send it (its rules, the patient and order of the case, its transfer
 * syntaxes), streamed; nobody is called but a configured destination.
 */
import type { DimseDestination } from '../../model/config.ts';
import type { ObjectContent } from '../../model/delivery.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { MovedObject, MoveOrigin, ObjectStores, OpenMove } from '../../model/move.ts';
import type { OpenOutgoing } from '../outgoing-session.ts';
import { associate, type Wanted } from './dimse-client.ts';
import { contextMemory, conversionsFor, converted, storeOver } from './store-client.ts';

/** `destinations`: as they are now. `openFor`: how an object is opened for a destination, whose rules hold for what is moved there, too. */
export function moveClient(
  destinations: () => readonly DimseDestination[],
  openFor: (destination: DimseDestination) => OpenOutgoing,
): OpenMove {
  return (names, aeTitle, objects, origin) => {
    const destination = destinations().find((one) => one.aeTitle === aeTitle && names.includes(one.name));
    return destination === undefined ? null : opened(destination, objects, origin, openFor(destination));
  };
}

async function opened(
  destination: DimseDestination,
  objects: readonly MovedObject[],
  origin: MoveOrigin,
  open: OpenOutgoing,
): Promise<ObjectStores | Failure> {
  if (objects.length === 0) return NOWHERE;
  const conversions = conversionsFor(destination);
  const { host, port, aeTitle: called, callingAeTitle: calling, tls, timeoutMs } = destination;
  const association = await associate({ host, port, calling, called, tls, timeoutMs }, wantedFor(objects, conversions));
  if (isFailure(association)) return association;
  return {
    store: async (object) => {
      if (association.ended) return association.ended;
      const outgoing = await open({ content: contentOf(object), caseId: object.caseId });
      if (isFailure(outgoing)) return outgoing;
      return storeOver(association, { ...converted(outgoing, association, conversions(outgoing.transferSyntax)), origin });
    },
    close: () => (association.ended ? Promise.resolve() : association.release()),
  };
}

function contentOf({ studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset }: MovedObject): Buffer {
  const content: ObjectContent = { studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset };
  return Buffer.from(JSON.stringify(content));
}

/** As many SOP classes with their transfer syntaxes as one association has room for; objects beyond them fail by themselves. */
function wantedFor(objects: readonly MovedObject[], conversions: ReturnType<typeof conversionsFor>): Wanted[] {
  const contexts = contextMemory();
  for (const { sopClassUid, transferSyntax } of objects) contexts.note(sopClassUid, transferSyntax, conversions(transferSyntax));
  return contexts.wanted();
}

const NOWHERE: ObjectStores = { store: async () => failure('delivery', 'internal', 'nothing was opened'), close: async () => {} };
