/** Sends objects by C-STORE in one association, a context for each SOP class in each transfer syntax; all of them must be taken. */
import { DimseAssociation } from '../../src/delivery/dimse/dimse-client.ts';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';

export async function storeObjects(
  port: number,
  objects: readonly SampleObject[],
  calling = 'SENDER',
  called = 'WAYSTATION',
): Promise<void> {
  const contexts = new Map(
    objects.map(({ sopClassUid, transferSyntax }) => [`${sopClassUid} ${transferSyntax}`, [sopClassUid, transferSyntax] as const]),
  );
  const association = new DimseAssociation(
    { host: '127.0.0.1', port, calling, called, timeoutMs: 60_000 },
    [...contexts.values()].map(([abstractSyntax, syntax]) => ({ abstractSyntax, transferSyntaxes: [syntax] })),
  );
  const refused = await association.open();
  if (refused) throw new Error(refused.detail);
  for (const object of objects) {
    const status = await association.store({ ...object, dataset: [object.dataset] });
    if (status !== 0) throw new Error(`answered ${JSON.stringify(status)}`);
  }
  await association.release();
}
