/** The one HTTP server: where its routers are mounted, a port that is taken, and stopping. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectPlainly } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Request, type Response, Router } from 'express';
import { call } from '../../src/cli/http-client.ts';
import { type HttpDoor, startHttpDoor } from '../../src/endpoints/http-listener.ts';
import { systemClock } from '../../src/model/clock.ts';
import { openAudit } from '../../src/store/audit-store.ts';
import { testAuthority } from '../support/certificates.ts';
import { type FhirDoor, openFhirDoor, patient } from '../support/fhir-door.ts';
import { isInstalled, run } from '../support/programs.ts';
import { silentLog } from '../support/silent-log.ts';

let door: FhirDoor | undefined;
afterEach(async () => {
  await door?.close();
  door = undefined;
});

describe('the HTTP door', () => {
  it('says where it is, and answers the probes to anybody', async () => {
    door = await openFhirDoor();
    expect(door.door.address).toBe(`http http://127.0.0.1:${door.port}/fhir`);
    const statuses = await Promise.all(
      ['health', 'ready', 'metrics', 'elsewhere'].map((path) => fetch(`http://127.0.0.1:${door?.port}/${path}`)),
    );
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200, 404]);
    expect(statuses[0]?.headers.get('x-powered-by')).toBeNull();
  });

  it('on a port that is taken says which setting to change', async () => {
    door = await openFhirDoor();
    const settings = { host: '127.0.0.1', port: door.port, tls: null, publicUrl: '', corsOrigins: [], maxBodyBytes: 1 };
    const [none, ok] = [Router(), (_request: Request, response: Response) => void response.end()];
    const parts = { fhir: none, dicomweb: none, operations: none, health: ok, ready: ok, metrics: ok, log: silentLog };
    await expect(startHttpDoor(settings, parts)).rejects.toThrow(/http.*another program has this port.*http\.port/);
  });

  it('stopping finishes the write that was begun, and takes no more', async () => {
    door = await openFhirDoor();
    const clinic = await door.client('origin', 'clinic');
    const body = JSON.stringify(patient('late'));
    const headers = {
      authorization: `Bearer ${clinic.token}`,
      'content-type': 'application/fhir+json',
      'content-length': Buffer.byteLength(body),
    };
    const call = request(`${door.base}/Patient`, { method: 'POST', headers });
    await new Promise((resolve) => call.write(body.slice(0, 10), resolve));
    // The door has read the beginning once it answers another request.
    await clinic.ask('GET', 'Patient');
    const stopped = door.door.stop(10_000);
    call.end(body.slice(10));
    const [response] = await once(call, 'response');
    expect(response.statusCode).toBe(201);
    response.resume();
    await stopped;
    await expect(fetch(`${door.base}/metadata`)).rejects.toThrow();
  });

  it('stopping does not wait longer than it was given', async () => {
    door = await openFhirDoor();
    const clinic = await door.client('origin', 'clinic');
    const headers = { authorization: `Bearer ${clinic.token}`, 'content-type': 'application/fhir+json', 'content-length': 100 };
    const call = request(`${door.base}/Patient`, { method: 'POST', headers });
    const cut = once(call, 'error');
    await new Promise((resolve) => call.write('{', resolve));
    await clinic.ask('GET', 'Patient');
    await door.door.stop(50);
    expect((await cut)[0]).toHaveProperty('code', 'ECONNRESET');
  });
});

describe('pages of another origin', () => {
  const VIEWER = 'https://viewer.example';
  const preflight = (origin: string) => ({
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
  });

  it('read nothing where none is configured', async () => {
    door = await openFhirDoor();
    const statement = await fetch(`${door.base}/metadata`, { headers: { origin: VIEWER } });
    expect(await statement.json()).toMatchObject({ rest: [{ security: { cors: false } }] });
    const { headers } = statement;
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await fetch(`${door.base}/Patient`, preflight(VIEWER))).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('that are configured ask without a token whether they may, and read with one, headers too', async () => {
    door = await openFhirDoor({ corsOrigins: [VIEWER] });
    const asked = await fetch(`${door.base}/Patient`, preflight(VIEWER));
    expect([asked.status, asked.headers.get('access-control-allow-origin'), asked.headers.get('access-control-allow-headers')]).toEqual([
      204,
      VIEWER,
      'authorization',
    ]);
    expect(await (await fetch(`${door.base}/metadata`)).json()).toMatchObject({ rest: [{ security: { cors: true } }] });
    const clinic = await door.client('origin', 'clinic');
    const { status, headers } = await clinic.ask('GET', 'Patient', undefined, { origin: VIEWER });
    expect([status, headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([200, VIEWER, 'Origin']);
    for (const name of ['ETag', 'Content-Location', 'Warning'])
      expect(headers.get('access-control-expose-headers')?.split(',')).toContain(name);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    const refused = await fetch(`${door.base}/Patient`, { headers: { origin: VIEWER } });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, VIEWER]);
  });

  it.each(['https://viewer.example.evil', 'http://viewer.example', 'https://viewer.example:8443', 'null'])(
    '%s is another one',
    async (origin) => {
      door = await openFhirDoor({ corsOrigins: [VIEWER] });
      expect((await fetch(`${door.base}/Patient`, preflight(origin))).headers.get('access-control-allow-origin')).toBeNull();
      const { headers } = await fetch(`${door.base}/metadata`, { headers: { origin } });
      expect([headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([null, 'Origin']);
    },
  );

  it('never read what operators do', async () => {
    door = await openFhirDoor({ corsOrigins: [VIEWER] });
    const { headers } = await fetch(`${door.base.replace('/fhir', '/operations')}/status`, { headers: { origin: VIEWER } });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('a database that breaks off', () => {
  it('is told as something that passes, and the next request is answered', async () => {
    door = await openFhirDoor();
    const { database } = door;
    const clinic = await door.client('origin', 'clinic');
    const locker = await database.connect();
    await locker.query('begin; lock table resource');
    const asked = clinic.ask('GET', 'Patient');
    const waiting = `select pg_terminate_backend(pid) from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock' and query like '%from resource%'`;
    while ((await database.query(waiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await asked).status).toBe(503);
    await locker.query('rollback');
    locker.release();
    expect((await clinic.ask('GET', 'Patient')).status).toBe(200);
  });
});

describe('the HTTP door with TLS', () => {
  const authority = testAuthority();
  const [first, second] = [authority.issue('gateway'), authority.issue('renewed')];
  const none = Router();
  const ok = (_request: Request, response: Response): void => void response.end('ok');
  let secure: HttpDoor;
  beforeEach(async () => {
    const settings = {
      host: '127.0.0.1',
      port: 0,
      tls: { ...first, ca: '', clients: 'none' as const },
      publicUrl: '',
      corsOrigins: [],
      maxBodyBytes: 1,
    };
    const parts = { fhir: none, dicomweb: none, operations: none, health: ok, ready: ok, metrics: ok, log: silentLog };
    secure = await startHttpDoor(settings, parts);
  });
  afterEach(() => secure.stop(0));

  const shown = async (options: ConnectionOptions = {}): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: secure.port, ca: authority.ca, ...options });
    await once(socket, 'secureConnect');
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return String(subject.CN);
  };

  (isInstalled('curl') ? it : it.skip)('says so where it is, and is verified by curl', async () => {
    expect(secure.address).toBe(`http https://127.0.0.1:${secure.port}/fhir`);
    const { code, output } = await run('curl', ['--silent', '--cacert', authority.caFile, `https://127.0.0.1:${secure.port}/health`]);
    expect([code, output]).toEqual([0, 'ok']);
    expect((await run('curl', ['--silent', `https://127.0.0.1:${secure.port}/health`])).code).toBe(60);
  });

  it('is trusted by the command line by its own certificate, not by that of who signed it', async () => {
    const asked = { url: `https://127.0.0.1:${secure.port}/health`, method: 'GET', headers: {}, body: '', timeoutMs: 10_000 };
    const chain = ({ cert }: { cert: string }): string => `${cert}\n${authority.ca}`;
    expect(await call({ ...asked, certificate: chain(first) })).toEqual({ status: 200, text: 'ok' });
    expect(await call({ ...asked, certificate: `${chain(second)}\n${chain(first)}` })).toMatchObject({ status: 200 });
    await expect(call({ ...asked, certificate: chain(second) })).rejects.toMatchObject({ code: 'CERT_NOT_PINNED' });
    await expect(call({ ...asked, certificate: second.cert })).rejects.toThrow();
  });

  it('speaks to nobody without TLS, nor with an old one, and goes on', async () => {
    await expect(fetch(`http://127.0.0.1:${secure.port}/health`)).rejects.toThrow();
    await expect(shown({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' })).rejects.toThrow();
    expect(await shown()).toBe('gateway');
  });

  it('shows a renewed certificate to connections to come', async () => {
    secure.renew({ ...second, ca: '', clients: 'none' });
    expect(await shown()).toBe('renewed');
  });

  it('stopping does not wait for a handshake that was never begun', async () => {
    const socket = connectPlainly({ host: '127.0.0.1', port: secure.port });
    await once(socket, 'connect');
    const gone = once(socket, 'close');
    await secure.stop(0);
    await gone;
  });
});

describe('the audit trail', () => {
  it('keeps what the database did not take, and writes it when it does', async () => {
    door = await openFhirDoor();
    const { database } = door;
    let heard = () => {};
    const refused = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const audit = openAudit(database, () => heard());
    await database.query('alter table audit rename to away');
    await audit.record({ at: systemClock.now(), client: 'x\0', action: 'read', target: 'y'.repeat(5_000), result: '200' });
    await refused;
    await database.query('alter table away rename to audit');
    await audit.close();
    const { rows } = await database.query('select client, length(target) as length from audit');
    expect(rows).toEqual([{ client: 'x', length: 1_000 }]);
  });
});
