import { describe, expect, it } from '@jest/globals';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { chooseAnswer, chooseFrames, chooseMetadata, chooseObjects, parseAccept } from '../../../../src/protocols/dicom/web-accept.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG = '1.2.840.10008.1.2.4.50';
const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const VIDEO = '1.2.840.10008.1.2.4.102';

describe('Accept for objects (PS3.18 §8.7)', () => {
  it.each([
    [undefined, 'parts'],
    ['*/*', 'parts'],
    ['multipart/related; type="application/dicom"', 'parts'],
    ['multipart/related; type=application/dicom; transfer-syntax=*', 'parts'],
    [`multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`, 'parts'],
    [`multipart/related; type="application/dicom"; transfer-syntax="${EXPLICIT}"`, 'parts'],
    ['application/dicom', 'alone'],
    ['application/dicom; transfer-syntax=*', 'alone'],
    ['application/json, multipart/related; type="application/dicom"', 'parts'],
    ['multipart/related; type="application/dicom"; q=0.5, application/dicom', 'alone'],
    [`multipart/related; type="application/dicom"; transfer-syntax=${JPEG}`, 'none'],
    ['multipart/related; type="application/dicom+xml"', 'none'],
    ['multipart/related; type="application/octet-stream"', 'none'],
    ['application/json', 'none'],
    ['*/*; q=0', 'none'],
  ])('%s gives one instance as %s', (header, expected) => {
    const chosen = chooseObjects(parseAccept(header), [EXPLICIT], true);
    expect(chosen ? (chosen.multipart ? 'parts' : 'alone') : 'none').toBe(expected);
  });

  it('application/dicom alone does not do for a study', () => {
    expect(chooseObjects(parseAccept('application/dicom'), [EXPLICIT], false)).toBeNull();
  });

  it('a transfer syntax takes those of a mixed study that are stored in it', () => {
    const chosen = chooseObjects(
      parseAccept(`multipart/related; type="application/dicom"; transfer-syntax=${JPEG}`),
      [EXPLICIT, JPEG],
      false,
    );
    expect([EXPLICIT, JPEG].map((syntax) => chosen?.sentIn(syntax))).toEqual([null, JPEG]);
  });

  it('several transfer syntaxes take of a mixed study what is had in any of them, each object in the best', () => {
    const ranges = [`${JPEG}; q=0.9`, EXPLICIT, `${VIDEO}; q=0.1`].map(
      (syntax) => `multipart/related; type="application/dicom"; transfer-syntax=${syntax}`,
    );
    const chosen = chooseObjects(parseAccept(`${ranges}, application/dicom; q=0.2`), [JPEG, IMPLICIT, VIDEO], false);
    expect([JPEG, IMPLICIT, VIDEO].map((syntax) => chosen?.sentIn(syntax))).toEqual([EXPLICIT, EXPLICIT, VIDEO]);
    const kept = chooseObjects(
      parseAccept(
        ranges
          .slice(0, 1)
          .concat(ranges[1]?.concat('; q=0.5') ?? '')
          .join(),
      ),
      [JPEG, IMPLICIT],
      false,
    );
    expect([JPEG, IMPLICIT].map((syntax) => kept?.sentIn(syntax))).toEqual([JPEG, EXPLICIT]);
  });
});

describe('Accept for objects in another transfer syntax', () => {
  it.each([
    [JPEG, EXPLICIT],
    [BIG_ENDIAN, EXPLICIT],
    [EXPLICIT, EXPLICIT],
    [VIDEO, null],
  ])('of %s is met by %s', (stored, sent) => {
    const accept = parseAccept(`application/dicom; transfer-syntax=${EXPLICIT}`);
    expect(chooseObjects(accept, [stored], true)?.sentIn(stored) ?? null).toBe(sent);
    expect(chooseObjects(parseAccept(`application/dicom; transfer-syntax=${IMPLICIT}`), [stored], true)).toBeNull();
    expect(chooseObjects(parseAccept('application/dicom'), [stored], true)?.sentIn(stored)).toBe(stored);
  });
});

