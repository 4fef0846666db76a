import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Observation, Patient } from '@medplum/fhirtypes';
import { Message } from 'node-hl7-client';
import type { CaseKey } from '../../../../src/model/case.ts';
import { isFailure } from '../../../../src/model/failure.ts';
import { type Hl7Message, parseMessage } from '../../../../src/protocols/hl7v2/message.ts';
import { composeOru, type OruInput } from '../../../../src/return/hl7v2/oru-r01.ts';
import { filedPdf, reportOn } from '../../../support/specialist.ts';

const FIXTURES = new URL('../../../../fixtures/hl7v2/oru-r01/', import.meta.url);
const ORDER = readFileSync(new URL('order.hl7', FIXTURES));
const PDF = Buffer.from('%PDF-1.7 not really a PDF');
const pythonHl7 = spawnSync('python3', ['-c', 'import hl7']).status === 0 ? it : it.skip;

const withResults: Partial<DiagnosticReport> = {
  conclusion: 'Kein Nachweis einer Blutung.\nKeine Fraktur | Zürich & Umgebung ^~\\.',
  conclusionCode: [{ coding: [{ system: 'http://snomed.info/sct', code: '260385009', display: 'Negative' }] }],
  contained: [
    observation('a', { valueQuantity: { value: 4.2, unit: 'mm', code: 'mm', system: 'http://unitsofmeasure.org' } }),
    observation('b', { valueQuantity: { value: 10, comparator: '<', unit: 'mm' } }),
    observation('c', { valueCodeableConcept: { coding: [{ code: 'LA1', display: 'small' }] } }),
  ],
  result: [{ reference: '#a' }, { reference: '#b' }, { reference: '#c' }],
};

