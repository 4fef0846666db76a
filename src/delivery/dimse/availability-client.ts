/**
 * Tells a destination by N-CREATE which objects of a study can be had here (Instance Availability Notification, PS3.4 Annex R): over an
 * association of its own. In: deliveries of kind `availability`; those of objects go on to the client that stores them. Out: a receipt only
 * for success. Promises: one notification is one SOP instance at every attempt, so that who has taken it before answers that it is there.
 */
import type { Destination, DimseDestination } from '../../model/config.ts';
import type { AvailabilityContent, Delivery, SendResult } from '../../model/delivery.ts';
import { failure, isFailure } from '../../model/failure.ts';
import { COMMAND } from '../../protocols/dicom/command.ts';
import { writeIdentifier } from '../../protocols/dicom/identifier.ts';
import { availabilityDataset } from '../../protocols/dicom/instance-availability.ts';
import { INSTANCE_AVAILABILITY } from '../../protocols/dicom/sop-class.ts';
import { DUPLICATE_SOP_INSTANCE } from '../../protocols/dicom/status.ts';
import { storeVerdict } from '../../protocols/dicom/store-status.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../protocols/dicom/transfer-syntax.ts';
import { breakCount } from '../broken-exchange.ts';
import type { DestinationClient } from '../lane-worker.ts';
import { associate } from './dimse-client.ts';

const WANTED = { abstractSyntax: INSTANCE_AVAILABILITY, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] };

export function withAvailability(destination: DimseDestination, stores: DestinationClient): DestinationClient {
  let { tls } = destination;
  const breaks = breakCount();
  return {
    ...stores,
    send: (delivery) => (delivery.kind === 'availability' ? notify({ ...destination, tls }, delivery, breaks) : stores.send(delivery)),
    renew: (renewed: Destination) => {
      if (renewed.kind === 'dimse') tls = renewed.tls;
      stores.renew?.(renewed);
    },
  };
}

async function notify(destination: DimseDestination, delivery: Delivery, breaks: ReturnType<typeof breakCount>): Promise<SendResult> {
  const { host, port, aeTitle: called, callingAeTitle: calling, tls, timeoutMs } = destination;
  const association = await associate({ host, port, calling, called, tls, timeoutMs }, [WANTED]);
  // As for objects: a title or an address that is not known there is mended by a person.
  if (isFailure(association)) return { ...association, class: 'transient' };
  if (!association.serves(INSTANCE_AVAILABILITY)) {
    await association.release();
    return failure('delivery', 'rejected', 'the peer takes no Instance Availability Notification');
  }
  const content = JSON.parse(delivery.content.toString('utf8')) as AvailabilityContent;
  const command = { field: COMMAND.nCreateRq, sopClassUid: INSTANCE_AVAILABILITY, sopInstanceUid: delivery.controlId };
  const status = await association.ask(command, (syntax) =>
    writeIdentifier(availabilityDataset(content), syntax === EXPLICIT_LITTLE_ENDIAN),
  );
  if (!association.ended) await association.release();
  if (isFailure(status)) return breaks.broken(delivery.lane, delivery.controlId, status);
  breaks.clear(delivery.lane);
  return resultOf(status, delivery);
}

/** PS3.7 §10.1.5.1.9: the statuses mean what they mean of an object. */
function resultOf(status: number, { controlId, attempts }: Delivery): SendResult {
  const { kind, note } = storeVerdict(status);
  if (kind === 'stored' || (status === DUPLICATE_SOP_INSTANCE && attempts > 1)) {
    const detail = note === '' ? 'told' : `told, ${note}`;
    return { bytes: Buffer.from(detail), controlId, detail };
  }
  return failure('delivery', 'rejected', note, kind === 'refused' ? 'permanent' : 'transient');
}