describe('Accept for frames', () => {
  it.each([
    [undefined, EXPLICIT, `parts application/octet-stream; transfer-syntax=${EXPLICIT}`],
    ['multipart/related; type="application/octet-stream"', EXPLICIT, `parts application/octet-stream; transfer-syntax=${EXPLICIT}`],
    ['application/octet-stream', EXPLICIT, `alone application/octet-stream; transfer-syntax=${EXPLICIT}`],
    [
      'multipart/related; type="application/octet-stream"',
      '1.2.840.10008.1.2',
      `parts application/octet-stream; transfer-syntax=${EXPLICIT}`,
    ],
    ['multipart/related; type="image/jpeg"', JPEG, `parts image/jpeg; transfer-syntax=${JPEG}`],
    ['image/jpeg', JPEG, `alone image/jpeg; transfer-syntax=${JPEG}`],
    ['multipart/related; type="image/*"', JPEG, `parts image/jpeg; transfer-syntax=${JPEG}`],
    ['*/*', JPEG, `parts image/jpeg; transfer-syntax=${JPEG}`],
    [
      'multipart/related; type="application/octet-stream"; transfer-syntax=*',
      JPEG,
      `parts application/octet-stream; transfer-syntax=${JPEG}`,
    ],
    ['multipart/related; type="application/octet-stream"', JPEG, `parts application/octet-stream; transfer-syntax=${EXPLICIT}, decoded`],
    [
      `multipart/related; type="application/octet-stream"; transfer-syntax=${EXPLICIT}`,
      JPEG,
      `parts application/octet-stream; transfer-syntax=${EXPLICIT}, decoded`,
    ],
    ['application/octet-stream', VIDEO, 'none'],
    ['multipart/related; type="image/jls"', JPEG, 'none'],
    ['multipart/related; type="application/octet-stream"', BIG_ENDIAN, 'none'],
    [
      'multipart/related; type="application/octet-stream"; transfer-syntax=*',
      BIG_ENDIAN,
      `parts application/octet-stream; transfer-syntax=${BIG_ENDIAN}`,
    ],
    ['*/*', VIDEO, 'none'],
  ])('%s of %s is %s', (header, uid, expected) => {
    const chosen = chooseFrames(parseAccept(header), transferSyntax(uid) as TransferSyntax, true);
    const said = chosen && `${chosen.multipart ? 'parts' : 'alone'} ${chosen.contentType}${chosen.decoded ? ', decoded' : ''}`;
    expect(said ?? 'none').toBe(expected);
  });

  it('several frames never go without multipart', () => {
    expect(chooseFrames(parseAccept('image/jpeg'), transferSyntax(JPEG) as TransferSyntax, false)).toBeNull();
  });
});

describe('Accept for metadata', () => {
  it.each([
    [undefined, 'application/dicom+json'],
    ['*/*', 'application/dicom+json'],
    ['application/*', 'application/dicom+json'],
    ['application/json', 'application/json'],
    ['multipart/related; type="application/dicom+xml"; q=0.5, application/dicom+json', 'application/dicom+json'],
    ['multipart/related; type="application/dicom+xml", application/dicom+json; q=0.1', 'application/dicom+xml'],
    ['application/dicom+xml', null],
    ['text/html', null],
  ])('%s gives %s', (header, type) => {
    expect(chooseMetadata(parseAccept(header))).toBe(type);
  });

  it.each([
    [undefined, 'application/dicom+json'],
    ['application/json', 'application/dicom+json'],
    ['application/dicom+xml', 'application/dicom+xml'],
    ['multipart/related; type="application/dicom+xml"', null],
  ])('%s gives an answer as %s', (header, type) => {
    expect(chooseAnswer(parseAccept(header))).toBe(type);
  });
});
