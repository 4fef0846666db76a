/**
 * What this server can do (R4 §5.1), made from the same tables that do it. In: the base URL, a date, whether CORS is on. Out: the CapabilityStatement.
 */
import type {
  CapabilityStatement,
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceInteraction,
  CapabilityStatementRestResourceSearchParam,
} from '@medplum/fhirtypes';
import { resourceTypes, searchParametersOf } from './search-parameters.ts';

type Interaction = CapabilityStatementRestResourceInteraction['code'];

const EVERY: readonly Interaction[] = ['read', 'vread', 'history-instance', 'search-type', 'create', 'update', 'patch', 'delete'];

/** A Binary does not change and is found by what refers to it. */
const BINARY: readonly Interaction[] = ['read', 'create', 'delete'];

/** The interactions of a type. */
function interactionsOf(type: string): readonly Interaction[] {
  return type === 'Binary' ? BINARY : EVERY;
}

/** `cors`: whether pages of other origins may read it. All else is true of every server of this kind. */
export function capabilityStatement(base: string, date: Date, cors: boolean): CapabilityStatement {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: date.toISOString(),
    kind: 'instance',
    software: { name: 'Waystation' },
    implementation: { description: 'Consultations of asynchronous telemedicine', url: base },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    patchFormat: ['application/json-patch+json'],
    rest: [
      {
        mode: 'server',
        documentation: DOCUMENTATION,
        security: { cors, description: 'Bearer token (RFC 6750) in every request but the one for this statement.' },
        resource: resourceTypes().map(resourceCapability),
        interaction: [{ code: 'transaction' }, { code: 'batch' }],
      },
    ],
  };
}

function resourceCapability(type: string): CapabilityStatementRestResource {
  const interaction = interactionsOf(type).map((code) => ({ code }));
  const common = {
    type: type as CapabilityStatementRestResource['type'],
    interaction,
    updateCreate: false,
    conditionalDelete: 'not-supported' as const,
  };
  if (type === 'Binary')
    return { ...common, versioning: 'no-version', readHistory: false, conditionalCreate: false, conditionalUpdate: false };
  return {
    ...common,
    versioning: 'versioned',
    readHistory: true,
    conditionalCreate: true,
    conditionalRead: 'not-match',
    conditionalUpdate: true,
    referencePolicy: ['literal', 'logical'],
    searchInclude: includesOf(type),
    searchRevInclude: resourceTypes().flatMap((source) => includesOf(source, type)),
    searchParam: [
      ...EVERY_PARAMETER,
      ...[...(searchParametersOf(type)?.values() ?? [])].map(({ name, type: kind }) => ({ name, type: kind })),
    ],
  };
}

/** `Type:parameter` of the references of a type, of those that may point to `target` when one is given. */
function includesOf(type: string, target?: string): string[] {
  return [...(searchParametersOf(type)?.values() ?? [])]
    .filter((parameter) => parameter.type === 'reference' && (target === undefined || parameter.targets.includes(target)))
    .map((parameter) => `${type}:${parameter.name}`);
}

const EVERY_PARAMETER: readonly CapabilityStatementRestResourceSearchParam[] = [
  { name: '_id', type: 'token' },
  { name: '_lastUpdated', type: 'date' },
];

const DOCUMENTATION = [
  'A reading group sees what belongs to its cases. What a client may not see is answered as what is not there.',
  'Pages are in the order of _lastUpdated, oldest first, unless _sort says otherwise: _lastUpdated or the date parameter of the type, either way.',
  'Result parameters: _count (at most 500), _sort, _total=accurate, _summary=count, _elements, _include, _revinclude (both with :iterate).',
  'Modifiers: :not on tokens, :identifier and :[type] on references. Unknown parameters are refused unless Prefer: handling=lenient.',
  'A Binary of any size is created by POST with its own content type and read with it, also in ranges; as application/fhir+json it is a resource.',
  'Transactions hold writes only and are atomic. The ids are given by the server.',
].join(' ');
