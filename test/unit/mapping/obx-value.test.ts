/** OBX-5 by its type: what becomes of it, and what is listed where it cannot. */
import { describe, expect, it } from '@jest/globals';
import type { Observation } from '@medplum/fhirtypes';
import { mapBytes } from './fixtures.ts';

const HEAD =
  'MSH|^~\\&|RIS|NORTH|||20260302081500+0100||ORM^O01^ORM_O01|1|P|2.5.1\rPID|1||4711^^^NORTH^MR\rORC|NW|P1^RIS\rOBR|1|P1^RIS||CT^CT^L';

function mapped(...observations: string[]) {
  const { resources, gaps, files } = mapBytes(Buffer.from([HEAD, ...observations].join('\r')));
  const found = resources.filter(({ resource }) => resource.resourceType === 'Observation').map(({ resource }) => resource as Observation);
  const said = found.map((one) => JSON.parse(JSON.stringify(one)) as Observation);
  return { observations: said, gaps: gaps.filter(({ path }) => path.startsWith('OBX')), files: [...(files?.values() ?? [])] };
}

const value = (type: string, text: string, unit = '') => {
  const { observations, gaps } = mapped(`OBX|1|${type}|X^X^L||${text}|${unit}|||||F`);
  const [observation = {} as Observation] = observations;
  const kept = Object.entries(observation).filter(([name]) => name.startsWith('value') || name === 'component');
  return { ...Object.fromEntries(kept), gaps: gaps.map(({ reason }) => reason) };
};

const original = (valueString: string) => [{ url: 'http://hl7.org/fhir/StructureDefinition/originalText', valueString }];

