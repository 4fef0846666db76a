import { describe, expect, it } from '@jest/globals';
import { type Components, components } from '../../../src/mapping/datatypes/components.ts';
import { cweCodeableConcept } from '../../../src/mapping/datatypes/cwe-codeableconcept.ts';
import { cxIdentifier } from '../../../src/mapping/datatypes/cx-identifier.ts';
import { systemOf, systemsOf } from '../../../src/mapping/datatypes/systems.ts';
import { dateOf, dateTimeOf, offsetOf, saidAt, timeOf } from '../../../src/mapping/datatypes/ts-datetime.ts';
import { xadAddress } from '../../../src/mapping/datatypes/xad-address.ts';
import { xcnPractitioners } from '../../../src/mapping/datatypes/xcn-practitioner.ts';
import { xonOrganization } from '../../../src/mapping/datatypes/xon-organization.ts';
import { xpnHumanName } from '../../../src/mapping/datatypes/xpn-humanname.ts';
import { xtnContactPoint } from '../../../src/mapping/datatypes/xtn-contactpoint.ts';
import { Draft } from '../../../src/mapping/draft.ts';
import { isFailure } from '../../../src/model/failure.ts';
import { parseMessage, type Segment } from '../../../src/protocols/hl7v2/message.ts';
import { PEER } from './fixtures.ts';

function segmentOf(field: string): Segment {
  const message = parseMessage(Buffer.from(`MSH|^~\\&|A\rZZZ|${field}`));
  if (isFailure(message)) throw new Error(message.detail);
  return message.segments[1] as Segment;
}

function at(field: string): Components {
  return components(segmentOf(field), 1);
}

describe('TS to dateTime', () => {
  it.each([
    ['2026', '2026'],
    ['202602', '2026-02'],
    ['20260228', '2026-02-28'],
    ['2026022808', '2026-02-28T08:00:00+01:00'],
    ['202602280815', '2026-02-28T08:15:00+01:00'],
    ['20260228081530.1234-0430', '2026-02-28T08:15:30.1234-04:30'],
    ['20260228+0000', '2026-02-28'],
    ['20240229', '2024-02-29'],
    ['20260229', null],
    ['20261301', null],
    ['202602282400', null],
    ['20260228081530+1500', null],
    ['00000000', null],
    ['2026-02-28', null],
    ['20260', null],
    ['soon', null],
    ['', null],
  ])('%j is %j', (text, value) => {
    expect(dateTimeOf(text, '+01:00')).toBe(value);
  });

  it('takes the date of a time, and the time of a day', () => {
    expect([dateOf('19620215081500+0100'), dateOf('1962'), dateOf('x')]).toEqual(['1962-02-15', '1962', null]);
    expect([timeOf('0830'), timeOf('083015.25+0100'), timeOf('25'), timeOf('')]).toEqual(['08:30:00', '08:30:15.25', null, null]);
  });

  it('finds the offset of the message', () => {
    expect([offsetOf('202602280815+0530'), offsetOf('202602280815'), offsetOf('+0100'), offsetOf('20260228-9900')]).toEqual([
      '+05:30',
      '',
      '',
      '',
    ]);
  });
});

describe('the moments that a time may mean', () => {
  const received = new Date('2026-03-10T00:00:00Z');
  const span = (text: string) => {
    const said = saidAt(text, '+01:00', received);
    return said && [new Date(said.from).toISOString(), said.to - said.from + 1];
  };

  it.each([
    ['20260302081500', '2026-03-02T07:15:00.000Z', 1_000],
    ['20260302081500.25+0000', '2026-03-02T08:15:00.250Z', 1_000],
    ['202603020815', '2026-03-02T07:15:00.000Z', 60_000],
    ['2026030208', '2026-03-02T07:00:00.000Z', 3_600_000],
    ['20260302', '2026-03-01T23:00:00.000Z', 86_400_000],
  ])('of %s are from %s, %i ms', (text, from, ms) => {
    expect(span(text)).toEqual([from, ms]);
  });

  it('are none for no time, or for one of less than a day', () => {
    expect(['', '2026', '202603', 'yesterday'].map(span)).toEqual([null, null, null, null]);
  });

  it('are never later than it was received', () => {
    expect(saidAt('20620302081500', '+01:00', received)).toEqual({ from: received.getTime(), to: received.getTime() });
  });
});

