/**
 * MRG, merge information (HL7 v2.5.1 §3.4.9; guide: MRG[Account]): the numbers that an event takes out of use or moves.
 * In: the segment, the peer's authority. Out: Numbered, which name records as PID, PID-18 and PV1-19 do.
 */
import type { Numbered, NumberedType } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { eachRepetition } from '../datatypes/components.ts';
import { cxIdentifier } from '../datatypes/cx-identifier.ts';
import { identity } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { namesOnePerson } from './pid-patient.ts';

/** MRG-1: of a list of numbers those that name the person, as in PID-3. */
export function mrgPatient(mrg: Segment | undefined, draft: Draft): Numbered[] {
  draft.leave('MRG', LEFT);
  return patientNumbers(mrg, 1, draft);
}

/** Numbers of persons in a field (PID-3, MRG-1). */
export function patientNumbers(segment: Segment | undefined, field: number, draft: Draft): Numbered[] {
  const numbers = eachRepetition(segment, field, (at) => cxIdentifier(at, draft.peer.patientAuthority, draft.zone));
  const persons = numbers.filter((one) => namesOnePerson(one.type));
  const known = persons.length > 0 ? persons : numbers.slice(0, 1);
  return known.map(({ identifier }) => numbered('Patient', identifier));
}

/** MRG-3. */
export function mrgAccount(mrg: Segment | undefined, draft: Draft): Numbered[] {
  return numbersOf('Account', mrg, 3, draft, '');
}

/** MRG-5. */
export function mrgVisit(mrg: Segment | undefined, draft: Draft): Numbered[] {
  return numbersOf('Encounter', mrg, 5, draft, 'VN');
}

/** MRG-6. Alternate numbers (PV1-50) are no numbers that a stay is found by: they are told apart from those. */
export function mrgAlternateVisit(mrg: Segment | undefined, draft: Draft): Numbered[] {
  return numbersOf('Encounter', mrg, 6, draft, '').map(({ identifier, identity: { type, system, value } }) => ({
    identifier,
    identity: identity(type, `${system}|ALT`, value),
  }));
}

function numbersOf(type: NumberedType, segment: Segment | undefined, field: number, draft: Draft, defaultType: string): Numbered[] {
  const numbers = eachRepetition(segment, field, (at) => cxIdentifier(at, draft.peer.patientAuthority, draft.zone, defaultType));
  return numbers.map(({ identifier }) => numbered(type, identifier));
}

function numbered(type: NumberedType, identifier: Numbered['identifier']): Numbered {
  return { identifier, identity: identity(type, identifier.system as string, identifier.value as string) };
}

const LEFT: Readonly<Record<number, string>> = {
  2: 'alternate numbers join nobody: the message keeps them',
  4: 'external numbers join nobody: the message keeps them',
  7: 'the record that is merged has its own name',
};
