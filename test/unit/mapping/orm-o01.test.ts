import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { mapHl7v2 } from '../../../src/mapping/registry.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { Mapped } from '../../../src/model/mapped.ts';
import { loadValidator, type Validate } from '../../../src/protocols/fhir/resource-validator.ts';
import { judge } from '../../../src/protocols/hl7v2/accept.ts';
import { encodeText } from '../../../src/protocols/hl7v2/encode.ts';
import { isRefusal, readHeader } from '../../../src/protocols/hl7v2/header.ts';
import { parseMessage } from '../../../src/protocols/hl7v2/message.ts';
import fc from '../../support/properties.ts';
import { bytesOf, mapBytes, mapFixture, PEER, stored } from './fixtures.ts';

const CORPUS = '../shared/corpora/hl7v2';

function resourceOf(mapped: Mapped, type: string): Record<string, unknown> {
  return mapped.resources.find(({ resource }) => resource.resourceType === type)?.resource as never;
}

let validate: Validate;
beforeAll(() => {
  validate = loadValidator();
});

describe('ORM^O01', () => {
  it.each([
    ['Binary/0195d1f0-0000-7000-8000-000000000001', false],
    ['/fhir/Binary/1', false],
    ['file:///etc/passwd', false],
    ['https://', false],
    ['https://pacs.north.example/key.jpg', true],
  ])('has the pointer %s as the URL of a file: %s', (pointer, kept) => {
    const text = bytesOf('observation-values').toString('utf8').replace('https://pacs.north.example/key.jpg', pointer);
    const mapped = mapBytes(Buffer.from(text));
    expect(JSON.stringify(mapped.resources).includes(`"url":"${pointer}"`)).toBe(kept);
    expect(JSON.stringify(mapped).includes('RP could not be read')).toBe(!kept);
  });

  it('gives the same names to the same message', () => {
    expect(mapFixture('ct-stat')).toEqual(mapFixture('ct-stat'));
  });

  it('gives the same names to the same order in another message', () => {
    const urns = (condition: string, type: string) =>
      mapFixture(condition)
        .resources.filter(({ resource }) => resource.resourceType === type)
        .map(({ urn }) => urn);
    expect(urns('cancel', 'ServiceRequest')).toEqual(urns('ct-stat', 'ServiceRequest'));
    expect(urns('cancel', 'Patient')).toEqual(urns('ct-stat', 'Patient'));
    expect(urns('cancel', 'Provenance')).not.toEqual(urns('ct-stat', 'Provenance'));
  });

  it('deletes what `""` deletes, and leaves alone what is empty', () => {
    const patient = resourceOf(mapFixture('deleted-values'), 'Patient');
    const deleted = Object.keys(patient).filter((element) => patient[element] === undefined);
    expect(deleted.sort()).toEqual(['_birthDate', '_gender', 'address', 'birthDate', 'deceasedDateTime', 'gender', 'maritalStatus']);
    expect(patient).toMatchObject({ deceasedBoolean: false, telecom: [{ use: 'work' }] });
    expect(Object.keys(patient)).not.toContain('communication');
  });

  it('never leaves a cancelled order active, and leaves the state alone where nothing is said of it', () => {
    expect(resourceOf(mapFixture('cancel'), 'ServiceRequest').status).toBe('revoked');
    const unsaid = mapFixture('status-without-state').resources.find(({ resource }) => resource.resourceType === 'ServiceRequest');
    expect(Object.keys(unsaid?.resource ?? {})).not.toContain('status');
    expect(unsaid?.initial).toEqual({ status: 'unknown' });
  });

  it('says of training messages that they are not production', () => {
    expect(mapFixture('training').parts.map((part) => part.production)).toEqual([false]);
    expect(mapFixture('ct-stat').parts.map((part) => part.production)).toEqual([true]);
  });

  const ofIpc = [
    'accession|urn:oid:1.2.826.0.1.99.4|ACC-1014',
    'accession|urn:waystation:authority:PACS|ACC-1014',
    'accession|urn:waystation:authority:NORTH-PACS|ACC-1014',
  ];

  it.each([
    ['OBR-18', ['accession|urn:waystation:authority:NORTH-PACS|ACCESSION-TOO-LONG']],
    ['IPC-1', ofIpc],
    ['OBR-3', ofIpc],
    ['OBR-20', ofIpc],
  ] as const)('finds the accession number of the peer in %s, else in IPC-1', (accession, keys) => {
    const [part] = mapFixture('numbers-disagree', { accession }).parts;
    const found = part?.keys.filter((key) => key.kind === 'accession').map((key) => `${key.kind}|${key.system}|${key.value}`);
    expect(found).toEqual(keys);
  });

  it('takes no study when two places name different ones', () => {
    expect(mapFixture('numbers-disagree').parts[0]?.keys.map((key) => key.kind)).not.toContain('study');
  });

  it('reads a message that names no character set in that of its peer', () => {
    const text = bytesOf('new-order').toString().replace('UNICODE UTF-8', '').replace('Muster', 'Łęcka');
    const { bytes, missing } = encodeText(text, '8859/2');
    expect(missing).toEqual([]);
    const patient = mapBytes(bytes, { charset: '8859/2' }).resources.find(({ resource }) => resource.resourceType === 'Patient');
    expect(patient?.resource).toMatchObject({ name: [{ family: 'Łęcka' }] });
  });

  it('leaves the authority of a patient number open where nobody names one', () => {
    expect(mapFixture('names-without-numbers', { patientAuthority: 'default' }).parts[0]?.patient).toEqual([{ system: '', value: '4713' }]);
    expect(mapFixture('names-without-numbers').parts[0]?.patient).toEqual([{ system: 'urn:waystation:authority:NORTH', value: '4713' }]);
  });

  it('lists gaps without quoting the message', () => {
    const words = bytesOf('unknown-codes')
      .toString()
      .split(/[|^\r~&]+/)
      .filter((word) => word.length > 3);
    const said = mapFixture('unknown-codes')
      .gaps.map((gap) => gap.reason)
      .join(' ')
      .split(/[ ,:]+/);
    expect(words.filter((word) => said.includes(word))).toEqual([]);
  });

  it('keeps identities within what an index holds', () => {
    const long = 'X'.repeat(5000);
    const mapped = mapBytes(
      Buffer.from(`MSH|^~\\&|A|B|||||ORM^O01|1|P|2.5\rPID|||${long}^^^${long}\rORC|NW|${long}^${long}\rOBR|1|||${long}^^${long}`),
    );
    const keys = [...mapped.resources.flatMap((one) => one.identities), ...mapped.parts.flatMap((part) => [...part.keys, ...part.patient])];
    expect(Math.max(...keys.map((key) => key.system.length + key.value.length))).toBeLessThan(2000);
  });

  it('is never given a message of separators alone: the door refuses it, and so does the tree', () => {
    const head = 'MSH|^~\\&|A|B|||||ORM^O01|1|P|2.5\rPID|||1\rORC|NW|1\rOBR|1|||X|';
    const bytes = Buffer.from(head + '~^'.repeat(200_000));
    const header = readHeader(bytes);
    expect(isRefusal(header) ? header : judge(bytes, header, PEER)).toMatchObject({ refusal: { failure: { code: 'too-large' } } });
    expect(parseMessage(bytes)).toMatchObject({ failure: true, code: 'too-large' });
    const document = Buffer.from(`${head}\rOBX|1|ED|X||^AP^PDF^Base64^${'AAAA'.repeat(200_000)}`);
    expect(mapBytes(document).resources.map(({ resource }) => resource.resourceType)).toContain('Observation');
  });

  it('maps whatever the door accepts, whatever stands in the fields', () => {
    const value = fc.oneof(
      fc.constantFrom('', '""', 'A^B^C', '1&2&3^4', '~', '^^^&&', '20260302', 'x\\.br\\y', '\\X00\\', 'é'),
      fc.string({ maxLength: 12 }),
    );
    const segment = (name: string, start: string[]) =>
      fc
        .array(value, { maxLength: 30 })
        .map((fields) => [name, ...start, ...fields.map((field) => field.replace(/[|\r\n]/g, ''))].join('|'));
    const message = fc.tuple(
      segment('PID', ['1', '', '4711']),
      segment('PV1', []),
      segment('ORC', ['NW', 'P1']),
      segment('TQ1', []),
      segment('OBR', ['1', '', '', 'CT']),
      segment('NTE', []),
      segment('OBX', []),
      segment('ZDS', []),
    );
    fc.assert(
      fc.property(message, (segments) => {
        const mapped = mapBytes(Buffer.from(['MSH|^~\\&|A|B|||20260302||ORM^O01|1|P|2.5', ...segments].join('\r')));
        const faults = stored(mapped).flatMap((resource) => validate(resource as never));
        expect(faults).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('maps every ORM^O01 of the corpora that the door accepts, to valid resources', () => {
    if (!existsSync(CORPUS)) {
      console.warn(`skipped: ${CORPUS} is not here`);
      return;
    }
    const seen = corpusOrders().map(({ name, payload }) => [name, outcomeOf(payload)]);
    expect(Object.fromEntries(seen)).toEqual(CORPUS_OUTCOMES);
  });
});

function corpusOrders(): { name: string; payload: Buffer }[] {
  return readdirSync(CORPUS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.hl7'))
    .map((name) => ({ name, payload: readFileSync(join(CORPUS, name)) }))
    .filter(({ payload }) => /^[^\r\n]*\|ORM\^O01/.test(payload.toString('latin1')));
}

/** What the door refuses it for, or how many orders and resources it becomes. */
function outcomeOf(payload: Buffer): string {
  const header = readHeader(payload);
  if (isRefusal(header)) return header.failure.code;
  const verdict = judge(payload, header, PEER);
  if (verdict.disposition !== 'accepted') return verdict.disposition === 'refused' ? verdict.refusal.failure.code : 'ignored';
  const entry = { peer: PEER.name, type: 'ORM^O01', controlId: header.controlId, digest: Buffer.alloc(32), payload, received: new Date(0) };
  const mapped = mapHl7v2(entry, { peer: PEER });
  if (isFailure(mapped)) return `failure: ${mapped.detail}`;
  const faults = stored(mapped).flatMap((resource) => validate(resource as never));
  return faults.length > 0 ? JSON.stringify(faults) : `${mapped.parts.length} orders, ${mapped.resources.length} resources`;
}

/** Orders of pharmacy, diet and supply are of another kind. */
const CORPUS_OUTCOMES = {
  'linuxforhealth/ORM_O01-01-Hl7ORMMessageTest.hl7': 'unsupported-type',
  'linuxforhealth/ORM_O01-02-Hl7ORMMessageTest.hl7': 'unsupported-type',
  'linuxforhealth/ORM_O01-03-Hl7ORMMessageTest.hl7': 'unsupported-type',
  'linuxforhealth/ORM_O01-04-Hl7ORMMessageTest.hl7': 'unsupported-type',
  'linuxforhealth/ORM_O01-05-Hl7ORMMessageTest.hl7': '1 orders, 16 resources',
  'linuxforhealth/ORM_O01-06-Hl7ORMMessageTest.hl7': 'unsupported-type',
  'linuxforhealth/ORM_O01-07-Hl7ORMMessageTest.hl7': 'unsupported-type',
  'linuxforhealth/ORM_O01-08-Hl7ORMMessageTest.hl7': 'unsupported-type',
  'microsoft/LAB-ORM-1.hl7': '1 orders, 6 resources',
  'microsoft/OML-O21-02.hl7': '2 orders, 28 resources',
  'microsoft/ORM-O01-01.hl7': '1 orders, 24 resources',
  'microsoft/ORM-O01-02.hl7': '1 orders, 28 resources',
  'microsoft/ORM-O01-03.hl7': '2 orders, 17 resources',
  'microsoft/ORM-O01-04.hl7': 'unsupported-type',
  'microsoft/ORM-O01-05.hl7': 'unsupported-type',
  'v2-to-fhir/samples/IG-test-ORM_O01.hl7': '1 orders, 15 resources',
};
