/**
 * How FHIR values are written as DICOM values. In: names, identifiers, times as FHIR has them. Out: values that their VR holds (PS3.5 §6.2),
 * or elements; where none can be written, nothing: no value is cut.
 */
import type { HumanName, Identifier } from '@medplum/fhirtypes';
import { authorityOf, isMadeUp } from '../../mapping/datatypes/systems.ts';
import { holds } from '../../protocols/dicom/composed-object.ts';
import type { DatasetElement } from '../../protocols/dicom/write.ts';

/** PN (PS3.5 §6.2.1.2): family, given, middle, prefix, suffix; less of it where all of it is too long. */
export function personName(name: HumanName | undefined): string {
  if (!name) return '';
  const [given = '', ...middle] = (name.given ?? []).map(plain);
  const parts = [
    plain(name.family ?? ''),
    given,
    middle.join(' '),
    (name.prefix ?? []).map(plain).join(' '),
    (name.suffix ?? []).map(plain).join(' '),
  ];
  const spoken = parts.some((part) => part !== '') ? parts : [plain(name.text ?? '')];
  const shorter = [spoken, spoken.slice(0, 2), spoken.slice(0, 1)].map((some) => some.join('^').replace(/\^+$/, ''));
  return shorter.find((text) => holds('PN', text)) ?? '';
}

function plain(text: string): string {
  return text.replace(/[\\^=\p{Cc}]+/gu, ' ').trim();
}

/** Issuer of Patient ID (PS3.3 Tables C.7-1, 10-18), or of an accession number (Table 10-17); none where nobody named the authority. */
export function patientIssuer(system: string): DatasetElement[] {
  const { namespace, universalId, universalIdType } = authorityOf(system);
  if (namespace !== '') return isMadeUp(namespace) || !holds('LO', namespace) ? [] : [[0x00100021, 'LO', namespace]];
  return [[0x00100024, 'SQ', [universal(universalId, universalIdType)]]];
}

export function accessionIssuer(system: string): DatasetElement[] {
  const { namespace, universalId, universalIdType } = authorityOf(system);
  if (isMadeUp(namespace) || system === '') return [];
  return [[0x00080051, 'SQ', [namespace === '' ? universal(universalId, universalIdType) : [[0x00400031, 'UT', namespace]]]]];
}

function universal(id: string, type: string): DatasetElement[] {
  return [
    [0x00400032, 'UT', id],
    [0x00400033, 'CS', type],
  ];
}

/** The first that is meant as his number, and that LO holds. */
export function numberOf(identifiers: readonly Identifier[]): { readonly system: string; readonly value: string } | null {
  const held = identifiers.flatMap(({ system = '', value = '', type, use }) =>
    value !== '' && system !== '' && use !== 'old' && holds('LO', value)
      ? [{ system, value, medical: type?.coding?.some(({ code }) => code === 'MR') ?? false }]
      : [],
  );
  const found = held.find(({ medical }) => medical) ?? held[0];
  return found ? { system: found.system, value: found.value } : null;
}

export type Moment = { readonly date: string; readonly time: string };

/** DA and TM in one offset (`+01:00`) for all times of an object; a date without a time stays one. */
export function momentOf(dateTime: string | undefined, zone: string): Moment {
  if (dateTime === undefined || Number.isNaN(Date.parse(dateTime))) return { date: '', time: '' };
  if (!dateTime.includes('T')) return { date: /^\d{4}-\d\d-\d\d$/.test(dateTime) ? dateTime.replaceAll('-', '') : '', time: '' };
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(zone) ?? [];
  const shift = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === '-' ? -60_000 : 60_000);
  const local = new Date(Date.parse(dateTime) + shift).toISOString().replace(/[-:]/g, '');
  return { date: local.slice(0, 8), time: local.slice(9, 15) };
}

export function heldOr(vr: string, value: string, otherwise = ''): string {
  return holds(vr, value) ? value : otherwise;
}
