/**
 * Which services there are at the DIMSE door, a line each: what is asked for on which SOP class, by whom, and what carries it out.
 * In: an abstract syntax that a peer proposes, or a request on an accepted one. Out: whether it is offered; the operation.
 */
import type { Landing } from '../../journal/landing-session.ts';
import { failure } from '../../model/failure.ts';
import type { Peer } from '../../model/peer.ts';
import { COMMAND } from '../../protocols/dicom/command.ts';
import type { Encoding } from '../../protocols/dicom/negotiation.ts';
import { QUERY_MODELS } from '../../protocols/dicom/query-retrieve.ts';
import {
  INSTANCE_AVAILABILITY,
  isStorageClass,
  PERFORMED_STEP,
  PERFORMED_STEP_RETRIEVE,
  STORAGE_COMMITMENT_PUSH,
  VERIFICATION,
} from '../../protocols/dicom/sop-class.ts';
import { SUCCESS, statusOf } from '../../protocols/dicom/status.ts';
import { MODALITY_WORKLIST } from '../../protocols/dicom/worklist.ts';
import { commitmentReportSession } from './commitment-report-session.ts';
import { type CommitmentDeps, CommitmentSession } from './commitment-session.ts';
import { type FindDeps, FindSession, findStudies } from './find-session.ts';
import { availabilitySession, performedStepSession } from './notice-session.ts';
import { answered, type Begin, type Operation, type Request } from './operation.ts';
import { type RetrieveDeps, RetrieveSession } from './retrieve-session.ts';
import { stepQuerySession } from './step-query-session.ts';
import { type StoreDeps, StoreSession } from './store-session.ts';
import { findWorklist } from './worklist-session.ts';

export type ServiceDeps = StoreDeps & {
  readonly query: Pick<FindDeps & RetrieveDeps, 'database' | 'blobs' | 'audit' | 'move' | 'decode'>;
  readonly commitment: Pick<CommitmentDeps, 'database' | 'journal' | 'blobs'>;
};

type Service = {
  /** As it is counted. */
  readonly name: string;
  /** Command Field of its request (PS3.7 Table E.1-1). */
  readonly command: number;
  /** The SOP classes it is for. */
  readonly serves: (sopClassUid: string) => boolean;
  /** `stored`: in any transfer syntax that is stored; `written`: in one that we write too. */
  readonly encoding: Encoding;
  /** Whether a peer may use it. */
  readonly offered: (peer: Peer) => boolean;
  readonly begin: Begin<ServiceDeps>;
};

/** How datasets on this SOP class go between this peer and us; null where it is not offered. */
export function offerTo(peer: Peer): (sopClassUid: string) => Encoding | null {
  return (sopClassUid) => SERVICES.find(({ serves, offered }) => serves(sopClassUid) && offered(peer))?.encoding ?? null;
}

/** Whether the peer may be the provider of a SOP class on an association that it opened: who may C-GET takes what comes, an archive reports. */
export function mayProvide(peer: Peer): (sopClassUid: string) => boolean {
  return (sopClassUid) => (mayQuery(peer) && isStorageClass(sopClassUid)) || (isArchive(peer) && sopClassUid === STORAGE_COMMITMENT_PUSH);
}

export function beginOperation(request: Request, deps: ServiceDeps): Operation {
  const { command, context, peer } = request;
  const service = SERVICES.find((one) => one.command === command.field && one.serves(context.abstractSyntax) && one.offered(peer));
  deps.metrics.count('waystation_dimse_operations_total', { operation: service?.name ?? 'other' });
  const operation = service?.begin(request, deps) ?? answered(statusOf(failure('dimse', 'unsupported-event', 'operation')));
  return deps.landing && !BLIND.has(command.field) ? afterLanding(operation, deps.landing) : operation;
}

/** What a peer was told is stored is there for whatever it asks next. */
function afterLanding(operation: Operation, landing: Pick<Landing, 'settled'>): Operation {
  const { cancel, after } = operation;
  return {
    write: (fragment) => operation.write(fragment),
    end: async () => {
      await landing.settled();
      return operation.end();
    },
    abandon: () => operation.abandon(),
    ...(cancel ? { cancel: () => cancel.call(operation) } : {}),
    ...(after ? { after: () => after.call(operation) } : {}),
  };
}

