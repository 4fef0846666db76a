/**
 * MSH and SFT to MessageHeader and Device (HL7 v2.5.1 §2.15.9, §2.15.12; guide: MSH[MessageHeader], SFT[Device]).
 * In: the segments. Out: references to resources that are contained in the Provenance of what the message made. They say whence a message came
 * and with which software; nobody looks for them by themselves, and no message is sent on as a FHIR message, so the guide's Bundle of type
 * `message` is not made.
 */
import type { Coding, Device, MessageHeader, Organization, Provenance, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, filled } from '../datatypes/components.ts';
import { CWE_CODING } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, wrapped } from '../datatypes/datatype.ts';
import { ST_STRING } from '../datatypes/id-primitive.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XON_ORGANIZATION, XON_STRING } from '../datatypes/xon-organization.ts';
import type { Draft } from '../draft.ts';
import { notValued, segmentTable, valued } from '../segment-table.ts';

export function mshMessageHeader(msh: Segment, draft: Draft): Reference<MessageHeader> {
  const { source, eventCoding, ...said } = MSH_MESSAGEHEADER(msh, draft);
  const destination = destinationOf(said.destination);
  return draft.contain<MessageHeader>({
    resourceType: 'MessageHeader',
    eventCoding: eventCoding ?? { display: 'not said' },
    source: { ...source, ...(source?.endpoint ? {} : UNKNOWN_ENDPOINT) } as MessageHeader['source'],
    ...said,
    ...(destination ? { destination } : {}),
  });
}

/** The software that made the message. */
export function sftDevice(sft: Segment, draft: Draft): Reference<Device> {
  const { name, ...said } = SFT_DEVICE(sft, draft);
  return draft.contain<Device>({ resourceType: 'Device', ...said, ...(name ? { deviceName: [{ name, type: 'manufacturer-name' }] } : {}) });
}

/** An organization that is known by an HD alone (guide: HD[Organization]), contained where it is named. */
export function hdOrganization(at: Components, draft: Draft, more: Partial<Organization> = {}): Reference<Organization> | undefined {
  if (at(1) === '' && at(2) === '') return undefined;
  const organization: Organization = { resourceType: 'Organization', identifier: hdIdentifiers(at), ...more };
  return { ...draft.contain(organization), display: at(1) || at(2) };
}

/** HD: the name that was agreed, and the one that is unique in the world, with its kind (HL7 Table 0301). */
function hdIdentifiers(at: Components): object[] {
  const local = at(1) === '' ? [] : [{ value: at(1) }];
  if (at(2) === '') return local;
  const kind = at(3).toUpperCase();
  const type = kind === '' ? {} : { type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0301', code: kind }] } };
  return [...local, { ...type, ...(kind === 'ISO' || kind === 'UUID' ? { system: 'urn:ietf:rfc:3986' } : {}), value: at(2) }];
}

/** R4 requires an endpoint of a source and of each destination. */
function destinationOf(destinations: MessageHeader['destination']): MessageHeader['destination'] {
  return destinations?.map(
    (one) => ({ ...one, ...(one.endpoint ? {} : UNKNOWN_ENDPOINT) }) as NonNullable<MessageHeader['destination']>[number],
  );
}

const UNKNOWN_ENDPOINT = {
  _endpoint: { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }] },
};

/** HD-2 as an address, where HD-3 says what it is. */
const HD_ENDPOINT: Datatype<string> = each((at) => {
  const prefix = { ISO: 'urn:oid:', UUID: 'urn:uuid:', DNS: 'urn:dns:', URI: '' }[at(3).toUpperCase()];
  if (prefix !== undefined && at(2) !== '') return `${prefix}${at(2)}`;
  return at(2) === '' ? undefined : at(2);
});

const HD_ORGANIZATION: Datatype<Reference<Organization>> = each((at, { draft }) => hdOrganization(at, draft));

/** The sender's country (MSH-17) is its address. */
export const HD_SENDER: Datatype<Reference<Organization>> = each((at, { draft, segment }) => {
  const country = segment.get(17).trim();
  return hdOrganization(at, draft, country === '' ? {} : { address: [{ country }] });
});