describe('the ORU^R01 of a report', () => {
  it('is, byte by byte, what the fixture says', () => {
    const golden = readFileSync(new URL('final-with-results-and-pdf.hl7', FIXTURES));
    expect((composeOru(inputOf(withResults)) as Buffer).toString()).toBe(golden.toString());
  });

  it('brings the numbers of the order back as they were written', () => {
    const oru = compose();
    expect([oru.first('ORC')?.raw(1), oru.first('ORC')?.raw(2), oru.first('ORC')?.raw(3)]).toEqual(['RE', 'P-1001^NORTH', 'F-77^NORTH']);
    const obr = oru.first('OBR');
    const numbers = [2, 3, 4, 16, 18].map((field) => obr?.raw(field));
    expect(numbers).toEqual(['P-1001^NORTH', 'F-77^NORTH', '24725-4^CT Head^LN', '1234^Hausarzt^Peter^^^Dr.', 'A-1001']);
    expect(oru.first('PID')?.raw(3)).toBe('4711^^^NORTH^MR');
    expect(oru.first('PID')?.raw(18)).toBe('ACCT-3^^^NORTH^AN');
    expect(oru.first('PV1')?.raw(19)).toBe('V-77^^^NORTH^VN');
    expect(oru.first('ZDS')?.get(1)).toBe('2.25.318327109874');
  });

  it('says what, when, by whom and how final', () => {
    const obr = compose().first('OBR');
    expect([7, 22, 25].map((field) => obr?.raw(field))).toEqual(['20260302090000+0100', '20260302103000+0100', 'F']);
    expect([obr?.get(32, 1, 1, 1), obr?.get(32, 1, 1, 2), obr?.get(32, 1, 1, 10)]).toEqual([
      '100001',
      'Dr. Ada Example',
      'urn:example:physician-number',
    ]);
  });

  it.each([
    ['amended', 'C'],
    ['corrected', 'C'],
    ['appended', 'C'],
  ] as const)('is a correction when the report is %s', (status, code) => {
    const oru = compose({ status });
    expect([oru.first('OBR')?.get(25), ...oru.all('OBX').map((obx) => obx.get(11))]).toEqual([code, code, code]);
  });

  it('carries the text, whatever characters are in it', () => {
    const conclusion = 'A | B ^ C & D ~ E \\ F\nGrüße, 中文, 🩻\r\nMSH|^~\\&|\u000b\u001c';
    const obx = compose({ conclusion }).first('OBX');
    expect(obx?.text(5)).toBe(conclusion.replace('\r\n', '\n'));
    expect(bytesOf({ conclusion }).filter((byte) => byte === 0x0b || byte === 0x1c)).toHaveLength(0);
  });

  it('carries the PDF as ED', () => {
    const ed = compose().all('OBX').at(-1);
    expect([ed?.get(2), ed?.get(5, 2), ed?.get(5, 3), ed?.get(5, 4)]).toEqual(['ED', 'application', 'pdf', 'Base64']);
    expect(Buffer.from(ed?.get(5, 5) ?? '', 'base64')).toEqual(PDF);
  });

  it('leaves ORC-2 and OBR-2 empty where the placer gave no number', () => {
    const oru = compose({}, { order: edited((order) => order.replaceAll('P-1001^NORTH', '')), keys: [] });
    expect([oru.first('ORC')?.raw(2), oru.first('OBR')?.raw(2)]).toEqual(['', '']);
  });

  it('takes ORC numbers from the OBR and the other way round where one of them has none', () => {
    const inObr = compose({}, { order: edited((order) => order.replace('ORC|NW|P-1001^NORTH', 'ORC|NW|')), keys: [] });
    const inOrc = compose({}, { order: edited((order) => order.replace('OBR|1|P-1001^NORTH', 'OBR|1|')), keys: [] });
    for (const oru of [inObr, inOrc])
      expect([oru.first('ORC')?.raw(2), oru.first('OBR')?.raw(2)]).toEqual(['P-1001^NORTH', 'P-1001^NORTH']);
  });

  it('answers the right one of several orders, with its own study', () => {
    const order = edited(
      (text) => `${text}ORC|NW|P-1002^NORTH|F-2\rOBR|1|P-1002^NORTH|F-2|36643-5^XR Chest^LN\rZDS|4.5.6^A^Application^DICOM\r`,
    );
    const second = compose({}, { order, keys: [{ kind: 'placer', system: 'urn:x', value: 'P-1002' }] });
    expect(['ORC', 'OBR', 'ZDS'].map((name) => second.all(name).length)).toEqual([1, 1, 1]);
    expect([second.first('ORC')?.get(3), second.first('OBR')?.get(4), second.first('ZDS')?.get(1)]).toEqual(['F-2', '36643-5', '4.5.6']);
    const stranger: CaseKey[] = [{ kind: 'placer', system: 'urn:x', value: 'P-9' }];
    expect(composeOru({ ...inputOf({}), order, keys: stranger })).toMatchObject({ failure: true, code: 'not-found' });
  });

  it('tells the current number of the authorities the order named, and no number of others', () => {
    const system = 'urn:waystation:authority:NORTH';
    const patient: Patient = {
      resourceType: 'Patient',
      identifier: [
        { use: 'old', system, value: '4711' },
        { system, value: '4712' },
        { system: 'urn:waystation:authority:SOUTH', value: '99' },
      ],
    };
    expect(compose({}, { patient }).first('PID')?.raw(3)).toBe('4712^^^NORTH^MR');
  });

  it('does not ask to delete what the order asked to delete', () => {
    const oru = compose({}, { order: edited((order) => order.replace('|19800214|F|', '|""|F|')), keys: [] });
    expect(oru.first('PID')?.raw(7)).toBe('');
  });

  it('reads the order in its own delimiters and character set', () => {
    const order = edited(
      (text) => text.replace('MSH|^~\\&|', 'MSH|@~\\&|').replaceAll('^', '@').replace('UNICODE UTF-8', '8859/1'),
      'latin1',
    );
    const oru = compose({}, { order });
    expect(oru.first('PID')?.raw(5)).toBe('Muster^Anna^^^Frau');
    expect(oru.first('OBR')?.raw(4)).toBe('24725-4^CT Head^LN');
  });

  it('is written for the receiver’s version', () => {
    const [old, later] = ['2.3.1', '2.5.1'].map((version) =>
      compose({}, { destination: { ...inputOf({}).destination, version } }).first('MSH'),
    );
    expect([old?.raw(9), old?.raw(12), later?.raw(9), later?.raw(12)]).toEqual(['ORU^R01', '2.3.1', 'ORU^R01^ORU_R01', '2.5.1']);
  });

  it('says persons and codes as the receiver’s version does', () => {
    const shape = (version: string) => {
      const oru = compose(withResults, { destination: { ...inputOf({}).destination, version } });
      const names = oru.segments.map(({ name }) => name);
      return {
        coded: oru.all('OBX')[1]?.get(2),
        interpreter: oru.first('OBR')?.get(32) !== '',
        observer: oru.first('OBX')?.get(16) !== '',
        participants: oru.all('PRT').map((prt) => [prt.get(2), prt.get(4), prt.get(5), prt.get(5, 2)].join(' ')),
        after: names.slice(names.indexOf('OBR'), names.indexOf('OBR') + 4).join(' '),
      };
    };
    for (const version of ['2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6'])
      expect(shape(version)).toEqual({ coded: 'CE', interpreter: true, observer: true, participants: [], after: 'OBR OBX OBX OBX' });
    for (const version of ['2.7', '2.7.1', '2.8']) {
      const participants = ['PRI', ...Array(6).fill('RO')].map((role) => `UC ${role} 100001 Dr. Ada Example`);
      expect(shape(version)).toEqual({ coded: 'CWE', interpreter: false, observer: false, participants, after: 'OBR PRT OBX PRT' });
    }
  });

  it.each([
    ['whole', ['FT Befund:\nkeine Fraktur.\n\nBeurteilung:\nunauffällig.']],
    ['lines', ['TX Befund:', 'TX keine Fraktur.', 'TX ', 'TX Beurteilung:', 'TX unauffällig.']],
    ['sections', ['FT Befund:\nkeine Fraktur.', 'FT Beurteilung:\nunauffällig.']],
  ] as const)('carries text %s', (text, expected) => {
    const conclusion = 'Befund:\r\nkeine Fraktur.\n \nBeurteilung:\nunauffällig.'.replace('\n \n', '\n\n');
    const oru = compose({ conclusion }, { pdf: null, destination: { ...inputOf({}).destination, text } });
    expect(oru.all('OBX').map((obx) => `${obx.get(2)} ${obx.text(5)}`)).toEqual(expected);
    expect(oru.all('OBX').map((obx) => obx.get(1))).toEqual(expected.map((_, index) => String(index + 1)));
    expect(new Set(oru.all('OBX').map((obx) => obx.raw(3))).size).toBe(1);
  });

  it('has the lines of one text under one sub-id, and names their reader once', () => {
    const destination = { ...inputOf({}).destination, version: '2.8', text: 'lines' as const };
    const oru = compose({ conclusion: 'one\ntwo\nthree' }, { destination });
    expect(oru.all('OBX').map((obx) => [obx.get(1), obx.get(2), obx.get(4)].join(' '))).toEqual(['1 TX 1', '2 TX 1', '3 TX 1', '4 ED 2']);
    const names = oru.segments.map(({ name }) => name);
    expect(names.slice(names.indexOf('OBX'))).toEqual(['OBX', 'OBX', 'OBX', 'PRT', 'OBX', 'PRT', 'ZDS']);
  });

  it('says of a result what stands beside its value', () => {
    const result = observation('a', {
      valueQuantity: { value: 4.2, extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/originalText', valueString: '4.20' }] },
      referenceRange: [{ low: { value: 3 }, high: { value: 5 } }],
      interpretation: [{ coding: [{ code: 'H' }] }, { coding: [{ code: 'A' }] }],
      effectiveDateTime: '2026-03-01T08:00:00+01:00',
      method: { coding: [{ code: 'M1', display: 'by hand' }] },
      note: [{ text: 'measured twice' }, { text: 'by two persons' }],
    });
    const oru = compose({ conclusion: undefined, contained: [result] }, { pdf: null });
    const [obx] = oru.all('OBX');
    expect([5, 7, 8, 14, 17].map((field) => obx?.raw(field))).toEqual(['4.20', '3-5', 'H~A', '20260301080000+0100', 'M1^by hand^L']);
    expect(oru.all('NTE').map((nte) => [nte.get(1), nte.get(3)])).toEqual([
      ['1', 'measured twice'],
      ['2', 'by two persons'],
    ]);
  });

  it('gives a result the sub-id that its sender gave it, and no other result the same', () => {
    const numbered = (id: string, subId: string) =>
      observation(id, {
        extension: [
          {
            url: 'http://hl7.org/fhir/StructureDefinition/observation-v2-subid',
            extension: [{ url: 'original-sub-identifier', valueString: subId }],
          },
        ],
      });
    const contained = [observation('a', {}), numbered('b', '1'), numbered('c', '2'), observation('d', {})];
    const oru = compose({ conclusion: undefined, contained }, { pdf: null });
    expect(oru.all('OBX').map((obx) => obx.get(4))).toEqual(['3', '1', '2', '4']);
  });

  it.each([
    ['registered', 'O', 'SC', 'I'],
    ['partial', 'R', 'IP', 'R'],
    ['preliminary', 'P', 'IP', 'P'],
    ['final', 'F', 'CM', 'F'],
    ['amended', 'C', 'CM', 'C'],
    ['corrected', 'C', 'CM', 'C'],
    ['appended', 'C', 'CM', 'C'],
    ['cancelled', 'X', 'CA', 'X'],
    ['entered-in-error', 'C', 'SC', 'W'],
    ['unknown', 'R', 'IP', 'R'],
  ] as const)('of a report that is %s says OBR-25 %s, ORC-5 %s, OBX-11 %s', (status, result, order, text) => {
    const oru = compose({ status });
    expect([oru.first('OBR')?.get(25), oru.first('ORC')?.get(5), oru.first('OBX')?.get(11)]).toEqual([result, order, text]);
  });

  describe.each(['whole', 'lines', 'sections'] as const)('that takes back another (text: %s)', (text) => {
    const destination = { ...inputOf({}).destination, text };
    const notice = {
      status: 'entered-in-error',
      conclusion: 'REPORT WITHDRAWN.\nWrong images.',
      code: { text: 'of no importance' },
    } as const;
    const named = (oru: Hl7Message) => oru.all('OBX').map((obx) => [obx.raw(3), obx.raw(4)].join(' '));

    it('has an OBX in the place of each of that one, and says of each that it is wrong', () => {
      const before = { ...withResults, conclusion: 'Fracture.\n\nNo bleeding.' };
      const sent = compose(before, { destination });
      const oru = compose(notice, { destination, withdrawn: reportOn('ServiceRequest/1', 'Patient/1', before) });
      expect(new Set(named(oru))).toEqual(new Set(named(sent)));
      expect(new Set(oru.all('OBX').map((obx) => obx.get(11)))).toEqual(new Set(['W']));
      expect([oru.first('OBR')?.get(25), oru.first('ORC')?.get(5)]).toEqual(['C', 'SC']);
      const texts = oru.all('OBX').filter((obx) => ['FT', 'TX'].includes(obx.get(2)));
      expect(texts.map((obx) => obx.get(5)).join('\n')).toMatch(/^REPORT WITHDRAWN\.\nWrong images\.\n*$/);
    });

    it('says so after all the others where that one had no text', () => {
      const before = { ...withResults, conclusion: undefined };
      const sent = compose(before, { destination });
      const oru = compose(notice, {
        destination,
        withdrawn: reportOn('ServiceRequest/1', 'Patient/1', before as Partial<DiagnosticReport>),
      });
      expect(named(oru).slice(0, named(sent).length)).toEqual(named(sent));
      expect(oru.all('OBX').at(-1)?.get(5)).toContain('Wrong images.');
    });
  });

  it('says of each result how final it is, and gives a code back as it came', () => {
    const kept = (system: string, code: string) => ({
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/alternate-codes',
          valueCodeableConcept: { coding: [{ system: `http://terminology.hl7.org/CodeSystem/v2-${system}`, code }] },
        },
      ],
    });
    const results = [
      observation('a', { status: 'preliminary' }),
      { ...observation('b', { status: 'final' }), _status: kept('0085', 'U') },
      { ...observation('c', { status: 'corrected' }), _status: kept('0085', 'U') },
      observation('d', { status: 'unknown' }),
    ];
    const oru = compose({ conclusion: undefined, contained: results as Observation[] }, { pdf: null });
    expect(oru.all('OBX').map((obx) => obx.get(11))).toEqual(['P', 'U', 'C', 'R']);
    const partial = { status: 'partial', _status: kept('0123', 'A') } as Partial<DiagnosticReport>;
    expect(compose(partial).first('OBR')?.get(25)).toBe('A');
    expect(
      compose({ ...partial, status: 'final' })
        .first('OBR')
        ?.get(25),
    ).toBe('F');
  });

  it('has the filler number that was given here where the order came without one', () => {
    const order = edited((text) => text.replaceAll('F-77^NORTH', ''));
    const oru = compose({}, { order, keys: [], filler: '0190abcd' });
    expect([oru.first('ORC')?.raw(3), oru.first('OBR')?.raw(3)]).toEqual(['0190abcd^WAYSTATION', '0190abcd^WAYSTATION']);
    expect(compose({}, { filler: '0190abcd' }).first('ORC')?.raw(3)).toBe('F-77^NORTH');
  });

  it('is not written with a PDF that is not the signed one', () => {
    const sha256 = createHash('sha256').update(PDF).digest('hex');
    const report = reportOn('ServiceRequest/1', 'Patient/1', { presentedForm: [filedPdf('Binary/1', sha256)] });
    expect(isFailure(composeOru({ ...inputOf({}), report }))).toBe(false);
    expect(composeOru({ ...inputOf({}), report, pdf: Buffer.from('%PDF-1.7 another') })).toMatchObject({
      failure: true,
      code: 'signature',
    });
  });

  it('is a Failure where the order cannot be read or holds no OBR', () => {
    expect(composeOru({ ...inputOf({}), order: Buffer.from('HELLO WORLD') })).toMatchObject({ failure: true, code: 'malformed' });
    const headless = edited((text) => text.slice(0, text.indexOf('OBR|')));
    expect(composeOru({ ...inputOf({}), order: headless })).toMatchObject({ failure: true, code: 'not-found' });
  });
});

