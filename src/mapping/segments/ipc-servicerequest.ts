/**
 * IPC, imaging procedure control, to ServiceRequest: each scheduled procedure step whole, in an extension of our own, and its protocol where
 * readers look (HL7 v2.5.1 §4.5.6; IHE RAD-4). The guide has no IPC. Accession number and Study Instance UID also make the case's keys
 * (obr-servicerequest.ts).
 * In: the IPC of one order. Out: extensions and order details, which need a code (R4 prr-1).
 *
 * French senders (ANS) put the acquisition as a LOINC code where the standard has the requested procedure's number (IPC-2): it is a detail too.
 */
import type { CodeableConcept, Extension, ServiceRequest } from '@medplum/fhirtypes';
import { IMAGING_PROCEDURE_STEP } from '../../protocols/fhir/canonical.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, eachRepetition } from '../datatypes/components.ts';
import { cweConceptIn } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT, cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { eiIdentifierOf } from '../datatypes/ei-identifier.ts';
import { ST_STRING } from '../datatypes/id-primitive.ts';
import type { Draft } from '../draft.ts';
import { segmentTable } from '../segment-table.ts';

/** `code`: what is asked (OBR-4); a detail that only repeats it is none. */
export function ipcServiceRequest(steps: readonly Segment[], code: CodeableConcept | undefined, draft: Draft): Partial<ServiceRequest> {
  if (steps.length === 0) return {};
  const read = steps.flatMap((ipc) => stepOf(ipc, draft));
  const details = code ? steps.flatMap((ipc) => [...acquisitions(ipc), ...protocolsOf(ipc, draft)]) : [];
  const known = new Set<string>([JSON.stringify(code)]);
  const orderDetail = details.filter((one) => !known.has(JSON.stringify(one)) && known.add(JSON.stringify(one)));
  return { ...(read.length > 0 ? { extension: read } : {}), ...(orderDetail.length > 0 ? { orderDetail } : {}) };
}

function stepOf(ipc: Segment, draft: Draft): Extension[] {
  const { extension = [] } = IPC_STEP(ipc, draft);
  return extension.length > 0 ? [{ url: IMAGING_PROCEDURE_STEP, extension }] : [];
}

function protocolsOf(ipc: Segment, { peer }: Draft): CodeableConcept[] {
  return eachRepetition(ipc, 6, (at) => cweCodeableConcept(at, peer.name));
}

/** `24627-2^Scanner thoracique^LN`, or with LOINC's OID as its universal id. */
function acquisitions(ipc: Segment): CodeableConcept[] {
  return eachRepetition(ipc, 2, (at: Components) => {
    const isLoinc = [at(2), at(3)].some((name) => LOINC_NAMES.has(name.toUpperCase()));
    if (!isLoinc) return undefined;
    const display = LOINC_NAMES.has(at(2).toUpperCase()) ? '' : at(2);
    return { coding: [{ system: 'http://loinc.org', code: at(1), ...(display === '' ? {} : { display }) }] };
  });
}

const LOINC_NAMES: ReadonlySet<string> = new Set(['LN', 'LOINC', '2.16.840.1.113883.6.1']);

const IPC_STEP = segmentTable<{ extension: Extension[] }>([
  ['IPC-1', 'extension[accessionNumber].valueIdentifier', eiIdentifierOf('ACSN')],
  ['IPC-2', 'extension[requestedProcedure].valueIdentifier', eiIdentifierOf()],
  ['IPC-3', 'extension[studyInstanceUid].valueString', ST_STRING],
  ['IPC-4', 'extension[scheduledStep].valueIdentifier', eiIdentifierOf()],
  ['IPC-5', 'extension[modality].valueCodeableConcept', cweConceptIn('http://dicom.nema.org/resources/ontology/DCM')],
  ['IPC-6', 'extension[protocol].valueCodeableConcept', CWE_CODEABLECONCEPT],
  ['IPC-7', 'extension[stationName].valueIdentifier', eiIdentifierOf()],
  ['IPC-8', 'extension[location].valueCodeableConcept', CWE_CODEABLECONCEPT],
  ['IPC-9', 'extension[stationAeTitle].valueString', ST_STRING],
]);
