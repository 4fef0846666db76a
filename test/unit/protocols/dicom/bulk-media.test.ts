import { describe, expect, it } from '@jest/globals';
import { pixelSyntax } from '../../../../src/protocols/dicom/bulk-media.ts';
import { type MediaRange, parseAccept } from '../../../../src/protocols/dicom/web-accept.ts';

const syntaxOf = (type: string, head = '') =>
  pixelSyntax(parseAccept(type)[0] as MediaRange, Buffer.from(head.replaceAll(' ', ''), 'hex'))?.uid;

describe('the transfer syntax of pixel data', () => {
  it.each([
    ['application/octet-stream', '1.2.840.10008.1.2.1'],
    ['application/octet-stream; transfer-syntax=1.2.840.10008.1.2', '1.2.840.10008.1.2.1'],
    ['application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.90'],
    ['image/jp2; transfer-syntax=1.2.840.10008.1.2.4.91', '1.2.840.10008.1.2.4.91'],
    ['image/jp2', '1.2.840.10008.1.2.4.90'],
    ['image/x-jls', '1.2.840.10008.1.2.4.80'],
    ['image/dicom-rle', '1.2.840.10008.1.2.5'],
    ['video/mp4', '1.2.840.10008.1.2.4.102'],
  ])('sent as %s is %s', (type, uid) => expect(syntaxOf(type)).toBe(uid));

  it.each([
    ['baseline', 'ffd8 ffe0 0004 0000 ffc0 0004 0000', '1.2.840.10008.1.2.4.50'],
    ['extended', 'ffd8 ffc1 0004 0000', '1.2.840.10008.1.2.4.51'],
    ['lossless', 'ffd8 ffc3 0004 0000', '1.2.840.10008.1.2.4.70'],
    ['unknown', '0102', '1.2.840.10008.1.2.4.70'],
  ])('is that of its first frame header where an image/jpeg names none: %s', (_, head, uid) =>
    expect(syntaxOf('image/jpeg', head)).toBe(uid),
  );

  it.each([
    'application/pdf',
    'image/png',
    'image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.90',
    'image/jpeg; transfer-syntax=1.2.840.10008.1.2.1',
    'video/mp4; transfer-syntax=1.2.840.10008.1.2.4.50',
    'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.2',
    'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.94',
  ])('is none for %s', (type) => expect(syntaxOf(type)).toBeUndefined());
});
