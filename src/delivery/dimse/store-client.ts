/**
 * Sends stored objects to one PACS by C-STORE (PS3.7 §9.1.1): over one association a lane, kept for many objects and released when there
 * are none for a while. In: deliveries of kind `dicom-object`. Out: a receipt only for a success status of the peer, or a Failure.
 * Promises: an object goes in the transfer syntax it is stored in, unless the peer takes only another one and the destination allows that
 * it is converted; contexts are proposed for what is to be sent, one for each SOP class and
 * syntax, at most 128; a peer that lets nobody in holds back its lane, and sets nothing aside; what was perhaps taken is sent again, which
 * changes nothing there (the same SOP Instance UID, the same bytes).
 */
import type { Destination, DimseDestination } from '../../model/config.ts';
import type { Delivery, SendResult } from '../../model/delivery.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import { failureIn } from '../../protocols/dicom/decompression.ts';
import { padded } from '../../protocols/dicom/p-data.ts';
import { breakCount } from '../broken-exchange.ts';
import { OBJECTS_AT_ONCE, type OpenOutgoing, type Outgoing, objectOf, storeResult } from '../outgoing-session.ts';
import { conversionsFor, inSyntax } from '../outgoing-syntax.ts';
import { associate, type DimseAssociation, MAX_CONTEXTS, type OutgoingObject, type Wanted } from './dimse-client.ts';

/** `attempts` counts this one. */
type Outbound = Pick<Delivery, 'id' | 'lane' | 'content' | 'caseId' | 'controlId' | 'attempts'>;

export type StoreClient = {
  readonly atOnce: number;
  /** Sends one object and waits for its status; objects of one lane come one after the other. Never rejects. */
  send(delivery: Outbound): Promise<SendResult>;
  /** Other keys and certificates, for associations to come. */
  renew(destination: Destination): void;
  /** Releases every association. */
  close(): Promise<void>;
};

/** A peer that does not answer a release is left. */
const RELEASE_TIMEOUT_MS = 5_000;

/** Of one lane. */
type Line = { association: DimseAssociation | null; stored: number; idle: NodeJS.Timeout | undefined };

/** Opens nothing yet. */
export function startStoreClient(destination: DimseDestination, deps: { readonly log: Log; readonly open: OpenOutgoing }): StoreClient {
  const { name, host, port, aeTitle, callingAeTitle, timeoutMs, idleMs } = destination;
  let { tls } = destination;
  const lines = new Map<string, Line>();
  const contexts = contextMemory();
  const conversions = conversionsFor(destination);
  const breaks = breakCount();

  const lineOf = (lane: string): Line => {
    const line = lines.get(lane) ?? { association: null, stored: 0, idle: undefined };
    lines.set(lane, line);
    return line;
  };
  const opened = async (line: Line): Promise<DimseAssociation | Failure> => {
    const target = { host, port, calling: callingAeTitle, called: aeTitle, tls, timeoutMs };
    const association = await associate(target, contexts.wanted());
    // A title or an address that is not known there is mended by a person, there or here: nothing is wrong with the objects.
    if (isFailure(association)) return { ...association, class: 'transient' };
    Object.assign(line, { association, stored: 0 });
    return association;
  };
  const associationFor = async (line: Line, sopClassUid: string, transferSyntax: string): Promise<DimseAssociation | Failure> => {
    contexts.note(sopClassUid, transferSyntax, conversions(transferSyntax));
    const { association } = line;
    if (association && !association.ended && association.proposes(sopClassUid, transferSyntax)) return association;
    await release(line);
    return opened(line);
  };
  const sendOver = async (line: Line, delivery: Outbound): Promise<SendResult> => {
    const { sopClassUid, transferSyntax } = objectOf(delivery);
    const association = await associationFor(line, sopClassUid, transferSyntax);
    if (isFailure(association)) return association;
    const asStored = await deps.open(delivery);
    if (isFailure(asStored)) return asStored;
    const outgoing = await converted(asStored, association, destination);
    if (isFailure(outgoing)) return outgoing;
    const status = await storeOver(association, outgoing);
    if (isFailure(status)) return breaks.broken(delivery.lane, delivery.controlId, status);
    line.stored++;
    breaks.clear(delivery.lane);
    return storeResult(status, delivery, outgoing === asStored ? '' : `in ${outgoing.transferSyntax}`);
  };
  const send: StoreClient['send'] = async (delivery) => {
    const line = lineOf(delivery.lane);
    clearTimeout(line.idle);
    const kept = line.stored > 0;
    const result = await sendOver(line, delivery);
    // A kept association may have been ended by the other side long ago and only now show it: that says nothing of this object.
    const stale = kept && isFailure(result) && hasEnded(line);
    if (stale) deps.log.info('store-client.stale', { destination: name });
    if (stale) breaks.clear(delivery.lane);
    const last = stale ? await sendOver(line, { ...delivery, attempts: delivery.attempts + 1 }) : result;
    line.idle = setTimeout(() => void release(line), idleMs);
    return last;
  };
  return {
    atOnce: OBJECTS_AT_ONCE,
    send,
    renew: (renewed) => {
      if (renewed.kind === 'dimse') tls = renewed.tls;
    },
    close: async () => {
      await Promise.all([...lines.values()].map(release));
    },
  };
}

