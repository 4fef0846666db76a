/**
 * TXA to DocumentReference and Provenance (HL7 v2.5.1 §9.9.3; guide: TXA[DocumentReference], TXA[Provenance]).
 * In: the segment, and what the message is for (its trigger event). Out: parts of a DocumentReference; its number; a Provenance of who wrote,
 * signed and got it.
 *
 * Different from the guide:
 * - TXA-19 always gives a status, which is required (0271-document-completion.ts); the guide leaves it out for CA, OB and UN.
 * - TXA-12: the authority of the number is its system, and shown; the guide makes Organizations of its parts.
 * - Provenance: the originator is an author (AUT); the guide has him as a recipient of information, like those of TXA-23. TXA-22, who
 *   signed it and when, has no target in the guide: he is its legal authenticator.
 */
import type { CodeableConcept, DocumentReference, Identifier, Provenance, ProvenanceAgent, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type components, eachRepetition, filled } from '../datatypes/components.ts';
import { cweCode, originalCode } from '../datatypes/cwe-code.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, wrapped } from '../datatypes/datatype.ts';
import { contentTypeOf } from '../datatypes/ed-attachment.ts';
import { type EntityIdentifier, eiIdentifier } from '../datatypes/ei-identifier.ts';
import { ST_STRING } from '../datatypes/id-primitive.ts';
import { DTM_DATE, DTM_INSTANT, dateTimeOf } from '../datatypes/ts-datetime.ts';
import { practitionerOf, XCN_PRACTITIONER, xcnPractitioners } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { type Condition, SET_ID, segmentTable } from '../segment-table.ts';
import { DOCUMENT_AVAILABILITY, DOCUMENT_COMPLETION } from '../vocabulary/0271-document-completion.ts';
import { agent, identityOf, type MessageOrigin } from './msh-provenance.ts';

export function txaDocumentReference(txa: Segment, draft: Draft): Partial<DocumentReference> {
  return TXA_DOCUMENTREFERENCE(txa, draft);
}

/** TXA-12, the document; TXA-13, the document that it adds to or takes the place of. */
export function documentNumber(txa: Segment, field: 12 | 13, draft: Draft): EntityIdentifier | undefined {
  return eachRepetition(txa, field, (at) => eiIdentifier(at, draft.peer.accessionIssuer, ''))[0];
}

/** The type of all of its content where no content says another; HL7 Table 0191. */
export function presentationOf(txa: Segment): { contentType?: string } {
  const code = txa.peek(3).trim();
  const contentType = PRESENTATION.get(code.toUpperCase()) ?? contentTypeOf('', code);
  if (contentType !== undefined) txa.get(3);
  return filled({ contentType }) ?? {};
}

/** Who did what to the document, where TXA says more than its author. `n`: which thing of the message the document is. */
export function txaProvenance(
  txa: Segment,
  target: Reference<DocumentReference>,
  { n, origin }: { readonly n: number; readonly origin: MessageOrigin },
  draft: Draft,
): Reference<Provenance> | undefined {
  const said = TXA_PROVENANCE(txa, draft);
  const authors = xcnPractitioners(txa, 9, draft).map((who) => inRole('AUT', agent('author', who)));
  const writers = xcnPractitioners(txa, 11, draft).map((who) => inRole('TRANS', agent('enterer', who)));
  const signers = eachRepetition(txa, 22, (at) => signerOf(at, draft));
  const receivers = xcnPractitioners(txa, 23, draft).map((who) => inRole('IRCP', { who } as ProvenanceAgent));
  if (!said.recorded && !said.reason && writers.length + signers.length + receivers.length === 0) return undefined;
  const agents = [...authors, ...writers, ...signers, ...receivers];
  const gateway = { who: { type: 'Device', display: 'Waystation' } } as ProvenanceAgent;
  const provenance: Provenance = {
    resourceType: 'Provenance',
    target: [target],
    recorded: origin.received.toISOString(),
    ...said,
    agent: agents.length > 0 ? agents : [gateway],
  };
  return draft.add(provenance, [identityOf(origin, n === 1 ? 'document' : `document ${n}`)]);
}

/** PPN: a person; when he did it is the Provenance's own time. */
function signerOf(at: ReturnType<typeof components>, draft: Draft): ProvenanceAgent | undefined {
  const who = practitionerOf([at], draft);
  return who && inRole('LA', agent('legal', who));
}

function inRole(code: string, one: ProvenanceAgent): ProvenanceAgent {
  return { ...one, role: [{ coding: [{ system: PARTICIPATION, code }] }] };
}

