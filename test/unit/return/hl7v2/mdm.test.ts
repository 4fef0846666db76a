import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport } from '@medplum/fhirtypes';
import { isFailure } from '../../../../src/model/failure.ts';
import { composeMdm, composeMdmCancel, type MdmInput } from '../../../../src/return/hl7v2/mdm.ts';
import { reportOn } from '../../../support/specialist.ts';

const ORDER = [
  'MSH|^~\\&|RIS|NORTH|W|W|20260302081500||ORM^O01|M1|P|2.5.1',
  'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F',
  'ORC|NW|P-1^NORTH|F-1^NORTH',
  'OBR|1|P-1^NORTH|F-1^NORTH|24725-4^CT Head^LN',
];

function inputOf(report: Partial<DiagnosticReport> = {}, more: Partial<MdmInput> = {}): MdmInput {
  return {
    order: Buffer.from(ORDER.map((line) => `${line}\r`).join('')),
    orderCharset: '',
    keys: [],
    patient: null,
    patientAuthority: 'NORTH',
    report: reportOn('ServiceRequest/1', 'Patient/1', report),
    signer: { name: 'Dr. Ada Example', identifier: { system: 'urn:example:physician-number', value: '100001' }, jwk: {} },
    pdf: null,
    filler: '',
    destination: { receivingApplication: 'ARCHIVE', receivingFacility: 'NORTH', version: '2.5.1', text: 'whole' },
    sender: { application: 'WAYSTATION', facility: '' },
    controlId: 'WS1',
    now: new Date('2026-03-02T09:32:00Z'),
    document: { reference: 'DiagnosticReport/01950000-aaaa-7bbb-8ccc-dddddddddddd', version: '1' },
    corrects: null,
    signedAt: '2026-03-02T10:31:00+01:00',
    ...more,
  };
}

function lines(report: Partial<DiagnosticReport> = {}, more: Partial<MdmInput> = {}): string[] {
  const composed = composeMdm(inputOf(report, more));
  if (isFailure(composed)) throw new Error(composed.detail);
  return composed.toString().trimEnd().split('\r');
}

const fields = (all: string[], name: string) => all.find((line) => line.startsWith(name))?.split('|') ?? [];
const CORRECTED = {
  document: { reference: 'DiagnosticReport/01950000-ffff-7bbb-8ccc-dddddddddddd', version: '2' },
  corrects: { reference: 'DiagnosticReport/01950000-aaaa-7bbb-8ccc-dddddddddddd', version: '1' },
};

