/**
 * NTE to Annotation (HL7 v2.5.1 §2.15.10; guide: NTE[ServiceRequest], NTE[Observation]). A comment in code (NTE-9, no target in the guide) is
 * told by its words where there is no text; a blank comment is none.
 */
import type { Annotation } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { each } from '../datatypes/datatype.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { TX_STRING } from '../datatypes/tx-string.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { notValued, SET_ID, segmentTable } from '../segment-table.ts';

export function nteAnnotations(notes: readonly Segment[], draft: Draft): Annotation[] {
  return notes.flatMap((nte) => {
    const { text, ...said } = NTE_ANNOTATION(nte, draft);
    return text === undefined ? [] : [{ ...said, text }];
  });
}

const CWE_TEXT = each((at) => at(9) || at(2) || at(1) || undefined);

const NTE_ANNOTATION = segmentTable<Annotation>(
  [
    ['NTE-3', 'text', TX_STRING],
    ['NTE-9', 'text', CWE_TEXT, notValued('NTE-3')],
    ['NTE-5', 'authorReference', XCN_PRACTITIONER],
    ['NTE-6', 'time', DTM_DATETIME],
  ],
  { left: { 1: SET_ID, 2: 'says how to print it', 4: 'says how to print it' } },
);
