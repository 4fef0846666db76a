/** Whether a PACS answers: an association for Verification alone, and a C-ECHO on it (PS3.4 Annex A, PS3.7 §9.1.5). Its status, or why there is none. */
import type { DimseDestination } from '../../model/config.ts';
import { type Failure, isFailure } from '../../model/failure.ts';
import { VERIFICATION } from '../../protocols/dicom/sop-class.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../protocols/dicom/transfer-syntax.ts';
import { associate } from './dimse-client.ts';

export async function echo({ host, port, aeTitle, callingAeTitle, tls, timeoutMs }: DimseDestination): Promise<number | Failure> {
  const target = { host, port, calling: callingAeTitle, called: aeTitle, tls, timeoutMs };
  const wanted = [{ abstractSyntax: VERIFICATION, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] }];
  const association = await associate(target, wanted);
  if (isFailure(association)) return association;
  const status = await association.echo();
  await association.release();
  return status;
}
