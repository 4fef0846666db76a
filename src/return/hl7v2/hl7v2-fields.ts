/**
 * FHIR values as HL7 v2 fields (HL7 v2.5.1 chapter 2A), the way back from `mapping/datatypes`. In: FHIR elements. Out: what
 * `buildMessage` writes.
 */
import type { CodeableConcept, Coding, Quantity } from '@medplum/fhirtypes';
import { authorityOf } from '../../mapping/datatypes/systems.ts';
import { codingSystemNameOf } from '../../mapping/vocabulary/0396-coding-system.ts';
import type { Signer } from '../../model/config.ts';
import type { ComponentValue } from '../../protocols/hl7v2/escape.ts';

/** TS/DTM of a dateTime, date or instant, with the precision and offset it has; fractions of a second are left out. */
export function dateTimeField(value: string | undefined): string {
  return timeField(value, false);
}

/** The same of a time that is itself the result: with the fraction of a second, as far as DTM goes (four digits). */
export function exactTimeField(value: string | undefined): string {
  return timeField(value, true);
}

function timeField(value: string | undefined, exact: boolean): string {
  const [, year, month = '', day = '', hour = '', minute = '', second = '', fraction = '', offset = ''] = DATE_TIME.exec(value ?? '') ?? [];
  if (year === undefined) return '';
  const place = offset === 'Z' ? '+0000' : offset.replace(':', '');
  return `${year}${month}${day}${hour}${minute}${second}${exact ? fraction.slice(0, '.0000'.length) : ''}${place}`;
}

/**
 * CE (§2.A.8): identifier, text, name of coding system, and the same of an alternate code. Of several codings one that HL7 Table 0396 has a
 * name for comes first. `suffix`: `&IMP`.
 */
export function codedField(concept: CodeableConcept | undefined, suffix = ''): readonly ComponentValue[] {
  const codings = concept?.coding ?? [];
  const first = codings.find(({ system }) => system !== undefined && codingSystemNameOf(system) !== LOCAL) ?? codings[0] ?? {};
  const second = codings.find((one) => one !== first && one.code !== undefined);
  const [code, display, system] = triplet(first);
  return [suffix === '' ? code : [code, suffix], display || (concept?.text ?? ''), system, ...(second ? triplet(second) : [])];
}

function triplet({ code = '', display = '', system = '' }: Coding): readonly [string, string, string] {
  return [code, display, code === '' ? '' : codingSystemNameOf(system)];
}

/** CE of a unit; one without a code stands where receivers look for it. */
export function unitField({ code, unit, system }: Quantity): readonly ComponentValue[] {
  return code === undefined ? [unit ?? ''] : [code, unit ?? code, codingSystemNameOf(system ?? '')];
}

/**
 * XCN (§2.A.87) of who signed. Deviation: the name stands whole in the family name, because configuration has it as one text, and a
 * name cut in the wrong place is another name.
 */
export function personField({ name, identifier }: Signer): readonly ComponentValue[] {
  return [identifier.value, name, '', '', '', '', '', '', authority(identifier.system)];
}

/** NDL (§2.A.47), whose first component is the person as a CNN. */
export function interpreterField({ name, identifier }: Signer): readonly ComponentValue[] {
  return [[identifier.value, name, '', '', '', '', '', '', ...authority(identifier.system)]];
}

/** HD (§2.A.33). */
function authority(system: string): readonly string[] {
  const { namespace, universalId, universalIdType } = authorityOf(system);
  return [namespace, universalId, universalIdType];
}

const LOCAL = 'L';
const DATE_TIME = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$/;
