/**
 * Objects that come to the DIMSE door because of a C-MOVE of ours (PS3.4 §C.4.2.2): their sender is a PACS that was asked for priors, and names
 * us as who asked (0000,1030). They are journaled as asked for, and refused where nobody asked for that study of that patient.
 */
import type { Config } from '../../model/config.ts';
import type { PeerDirectory } from '../../model/peer.ts';
import { priorPeer } from '../../model/prior.ts';
import { foreign } from '../../protocols/dicom/prior-query.ts';
import type { Queryable } from '../../store/database.ts';
import { openOrders } from '../../store/prior-store.ts';
import type { StoreDeps } from './store-session.ts';

export function askedObjects(
  { destinations, specialties }: Pick<Config, 'destinations' | 'specialties'>,
  peers: Pick<PeerDirectory, 'named'>,
  database: Queryable,
): NonNullable<StoreDeps['asked']> {
  const names = new Set(specialties.flatMap(({ priors }) => (priors ? [priors.from] : [])));
  const asked = destinations.flatMap((one) => (one.kind === 'dimse' && names.has(one.name) ? [one] : []));
  return (calling, originator) => {
    const from = asked.find(({ aeTitle, callingAeTitle }) => aeTitle === calling && callingAeTitle === originator);
    if (!from) return null;
    return {
      peer: peers.named(priorPeer(from.name)),
      refusal: async (header) => {
        const orders = await openOrders(database, header.studyUid, from.name);
        const faults = orders.map((order) => foreign(header, [header.studyUid], order));
        return faults.includes(null) ? null : (faults[0] ?? foreign(header, [], null));
      },
    };
  };
}
