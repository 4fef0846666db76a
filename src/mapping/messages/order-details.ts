/**
 * What comes along with an order: observations for it, specimens with theirs, earlier results, diagnoses and allergies.
 * In: the segments of one order, by what it is known, the patient and the visit. Out: what the order says of them, and which resources belong
 * to its case. Each group counts its OBX anew.
 * Observations and earlier results inform the order (supportingInfo) and are no results of it: none has basedOn. An earlier result is a
 * report of its own, of whomever it repeats the PID of (a newborn's mother), known by its filler's number as when it first came.
 */
import type { DiagnosticReport, Encounter, Observation, Patient, Reference, Resource, ServiceRequest, Specimen } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import { compact, filled, firstValue } from '../datatypes/components.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { al1AllergyIntolerance } from '../segments/al1-allergyintolerance.ts';
import { dg1Condition } from '../segments/dg1-condition.ts';
import { nteAnnotations } from '../segments/nte-annotation.ts';
import { obrDiagnosticReport } from '../segments/obr-diagnosticreport.ts';
import { type ObservationSegments, obxObservation, type ReadObservation } from '../segments/obx-observation.ts';
import { orderNumbers } from '../segments/orc-servicerequest.ts';
import { pidPatient, type ReadPatient } from '../segments/pid-patient.ts';
import { obrSpecimen, spmSpecimen } from '../segments/spm-specimen.ts';
import type { OrderGroup, PriorResult } from './order-groups.ts';

export type OrderDetails = {
  readonly said: Partial<ServiceRequest>;
  readonly members: readonly Reference[];
  /** Binaries of embedded files. */
  readonly files: readonly string[];
};

type DetailContext = { readonly patient: ReadPatient; readonly encounter: Reference<Encounter> | undefined };

export function orderDetails(group: OrderGroup, order: Identity, context: DetailContext, draft: Draft): OrderDetails {
  const { patient, encounter } = context;
  const owner = keyOf(order);
  const subject = patient.reference;
  const own = readObservations(group.observations, owner, { subject, ...filled({ encounter }) }, draft);
  const specimens = readSpecimens(group, owner, context, draft);
  const drawn = specimens.flatMap(({ observations }) => observations);
  const prior = group.prior.map((result, index) => readPrior(result, `${owner}|prior ${index + 1}`, patient, draft));
  const diagnoses = group.diagnoses.flatMap((dg1) => dg1Condition(dg1, { subject, encounter, known: order }, draft)?.condition ?? []);
  for (const al1 of group.allergies) al1AllergyIntolerance(al1, subject, patient.identity, draft);
  const informing = [...[...own, ...drawn].map(({ reference }) => reference), ...prior.map(({ report }) => report)];
  const specimen = specimens.flatMap((one) => one.specimen ?? []);
  const read = [...own, ...drawn, ...prior.flatMap(({ results }) => results)];
  return {
    said: filled<Partial<ServiceRequest>>({ supportingInfo: informing, specimen, reasonReference: diagnoses }) ?? {},
    members: [...read.map(({ reference }) => reference), ...prior.map(({ report }) => report), ...specimen, ...diagnoses],
    files: read.flatMap(({ files }) => files.flatMap(({ url }) => (url?.startsWith('urn:') ? [url] : []))),
  };
}

function readObservations(
  observations: readonly ObservationSegments[],
  owner: string,
  context: { subject: Reference<Patient>; encounter?: Reference<Encounter>; more?: Partial<Observation> },
  draft: Draft,
): ReadObservation[] {
  return observations.map((segments, index) => {
    const { obx } = segments;
    const at = [firstValue(obx, 1) || String(index + 1), obx.peek(3), obx.peek(4)].join('|');
    const known = identity('Observation', 'urn:waystation:observation-of-order', `${owner}|${at}`);
    return obxObservation(segments, { encounter: undefined, ...context, known }, draft);
  });
}

type ReadSpecimen = { readonly specimen: Reference<Specimen> | undefined; readonly observations: readonly ReadObservation[] };

/** Each SPM, else what OBR says of a specimen. */
function readSpecimens({ obr, specimens }: OrderGroup, owner: string, { patient, encounter }: DetailContext, draft: Draft): ReadSpecimen[] {
  const subject = patient.reference;
  const knownBy = (n: number) => identity('Specimen', 'urn:waystation:specimen-of-order', `${owner}|${n}`);
  if (specimens.length === 0) return [{ specimen: obr && obrSpecimen(obr, { subject, known: knownBy(0) }, draft), observations: [] }];
  return specimens.map(({ spm, observations }, index) => {
    const specimen = spmSpecimen(spm, [], { subject, known: knownBy(index + 1) }, draft);
    const place = `${owner}|specimen ${index + 1}`;
    return {
      specimen,
      observations: readObservations(observations, place, { subject, ...filled({ encounter }), more: { specimen } }, draft),
    };
  });
}

export type ReadPrior = { readonly report: Reference<Resource>; readonly results: readonly ReadObservation[] };

/** An earlier result: the report and what it is made of. */
export function readPrior(
  { pid, orc, obr, notes, observations }: PriorResult,
  owner: string,
  patient: ReadPatient,
  draft: Draft,
): ReadPrior {
  const subject = pid ? pidPatient(pid, draft, owner).reference : patient.reference;
  const results = readObservations(observations, owner, { subject }, draft);
  const { filler, placer } = orderNumbers(orc, obr, draft);
  const said = obrDiagnosticReport(orc, obr, draft);
  const report = compact<DiagnosticReport>({
    resourceType: 'DiagnosticReport',
    ...said,
    identifier: [placer, filler].flatMap((number) => number?.identifier ?? []).concat(said.identifier ?? []),
    subject,
    result: results.map(({ reference }) => reference),
    extension: [...(said.extension ?? []), ...nteAnnotations(notes, draft).map((note) => ({ url: NOTE, valueAnnotation: note }))],
  } as DiagnosticReport);
  const number = filler ?? placer;
  const known = number
    ? identity('DiagnosticReport', `${number.identifier.system}|${filler ? 'FILL' : 'PLAC'}`, number.value)
    : identity('DiagnosticReport', 'urn:waystation:report-of-order', owner);
  // What the gateway may have as a report of its own is never changed by what an order repeats of it.
  return { report: draft.add(report, [known], { mode: 'create', initial: { status: 'unknown', code: ABSENT } }), results };
}

/** As reports that come as results have them. */
const NOTE = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note';
const ABSENT = { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }] };
