/**
 * OBX to Observation (HL7 v2.5.1 §7.4.2; guide: OBX[Observation], OBX[Observation-Component]).
 * In: OBX with its notes and participants, and the segments that only go on with its text. Out: the reference to the Observation in the
 * draft, and its files. Several values (repetitions of OBX-5 other than text) are components, as in the guide; their code is OBX-3.
 *
 * An Observation is known by its own number (OBX-21), or by what it belongs to (the order, the report) and its place there, so that a
 * correction changes it.
 *
 * Different from the guide:
 * - OBX-16: performer is the Practitioner himself. A role "responsibleObserver" would say what the element says already, and cost one more
 *   resource an observation; and nobody finds results by Practitioner through it.
 * - OBX-30: the system is HL7 Table 0937; the guide names a StructureDefinition, which is no code system.
 * - OBX-33, several specimens: one extension each; the guide's Group cannot hold a Specimen in R4.
 * - OBX-4: one extension observation-v2-subid with its parts inside, as that extension is defined.
 * - OBX-11: every code beside its status that says less, not only X. OBX-32 (no target in the guide) is dataAbsentReason.
 */
import type {
  Attachment,
  CodeableConcept,
  Coding,
  Device,
  Encounter,
  Observation,
  Organization,
  Patient,
  Reference,
  Specimen,
} from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, eachRepetition, filled, textOf } from '../datatypes/components.ts';
import { cweCode, originalCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT, codeConcept, cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { CWE_ORGANIZATION } from '../datatypes/cwe-organization.ts';
import { type Datatype, each, fixed, pathOf, wrapped } from '../datatypes/datatype.ts';
import { eiIdentifier } from '../datatypes/ei-identifier.ts';
import { OG_SUBIDENTIFIER } from '../datatypes/og-subidentifier.ts';
import { roleOf } from '../datatypes/practitioner-role.ts';
import { identity } from '../datatypes/systems.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { xadAddress } from '../datatypes/xad-address.ts';
import { XCN_PRACTITIONER, xcnPractitioner } from '../datatypes/xcn-practitioner.ts';
import { xonOrganization } from '../datatypes/xon-organization.ts';
import type { Draft } from '../draft.ts';
import { all, among, notValued, segmentTable, valued } from '../segment-table.ts';
import { interpretationSystem } from '../vocabulary/0078-interpretation.ts';
import { OBSERVATION_STATUS } from '../vocabulary/0085-observation-status.ts';
import { nteAnnotations } from './nte-annotation.ts';
import { NO_VALUE, obxValues } from './obx-value.ts';
import { prtObservation } from './prt-participation.ts';
import { eipSpecimens } from './spm-specimen.ts';

/** One observation as it stands in a message. */
export type ObservationSegments = {
  readonly obx: Segment;
  /** OBX that say the same of the same, and only go on with the text. */
  readonly continued: readonly Segment[];
  readonly notes: readonly Segment[];
  readonly participants: readonly Segment[];
};

export type ObservationContext = {
  readonly subject: Reference<Patient>;
  readonly encounter: Reference<Encounter> | undefined;
  /** What the observation is known by where it has no number of its own. */
  readonly known: Identity;
  /** More that is said of it by where it stands. */
  readonly more?: Partial<Observation>;
};

export type ReadObservation = { readonly reference: Reference<Observation>; readonly files: readonly Attachment[] };

export function obxObservation(segments: ObservationSegments, context: ObservationContext, draft: Draft): ReadObservation {
  const { obx, continued, notes, participants } = segments;
  const said = OBX_OBSERVATION(obx, draft);
  const known = identityOf(obx, said, context, draft);
  const code = said.code ?? absentCode(obx, draft);
  const { value, component, extension, files } = obxValues(
    obx,
    { code, referenceRange: said.referenceRange, owner: known, continued },
    draft,
  );
  for (const one of continued) markSame(one);
  const observation = compact<Observation>({
    resourceType: 'Observation',
    ...context.more,
    ...said,
    status: said.status ?? 'unknown',
    code,
    subject: context.subject,
    encounter: context.encounter,
    ...value,
    note: nteAnnotations(notes, draft),
    component: component as Observation['component'],
    extension: [...(said.extension ?? []), ...extension],
  });
  const taking = prtObservation(participants, observation, draft);
  return { reference: draft.add({ ...deletedBy(said), ...NO_VALUE, ...taking }, [known]), files };
}

/**
 * A number whose authority nobody named (`1`) is told by what the observation belongs to; so is one that another observation of the message
 * has already: senders repeat the number of a slide or of a report, and neither value may take the place of the other.
 */
function identityOf(obx: Segment, { identifier }: Partial<Observation>, { known }: ObservationContext, draft: Draft): Identity {
  const [number] = identifier ?? [];
  if (!number) return known;
  const own = identity('Observation', number.system as string, number.value as string);
  const named = valued('OBX-21.2')(obx) || valued('OBX-21.3')(obx);
  return named && !draft.held(own) ? own : identity('Observation', known.system, `${known.value}|${number.value}`);
}

/** `""` in the message: the element goes. */
function deletedBy(said: Partial<Observation>): object {
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value === undefined));
}

/** Observation.code is required: one that the sender left out is said to be unknown (R4 data-absent-reason). */
function absentCode(obx: Segment, draft: Draft): Observation['code'] {
  draft.gap(pathOf({ segment: obx, field: 3, component: 0, most: 1, draft }), 'is empty: nobody can tell what was observed');
  return { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }] };
}

