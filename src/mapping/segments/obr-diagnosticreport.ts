/**
 * OBR and ORC to DiagnosticReport (HL7 v2.5.1 §4.5.1, §4.5.3, §7.4.1; guide: OBR[DiagnosticReport], ORC[DiagnosticReport]).
 * In: the segments of one report. Out: parts of a DiagnosticReport. Its numbers (ORC-2/3, OBR-2/3) are read with the order's.
 *
 * Different from the guide:
 * - ORC-4 is an EI where it has no subcomponents, as it was before v2.7.
 * - OBR-25 empty: the status stays as it was, unknown for a new report. OBR-33 (assistant interpreter, no target in the guide) is an interpreter.
 * - OBR-32 to OBR-35: the Practitioner himself where NDL says no more than who, else a PractitionerRole.
 */
import type { Coding, DiagnosticReport, Identifier, Period, Practitioner, PractitionerRole, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components } from '../datatypes/components.ts';
import { cweCode, originalCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT, codeConcept } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, pathOf, wrapped } from '../datatypes/datatype.ts';
import { eiIdentifier } from '../datatypes/ei-identifier.ts';
import { eipPair } from '../datatypes/eip-identifier.ts';
import { NDL_PRACTITIONERROLE, withFunction } from '../datatypes/practitioner-role.ts';
import { DTM_DATETIME, DTM_INSTANT } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { notValued, segmentTable, valued } from '../segment-table.ts';
import { DIAGNOSTIC_SERVICE_SYSTEM, diagnosticService } from '../vocabulary/0074-diagnostic-service.ts';
import { RESULT_STATUS } from '../vocabulary/0123-result-status.ts';
import { CONFIDENTIALITY_CODE } from '../vocabulary/0177-confidentiality.ts';
import { periodIn } from './spm-specimen.ts';

/** What ORC and OBR say; where both say something of one element, OBR. */
export function obrDiagnosticReport(orc: Segment | undefined, obr: Segment, draft: Draft): Partial<DiagnosticReport> {
  const ordered = ORC_DIAGNOSTICREPORT(orc, draft);
  return { ...ordered, ...OBR_DIAGNOSTICREPORT(obr, draft) };
}

/** EI before v2.7, a pair of EI (EIP) since: only a pair has subcomponents. */
const GROUP_NUMBERS: Datatype<Identifier> = (source) =>
  each((at, { draft }): Identifier[] => {
    const fallback = draft.peer.accessionIssuer;
    const isPair = at(3) === '' && at(4) === '' && (at(2) === '' || at(1) === '' || at(1, 2) !== '' || at(2, 2) !== '');
    const { placer, filler } = isPair ? eipPair(at, fallback) : { placer: eiIdentifier(at, fallback, 'PGN'), filler: undefined };
    return [placer, filler].flatMap((number) => number?.identifier ?? []);
  })(source).flat();

const SECURITY: Datatype<Coding> = each((at, source): Coding | undefined => {
  const code = at(1);
  if (code === '') return undefined;
  const known = CONFIDENTIALITY_CODE.codes.get(code.toUpperCase());
  if (!known) source.draft.unmapped(pathOf(source), CONFIDENTIALITY_CODE.name, code);
  return known ?? { system: CONFIDENTIALITY_CODE.system, code: code.replace(/\s+/g, ' ') };
});

const SECTION = each((at) => codeConcept(at(1), DIAGNOSTIC_SERVICE_SYSTEM, diagnosticService(at(1))?.display));

const OBSERVED: Datatype<Period> = (source) => {
  const { segment, draft } = source;
  const period = periodIn(components(segment, 7)(1), components(segment, 8)(1), pathOf(source), draft);
  return period ? [period] : [];
};

type Person = Reference<PractitionerRole | Practitioner>;
const performing = (code: string): Datatype<Person> => wrapped(NDL_PRACTITIONERROLE, (person) => withFunction(person, code));

const STATUS_REASON = 'http://hl7.org/fhir/StructureDefinition/event-statusReason';

const ORC_DIAGNOSTICREPORT = segmentTable<DiagnosticReport>([
  ['ORC-4', 'identifier[]', GROUP_NUMBERS],
  ['ORC-16', `extension[${STATUS_REASON}].valueCodeableConcept`, CWE_CODEABLECONCEPT],
  ['ORC-28', 'meta.security[]', SECURITY],
]);

const OBR_DIAGNOSTICREPORT = segmentTable<DiagnosticReport>(
  [
    ['OBR-4', 'code', CWE_CODEABLECONCEPT],
    ['OBR-7', 'effectiveDateTime', DTM_DATETIME, notValued('OBR-8')],
    ['OBR-8', 'effectivePeriod', OBSERVED, valued('OBR-8')],
    ['OBR-22', 'issued', DTM_INSTANT],
    ['OBR-24', 'category[]', SECTION],
    ['OBR-25', 'status', wrapped(cweCode(RESULT_STATUS), ({ status }) => status)],
    ['OBR-25', '_status', originalCode(RESULT_STATUS, ({ exact }) => exact)],
    ['OBR-32', 'resultsInterpreter[]', NDL_PRACTITIONERROLE],
    ['OBR-33', 'resultsInterpreter[]', NDL_PRACTITIONERROLE],
    ['OBR-34', 'performer[]', performing('SPRF')],
    ['OBR-35', 'performer[]', performing('TRANS')],
  ],
  { choices: ['effective'] },
);
