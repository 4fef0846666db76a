/**
 * Asks a PACS for the priors of one case (PS3.4 Annex C, Study Root): C-FIND for the patient's studies, then C-GET of each that is taken,
 * or C-MOVE to our own door where the PACS has no C-GET or does not give all of a study by it.
 * In: the order, what the case has of its own. Out: what has come of it; a Failure where the PACS could not be asked.
 * Promises: never more studies, objects or bytes than the limits here; an object of another patient or study is refused and not stored;
 * what came before a failure stays.
 */
import type { DimseDestination } from '../../model/config.ts';
import type { Stored } from '../../model/entry.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { PriorOrder } from '../../model/prior.ts';
import { COMMAND, type Command } from '../../protocols/dicom/command.ts';
import { type DicomJson, type Header, textOf } from '../../protocols/dicom/header.ts';
import {
  candidates,
  type FoundStudy,
  foreign,
  hasModality,
  type OwnStudies,
  retrieveIdentifier,
  STUDY_ROOT_FIND,
  STUDY_ROOT_GET,
  STUDY_ROOT_MOVE,
  seriesIdentifier,
  studiesIdentifier,
} from '../../protocols/dicom/prior-query.ts';
import { COMPRESSED, RETRIEVED_IMAGES, RETRIEVED_OTHERS, UNCOMPRESSED } from '../../protocols/dicom/retrieved-classes.ts';
import { SUB_OPERATIONS_INCOMPLETE, SUCCESS, statusName, statusOf } from '../../protocols/dicom/status.ts';
import { associate, type DimseAssociation, type Hear, type Incoming, type Wanted } from './dimse-client.ts';

/** Answers of one C-FIND, and studies whose modalities are asked for one by one. */
const MAX_ANSWERS = 1_000;
const MAX_LOOKED_AT = 30;
/** Of one study. */
const MAX_OBJECTS = 5_000;
const MAX_BYTES = 8 * 1024 ** 3;

/** Of all that is asked for a case: a PACS may answer for ever. */
const TIME_LIMIT_MS = 50 * 60_000;

/** An object on its way in, as a door takes one. */
export type ObjectInput = { write(fragment: Buffer): Promise<void>; end(): Promise<Stored | Failure>; abandon(): Promise<void> };
export type AnnouncedPrior = Pick<Command, 'sopClassUid' | 'sopInstanceUid'> & { readonly transferSyntax: string };

export type PriorDeps = {
  /** AE title of our own door, to which a C-MOVE leads. */
  readonly ownAeTitle: string;
  readonly begin: (object: AnnouncedPrior, refusal: (header: Header) => Promise<Failure | null>) => ObjectInput;
  /** How many objects of a study are here. */
  readonly here: (studyUid: string) => Promise<number>;
  /** Told of the studies before the first object of them is asked for. */
  readonly take: (studyUids: readonly string[]) => Promise<void>;
  /** Ends the association. */
  readonly signal: AbortSignal;
};

export type PriorResult = {
  readonly taken: number;
  /** Of these all has come that the PACS has. */
  readonly whole: number;
  /** Objects that are not the patient's. */
  readonly refused: number;
  /** What did not come, and may come when it is asked for again; empty where nothing is. */
  readonly faults: readonly string[];
  /** What is not asked for again. */
  readonly left: readonly string[];
};

export async function fetchPriors(
  order: PriorOrder,
  pacs: DimseDestination,
  own: OwnStudies,
  deps: PriorDeps,
): Promise<PriorResult | Failure> {
  const intake = openIntake(order, deps);
  const { host, port, aeTitle: called, callingAeTitle: calling, tls, timeoutMs } = pacs;
  const association = await associate({ host, port, calling, called, tls, timeoutMs }, WANTED, intake.hear);
  if (isFailure(association)) return association;
  const abort = (): void => void association.abort();
  intake.stopBy(abort);
  const end = AbortSignal.any([deps.signal, AbortSignal.timeout(TIME_LIMIT_MS)]);
  end.addEventListener('abort', abort);
  const result = await fetchOver(association, order, own, { ...deps, intake });
  end.removeEventListener('abort', abort);
  if (!association.ended) await association.release();
  return result;
}

type Fetching = PriorDeps & { readonly intake: Intake };

async function fetchOver(
  association: DimseAssociation,
  order: PriorOrder,
  own: OwnStudies,
  deps: Fetching,
): Promise<PriorResult | Failure> {
  const answers = await find(association, studiesIdentifier(order));
  if (isFailure(answers)) return answers;
  const found = candidates(answers, order, own);
  const chosen = await choose(association, found, order);
  if (isFailure(chosen)) return chosen;
  await deps.take(chosen.map(({ uid }) => uid));
  const large = chosen.filter(({ instances }) => instances > MAX_OBJECTS);
  const faults: string[] = [];
  let refused = 0;
  for (const study of chosen.filter((one) => !large.includes(one))) {
    const fault = await fetchStudy(association, study, deps);
    if (isFailure(fault)) return fault;
    if (fault !== '') faults.push(fault);
    refused += deps.intake.refused();
  }
  const left = large.map(({ instances }) => `a study of ${instances} objects is too large`);
  return { taken: chosen.length, whole: chosen.length - faults.length - left.length, refused, faults, left };
}

