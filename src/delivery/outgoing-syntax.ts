/**
 * In which transfer syntaxes an object may go to a destination besides its own, as the rule of the destination says, and the object in one
 * of them. Only what the receiver does not take as it is stored is converted.
 */
import type { ObjectDestination } from '../model/config.ts';
import { type Failure, isFailure } from '../model/failure.ts';
import { conversionsOf, decompressionsOf, transcoded } from '../protocols/dicom/transcoder.ts';
import type { Outgoing } from './outgoing-session.ts';

/** Transfer syntaxes, the best first, by the one that an object is stored in. */
export type Conversions = (stored: string) => readonly string[];

export function conversionsFor({ transcode }: Pick<ObjectDestination, 'transcode'>): Conversions {
  if (transcode === 'never') return () => [];
  return transcode === 'uncompressed' ? conversionsOf : (stored) => [...conversionsOf(stored), ...decompressionsOf(stored)];
}

/** `target`: one of the conversions of its syntax. Of a compressed image the first frame is decoded before this resolves. */
export async function inSyntax(outgoing: Outgoing, target: string): Promise<Outgoing | Failure> {
  const { transferSyntax: stored, dataset, decompress } = outgoing;
  const converted = { ...outgoing, transferSyntax: target, bytes: null };
  if (conversionsOf(stored).includes(target)) return { ...converted, dataset: transcoded(dataset, stored, target) };
  const image = await decompress();
  return isFailure(image) ? image : { ...converted, dataset: image.dataset(dataset, target) };
}
