import { describe, expect, it } from '@jest/globals';
import { isKnownTo, parseRange, rangeHolds } from '../../../../src/protocols/dicom/web-range.ts';

describe('a range of ten bytes', () => {
  it.each([
    [undefined, null],
    ['bytes=0-3', { start: 0, end: 3 }],
    ['bytes=4-', { start: 4, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-30', { start: 0, end: 9 }],
    ['bytes=8-100', { start: 8, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', null],
    ['bytes=-', null],
    ['bytes=0-1,4-5', null],
    ['lines=0-1', null],
  ])('asked for as %p is %p', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });
});

describe('an entity tag', () => {
  it.each([
    ['"a"', true],
    ['W/"a"', true],
    ['"b", "a"', true],
    ['*', true],
    ['"b"', false],
    [undefined, false],
  ])('is known to who says If-None-Match: %p: %p', (header, expected) => {
    expect(isKnownTo(header, '"a"')).toBe(expected);
  });

  it.each([
    [undefined, '"a"', true],
    ['"a"', '"a"', true],
    ['"b"', '"a"', false],
    ['W/"a"', 'W/"a"', false],
  ])('lets a range be answered under If-Range %p when it is %p: %p', (header, etag, expected) => {
    expect(rangeHolds(header, etag)).toBe(expected);
  });
});
