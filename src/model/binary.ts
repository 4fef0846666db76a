/** A Binary as it is kept: a row that points to a blob. `data` is never in the row. */
import type { Binary } from '@medplum/fhirtypes';

/** All files of one report together: they are answered in one message, which is worded in memory. */
export const MAX_REPORT_FILE_BYTES = 32 * 1024 * 1024;

export type StoredBinary = Binary & {
  /** Hex SHA-256 of the file in the blob store. */
  readonly digest: string;
  readonly size: number;
};
