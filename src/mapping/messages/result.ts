/**
 * One report of a message to a DiagnosticReport with its Observations, Specimens and files, and to the part of a case that it is.
 * In: the segments of the report, the patient, the visit. Out: a CasePart; the resources go into the draft.
 *
 * - DiagnosticReport.presentedForm: documents (ED, RP) among the observations; each stands in its Observation too, as the guide has it.
 *   conclusion and conclusionCode: what OBX-3 calls the impression (suffix IMP, HL7 v2.5.1 §7.2.4; LOINC 19005-8). The guide has a source
 *   for none of the three.
 * - basedOn: the ServiceRequest of its numbers. It is written only where there is none yet: an order is its author's.
 * - A report is known by its filler number, else by its placer number; several under one number by which of them it is.
 * - Notes of the report and of the patient (guide: none) are the extension note.
 */
import type { DiagnosticReport, Encounter, Observation, Reference, ServiceRequest, Specimen } from '@medplum/fhirtypes';
import type { CaseKey, CasePart } from '../../model/case.ts';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact } from '../datatypes/components.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { xcnPractitioner } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { type MessageOrigin, mshProvenance } from '../segments/msh-provenance.ts';
import { nteAnnotations } from '../segments/nte-annotation.ts';
import { obrDiagnosticReport } from '../segments/obr-diagnosticreport.ts';
import { imagingIdentifiers, imagingKeys, obrServiceRequest } from '../segments/obr-servicerequest.ts';
import { countSegments, type ObservationSegments, obxObservation, type ReadObservation } from '../segments/obx-observation.ts';
import { type OrderNumbers, orderNumbers } from '../segments/orc-servicerequest.ts';
import { timingPriority } from '../segments/order-timing.ts';
import type { ReadPatient } from '../segments/pid-patient.ts';
import { isDeleted, participation, prtRole } from '../segments/prt-participation.ts';
import { obrSpecimen, spmSpecimen } from '../segments/spm-specimen.ts';
import { orderIdentities, priorityOf, serviceRequest } from './order.ts';
import { orderKeys } from './order-keys.ts';
import type { ResultGroup } from './result-groups.ts';
import { resultPart } from './result-part.ts';

/** What the reports of a message share; `n` tells them apart. */
export type ResultContext = {
  readonly n: number;
  readonly msh: Segment;
  readonly sft: readonly Segment[];
  readonly notes: readonly Segment[];
  readonly patient: ReadPatient;
  readonly encounter: Reference<Encounter> | undefined;
  readonly entry: MessageOrigin;
};

export function mapResult(group: ResultGroup, identities: readonly Identity[], context: ResultContext, draft: Draft): CasePart {
  const { patient, encounter, msh, sft, entry, n } = context;
  const known = identities[0] as Identity;
  // Notes of a result are the report's.
  const { request, numbers, keys } = readRequest(group, { ...context, notes: [] }, draft);
  const read = readObservations(group, known, context, draft);
  const report = draft.add(
    {
      ...(read.results.length > 0 ? NO_DOCUMENTS : {}),
      ...compact<DiagnosticReport>({
        resourceType: 'DiagnosticReport',
        ...reportOf(group, numbers, context.notes, draft),
        basedOn: [request],
        subject: patient.reference,
        encounter,
        specimen: [...read.specimens],
        result: read.results.map(({ reference }) => reference),
        presentedForm: read.results.flatMap(({ files }) => files),
        ...impressionOf(group, draft),
      } as DiagnosticReport),
    },
    identities,
    { initial: { status: 'unknown', code: ABSENT } },
  );
  const observations = read.results.map(({ reference }) => reference);
  const written = [report, ...observations, ...read.others, ...read.specimens];
  const provenance = mshProvenance({ msh, sft }, group.orc, n, written, entry, draft);
  const files = read.results.flatMap((result) => result.files.map(({ url }) => url));
  return resultPart({ keys, written: [...written, provenance], files }, context);
}