/** They do not look at what is stored. */
const BLIND: ReadonlySet<number> = new Set([COMMAND.cEchoRq, COMMAND.cStoreRq]);

const everyone = (): boolean => true;
const only =
  (...uids: readonly string[]) =>
  (sopClassUid: string): boolean =>
    uids.includes(sopClassUid);

const isArchive = ({ archives = [] }: Peer): boolean => archives.length > 0;
const mayQuery = ({ query }: Peer): boolean => query !== undefined;
const queries =
  (operation: 'FIND' | 'GET' | 'MOVE') =>
  (sopClassUid: string): boolean =>
    QUERY_MODELS.get(sopClassUid)?.operation === operation;
const retrieve: Begin<ServiceDeps> = (request, deps) => new RetrieveSession(request, { ...deps, ...deps.query });

const SERVICES: readonly Service[] = [
  {
    ...{ name: 'C-ECHO', command: COMMAND.cEchoRq, serves: only(VERIFICATION), encoding: 'stored', offered: everyone },
    begin: () => answered(SUCCESS),
  },
  {
    ...{ name: 'C-STORE', command: COMMAND.cStoreRq, serves: isStorageClass, encoding: 'stored', offered: everyone },
    begin: (request, deps) => new StoreSession(request, deps),
  },
  {
    ...{ name: 'N-ACTION', command: COMMAND.nActionRq, serves: only(STORAGE_COMMITMENT_PUSH), encoding: 'written' },
    offered: ({ commitment }) => commitment !== undefined,
    begin: (request, deps) => new CommitmentSession(request, { ...deps, ...deps.commitment }),
  },
  {
    ...{ name: 'N-EVENT-REPORT', command: COMMAND.nEventReportRq, serves: only(STORAGE_COMMITMENT_PUSH), encoding: 'written' },
    offered: isArchive,
    begin: (request, deps) => commitmentReportSession(request, { ...deps, ...deps.commitment }),
  },
  {
    ...{ name: 'N-CREATE', command: COMMAND.nCreateRq, serves: only(PERFORMED_STEP), encoding: 'written', offered: everyone },
    begin: (request, deps) => performedStepSession('N-CREATE', request, { ...deps, ...deps.commitment }),
  },
  {
    ...{ name: 'N-SET', command: COMMAND.nSetRq, serves: only(PERFORMED_STEP), encoding: 'written', offered: everyone },
    begin: (request, deps) => performedStepSession('N-SET', request, { ...deps, ...deps.commitment }),
  },
  {
    ...{ name: 'N-GET', command: COMMAND.nGetRq, serves: only(PERFORMED_STEP_RETRIEVE), encoding: 'written', offered: everyone },
    begin: (request, deps) => stepQuerySession(request, { ...deps, ...deps.query }),
  },
  {
    ...{ name: 'N-CREATE', command: COMMAND.nCreateRq, serves: only(INSTANCE_AVAILABILITY), encoding: 'written', offered: everyone },
    begin: (request, deps) => availabilitySession(request, { ...deps, ...deps.commitment }),
  },
  {
    ...{ name: 'C-FIND', command: COMMAND.cFindRq, serves: queries('FIND'), encoding: 'written', offered: mayQuery },
    begin: (request, deps) => {
      const findDeps = { ...deps, ...deps.query };
      return new FindSession(request, findDeps, findStudies(request, findDeps));
    },
  },
  {
    ...{ name: 'C-FIND', command: COMMAND.cFindRq, serves: only(MODALITY_WORKLIST), encoding: 'written' },
    offered: ({ worklist }) => worklist !== undefined,
    begin: (request, deps) => {
      const findDeps = { ...deps, ...deps.query };
      return new FindSession(request, findDeps, findWorklist(request, findDeps));
    },
  },
  { name: 'C-GET', command: COMMAND.cGetRq, serves: queries('GET'), encoding: 'written', offered: mayQuery, begin: retrieve },
  {
    ...{ name: 'C-MOVE', command: COMMAND.cMoveRq, serves: queries('MOVE'), encoding: 'written', begin: retrieve },
    offered: ({ query }) => query !== undefined && query.moveTo.length > 0,
  },
];
