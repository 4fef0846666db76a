/**
 * The C-STORE sub-operations of a C-MOVE (PS3.4 §C.4.2.3.1): an association of its own with a configured destination.
 * In: which destinations the asking peer may name, the one it named, the objects. Out: the status of each object, or why it was not sent.
 * Promises: each object goes as the lanes of the destination would send it (its rules, the patient and order of the case, its transfer
 * syntaxes), streamed; nobody is called but a configured destination. An object over which the association breaks is sent once more, over a new
 * one, and the others go on; where one association after the other breaks, the destination is left alone.
 */
import type { DimseDestination } from '../../model/config.ts';
import type { ObjectContent } from '../../model/delivery.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { MovedObject, MoveOrigin, ObjectStores, OpenMove } from '../../model/move.ts';
import type { OpenOutgoing } from '../outgoing-session.ts';
import { type Conversions, conversionsFor } from '../outgoing-syntax.ts';
import { associate, type DimseAssociation, type Wanted } from './dimse-client.ts';
import { contextMemory, converted, storeOver } from './store-client.ts';

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
  const wanted = wantedFor(objects, conversions);
  const connect = () => associate({ host, port, calling, called, tls, timeoutMs }, wanted);
  const first = await connect();
  if (isFailure(first)) return first;
  return steadily(first, connect, async (association, object) => {
    const outgoing = await open({ content: contentOf(object), caseId: object.caseId });
    if (isFailure(outgoing)) return outgoing;
    const sent = await converted(outgoing, association, destination);
    return isFailure(sent) ? sent : storeOver(association, { ...sent, origin });
  });
}

/** Associations that may break, or not be opened, one after the other without an answer between. */
const MOST_BREAKS = 4;

function steadily(
  first: DimseAssociation,
  connect: () => Promise<DimseAssociation | Failure>,
  send: (association: DimseAssociation, object: MovedObject) => Promise<number | Failure>,
): ObjectStores {
  let association: DimseAssociation | Failure = first;
  let breaks = 0;
  const current = async (): Promise<DimseAssociation | Failure> => {
    if (!isFailure(association) && !association.ended) return association;
    if (breaks >= MOST_BREAKS) return isFailure(association) ? association : (association.ended as Failure);
    association = await connect();
    if (isFailure(association)) breaks++;
    return association;
  };
  return {
    store: async (object) => {
      for (let again = false; ; again = true) {
        const over = await current();
        if (isFailure(over)) return over;
        const status = await send(over, object);
        if (!isFailure(status)) breaks = 0;
        // What is not taken or cannot be opened by itself says nothing of the association.
        if (!isFailure(status) || !over.ended) return status;
        breaks++;
        if (again) return status;
      }
    },
    close: async () => {
      if (!isFailure(association) && !association.ended) await association.release();
    },
  };
}

function contentOf({ studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset }: MovedObject): Buffer {
  const content: ObjectContent = { studyUid, sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset };
  return Buffer.from(JSON.stringify(content));
}

/** As many SOP classes with their transfer syntaxes as one association has room for; objects beyond them fail by themselves. */
function wantedFor(objects: readonly MovedObject[], conversions: Conversions): Wanted[] {
  const contexts = contextMemory();
  for (const { sopClassUid, transferSyntax } of objects) contexts.note(sopClassUid, transferSyntax, conversions(transferSyntax));
  return contexts.wanted();
}

const NOWHERE: ObjectStores = { store: async () => failure('delivery', 'internal', 'nothing was opened'), close: async () => {} };
