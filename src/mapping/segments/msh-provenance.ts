/**
 * MSH and ORC to Provenance: which message an order came from, who entered it (guide: MSH[Provenance-Source], ORC[Provenance]; one
 * Provenance an order instead of the guide's three).
 * In: the entry and what was made of it. Out: a reference to the Provenance in the draft. The message itself stays in the journal: it is
 * named by peer, control id and SHA-256.
 */
import type { Coding, Device, Location, Provenance, ProvenanceAgent, ProvenanceEntity, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, components, filled, firstValue } from '../datatypes/components.ts';
import { cweConceptIn } from '../datatypes/cwe-code.ts';
import { CWE_DEVICE } from '../datatypes/cwe-device.ts';
import { CWE_ORGANIZATION } from '../datatypes/cwe-organization.ts';
import { type Source, wrapped } from '../datatypes/datatype.ts';
import { bounded, identity } from '../datatypes/systems.ts';
import { dateTimeField } from '../datatypes/ts-datetime.ts';
import { XAD_ADDRESS } from '../datatypes/xad-address.ts';
import { xcnPractitioner } from '../datatypes/xcn-practitioner.ts';
import { XON_LOCATION, XON_ORGANIZATION } from '../datatypes/xon-organization.ts';
import { xtnContactPointOf } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { combined, segmentTable, valued } from '../segment-table.ts';
import { ORDER_CONTROL } from '../vocabulary/0119-order-control.ts';
import { HD_DEVICE, HD_SENDER, MSH_SECURITY, mshMessageHeader, sftDevice } from './msh-messageheader.ts';

/** The journal entry of the message. */
export type MessageOrigin = {
  readonly peer: string;
  readonly type: string;
  readonly controlId: string;
  /** SHA-256 of the bytes. */
  readonly digest: Buffer;
  readonly received: Date;
};

/** The segments at the head of a message that say where it comes from. */
export type SourceSegments = { readonly msh: Segment; readonly sft: readonly Segment[] };

/** `n`: which order of the message. */
export function mshProvenance(
  source: SourceSegments,
  orc: Segment | undefined,
  n: number,
  target: readonly Reference[],
  origin: MessageOrigin,
  draft: Draft,
): Reference<Provenance> {
  const { agent, entity, coding } = messageSource(source, origin, draft);
  const activity = ORDER_CONTROL.get(firstValue(orc, 1))?.activity;
  const provenance = compact<Provenance>({
    resourceType: 'Provenance',
    target: [...target],
    occurredDateTime: dateTimeField(source.msh, 7, draft),
    recorded: origin.received.toISOString(),
    activity: {
      coding: [...(activity ? [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: activity }] : []), ...coding],
      text: origin.type,
    },
    agent: [...agent, ...personsOf(orc, draft)],
    location: orderedAt(orc, draft),
    entity,
    ...combined<Partial<Provenance>>(MSH_SECURITY(source.msh, draft), ORC_SECURITY(orc, draft)),
  });
  return draft.add(provenance, [identityOf(origin, String(n))]);
}

/** What a Provenance is known by: the message, and which of its things. */
export function identityOf({ peer, digest }: MessageOrigin, which: string): Identity {
  return identity('Provenance', 'urn:waystation:message', `${bounded(peer)}|${digest.toString('hex')}|${which}`);
}

/**
 * What every Provenance says of its message: the sending system and its organization (MSH-22, else MSH-4) as authors, this gateway as
 * assembler; the message, its header and the software that wrote it as sources; that it was transformed.
 */
