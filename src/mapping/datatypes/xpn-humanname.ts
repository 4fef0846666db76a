/**
 * XPN, extended person name, to HumanName (HL7 v2.5.1 §2.A.89, FN §2.A.30; guide: XPN[HumanName], FN[HumanName]).
 * In: a repetition. Out: the name, undefined where nothing is named. XCN carries the same from its second component on.
 * XPN-9 (context) has no place and is left to the message.
 */
import type { HumanName } from '@medplum/fhirtypes';
import { NAME_USE } from '../vocabulary/0200-name-type.ts';
import { type Components, filled, knownCode } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { periodOf } from './ts-datetime.ts';

/** The name, and the one that the person is called by (XPN-15), where it is said. */
export const XPN_HUMANNAME: Datatype<HumanName> = (source) =>
  each((at, { draft }) => [xpnHumanName(at, draft.zone), calledBy(at)].filter((name) => name !== undefined))(source).flat();

function calledBy(at: Components): HumanName | undefined {
  return at(15) === '' ? undefined : { use: 'nickname', given: [at(15)] };
}

export function xpnHumanName(at: Components, zone: string): HumanName | undefined {
  return filled<HumanName>({
    use: NAME_USE.get(knownCode(at, 7, (code) => NAME_USE.has(code))),
    family: at(1),
    given: givenNames(at(2), at(3)),
    prefix: listed(at(5)),
    // Suffix (JR), degree (MD) and professional suffix, in the guide's order.
    suffix: [...listed(at(4)), ...listed(at(6)), ...listed(at(14))],
    period: periodOf(at(12) || at(10), at(13) || at(10, 2), zone),
    extension: assemblyOrder(at(11)),
  });
}

/** The name in an XCN: family 2, given 3 and 4, suffix 5, prefix 6, degree 7, type 10, professional suffix 21. */
export function xcnHumanName(at: Components, zone: string): HumanName | undefined {
  return filled<HumanName>({
    use: NAME_USE.get(knownCode(at, 10, (code) => NAME_USE.has(code))),
    family: at(2),
    given: givenNames(at(3), at(4)),
    prefix: listed(at(6)),
    suffix: [...listed(at(5)), ...listed(at(7)), ...listed(at(21))],
    period: periodOf(at(19) || at(17), at(20) || at(17, 2), zone),
    extension: assemblyOrder(at(18)),
  });
}

/** XPN-3 may hold several names parted by blanks; the guide leaves it open, and one that is really two cannot be told: it stays one. */
function givenNames(first: string, further: string): string[] {
  return [...listed(first), ...listed(further)];
}

/** HL7 Table 0444: given or family name first. */
function assemblyOrder(code: string): HumanName['extension'] {
  return code === '' ? [] : [{ url: 'http://hl7.org/fhir/StructureDefinition/humanname-assembly-order', valueCode: code }];
}

function listed(text: string): string[] {
  return text === '' ? [] : [text];
}
