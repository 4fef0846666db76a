/**
 * For whoever keeps the gateway running: /health (the process answers), /ready (it can take messages), /metrics (Prometheus).
 * Health and readiness say no more than that and need no token. Metrics name destinations: they are given to this machine, and to
 * others with an operator's token; a request that came through a proxy is not from this machine.
 */
import { statfs } from 'node:fs/promises';
import type { Request, RequestHandler } from 'express';
import { isFailure } from '../../model/failure.ts';
import type { Database } from '../../store/database.ts';
import type { Readiness } from './deps.ts';
import type { Scrape } from './metrics.ts';
import { operatorOf } from './operator-session.ts';

export type HealthDeps = {
  readonly database: Database;
  readonly dataDirectory: string;
  /** Epoch ms of the corridor's last sign of life, 0 before the first. */
  readonly corridorSeen: () => number;
  readonly now: () => number;
};

export type ProbeDeps = {
  readonly database: Database;
  readonly operatorTokenHash: Buffer;
  readonly readiness: () => Promise<Readiness>;
  readonly scrape: Scrape;
};

/** Handlers for `GET /health`, `/ready` and `/metrics`. */
export function healthRoutes(deps: ProbeDeps): { health: RequestHandler; ready: RequestHandler; metrics: RequestHandler } {
  return {
    health: (_request, response) => {
      response.json({ status: 'alive' });
    },
    ready: async (_request, response) => {
      const ready = isReady(await deps.readiness());
      response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready' });
    },
    metrics: async (request, response) => {
      if (isLocal(request) || !isFailure(await operatorOf(deps, request.get('authorization')))) {
        response.type(deps.scrape.contentType).send(await deps.scrape.text());
      } else {
        response.status(401).set('WWW-Authenticate', 'Bearer realm="operations"').end();
      }
    },
  };
}

/** Whether messages can be taken and worked off now. Each check is bounded in time; several questions at once share one answer. */
export function readinessOf(deps: HealthDeps): () => Promise<Readiness> {
  let asking: Promise<Readiness> | null = null;
  return () => {
    asking ??= ask(deps).finally(() => {
      asking = null;
    });
    return asking;
  };
}

export function isReady(checks: Readiness): boolean {
  return Object.values(checks).every((wrong) => wrong === '');
}

async function ask(deps: HealthDeps): Promise<Readiness> {
  const [database, disk] = await Promise.all([
    within(deps.database.query('select 1').then(() => '')),
    within(statfs(deps.dataDirectory).then(({ bavail, bsize }) => (bavail * bsize < MIN_FREE_BYTES ? 'less than 512 MiB are free' : ''))),
  ]);
  const silentMs = deps.now() - deps.corridorSeen();
  return { database, disk, corridor: silentMs > MAX_SILENCE_MS ? 'the corridor does not answer' : '' };
}

async function within(check: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer'), CHECK_TIMEOUT_MS);
  });
  const answer = await Promise.race([check.catch((error: Error) => error.message.slice(0, 200) || 'failed'), late]);
  clearTimeout(timer);
  return answer;
}

function isLocal(request: Request): boolean {
  const proxied = PROXY_HEADERS.some((header) => request.get(header) !== undefined);
  return !proxied && /^(::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '');
}

const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];
const CHECK_TIMEOUT_MS = 2_000;
const MIN_FREE_BYTES = 512 * 1024 * 1024;
/** The corridor shows itself after each batch and at least each 250 ms; a batch of slow work may take some seconds. */
const MAX_SILENCE_MS = 30_000;
