/** Real senders at the MLLP door. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openTestDoor, type TestDoor } from '../support/mllp-door.ts';

/** Of Debian's python3-hl7. */
const MLLP_SEND = '/usr/bin/mllp_send';
const FIXTURE = 'fixtures/hl7v2/orm-o01/new-order.hl7';

const withMllpSend = existsSync(MLLP_SEND) ? it : it.skip;

let test: TestDoor;
beforeAll(async () => {
  test = await openTestDoor();
});
afterAll(() => test.close());

describe('mllp_send', () => {
  withMllpSend('sends an order and prints our AA', async () => {
    const sent = await promisify(execFile)(MLLP_SEND, ['--loose', '--file', FIXTURE, '--port', String(test.door.port), '127.0.0.1']);
    expect(sent.stdout).toContain('MSA|AA|N-1001');
    expect(await test.journaled()).toMatchObject([{ control_id: 'N-1001', disposition: 'accepted' }]);
  });
});
