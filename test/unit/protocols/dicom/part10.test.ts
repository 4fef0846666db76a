import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { IMPLEMENTATION_CLASS_UID, part10Prefix, readPart10 } from '../../../../src/protocols/dicom/part10.ts';
import { isUid } from '../../../../src/protocols/dicom/uid.ts';

const META = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3', transferSyntax: '1.2.840.10008.1.2.1' };

describe('the file format', () => {
  it('is a preamble, DICM, and File Meta Information whose group length is right (PS3.10 §7.1)', () => {
    const prefix = part10Prefix(META);
    expect(prefix.subarray(0, 132).toString('latin1')).toBe(`${'\0'.repeat(128)}DICM`);
    expect(prefix.subarray(132, 140).toString('hex')).toBe('02000000554c0400');
    expect(prefix.readUInt32LE(140)).toBe(prefix.length - 144);
  });

  it('is the same for the same object, whoever sent it and whenever', () => {
    expect(part10Prefix(META).equals(part10Prefix({ ...META }))).toBe(true);
  });

  it('is read back, with the place where the dataset begins', () => {
    const prefix = part10Prefix(META);
    expect(readPart10(Buffer.concat([prefix, Buffer.from('10002000', 'hex')]))).toEqual({ ...META, datasetOffset: prefix.length });
  });

  it('is not found where there is no prefix, nor where it ends early', () => {
    expect(isFailure(readPart10(Buffer.alloc(200)))).toBe(true);
    expect(isFailure(readPart10(part10Prefix(META).subarray(0, -3)))).toBe(true);
  });

  it('names this implementation by a valid UID', () => {
    expect(isUid(IMPLEMENTATION_CLASS_UID)).toBe(true);
  });
});
