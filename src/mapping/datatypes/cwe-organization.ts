/**
 * CWE to Organization (guide: CWE[Organization]): a producer that is named by a code (OBX-15), such as a CLIA number.
 * In: a repetition. Out: a reference to the Organization in the draft; where there is no code, one that only shows the name.
 */
import type { Organization, Reference } from '@medplum/fhirtypes';
import { codeSystemOf } from '../vocabulary/0396-coding-system.ts';
import { filled } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { identity, systemOfName } from './systems.ts';

export const CWE_ORGANIZATION: Datatype<Reference<Organization>> = each((at, { draft }) => {
  const [value, name, scheme] = [at(1), at(9) || at(2), at(3)];
  if (value === '') return name === '' ? undefined : { type: 'Organization', display: name };
  const system = scheme === '' ? systemOfName(draft.peer.patientAuthority) : codeSystemOf(scheme, draft.peer.name);
  const resource = filled<Organization>({ resourceType: 'Organization', identifier: [{ system, value }], name }) as Organization;
  const reference = draft.add(resource, [identity('Organization', system, value)], { shared: true });
  return { ...reference, ...filled({ display: name || value }) };
});