describe('the ORU^R01 as others read it', () => {
  it('is the same message to node-hl7-client', () => {
    const message = new Message({ text: bytesOf(withResults).toString() });
    expect(message.get('MSH.10').toString()).toBe('WS00000001');
    expect(message.get('OBR.18').toString()).toBe('A-1001');
    expect(message.get('PID.5.1').toString()).toBe('Muster');
  });

  pythonHl7('is the same message to python3-hl7', () => {
    const script =
      "import hl7,sys; m=hl7.parse(sys.stdin.buffer.read().decode()); print(m['MSH.F10'], m['OBR.F18'], m.segments('OBX')[-1][5][0][4])";
    const read = spawnSync('python3', ['-c', script], { input: bytesOf(withResults), encoding: 'utf8' });
    expect(read.stdout.trim()).toBe(`WS00000001 A-1001 ${PDF.toString('base64')}`);
  });
});

function inputOf(more: Partial<DiagnosticReport>): OruInput {
  return {
    order: ORDER,
    keys: [{ kind: 'placer', system: 'urn:waystation:authority:NORTH', value: 'P-1001' }],
    patient: null,
    patientAuthority: 'NORTH',
    orderCharset: '',
    report: reportOn('ServiceRequest/1', 'Patient/1', more),
    signer: { name: 'Dr. Ada Example', identifier: { system: 'urn:example:physician-number', value: '100001' }, jwk: {} },
    pdf: PDF,
    filler: '',
    destination: { receivingApplication: 'ORDERS', receivingFacility: 'NORTH', version: '2.5.1', text: 'whole' },
    sender: { application: 'WAYSTATION', facility: 'HUB' },
    controlId: 'WS00000001',
    now: new Date('2026-03-02T09:32:00Z'),
  };
}

function bytesOf(report: Partial<DiagnosticReport> = {}, more: Partial<OruInput> = {}): Buffer {
  const composed = composeOru({ ...inputOf(report), ...more });
  if (isFailure(composed)) throw new Error(composed.detail);
  return composed;
}

function compose(report: Partial<DiagnosticReport> = {}, more: Partial<OruInput> = {}): Hl7Message {
  return parseMessage(bytesOf(report, more)) as Hl7Message;
}

function edited(edit: (text: string) => string, encoding: BufferEncoding = 'utf8'): Buffer {
  return Buffer.from(edit(ORDER.toString()), encoding);
}

function observation(id: string, value: Partial<Observation>): Observation {
  return { resourceType: 'Observation', id, status: 'final', code: { coding: [{ code: `size-${id}`, display: 'Size' }] }, ...value };
}