/** Of each report of the message: what it is known by. */
export function reportIdentities(groups: readonly ResultGroup[], fallback: string, draft: Draft): readonly (readonly Identity[])[] {
  const seen = new Map<string, number>();
  return groups.map(({ orc, obr }, index) => {
    const { filler, placer } = orderNumbers(orc, obr, draft);
    const number = filler ?? placer;
    if (!number) return [identity('DiagnosticReport', 'urn:waystation:report-of-message', `${fallback}|${index + 1}`)];
    const system = `${number.identifier.system}|${filler ? 'FILL' : 'PLAC'}`;
    const count = (seen.get(`${system}|${number.value}`) ?? 0) + 1;
    seen.set(`${system}|${number.value}`, count);
    return [identity('DiagnosticReport', system, count === 1 ? number.value : `${number.value}|${count}`)];
  });
}

/** What a report says itself; its participants by their role (guide: ORU_R01, PRT). */
function reportOf(
  group: ResultGroup,
  { placer, filler }: OrderNumbers,
  before: readonly Segment[],
  draft: Draft,
): Partial<DiagnosticReport> {
  const said = group.obr ? obrDiagnosticReport(group.orc, group.obr, draft) : {};
  const taking = group.participants.filter((prt) => !isDeleted(prt)).map((prt) => ({ as: participation(prt), who: prtRole(prt, draft) }));
  const interpreters = taking.flatMap(({ as, who }) => (who && INTERPRETERS.has(as) ? [who] : []));
  const performers = taking.flatMap(({ as, who }) => (who && !INTERPRETERS.has(as) ? [who] : []));
  const notes = nteAnnotations([...before, ...group.notes], draft).map((note) => ({ url: NOTE, valueAnnotation: note }));
  const numbers = [placer, filler].flatMap((number) => (number ? [number.identifier] : []));
  return {
    ...said,
    identifier: [...numbers, ...(said.identifier ?? [])],
    resultsInterpreter: [...(said.resultsInterpreter ?? []), ...interpreters] as DiagnosticReport['resultsInterpreter'],
    performer: [...(said.performer ?? []), ...performers] as DiagnosticReport['performer'],
    extension: [...(said.extension ?? []), ...notes],
  };
}

/** An order that a report or a document names: by what it is known, and what leads to its case. */
export type ReadRequest = {
  readonly request: Reference<ServiceRequest>;
  readonly numbers: OrderNumbers;
  readonly keys: readonly CaseKey[];
};

/** All that ORC, OBR and TQ1 say of the order, and the notes of the context, where nobody wrote it before. */
export function readRequest(group: ResultGroup, context: ResultContext, draft: Draft): ReadRequest {
  const numbers = orderNumbers(group.orc, group.obr, draft);
  const imaging = imagingKeys(group, draft);
  const { patient, encounter, entry, n } = context;
  const identities = orderIdentities(numbers, `${entry.peer}|${entry.digest.toString('hex')}|${n}`);
  const { orc } = group;
  const order = {
    ...group,
    orc: orc as Segment,
    otherDetail: '',
    ctd: [],
    diagnoses: [],
    allergies: [],
    specimens: [],
    prior: [],
    own: [],
    notes: [],
    observations: [],
  };
  const request = orc
    ? { ...priorityOf(timingPriority(order, draft)), ...serviceRequest({ group: order, numbers, identities }, imaging, context, draft) }
    : compact({
        resourceType: 'ServiceRequest',
        intent: 'order',
        ...obrServiceRequest(group, draft),
        identifier: [numbers.placer, numbers.filler].flatMap((number) => number?.identifier ?? []).concat(imagingIdentifiers(imaging)),
        requester: xcnPractitioner(group.obr, 16, draft),
        note: nteAnnotations(context.notes, draft),
        subject: patient.reference,
        encounter,
      } as ServiceRequest);
  return {
    request: draft.add(request, identities, { mode: 'create', shared: true, initial: { status: 'unknown' } }),
    numbers,
    keys: orderKeys(numbers, imaging, draft.peer),
  };
}

