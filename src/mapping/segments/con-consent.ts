/**
 * CON to Consent (HL7 v2.5.1 §9.9.2; not in the guide).
 * In: the segment, the patient. Out: a reference to the Consent in the draft.
 * scope and category are both required and are both what CON-2 says it is about; the policy is the form (CON-3) and what was agreed to (CON-5),
 * because R4 wants one of policy and policyRule (ppc-1). Who consented (CON-24) is a name: an actor that is shown, in the role of CON-25.
 */
import type { CodeableConcept, Consent, Identifier, Patient, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components, filled, textOf } from '../datatypes/components.ts';
import { cweCode, originalCode } from '../datatypes/cwe-code.ts';
import { codeConcept, cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, wrapped } from '../datatypes/datatype.ts';
import { eiIdentifier } from '../datatypes/ei-identifier.ts';
import { identity } from '../datatypes/systems.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { xpnHumanName } from '../datatypes/xpn-humanname.ts';
import type { Draft } from '../draft.ts';
import { SET_ID, segmentTable } from '../segment-table.ts';
import { CONSENT_STATUS } from '../vocabulary/0498-consent-status.ts';

/** `fallback`: what it is known by without a number. */
export function conConsent(con: Segment, patient: Reference<Patient>, fallback: string, draft: Draft): Reference<Consent> {
  const said = CON_CONSENT(con, draft);
  const about: CodeableConcept = said.scope ?? { text: 'consent' };
  const consent = {
    resourceType: 'Consent',
    ...said,
    status: said.status ?? 'draft',
    scope: about,
    category: [about],
    patient,
    policyRule: policyOf(con, draft),
  } as Consent;
  const [number] = said.identifier ?? [];
  const known = number
    ? identity('Consent', number.system as string, number.value as string)
    : identity('Consent', 'urn:waystation:consent-of-message', `${fallback}|${con.occurrence}`);
  return draft.add(consent, [known]);
}

function policyOf(con: Segment, { peer }: Draft): CodeableConcept {
  const form = cweCodeableConcept(components(con, 3), peer.name);
  const text = [form?.text ?? '', ...[5, 6].map((field) => textOf(con, field))].filter((part) => part !== '').join('\n');
  return filled<CodeableConcept>({ ...form, text }) ?? { text: 'not said' };
}

const CONSENT_TYPE: Datatype<CodeableConcept> = each((at, { draft }) => {
  const said = cweCodeableConcept(at, draft.peer.name);
  return said?.coding?.[0]?.system === undefined && at(1) !== '' ? codeConcept(at(1), TYPE_SYSTEM, at(2)) : said;
});

const EI_FORM: Datatype<Identifier> = each((at, { draft }) => eiIdentifier(at, draft.peer.patientAuthority, '')?.identifier);

const CONSENTER: Datatype<Reference> = each((at, { draft }) => {
  const name = xpnHumanName(at, draft.zone);
  const display = [...(name?.prefix ?? []), ...(name?.given ?? []), name?.family ?? '', ...(name?.suffix ?? [])].filter(Boolean).join(' ');
  return display === '' ? undefined : { display };
});

/** HL7 Table 0548, signatory's relationship to subject. */
const RELATION: Datatype<CodeableConcept> = each((at) => codeConcept(at(1), 'http://terminology.hl7.org/CodeSystem/v2-0548', at(2)));

const TYPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0496';

const CON_CONSENT = segmentTable<Consent>(
  [
    ['CON-4', 'identifier[]', EI_FORM],
    ['CON-2', 'scope', CONSENT_TYPE],
    ['CON-11', 'status', wrapped(cweCode(CONSENT_STATUS), ({ status }) => status)],
    ['CON-11', '_status', originalCode(CONSENT_STATUS, ({ exact }) => exact)],
    ['CON-13', 'dateTime', DTM_DATETIME],
    ['CON-14', 'provision.period.start', DTM_DATETIME],
    ['CON-15', 'provision.period.end', DTM_DATETIME],
    ['CON-25', 'provision.actor[consenter].role', RELATION],
    ['CON-24', 'provision.actor[consenter].reference', CONSENTER],
  ],
  { left: { 1: SET_ID } },
);
