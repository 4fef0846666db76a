import { describe, expect, it } from '@jest/globals';
import { authorityOf, systemOf } from '../../../../src/mapping/datatypes/systems.ts';
import { codeSystemOf, codingSystemNameOf } from '../../../../src/mapping/vocabulary/0396-coding-system.ts';
import { codedField, dateTimeField, personField, unitField } from '../../../../src/return/hl7v2/hl7v2-fields.ts';

describe('FHIR values as HL7 v2 fields', () => {
  it.each([
    ['2026-03-02T10:30:00+01:00', '20260302103000+0100'],
    ['2026-03-02T10:30:00.123Z', '20260302103000+0000'],
    ['2026-03-02', '20260302'],
    ['2026-03', '202603'],
    ['2026', '2026'],
    ['not a time', ''],
    [undefined, ''],
  ])('the time %s is %s', (value, field) => {
    expect(dateTimeField(value)).toBe(field);
  });

  it('of two codings the one whose system has a name in HL7 Table 0396 first', () => {
    const concept = {
      coding: [
        { system: 'urn:example:own', code: '7', display: 'own' },
        { system: 'http://loinc.org', code: '18748-4', display: 'Imaging' },
      ],
    };
    expect(codedField(concept)).toEqual(['18748-4', 'Imaging', 'LN', '7', 'own', 'L']);
    expect(codedField({ coding: concept.coding.slice(0, 1) }, 'IMP')).toEqual([['7', 'IMP'], 'own', 'L']);
    expect(codedField({ text: 'words only' })).toEqual(['', 'words only', '']);
  });

  it('a system that is no name of ours as local', () => {
    expect(['urn:waystation:codesystem:%ZZ', 'urn:waystation:codesystem:%FF', 'http://north.example'].map(codingSystemNameOf)).toEqual([
      'L',
      'L',
      'L',
    ]);
  });

  it('a unit of UCUM, a local one, a written one', () => {
    expect(unitField({ code: 'mm', unit: 'mm', system: 'http://unitsofmeasure.org' })).toEqual(['mm', 'mm', 'UCUM']);
    expect(unitField({ code: 'u' })).toEqual(['u', 'u', 'L']);
    expect(unitField({ unit: 'drops' })).toEqual(['drops']);
  });

  it('a person with the authority of his number', () => {
    const field = personField({ name: 'Dr. Ada Example', identifier: { system: 'urn:oid:1.2.3', value: '7' }, jwk: {} });
    expect(field).toEqual(['7', 'Dr. Ada Example', '', '', '', '', '', '', ['', '1.2.3', 'ISO']]);
  });
});

describe('names that mapping reads are written back', () => {
  it.each([
    'urn:oid:1.2.3',
    'urn:waystation:authority:NORTH%20WEST',
    'http://hl7.org/fhir/sid/us-npi',
    'https://example.org/ids',
    'urn:example:x',
  ])('the authority %s', (system) => {
    expect(systemOf(authorityOf(system), '')).toBe(system);
  });

  it.each([
    'http://loinc.org',
    'http://snomed.info/sct',
    'http://unitsofmeasure.org',
    'http://hl7.org/fhir/sid/icd-10',
    'http://terminology.hl7.org/CodeSystem/v2-0078',
    'urn:oid:1.2.3',
    'urn:waystation:codesystem:WHAT%20EVER',
    'urn:waystation:codesystem:anyone:99ABC',
    'urn:waystation:codesystem:anyone:L',
  ])('the coding system %s', (system) => {
    expect(codeSystemOf(codingSystemNameOf(system), 'anyone')).toBe(system);
  });
});
