/**
 * REF^I12 to I15, patient referral, to FHIR (HL7 v2.5.1 §11.5; not in the guide): new, changed, cancelled, asked after. RRI answers it.
 * In: the message, its entry and its peer. Out: resources, the one case part that a referral is, gaps.
 *
 *   MSH [SFT…] [RF1] [AUT [CTD]] { PRD… [CTD…] } PID [NK1…] [GT1…] [IN1 …] [ACC] [DG1…] [DRG…] [AL1…]
 *   { PR1 [AUT [CTD]] } { OBR [NTE…] { OBX [NTE…] } } [PV1 [PV2]] [NTE…]
 *
 * A referral is an order without ORC: its trigger stands for the order control. What is asked is the first procedure (PR1-3), else the
 * referral itself; results that come with it (OBR, OBX) inform it, as earlier results do.
 */
import type { Encounter, Patient, Reference, ServiceRequest } from '@medplum/fhirtypes';
import type { CasePart } from '../../model/case.ts';
import { type Failure, failure } from '../../model/failure.ts';
import type { Identity } from '../../model/identity.ts';
import type { Mapped } from '../../model/mapped.ts';
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import { components, filled, firstValue } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { bounded, keyOf } from '../datatypes/systems.ts';
import { offsetOf, saidAt } from '../datatypes/ts-datetime.ts';
import { Draft } from '../draft.ts';
import type { MapContext } from '../map-context.ts';
import { combined } from '../segment-table.ts';
import { alternateCode } from '../segments/alternate-code.ts';
import { dg1Condition } from '../segments/dg1-condition.ts';
import { mshProvenance } from '../segments/msh-provenance.ts';
import { nteAnnotations } from '../segments/nte-annotation.ts';
import type { OrderNumbers } from '../segments/orc-servicerequest.ts';
import { pidPatient, type ReadPatient } from '../segments/pid-patient.ts';
import { prdProvider, type ReadProvider } from '../segments/prd-practitionerrole.ts';
import { RF1_SERVICEREQUEST, referralNumbers, referralPriority, referralStatus } from '../segments/rf1-servicerequest.ts';
import { PRIORITY_SYSTEM } from '../vocabulary/0485-priority.ts';
import { orderIdentities } from './order.ts';
import { readPrior } from './order-details.ts';
import { priorResults } from './order-groups.ts';
import { orderKeys } from './order-keys.ts';
import { patientMembers, patientRecords, visitOf } from './patient-context.ts';

/** A Failure only where RF1 or PID are missing: the door refuses such messages. */
export function mapRefI12(message: Hl7Message, { entry, peer }: MapContext): Mapped | Failure {
  const [msh, rf1, pid] = ['MSH', 'RF1', 'PID'].map((name) => message.first(name));
  if (!msh || !rf1 || !pid) return failure('mapping', 'segment-sequence', 'a referral without RF1 or PID');
  const draft = new Draft(peer, offsetOf(firstValue(msh, 7)) || peer.zone);
  const groups = referralGroups(message.segments);
  const control = CONTROLS.get(components(msh, 9)(2)) ?? '';
  const read = { control, rf1, providers: message.all('PRD').flatMap((prd) => prdProvider(prd, draft) ?? []) };
  const numbers = referralNumbers(rf1, draft);
  const fallback = `${bounded(entry.peer)}|${entry.digest.toString('hex')}`;
  const identities = orderIdentities(numbers, fallback);
  const patient = pidPatient(pid, draft, fallback, combined(patientMembers(groups.about, draft), doctorsOf(read.providers)));
  const { request, members, encounter } = referralOf(read, groups, numbers, identities[0] as Identity, patient, draft);
  const reference = draft.add(request, identities, { initial: { status: 'unknown', code: REFERRAL, category: [REFERRAL] } });
  const targets = [reference, patient.reference, ...(encounter ? [encounter] : []), ...members];
  const provenance = mshProvenance({ msh, sft: message.all('SFT') }, undefined, 1, targets, entry, draft);
  draft.listUnread(message.segments);
  const part: CasePart = {
    kind: 'order',
    keys: orderKeys(numbers, { accession: undefined, studyUid: '' }, peer),
    patient: patient.keys,
    control,
    event: { control, state: '', position: rf1.position, said: saidAt(firstValue(msh, 7), draft.zone, entry.received) },
    detailed: true,
    production: firstValue(msh, 11) === 'P',
    priority: request.priority ?? null,
    hints: hintsOf(request),
    serviceRequest: reference.reference as string,
    subject: patient.reference.reference as string,
    members: [...members, provenance].map((one) => one.reference as string),
    study: null,
  };
  return { resources: draft.resources, parts: [part], gaps: [...message.gaps, ...draft.gaps], ...draft.kept };
}

type Referral = { readonly control: string; readonly rf1: Segment; readonly providers: readonly ReadProvider[] };

type ReadReferral = {
  readonly request: ServiceRequest;
  readonly members: readonly Reference[];
  readonly encounter: Reference<Encounter> | undefined;
};

