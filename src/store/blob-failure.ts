/** What a file system error of the blob store means to a sender. Pure: an error in, a Failure out. */
import { type Failure, failure } from '../model/failure.ts';

/** A full disk or exhausted descriptors pass when somebody makes room: the sender may try again. The detail carries no path. */
export function blobFailure(error: unknown): Failure {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? 'unknown';
  return failure('store', EXHAUSTED.has(code) ? 'out-of-resources' : 'internal', `blob store: ${code}`, 'transient');
}

const EXHAUSTED = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE', 'ENOMEM']);
