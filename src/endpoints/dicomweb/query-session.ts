/**
 * QIDO-RS (PS3.18 §10.6): searches for studies, series and instances among those that the caller may see.
 * In: the level, the UIDs of the path and the query. Out: DICOM JSON or XML; 204 when nothing matches; a Warning when there is more than one answer holds.
 */

import type { DicomLevel, DicomPlace } from '../../model/dicom-search.ts';
import { isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import { matchesKeys } from '../../protocols/dicom/attribute-match.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { queryAnswer, studyFacts } from '../../protocols/dicom/query-answer.ts';
import { chooseMetadata, DICOM_XML, type MediaRange } from '../../protocols/dicom/web-accept.ts';
import { MAX_MATCHES, type PathUids, parseWebQuery, type WebQuery } from '../../protocols/dicom/web-query.ts';
import type { Queryable } from '../../store/database.ts';
import { type DicomMatch, searchDicom } from '../../store/dicom-search-store.ts';
import { modelReply } from './model-session.ts';
import type { Refusal, Reply } from './reply.ts';

export type QueryRequest = {
  readonly level: DicomLevel;
  readonly path: PathUids;
  readonly parameters: readonly (readonly [string, string])[];
  readonly accept: readonly MediaRange[];
  /** Address of the service. */
  readonly base: string;
};

export async function answerQuery(database: Queryable, caller: Caller, request: QueryRequest): Promise<Reply | Refusal> {
  const contentType = chooseMetadata(request.accept);
  if (!contentType) return { status: 406, why: 'matches are DICOM JSON or XML' };
  const query = parseWebQuery(request.level, request.path, request.parameters);
  if (isFailure(query)) return { status: 400, why: query.detail };
  const found = await matchesOf(database, query, caller.role === 'operator' ? null : caller.group);
  if (found === null) return { status: 413, why: 'too much is looked through for what is within sequences: give more attributes' };
  const { matches, more } = found;
  const headers: Record<string, string> = more && query.isLimited ? { Warning: LIMITED } : {};
  const reply = { contentType, headers, length: null, etag: null, ranged: false };
  const answers = function* () {
    for (const match of matches) yield answerOf(match, query, request);
  };
  if (matches.length === 0) return { ...reply, status: 204, body: async function* () {} };
  if (contentType === DICOM_XML) return modelReply(answers, { status: 200, etag: null, headers });
  return {
    ...reply,
    status: 200,
    body: async function* () {
      let separator = '[';
      for (const answer of answers()) {
        yield separator + JSON.stringify(answer);
        separator = ',';
      }
      yield ']';
    },
  };
}

type Found = { readonly matches: readonly DicomMatch[]; readonly more: boolean };

/** What is within sequences is matched one by one, among what the index finds; null where that is too much. */
async function matchesOf(database: Queryable, { search, within }: WebQuery, group: string | null): Promise<Found | null> {
  if (Object.keys(within).length === 0) return searchDicom(database, search, group);
  const [first, end] = [search.offset ?? 0, (search.offset ?? 0) + search.limit];
  const matches: DicomMatch[] = [];
  let [passed, looked] = [0, 0];
  for (let after: DicomPlace | undefined; looked < MAX_LOOKED_THROUGH; ) {
    const page = await searchDicom(database, { ...search, offset: 0, limit: MAX_MATCHES, after }, group);
    for (const match of page.matches) {
      if (!matchesKeys(within, knownOf(match))) continue;
      if (passed === end) return { matches, more: true };
      if (passed++ >= first) matches.push(match);
    }
    if (!page.more) return { matches, more: false };
    looked += page.matches.length;
    after = page.matches.at(-1)?.place;
  }
  return null;
}

function knownOf({ study, series, instance }: DicomMatch): DicomJson {
  return Object.assign({}, ...[study, series, instance].map((json) => (json ? JSON.parse(json.toString()) : {}))) as DicomJson;
}

/** PS3.18 §10.6.3.4: attributes of the levels above are answered where the path does not name them. */
function answerOf(match: DicomMatch, { include }: WebQuery, { level, path, base }: QueryRequest): DicomJson {
  const [study, series, instance] = [match.study, match.series, match.instance].map(
    (json) => json && (JSON.parse(json.toString()) as DicomJson),
  );
  const parts = {
    study: path.study ? null : (study ?? null),
    series: path.series || level === 'study' ? null : (series ?? null),
    instance: instance ?? null,
  };
  const seriesUrl = `${base}/studies/${match.studyUid}/series/${match.seriesUid}`;
  const url =
    level === 'study'
      ? `${base}/studies/${match.studyUid}`
      : level === 'series'
        ? seriesUrl
        : `${seriesUrl}/instances/${match.sopInstanceUid}`;
  const facts: Record<string, DicomJson[string]> = {
    '00080056': { vr: 'CS', Value: ['ONLINE'] }, // InstanceAvailability
    '00081190': { vr: 'UR', Value: [url] }, // RetrieveURL
    '0020000D': { vr: 'UI', Value: [match.studyUid] },
    ...(match.seriesUid === null ? {} : { '0020000E': { vr: 'UI', Value: [match.seriesUid] } }),
  };
  if (parts.study && level !== 'instance') Object.assign(facts, studyFacts(match));
  if (level === 'series') facts['00201209'] = { vr: 'IS', Value: [match.instancesInSeries] }; // NumberOfSeriesRelatedInstances
  for (const key of OF_IMAGES) if (instance?.[key]) facts[key] = instance[key];
  return queryAnswer(parts, { ...study, ...series }, facts, include);
}

/** Studies, series or instances of one search. */
const MAX_LOOKED_THROUGH = 50_000;
/** NumberOfFrames, Rows, Columns, BitsAllocated. */
const OF_IMAGES = ['00280008', '00280010', '00280011', '00280100'] as const;
/** PS3.18 §10.6.3.2. */
const LIMITED =
  '299 waystation: "The number of results exceeded the maximum supported by the server. Additional results can be requested."';