/** As it is, where the peer takes that, or nothing else that it may be converted into. */
export async function converted(
  outgoing: Outgoing,
  association: DimseAssociation,
  destination: Pick<DimseDestination, 'transcode'>,
): Promise<Outgoing | Failure> {
  const { sopClassUid, transferSyntax: stored } = outgoing;
  if (association.accepts(sopClassUid, stored)) return outgoing;
  const conversions = conversionsFor(destination)(stored);
  if (destination.transcode === 'decompressed' && conversions.length === 0)
    return failure('delivery', 'rejected', `the peer does not take ${stored}, which cannot be decompressed here`);
  const target = association.acceptedOf(sopClassUid, conversions);
  return target === null ? outgoing : inSyntax(outgoing, target);
}

/** An object whose reading fails in the middle cannot be taken back but with its association. */
export async function storeOver(
  association: DimseAssociation,
  outgoing: Outgoing & Pick<OutgoingObject, 'origin'>,
): Promise<number | Failure> {
  try {
    return await association.store({ ...outgoing, dataset: padded(outgoing.dataset) });
  } catch (error) {
    await association.abort();
    const undecoded = failureIn(error);
    if (undecoded) return undecoded;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return failure('delivery', 'internal', `the file of ${outgoing.sopInstanceUid} cannot be read (${code})`, 'transient');
  }
}

function hasEnded({ association }: Line): boolean {
  return association !== null && association.ended !== null;
}

async function release(line: Line): Promise<void> {
  clearTimeout(line.idle);
  const { association } = line;
  line.association = null;
  if (association === null || association.ended) return;
  const impatience = setTimeout(() => void association.abort(), RELEASE_TIMEOUT_MS);
  await association.release();
  clearTimeout(impatience);
}

/** SOP classes with transfer syntaxes that were sent there, and what these can be converted into; the newest last: as many as one association can propose. */
export function contextMemory() {
  const known = new Map<string, Wanted>();
  return {
    wanted: () => [...known.values()],
    note: (abstractSyntax: string, stored: string, conversions: readonly string[]): void => {
      for (const transferSyntaxes of [[stored], conversions]) {
        if (transferSyntaxes.length === 0) continue;
        const key = `${abstractSyntax} ${transferSyntaxes}`;
        known.delete(key);
        known.set(key, { abstractSyntax, transferSyntaxes });
      }
      for (const oldest of known.keys()) if (known.size > MAX_CONTEXTS) known.delete(oldest);
    },
  };
}