/** OBX-1 counts the segments: read where it says what counting says, else left, and so listed. */
export function countSegments(observations: readonly ObservationSegments[]): void {
  const all = observations.flatMap(({ obx, continued }) => [obx, ...continued]);
  for (const [index, obx] of all.entries()) if (obx.peek(1).trim() === String(index + 1)) obx.get(1);
}

/** What goes on says, apart from the text, what the first segment said. */
export function markSame(obx: Segment): void {
  for (let field = 2; field <= obx.length; field++)
    for (let repetition = 1; repetition <= obx.repetitions(field); repetition++) obx.text(field, repetition);
}

const WHOLE_TEXT: Datatype<string> = ({ segment, field }) => {
  const text = textOf(segment, field);
  return text === '' ? [] : [text];
};

/** A code of an HL7 table as it stands (ID, IS, or CWE): where it names no coding system, or the table, it is of `system`. */
function codeOf(table: string, systemOf: (code: string) => string): Datatype<CodeableConcept> {
  const own = `http://terminology.hl7.org/CodeSystem/v2-${table}`;
  return each((at, { draft }) => {
    const said = cweCodeableConcept(at, draft.peer.name);
    const isOwn = (coding: Coding): boolean => coding.system === undefined || coding.system === own;
    const coding = said?.coding?.map((one) => (isOwn(one) ? { ...one, system: systemOf(one.code ?? '') } : one));
    return said && coding ? { ...said, coding } : said;
  });
}

function idConcept(table: string): Datatype<CodeableConcept> {
  return codeOf(table, () => `http://terminology.hl7.org/CodeSystem/v2-${table}`);
}

const INTERPRETATION = codeOf('0078', interpretationSystem);

const EI_NUMBER = each((at, { draft }) => eiIdentifier(at, draft.peer.accessionIssuer, 'FILL')?.identifier);

const EI_DEVICE: Datatype<Reference<Device>> = each((at, { draft }) => {
  const number = eiIdentifier(at, draft.peer.accessionIssuer, '')?.identifier;
  if (!number) return undefined;
  const known = identity('Device', number.system as string, number.value as string);
  return draft.add<Device>({ resourceType: 'Device', identifier: [number] }, [known], { shared: true });
});

/** OBX-23 with the address of OBX-24; with OBX-25 the medical director of it. */
const PERFORMING: Datatype<Reference> = ({ segment, draft }) => {
  const address = eachRepetition(segment, 24, (at) => xadAddress(at, draft.zone));
  const organization = xonOrganization(segment, 23, draft, filled<Partial<Organization>>({ address }) ?? {});
  const director = xcnPractitioner(segment, 25, draft);
  if (!director) return organization ? [organization.reference] : [];
  const role = roleOf(director, organization, { code: [MEDICAL_DIRECTOR] }, draft);
  // A director without a number is shown; the organization is named all the same.
  return organization && role.type === 'Practitioner' ? [role, organization.reference] : [role];
};

const MEDICAL_DIRECTOR: CodeableConcept = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0912', code: 'MDIR' }] };

const EIP_SPECIMEN: Datatype<Reference<Specimen>> = ({ segment, field, draft }) => eipSpecimens(segment, field, draft);

const NOT_ASKED = codeConcept('not-asked', 'http://terminology.hl7.org/CodeSystem/data-absent-reason', 'Not Asked');
const HL7 = 'http://hl7.org/fhir/StructureDefinition';
const SEVERAL_SPECIMENS = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.specimen';

const OBX_OBSERVATION = segmentTable<Observation>([
  ['OBX-21', 'identifier[]', EI_NUMBER],
  ['OBX-3', 'code', CWE_CODEABLECONCEPT],
  ['OBX-4', `extension[${HL7}/observation-v2-subid].extension`, OG_SUBIDENTIFIER],
  ['OBX-7', 'referenceRange[].text', WHOLE_TEXT],
  ['OBX-8', 'interpretation[]', INTERPRETATION],
  ['OBX-10', `extension[${HL7}/observation-nature-of-abnormal-test].valueCodeableConcept`, idConcept('0080')],
  ['OBX-11', 'status', wrapped(cweCode(OBSERVATION_STATUS), ({ status }) => status)],
  ['OBX-11', '_status', originalCode(OBSERVATION_STATUS, ({ exact }) => exact)],
  ['OBX-11', 'dataAbsentReason', fixed(NOT_ASKED), all(among('OBX-11', 'N'), notValued('OBX-5'))],
  ['OBX-14', 'effectiveDateTime', DTM_DATETIME],
  ['OBX-15', 'performer[]', CWE_ORGANIZATION],
  ['OBX-16', 'performer[]', XCN_PRACTITIONER],
  ['OBX-23', 'performer[]', PERFORMING],
  ['OBX-25', 'performer[]', PERFORMING, notValued('OBX-23')],
  ['OBX-17', 'method', CWE_CODEABLECONCEPT],
  ['OBX-18', 'device', EI_DEVICE],
  ['OBX-19', `extension[${HL7}/observation-analysis-date-time].valueDateTime`, DTM_DATETIME],
  ['OBX-20', 'bodySite', CWE_CODEABLECONCEPT],
  ['OBX-29', 'category[]', idConcept('0936')],
  ['OBX-30', `extension[${HL7}/observation-structure-type].valueCodeableConcept`, idConcept('0937')],
  ['OBX-32', 'dataAbsentReason', CWE_CODEABLECONCEPT, notValued('OBX-5')],
  ['OBX-33', 'specimen', EIP_SPECIMEN, (segment) => segment.repetitions(33) === 1],
  ['OBX-33', `extension[${SEVERAL_SPECIMENS}].valueReference`, EIP_SPECIMEN, (segment) => segment.repetitions(33) > 1],
]);
