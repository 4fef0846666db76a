/**
 * SPM and, before it, OBR to Specimen (HL7 v2.5.1 §7.4.3; guide: SPM[Specimen], OBR[Specimen], SPS[Specimen-Source]).
 * In: the segment, the patient, what the specimen came with. Out: a reference to the Specimen in the draft.
 * A number joins only where its authority is named: `1` of one message is not the `1` of another. Without one the specimen is known by
 * what it came with.
 *
 * Different from the guide:
 * - OBR speaks of a specimen only where no SPM does, and where it names one (OBR-9, OBR-10, OBR-14, OBR-15.1): in imaging OBR-15 is the
 *   body site. OBR-2 is never taken for an accession identifier of the specimen, and OBR-13 for fasting only where it is a code of it.
 * - SPM-7: the codes of HL7 Table 0488 that the guide translates have the one of SNOMED CT beside them.
 * - SPM-32: the type is SHIP of HL7 Table 0203, which the guide leaves open.
 */
import type { CodeableConcept, Identifier, Patient, Period, Reference, Specimen } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components, eachRepetition, within } from '../datatypes/components.ts';
import { cweCode, originalCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT, cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { cxIdentifier } from '../datatypes/cx-identifier.ts';
import { type Datatype, each, pathOf, wrapped } from '../datatypes/datatype.ts';
import { eiIdentifier } from '../datatypes/ei-identifier.ts';
import { EIP_FILLER, EIP_PLACER, eipPair, type IdentifierPair } from '../datatypes/eip-identifier.ts';
import { ST_STRING } from '../datatypes/id-primitive.ts';
import { CQ_QUANTITY } from '../datatypes/nm-quantity.ts';
import { identity } from '../datatypes/systems.ts';
import { DTM_DATETIME, periodOf } from '../datatypes/ts-datetime.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { among, notValued, SET_ID, segmentTable, valued } from '../segment-table.ts';
import { SPECIMEN_AVAILABILITY } from '../vocabulary/0136-yes-no.ts';
import { withSnomed } from '../vocabulary/0488-collection-method.ts';
import { nteAnnotations } from './nte-annotation.ts';

export type SpecimenContext = { readonly subject: Reference<Patient>; readonly known: Identity };

export function spmSpecimen(spm: Segment, notes: readonly Segment[], context: SpecimenContext, draft: Draft): Reference<Specimen> {
  const said = SPM_SPECIMEN(spm, draft);
  const note = [...(said.note ?? []), ...nteAnnotations(notes, draft)];
  const numbered = identitiesOf(eipPair(components(spm, 2), draft.peer.accessionIssuer));
  const specimen: Specimen = {
    resourceType: 'Specimen',
    ...said,
    ...containerOf(said),
    subject: context.subject,
    ...(note.length > 0 ? { note } : {}),
  };
  return draft.add(specimen, numbered.length > 0 ? numbered : [context.known]);
}

/** SPM-27 says what the first additive is in; R4 has one additive a container. */
function containerOf({ container = [] }: Partial<Specimen>): Pick<Specimen, 'container'> {
  const typed = container.find(({ type }) => type !== undefined);
  const [first, ...others] = container.filter((one) => one !== typed);
  return typed && first ? { container: [{ ...first, ...typed }, ...others] } : {};
}

/** The specimen of an OBR that names one; undefined where it names none. */
export function obrSpecimen(obr: Segment, context: SpecimenContext, draft: Draft): Reference<Specimen> | undefined {
  if (!['OBR-9', 'OBR-10', 'OBR-14', 'OBR-15.1'].some((place) => valued(place)(obr))) return undefined;
  const specimen: Specimen = { resourceType: 'Specimen', ...OBR_SPECIMEN(obr, draft), subject: context.subject };
  return draft.add(specimen, [context.known]);
}

/** The specimens an EIP names (OBX-33, SPM-3), by the numbers they are known by. */
export function eipSpecimens(segment: Segment, field: number, draft: Draft): Reference<Specimen>[] {
  return eachRepetition(segment, field, (at) => {
    const pair = eipPair(at, draft.peer.accessionIssuer);
    const identifier = [pair.placer?.identifier, pair.filler?.identifier].filter((one) => one !== undefined);
    const [first] = identifier;
    if (!first) return undefined;
    const known = identitiesOf(pair);
    // A number of nobody names the specimen to who knows whose it is.
    if (known.length === 0) return { type: 'Specimen', identifier: first, display: identifier.map(({ value }) => value).join(', ') };
    return draft.add<Specimen>({ resourceType: 'Specimen', identifier }, known);
  });
}

function identitiesOf({ placer, filler }: IdentifierPair): Identity[] {
  return [placer, filler].flatMap((number) => {
    if (!number || (number.authority.namespace === '' && number.authority.universalId === '')) return [];
    return [identity('Specimen', number.identifier.system as string, number.value)];
  });
}

const EIP_SPECIMEN: Datatype<Reference<Specimen>> = ({ segment, field, draft }) => eipSpecimens(segment, field, draft);
const CX_NUMBER: Datatype<Identifier> = each((at, { draft }) => cxIdentifier(at, draft.peer.accessionIssuer, draft.zone)?.identifier);
const CX_ACCESSION: Datatype<Identifier> = each(
  (at, { draft }) => cxIdentifier(at, draft.peer.accessionIssuer, draft.zone, 'ACSN')?.identifier,
);
const EI_SHIPMENT: Datatype<Identifier> = each((at, { draft }) => eiIdentifier(at, draft.peer.accessionIssuer, 'SHIP')?.identifier);

/** DR[Period]; undefined, and listed, where an end is no time or comes before the start (FHIR per-1). */
export const DR_PERIOD: Datatype<Period> = each((at, source) => periodIn(at(1), at(2), pathOf(source), source.draft));

export function periodIn(start: string, end: string, path: string, draft: Draft): Period | undefined {
  const period = periodOf(start, end, draft.zone);
  if ((start !== '' && !period?.start) || (end !== '' && !period?.end)) draft.gap(path, 'is no period', `${start} ${end}`);
  return period;
}

/** SPS: what it is, additives, remarks, site, and its state, each a component. */
const SPS = (component: number) => each((at, { draft }) => cweCodeableConcept(within(at, component), draft.peer.name));
const SPS_TEXT: Datatype<string> = each((at) => at(3) || undefined);

const COLLECTED_PERIOD: Datatype<Period> = (source) => {
  const { segment, draft } = source;
  const period = periodIn(components(segment, 7)(1), components(segment, 8)(1), pathOf(source), draft);
  return period ? [period] : [];
};

const METHOD = wrapped(CWE_CODEABLECONCEPT, (method) => ({ ...method, coding: method.coding?.flatMap(withSnomed) }));

/** HL7 Table 0916. */
const FASTING: Datatype<CodeableConcept> = wrapped(CWE_CODEABLECONCEPT, (status) => ({
  ...status,
  coding: status.coding?.map((coding) => ({ system: RELEVANT_INFORMATION, ...coding })),
}));
const RELEVANT_INFORMATION = 'http://terminology.hl7.org/CodeSystem/v2-0916';

const HAS_END = valued('OBR-8');
const SPM_SPECIMEN = segmentTable<Specimen>(
  [
    ['SPM-2', 'identifier[]', EIP_PLACER],
    ['SPM-2', 'identifier[]', EIP_FILLER],
    ['SPM-31', 'identifier[]', CX_NUMBER],
    ['SPM-32', 'identifier[]', EI_SHIPMENT],
    ['SPM-30', 'accessionIdentifier', CX_ACCESSION],
    ['SPM-3', 'parent[]', EIP_SPECIMEN],
    ['SPM-4', 'type', CWE_CODEABLECONCEPT],
    ['SPM-6', 'container[].additiveCodeableConcept', CWE_CODEABLECONCEPT],
    ['SPM-27', 'container[].type', CWE_CODEABLECONCEPT],
    ['SPM-7', 'collection.method', METHOD],
    ['SPM-8', 'collection.bodySite', CWE_CODEABLECONCEPT],
    ['SPM-12', 'collection.quantity', CQ_QUANTITY],
    ['SPM-17', 'collection.collectedPeriod', DR_PERIOD, valued('SPM-17.2')],
    ['SPM-17', 'collection.collectedDateTime', DTM_DATETIME, notValued('SPM-17.2')],
    ['SPM-14', 'note[].text', ST_STRING],
    ['SPM-18', 'receivedTime', DTM_DATETIME],
    ['SPM-20', 'status', cweCode(SPECIMEN_AVAILABILITY)],
    ['SPM-20', '_status', originalCode(SPECIMEN_AVAILABILITY)],
    ['SPM-24', 'condition[]', CWE_CODEABLECONCEPT],
  ],
  { left: { 1: SET_ID } },
);

const OBR_SPECIMEN = segmentTable<Specimen>([
  ['OBR-15', 'type', SPS(1)],
  ['OBR-15', 'container[].additiveCodeableConcept', SPS(2)],
  ['OBR-15', 'note[].text', SPS_TEXT],
  ['OBR-15', 'collection.bodySite', SPS(4)],
  ['OBR-15', 'condition[]', SPS(6)],
  ['OBR-7', 'collection.collectedPeriod', COLLECTED_PERIOD, HAS_END],
  ['OBR-7', 'collection.collectedDateTime', DTM_DATETIME, notValued('OBR-8')],
  ['OBR-9', 'collection.quantity', CQ_QUANTITY],
  ['OBR-10', 'collection.collector', XCN_PRACTITIONER],
  ['OBR-13', 'collection.fastingStatusCodeableConcept', FASTING, among('OBR-13', 'F', 'NF', 'NG')],
  ['OBR-14', 'receivedTime', DTM_DATETIME],
  ['OBR-39', 'note[]', each((at, { draft }) => annotationOf(cweCodeableConcept(at, draft.peer.name)))],
]);

function annotationOf(concept: ReturnType<typeof cweCodeableConcept>): { text: string } | undefined {
  const coding = concept?.coding?.[0];
  const text = [coding?.code, coding?.display, concept?.text].filter(Boolean).join(' ');
  return text === '' ? undefined : { text };
}