describe('OBX-5', () => {
  it.each([
    ['NM', '4.2', 'mmol/L^^UCUM', { valueQuantity: { value: 4.2, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' } }],
    ['NM', '3.90', '', { valueQuantity: { extension: original('3.90'), value: 3.9 } }],
    ['NM', '+7', '', { valueQuantity: { extension: original('+7'), value: 7 } }],
    ['SN', '>=^100', 'mg', { valueQuantity: { value: 100, comparator: '>=', unit: 'mg' } }],
    ['SN', '=^100', '', { valueQuantity: { extension: original('= 100'), value: 100 } }],
    ['SN', '^1^:^128', '', { valueRatio: { extension: original('1 : 128'), numerator: { value: 1 }, denominator: { value: 128 } } }],
    ['SN', '^1^-^5', 'mm', { valueRange: { extension: original('1 - 5'), low: { value: 1, unit: 'mm' }, high: { value: 5, unit: 'mm' } } }],
    ['NR', '1^2', '', { valueRange: { low: { value: 1 }, high: { value: 2 } } }],
    ['CQ', '5^ml&&UCUM', '', { valueQuantity: { value: 5, unit: 'ml', system: 'http://unitsofmeasure.org', code: 'ml' } }],
    ['CWE', 'A^Letter A^L', '', { valueCodeableConcept: { coding: [expect.objectContaining({ code: 'A', display: 'Letter A' })] } }],
    ['IS', 'YES', '', { valueCodeableConcept: { coding: [{ code: 'YES' }] } }],
    ['DT', '202602', '', { valueDateTime: '2026-02' }],
    ['DTM', '20260228101530.250', '', { valueDateTime: '2026-02-28T10:15:30.250+01:00' }],
    ['DTM', '202602281015-0500', '', { valueDateTime: '2026-02-28T10:15:00-05:00' }],
    ['TM', '0830', '', { valueTime: '08:30:00' }],
    ['DR', '20260101^20260201', '', { valuePeriod: { start: '2026-01-01', end: '2026-02-01' } }],
    ['VR', 'A^F', '', { valueString: 'A-F' }],
    ['NA', '1^2^3~4^5^6', 'mV', { valueSampledData: { origin: { value: 0, unit: 'mV' }, period: 1, dimensions: 3, data: '1 2 3 4 5 6' } }],
    ['NA', '1^^3', '', { valueSampledData: { origin: { value: 0 }, period: 1, dimensions: 3, data: '1 E 3' } }],
    ['TX', 'first~second ^ third\\.br\\fourth', '', { valueString: 'first\nsecond ^ third\nfourth' }],
  ])('%s %s %s', (type, text, unit, expected) => {
    expect(value(type, text, unit)).toEqual({ ...expected, gaps: [] });
  });

  it.each([
    ['NM', 'many', 'is kept as text: it does not read as NM'],
    ['SN', '<>^5', 'is kept as text: it does not read as SN'],
    ['SN', '^2^+', 'is kept as text: it does not read as SN'],
    ['DR', '20260201^20260101', 'is kept as text: it does not read as DR'],
    ['DR', '20260201^soon', 'is kept as text: it does not read as DR'],
    ['DT', '20260230', 'is kept as text: it does not read as DT'],
    ['NA', '1^two', 'is kept as text: it does not read as NA'],
    ['EI', 'A^B', 'is kept as text: no mapping for EI'],
  ])('%s %s is kept as text and listed', (type, text, reason) => {
    expect(value(type, text)).toEqual({ valueString: text, gaps: [reason] });
  });

  it('makes components of several values', () => {
    expect(value('NM', '1~2', 'mm')).toMatchObject({ component: [{ valueQuantity: { value: 1 } }, { valueQuantity: { value: 2 } }] });
  });

  it('joins a text that goes on in the next OBX, and nothing else', () => {
    const { observations } = mapped(
      'OBX|1|TX|RPT^Report^L||Findings:||||||F',
      'OBX|2|TX|RPT^Report^L||||||||F',
      'OBX|3|TX|RPT^Report^L||No fracture.||||||F',
      'OBX|4|TX|RPT^Report^L|2|Another section||||||F',
      'OBX|5|TX|RPT^Report^L|2|of another status||||||P',
      'OBX|6|ST|UID^Study^L||1.2.3||||||F',
      'OBX|7|ST|UID^Study^L||1.2.4||||||F',
    );
    expect(observations.map(({ valueString }) => valueString)).toEqual([
      'Findings:\n\nNo fracture.',
      'Another section',
      'of another status',
      '1.2.3',
      '1.2.4',
    ]);
  });

  it.each([
    ['^AP^PDF^Base64^JVBERi0xLjQ=', 'application/pdf', '%PDF-1.4'],
    ['^application^pdf^Base64^JVBE Ri0x LjQ=', 'application/pdf', '%PDF-1.4'],
    ['^TEXT^RTF^A^{plain}', 'application/rtf', '{plain}'],
    ['^IM^JPEG^Hex^ffd8', 'image/jpeg', '\xff\xd8'],
    ['^multipart^x-hl7-cda-level-one^A^<ClinicalDocument/>', 'application/xml', '<ClinicalDocument/>'],
    ['^NS^Octet-stream^Base64^AAAA', 'application/octet-stream', '\0\0\0'],
  ])('makes a Binary of ED %s', (text, contentType, bytes) => {
    const { observations, files, gaps } = mapped(`OBX|1|ED|X^X^L||${text}||||||F`);
    const attachment = observations[0]?.extension?.find(({ url }) => url.endsWith('valueAttachment'))?.valueAttachment;
    expect(attachment).toMatchObject({ contentType, size: bytes.length, url: expect.stringMatching(/^urn:uuid:/) });
    expect(files.map((file) => file.toString('latin1'))).toEqual([bytes]);
    expect(gaps).toEqual([]);
  });

  it.each(['^AP^PDF^Base64^JVBERi0xLjQ', '^AP^PDF^Base64^<Base64 encoded>', '^AP^PDF^Hex^xyz', '^AP^PDF^Base64^'])(
    'lists ED %s, which is no file',
    (text) => {
      const { files, gaps } = mapped(`OBX|1|ED|X^X^L||${text}||||||F`);
      expect(files).toEqual([]);
      expect(gaps.map(({ reason }) => reason)).toEqual(['ED could not be read']);
    },
  );

  it('never takes a number of nobody for that of another order', () => {
    const numbers = ['OBX|1|NM|X^X^L||1||||||F||||||||||1', 'OBX|1|NM|X^X^L||1||||||F||||||||||1^LAB'];
    const identities = numbers.map((obx) =>
      mapBytes(Buffer.from(`${HEAD}\r${obx}`)).resources.find(({ resource }) => resource.resourceType === 'Observation'),
    );
    expect(identities.map((one) => one?.identities[0]?.value)).toEqual([expect.stringMatching(/P1\|1\|X\|\|1$/), '1']);
  });

  it('takes a document of twenty megabytes as bytes, and has nothing of it in a resource', () => {
    const bytes = Buffer.alloc(15 * 1024 * 1024, 7);
    const { observations, files, gaps } = mapped(`OBX|1|ED|X^X^L||^application^pdf^Base64^${bytes.toString('base64')}||||||F`);
    expect(files.map((file) => file.equals(bytes))).toEqual([true]);
    expect(JSON.stringify([observations, gaps]).length).toBeLessThan(2000);
  });
});
