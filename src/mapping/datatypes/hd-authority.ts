/** HD, hierarchic designator (HL7 v2.5.1 §2.A.33): namespace, universal id, its type. Also the tail of an EI (§2.A.28). */
import { type Components, knownCode } from './components.ts';
import { type Authority, isOid, isUri } from './systems.ts';

export function hdAuthority(at: Components): Authority {
  return authorityAt(at, 1);
}

/** EI: the entity identifier stands before the authority. */
export function eiAuthority(at: Components): Authority {
  return authorityAt(at, 2);
}

/** The type of a universal id says what the id's own form says: one that says otherwise is left, and so listed. */
function authorityAt(at: Components, first: number): Authority {
  const universalId = at(first + 1);
  const fits = isOid(universalId) ? ['ISO'] : isUri(universalId) ? ['URI', 'URL'] : null;
  const universalIdType = knownCode(at, first + 2, (type) => universalId !== '' && (fits === null || fits.includes(type)));
  return { namespace: at(first), universalId, universalIdType };
}
