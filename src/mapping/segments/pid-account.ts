/**
 * PID-18 and MRG-3 to Account (HL7 v2.5.1 §3.4.2.18, §3.4.9; guide: PID[Account], MRG[Account]): what stays are billed under.
 * In: PID, its patient. Out: a reference to the Account in the draft; undefined without a number.
 */
import type { Account, Patient, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { CX_IDENTIFIER } from '../datatypes/cx-identifier.ts';
import { identity } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { segmentTable } from '../segment-table.ts';

export function pidAccount(pid: Segment, subject: Reference<Patient>, draft: Draft): Reference<Account> | undefined {
  const account: Account = { resourceType: 'Account', status: 'active', ...PID_ACCOUNT(pid, draft), subject: [subject] };
  const [number] = account.identifier ?? [];
  if (!number) return undefined;
  return draft.add(account, [identity('Account', number.system as string, number.value as string)]);
}

/** The account that a stay had before it became one of another kind (A06, A07; guide: MRG[Account]): whether it is still open nobody says. */
export function mrgAccount(mrg: Segment, subject: Reference<Patient>, draft: Draft): Reference<Account> | undefined {
  const account: Account = { resourceType: 'Account', status: 'unknown', ...MRG_ACCOUNT(mrg, draft), subject: [subject] };
  const [number] = account.identifier ?? [];
  if (!number) return undefined;
  const known = identity('Account', number.system as string, number.value as string);
  return draft.add(account, [known], { mode: 'create' });
}

const MRG_ACCOUNT = segmentTable<Account>([['MRG-3', 'identifier[]', CX_IDENTIFIER]]);
const PID_ACCOUNT = segmentTable<Account>([['PID-18', 'identifier[]', CX_IDENTIFIER]]);
