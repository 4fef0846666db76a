/**
 * ADT, persons and stays, to FHIR (HL7 v2.5.1 §3.3; guide: ADT_A01, A02, A05, A06, A09, A11 and their kin).
 * In: the message, its entry and its peer. Out: Patient, Account and Encounter of each PID, a Provenance, and what the event says of who is
 * who. No part of a case: an ADT message opens none.
 *
 *   MSH [EVN] { PID [PD1] [{ NK1 }] [{ MRG }] [{ PV1 [PV2] }] [{ OBX }] [{ AL1 }] [{ DG1 }] [{ PR1 }] [{ IN1 }] … }
 *
 * The group of a PID is what follows it up to the next one: merges bring several, links two. The numbers in MRG are those of another
 * record, also where the sender repeats them in PID-3.
 */
import type { Account, Encounter, Reference } from '@medplum/fhirtypes';
import { type Failure, failure } from '../../model/failure.ts';
import type { Identity, IdentityChange, MappedResource } from '../../model/identity.ts';
import type { Mapped } from '../../model/mapped.ts';
import { ADT_EVENTS } from '../../protocols/hl7v2/adt-events.ts';
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { bounded, identity, keyOf } from '../datatypes/systems.ts';
import { offsetOf } from '../datatypes/ts-datetime.ts';
import { Draft } from '../draft.ts';
import type { MapContext } from '../map-context.ts';
import { evnProvenance, pidProvenance } from '../segments/evn-provenance.ts';
import { patientNumbers } from '../segments/mrg-numbers.ts';
import { obxObservation } from '../segments/obx-observation.ts';
import { mrgAccount, pidAccount } from '../segments/pid-account.ts';
import { pidPatient } from '../segments/pid-patient.ts';
import { ENCOUNTER_STATUS } from '../vocabulary/0003-encounter-status.ts';
import { changesOf, type Subject } from './adt-changes.ts';
import { observationsIn } from './observation-groups.ts';
import { type KnownPatient, patientMembers, patientRecords, visitOf } from './patient-context.ts';

/** A Failure only where there is no PID: the door refuses such messages. */
export function mapAdt(message: Hl7Message, { entry, peer }: MapContext): Mapped | Failure {
  const msh = message.segments[0] as Segment;
  const event = firstValue(msh, 9) === 'ADT' ? msh.get(9, 2) : '';
  const does = ADT_EVENTS.get(event)?.does;
  const groups = groupsOf(message);
  if (!does || groups.length === 0) return failure('mapping', 'segment-sequence', 'ADT of an unknown event, or without PID');
  const draft = new Draft(peer, offsetOf(firstValue(msh, 7)) || peer.zone);
  const name = `${bounded(entry.peer)}|${entry.digest.toString('hex')}`;
  const subjects = groups.map((group, index) => readSubject(group, `${name}|${index + 1}`, draft));
  const changes = changesOf(does, subjects, draft);
  evnProvenance(message.first('EVN'), { msh, sft: message.all('SFT') }, subjects.flatMap(targetsOf), entry, draft);
  if (event === 'A06' || event === 'A07') for (const { mrg, patient } of subjects) for (const one of mrg) mrgAccount(one, patient, draft);
  for (const [index, { pid, patient }] of subjects.entries()) pidProvenance(pid, patient, `person-${index + 1}`, entry, draft);
  draft.listUnread(message.segments);
  const resources = draft.resources.map((item) => asSaid(item, event, subjects, changes));
  return { resources, parts: [], gaps: [...message.gaps, ...draft.gaps], changes, production: firstValue(msh, 11) === 'P', ...draft.kept };
}

/** What follows a PID up to the next one. */
function groupsOf(message: Hl7Message): Segment[][] {
  const starts = message.segments.flatMap(({ name }, index) => (name === 'PID' ? [index] : []));
  return starts.map((start, index) => message.segments.slice(start, starts[index + 1]));
}

