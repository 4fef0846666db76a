/**
 * CWE, CE, CNE, CF to CodeableConcept and Coding (HL7 v2.5.1 §2.A.13; guide: CWE[CodeableConcept]).
 * In: a repetition. Out: codings of all three triplets, text from CWE-9; undefined where nothing is said.
 * A first component without a coding system that reads like a sentence is taken for text: senders of ST where the standard later put CE.
 */
import type { CodeableConcept, Coding } from '@medplum/fhirtypes';
import { codeSystemOf } from '../vocabulary/0396-coding-system.ts';
import { type Components, filled } from './components.ts';
import { type Datatype, each, wrapped } from './datatype.ts';

export const CWE_CODEABLECONCEPT: Datatype<CodeableConcept> = each((at, { draft }) => cweCodeableConcept(at, draft.peer.name));

/** The first coding alone (guide: CWE[Coding]). */
export const CWE_CODING: Datatype<Coding> = wrapped(CWE_CODEABLECONCEPT, ({ coding }) => coding?.[0]);

/** Who names local code systems (`L`, `99…`): the peer. */
export function cweCodeableConcept(at: Components, owner: string): CodeableConcept | undefined {
  const isText = at(3) === '' && at(2) === '' && /\s/.test(at(1));
  const codings = isText ? [] : TRIPLETS.map((triplet) => codingOf(at, triplet, owner)).filter((coding) => coding !== undefined);
  const text = at(9) || (isText ? at(1) : '') || (codings.length === 0 ? at(2) || at(5) : '');
  return filled<CodeableConcept>({ coding: codings, text });
}

/** A code alone (ID, IS) as a concept of a known system. */
export function codeConcept(code: string, system: string, display?: string): CodeableConcept | undefined {
  if (code === '') return undefined;
  return { coding: [{ system, code: codeText(code), ...(display ? { display } : {}) }] };
}

function codingOf(at: Components, { code, display, system, version }: Triplet, owner: string): Coding | undefined {
  if (at(code) === '') return undefined;
  const name = at(system);
  return filled<Coding>({
    system: name === '' ? undefined : codeSystemOf(name, owner),
    version: at(version),
    code: codeText(at(code)),
    display: at(display),
  });
}

/** FHIR R4 §2.24.0.1, code: no blanks at the ends, none doubled. */
function codeText(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

type Triplet = { readonly code: number; readonly display: number; readonly system: number; readonly version: number };

const TRIPLETS: readonly Triplet[] = [
  { code: 1, display: 2, system: 3, version: 7 },
  { code: 4, display: 5, system: 6, version: 8 },
  { code: 10, display: 11, system: 12, version: 13 },
];
