import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Entry } from '../../src/model/entry.ts';
import { countGaps, encodeLoss } from '../../src/model/loss-report.ts';
import { workOf } from '../../src/model/work.ts';
import { readGatewayFile, removeGatewayFile, writeGatewayFile } from '../../src/security/gateway-file-store.ts';
import { saveGapCounts } from '../../src/store/gap-store.ts';
import { readEntry, saveOutcomes } from '../../src/store/journal-store.ts';
import { type OperationsDoor, startOperationsDoor } from '../support/operations-door.ts';

const PROGRAM = fileURLToPath(new URL('../../src/cli/waystation.ts', import.meta.url));

let door: OperationsDoor;
let data: string;

beforeAll(async () => {
  door = await startOperationsDoor();
  data = mkdtempSync(join(tmpdir(), 'waystation-cli-'));
  await writeGatewayFile(data, { pid: process.pid, url: door.url, certificate: '', token: door.token });
});

afterAll(async () => {
  rmSync(data, { recursive: true });
  await door.close();
});

type Ended = { code: number; out: string; err: string };

/** The command line as a person runs it, in a directory without a configuration. */
function waystation(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: data, env: { PATH: process.env.PATH, WAYSTATION_DATA: data, ...env } };
    execFile(process.execPath, [PROGRAM, ...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('finding the gateway', () => {
  it('by the file it left in its data directory, which only its user may read', async () => {
    expect(statSync(join(data, 'gateway.json')).mode & 0o777).toBe(0o600);
    const { code, out } = await waystation(['status']);
    expect([code, out]).toEqual([0, expect.stringContaining('  mllp 127.0.0.1:2575')]);
  });

  it('by --url and a token, from the environment or an option', async () => {
    const elsewhere = { WAYSTATION_DATA: '/nowhere' };
    expect((await waystation(['status', '--url', door.url], { ...elsewhere, WAYSTATION_TOKEN: door.token })).code).toBe(0);
    expect((await waystation(['--url', door.url, '--token', door.token, 'status'], elsewhere)).code).toBe(0);
    expect(await waystation(['status', '--url', door.url], elsewhere)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--url needs a token'),
    });
  });

  it('says so in two lines when none runs, and when one was killed', async () => {
    const none = await waystation(['case', 'list'], { WAYSTATION_DATA: '/nowhere' });
    expect(none.code).toBe(4);
    expect(none.err).toMatch(/^error: no gateway runs on \/nowhere\n {2}start one with .*\n$/);
    const killed = mkdtempSync(join(tmpdir(), 'waystation-cli-'));
    await writeGatewayFile(killed, { pid: 4_194_304, url: 'http://127.0.0.1:1', certificate: '', token: door.token });
    const gone = await waystation(['case', 'list'], { WAYSTATION_DATA: killed });
    expect([gone.code, gone.err]).toEqual([4, expect.stringMatching(/^error: the gateway of .* \(process 4194304\) does not answer\n/)]);
    await removeGatewayFile(killed);
    expect(await readGatewayFile(killed)).toBeNull();
    rmSync(killed, { recursive: true });
  });

  it('a wrong token is told as what it is', async () => {
    const wrong = `wst_${'x'.repeat(43)}`;
    const { code, err } = await waystation(['status', '--url', door.url, '--token', wrong]);
    expect([code, err]).toEqual([1, 'error: this token is not known\n  use the token of an operator of this gateway\n']);
  });
});

describe('commands', () => {
  it('client add prints a token that works; list shows it, revoke ends it', async () => {
    const added = await waystation(['client', 'add', 'dr-ada', '--role', 'operator']);
    const token = /wst_[A-Za-z0-9_-]{43}/.exec(added.out)?.[0] ?? '';
    expect((await waystation(['status', '--url', door.url, '--token', token])).code).toBe(0);
    expect((await waystation(['client', 'list'])).out).toMatch(/dr-ada +operator +dr-ada/);
    expect((await waystation(['client', 'revoke', 'dr-ada'])).code).toBe(0);
    expect((await waystation(['status', '--url', door.url, '--token', token])).code).toBe(1);
  });

  it('a failed entry is listed with the command that replays it', async () => {
    const digest = Buffer.alloc(32, 1);
    const content = { digest, lane: 'ris', payload: Buffer.from('MSH|^~\\&|\rPID|1\r'), blob: null, answer: Buffer.from('MSA|AA\r') };
    const told = {
      kind: 'hl7v2',
      peer: 'ris',
      type: 'ORM^O01',
      controlId: 'M\u001b[31m1',
      disposition: 'accepted',
      effects: [],
      detail: '',
    } as const;
    const { seq } = await door.journal.append({ ...content, ...told, received: new Date() });
    await door.database.query('delete from pending');
    await saveOutcomes(door.database, [{ seq, state: 'failed', detail: 'internal: no such table', produced: [], cases: [], loss: null }]);
    expect((await waystation(['replay'])).out).toMatch(new RegExp(`^${seq} .* ORM\\^O01 from ris +internal: no such table$`, 'm'));
    const shown = await waystation(['journal', 'show', String(seq), '--bytes']);
    expect(shown.out).toContain('\nreceived\n  MSH|^~\\&|\n  PID|1\n\nanswered\n  MSA|AA\n');
    expect(shown.out).toContain('M·[31m1');
    expect((await waystation(['replay', String(seq)])).out).toBe(`entry ${seq} walks the corridor again\n`);
    expect(JSON.parse((await waystation(['journal', '--peer', 'ris', '--json'])).out)).toMatchObject({
      rows: [{ seq, state: 'waiting', detail: '' }],
    });
  });

  it('what is not carried of a message is shown with it, and counted; a held one goes on with the others of its sender', async () => {
    const digest = Buffer.alloc(32, 2);
    const content = {
      digest,
      lane: 'his',
      payload: Buffer.from('MSH|^~\\&|\r'),
      blob: null,
      answer: Buffer.alloc(0),
      received: new Date(),
    };
    const told = {
      kind: 'hl7v2',
      peer: 'his',
      type: 'ORM^O01',
      controlId: 'L1',
      disposition: 'accepted',
      effects: [],
      detail: '',
    } as const;
    const { seq } = await door.journal.append({ ...content, ...told });
    await door.database.query('delete from pending');
    const gaps = [{ path: 'OBX[2]-8', reason: 'code is not in HL7 Table 0078', value: 'Q\u001b[31mQ', table: 'HL7 Table 0078' }];
    const detail = '1 unknown code: OBX[2]-8 (HL7 Table 0078); nothing of it was written';
    await saveOutcomes(door.database, [{ seq, state: 'held', detail, produced: [], cases: [], loss: encodeLoss(gaps) }]);
    const counts = countGaps([{ ...workOf((await readEntry(door.database, seq)) as Entry), gaps }]);
    await door.database.transaction((tx) => saveGapCounts(tx, counts, new Date()));
    expect((await waystation(['journal', 'show', String(seq)])).out).toMatch(
      /\nnot carried\n {2}OBX\[2\]-8 +Q·\[31mQ +code is not in HL7 Table 0078\n/,
    );
    expect((await waystation(['gaps', '--codes', '--peer', 'his'])).out).toMatch(
      new RegExp(`^1 +his +ORM\\^O01 +OBX-8 +\\(text\\) +${seq} .*code is not in HL7 Table 0078$`, 'm'),
    );
    expect((await waystation(['gaps', '--peer', 'nobody'])).out).toBe('nothing\n');
    expect((await waystation(['status'])).out).toMatch(/corridor +.* 1 held/);
    expect((await waystation(['replay'])).out).toContain(detail);
    expect((await waystation(['replay', '--held', 'his'])).out).toBe('1 held entry of his in the corridor again\n');
    expect((await waystation(['replay', '--held', 'his'])).err).toBe('error: nothing of his is held\n');
  });

  it('what is not there is said in one line', async () => {
    expect(await waystation(['case', 'ACC-77'])).toEqual({ code: 1, out: '', err: 'error: no case ACC-77\n' });
    expect((await waystation(['journal', 'show', '99999'])).err).toBe('error: no journal entry 99999\n');
    expect((await waystation(['replay', '99999'])).err).toBe('error: no journal entry 99999\n');
    expect((await waystation(['replay', '--set-aside', 'nobody'])).err).toBe(
      'error: nothing for nobody was set aside that could be sent again\n',
    );
    expect((await waystation(['client', 'revoke', 'nobody'])).err).toBe('error: no client in use named nobody\n');
  });
});

describe('check', () => {
  it('shows every fault, and exits with 3', async () => {
    writeFileSync(join(data, 'bad.yaml'), 'mllp: { port: -1 }\nhttp: { prot: 1 }\n');
    expect(await waystation(['check', 'bad.yaml'])).toEqual({
      code: 3,
      out: "bad.yaml:1:15 mllp.port: must be a whole number from 0 to 65535\nbad.yaml:2:9 http.prot: is not a known key; did you mean 'port'?\n\n2 faults\n",
      err: '',
    });
    expect(await waystation(['start', '--config', 'bad.yaml'])).toMatchObject({ code: 3, err: expect.stringContaining('(and 1 more)') });
  });

  it('maps samples, and shows what the overrides of their peer did', async () => {
    const config = [
      'peers:',
      '  - name: north',
      '    mllp: { application: RIS }',
      '    mapping:',
      '      version: 1',
      '      codes: { "0485": { EIL: S }, "0001": { W: F } }',
      '      segments: { ZPI-1: { to: note } }',
      '      rewrite: [{ move: ZPI-2, to: OBR-18 }]',
    ];
    writeFileSync(join(data, 'north.yaml'), config.join('\n'));
    mkdirSync(join(data, 'samples'));
    const order = ['MSH|^~\\&|RIS|NORTH|||20260302||ORM^O01|S1|P|2.5', 'PID|||4711', 'ORC|NW|P1', 'OBR|1|P1||CT|EIL', 'ZPI|Asthma|A77|x'];
    writeFileSync(join(data, 'samples/order.hl7'), order.join('\r'));
    const args = ['check', 'north.yaml', '--samples', 'samples'];
    const { code, out, err } = await waystation(args);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('\norder.hl7: ORM^O01 from north: Patient, ');
    expect(out).toContain('\n  rewrite[0]: OBR-18\n  codes.0485: OBR-5\n  segments.ZPI-1: ZPI-1\n');
    expect(out).toContain('\n  not carried: ZPI-3: ');
    expect(out).toContain('\nwarning: north: codes.0001 did nothing in any sample\n');
    expect(out).not.toContain('Asthma');
    const mapped = JSON.parse((await waystation(['map', 'samples/order.hl7', '--config', 'north.yaml', '--peer', 'north', '--json'])).out);
    const request = mapped.bundle.entry.map((one: { resource: object }) => one.resource).find((one: { note?: unknown }) => one.note);
    expect(request).toMatchObject({ priority: 'stat', note: [{ text: 'Asthma' }] });
    expect(JSON.stringify(request.identifier)).toContain('A77');
    expect((await waystation([...args, '--peer', 'south'])).code).toBe(2);
    writeFileSync(join(data, 'samples/bad.hl7'), order.slice(0, 1).join('\r'));
    const refused = await waystation([...args, '--json']);
    expect([refused.code, JSON.parse(refused.out).samples[0]]).toEqual([
      3,
      expect.objectContaining({ file: 'bad.hl7', refused: expect.stringContaining('AE') }),
    ]);
  });

  it('shows what holds without a file', async () => {
    const { code, out } = await waystation(['check']);
    expect([code, out]).toEqual([0, expect.stringContaining('defaults, without a file: no faults')]);
  });
});

describe('the program that npx starts', () => {
  const BIN = fileURLToPath(new URL('../../src/cli/bin.mjs', import.meta.url));
  const on = (node: string, ...args: string[]) => spawnSync(node, [BIN, ...args], { encoding: 'utf8', cwd: data });
  const older = spawnSync('node', ['--version'], { encoding: 'utf8' }).stdout?.startsWith('v20.') ? it : it.skip;

  it('hands on arguments and exit code', () => {
    expect(on(process.execPath, '--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(on(process.execPath, 'cse').status).toBe(2);
  });

  older('runs on the Node of the checkout where the machine has an older one', () => {
    expect(on('node', '--version')).toMatchObject({ status: 0, stderr: '', stdout: on(process.execPath, '--version').stdout });
    expect(on('node', 'cse').status).toBe(2);
  });
});

describe('usage', () => {
  it('help shows examples and exit codes; wrong usage exits with 2', async () => {
    expect((await waystation(['--help'])).out).toContain('Exit codes: 0 done');
    expect((await waystation(['case', '--help'])).out).toContain('npx waystation case release ACC-1001 --why');
    expect((await waystation(['cse'])).err).toContain('Did you mean case?');
    expect((await waystation(['cse'])).code).toBe(2);
    expect((await waystation(['client', 'add', 'x', '--role', 'admin'])).code).toBe(2);
    expect((await waystation(['client', 'add', 'a b', '--role', 'reader'])).code).toBe(2);
    expect((await waystation(['client', 'add', 'a', '--role', 'reader', '--group', 'a/b'])).code).toBe(2);
    for (const limit of ['abc', '0', '-1', '1.5', '']) {
      expect((await waystation(['case', 'list', `--limit=${limit}`])).code).toBe(2);
      expect((await waystation(['journal', `--limit=${limit}`])).code).toBe(2);
    }
  });
});