/** The newest that fit; the modalities of a study that the PACS does not say are those of its series. */
async function choose(
  association: DimseAssociation,
  found: readonly FoundStudy[],
  { modalities, most }: PriorOrder,
): Promise<FoundStudy[] | Failure> {
  const chosen: FoundStudy[] = [];
  for (const study of found.slice(0, MAX_LOOKED_AT)) {
    if (chosen.length === most) break;
    const looked = modalities.length === 0 || study.modalities.length > 0 ? study : await withSeries(association, study);
    if (isFailure(looked)) return looked;
    if (hasModality(looked, modalities)) chosen.push(looked);
  }
  return chosen;
}

async function withSeries(association: DimseAssociation, study: FoundStudy): Promise<FoundStudy | Failure> {
  const series = await find(association, seriesIdentifier(study.uid));
  return isFailure(series) ? series : { ...study, modalities: series.map((one) => textOf(one, 'Modality')) };
}

async function find(association: DimseAssociation, identifier: DicomJson): Promise<DicomJson[] | Failure> {
  if (!association.serves(STUDY_ROOT_FIND)) return failure('delivery', 'rejected', 'the PACS takes no C-FIND');
  const answers: DicomJson[] = [];
  const last = await association.query({ field: COMMAND.cFindRq, sopClassUid: STUDY_ROOT_FIND }, identifier, (answer) => {
    if (answer && answers.length < MAX_ANSWERS) answers.push(answer);
    else void association.abort();
  });
  if (isFailure(last)) return last;
  return last.status === SUCCESS ? answers : failure('delivery', 'rejected', `C-FIND: ${statusName(last.status ?? 0)}`, 'transient');
}

/** Why the study is not whole here, or ''. */
async function fetchStudy(association: DimseAssociation, study: FoundStudy, deps: Fetching): Promise<string | Failure> {
  const { intake } = deps;
  intake.expect(study.uid);
  if (study.instances > 0 && (await deps.here(study.uid)) >= study.instances) return '';
  const identifier = retrieveIdentifier(study.uid);
  let fault = 'the PACS takes neither C-GET nor C-MOVE';
  if (association.serves(STUDY_ROOT_GET)) {
    const last = await association.query({ field: COMMAND.cGetRq, sopClassUid: STUDY_ROOT_GET }, identifier, () => {});
    if (isFailure(last)) return intake.excess() ?? last;
    fault = faultOf('C-GET', last, intake.refused());
  }
  if (fault === '' || !association.serves(STUDY_ROOT_MOVE)) return fault;
  const moveDestination = deps.ownAeTitle;
  const last = await association.query({ field: COMMAND.cMoveRq, sopClassUid: STUDY_ROOT_MOVE, moveDestination }, identifier, () => {});
  return isFailure(last) ? last : faultOf('C-MOVE', last, 0);
}

/** What we refused is no fault of the PACS, and asking again brings nothing else. */
function faultOf(operation: string, { status = 0, failed = 0 }: Command, refused: number): string {
  if (status === SUCCESS || (status === SUB_OPERATIONS_INCOMPLETE && failed <= refused)) return '';
  return `${operation}: ${statusName(status)}${failed > 0 ? `, ${failed} objects failed` : ''}`;
}

type Intake = {
  readonly hear: Hear;
  /** What ends the association. */
  stopBy(stop: () => void): void;
  expect(studyUid: string): void;
  refused(): number;
  /** That it was ended because of what came, or null. */
  excess(): Failure | null;
};

/** Takes the C-STORE sub-operations of a C-GET (PS3.4 §C.4.3.3), of one study at a time. */
function openIntake(order: PriorOrder, deps: PriorDeps): Intake {
  let [study, objects, bytes, refused] = ['', 0, 0, 0];
  let stop = (): void => {};
  const isTooMuch = (): boolean => objects > MAX_OBJECTS || bytes > MAX_BYTES;
  const refusal = async (header: Header): Promise<Failure | null> => {
    const fault = foreign(header, [study], order);
    if (fault) refused++;
    return fault;
  };
  const incoming = (input: ObjectInput): Incoming => ({
    write: async (fragment) => {
      bytes += fragment.length;
      if (isTooMuch()) stop();
      else await input.write(fragment);
    },
    end: async () => {
      const stored = await input.end();
      return isFailure(stored) ? statusOf(stored) : SUCCESS;
    },
    abandon: () => input.abandon(),
  });
  return {
    hear: (command, transferSyntax) => {
      if (command.field !== COMMAND.cStoreRq || study === '') return null;
      objects++;
      return incoming(deps.begin({ sopClassUid: command.sopClassUid, sopInstanceUid: command.sopInstanceUid, transferSyntax }, refusal));
    },
    stopBy: (end) => {
      stop = end;
    },
    expect: (uid) => {
      [study, objects, bytes, refused] = [uid, 0, 0, 0];
    },
    refused: () => refused,
    excess: () =>
      isTooMuch() ? failure('delivery', 'too-large', `a study of more than ${MAX_OBJECTS} objects or ${MAX_BYTES} bytes`) : null,
  };
}

const queried = (abstractSyntax: string): Wanted => ({ abstractSyntax, transferSyntaxes: UNCOMPRESSED });
const taken = (abstractSyntax: string, transferSyntaxes: readonly string[]): Wanted => ({
  abstractSyntax,
  transferSyntaxes,
  asProvider: true,
});
/** PS3.7 §D.3.3.4: of what a C-GET brings we are the provider. */
const WANTED: readonly Wanted[] = [
  ...[STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE].map(queried),
  ...RETRIEVED_IMAGES.flatMap((uid) => [taken(uid, UNCOMPRESSED), taken(uid, COMPRESSED)]),
  ...RETRIEVED_OTHERS.map((uid) => taken(uid, UNCOMPRESSED)),
];