type ReadResults = {
  /** What the report is made of. */
  readonly results: readonly ReadObservation[];
  /** Observations of specimens. */
  readonly others: readonly Reference<Observation>[];
  readonly specimens: readonly Reference<Specimen>[];
};

function readObservations(group: ResultGroup, owner: Identity, context: ResultContext, draft: Draft): ReadResults {
  const subject = context.patient.reference;
  const specimens = group.specimens.map(({ spm, notes }, index) =>
    spmSpecimen(spm, notes, { subject, known: specimenOf(owner, index + 1) }, draft),
  );
  const drawn = group.obr && specimens.length === 0 ? obrSpecimen(group.obr, { subject, known: specimenOf(owner, 0) }, draft) : undefined;
  const all = drawn ? [drawn] : specimens;
  const only = all.length === 1 ? { specimen: all[0] } : {};
  const results = observe(group.observations, owner, '', only, context, draft);
  const others = group.specimens.flatMap(({ observations }, index) =>
    observe(observations, owner, `specimen ${index + 1}|`, { focus: [specimens[index] as Reference<Specimen>] }, context, draft),
  );
  return { results, others: others.map(({ reference }) => reference), specimens: all };
}

/** An observation without a number of its own is known by its report, its code and sub-id, and which of that code it is. */
function observe(
  observations: readonly ObservationSegments[],
  owner: Identity,
  place: string,
  more: Partial<Observation>,
  { patient, encounter }: ResultContext,
  draft: Draft,
): ReadObservation[] {
  const seen = new Map<string, number>();
  countSegments(observations);
  return observations.map((segments) => {
    const { obx } = segments;
    const code = `${obx.peek(3)}|${obx.peek(3, 3)}|${obx.raw(4)}`;
    const count = (seen.get(code) ?? 0) + 1;
    seen.set(code, count);
    const value = `${keyOf(owner)}|${place}${code}|${count}`;
    const known = identity('Observation', 'urn:waystation:observation-of-report', value);
    return obxObservation(segments, { subject: patient.reference, encounter, known, more }, draft);
  });
}

function specimenOf(owner: Identity, n: number): Identity {
  return identity('Specimen', 'urn:waystation:specimen-of-report', `${keyOf(owner)}|${n}`);
}

/** Texts and codes of the impression, in the order they stand. */
function impressionOf({ observations }: ResultGroup, draft: Draft): Pick<DiagnosticReport, 'conclusion' | 'conclusionCode'> {
  const impressions = observations.filter(({ obx }) => isImpression(obx));
  const texts = impressions.filter(({ obx }) => TEXTS.has(obx.peek(2)));
  const codes = impressions.filter(({ obx }) => CODES.has(obx.peek(2)));
  const lines = texts.flatMap(({ obx, continued }) => [obx, ...continued]);
  const text = lines.map((obx) => Array.from({ length: obx.repetitions(5) }, (_, index) => obx.text(5, index + 1)).join('\n'));
  return {
    ...(text.join('').trim() === '' ? {} : { conclusion: text.join('\n').trim() }),
    conclusionCode: codes.flatMap(({ obx }) => CWE_CODEABLECONCEPT({ segment: obx, field: 5, component: 0, most: 1, draft })),
  };
}

function isImpression(obx: Segment): boolean {
  return obx.peek(3, 1, 1, 2) === 'IMP' || (obx.peek(3) === '19005-8' && obx.peek(3, 3) === 'LN');
}

/** What goes when a report sends its results anew. */
const NO_DOCUMENTS = { presentedForm: undefined, conclusion: undefined, conclusionCode: undefined };
const NOTE = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note';
const ABSENT = { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }] };
/** HL7 Table 0443: primary and assistant result interpreter. */
const INTERPRETERS: ReadonlySet<string> = new Set(['PRI', 'ARI']);
const TEXTS: ReadonlySet<string> = new Set(['TX', 'FT', 'ST']);
const CODES: ReadonlySet<string> = new Set(['CE', 'CWE', 'CNE', 'CF']);
