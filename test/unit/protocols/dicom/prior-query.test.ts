import { describe, expect, it } from '@jest/globals';
import type { PriorOrder } from '../../../../src/model/prior.ts';
import type { DicomJson } from '../../../../src/protocols/dicom/header.ts';
import {
  candidates,
  foreign,
  hasModality,
  isOfPatient,
  retrieveIdentifier,
  studiesIdentifier,
} from '../../../../src/protocols/dicom/prior-query.ts';
import { COMPRESSED, RETRIEVED_IMAGES, RETRIEVED_OTHERS, UNCOMPRESSED } from '../../../../src/protocols/dicom/retrieved-classes.ts';
import { isStorageClass } from '../../../../src/protocols/dicom/sop-class.ts';
import { transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';

const ORDER: PriorOrder = {
  ...{ caseId: '', from: 'pacs', patient: { id: 'P1', authority: 'HOSP' }, modalities: ['CT'], since: '20210302', most: 3 },
};
const NOTHING = { uids: [], accessions: [] };
const answer = (uid: string, date: string, over: DicomJson = {}): DicomJson => ({
  '00080020': { vr: 'DA', Value: [date] },
  '00080061': { vr: 'CS', Value: ['CT', 'SR'] },
  '00100020': { vr: 'LO', Value: ['P1'] },
  '0020000D': { vr: 'UI', Value: [uid] },
  '00201208': { vr: 'IS', Value: ['12'] },
  ...over,
});
const issuer = (value: string): DicomJson => ({ '00100021': { vr: 'LO', Value: [value] } });
const qualified = (value: string): DicomJson => ({ '00100024': { vr: 'SQ', Value: [{ '00400032': { vr: 'UT', Value: [value] } }] } });

describe('what a PACS is asked for priors', () => {
  it('is for all studies of the number since the day, the issuer and the modalities to be answered', () => {
    expect(studiesIdentifier(ORDER)).toMatchObject({
      '00080052': { Value: ['STUDY'] },
      '00080020': { Value: ['20210302-'] },
      '00100020': { Value: ['P1'] },
      '00100021': { vr: 'LO' },
      '00080061': { vr: 'CS' },
      '0020000D': { vr: 'UI' },
    });
    expect(retrieveIdentifier('1.2')).toEqual({ '00080052': { vr: 'CS', Value: ['STUDY'] }, '0020000D': { vr: 'UI', Value: ['1.2'] } });
  });

  it('asks for no list and no wildcard, whatever stands in the number', () => {
    expect(studiesIdentifier({ ...ORDER, patient: { id: 'P*\\1', authority: 'HOSP' } })['00100020']?.Value).toEqual(['P??1']);
  });

  it('takes the newest first, each once, and none of the case itself', () => {
    const answers = [answer('1.1', '20220101'), answer('1.2', '20250101'), answer('1.2', '20250101'), answer('1.3', '20240101')];
    expect(candidates(answers, ORDER, { uids: ['1.3'], accessions: [] })).toEqual([
      { uid: '1.2', at: '20250101', modalities: ['CT', 'SR'], instances: 12 },
      { uid: '1.1', at: '20220101', modalities: ['CT', 'SR'], instances: 12 },
    ]);
    const same = answer('1.4', '20250101', { '00080050': { vr: 'SH', Value: ['A1'] } });
    expect(candidates([same], ORDER, { uids: [], accessions: ['A1'] })).toEqual([]);
  });

  it('believes no answer that does not fit what was asked', () => {
    const wrong = [
      answer('1.1', '20200101'),
      answer('1.2', ''),
      answer('no uid', '20250101'),
      answer('1.3', '20250101', { '00100020': { vr: 'LO', Value: ['P11'] } }),
      answer('1.4', '20250101', issuer('OTHER')),
    ];
    expect(candidates(wrong, ORDER, NOTHING)).toEqual([]);
    expect(candidates([answer('1.5', '20250101', issuer('HOSP'))], ORDER, NOTHING)).toHaveLength(1);
  });

  it('knows a patient by number and, where one is said, by authority', () => {
    const of = (over: DicomJson) => isOfPatient(answer('1.1', '', over), ORDER.patient);
    expect([of({}), of(issuer('HOSP')), of(issuer('OTHER'))]).toEqual([true, true, false]);
    expect([of(qualified('HOSP')), of(qualified('1.2.3')), of({ ...issuer('HOSP'), ...qualified('1.2.3') })]).toEqual([true, false, true]);
  });

  it('refuses an object of another patient or study', () => {
    const header = { sopClassUid: '', sopInstanceUid: '', seriesUid: '', studyUid: '1.1', modality: 'CT', frames: 1 };
    expect(foreign({ ...header, json: answer('1.1', '') }, ['1.1'], ORDER)).toBeNull();
    expect(foreign({ ...header, json: answer('1.1', '') }, ['1.2'], ORDER)).toMatchObject({ code: 'invalid', class: 'permanent' });
    expect(foreign({ ...header, json: answer('1.1', '', issuer('OTHER')) }, ['1.1'], ORDER)).toMatchObject({ code: 'invalid' });
    expect(foreign({ ...header, json: answer('1.1', '') }, ['1.1'], null)).toMatchObject({ code: 'invalid' });
  });

  it('wants one modality of several, or any', () => {
    const study = { uid: '1.1', at: '', modalities: ['CT', 'SR'], instances: 0 };
    expect([hasModality(study, ['CT', 'PT']), hasModality(study, ['MR']), hasModality(study, [])]).toEqual([true, false, true]);
  });

  it('proposes storage classes and known syntaxes alone, each once, in one association', () => {
    const classes = [...RETRIEVED_IMAGES, ...RETRIEVED_OTHERS];
    expect(classes.every(isStorageClass)).toBe(true);
    expect(new Set(classes).size).toBe(classes.length);
    expect([...UNCOMPRESSED, ...COMPRESSED].every((uid) => transferSyntax(uid) !== null)).toBe(true);
    expect(3 + 2 * RETRIEVED_IMAGES.length + RETRIEVED_OTHERS.length).toBeLessThanOrEqual(128);
  });
});
