import { describe, expect, it } from '@jest/globals';
import type { DicomJson } from '../../../../src/protocols/dicom/header.ts';
import { extensionBytes, queryExtension } from '../../../../src/protocols/dicom/query-extension.ts';
import { findQuery, retrieveConditions } from '../../../../src/protocols/dicom/query-retrieve.ts';

const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const GET = '1.2.840.10008.5.1.4.1.2.2.3';
const identifier = (json: DicomJson) => ({ json, charsets: [] });
const IMAGE: DicomJson = { '00080052': { vr: 'CS', Value: ['IMAGE'] }, '00080018': { vr: 'UI', Value: ['1.2.3'] } };
const OBJECT = { level: 'instance', column: 'sop_instance_uid', test: { is: 'any', values: ['1.2.3'] } };

describe('what is asked without the unique keys above', () => {
  it('is refused, unless that was agreed on', () => {
    expect(retrieveConditions(identifier(IMAGE), 'study')).toMatchObject({ failure: true, code: 'invalid' });
    expect(retrieveConditions(identifier(IMAGE), 'study', true)).toEqual([OBJECT]);
    expect(findQuery(identifier(IMAGE), 'study')).toMatchObject({ failure: true });
    expect(findQuery(identifier(IMAGE), 'study', { relational: true, fuzzy: false })).toMatchObject({ conditions: [OBJECT] });
  });

  it('keeps to the keys above that are there, and needs its own', () => {
    const series = { ...IMAGE, '0020000E': { vr: 'UI', Value: ['1.2'] } };
    expect(retrieveConditions(identifier(series), 'study', true)).toHaveLength(2);
    const none = { '00080052': IMAGE['00080052'] as DicomJson[string] };
    expect(retrieveConditions(identifier(none), 'study', true)).toMatchObject({ failure: true });
  });
});

describe('extended negotiation of a query', () => {
  it('agrees on relational searches and on names by their words, and on nothing else', () => {
    const all = Buffer.from([1, 1, 1, 1, 1]);
    const find = queryExtension(FIND, all);
    expect(find).toEqual({ relational: true, fuzzy: true });
    expect(extensionBytes(FIND, find as NonNullable<typeof find>)).toEqual(Buffer.from([1, 0, 1, 0, 0]));
    const get = queryExtension(GET, all);
    expect(get).toEqual({ relational: true, fuzzy: false });
    expect(extensionBytes(GET, get as NonNullable<typeof get>)).toEqual(Buffer.from([1, 0]));
    expect(queryExtension(FIND, Buffer.alloc(0))).toEqual({ relational: false, fuzzy: false });
    expect(queryExtension('1.2.840.10008.5.1.4.1.1.2', all)).toBeNull();
  });
});