/** TXA-2 of HL7 Table 0270 where it names no coding system. */
const DOCUMENT_TYPE: Datatype<CodeableConcept> = each((at, { draft }) => {
  const said = cweCodeableConcept(at, draft.peer.name);
  const coding = said?.coding?.map((one) =>
    one.system === undefined && DOCUMENT_TYPES.has(one.code ?? '') ? { ...one, system: TYPES } : one,
  );
  return coding ? { ...said, coding } : said;
});

const SECURITY: Datatype<CodeableConcept> = each((at, source) => {
  const code = at(1).toUpperCase();
  if (code === '') return undefined;
  if (!CONFIDENTIALITY.has(code)) source.draft.unmapped('TXA-18', 'HL7 Table 0272', at(1));
  return { coding: [filled({ system: `${V2}-0272`, code: at(1).replace(/\s+/g, ' '), display: CONFIDENTIALITY.get(code) }) as object] };
});

const ST_IDENTIFIER: Datatype<Identifier> = wrapped(ST_STRING, (value) => ({ value }));
const MASTER: Datatype<Identifier> = each((at, { draft }) => eiIdentifier(at, draft.peer.accessionIssuer, '')?.identifier);

/** PPN-15. */
const SIGNED: Datatype<string> = each((at, source) => {
  const when = at(15) === '' ? undefined : dateTimeOf(at(15), source.draft.zone);
  if (when === null) source.draft.gap('TXA-22.15', 'is no date or time', at(15));
  return when ?? undefined;
});

/** An instant needs a time of day: a day alone is kept beside it. */
const isDay: Condition = (txa) => txa.peek(6).trim().length <= 8;

const DATE = 'http://hl7.org/fhir/6.0/StructureDefinition/extension-date';
const V2 = 'http://terminology.hl7.org/CodeSystem/v2';
const TYPES = `${V2}-0270`;
const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';

const TXA_DOCUMENTREFERENCE = segmentTable<DocumentReference>(
  [
    ['TXA-12', 'masterIdentifier', MASTER],
    ['TXA-16', 'identifier[]', ST_IDENTIFIER],
    ['TXA-2', 'type', DOCUMENT_TYPE],
    ['TXA-6', 'date', DTM_INSTANT, (txa) => !isDay(txa)],
    ['TXA-6', `extension[${DATE}].valueDate`, DTM_DATE, isDay],
    ['TXA-9', 'author[]', XCN_PRACTITIONER],
    ['TXA-10', 'authenticator', XCN_PRACTITIONER],
    ['TXA-17', 'docStatus', cweCode(DOCUMENT_COMPLETION)],
    ['TXA-17', '_docStatus', originalCode(DOCUMENT_COMPLETION, () => false)],
    ['TXA-18', 'securityLabel[]', SECURITY],
    ['TXA-19', 'status', wrapped(cweCode(DOCUMENT_AVAILABILITY), ({ status }) => status)],
    ['TXA-19', '_status', originalCode(DOCUMENT_AVAILABILITY, ({ exact }) => exact)],
    ['TXA-25', 'description', ST_STRING],
  ],
  { left: { 1: SET_ID } },
);

const TXA_PROVENANCE = segmentTable<Provenance>([
  ['TXA-8', 'recorded', DTM_INSTANT],
  ['TXA-21', 'reason[].text', ST_STRING],
  ['TXA-22', 'occurredDateTime', SIGNED],
]);

/** HL7 Table 0272. */
const CONFIDENTIALITY: ReadonlyMap<string, string> = new Map([
  ['R', 'Restricted'],
  ['U', 'Usual control'],
  ['V', 'Very restricted'],
]);

/** HL7 Table 0191, as types of content. */
const PRESENTATION: ReadonlyMap<string, string> = new Map([
  ['TEXT', 'text/plain'],
  ['TX', 'text/plain'],
  ['FT', 'text/plain'],
  ['AP', 'application/octet-stream'],
  ['APPLICATION', 'application/octet-stream'],
]);

/** HL7 Table 0270, document type. */
export const DOCUMENT_TYPES: ReadonlySet<string> = new Set([
  'AR', // autopsy report
  'CD', // cardiodiagnostics
  'CN', // consultation
  'DI', // diagnostic imaging
  'DS', // discharge summary
  'ED', // emergency department report
  'HP', // history and physical examination
  'OP', // operative report
  'PC', // psychiatric consultation
  'PH', // psychiatric history and physical examination
  'PN', // procedure note
  'PR', // progress note
  'SP', // surgical pathology
  'TS', // transfer summary
]);