function readSubject(segments: readonly Segment[], name: string, draft: Draft): Subject {
  const pid = segments[0] as Segment;
  const patient = pidPatient(pid, draft, name, patientMembers(segments, draft));
  const account = pidAccount(pid, patient.reference, draft);
  const stays = staySegments(segments).flatMap((stay) => readStay(stay, patient, account, draft));
  patientRecords(segments, patient, draft);
  observe(segments, patient, stays[0], draft);
  const mrg = segments.filter((segment) => segment.name === 'MRG');
  return { pid, mrg, patient: patient.reference, account, stays, external: patientNumbers(pid, 2, draft)[0] };
}

/** What was observed of the patient (weight, blood group): the same again by its code, its sub-id and its time. */
function observe(segments: readonly Segment[], patient: KnownPatient, encounter: Reference<Encounter> | undefined, draft: Draft): void {
  for (const observation of observationsIn(segments)) {
    const { obx } = observation;
    const place = [3, 4, 14].map((field) => obx.peek(field)).join('|');
    const known = identity('Observation', 'urn:waystation:observation-of-patient', `${keyOf(patient.identity)}|${place}`);
    obxObservation(observation, { subject: patient.reference, encounter, known }, draft);
  }
}

/** The segments of each stay: a move (A45) may bring several PV1. */
function staySegments(segments: readonly Segment[]): (readonly Segment[])[] {
  const starts = segments.flatMap(({ name }, index) => (name === 'PV1' ? [index] : []));
  if (starts.length < 2) return [segments];
  return starts.map((start, index) => segments.slice(start, starts[index + 1]));
}

/**
 * A stay without a number of its own is known by its account, else by its patient and when he was admitted; one without either is none
 * (A28 and A31 bring an empty PV1, because it is required).
 */
function readStay(
  segments: readonly Segment[],
  patient: KnownPatient,
  account: Reference<Account> | undefined,
  draft: Draft,
): Reference<Encounter>[] {
  const pv1 = segments.find(({ name }) => name === 'PV1');
  const admitted = firstValue(pv1, 44);
  const fallback: Identity = account
    ? identity('Encounter', 'urn:waystation:account', account.reference as string)
    : identity('Encounter', keyOf(patient.identity), admitted);
  const isOne = firstValue(pv1, 19) !== '' || account !== undefined || admitted !== '';
  const visit = visitOf(isOne ? segments : segments.filter((segment) => segment !== pv1), patient, fallback, draft);
  if (!visit) return [];
  if (account) draft.extend(visit.reference, { account: [account] });
  return [visit.reference];
}

function targetsOf({ patient, account, stays }: Subject): Reference[] {
  return [patient, ...(account ? [account] : []), ...stays];
}

/** What the event adds to what the segments say: how far a stay is; that numbers of the old record (MRG) are not those of the new one. */
function asSaid(item: MappedResource, event: string, subjects: readonly Subject[], changes: readonly IdentityChange[]): MappedResource {
  if (item.resource.resourceType === 'Encounter') return { ...item, ...stayAsSaid(item.resource, event) };
  const taken = changes.flatMap(({ type, kind, into, from }) =>
    into === item.urn && type === 'Patient' && NUMBERING.has(kind) ? from : [],
  );
  if (taken.length === 0) return item;
  const others = item.identities.filter(
    (one) => !taken.some(({ identity: { system, value } }) => system === one.system && value === one.value),
  );
  if (others.length > 0) return { ...item, identities: others };
  const external = event === 'A43' ? subjects.find(({ patient }) => patient.reference === item.urn)?.external : undefined;
  // A message that names no other number means the two to be one.
  return external ? { ...item, identities: [external.identity] } : item;
}

function stayAsSaid(encounter: Encounter, event: string): Partial<MappedResource> {
  const { status: read, period, ...kept } = encounter;
  const said = ENCOUNTER_STATUS.get(event) ?? (period?.end ? 'finished' : null);
  const resource = {
    ...kept,
    ...(said ? { status: said } : {}),
    // A discharge that is taken back ends nothing.
    ...(event === 'A13' ? { period: period?.start ? { start: period.start } : undefined } : period ? { period } : {}),
  } as Encounter;
  return { resource, initial: { status: said ?? read } };
}

const NUMBERING: ReadonlySet<IdentityChange['kind']> = new Set(['merge', 'renumber', 'move-numbers']);