/** The request with its visit, its diagnoses and the results that inform it. */
function referralOf(
  referral: Referral,
  { about, results, notes }: ReferralGroups,
  numbers: OrderNumbers,
  { system, value }: Identity,
  patient: ReadPatient,
  draft: Draft,
): ReadReferral {
  const visit = visitOf(about, patient, { type: 'ServiceRequest', system, value }, draft);
  patientRecords(about, patient, draft);
  const context = { subject: patient.reference, encounter: visit?.reference, known: visit?.identity ?? patient.identity };
  const diagnoses = about.filter(({ name }) => name === 'DG1').flatMap((dg1) => dg1Condition(dg1, context, draft)?.condition ?? []);
  const prior = priorResults(results).map((one, index) => readPrior(one, `${keyOf({ system, value })}|prior ${index + 1}`, patient, draft));
  const said = requestOf(referral, about, draft);
  const request: ServiceRequest = {
    ...said,
    ...filled({
      encounter: visit?.reference,
      identifier: [numbers.placer, numbers.filler].flatMap((number) => number?.identifier ?? []),
      reasonReference: diagnoses,
      supportingInfo: [...prior.map(({ report }) => report), ...othersOf(referral.providers)],
      note: [...(said.note ?? []), ...nteAnnotations(notes, draft)],
    }),
    subject: patient.reference,
  };
  const members = prior.flatMap(({ report, results: read }) => [report, ...read.map((one) => one.reference)]);
  return { request, members: [...members, ...diagnoses], encounter: visit?.reference };
}

type ReferralGroups = {
  /** All but the results and what is noted of the referral itself. */
  readonly about: readonly Segment[];
  readonly results: readonly Segment[];
  readonly notes: readonly Segment[];
};

/** Results begin with the first OBR and end where the visit does; notes outside of them are the referral's. */
function referralGroups(segments: readonly Segment[]): ReferralGroups {
  const start = segments.findIndex(({ name }) => name === 'OBR');
  const visit = segments.findIndex(({ name }, index) => name === 'PV1' && index > start);
  const end = start < 0 ? -1 : visit < 0 ? segments.length : visit;
  const about = start < 0 ? segments : [...segments.slice(0, start), ...segments.slice(end)];
  return { about, results: start < 0 ? [] : segments.slice(start, end), notes: about.filter(({ name }) => name === 'NTE') };
}

/** What RF1, the first procedure and the providers say. */
function requestOf({ control, rf1, providers }: Referral, about: readonly Segment[], draft: Draft): ServiceRequest {
  const said = RF1_SERVICEREQUEST(rf1, draft);
  const priority = referralPriority(rf1, draft);
  const procedure = about.find(({ name }) => name === 'PR1');
  const asked = procedure && cweCodeableConcept(components(procedure, 3), draft.peer.name);
  const standing = referralStatus(rf1, draft);
  const status = control === 'CA' ? 'revoked' : (standing ?? (control === 'NW' ? 'active' : undefined));
  const performer = [...(said.performer ?? []), ...providers.filter(({ as }) => as === 'RT').map(({ who }) => who)];
  return {
    ...(status ? { _status: undefined } : {}),
    ...said,
    resourceType: 'ServiceRequest',
    intent: 'order',
    ...(status ? { status } : {}),
    ...(priority
      ? { priority: priority.priority, _priority: priority.exact ? undefined : alternateCode(PRIORITY_SYSTEM, priority.code) }
      : {}),
    // A change that says nothing of what is asked leaves it as it was.
    ...(control === 'NW' || said.category ? { category: [REFERRAL, ...(said.category ?? [])] } : {}),
    ...(control === 'NW' || asked ? { code: asked ?? REFERRAL } : {}),
    ...filled({ requester: providers.find(({ as }) => as === 'RP')?.who, performer: unique(performer) }),
  } as ServiceRequest;
}

/** The person of RF1-20 is often one of PRD. */
function unique(references: readonly Reference[]): Reference[] {
  return [...new Map(references.map((one) => [one.reference ?? one.display, one])).values()];
}

/** The primary care provider is the patient's own. */
function doctorsOf(providers: readonly ReadProvider[]): Partial<Patient> {
  const own = providers.filter(({ as }) => as === 'PP').map(({ who }) => who);
  return own.length > 0 ? { generalPractitioner: own as Patient['generalPractitioner'] } : {};
}

/** Whoever else takes part, as what he does. */
function othersOf(providers: readonly ReadProvider[]): Reference[] {
  const others = providers.filter(({ as }) => !PARTIES.has(as));
  return others.map(({ role, who }) => ({ ...who, display: [role, who.display].filter(Boolean).join(': ') }));
}

function hintsOf({ code, performerType }: ServiceRequest): string[] {
  const hint = (kind: string) => (coding: { system?: string; code?: string }) =>
    coding.system && coding.code ? [`${kind}:${coding.system}|${coding.code}`] : [];
  return [...(code?.coding ?? []).flatMap(hint('code')), ...(performerType?.coding ?? []).flatMap(hint('performer'))];
}

const REFERRAL = { coding: [{ system: 'http://snomed.info/sct', code: '3457005', display: 'Patient referral' }] };

const PARTIES: ReadonlySet<string> = new Set(['RP', 'RT', 'PP']);

/** HL7 Table 0003 in the words of Table 0119. */
const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['I12', 'NW'],
  ['I13', 'XO'],
  ['I14', 'CA'],
  ['I15', 'SS'],
]);
