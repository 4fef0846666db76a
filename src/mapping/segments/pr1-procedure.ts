/**
 * PR1 to Procedure (HL7 v2.5.1 §6.5.4; guide: PR1[Procedure]).
 * In: the segment, the patient, the visit. Out: a reference to the Procedure in the draft; undefined where none is named.
 * PR1 does not say whether the procedure is over: Procedure.status is `unknown`. The guide ends the period PR1-7 minutes after its start only
 * where PR1-5 has a fifth component, which a DTM has not: here any length gives a period. A further procedure that this one is part of
 * (PR1-25) is named by its number. PR1-16 (code modifier) has no element: it stands as a coding `code:modifier` of its own, as in the guide.
 */
import type { CodeableConcept, Encounter, Patient, Procedure, ProcedurePerformer, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, pathOf, wrapped } from '../datatypes/datatype.ts';
import { eiIdentifierOf } from '../datatypes/ei-identifier.ts';
import { ST_STRING } from '../datatypes/id-primitive.ts';
import { PL_LOCATION } from '../datatypes/pl-location.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { notValued, SET_ID, segmentTable, valued } from '../segment-table.ts';

export function pr1Procedure(
  pr1: Segment,
  { subject, encounter, known }: { subject: Reference<Patient>; encounter: Reference<Encounter> | undefined; known: Identity },
  draft: Draft,
): Reference<Procedure> | undefined {
  const said = PR1_PROCEDURE(pr1, draft);
  const name = said.code?.coding?.[0]?.code ?? said.code?.text;
  if (name === undefined) return undefined;
  const procedure: Procedure = { resourceType: 'Procedure', status: 'unknown', ...said, subject, ...(encounter ? { encounter } : {}) };
  const [number] = said.identifier ?? [];
  const place = `${keyOf(known)}|${name}|${said.performedDateTime ?? said.performedPeriod?.start ?? ''}`;
  // The `1` of one message is not the `1` of another.
  const isNamed = valued('PR1-19.2')(pr1) || valued('PR1-19.3')(pr1);
  const own =
    number && isNamed
      ? identity('Procedure', number.system as string, number.value as string)
      : identity('Procedure', 'urn:waystation:procedure-of', place);
  return draft.add(procedure, [own]);
}

/** SNOMED CT. */
function performer(code: string, display: string): Datatype<ProcedurePerformer> {
  const role: CodeableConcept = { coding: [{ system: 'http://snomed.info/sct', code, display }] };
  return wrapped(XCN_PRACTITIONER, (actor) => ({ function: role, actor }));
}

const PERFORMER: Datatype<ProcedurePerformer> = wrapped(XCN_PRACTITIONER, (actor) => ({ actor }));

/** The end of a procedure of so many minutes, counted from PR1-5. */
const NM_END: Datatype<string> = each((at, source) => {
  const [minutes, start] = [at(1), DTM_DATETIME({ ...source, field: 5 })[0]];
  if (/^\d{1,6}$/.test(minutes) && start?.includes('T')) return endOf(start, Number(minutes));
  if (minutes !== '') source.draft.gap(pathOf(source), 'is no number of minutes after a time', minutes);
  return undefined;
});

/** In the offset of the start. */
function endOf(start: string, minutes: number): string {
  const offset = start.slice(-6);
  const shift = (offset.startsWith('-') ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4)));
  return `${new Date(Date.parse(start) + (minutes + shift) * 60_000).toISOString().slice(0, 19)}${offset}`;
}

/** The code and its modifier as one. */
const CNE_MODIFIED: Datatype<object> = each((at, { segment }) => {
  const code = firstValue(segment, 3);
  return at(1) === '' || code === '' ? undefined : { code: `${code}:${at(1)}`, ...(at(2) === '' ? {} : { display: at(2) }) };
});

const EI_PROCEDURE: Datatype<Reference<Procedure>> = wrapped(eiIdentifierOf(), (identifier) => ({ identifier, type: 'Procedure' }));

const PR1_PROCEDURE = segmentTable<Procedure>(
  [
    ['PR1-3', 'code', CWE_CODEABLECONCEPT],
    ['PR1-16', 'code.coding[]', CNE_MODIFIED],
    ['PR1-4', 'code.text', ST_STRING],
    ['PR1-5', 'performedDateTime', DTM_DATETIME, notValued('PR1-7')],
    ['PR1-5', 'performedPeriod.start', DTM_DATETIME, valued('PR1-7')],
    ['PR1-7', 'performedPeriod.end', NM_END],
    ['PR1-6', 'category', CWE_CODEABLECONCEPT],
    ['PR1-8', 'performer[]', performer('88189002', 'Anaesthesiologist')],
    ['PR1-11', 'performer[]', performer('304292004', 'Surgeon')],
    ['PR1-12', 'performer[]', PERFORMER],
    ['PR1-15', 'reasonCode[]', CWE_CODEABLECONCEPT],
    ['PR1-19', 'identifier[]', eiIdentifierOf()],
    ['PR1-23', 'location', PL_LOCATION],
    ['PR1-25', 'partOf[]', EI_PROCEDURE],
  ],
  { choices: ['performed'], left: { 1: SET_ID, 2: 'names the coding method of old versions: PR1-3.3 says it' } },
);