export function messageSource({ msh, sft }: SourceSegments, origin: MessageOrigin, draft: Draft): MessageSource {
  const sender = { identifier: { system: 'urn:waystation:peer', value: origin.peer }, display: origin.peer };
  const [organization] = valued('MSH-22')(msh) ? XON_ORGANIZATION(placeOf(msh, 22, draft)) : HD_SENDER(placeOf(msh, 4, draft));
  const type = [firstValue(msh, 9), components(msh, 9)(2), components(msh, 9)(3)].filter((part) => part !== '').join('^');
  return {
    agent: [agent('author', sender), ...(organization ? [agent('author', organization)] : []), agent('assembler', GATEWAY)],
    entity: [
      { role: 'source', what: messageReference(origin) },
      { role: 'source', what: mshMessageHeader(msh, draft) },
      ...(valued('MSH-24')(msh) ? HD_DEVICE(placeOf(msh, 3, draft)).map((what) => ({ role: 'source' as const, what })) : []),
      ...sft.map((segment) => ({ role: 'derivation' as const, what: sftDevice(segment, draft) })),
    ],
    coding: [{ system: TRANSFORMATION_SYSTEM, code: 'v2-fhir-transformation' }, ...(type === '' ? [] : [{ display: `message - ${type}` }])],
  };
}

export type MessageSource = {
  readonly agent: ProvenanceAgent[];
  readonly entity: ProvenanceEntity[];
  readonly coding: Coding[];
};

function placeOf(segment: Segment, field: number, draft: Draft): Source {
  return { segment, field, component: 0, most: 1, draft };
}

function messageReference({ peer, type, controlId, digest }: MessageOrigin): Reference {
  return {
    identifier: { system: 'urn:waystation:message:sha256', value: digest.toString('hex') },
    display: `${type} ${controlId} from ${peer}`,
  };
}

/** Who entered the order (ORC-10, for ORC-17), who verified it (ORC-11), who asks (ORC-12), who acts (ORC-19). Guide: ORC[Provenance]. */
function personsOf(orc: Segment | undefined, draft: Draft): ProvenanceAgent[] {
  if (!orc) return [];
  const [organization] = CWE_ORGANIZATION({ segment: orc, field: 17, component: 0, most: 1, draft });
  const behind = organization ? { onBehalfOf: organization } : {};
  const persons = PERSONS.flatMap(([field, role]) => {
    const who = xcnPractitioner(orc, field, draft);
    return who ? [{ ...agent(role, who), ...(role === 'enterer' ? behind : {}) }] : [];
  });
  const devices = ORC_DEVICE(orc, draft).device ?? [];
  const isSaid = !organization || persons.some(({ onBehalfOf }) => onBehalfOf);
  const all = [...persons, ...devices.map((who) => ({ who }))];
  return isSaid ? all : [agent('enterer', organization), ...all];
}

export function agent(role: string, who: Reference): ProvenanceAgent {
  return { type: { coding: [{ system: PARTICIPANT, code: role }] }, who: who as ProvenanceAgent['who'] };
}

/** ORC-18: the device that the order was entered at. */
const ORC_DEVICE = segmentTable<{ device: Reference<Device>[] }>([['ORC-18', 'device[]', CWE_DEVICE]]);

/** ORC-21 to ORC-23: where it was ordered. Nobody looks for that place by itself. */
function orderedAt(orc: Segment | undefined, draft: Draft): Reference<Location> | undefined {
  const { place, ...more } = ORC_LOCATION(orc, draft);
  const said = filled<Partial<Location>>({ ...place, ...more });
  return said && draft.contain<Location>({ resourceType: 'Location', ...said });
}

const ORC_LOCATION = segmentTable<Pick<Location, 'address' | 'telecom'> & { place: Pick<Location, 'name' | 'identifier'> }>([
  ['ORC-21', 'place', XON_LOCATION],
  ['ORC-22', 'address', XAD_ADDRESS],
  ['ORC-23', 'telecom[]', xtnContactPointOf()],
]);

/** ORC-28, how confidential the order is (HL7 Table 0177). */
const ORC_SECURITY = segmentTable<Provenance>([
  ['ORC-28', 'meta.security[]', wrapped(cweConceptIn('http://terminology.hl7.org/CodeSystem/v2-0177'), ({ coding }) => coding?.[0])],
]);

const GATEWAY: Reference = { type: 'Device', display: 'Waystation' };
const TRANSFORMATION_SYSTEM = 'http://hl7.org/fhir/uv/v2mappings/CodeSystem/provenance-activity-type-v2-to-fhir';
const PARTICIPANT = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
const PERSONS = [
  [10, 'enterer'],
  [11, 'verifier'],
  [12, 'author'],
  [19, 'performer'],
] as const;