export const HD_DEVICE: Datatype<Reference<Device>> = each((at, { draft }) => {
  if (at(1) === '' && at(2) === '') return undefined;
  return draft.contain<Device>({ resourceType: 'Device', identifier: hdIdentifiers(at) });
});

const EVENT = 'http://terminology.hl7.org/CodeSystem/v2-0003';

/** `ORM^O01^ORM_O01`. */
const MSG_CODING: Datatype<Coding> = each((at) => {
  const display = [at(1), at(2), at(3)].filter((part) => part !== '').join('^');
  return filled<Coding>({ system: EVENT, code: at(2) || at(1), display });
});

/** PT: P, T or D (HL7 Table 0103) and the mode (0207). */
const PT_TAGS: Datatype<Coding> = each((at) =>
  at(1) === '' ? undefined : { system: 'http://terminology.hl7.org/CodeSystem/v2-0103', code: at(1) },
);
const PT_MODE: Datatype<Coding> = each((at) =>
  at(2) === '' ? undefined : { system: 'http://terminology.hl7.org/CodeSystem/v2-0207', code: at(2) },
);
const ST_LABEL: Datatype<Coding> = each((at) => (at(1) === '' ? undefined : { display: at(1) }));

const MSH_MESSAGEHEADER = segmentTable<MessageHeader>(
  [
    ['MSH-3', 'source.name', ST_STRING],
    ['MSH-3', 'source.software', each((at) => at(2) || undefined)],
    ['MSH-24', 'source.endpoint', HD_ENDPOINT],
    ['MSH-3', 'source.endpoint', HD_ENDPOINT, notValued('MSH-24')],
    ['MSH-24', 'source.name', ST_STRING, notValued('MSH-3')],
    ['MSH-4', 'sender', HD_SENDER],
    ['MSH-5', 'destination[to].name', ST_STRING],
    ['MSH-5', 'destination[to].target', HD_DEVICE],
    ['MSH-25', 'destination[to].endpoint', HD_ENDPOINT],
    ['MSH-5', 'destination[to].endpoint', HD_ENDPOINT, notValued('MSH-25')],
    ['MSH-25', 'destination[to].name', ST_STRING, notValued('MSH-5')],
    ['MSH-23', 'destination[to].receiver', XON_ORGANIZATION],
    ['MSH-6', 'destination[to].receiver', HD_ORGANIZATION, notValued('MSH-23')],
    ['MSH-9', 'eventCoding', MSG_CODING],
    ['MSH-11', 'meta.tag[]', PT_TAGS],
    ['MSH-11', 'meta.tag[]', PT_MODE],
    ['MSH-19', 'language', ST_STRING],
    ['MSH-22', 'responsible', XON_ORGANIZATION],
  ],
  {
    left: {
      12: 'says the version of the message alone',
      13: 'is the sequence number of the wire',
      14: 'is the continuation of the wire',
      15: 'asks for an acknowledgment alone',
      16: 'asks for an acknowledgment alone',
      18: 'says the character set of the message alone',
      20: 'says how the character set is handled alone',
      21: 'names the profile of the message alone',
    },
  },
);

/** How confidential a message is. What is contained may carry no security label (dom-5): its Provenance does. */
export const MSH_SECURITY = segmentTable<Provenance>([
  ['MSH-8', 'meta.security[]', ST_LABEL],
  ['MSH-26', 'meta.security[]', CWE_CODING],
  ['MSH-27', 'meta.security[]', CWE_CODING],
]);

type SoftwareMembers = Device & { readonly name: string };

const SFT_DEVICE = segmentTable<SoftwareMembers>([
  ['SFT-1', 'manufacturer', XON_STRING],
  ['SFT-2', 'version[sft].value', ST_STRING],
  ['SFT-3', 'name', ST_STRING],
  ['SFT-4', 'modelNumber', ST_STRING],
  ['SFT-5', 'note[]', wrapped(ST_STRING, (text) => ({ text }))],
  [
    'SFT-6',
    'version[sft].extension[https://hl7.org/fhir/5.0/StructureDefinition/extension-Device.version.installDate].valueDateTime',
    DTM_DATETIME,
    valued('SFT-2'),
  ],
]);
