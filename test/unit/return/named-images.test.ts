import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Media } from '@medplum/fhirtypes';
import { linkedMedia, namedImages } from '../../../src/return/named-images.ts';

const CODE = { text: 'report' };
const SUBJECT = { reference: 'Patient/1' };
const media = (id: string, more: Partial<Media>): Media => ({ resourceType: 'Media', id, status: 'completed', content: {}, ...more });
const report = (more: Partial<DiagnosticReport>): DiagnosticReport => ({
  resourceType: 'DiagnosticReport',
  status: 'final',
  code: CODE,
  ...more,
});
const WADO = 'https://gateway.example/dicomweb/studies/1.2/series/1.2.3/instances';

describe('images that a report names', () => {
  it('are those of its media, by identifier or by WADO-RS URL, with the frame that is named', () => {
    const named = report({
      contained: [media('one', { identifier: [{ system: 'urn:dicom:uid', value: 'urn:oid:1.2.3.4' }] })],
      media: [{ link: { reference: '#one' } }, { link: { reference: 'Media/2' } }, { link: { reference: 'Media/3' } }],
    });
    expect(linkedMedia(named)).toEqual(['Media/2', 'Media/3']);
    const known = new Map([
      ['Media/2', media('2', { content: { url: `${WADO}/1.2.3.5/frames/3` } })],
      ['Media/3', media('3', { content: { url: `${WADO}/1.2.3.6` } })],
    ]);
    expect(namedImages(named, known)).toEqual([
      { sopInstanceUid: '1.2.3.4', frames: [] },
      { sopInstanceUid: '1.2.3.5', frames: [3] },
      { sopInstanceUid: '1.2.3.6', frames: [] },
    ]);
  });

  it('are those of a study that the report contains, not those of a study it was read on', () => {
    const selection = {
      ...{ resourceType: 'ImagingStudy', id: 's', status: 'available', subject: SUBJECT },
      series: [{ uid: '1.2.3', modality: { code: 'CT' }, instance: [{ uid: '1.2.3.4', sopClass: {} }] }],
    } as NonNullable<DiagnosticReport['contained']>[number];
    const both = [{ reference: 'ImagingStudy/7' }, { reference: '#s' }];
    expect(namedImages(report({ contained: [selection], imagingStudy: both }), new Map())).toEqual([
      { sopInstanceUid: '1.2.3.4', frames: [] },
    ]);
  });

  it('are named once, and whole where they are named whole', () => {
    const known = new Map([
      ['Media/1', media('1', { content: { url: `${WADO}/1.2.3.5/frames/3` } })],
      ['Media/2', media('2', { content: { url: `${WADO}/1.2.3.5` } })],
      ['Media/3', media('3', { content: { url: 'https://elsewhere.example/photo.jpg' } })],
    ]);
    const links = [...known.keys(), 'Media/9'].map((reference) => ({ link: { reference } }));
    expect(namedImages(report({ media: links }), known)).toEqual([{ sopInstanceUid: '1.2.3.5', frames: [] }]);
  });
});
