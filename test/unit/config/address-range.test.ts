import { describe, expect, it } from '@jest/globals';
import { addressRange, isAddressRange } from '../../../src/config/address-range.ts';
import fc from '../../support/properties.ts';

describe('a range of addresses', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.7', '::ffff:192.0.2.7', true],
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['192.0.2.7', '', false],
  ])('%s and %s: %s', (range, address, expected) => {
    expect(addressRange(range)(address)).toBe(expected);
  });

  it.each([
    '',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.0/33',
    '192.0.2.0/24/1',
    '192.0.2.0/x',
    'ris.example',
    '1:2:3',
    '::1::2',
    '1:2:3:4:5:6:7:8:9',
  ])('%j is none', (text) => {
    expect(isAddressRange(text)).toBe(false);
    expect(addressRange(text)(text)).toBe(false);
  });

  it('holds every address written in it, whatever its prefix', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().filter((one) => !one.includes('.')),
        ),
        fc.integer({ min: 0, max: 32 }),
        (address, prefix) => {
          expect(addressRange(`${address}/${prefix}`)(address)).toBe(true);
        },
      ),
    );
  });
});
