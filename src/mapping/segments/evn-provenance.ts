/**
 * EVN and MSH to Provenance (HL7 v2.5.1 §3.4.1; guide: EVN[Provenance]): which event changed a person or a stay, who entered it, and why.
 * In: the message's EVN, what it is about, the journal entry. Out: a Provenance in the draft. The message itself stays in the journal.
 */
import type { Provenance, ProvenanceAgent, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, eachRepetition, firstValue } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { bounded, identity } from '../datatypes/systems.ts';
import { dateTimeField, dateTimeOf } from '../datatypes/ts-datetime.ts';
import { xcnPractitioners } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import type { MessageOrigin } from './msh-provenance.ts';

export function evnProvenance(evn: Segment | undefined, target: readonly Reference[], origin: MessageOrigin, draft: Draft): void {
  const digest = origin.digest.toString('hex');
  // EVN-1 repeats MSH-9.2.
  firstValue(evn, 1);
  const provenance = compact<Provenance>({
    resourceType: 'Provenance',
    target: [...target],
    occurredDateTime: dateTimeField(evn, 6, draft),
    recorded: instantOf(firstValue(evn, 2), draft.zone) ?? origin.received.toISOString(),
    reason: eachRepetition(evn, 4, (at) => cweCodeableConcept(at, draft.peer.name)),
    activity: { coding: [{ system: DATA_OPERATION, code: 'UPDATE' }], text: origin.type },
    agent: agentsOf(evn, origin, draft),
    entity: [
      {
        role: 'source',
        what: {
          identifier: { system: 'urn:waystation:message:sha256', value: digest },
          display: `${origin.type} ${origin.controlId} from ${origin.peer}`,
        },
      },
    ],
  });
  draft.add(provenance, [identity('Provenance', 'urn:waystation:message', `${bounded(origin.peer)}|${digest}|event`)]);
}

/** An instant has at least seconds. */
function instantOf(text: string, zone: string): string | undefined {
  const value = /^\d{14}/.test(text) ? dateTimeOf(text, zone) : null;
  return value ?? undefined;
}

/** The sending system, and who entered the event (EVN-5). */
function agentsOf(evn: Segment | undefined, { peer }: MessageOrigin, draft: Draft): ProvenanceAgent[] {
  const sender: ProvenanceAgent['who'] = { identifier: { system: 'urn:waystation:peer', value: peer }, display: peer };
  const operators = evn ? xcnPractitioners(evn, 5, draft) : [];
  const agent = (code: string, who: ProvenanceAgent['who']) => ({ type: { coding: [{ system: PARTICIPANT, code }] }, who });
  return [agent('author', sender), ...operators.map((who) => agent('enterer', who as ProvenanceAgent['who']))];
}

const DATA_OPERATION = 'http://terminology.hl7.org/CodeSystem/v3-DataOperation';
const PARTICIPANT = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
