/**
 * CWE, CNE, ID and IS to a code of FHIR's own, through a table (guide: CWE[code], ID[code], IS[code]).
 * In: a repetition and the table. Out: the table's value; a code that is not in it is listed and, where the element is required, becomes
 * what the table says. The sender's code is kept beside it (`originalCode`), so that the message home can say it again.
 */
import type { CodeableConcept, Coding, Element } from '@medplum/fhirtypes';
import type { CodeTable } from '../vocabulary/code-table.ts';
import { cweCodeableConcept } from './cwe-codeableconcept.ts';
import { type Datatype, each, pathOf, wrapped } from './datatype.ts';

export function cweCode<T>(table: CodeTable<T>): Datatype<T> {
  return each((at, source) => {
    const code = at(1);
    if (code === '') return undefined;
    const known = table.codes.get(code) ?? table.codes.get(code.toUpperCase());
    if (known === undefined) source.draft.unmapped(pathOf(source), table.name, code);
    return known ?? table.otherwise;
  });
}

/** `_element` for a code that is not in the table, or that says more than what it becomes (`isExact` false). */
export function originalCode<T>(table: CodeTable<T>, isExact: (value: T) => boolean = () => true): Datatype<Element> {
  return each((at) => {
    const code = at(1);
    const known = table.codes.get(code) ?? table.codes.get(code.toUpperCase());
    if (code === '' || (known !== undefined && isExact(known))) return undefined;
    return {
      extension: [{ url: ALTERNATE_CODES, valueCodeableConcept: { coding: [{ system: table.system, code: code.replace(/\s+/g, ' ') }] } }],
    };
  });
}

/** A concept whose first coding is the table's, then the sender's own. A code outside the table is the sender's alone, and no gap. */
export function cweConceptOf(table: CodeTable<Coding>): Datatype<CodeableConcept> {
  return each((at, { draft }) => {
    const said = cweCodeableConcept(at, draft.peer.name);
    const coding = table.codes.get(at(1)) ?? table.codes.get(at(1).toUpperCase());
    if (!coding) return said;
    const own = (said?.coding ?? []).map((one) => (one.system === undefined ? { system: table.system, ...one } : one));
    return { ...said, coding: [coding, ...own.filter(({ system, code }) => system !== coding.system || code !== coding.code)] };
  });
}

/** A concept of the sender's, in the code system of its HL7 table where it names none (guide: vocabularies that map to themselves). */
export function cweConceptIn(system: string): Datatype<CodeableConcept> {
  return each((at, { draft }) => {
    const said = cweCodeableConcept(at, draft.peer.name);
    return said?.coding ? { ...said, coding: said.coding.map((one) => (one.system === undefined ? { system, ...one } : one)) } : said;
  });
}

/** As cweConceptOf, the first coding alone. */
export function cweCodingOf(table: CodeTable<Coding>): Datatype<Coding> {
  return wrapped(cweConceptOf(table), ({ coding }) => coding?.[0]);
}

const ALTERNATE_CODES = 'http://hl7.org/fhir/StructureDefinition/alternate-codes';
