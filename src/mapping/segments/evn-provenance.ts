/**
 * EVN and MSH to Provenance, and PID-33 and 34 to one of the person alone (HL7 v2.5.1 §3.4.1; guide: EVN[Provenance],
 * MSH[Provenance-Operator], PID[Provenance-Patient]): which event changed a person or a stay, who entered it, and why.
 * In: the segments, what they are about, the journal entry. Out: a Provenance in the draft. The message itself stays in the journal.
 */
import type { CodeableConcept, Location, Provenance, ProvenanceAgent, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, components, firstValue } from '../datatypes/components.ts';
import { cweConceptOf } from '../datatypes/cwe-code.ts';
import { type Datatype, each } from '../datatypes/datatype.ts';
import { DTM_DATETIME, dateTimeOf } from '../datatypes/ts-datetime.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { among, outside, segmentTable, valued } from '../segment-table.ts';
import { EVENT_REASON } from '../vocabulary/0062-event-reason.ts';
import { hdOrganization } from './msh-messageheader.ts';
import { agent, identityOf, type MessageOrigin, messageSource, type SourceSegments } from './msh-provenance.ts';

export function evnProvenance(
  evn: Segment | undefined,
  source: SourceSegments,
  target: readonly Reference[],
  origin: MessageOrigin,
  draft: Draft,
): void {
  const { agent: senders, entity, coding } = messageSource(source, origin, draft);
  const { operators = [], ...said } = EVN_PROVENANCE(evn, draft);
  const provenance = compact<Provenance>({
    resourceType: 'Provenance',
    target: [...target],
    ...said,
    recorded: instantOf(firstValue(evn, 2), draft.zone) ?? origin.received.toISOString(),
    activity: { coding: [UPDATE, ...coding], text: origin.type },
    agent: [...senders, ...operators.map((who) => agent('enterer', who))],
    entity,
  });
  draft.add(provenance, [identityOf(origin, 'event')]);
}

/** When a person was changed last, and where (PID-33, PID-34). */
export function pidProvenance(pid: Segment, patient: Reference, which: string, origin: MessageOrigin, draft: Draft): void {
  if (!valued('PID-33')(pid) || !valued('PID-34')(pid)) return;
  const { occurredDateTime } = PID_PROVENANCE(pid, draft);
  const where = hdOrganization(components(pid, 34), draft);
  const provenance = compact<Provenance>({
    resourceType: 'Provenance',
    target: [patient],
    occurredDateTime,
    recorded: origin.received.toISOString(),
    activity: { coding: [UPDATE] },
    agent: [agent('performer', where ?? { display: 'not said' })],
  });
  draft.add(provenance, [identityOf(origin, which)]);
}

/** An instant has at least seconds. */
function instantOf(text: string, zone: string): string | undefined {
  const value = /^\d{14}/.test(text) ? dateTimeOf(text, zone) : null;
  return value ?? undefined;
}

/** Where it happened: a facility, contained. */
const HD_LOCATION: Datatype<Reference<Location>> = each((at, { draft }) => {
  if (at(1) === '' && at(2) === '') return undefined;
  const identifier = at(2) === '' ? {} : { identifier: [{ system: 'urn:ietf:rfc:3986', value: at(2) }] };
  const site = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/location-physical-type', code: 'si', display: 'Site' }] };
  return draft.contain<Location>({ resourceType: 'Location', ...identifier, name: at(1) || at(2), physicalType: site });
});

/** EVN-4 U: the reason is not known. */
const UNKNOWN_REASON: Datatype<CodeableConcept> = each(() => ({
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
}));

const UPDATE = { system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: 'UPDATE' };

const EVN_PROVENANCE = segmentTable<
  Pick<Provenance, 'reason' | 'occurredDateTime' | 'location'> & { operators: ProvenanceAgent['who'][] & Reference[] }
>(
  [
    ['EVN-4', 'reason[]', cweConceptOf(EVENT_REASON), outside('EVN-4', 'U')],
    ['EVN-4', 'reason[]', UNKNOWN_REASON, among('EVN-4', 'U')],
    ['EVN-5', 'operators[]', XCN_PRACTITIONER],
    ['EVN-6', 'occurredDateTime', DTM_DATETIME],
    ['EVN-7', 'location', HD_LOCATION],
  ],
  { left: { 1: 'repeats MSH-9.2', 3: 'says when an event is planned: the stay has its own times' } },
);

const PID_PROVENANCE = segmentTable<Pick<Provenance, 'occurredDateTime'>>([['PID-33', 'occurredDateTime', DTM_DATETIME]]);
