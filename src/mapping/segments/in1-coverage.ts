/**
 * IN1 to Coverage, and IN3's case manager (HL7 v2.5.1 §6.5.6, §6.5.8; guide: IN1[Coverage], IN3[CareTeam]).
 * In: the segment, the patient. Out: a reference to the Coverage in the draft; undefined where IN1 names neither plan nor insurer.
 * Payor and policy holder are Organizations; who is insured is the patient himself unless IN1-17 says otherwise: then he is a RelatedPerson
 * contained in the Coverage.
 */
import type { Coverage, Identifier, Organization, Patient, Reference, RelatedPerson } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { eachRepetition, firstValue } from '../datatypes/components.ts';
import { cweConceptOf } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { CX_IDENTIFIER } from '../datatypes/cx-identifier.ts';
import { type Datatype, each } from '../datatypes/datatype.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XAD_ADDRESS } from '../datatypes/xad-address.ts';
import { xonOrganization } from '../datatypes/xon-organization.ts';
import { XPN_HUMANNAME } from '../datatypes/xpn-humanname.ts';
import type { Draft } from '../draft.ts';
import { among, SET_ID, segmentTable } from '../segment-table.ts';
import { RELATIONSHIP } from '../vocabulary/0063-relationship.ts';
import { codeSystemOf } from '../vocabulary/0396-coding-system.ts';

export function in1Coverage(in1: Segment, beneficiary: Reference<Patient>, known: Identity, draft: Draft): Reference<Coverage> | undefined {
  const payor = payorOf(in1, draft);
  const said = IN1_COVERAGE(in1, draft);
  const plan = firstValue(in1, 2) || payor?.display || '';
  if (plan === '' && !payor) return undefined;
  const coverage: Coverage = {
    resourceType: 'Coverage',
    status: 'active',
    ...said,
    beneficiary,
    payor: payor ? [payor] : [{ display: plan }],
    subscriber: subscriberOf(in1, beneficiary, draft),
    policyHolder: policyHolderOf(in1, draft),
  };
  return draft.add(coverage, [identity('Coverage', 'urn:waystation:coverage-of', `${keyOf(known)}|${plan}`)]);
}

/** IN1-4 with the address of IN1-5; an insurer without a name is known by its number (IN1-3). */
function payorOf(in1: Segment, draft: Draft): Reference<Organization> | undefined {
  const address = XAD_ADDRESS({ segment: in1, field: 5, component: 0, most: 10, draft });
  return xonOrganization(in1, 4, draft, address.length > 0 ? { address: [...address] } : {})?.reference;
}

/** IN1-11, the employer of the insured's group, with its number in IN1-10; contained, where there is a number alone. */
function policyHolderOf(in1: Segment, draft: Draft): Reference<Organization> | undefined {
  const identifier = isSubscriberNumber(in1) ? [] : CX_IDENTIFIER({ segment: in1, field: 10, component: 0, most: 1, draft });
  const numbered = identifier.length > 0 ? { identifier: [...identifier] } : {};
  const named = xonOrganization(in1, 11, draft);
  if (named || identifier.length === 0) return named && { ...named.reference, ...(identifier[0] ? { identifier: identifier[0] } : {}) };
  return draft.contain<Organization>({ resourceType: 'Organization', ...numbered });
}

const isSubscriberNumber = among('IN1-10.5', 'SN');

function subscriberOf(in1: Segment, patient: Reference<Patient>, draft: Draft): Coverage['subscriber'] {
  if (isSelf(in1)) return patient;
  const name = eachRepetition(in1, 16, (at) => at).flatMap(() => XPN_HUMANNAME({ segment: in1, field: 16, component: 0, most: 1, draft }));
  if (name.length === 0) return undefined;
  return draft.contain<RelatedPerson>({ resourceType: 'RelatedPerson', patient, name: [...name] });
}

const isSelf = among('IN1-17', 'SEL', 'SELF', '18', 'patient');

const SUBSCRIBER_ID = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-subscriberId';

/** The plan in each coding system that names it (guide: CWE[Identifier]); an Identifier of R4 has no name. */
const CWE_IDENTIFIER: Datatype<Identifier> = (source) =>
  each((at, { draft }) =>
    [1, 4, 10].flatMap((code): Identifier[] => {
      const system = at(code + 2) === '' ? {} : { system: codeSystemOf(at(code + 2), draft.peer.name) };
      return at(code) === '' ? [] : [{ ...system, value: at(code) }];
    }),
  )(source).flat();

const IN1_COVERAGE = segmentTable<Coverage>(
  [
    ['IN1-2', 'identifier[]', CWE_IDENTIFIER],
    ['IN1-10', `extension[${SUBSCRIBER_ID}].valueIdentifier`, CX_IDENTIFIER, among('IN1-10.5', 'SN')],
    ['IN1-12', 'period.start', DTM_DATETIME],
    ['IN1-13', 'period.end', DTM_DATETIME],
    ['IN1-15', 'type', CWE_CODEABLECONCEPT],
    ['IN1-17', 'relationship', cweConceptOf(RELATIONSHIP)],
    ['IN1-49', `extension[${SUBSCRIBER_ID}].valueIdentifier`, CX_IDENTIFIER],
  ],
  { left: { 1: SET_ID } },
);
