/** Reading of DICOM JSON headers, beside `textOf` of the protocol: items of sequences, authorities, codes, times. */
import type { CodeableConcept, Coding } from '@medplum/fhirtypes';
import type { Instance } from '../../model/instance.ts';
import { ATTRIBUTES, type DicomJson, type DicomJsonValue, type Keyword, textOf } from '../../protocols/dicom/header.ts';
import { filled } from '../datatypes/components.ts';
import { codeConcept } from '../datatypes/cwe-codeableconcept.ts';
import type { Authority } from '../datatypes/systems.ts';
import { dateTimeOf } from '../datatypes/ts-datetime.ts';
import { codeSystemOf } from '../vocabulary/0396-coding-system.ts';

/** An instance with its header read. */
export type ReadInstance = { readonly instance: Instance; readonly header: DicomJson };

/** First value of a macro's attribute, which has no keyword there; '' where there is none. */
function textAt(json: DicomJson, tag: string): string {
  const value = json[tag]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

export function valueOfAttribute(json: DicomJson, keyword: Keyword): DicomJsonValue | undefined {
  return json[tagOf(keyword)]?.Value?.[0];
}

/** Items of a sequence. */
export function itemsOf(json: DicomJson, keyword: Keyword): DicomJson[] {
  return (json[tagOf(keyword)]?.Value ?? []).filter((value): value is DicomJson => typeof value === 'object' && value !== null);
}

/** HL7v2 Hierarchic Designator Macro (PS3.3 Table 10-17); for patient ids PS3.3 Table 10-18, with the same universal entity id. */
export function authorityOf(item: DicomJson | undefined, namespace = ''): Authority {
  if (!item) return { namespace, universalId: '', universalIdType: '' };
  const [local, id, type] = [textAt(item, '00400031'), textAt(item, '00400032'), textAt(item, '00400033')];
  return { namespace: local || namespace, universalId: id, universalIdType: type.toUpperCase() };
}

/** Code Sequence Macro (PS3.3 Table 8.8-1). */
export function conceptOf(item: DicomJson | undefined, owner: string): CodeableConcept | undefined {
  if (!item) return undefined;
  // Short, long and URN code value.
  const code = textAt(item, '00080100') || textAt(item, '00080119') || textAt(item, '00080120');
  const scheme = textAt(item, '00080102');
  const display = textAt(item, '00080104');
  if (code === '') return filled({ text: display });
  const concept = codeConcept(code, scheme === '' ? '' : codeSystemOf(scheme, owner), display) as { coding: Coding[] };
  return scheme === '' ? { coding: [filled({ code: concept.coding[0]?.code, display }) as Coding] } : concept;
}

/** A date and a time attribute as dateTime; offset by (0008,0201), else the peer's. Undefined where the date is none. */
export function dateTimeAt(json: DicomJson, date: Keyword, time: Keyword, zone: string): string | undefined {
  const day = textOf(json, date).replaceAll('.', '');
  const offset = textOf(json, 'TimezoneOffsetFromUTC');
  // Date without its time is still a date; TM before 2001 was written with colons.
  const withTime = dateTimeOf(day + textOf(json, time).replaceAll(':', ''), zoneOf(offset) ?? zone);
  return withTime ?? dateTimeOf(day, zone) ?? undefined;
}

function zoneOf(offset: string): string | null {
  return /^[+-]\d{4}$/.test(offset) ? `${offset.slice(0, 3)}:${offset.slice(3)}` : null;
}

function tagOf(keyword: Keyword): string {
  return ATTRIBUTES[keyword].toString(16).toUpperCase().padStart(8, '0');
}
