/**
 * XTN, extended telecommunication number, to ContactPoint (HL7 v2.5.1 §2.A.90; guide: XTN[ContactPoint]).
 * In: a repetition and the use of the field it stands in (PID-13 home, PID-14 work). Out: the contact point, undefined without a number.
 * A number in parts is put together as the guide does: `+country area local Xextension`. Before v2.7 the whole number stands in XTN-1.
 */
import type { ContactPoint } from '@medplum/fhirtypes';
import { TELECOM_USE } from '../vocabulary/0201-telecommunication-use.ts';
import { TELECOM_SYSTEM } from '../vocabulary/0202-telecommunication-equipment.ts';
import { type Components, filled, knownCode } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { periodOf } from './ts-datetime.ts';

/** `use`: of the field, for numbers that say none. */
export function xtnContactPointOf(use?: ContactPoint['use']): Datatype<ContactPoint> {
  return each((at, { draft }) => xtnContactPoint(at, draft.zone, use));
}

export function xtnContactPoint(at: Components, zone: string, fieldUse?: ContactPoint['use']): ContactPoint | undefined {
  const equipment = knownCode(at, 3, (code) => code === 'CP' || NETWORK.has(code) || TELECOM_SYSTEM.has(code));
  const isNetwork = NETWORK.has(equipment) || (equipment === '' && at(4) !== '');
  const value = isNetwork ? at(4) || at(1) : at(12) || numberInParts(at) || at(1);
  if (value === '') return undefined;
  const system = isNetwork ? (value.includes('@') ? 'email' : (TELECOM_SYSTEM.get(equipment) ?? 'email')) : undefined;
  return filled<ContactPoint>({
    // cpt-2: a value needs a system. A number of unsaid kind is a telephone's, as the field's own name says.
    system: system ?? TELECOM_SYSTEM.get(equipment) ?? 'phone',
    value,
    use: useOf(at, equipment, fieldUse),
    rank: rankOf(at(18)),
    period: periodOf(at(13), at(14), zone),
    extension: partsOf(at),
  });
}

/** A mobile telephone is a use in FHIR and equipment in HL7 v2 (Table 0202 CP): the guide's own table mixes them. */
function useOf(at: Components, equipment: string, fieldUse: ContactPoint['use']): ContactPoint['use'] {
  // NET: it is an address of a network, as its equipment says.
  const use = knownCode(at, 2, (code) => TELECOM_USE.has(code) || code === 'NET');
  if (equipment === 'CP') return 'mobile';
  return at(2, 1, true) === '' ? fieldUse : TELECOM_USE.get(use);
}

/** The parts of a number as they were sent (guide: contactpoint-country, -area, -local, -extension). */
function partsOf(at: Components): ContactPoint['extension'] {
  return PARTS.flatMap(([component, name]) =>
    at(component) === '' ? [] : [{ url: `http://hl7.org/fhir/StructureDefinition/contactpoint-${name}`, valueString: at(component) }],
  );
}

function numberInParts(at: Components): string {
  const [country, area, local, extension] = [at(5), at(6), at(7), at(8)];
  if (local === '') return '';
  const parts = [country === '' ? '' : `+${country.replace(/^\+/, '')}`, area, local, extension === '' ? '' : `X${extension}`];
  return parts.filter((part) => part !== '').join(' ');
}

function rankOf(text: string): number | undefined {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined;
}

const NETWORK: ReadonlySet<string> = new Set(['INTERNET', 'X.400']);

const PARTS = [
  [5, 'country'],
  [6, 'area'],
  [7, 'local'],
  [8, 'extension'],
] as const;
