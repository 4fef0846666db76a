/** What is told of an object that landed. Pure: an entry without its digests in, bytes out, and back. */
import type { NewEntry } from '../model/entry.ts';
import type { IndexedInstance } from '../model/instance.ts';

/** An accepted object before its digests are known. */
export type LandedEntry = Omit<NewEntry, 'digest' | 'blob' | 'answer' | 'effects' | 'disposition' | 'detail' | 'isAwaited'> & {
  readonly instance: IndexedInstance;
};

export function encodeFacts(entry: LandedEntry): Buffer {
  return Buffer.from(JSON.stringify({ ...entry, payload: entry.payload.toString('utf8') }));
}

export function decodeFacts(facts: Buffer): LandedEntry {
  const { payload, received, gatherUntil, ...entry } = JSON.parse(facts.toString('utf8')) as LandedEntry &
    Record<'payload' | 'received', string>;
  return {
    ...entry,
    payload: Buffer.from(payload),
    received: new Date(received),
    ...(gatherUntil ? { gatherUntil: new Date(gatherUntil) } : {}),
  };
}

/** What the database would refuse must not be promised: a NUL in a text, a number beyond its column. */
export function isStorable({ instance, ...entry }: LandedEntry): boolean {
  const texts = [
    entry.peer,
    entry.type,
    entry.controlId,
    entry.lane,
    instance.studyUid,
    instance.seriesUid,
    instance.transferSyntax,
    instance.modality,
  ];
  return texts.every((text) => !text.includes('\0')) && [instance.frames, instance.number ?? 0].every((one) => Math.abs(one) <= MAX_INT);
}

const MAX_INT = 2 ** 31 - 1;
