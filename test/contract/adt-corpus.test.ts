/**
 * Every ADT message of the third-party corpora, from a peer whose ADT is mapped: judged by the door, mapped, and worked off by a corridor.
 * What becomes of each is in the table below; a new file without a line fails. Every resource that is stored is valid R4.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { loadValidator } from '../../src/protocols/fhir/resource-validator.ts';
import { judge, messageType } from '../../src/protocols/hl7v2/accept.ts';
import { isRefusal, readHeader } from '../../src/protocols/hl7v2/header.ts';
import { entryOf, numbersOf, openPersonCorridor, type PersonCorridor } from '../support/person-corridor.ts';
import { PEER } from '../unit/mapping/fixtures.ts';

const CORPUS = '../shared/corpora/hl7v2';
const withCorpus = existsSync(CORPUS) ? describe : describe.skip;
const FEED = { ...PEER, name: 'hospital', messages: { 'ADT^*': 'mapped' as const } };

/** File, what the door decides, which persons, accounts and stays the corridor makes of it. Nothing: training, or older than what came before. */
const ROWS: readonly (readonly [file: string, verdict: string, outcome: string])[] = [
  ['dcm4che/ADT_A31-UpdatePersonInfo-Veterinary.hl7', 'accepted', 'done Patient'],
  ['dcm4che/ADT_A31-UpdatePersonInfo.hl7', 'accepted', 'done'],
  ['dcm4che/ADT_A40-PatientMerge.hl7', 'accepted', 'done Patient'],
  ['dcm4che/ADT_A47-ChangePatientID.hl7', 'accepted', 'done Patient'],
  ['linuxforhealth/ADT_A01-01-HL7ConditionFHIRConversionTest.hl7', 'refused MSH-10 is empty', ''],
  ['linuxforhealth/ADT_A01-02-FHIRConverterTest.hl7', 'accepted', 'done'],
  ['linuxforhealth/ADT_A01-03-FHIRConverterTest.hl7', 'accepted', 'done'],
  ['linuxforhealth/ADT_A01-04-HL7DataExtractorTest.hl7', 'refused MSH-10 is empty', ''],
  ['linuxforhealth/ADT_A03-01-HL7ADTMessageTest.hl7', 'accepted', 'done Encounter Patient'],
  ['linuxforhealth/ADT_A08-01-SegmentUtilTest.hl7', 'accepted', 'done Encounter Patient'],
  ['linuxforhealth/ADT_A34-01-HL7MergeFHIRConversionTest.hl7', 'refused MSH-10 is empty', ''],
  ['linuxforhealth/ADT_A40-01-HL7MergeFHIRConversionTest.hl7', 'accepted', 'done Patient'],
  ['linuxforhealth/ADT_A40-02-HL7MergeFHIRConversionTest.hl7', 'accepted', 'done Patient'],
  ['linuxforhealth/ADT_A40-03-FHIRConverterTest.hl7', 'accepted', 'done Patient'],
  ['microsoft/ADT-A01-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A01-02.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A02-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A03-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A04-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A04-02.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A05-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A06-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A08-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A08-02.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A11-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A13-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A28-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A31-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A40-01.hl7', 'accepted', 'done Account Patient'],
  ['microsoft/ADT-A40-02.hl7', 'accepted', 'done Account Patient'],
  ['microsoft/ADT-A45-01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT-A47-01.hl7', 'accepted', 'done Account Patient'],
  ['microsoft/ADT-A60-01.hl7', 'ignored', ''],
  ['microsoft/ADT01-23.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/ADT01-28.hl7', 'accepted', 'done Account Encounter'],
  ['microsoft/ADT04-23.hl7', 'accepted', 'done Account Encounter'],
  ['microsoft/ADT04-251.hl7', 'accepted', 'done'],
  ['microsoft/MDM_01.hl7', 'accepted', 'done Account Encounter Patient'],
  ['microsoft/SIU_12.hl7', 'ignored', ''],
  ['v2-to-fhir/samples/IG-test-ADT_A01.hl7', 'accepted', 'done Account Encounter Patient'],
];

withCorpus('every ADT message of the corpora', () => {
  let house: PersonCorridor;
  beforeAll(async () => {
    house = await openPersonCorridor();
  });
  afterAll(() => house.close());

  it('is in the table', () => {
    const files = readdirSync(CORPUS, { recursive: true }).map(String);
    const adt = files.filter((file) => /\.hl7$/.test(file) && typeOf(file).startsWith('ADT^'));
    expect(ROWS.map(([file]) => file)).toEqual(adt.sort());
  });

  it.each(ROWS.map(([file, verdict, outcome]) => [file, verdict, outcome] as const))('%s: %s; %s', async (file, verdict, outcome) => {
    const bytes = readFileSync(`${CORPUS}/${file}`);
    const header = readHeader(bytes);
    if (isRefusal(header)) throw new Error(header.failure.detail);
    const judged = judge(bytes, header, FEED);
    const said = judged.disposition === 'refused' ? `refused ${judged.refusal.failure.detail}` : judged.disposition;
    expect(said).toBe(verdict);
    if (judged.disposition !== 'accepted') return;
    const { seq } = await house.append(entryOf({ type: messageType(header), controlId: file, patient: judged.patient, bytes }));
    await house.workOff();
    const { rows } = await house.database.query<{ state: string; produced: string[] }>(
      'select state, produced from outcome where seq = $1',
      [seq],
    );
    const records = (rows[0]?.produced ?? []).filter((type) => ['Account', 'Encounter', 'Patient'].includes(type));
    expect([rows[0]?.state, ...records].join(' ')).toBe(outcome);
  });

  it('opens no case', async () => {
    expect(await house.cases()).toEqual([]);
  });

  it('makes valid resources', async () => {
    const validate = loadValidator();
    const { rows } = await house.database.query<{ type: string; content: Buffer }>('select type, content from resource_version');
    const faults = rows.flatMap(({ type, content }) =>
      validate(JSON.parse(content.toString('utf8')) as Resource).map((fault) => `${type} ${JSON.stringify(fault)}`),
    );
    expect([...new Set(faults)]).toEqual([]);
    expect(rows.length).toBeGreaterThan(50);
  });

  it('merges and renumbers as the messages say', async () => {
    const numbers = async (system: string, value: string) => {
      const id = await house.idOf('Patient', value, system);
      return id ? numbersOf(await house.read(`Patient/${id}`)) : null;
    };
    expect(await numbers('urn:waystation:authority:BCBS', '56789')).toContain('56789 old');
    expect(await numbers('urn:waystation:authority:ADT1', 'OLD_PID_1')).toBe('NEW_PID_1, OLD_PID_1 old');
    expect(await numbers('urn:waystation:authority:XYZ', 'MR4')).toBe('MR3, MR4 old');
    expect(await numbers('urn:waystation:authority:BCBS', 'MR102')).toContain('MR102 old');
  });
});

function typeOf(file: string): string {
  const header = readHeader(readFileSync(`${CORPUS}/${file}`));
  return isRefusal(header) ? '' : messageType(header);
}
