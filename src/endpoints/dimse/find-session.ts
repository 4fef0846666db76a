/**
 * One C-FIND on the Query/Retrieve models (PS3.4 §C.4.1). In: an identifier. Out: a pending response for each match among the studies that the
 * peer's group may see, then the status. Promises: memory is bounded by a page of matches, the search stops when it is cancelled or the peer
 * is gone, and what was asked leaves a line in the audit trail without what was asked by.
 */
import type { Clock } from '../../model/clock.ts';
import type { DicomPlace } from '../../model/dicom-search.ts';
import { type Failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { Peer } from '../../model/peer.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { type Identifier, type IdentifierReader, identifierReader, writeIdentifier } from '../../protocols/dicom/identifier.ts';
import { type FindQuery, findAnswer, findQuery, QUERY_MODELS } from '../../protocols/dicom/query-retrieve.ts';
import {
  CANCELLED,
  PENDING,
  PENDING_UNSUPPORTED_KEYS,
  SUCCESS,
  statusName,
  statusOf,
  UNABLE_TO_PROCESS,
} from '../../protocols/dicom/status.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { MAX_MATCHES } from '../../protocols/dicom/web-query.ts';
import type { AuditTrail } from '../../store/audit-store.ts';
import type { Database } from '../../store/database.ts';
import { type DicomMatch, searchDicom } from '../../store/dicom-search-store.ts';
import type { Answer, Operation, Request } from './operation.ts';

export type FindDeps = { readonly database: Database; readonly audit: AuditTrail; readonly log: Log; readonly clock: Clock };

/** Answers to an identifier, one after the other; `isOver` says when no more are wanted. */
export type Search = (identifier: Identifier, isOver: () => boolean) => AsyncGenerator<Found, Failure | null>;
export type Found = { readonly answer: DicomJson; readonly isSupported: boolean };

/** A C-FIND over whatever is searched: the models of this file, or the worklist. */
export class FindSession implements Operation {
  readonly #request: Request;
  readonly #deps: FindDeps;
  readonly #search: Search;
  readonly #reader: IdentifierReader;
  #cancelled = false;

  constructor(request: Request, deps: FindDeps, search: Search) {
    this.#request = request;
    this.#deps = deps;
    this.#search = search;
    this.#reader = identifierReader(transferSyntax(request.context.transferSyntax) as TransferSyntax);
  }

  async write(fragment: Buffer): Promise<void> {
    this.#reader.push(fragment);
  }

  async end(): Promise<Answer> {
    const { context, peer } = this.#request;
    const { log, audit, clock } = this.#deps;
    let found = 0;
    const status = await this.#run(() => found++).catch((error) => {
      log.error('dimse.find-failed', { peer: peer.name, error: error instanceof Error ? error.message : 'failed' });
      return UNABLE_TO_PROCESS;
    });
    const result = `${statusName(status)}, ${found} shown`;
    await audit.record({ at: clock.now(), client: peer.name, action: 'C-FIND', target: context.abstractSyntax, result });
    return status;
  }

  async abandon(): Promise<void> {
    this.#cancelled = true;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  async #run(count: () => void): Promise<number> {
    const { context, dialogue } = this.#request;
    const identifier = this.#reader.end();
    if (isFailure(identifier)) return this.#refused(identifier);
    const explicit = context.transferSyntax === EXPLICIT_LITTLE_ENDIAN;
    const isOver = (): boolean => this.#cancelled || !dialogue.isOpen();
    const answers = this.#search(identifier, isOver);
    for (;;) {
      const next = await answers.next();
      if (next.done) {
        if (isFailure(next.value)) return this.#refused(next.value);
        return isOver() ? CANCELLED : SUCCESS;
      }
      if (isOver()) continue;
      const { answer, isSupported } = next.value;
      const dataset = writeIdentifier(answer, explicit, identifier.charsets);
      await dialogue.pending({ status: isSupported ? PENDING : PENDING_UNSUPPORTED_KEYS, dataset });
      count();
    }
  }

  #refused(problem: Failure): number {
    this.#deps.log.warn('dimse.find-refused', { peer: this.#request.peer.name, detail: problem.detail });
    return statusOf(problem);
  }
}

/** What the peer's group may see of the studies here. */
export function findStudies({ context, peer, dialogue }: Request, { database }: FindDeps): Search {
  const { root } = QUERY_MODELS.get(context.abstractSyntax) ?? { root: 'study' };
  return async function* (identifier, isOver) {
    const query = findQuery(identifier, root, context.extension);
    if (isFailure(query)) return query;
    const { level, conditions } = query;
    for (let after: DicomPlace | undefined; !isOver(); ) {
      const page = await searchDicom(database, { level, conditions, limit: MAX_MATCHES, after }, groupOf(peer));
      for (const match of page.matches) {
        const answer = answerTo(match, query, dialogue.called);
        if (answer) yield { answer, isSupported: query.isSupported };
      }
      after = page.matches.at(-1)?.place;
      if (!page.more) break;
    }
    return null;
  };
}

/** Whose cases a peer sees; a peer without a group is offered none of these services, and would see nothing. */
export function groupOf({ query }: Peer): string {
  return query?.group ?? '';
}

function answerTo(match: DicomMatch, query: FindQuery, aeTitle: string): DicomJson | null {
  const parsed = (json: Buffer | null): DicomJson | null => json && (JSON.parse(json.toString()) as DicomJson);
  const { study, series, instance, place: _, ...counts } = match;
  return findAnswer({ ...counts, study: parsed(study) ?? {}, series: parsed(series), instance: parsed(instance) }, query, aeTitle);
}
