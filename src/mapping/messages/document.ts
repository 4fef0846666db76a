/**
 * One document of a message to a DocumentReference with its content, and to the part of a case that it is.
 * In: TXA and the observations that hold the content; the patient, the visit, the orders. Out: a CasePart; the resources go into the draft.
 */
import type { Attachment, Consent, DocumentReference, Observation, Patient, Reference } from '@medplum/fhirtypes';
import type { CaseKey, CasePart } from '../../model/case.ts';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, eachRepetition, filled } from '../datatypes/components.ts';
import { type EntityIdentifier, eiIdentifier } from '../datatypes/ei-identifier.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { mshProvenance } from '../segments/msh-provenance.ts';
import { isContent, obxAttachments } from '../segments/obx-documentreference.ts';
import { countSegments, type ObservationSegments, obxObservation } from '../segments/obx-observation.ts';
import { documentNumber, presentationOf, txaDocumentReference, txaProvenance } from '../segments/txa-documentreference.ts';
import { orderKeys } from './order-keys.ts';
import type { ReadRequest, ResultContext } from './result.ts';
import { resultPart } from './result-part.ts';

export type DocumentSegments = { readonly txa: Segment; readonly observations: readonly ObservationSegments[] };

export type DocumentContext = ResultContext & {
  /** MSH-9.2; '' where the document stands in another message. */
  readonly event: string;
  readonly orders: readonly ReadRequest[];
  readonly beside: readonly Reference<Consent>[];
  readonly orc: Segment | undefined;
};

export function mapDocument({ txa, observations }: DocumentSegments, context: DocumentContext, draft: Draft): CasePart {
  const { patient, event, orders, beside, msh, sft, entry } = context;
  const known = documentIdentity(txa, context, draft);
  const others = readOthers(observations, known, context, draft);
  const content = contentOf(txa, observations, known, draft);
  const said = txaDocumentReference(txa, draft);
  const { relatesTo, related: parent } = parentOf(txa, event, patient.reference, draft);
  const related = [...orders.map(({ request }) => request), ...others, ...parent];
  const document = draft.add(
    compact<DocumentReference>({
      resourceType: 'DocumentReference',
      ...said,
      ...takenBack(event, said),
      subject: patient.reference,
      content,
      relatesTo,
      context: filled({ encounter: context.encounter ? [context.encounter] : [], related }),
    } as DocumentReference),
    [known],
    { initial: { status: 'current', content: [{ attachment: emptyAttachment(txa) }] } },
  );
  const written = [document, ...others, ...beside];
  const signed = txaProvenance(txa, document, { n: context.n, origin: entry }, draft);
  const provenance = mshProvenance({ msh, sft }, context.orc, context.n, written, entry, draft);
  return resultPart(
    {
      keys: onceEach([...orders.flatMap(({ keys }) => keys), ...ordersOf(txa, draft)]),
      written: [...written, ...(signed ? [signed] : []), provenance],
      files: content.map(({ attachment }) => attachment.url),
    },
    context,
  );
}

/** TXA-12; a document without a number is known by its message. */
function documentIdentity(txa: Segment, { entry, n }: DocumentContext, draft: Draft): Identity {
  const number = documentNumber(txa, 12, draft);
  return number
    ? numbered(number)
    : identity('DocumentReference', 'urn:waystation:document-of-message', `${entry.digest.toString('hex')}|${n}`);
}

function numbered({ identifier, value }: EntityIdentifier): Identity {
  return identity('DocumentReference', identifier.system as string, value);
}

/** Texts and files in the order they stand; what TXA-3 calls them where they do not say it themselves. */
function contentOf(
  txa: Segment,
  observations: readonly ObservationSegments[],
  known: Identity,
  draft: Draft,
): { attachment: Attachment }[] {
  const attachments: Attachment[] = [];
  for (const one of observations) {
    if (isContent(one.obx)) attachments.push(...obxAttachments(one, known, attachments.length, draft));
  }
  return attachments.map((attachment) => ({ attachment: { ...presentationOf(txa), ...attachment } }));
}

/** A document has content in FHIR; of one that is only announced the type is known at most. */
function emptyAttachment(txa: Segment): object {
  const type = presentationOf(txa);
  if (type.contentType !== undefined) return type;
  return { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }] };
}

function readOthers(
  observations: readonly ObservationSegments[],
  owner: Identity,
  { patient, encounter }: DocumentContext,
  draft: Draft,
): Reference<Observation>[] {
  countSegments(observations);
  return observations.flatMap((segments, index) => {
    const { obx } = segments;
    if (isContent(obx)) return [];
    const place = `${keyOf(owner)}|${obx.peek(3)}|${obx.raw(4)}|${index + 1}`;
    const known = identity('Observation', 'urn:waystation:observation-of-document', place);
    return obxObservation(segments, { subject: patient.reference, encounter, known }, draft).reference;
  });
}

/** Cancelled (T11): it was an error, whatever else TXA says. */
function takenBack(event: string, { status }: Partial<DocumentReference>): Partial<DocumentReference> {
  if (event !== 'T11') return {};
  return status === undefined || status === 'current'
    ? { status: 'entered-in-error', docStatus: 'entered-in-error' }
    : { docStatus: 'entered-in-error' };
}

type Parent = { readonly relatesTo: DocumentReference['relatesTo']; readonly related: readonly Reference<DocumentReference>[] };

/** TXA-13, the parent document: added to, or replaced. Where the event is neither, only that it is related. */
function parentOf(txa: Segment, event: string, subject: Reference<Patient>, draft: Draft): Parent {
  const parent = documentNumber(txa, 13, draft);
  const code = RELATIONS.get(event);
  if (!parent) {
    if (code) draft.gap('TXA-13', 'is empty: nobody can tell which document this one adds to or replaces');
    return { relatesTo: [], related: [] };
  }
  const former: Partial<DocumentReference> = {
    resourceType: 'DocumentReference',
    subject,
    ...(code === 'replaces' ? { status: 'superseded' } : {}),
  };
  const known = draft.add(former as DocumentReference, [numbered(parent)], { mode: 'amend' });
  const target = { ...known, identifier: parent.identifier };
  return code ? { relatesTo: [{ code, target }], related: [] } : { relatesTo: [], related: [target] };
}

/** TXA-14 and TXA-15: the orders, where the message has no ORC, or others. */
function ordersOf(txa: Segment, draft: Draft): CaseKey[] {
  const { peer } = draft;
  const [placer] = eachRepetition(txa, 14, (at) => eiIdentifier(at, peer.accessionIssuer, 'PLAC'));
  const fillers = eachRepetition(txa, 15, (at) => eiIdentifier(at, peer.accessionIssuer, 'FILL'));
  const none = { accession: undefined, studyUid: '' };
  const keys = [{ placer, filler: fillers[0] }, ...fillers.slice(1).map((filler) => ({ placer: undefined, filler }))];
  return keys.flatMap((numbers) => orderKeys(numbers, none, peer));
}

function onceEach(keys: readonly CaseKey[]): CaseKey[] {
  return [...new Map(keys.map((key) => [`${key.kind}|${key.system}|${key.value}`, key])).values()];
}

const RELATIONS: ReadonlyMap<string, 'appends' | 'replaces'> = new Map([
  ['T05', 'appends'],
  ['T06', 'appends'],
  ['T09', 'replaces'],
  ['T10', 'replaces'],
]);
