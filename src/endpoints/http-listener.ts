/**
 * The HTTP door: one server for /fhir, /dicomweb, /operations and the probes, with TLS (BCP 195) or without. In: settings and the routers
 * of each. Out: a Door.
 * Promises: a port that is taken is an Error saying so; slow headers, idle sockets and endless requests are cut; stopping finishes
 * what was begun, at most `graceMs`.
 */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import cors from 'cors';
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response, type Router } from 'express';
import type { Config } from '../model/config.ts';
import type { Door } from '../model/door.ts';
import type { Log } from '../model/log.ts';
import type { DoorTls } from '../model/tls.ts';
import { doorTlsOptions, handshakeFault } from '../security/tls-options.ts';
import { listen } from './listen-session.ts';

const MAX_CONNECTIONS = 1_024;
const HEADERS_TIMEOUT_MS = 15_000;
/** Neither side says anything: longer than a proxy keeps its idle connections. */
const IDLE_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 65_000;
/** A film over a slow line; the routes have limits of their own. */
const REQUEST_TIMEOUT_MS = 60 * 60_000;
const MAX_HEADER_BYTES = 32 * 1024;

export type HttpDoorDeps = {
  readonly fhir: Router;
  readonly dicomweb: RequestHandler | RequestHandler[];
  readonly operations: Router;
  readonly health: RequestHandler;
  readonly ready: RequestHandler;
  readonly metrics: RequestHandler;
  readonly log: Log;
};

/** `renew`: another certificate for connections to come. */
export type HttpDoor = Door & { renew(tls: DoorTls | null): void };

/** Opens the door. Rejects when the address cannot be listened on. */
export async function startHttpDoor(settings: Config['http'], deps: HttpDoorDeps): Promise<HttpDoor> {
  const answering = application(settings.corsOrigins, deps);
  const { server, renew } = settings.tls === null ? plainServer(answering) : tlsServer(settings.tls, deps.log, answering);
  server.maxConnections = MAX_CONNECTIONS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.on('drop', (dropped) => deps.log.warn('http.dropped', { remoteAddress: dropped?.remoteAddress ?? '', limit: MAX_CONNECTIONS }));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  let stopping = false;
  // A connection that was busy when the stop came is not kept for the next request of its client.
  server.on('request', (_request, response) => response.once('close', () => stopping && server.closeIdleConnections()));
  const port = await listen(server, 'http', settings);
  server.on('error', (error) => deps.log.error('http.listen', { error: error.message }));
  return {
    address: `http ${settings.tls === null ? 'http' : 'https'}://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}/fhir`,
    port,
    renew,
    stop: async (graceMs) => {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const impatience = setTimeout(() => sockets.forEach((socket) => void socket.destroy()), graceMs);
      await closed;
      clearTimeout(impatience);
    },
  };
}

type Listening = { readonly server: Server; readonly renew: (tls: DoorTls | null) => void };

const LIMITS: ServerOptions = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };

function plainServer(answering: RequestListener): Listening {
  return { server: createServer(LIMITS, answering), renew: () => {} };
}

function tlsServer(tls: DoorTls, log: Log, answering: RequestListener): Listening {
  const server = createTlsServer({ ...LIMITS, ...doorTlsOptions(tls) }, answering);
  server.on('tlsClientError', (error, socket: TLSSocket) => {
    log.warn('http.tls-refused', { remoteAddress: socket.remoteAddress ?? '', reason: handshakeFault(error) });
    socket.destroy();
  });
  return { server, renew: (renewed) => renewed && server.setSecureContext(doorTlsOptions(renewed)) };
}

/**
 * Pages of these origins may read what is answered (Fetch §3.2): with a token that they send themselves, never with what a browser keeps. A
 * preflight comes without a token, and is answered before one is asked for.
 */
function crossOrigin(origins: readonly string[]): RequestHandler {
  return cors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_SECONDS,
  });
}

const PREFLIGHT_SECONDS = 600;
/** Beside those that are safe in any case. */
const EXPOSED =
  'Accept-Ranges Content-Disposition Content-Length Content-Location Content-Range ETag Location Retry-After Warning WWW-Authenticate'.split(
    ' ',
  );

function application(origins: readonly string[], deps: HttpDoorDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/health', deps.health);
  app.get('/ready', deps.ready);
  app.get('/metrics', deps.metrics);
  if (origins.length > 0) app.use(['/fhir', '/dicomweb'], crossOrigin(origins));
  app.use('/fhir', deps.fhir);
  app.use('/dicomweb', deps.dicomweb);
  app.use('/operations', deps.operations);
  app.use((_request: Request, response: Response) => {
    response.status(404).type('text/plain').end('nothing here\n');
  });
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => failed(deps.log, error, request, response));
  return app;
}

/** The last resort of routes that did not answer by themselves: no words of the error leave the house. */
function failed(log: Log, error: unknown, request: Request, response: Response): void {
  const { status, name, code } = error as { status?: number; name?: string; code?: string };
  if (status !== 400) log.error('http.failed', { method: request.method, error: name ?? 'unknown', code: code ?? '' });
  if (response.headersSent) response.destroy();
  else
    response
      .status(status === 400 ? 400 : 500)
      .type('text/plain')
      .end(status === 400 ? 'this URL cannot be read\n' : 'internal error\n');
}
