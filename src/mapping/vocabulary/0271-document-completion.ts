/**
 * HL7 Tables 0271 (TXA-17, completion) and 0273 (TXA-19, availability) to DocumentReference.docStatus and .status (guide: ID[code] for the
 * one, "current" for AV and an extension for the rest of the other). Every cell is decided here:
 *
 * - 0271: AU and LA final (LinuxForHealth; Microsoft has AU preliminary): somebody has signed it. DI, DO, IN, IP and PA preliminary:
 *   dictated, written, incomplete, in progress, or signed before it was whole.
 * - 0273: AV and UN current: UN is there and not yet given out, which is kept beside it. OB superseded (LinuxForHealth; Microsoft has
 *   entered-in-error): it was right once. CA entered-in-error (LinuxForHealth): it was deleted.
 *
 * None of the codes can be told from its status alone, so each is kept beside it, but AV.
 */
import type { DocumentReference } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

export type DocStatus = NonNullable<DocumentReference['docStatus']>;
export type Availability = { readonly status: NonNullable<DocumentReference['status']>; readonly exact: boolean };

export const DOCUMENT_COMPLETION: CodeTable<DocStatus> = {
  name: 'HL7 Table 0271',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0271',
  codes: new Map<string, DocStatus>([
    ['AU', 'final'], // authenticated
    ['DI', 'preliminary'], // dictated
    ['DO', 'preliminary'], // documented
    ['IN', 'preliminary'], // incomplete
    ['IP', 'preliminary'], // in progress
    ['LA', 'final'], // legally authenticated
    ['PA', 'preliminary'], // pre-authenticated
  ]),
};

export const DOCUMENT_AVAILABILITY: CodeTable<Availability> = {
  name: 'HL7 Table 0273',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0273',
  codes: new Map<string, Availability>([
    ['AV', { status: 'current', exact: true }],
    ['CA', { status: 'entered-in-error', exact: false }],
    ['OB', { status: 'superseded', exact: false }],
    ['UN', { status: 'current', exact: false }],
  ]),
  otherwise: { status: 'current', exact: false },
};
