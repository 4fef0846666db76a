import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { pixelLengthProblem } from '../../../../src/protocols/dicom/pixel-length.ts';

const PIXEL_DATA = '7FE00010';
const IMAGE = {
  ...{ '00280002': one('US', 1), '00280004': one('CS', 'MONOCHROME2'), '00280010': one('US', 3), '00280011': one('US', 3) },
  ...{ '00280100': one('US', 8), [PIXEL_DATA]: { vr: 'OB', BulkDataURI: 'pixels' } },
};
const TWO = { ...IMAGE, '00280008': one('IS', '2') };
const COLOUR = { ...IMAGE, '00280002': one('US', 3), '00280011': one('US', 4) };
const BITS = { ...IMAGE, '00280008': one('IS', 3), '00280100': one('US', 1) };
const { [PIXEL_DATA]: _, ...DOCUMENT } = IMAGE;

describe('native pixel data that came beside its metadata', () => {
  it.each([
    ['its rows and columns', IMAGE, [9]],
    ['a padding byte after them', IMAGE, [10]],
    ['two frames in one part', TWO, [18]],
    ['two frames in two', TWO, [9, 9]],
    ['samples', { ...COLOUR, '00280004': one('CS', 'RGB') }, [36]],
    ['chrominance that is shared', { ...COLOUR, '00280004': one('CS', 'YBR_FULL_422') }, [24]],
    ['bits that frames begin within a byte', BITS, [4]],
    ['floats', { ...DOCUMENT, '00280100': one('US', 32), '7FE00008': { vr: 'OF', BulkDataURI: 'pixels' } }, [36]],
    ['bytes in the metadata', { ...IMAGE, [PIXEL_DATA]: { vr: 'OB', InlineBinary: Buffer.alloc(9).toString('base64') } }, []],
    ['no pixel data', DOCUMENT, []],
    ['pixel data without a value', { ...IMAGE, [PIXEL_DATA]: { vr: 'OB' } }, []],
  ])('is right of %s', (_, json, lengths) => {
    expect(pixelLengthProblem(json, () => lengths)).toBeNull();
  });

  it.each([
    ['a byte too short', IMAGE, [8]],
    ['a byte too long', IMAGE, [11]],
    ['padded where it is even', TWO, [19]],
    ['one frame of two', TWO, [9]],
    ['frames of other lengths that come to the same', TWO, [8, 10]],
    ['frames of which each is padded', TWO, [10, 10]],
    ['more frames than there are', IMAGE, [9, 9]],
    ['frames that begin within a byte in parts', BITS, [2, 1, 1]],
    ['bytes in the metadata that are too few', { ...IMAGE, [PIXEL_DATA]: { vr: 'OB', InlineBinary: 'AQI=' } }, []],
    ['of an image without rows', { ...IMAGE, '00280010': { vr: 'US' } }, [9]],
    ['of no frames', { ...IMAGE, '00280008': one('IS', -1) }, [9]],
    ['of members that are none', { ...IMAGE, '00280010': 7 } as never, [9]],
  ])('is refused when it is %s', (_, json, lengths) => {
    const problem = pixelLengthProblem(json, () => lengths);
    expect(isFailure(problem) && problem.code).toBe('invalid');
  });
});

function one(vr: string, value: string | number) {
  return { vr, Value: [value] };
}
