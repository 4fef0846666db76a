/**
 * The Modality Worklist (PS3.4 Annex K): a C-FIND among the open imaging orders of the peer's own hospital. In: an identifier. Out: an answer for
 * each scheduled procedure step that matches. Promises: an order without a Study Instance UID gets one that stays the same, and its case knows
 * it before it is given out, so that images under it join; an order that does not fit is left out, with its id in the log.
 */
import type { HumanName, Patient, Practitioner, ServiceRequest } from '@medplum/fhirtypes';
import type { CaseState } from '../../model/case.ts';
import { isFailure } from '../../model/failure.ts';
import { matchesKeys } from '../../protocols/dicom/attribute-match.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { askedOf, knowsKeys, worklistItems } from '../../protocols/dicom/worklist.ts';
import { IMAGING_PROCEDURE_STEP } from '../../protocols/fhir/canonical.ts';
import { readResources, type StoredResource } from '../../store/resource-store.ts';
import { nameCaseKey, type OpenOrder, readOpenOrders } from '../../store/worklist-store.ts';
import type { FindDeps, Found, Search } from './find-session.ts';
import type { Request } from './operation.ts';

const PAGE = 200;
const FIRST = '00000000-0000-0000-0000-000000000000';
const DICOM_UIDS = 'urn:dicom:uid';
/** SNOMED CT, the category of imaging orders. */
const IMAGING = '363679005';

export function findWorklist({ peer, dialogue }: Request, deps: FindDeps): Search {
  const hospital = peer.worklist?.of ?? [];
  return async function* ({ json }, isOver) {
    for (let after: string | null = FIRST; after !== null && !isOver(); ) {
      const { orders, next }: OpenOrders = await readOpenOrders(deps.database, hospital, after, PAGE);
      const imaging = orders.filter(isImaging);
      const persons = await personsOf(imaging, deps);
      for (const order of imaging) {
        const { items, madeUid } = itemsOf(order, persons, dialogue.calling, deps);
        const matches = items.filter((item) => matchesKeys(json, item, ABOUT));
        if (matches.length > 0 && madeUid !== null) await keep(madeUid, order, deps);
        for (const item of matches) yield answerOf(json, item);
        if (isOver()) return null;
      }
      after = next;
    }
    return null;
  };
}

function answerOf(json: DicomJson, item: DicomJson): Found {
  const keys = Object.fromEntries(Object.entries(json).filter(([tag]) => !ABOUT.has(tag)));
  return { answer: askedOf(keys, item), isSupported: knowsKeys(keys, item) };
}

type Steps = { readonly items: readonly DicomJson[]; readonly madeUid: string | null };
const NO_STEPS: Steps = { items: [], madeUid: null };

type OpenOrders = Awaited<ReturnType<typeof readOpenOrders>>;
type Persons = ReadonlyMap<string, StoredResource>;

/** Who the orders of a page are for, and who asks. */
function personsOf(orders: readonly OpenOrder[], { database }: FindDeps): Promise<Persons> {
  const named = orders.map(({ request }) => request.resource as ServiceRequest);
  const references = named.flatMap(({ subject, requester }) => [subject?.reference ?? '', requester?.reference ?? '']);
  return readResources(
    database,
    [...new Set(references)].filter((one) => /^\w+\/[\w.-]+$/.test(one)),
  );
}

function itemsOf({ request: stored, state }: OpenOrder, persons: Persons, aeTitle: string, { log }: FindDeps): Steps {
  const request = stored.resource as ServiceRequest;
  const patient = persons.get(request.subject?.reference ?? '')?.resource as Patient | undefined;
  if (!patient) return NO_STEPS;
  const requester = requesterOf(request, persons.get(request.requester?.reference ?? '')?.resource as Practitioner | undefined);
  const known = studyUidOf(request, state);
  const madeUid = known === '' ? uidOf(request.id as string) : null;
  const modalities = state.hints.flatMap((hint) => (hint.startsWith('modality:') ? [hint.slice('modality:'.length)] : []));
  const items = worklistItems({ request, patient, requester, modalities, studyUid: madeUid ?? known }, aeTitle);
  if (!isFailure(items)) return { items, madeUid };
  log.warn('dimse.not-in-worklist', { serviceRequest: request.id as string, caseId: state.id, why: items.detail });
  return NO_STEPS;
}

/** Before the UID is given out. */
function keep(studyUid: string, { state }: OpenOrder, { database, clock }: FindDeps): Promise<void> {
  return nameCaseKey(database, state.id, { kind: 'study', system: DICOM_UIDS, value: studyUid }, clock.now());
}

function isImaging({ request, state: { hints } }: OpenOrder): boolean {
  const { category = [], extension = [] } = request.resource as ServiceRequest;
  if (extension.some(({ url }) => url === IMAGING_PROCEDURE_STEP) || hints.some((hint) => hint.startsWith('modality:'))) return true;
  return category.some(({ coding = [] }) => coding.some(({ code }) => code === IMAGING));
}

function requesterOf({ requester }: ServiceRequest, practitioner: Practitioner | undefined): HumanName | undefined {
  return practitioner?.name?.[0] ?? (requester?.display ? { text: requester.display } : undefined);
}

function studyUidOf({ identifier = [] }: ServiceRequest, { keys }: CaseState): string {
  const own = identifier.find(({ system }) => system === DICOM_UIDS)?.value?.replace(/^urn:oid:/, '');
  return own ?? keys.find(({ kind }) => kind === 'study')?.value ?? '';
}

/** PS3.5 §B.2: a UID made from a UUID. That of the request stays the same, and so does this. */
function uidOf(id: string): string {
  return `2.25.${BigInt(`0x${id.replaceAll('-', '')}`)}`;
}

/** Specific Character Set. */
const ABOUT: ReadonlySet<string> = new Set(['00080005']);