describe('the MDM of a report', () => {
  it('is MDM^T02, byte by byte', () => {
    const ada = '100001^Dr. Ada Example^^^^^^^&urn:example:physician-number&URI';
    expect(lines({ conclusion: 'No fracture.' })).toEqual([
      'MSH|^~\\&|WAYSTATION||ARCHIVE|NORTH|20260302093200+0000||MDM^T02^MDM_T02|WS1|P|2.5.1||||||UNICODE UTF-8',
      'EVN|T02|20260302093200+0000',
      'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F',
      'PV1|1|U',
      `TXA|1|DI|FT|20260302090000+0100|${ada}|20260302103000+0100|||${ada}|||01950000aaaa7bbb8ccc^WAYSTATION||P-1^NORTH|F-1^NORTH||LA||AV|||${ada}^^^^^^20260302103100+0100`,
      `OBX|1|FT|18748-4^Diagnostic imaging study^LN|1|No fracture.||||||F|||20260302090000+0100||${ada}`,
    ]);
  });

  it.each([
    ['amended', 'T10'],
    ['corrected', 'T10'],
    ['appended', 'T06'],
  ] as const)('of a report that is %s is %s, and names the document before', (status, trigger) => {
    const mdm = lines({ status }, CORRECTED);
    expect([fields(mdm, 'MSH')[8], fields(mdm, 'EVN')[1]]).toEqual([`MDM^${trigger}^MDM_T02`, trigger]);
    const txa = fields(mdm, 'TXA');
    expect([txa[12], txa[13], txa[8]]).toEqual(['01950000ffff7bbb8ccc-2^WAYSTATION', '01950000aaaa7bbb8ccc^WAYSTATION', txa[6]]);
    expect(fields(mdm, 'OBX')[11]).toBe('C');
  });

  it('tells versions of the same report apart', () => {
    const reference = 'DiagnosticReport/01950000-aaaa-7bbb-8ccc-dddddddddddd';
    const txa = fields(
      lines({ status: 'corrected' }, { document: { reference, version: '3' }, corrects: { reference, version: '2' } }),
      'TXA',
    );
    expect([txa[12], txa[13]]).toEqual(['01950000aaaa7bbb8ccc-3^WAYSTATION', '01950000aaaa7bbb8ccc-2^WAYSTATION']);
  });

  it('takes a document back as MDM^T11, by its number and with the reason', () => {
    const cancel = (conclusion: string, version = '2.5.1') => {
      const input = inputOf({ status: 'entered-in-error', conclusion }, { destination: { ...inputOf().destination, version } });
      const composed = composeMdmCancel({ ...input, cancelled: CORRECTED.corrects });
      return isFailure(composed) ? [] : composed.toString().trimEnd().split('\r');
    };
    const ada = '100001^Dr. Ada Example^^^^^^^&urn:example:physician-number&URI';
    expect(cancel('Wrong patient.')).toEqual([
      'MSH|^~\\&|WAYSTATION||ARCHIVE|NORTH|20260302093200+0000||MDM^T11^MDM_T01|WS1|P|2.5.1||||||UNICODE UTF-8',
      'EVN|T11|20260302093200+0000',
      'PID|1||4711^^^NORTH^MR||Muster^Anna||19800214|F',
      'PV1|1|U',
      `TXA|1|DI|FT|||||20260302103100+0100|${ada}|||01950000aaaa7bbb8ccc^WAYSTATION||P-1^NORTH|F-1^NORTH||LA||CA||Wrong patient.|${ada}^^^^^^20260302103100+0100`,
    ]);
    const long = 'These were the images of the other knee,\nof another day.';
    const reasons = [cancel(long), cancel(long, '2.8'), cancel('')].map((all) => fields(all, 'TXA')[21]);
    expect(reasons).toEqual(['entered in error', 'These were the images of the other knee, of another day.', 'entered in error']);
  });

  it('carries the file as ED', () => {
    const mdm = lines({}, { pdf: Buffer.from('%PDF-1.7') });
    expect(fields(mdm, 'TXA')[3]).toBe('AP');
    expect(mdm.at(-1)?.split('|').slice(2, 6)).toEqual([
      'ED',
      '18748-4^Diagnostic imaging study^LN',
      '2',
      '^application^pdf^Base64^JVBERi0xLjc=',
    ]);
  });

  it('has no EVN-1 and names persons in PRT from 2.7 on', () => {
    const destination = { ...inputOf().destination, version: '2.8' };
    const mdm = lines({}, { destination });
    expect([fields(mdm, 'EVN')[1], mdm.at(-1)?.slice(0, 11)]).toEqual(['', 'PRT||UC||RO']);
  });

  it('says by the code of the report what kind of document it is', () => {
    const coded = (code: string) => fields(lines({ code: { coding: [{ system: 'http://loinc.org', code }] } }), 'TXA')[2];
    expect(['18748-4', '60570-9', '34758-3'].map(coded)).toEqual(['DI', 'SP', 'CN']);
  });

  it('is a Failure where the order cannot be read, or holds no OBR', () => {
    expect(composeMdm(inputOf({}, { order: Buffer.from('HELLO') }))).toMatchObject({ failure: true, code: 'malformed' });
    expect(composeMdm(inputOf({}, { order: Buffer.from(`${ORDER[0]}\r${ORDER[1]}\r`) }))).toMatchObject({ code: 'not-found' });
  });
});
