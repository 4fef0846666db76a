/** HD, hierarchic designator (HL7 v2.5.1 §2.A.33): namespace, universal id, its type. Also the tail of an EI (§2.A.28). */
import type { Components } from './components.ts';
import type { Authority } from './systems.ts';

export function hdAuthority(at: Components): Authority {
  return { namespace: at(1), universalId: at(2), universalIdType: at(3).toUpperCase() };
}

/** EI: the entity identifier stands before the authority. */
export function eiAuthority(at: Components): Authority {
  return { namespace: at(2), universalId: at(3), universalIdType: at(4).toUpperCase() };
}
