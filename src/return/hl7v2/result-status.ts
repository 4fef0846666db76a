/**
 * How final a result is: FHIR status to HL7 Tables 0123 (OBR-25), 0085 (OBX-11) and 0038 (ORC-5), the guide's tables read backwards. A code that
 * came by HL7 v2 is kept beside its status (extension alternate-codes) and goes back as it came, where it says the same.
 *
 * - amended, corrected, appended: C, with the whole text. Never A of Table 0123, which means that some results are still missing.
 * - entered-in-error: OBX-11 W, verified to be wrong, a replacement may follow (HL7 v2.5.1 §7.4.2.11); D would have it deleted. Table 0123 has
 *   no such code: OBR-25 is C, a correction, for X says that the order is cancelled, which is to be read again (ORC-5 SC).
 * - registered: O; partial: R, as the guide maps it; unknown: R, entered and not verified, so that nothing becomes final unsaid.
 */
import type { DiagnosticReport, Extension, Observation } from '@medplum/fhirtypes';
import { OBSERVATION_STATUS } from '../../mapping/vocabulary/0085-observation-status.ts';
import { RESULT_STATUS } from '../../mapping/vocabulary/0123-result-status.ts';

/** OBR-25. */
export function reportStatus(report: DiagnosticReport): string {
  const kept = keptCode(report, RESULT_STATUS.system);
  const same = kept !== undefined && RESULT_STATUS.codes.get(kept)?.status === report.status;
  return same ? kept : (REPORT[report.status ?? 'unknown'] ?? 'R');
}

/** ORC-5. */
export function orderStatusOf(report: DiagnosticReport): string {
  if (report.status === 'entered-in-error') return 'SC';
  return ORDER[reportStatus(report)] ?? 'IP';
}

/** OBX-11 of what the report itself says: its text, its codes, its file. */
export function ownStatus(report: DiagnosticReport): string {
  if (report.status === 'entered-in-error') return OBSERVATION['entered-in-error'] as string;
  return REPORT[report.status ?? 'unknown'] === 'O' ? 'I' : (REPORT[report.status ?? 'unknown'] ?? 'R');
}

/** OBX-11. */
export function observationStatus(result: Observation): string {
  const kept = keptCode(result, OBSERVATION_STATUS.system);
  const same = kept !== undefined && OBSERVATION_STATUS.codes.get(kept)?.status === result.status;
  return same ? kept : (OBSERVATION[result.status ?? 'unknown'] ?? 'R');
}

function keptCode(resource: object, wanted: string): string | undefined {
  const { _status } = resource as { _status?: { extension?: Extension[] } };
  const kept = _status?.extension?.find(({ url }) => url === ALTERNATE_CODES)?.valueCodeableConcept?.coding ?? [];
  return kept.find(({ system }) => system === wanted)?.code;
}

const ALTERNATE_CODES = 'http://hl7.org/fhir/StructureDefinition/alternate-codes';

/** DiagnosticReport.status → HL7 Table 0123. */
const REPORT: Readonly<Record<string, string>> = {
  registered: 'O',
  partial: 'R',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  appended: 'C',
  cancelled: 'X',
  'entered-in-error': 'C',
};

/** Observation.status → HL7 Table 0085. */
const OBSERVATION: Readonly<Record<string, string>> = {
  registered: 'I',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  cancelled: 'X',
  'entered-in-error': 'W',
};

/** HL7 Table 0123 → 0038. */
const ORDER: Readonly<Record<string, string>> = { F: 'CM', C: 'CM', X: 'CA', A: 'A', O: 'SC', S: 'SC', Y: 'CM', Z: 'CM' };
