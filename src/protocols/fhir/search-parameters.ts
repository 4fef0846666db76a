/**
 * What each resource type can be searched by, one row a parameter, named as in R4 (search-parameter registry of FHIR 4.0.1).
 * The index, the parser of queries and the CapabilityStatement are all read from these tables, so none can promise what another lacks.
 * A type that is not here is not held: the door answers 404 for it.
 */

/** How the element at `path` is read: its datatype, or what several datatypes have in common. */
export type ElementKind = 'Identifier' | 'CodeableConcept' | 'Coding' | 'code' | 'boolean' | 'Reference' | 'HumanName' | 'string' | 'date';

export type SearchParameter = {
  readonly name: string;
  readonly type: 'token' | 'reference' | 'string' | 'date';
  readonly kind: ElementKind;
  /** Where the value stands: arrays on the way are walked through. Several paths: any of them. */
  readonly paths: readonly string[];
  /** Types a reference may point to among those held here; an id without a type is looked for in all of them. */
  readonly targets: readonly string[];
  /** Indexed under this other parameter of the type (`patient` is `subject` that is a Patient). */
  readonly indexedAs: string;
  /** Strings of it that these parameters of the type keep are not kept twice: whoever asks for it is answered from them too. */
  readonly alsoIn?: readonly string[];
};

/** Parameters of a type by name; undefined for a type that is not held. `_id` and `_lastUpdated` go with every type and are columns. */
export function searchParametersOf(type: string): ReadonlyMap<string, SearchParameter> | undefined {
  return PARAMETERS.get(type);
}

/** The resource types this server holds. */
export function resourceTypes(): readonly string[] {
  return [...PARAMETERS.keys()];
}

function token(name: string, kind: ElementKind, ...paths: string[]): SearchParameter {
  return { name, type: 'token', kind, paths: paths.length > 0 ? paths : [name], targets: [], indexedAs: name };
}

function reference(name: string, targets: readonly string[], ...paths: string[]): SearchParameter {
  return { name, type: 'reference', kind: 'Reference', paths: paths.length > 0 ? paths : [name], targets, indexedAs: name };
}

/** `patient`: the subject, when it is a Patient. */
function patient(indexedAs: string, path: string): SearchParameter {
  return { ...reference('patient', ['Patient'], path), indexedAs };
}

function names(name: string, kind: ElementKind, ...paths: string[]): SearchParameter {
  return { name, type: 'string', kind, paths: paths.length > 0 ? paths : [name], targets: [], indexedAs: name };
}

/** The one principal date of a type; dateTime, instant and Period alike. */
function date(name: string, ...paths: string[]): SearchParameter {
  return { name, type: 'date', kind: 'date', paths, targets: [], indexedAs: name };
}

const identifier = token('identifier', 'Identifier');
const status = token('status', 'code');
const active = token('active', 'boolean');
const personNames: readonly SearchParameter[] = [
  { ...names('name', 'HumanName'), alsoIn: ['family', 'given'] },
  names('family', 'string', 'name.family'),
  names('given', 'string', 'name.given'),
];

const WHO = ['Practitioner', 'PractitionerRole', 'Organization', 'Patient'];
const SUBJECTS = ['Patient'];
/** Elements that R4 lets point at anything: everything held here. */
const ANYTHING = [
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Encounter',
  'Account',
  'ServiceRequest',
  'Task',
  'ImagingStudy',
  'Media',
  'Observation',
  'QuestionnaireResponse',
  'DocumentReference',
  'DiagnosticReport',
  'Condition',
  'Procedure',
  'EpisodeOfCare',
  'CareTeam',
  'Coverage',
  'RelatedPerson',
  'AllergyIntolerance',
  'Provenance',
  'Binary',
  'Endpoint',
];

