import { describe, expect, it } from '@jest/globals';
import { durationMs, sizeBytes } from '../../../src/config/quantity.ts';

describe('quantities', () => {
  it.each([
    ['500ms', 500],
    ['1.5s', 1_500],
    ['10 m', 600_000],
    ['2h', 7_200_000],
    ['3d', 259_200_000],
  ])('%s is %d milliseconds', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['1.5MiB', 1_572_864],
    ['1GiB', 1_073_741_824],
  ])('%s is %d bytes', (text, bytes) => {
    expect(sizeBytes(text)).toBe(bytes);
  });

  it.each(['', '30', 's', '-1s', '1e3s', '1S', '1 constructor', '9999999999s', '1s 2s', '64MB'])('%j is neither', (text) => {
    expect([durationMs(text), sizeBytes(text)]).toEqual([null, null]);
  });
});
