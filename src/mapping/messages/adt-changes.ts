/**
 * What an ADT event says of who is who (HL7 v2.5.1 §3.6.2): each subject of the message with its MRG to IdentityChanges.
 * PID (and PV1) hold what is right from now on, MRG what was before.
 */
import type { Account, Encounter, Patient, Reference } from '@medplum/fhirtypes';
import type { IdentityChange, Numbered } from '../../model/identity.ts';
import type { AdtAct } from '../../protocols/hl7v2/adt-events.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import type { Draft } from '../draft.ts';
import { mrgAccount, mrgAlternateVisit, mrgPatient, mrgVisit, patientNumbers } from '../segments/mrg-numbers.ts';

/** A PID with its group. */
export type Subject = {
  readonly pid: Segment;
  readonly mrg: readonly Segment[];
  readonly patient: Reference<Patient>;
  readonly account: Reference<Account> | undefined;
  readonly stays: readonly Reference<Encounter>[];
  /** PID-2: of v2.5.1 and before, whom a number is moved to (A43), where PID-3 only repeats the number. */
  readonly external: Numbered | undefined;
};

export function changesOf(does: AdtAct, subjects: readonly Subject[], draft: Draft): IdentityChange[] {
  if (does === 'update') return [];
  if (does === 'link' || does === 'unlink') return linkOf(does, subjects, draft);
  return subjects.flatMap((subject) => CHANGES[does](subject, draft));
}

/** Two PID of one person, or no longer so. */
function linkOf(kind: 'link' | 'unlink', [one, other]: readonly Subject[], draft: Draft): IdentityChange[] {
  if (!one || !other) return [];
  return [{ kind, type: 'Patient', from: patientNumbers(other.pid, 3, draft), into: urnOf(one.patient) }];
}

function mergeOf(
  kind: 'merge' | 'renumber',
  type: IdentityChange['type'],
  from: readonly Numbered[],
  into: Reference | undefined,
): IdentityChange[] {
  if (from.length === 0 || !into) return [];
  return [{ kind, type, from, into: urnOf(into) } as IdentityChange];
}

function mergePatient({ mrg, patient }: Subject, draft: Draft): IdentityChange[] {
  return mergeOf('merge', 'Patient', mrgPatient(mrg[0], draft), patient);
}

function mergeAccount({ mrg, account }: Subject, draft: Draft): IdentityChange[] {
  return mergeOf('merge', 'Account', mrgAccount(mrg[0], draft), account);
}

function movePatient({ mrg, patient }: Subject, draft: Draft): IdentityChange[] {
  const from = mrgPatient(mrg[0], draft);
  return from.length === 0 ? [] : [{ kind: 'move-numbers', type: 'Patient', from, into: urnOf(patient) }];
}

function moveAccount({ mrg, patient, account }: Subject, draft: Draft): IdentityChange[] {
  return moveOf(mrg[0], patient, account, draft);
}

/** Each MRG stands before the PV1 of a stay that moves; its number (MRG-5) may be another than before. */
function moveVisit({ mrg, patient, stays }: Subject, draft: Draft): IdentityChange[] {
  return stays.flatMap((stay, index) => {
    const before = mrg[index] ?? mrg[0];
    return [...mergeOf('renumber', 'Encounter', mrgVisit(before, draft), stay), ...moveOf(before, patient, stay, draft)];
  });
}

function moveOf(mrg: Segment | undefined, patient: Reference<Patient>, what: Reference | undefined, draft: Draft): IdentityChange[] {
  const from = mrgPatient(mrg, draft);
  if (from.length === 0 || !what) return [];
  return [{ kind: 'move', type: 'Patient', from, into: urnOf(patient), what: urnOf(what) }];
}

function urnOf({ reference }: Reference): string {
  return reference as string;
}

const CHANGES: Readonly<Record<Exclude<AdtAct, 'update' | 'link' | 'unlink'>, (subject: Subject, draft: Draft) => IdentityChange[]>> = {
  'merge-patient': mergePatient,
  'merge-account': mergeAccount,
  'merge-both': (subject, draft) => [...mergePatient(subject, draft), ...mergeAccount(subject, draft)],
  'move-patient': movePatient,
  'move-account': moveAccount,
  'move-visit': moveVisit,
  'renumber-patient': ({ mrg, patient }, draft) => mergeOf('renumber', 'Patient', mrgPatient(mrg[0], draft), patient),
  'renumber-visit': ({ mrg, stays }, draft) => mergeOf('renumber', 'Encounter', mrgVisit(mrg[0], draft), stays[0]),
  'renumber-alternate-visit': ({ mrg, stays }, draft) => mergeOf('renumber', 'Encounter', mrgAlternateVisit(mrg[0], draft), stays[0]),
};