const TABLES: Readonly<Record<string, readonly SearchParameter[]>> = {
  Patient: [
    identifier,
    active,
    ...personNames,
    token('gender', 'code'),
    date('birthdate', 'birthDate'),
    reference('general-practitioner', ['Practitioner', 'PractitionerRole', 'Organization'], 'generalPractitioner'),
    reference('organization', ['Organization'], 'managingOrganization'),
    reference('link', ['Patient'], 'link.other'),
  ],
  Practitioner: [identifier, active, ...personNames],
  PractitionerRole: [
    identifier,
    active,
    reference('practitioner', ['Practitioner']),
    reference('organization', ['Organization']),
    reference('endpoint', ['Endpoint']),
    token('role', 'CodeableConcept', 'code'),
    token('specialty', 'CodeableConcept'),
  ],
  Organization: [
    identifier,
    active,
    names('name', 'string', 'name', 'alias'),
    token('type', 'CodeableConcept'),
    reference('partof', ['Organization'], 'partOf'),
    reference('endpoint', ['Endpoint']),
  ],
  Encounter: [
    identifier,
    status,
    token('class', 'Coding'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('based-on', ['ServiceRequest'], 'basedOn'),
    reference('part-of', ['Encounter'], 'partOf'),
    reference('service-provider', ['Organization'], 'serviceProvider'),
    reference('account', ['Account']),
    date('date', 'period'),
  ],
  Account: [identifier, status, token('type', 'CodeableConcept'), reference('subject', SUBJECTS), patient('subject', 'subject')],
  ServiceRequest: [
    identifier,
    status,
    token('intent', 'code'),
    token('priority', 'code'),
    token('code', 'CodeableConcept'),
    token('category', 'CodeableConcept'),
    token('body-site', 'CodeableConcept', 'bodySite'),
    token('performer-type', 'CodeableConcept', 'performerType'),
    token('requisition', 'Identifier'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('encounter', ['Encounter']),
    reference('requester', WHO),
    reference('performer', WHO),
    reference('based-on', ['ServiceRequest'], 'basedOn'),
    reference('replaces', ['ServiceRequest']),
    date('authored', 'authoredOn'),
  ],
  Task: [
    identifier,
    status,
    token('intent', 'code'),
    token('priority', 'code'),
    token('code', 'CodeableConcept'),
    token('business-status', 'CodeableConcept', 'businessStatus'),
    token('performer', 'CodeableConcept', 'performerType'),
    token('group-identifier', 'Identifier', 'groupIdentifier'),
    reference('owner', WHO),
    reference('requester', WHO),
    reference('focus', ANYTHING),
    reference('based-on', ANYTHING, 'basedOn'),
    reference('part-of', ['Task'], 'partOf'),
    reference('subject', ANYTHING, 'for'),
    patient('subject', 'for'),
    reference('encounter', ['Encounter']),
    date('authored-on', 'authoredOn'),
  ],
  ImagingStudy: [
    identifier,
    status,
    token('modality', 'Coding', 'modality', 'series.modality'),
    token('bodysite', 'Coding', 'series.bodySite'),
    token('series', 'code', 'series.uid'),
    token('reason', 'CodeableConcept', 'reasonCode'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('basedon', ['ServiceRequest', 'Task'], 'basedOn'),
    reference('encounter', ['Encounter']),
    reference('referrer', ['Practitioner', 'PractitionerRole']),
    reference('interpreter', ['Practitioner', 'PractitionerRole']),
    reference('endpoint', ['Endpoint'], 'endpoint', 'series.endpoint'),
    date('started', 'started'),
  ],
  Media: [
    identifier,
    status,
    token('type', 'CodeableConcept'),
    token('modality', 'CodeableConcept'),
    token('view', 'CodeableConcept'),
    token('site', 'CodeableConcept', 'bodySite'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('based-on', ['ServiceRequest'], 'basedOn'),
    reference('encounter', ['Encounter']),
    reference('operator', WHO),
    date('created', 'createdDateTime', 'createdPeriod'),
  ],
  Observation: [
    identifier,
    status,
    token('code', 'CodeableConcept'),
    token('category', 'CodeableConcept'),
    token('method', 'CodeableConcept'),
    token('value-concept', 'CodeableConcept', 'valueCodeableConcept'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('based-on', ['ServiceRequest'], 'basedOn'),
    reference('part-of', ['ImagingStudy'], 'partOf'),
    reference('encounter', ['Encounter']),
    reference('focus', ANYTHING),
    reference('performer', WHO),
    reference('has-member', ['Observation', 'QuestionnaireResponse'], 'hasMember'),
    reference('derived-from', ['ImagingStudy', 'Media', 'Observation', 'QuestionnaireResponse', 'DocumentReference'], 'derivedFrom'),
    date('date', 'effectiveDateTime', 'effectivePeriod', 'effectiveInstant'),
  ],
  QuestionnaireResponse: [
    identifier,
    status,
    reference('subject', ANYTHING),
    patient('subject', 'subject'),
    reference('based-on', ['ServiceRequest'], 'basedOn'),
    reference('part-of', ['Observation'], 'partOf'),
    reference('encounter', ['Encounter']),
    reference('author', WHO),
    reference('source', ['Patient', 'Practitioner', 'PractitionerRole']),
    date('authored', 'authored'),
  ],
  DocumentReference: [
    token('identifier', 'Identifier', 'identifier', 'masterIdentifier'),
    status,
    token('type', 'CodeableConcept'),
    token('category', 'CodeableConcept'),
    token('setting', 'CodeableConcept', 'context.practiceSetting'),
    token('contenttype', 'code', 'content.attachment.contentType'),
    reference('subject', ['Patient', 'Practitioner']),
    patient('subject', 'subject'),
    reference('encounter', ['Encounter'], 'context.encounter'),
    reference('author', WHO),
    reference('custodian', ['Organization']),
    reference('related', ANYTHING, 'context.related'),
    reference('relatesto', ['DocumentReference'], 'relatesTo.target'),
    date('date', 'date'),
  ],
  DiagnosticReport: [
    identifier,
    status,
    token('code', 'CodeableConcept'),
    token('category', 'CodeableConcept'),
    token('conclusion', 'CodeableConcept', 'conclusionCode'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('based-on', ['ServiceRequest'], 'basedOn'),
    reference('encounter', ['Encounter']),
    reference('performer', ['Practitioner', 'PractitionerRole', 'Organization']),
    reference('results-interpreter', ['Practitioner', 'PractitionerRole', 'Organization'], 'resultsInterpreter'),
    reference('result', ['Observation']),
    reference('media', ['Media'], 'media.link'),
    date('date', 'effectiveDateTime', 'effectivePeriod'),
  ],
  Condition: [
    identifier,
    token('clinical-status', 'CodeableConcept', 'clinicalStatus'),
    token('verification-status', 'CodeableConcept', 'verificationStatus'),
    token('code', 'CodeableConcept'),
    token('category', 'CodeableConcept'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('encounter', ['Encounter']),
    date('recorded-date', 'recordedDate'),
  ],
  Procedure: [
    identifier,
    status,
    token('code', 'CodeableConcept'),
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('encounter', ['Encounter']),
    date('date', 'performedDateTime', 'performedPeriod'),
  ],
  CareTeam: [
    identifier,
    status,
    reference('subject', SUBJECTS),
    patient('subject', 'subject'),
    reference('participant', WHO, 'participant.member'),
  ],
  EpisodeOfCare: [
    identifier,
    status,
    reference('patient', SUBJECTS),
    reference('condition', ['Condition'], 'diagnosis.condition'),
    date('date', 'period'),
  ],
  Coverage: [
    identifier,
    status,
    token('type', 'CodeableConcept'),
    reference('beneficiary', SUBJECTS),
    patient('beneficiary', 'beneficiary'),
    reference('payor', ['Organization', 'Patient']),
  ],
  RelatedPerson: [identifier, active, names('name', 'HumanName'), token('relationship', 'CodeableConcept'), reference('patient', SUBJECTS)],
  AllergyIntolerance: [
    identifier,
    token('clinical-status', 'CodeableConcept', 'clinicalStatus'),
    token('verification-status', 'CodeableConcept', 'verificationStatus'),
    token('code', 'CodeableConcept', 'code', 'reaction.substance'),
    token('category', 'code'),
    token('criticality', 'code'),
    reference('patient', SUBJECTS),
    date('date', 'recordedDate'),
  ],
  Provenance: [
    token('agent-role', 'CodeableConcept', 'agent.role'),
    token('agent-type', 'CodeableConcept', 'agent.type'),
    token('signature-type', 'Coding', 'signature.type'),
    reference('target', ANYTHING),
    patient('target', 'target'),
    reference('agent', WHO, 'agent.who'),
    reference('entity', ANYTHING, 'entity.what'),
    date('recorded', 'recorded'),
  ],
  Binary: [],
  Endpoint: [
    identifier,
    status,
    names('name', 'string'),
    token('connection-type', 'Coding', 'connectionType'),
    token('payload-type', 'CodeableConcept', 'payloadType'),
    reference('organization', ['Organization'], 'managingOrganization'),
  ],
};

/** Labels by which another server finds again what it put here. */
const tag = token('_tag', 'Coding', 'meta.tag');

const PARAMETERS: ReadonlyMap<string, ReadonlyMap<string, SearchParameter>> = new Map(
  Object.entries(TABLES).map(([type, rows]) => [type, new Map([tag, ...rows].map((row) => [row.name, row]))]),
);
