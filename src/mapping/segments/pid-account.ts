/**
 * PID-18 to Account (HL7 v2.5.1 §3.4.2.18; guide: PID[Account]): what stays are billed under.
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

const PID_ACCOUNT = segmentTable<Account>([['PID-18', 'identifier[]', CX_IDENTIFIER]]);
