/**
 * Resources that came by FHIR tell which case they are for. In: what one write saved, and a way to look up what it refers to.
 * Out: an `order` part for each ServiceRequest, a `material` part for what refers to one (basedOn, or supportingInfo the other way).
 * Nothing is mapped: the resources stay as their author wrote them.
 */
import type { CodeableConcept, Identifier, Patient, Reference, Resource, ServiceRequest } from '@medplum/fhirtypes';
import type { CaseKey, CasePart, PatientKey, Priority } from '../../model/case.ts';
import { literalReferences } from '../../protocols/fhir/references.ts';

export type LookUp = (reference: string) => Resource | null;

export function casePartsOf(resources: readonly Resource[], lookUp: LookUp): CasePart[] {
  const orders = resources.filter((resource): resource is ServiceRequest => resource.resourceType === 'ServiceRequest');
  const material = resources.filter((resource) => MATERIAL.has(resource.resourceType));
  return [
    ...orders.map((order) => orderPart(order, material, lookUp)),
    ...material.flatMap((resource) => materialParts(resource, orders, lookUp)),
  ];
}

function orderPart(order: ServiceRequest, material: readonly Resource[], lookUp: LookUp): CasePart {
  const supporting = (order.supportingInfo ?? []).map(literal).filter((reference) => lookUp(reference) !== null);
  const based = material.filter((resource) => requestsOf(resource).includes(referenceOf(order))).map(referenceOf);
  const members = [...new Set([...supporting, ...based, literal(order.encounter)])].filter((reference) => reference !== '');
  const files = [order, ...members.flatMap((reference) => lookUp(reference) ?? [])].flatMap(filesOf);
  return {
    kind: 'order',
    keys: [requestKey(referenceOf(order)), ...identifierKeys(order.identifier ?? [])],
    patient: patientKeys(order.subject, lookUp),
    ...eventOf(order),
    production: true,
    priority: (order.priority ?? 'routine') as Priority,
    hints: hintsOf(order),
    serviceRequest: referenceOf(order),
    subject: literal(order.subject),
    members: [...new Set([...members, ...files])],
    study: null,
  };
}

/** What its status says, in the words of HL7 Tables 0119 and 0038. */
function eventOf({ status }: ServiceRequest): Pick<CasePart, 'control' | 'event'> {
  const [control, state] = EVENTS[status ?? ''] ?? ['NW', ''];
  return { control, event: { control, state, position: 1, said: null } };
}

/** What came without its ServiceRequest joins the cases it refers to; what came with it is in the order's part. */
function materialParts(resource: Resource, orders: readonly ServiceRequest[], lookUp: LookUp): CasePart[] {
  const here = new Set(orders.map(referenceOf));
  const requests = requestsOf(resource).filter((reference) => !here.has(reference));
  const subject = (resource as { subject?: Reference }).subject;
  return requests.map((request) => ({
    kind: 'material',
    keys: [requestKey(request)],
    patient: patientKeys(subject, lookUp),
    control: '',
    production: true,
    priority: 'routine',
    hints: [],
    serviceRequest: '',
    subject: literal(subject),
    members: [referenceOf(resource), ...filesOf(resource)],
    study: null,
  }));
}

/** ServiceRequests a resource is based on. */
function requestsOf(resource: Resource): string[] {
  const { basedOn } = resource as { basedOn?: Reference | Reference[] };
  return [basedOn ?? []]
    .flat()
    .map(literal)
    .filter((reference) => reference.startsWith('ServiceRequest/'));
}

/** Files that belong to a resource: whoever reads it reads them. */
function filesOf(resource: Resource): string[] {
  return literalReferences(resource).filter((reference) => reference.startsWith('Binary/'));
}

function requestKey(reference: string): CaseKey {
  return { kind: 'service-request', system: '', value: reference.slice('ServiceRequest/'.length) };
}

/** HL7 Table 0203 codes of order identifiers. An identifier without a system names nothing beyond its sender, and is no key. */
function identifierKeys(identifiers: readonly Identifier[]): CaseKey[] {
  return identifiers.flatMap(({ type, system, value }) => {
    const kind = type?.coding?.map(({ code }) => KEY_KINDS[code ?? '']).find((found) => found !== undefined);
    return kind && system && value ? [{ kind, system, value }] : [];
  });
}

function patientKeys(subject: Reference | undefined, lookUp: LookUp): PatientKey[] {
  const patient = lookUp(literal(subject)) as Patient | null;
  return (patient?.identifier ?? []).flatMap(({ system, value }) => (system && value ? [{ system, value }] : []));
}

function hintsOf(order: ServiceRequest): string[] {
  const codes = [...(order.category ?? []), order.code, ...(order.orderDetail ?? [])].flatMap((concept) => codings(concept, 'code'));
  return [...new Set([...codes, ...codings(order.performerType, 'performer')])];
}

function codings(concept: CodeableConcept | undefined, kind: 'code' | 'performer'): string[] {
  return (concept?.coding ?? []).flatMap(({ system, code }) => (code ? [`${kind}:${system ?? ''}|${code}`] : []));
}

/** `Type/id`; '' for what is not literal. */
function literal(reference: Reference | undefined): string {
  return reference?.reference ?? '';
}

function referenceOf(resource: Resource): string {
  return `${resource.resourceType}/${resource.id}`;
}

/** ServiceRequest.status → ORC-1, ORC-5. */
const EVENTS: Readonly<Record<string, readonly [control: string, state: string]>> = {
  draft: ['NW', 'HD'],
  'on-hold': ['NW', 'HD'],
  completed: ['SC', 'CM'],
  revoked: ['CA', ''],
  'entered-in-error': ['CA', ''],
};

const KEY_KINDS: Readonly<Record<string, CaseKey['kind']>> = { ACSN: 'accession', PLAC: 'placer', FILL: 'filler' };

/** What a package is made of, beside studies that come by DICOM. */
const MATERIAL: ReadonlySet<string> = new Set(['Media', 'QuestionnaireResponse', 'Observation', 'DocumentReference', 'ImagingStudy']);
