/**
 * PRD, provider data of a referral, to who takes part in it (HL7 v2.5.1 §11.6.3, v2.9 §11.8.3). The guide has no PRD.
 * In: the segment. Out: a reference to the person, in a role where an organization is named too, or to the organization alone; and as what
 * he takes part (PRD-1, HL7 Table 0286).
 * A number (PRD-7, PLN) has no authority in v2: a national provider's is one whoever writes it, others are the peer's.
 */
import type { Organization, Practitioner, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, components, eachRepetition, filled } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { type Role, roleOf } from '../datatypes/practitioner-role.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { xadAddress } from '../datatypes/xad-address.ts';
import { practitionerOf } from '../datatypes/xcn-practitioner.ts';
import { xonOrganization } from '../datatypes/xon-organization.ts';
import { xtnContactPoint } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { segmentTable } from '../segment-table.ts';

export type ReadProvider = {
  /** `RP`, `RT`, `PP` …; '' where none is said. */
  readonly as: string;
  /** The role in words. */
  readonly role: string;
  readonly who: Reference;
};

export function prdProvider(prd: Segment, draft: Draft): ReadProvider | undefined {
  const telecom = eachRepetition(prd, 5, (at) => xtnContactPoint(at, draft.zone, 'work'));
  const address = eachRepetition(prd, 3, (at) => xadAddress(at, draft.zone));
  const person = practitionerOf([asXcn(prd)], draft, filled<Partial<Practitioner>>({ telecom, address }) ?? {});
  const place = {
    address: eachRepetition(prd, 11, (at) => xadAddress(at, draft.zone)),
    telecom: eachRepetition(prd, 13, (at) => xtnContactPoint(at, draft.zone, 'work')),
  };
  const organization = xonOrganization(prd, 10, draft, filled<Partial<Organization>>(place) ?? {});
  const period = person && organization ? PRD_PERIOD(prd, draft) : {};
  const who = person && organization ? roleOf(person, organization, period, draft) : (person ?? organization?.reference);
  if (!who) return undefined;
  const concept = cweCodeableConcept(components(prd, 1), draft.peer.name);
  const [coding] = concept?.coding ?? [];
  return { as: coding?.code ?? '', role: concept?.text ?? coding?.display ?? coding?.code ?? '', who };
}

/** From when to when he has this role. */
const PRD_PERIOD = segmentTable<Role>([
  ['PRD-8', 'period.start', DTM_DATETIME],
  ['PRD-9', 'period.end', DTM_DATETIME],
]);

/** XPN and PLN as an XCN: number, family, given, further, suffix, prefix, degree; the type of the number as its thirteenth. */
function asXcn(prd: Segment): Components {
  const [name, number] = [components(prd, 2), components(prd, 7)];
  return (component, subcomponent = 1) => {
    if (component === 1) return subcomponent === 1 ? number(1) : '';
    if (component === 13) return subcomponent === 1 ? number(2) : '';
    return component <= 7 ? name(component - 1, subcomponent) : '';
  };
}
