/** NTE to Annotation (HL7 v2.5.1 §2.15.10; guide: NTE[ServiceRequest], NTE[Observation]). A blank comment is none. */
import type { Annotation } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { filled, textOf } from '../datatypes/components.ts';
import { dateTimeField } from '../datatypes/ts-datetime.ts';
import { xcnPractitioner } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';

export function nteAnnotations(notes: readonly Segment[], draft: Draft): Annotation[] {
  return notes.flatMap((nte) => {
    const text = textOf(nte, 3);
    if (text === '') return [];
    return [{ ...filled({ authorReference: xcnPractitioner(nte, 5, draft), time: dateTimeField(nte, 6, draft) }), text }];
  });
}

/** Set id (1), source (2) and type (4) of a comment say how to print it. */
