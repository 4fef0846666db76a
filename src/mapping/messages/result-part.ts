/** The part of a case that a report or a document is: it joins the case whose numbers it names, and says nothing of an order. */
import type { Reference } from '@medplum/fhirtypes';
import type { CaseKey, CasePart } from '../../model/case.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import type { ReadPatient } from '../segments/pid-patient.ts';

/** `written`: its resources; `files`: the names of its Binaries, and the addresses of what lies elsewhere. */
export type ResultParts = {
  readonly keys: readonly CaseKey[];
  readonly written: readonly Reference[];
  readonly files: readonly (string | undefined)[];
};

export function resultPart({ keys, written, files }: ResultParts, { msh, patient }: { msh: Segment; patient: ReadPatient }): CasePart {
  return {
    kind: 'result',
    keys,
    patient: patient.keys,
    control: '',
    production: firstValue(msh, 11) === 'P',
    priority: null,
    hints: [],
    serviceRequest: '',
    subject: patient.reference.reference as string,
    members: [...written.map(({ reference }) => reference as string), ...files.flatMap((url) => (url?.startsWith('urn:') ? [url] : []))],
    study: null,
  };
}
