/**
 * OBX and NTE to the content of a DocumentReference (HL7 v2.5.1 §9.6.2; guide: OBX[DocumentReference], NTE[DocumentReference]).
 * In: the observations of a document message. Out: its attachments, in the order they stand: files (ED, RP), texts (TX, FT, ST), and notes.
 * Texts are plain text: formatting commands have become line ends. The guide's text/hl7v2 and application/text are no types anybody opens.
 * A long text is kept as a file. What is neither a document nor a text (NM, CWE, HD …) is an Observation beside it, which the guide drops.
 */
import type { Attachment } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components, filled, firstValue, textOf } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { dateTimeField } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { markSame, type ObservationSegments } from './obx-observation.ts';
import { documentsOf } from './obx-value.ts';

/** Characters up to which a text stands in its resource. */
const MAX_INLINE_TEXT = 64 * 1024;

/** `n`: how many of its files are known already. */
export function obxAttachments({ obx, continued, notes }: ObservationSegments, owner: Identity, n: number, draft: Draft): Attachment[] {
  const type = firstValue(obx, 2).toUpperCase();
  const isFile = type === 'ED' || type === 'RP';
  const files = isFile ? documentsOf(obx, type, draft) : [];
  const text = isFile
    ? ''
    : [obx, ...continued]
        .map((one) => textOf(one, 5))
        .join('\n')
        .trim();
  const texts = [text, ...notes.map(noteText)].filter((one) => one !== '');
  // What nothing is carried of is left whole, and so listed.
  if (files.length + texts.length === 0) return [];
  const head = headOf(obx, draft);
  for (const one of continued) markSame(one);
  const attachments = files.map((file, index) => withHead(draft.addFile(file, owner, n + index + 1), head));
  return [...attachments, ...texts.map((one, index) => withHead(textAttachment(one, owner, n + 100 + index, draft), head))];
}

/** Whether its value is a document or a text of one. */
export function isContent(obx: Segment): boolean {
  return CONTENT_TYPES.has(obx.peek(2).trim().toUpperCase());
}

/** Title and time of what an OBX holds. */
function headOf(obx: Segment, draft: Draft): Partial<Attachment> {
  const concept = cweCodeableConcept(components(obx, 3), draft.peer.name);
  const [coding] = concept?.coding ?? [];
  return (
    filled<Partial<Attachment>>({
      title: concept?.text ?? coding?.display ?? coding?.code,
      creation: dateTimeField(obx, 14, draft),
      extension: coding ? [{ url: ALTERNATE_CODES, valueCodeableConcept: concept }] : [],
    }) ?? {}
  );
}

function withHead(attachment: Attachment, { extension = [], ...head }: Partial<Attachment>): Attachment {
  const all = [...(attachment.extension ?? []), ...extension];
  return { ...attachment, ...head, ...(all.length > 0 ? { extension: all } : {}) };
}

/** NTE-3, and NTE-9 by its words and codes. */
function noteText(nte: Segment): string {
  const at = components(nte, 9);
  const coded = [at(9), [at(1), at(2), at(3)].filter((part) => part !== '').join('-')].filter((part) => part !== '').join('\n');
  return [textOf(nte, 3), coded].filter((part) => part !== '').join('\n');
}

function textAttachment(text: string, owner: Identity, n: number, draft: Draft): Attachment {
  const bytes = Buffer.from(text, 'utf8');
  const attachment: Attachment = { contentType: 'text/plain; charset=utf-8' };
  if (text.length > MAX_INLINE_TEXT) return draft.addFile({ attachment, bytes }, owner, n);
  return { ...attachment, data: bytes.toString('base64') };
}

const ALTERNATE_CODES = 'http://hl7.org/fhir/StructureDefinition/alternate-codes';
const CONTENT_TYPES: ReadonlySet<string> = new Set(['ED', 'RP', 'TX', 'FT', 'ST', '']);
