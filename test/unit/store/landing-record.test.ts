/** Records of the landing log as they lie in a segment. */
import { describe, expect, it } from '@jest/globals';
import {
  bodyCrcOf,
  decodeHeader,
  encodeRecord,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  recordBytes,
} from '../../../src/store/landing-record.ts';
import fc from '../../support/properties.ts';

const bytes = fc.uint8Array({ maxLength: 9000 }).map((array) => Buffer.from(array));
const lap = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

describe('a record of the landing log', () => {
  it('says of itself what it is, and takes whole pages', () => {
    fc.assert(
      fc.property(lap, bytes, fc.array(bytes, { maxLength: 4 }), (of, facts, file) => {
        const { header, pieces } = encodeRecord(of, facts, file);
        const whole = Buffer.concat(pieces);
        expect(decodeHeader(whole)).toEqual(header);
        expect(header).toEqual({ lap: of, factsBytes: facts.length, fileBytes: Buffer.concat(file).length, bodyCrc: header.bodyCrc });
        expect(whole.length).toBe(recordBytes(header.factsBytes, header.fileBytes));
        expect(whole.length % RECORD_ALIGNMENT).toBe(0);
        const body = whole.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + header.factsBytes + header.fileBytes);
        expect(body).toEqual(Buffer.concat([facts, ...file]));
        expect(bodyCrcOf([body])).toBe(header.bodyCrc);
      }),
    );
  });

  it('is none where a byte of its header is another', () => {
    fc.assert(
      fc.property(lap, bytes, fc.nat(RECORD_HEADER_BYTES - 1), fc.integer({ min: 1, max: 255 }), (of, facts, at, change) => {
        const whole = Buffer.concat(encodeRecord(of, facts, []).pieces);
        whole[at] = (whole[at] as number) ^ change;
        expect(decodeHeader(whole)).toBeNull();
      }),
    );
  });

  it('is none where nothing was written, or too little', () => {
    expect(decodeHeader(Buffer.alloc(RECORD_ALIGNMENT))).toBeNull();
    expect(decodeHeader(Buffer.alloc(0))).toBeNull();
  });
});
