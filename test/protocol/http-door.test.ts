/** The one HTTP server: where its routers are mounted, a port that is taken, and stopping. */
import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Request, type Response, Router } from 'express';
import { startHttpDoor } from '../../src/endpoints/http-listener.ts';
import { systemClock } from '../../src/model/clock.ts';
import { openAudit } from '../../src/store/audit-store.ts';
import { type FhirDoor, openFhirDoor, patient } from '../support/fhir-door.ts';
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
    const settings = { host: '127.0.0.1', port: door.port, publicUrl: '', maxBodyBytes: 1 };
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