describe('the system of an identifier', () => {
  const authority = (namespace: string, universalId = '', universalIdType = '') => ({ namespace, universalId, universalIdType });

  it.each([
    [authority('HOSP', '1.2.3', 'ISO'), ['urn:oid:1.2.3', 'urn:waystation:authority:HOSP']],
    [authority('HOSP'), ['urn:waystation:authority:HOSP']],
    [authority('', '2.16.840.1.113883.4.6', 'ISO'), ['http://hl7.org/fhir/sid/us-npi']],
    [authority('NPI'), ['http://hl7.org/fhir/sid/us-npi']],
    [authority('', '6BA7B810-9DAD-11D1-80B4-00C04FD430C8', 'UUID'), ['urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8']],
    [authority('', 'https://hosp.example/mrn', 'URI'), ['https://hosp.example/mrn']],
    [authority('1.2.3'), ['urn:oid:1.2.3']],
    [authority('North Hospital', '77', 'L'), ['urn:waystation:authority:77', 'urn:waystation:authority:North%20Hospital']],
    [authority(''), []],
  ])('%j is %j', (named, systems) => {
    expect(systemsOf(named)).toEqual(systems);
  });

  it('is the configured one where none is named', () => {
    expect(systemOf(authority(''), 'NORTH')).toBe('urn:waystation:authority:NORTH');
    expect(systemOf(authority(''), '1.2.3')).toBe('urn:oid:1.2.3');
    expect(systemOf(authority(''), 'https://north.example/id')).toBe('https://north.example/id');
  });
});

describe('datatypes', () => {
  it('CX keeps type, authority and validity, and nothing without a number', () => {
    expect(cxIdentifier(at('77^^^HOSP&1.2.3&ISO^MR^^20200101^20300101'), 'NORTH', '+01:00')?.identifier).toEqual({
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
      system: 'urn:oid:1.2.3',
      value: '77',
      period: { start: '2020-01-01', end: '2030-01-01' },
      assigner: { display: 'HOSP' },
    });
    expect(cxIdentifier(at('^^^HOSP'), 'NORTH', '+01:00')).toBeUndefined();
  });

  it('XPN reads degree, professional suffix and validity', () => {
    expect(xpnHumanName(at('van Dam&van&Dam^Eva^Lis^Jr^Dr^PhD^L^^^^^20000909^20301231^RN'), '+01:00')).toEqual({
      use: 'official',
      family: 'van Dam',
      given: ['Eva', 'Lis'],
      prefix: ['Dr'],
      suffix: ['Jr', 'PhD', 'RN'],
      period: { start: '2000-09-09', end: '2030-12-31' },
    });
    expect(xpnHumanName(at('^^^'), '+01:00')).toBeUndefined();
  });

  it('XAD has no address in a type alone', () => {
    expect(xadAddress(at('&Main Street&12^Flat 3^Town^ST^1234^DNK^O^^County'), '+01:00')).toEqual({
      use: 'work',
      line: ['12 Main Street', 'Flat 3'],
      city: 'Town',
      district: 'County',
      state: 'ST',
      postalCode: '1234',
      country: 'DNK',
    });
    expect(xadAddress(at('^^^^^^H'), '+01:00')).toBeUndefined();
  });

  it.each([
    ['555-1234', { system: 'phone', value: '555-1234', use: 'home' }],
    ['^WPN^PH^^1^555^5551234^12', { system: 'phone', value: '+1 555 5551234 X12', use: 'work', ...parts('1', '555', '5551234', '12') }],
    ['^PRN^CP^^^^^^^^^+4530104055', { system: 'phone', value: '+4530104055', use: 'mobile' }],
    ['^NET^Internet^a@b.example', { system: 'email', value: 'a@b.example' }],
    ['^^^a@b.example', { system: 'email', value: 'a@b.example', use: 'home' }],
    ['^WPN^FX^^^20^301040', { system: 'fax', value: '20 301040', use: 'work', ...parts('', '20', '301040') }],
    ['^PRN^PH', undefined],
  ])('XTN %j is %j', (field, contact) => {
    expect(xtnContactPoint(at(field), '+01:00', 'home')).toEqual(contact);
  });

  it.each([
    ['R07.1^Chest pain^I10', { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'R07.1', display: 'Chest pain' }] }],
    [
      'A^a^LN^B^b^L^2.76^1^said so',
      {
        coding: [
          { system: 'http://loinc.org', version: '2.76', code: 'A', display: 'a' },
          { system: 'urn:waystation:codesystem:ris:L', version: '1', code: 'B', display: 'b' },
        ],
        text: 'said so',
      },
    ],
    ['pain in the chest', { text: 'pain in the chest' }],
    ['PAIN', { coding: [{ code: 'PAIN' }] }],
    ['^pain', { text: 'pain' }],
    ['^^LN', undefined],
  ])('CWE %j is %j', (field, concept) => {
    expect(cweCodeableConcept(at(field), 'ris')).toEqual(concept);
  });
});

