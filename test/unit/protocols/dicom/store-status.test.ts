import { describe, expect, it } from '@jest/globals';
import { storedStatus } from '../../../../src/protocols/dicom/store-instances-response.ts';
import { storeVerdict } from '../../../../src/protocols/dicom/store-status.ts';

describe('the status of a C-STORE', () => {
  it.each([
    [0x0000, 'stored', ''],
    [0xb000, 'stored', 'B000 warning: coercion of data elements'],
    [0xb006, 'stored', 'B006 warning: elements discarded'],
    [0xb007, 'stored', 'B007 warning: dataset does not match SOP class'],
    [0xa700, 'busy', 'A700 out of resources'],
    [0xa7ff, 'busy', 'A7FF out of resources'],
    [0xa900, 'refused', 'A900 dataset does not match SOP class'],
    [0xc000, 'refused', 'C000 cannot understand'],
    [0xc122, 'refused', 'C122 referenced transfer syntax not supported'],
    [0x0110, 'refused', '0110 processing failure'],
    [0x0122, 'refused', '0122 SOP class not supported'],
    [0x0124, 'barred', '0124 not authorized'],
    [0x0213, 'busy', '0213 resource limitation'],
    [0xfe00, 'refused', 'FE00 unknown status'],
    [0x1234, 'refused', '1234 unknown status'],
  ] as const)('%s is %s: %s', (status, kind, note) => {
    expect(storeVerdict(status)).toEqual({ kind, note });
  });

  it('never takes a status for success but 0000, B... and the warnings of PS3.7 Annex C', () => {
    const stored = Array.from({ length: 0x10000 }, (_, status) => status).filter((status) => storeVerdict(status).kind === 'stored');
    expect(stored.filter((status) => status < 0xb000)).toEqual([0x0000, 0x0001, 0x0107, 0x0116]);
    expect(stored.filter((status) => status > 0xbfff)).toEqual([]);
  });
});

describe('the answer to STOW-RS', () => {
  const reference = (uid: string, more = {}) => ({ '00081155': { vr: 'UI', Value: [uid] }, ...more });
  const answer = JSON.stringify({
    '00081198': { vr: 'SQ', Value: [reference('2.1', { '00081197': { vr: 'US', Value: [0xa900] } }), reference('2.2'), null] },
    '00081199': { vr: 'SQ', Value: [reference('2.3'), reference('2.4', { '00081196': { vr: 'US', Value: [0xb000] } })] },
  });

  it.each([
    ['2.1', 0xa900],
    ['2.2', 0x0110],
    ['2.3', 0],
    ['2.4', 0xb000],
    ['2.5', null],
  ])('says of %s %s', (uid, status) => expect(storedStatus(answer, uid)).toBe(status));

  it('says nothing where it names nobody', () => {
    for (const body of ['{}', 'null', '[]', '{"00081199":{}}', '{"00081199":{"Value":[1,"x",{}]}}'])
      expect(storedStatus(body, '2.1')).toBeNull();
  });
});
