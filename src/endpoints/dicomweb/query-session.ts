/**
 * QIDO-RS (PS3.18 §10.6): searches for studies, series and instances among those that the caller may see.
 * In: the level, the UIDs of the path and the query. Out: DICOM JSON; 204 when nothing matches; a Warning when there is more than one answer holds.
 */

import type { DicomLevel } from '../../model/dicom-search.ts';
import { isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { queryAnswer, studyFacts } from '../../protocols/dicom/query-answer.ts';
import { chooseMetadata, DICOM_XML, type MediaRange } from '../../protocols/dicom/web-accept.ts';
import { type PathUids, parseWebQuery, type WebQuery } from '../../protocols/dicom/web-query.ts';
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
  const { matches, more } = await searchDicom(database, query.search, caller.role === 'operator' ? null : caller.group);
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

/** NumberOfFrames, Rows, Columns, BitsAllocated. */
const OF_IMAGES = ['00280008', '00280010', '00280011', '00280100'] as const;
/** PS3.18 §10.6.3.2. */
const LIMITED =
  '299 waystation: "The number of results exceeded the maximum supported by the server. Additional results can be requested."';