describe('persons and organizations', () => {
  const persons = (field: string) => {
    const draft = new Draft(PEER, '+01:00');
    return { references: xcnPractitioners(segmentOf(field), 1, draft), resources: draft.resources.map(({ resource }) => resource) };
  };

  it('one person with two numbers is one Practitioner', () => {
    const { references, resources } = persons('D7^Holm^Asta^^^Dr^^^HOSP~1234567893^Holm^Asta^^^Dr^^^^^^^NPI~^^^^^^^^HOSP');
    expect(references).toHaveLength(1);
    expect(resources).toEqual([
      {
        resourceType: 'Practitioner',
        identifier: [
          { system: 'urn:waystation:authority:HOSP', value: 'D7', assigner: { display: 'HOSP' } },
          {
            type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'NPI' }] },
            system: 'http://hl7.org/fhir/sid/us-npi',
            value: '1234567893',
          },
        ],
        name: [{ family: 'Holm', given: ['Asta'], prefix: ['Dr'] }],
      },
    ]);
  });

  it('two persons of one name without numbers never become one resource', () => {
    const { references, resources } = persons('^Holm^Asta');
    expect(references).toEqual([{ type: 'Practitioner', display: 'Asta Holm' }]);
    expect(resources).toEqual([]);
  });

  it('a name written where the number belongs is a name', () => {
    expect(persons('Dr Asta Holm').references).toEqual([{ type: 'Practitioner', display: 'Dr Asta Holm' }]);
  });

  it('a repetition that says nothing hides no name', () => {
    expect(persons('~^Holm').references).toEqual([{ type: 'Practitioner', display: 'Holm' }]);
  });

  it('a person named twice in a message is one resource with all that was said', () => {
    const draft = new Draft(PEER, '+01:00');
    xcnPractitioners(segmentOf('D7^^^^^^^^HOSP'), 1, draft);
    xcnPractitioners(segmentOf('D7^Holm^Asta^^^^^^HOSP'), 1, draft);
    expect(draft.resources.map(({ resource }) => resource)).toMatchObject([{ identifier: [{ value: 'D7' }], name: [{ family: 'Holm' }] }]);
  });

  it('an organization is known by its number, else by its name at this peer', () => {
    const identityOf = (field: string) => xonOrganization(segmentOf(field), 1, new Draft(PEER, '+01:00'))?.identity;
    expect(identityOf('Clinic^^7001^^^HOSP')).toEqual({ type: 'Organization', system: 'urn:waystation:authority:HOSP', value: '7001' });
    expect(identityOf('Skin  clinic')).toEqual({
      type: 'Organization',
      system: 'urn:waystation:authority:NORTH:organization-name',
      value: 'SKIN CLINIC',
    });
    expect(identityOf('App^1.2.3^ISO')?.value).toBe('1.2.3');
    expect(identityOf('')).toBeUndefined();
  });
});

/** Country, area, local number and extension of a telephone number, as they were sent. */
function parts(...values: string[]): object {
  const names = ['country', 'area', 'local', 'extension'];
  const extension = names.flatMap((name, index) =>
    values[index] ? [{ url: `http://hl7.org/fhir/StructureDefinition/contactpoint-${name}`, valueString: values[index] }] : [],
  );
  return { extension };
}
