/** A Binary as it is kept: a row that points to a blob. `data` is never in the row. */
import type { Binary } from '@medplum/fhirtypes';

export type StoredBinary = Binary & {
  /** Hex SHA-256 of the file in the blob store. */
  readonly digest: string;
  readonly size: number;
};
