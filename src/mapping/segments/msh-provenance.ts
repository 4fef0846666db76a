/**
 * MSH and ORC to Provenance: which message an order came from, who entered it (guide: MSH[Provenance-Source], ORC[Provenance]; one
 * Provenance an order instead of the guide's three).
 * In: the entry and what was made of it. Out: a reference to the Provenance in the draft. The message itself stays in the journal: it is
 * named by peer, control id and SHA-256.
 */
import type { Provenance, ProvenanceAgent, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, firstValue } from '../datatypes/components.ts';
import { bounded, identity } from '../datatypes/systems.ts';
import { dateTimeField } from '../datatypes/ts-datetime.ts';
import { xcnPractitioner } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { ORDER_CONTROL } from '../vocabulary/0119-order-control.ts';

/** The journal entry of the message. */
export type MessageOrigin = {
  readonly peer: string;
  readonly type: string;
  readonly controlId: string;
  /** SHA-256 of the bytes. */
  readonly digest: Buffer;
  readonly received: Date;
};

/** `n`: which order of the message. */
export function mshProvenance(
  msh: Segment,
  orc: Segment,
  n: number,
  target: readonly Reference[],
  origin: MessageOrigin,
  draft: Draft,
): Reference<Provenance> {
  const digest = origin.digest.toString('hex');
  const activity = ORDER_CONTROL.get(firstValue(orc, 1))?.activity ?? 'UPDATE';
  const provenance = compact<Provenance>({
    resourceType: 'Provenance',
    target: [...target],
    occurredDateTime: dateTimeField(msh, 7, draft),
    recorded: origin.received.toISOString(),
    activity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: activity }], text: origin.type },
    agent: agentsOf(orc, origin, draft),
    entity: [{ role: 'source', what: messageReference(origin, digest) }],
  });
  return draft.add(provenance, [identity('Provenance', 'urn:waystation:message', `${bounded(origin.peer)}|${digest}|${n}`)]);
}

function messageReference({ peer, type, controlId }: MessageOrigin, digest: string): Reference {
  return { identifier: { system: 'urn:waystation:message:sha256', value: digest }, display: `${type} ${controlId} from ${peer}` };
}

/** The sending system, who entered the order (ORC-10), who verified it (ORC-11). */
function agentsOf(orc: Segment, { peer }: MessageOrigin, draft: Draft): ProvenanceAgent[] {
  const sender = { identifier: { system: 'urn:waystation:peer', value: peer }, display: peer };
  const persons = PERSONS.map(([field, role]) => ({ role, who: xcnPractitioner(orc, field, draft) }));
  return [{ role: 'author', who: sender }, ...persons].flatMap(({ role, who }) =>
    who ? [{ type: { coding: [{ system: PARTICIPANT, code: role }] }, who: who as ProvenanceAgent['who'] }] : [],
  );
}

const PARTICIPANT = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
const PERSONS = [
  [10, 'enterer'],
  [11, 'verifier'],
] as const;
