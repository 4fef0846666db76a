/** Statuses of results, documents and consents, cell by cell; that the sender's code stays beside each status that says less. */
import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, DocumentReference } from '@medplum/fhirtypes';
import { RESULT_STATUS } from '../../../src/mapping/vocabulary/0123-result-status.ts';
import { DOCUMENT_AVAILABILITY, DOCUMENT_COMPLETION } from '../../../src/mapping/vocabulary/0271-document-completion.ts';
import { CONSENT_STATUS } from '../../../src/mapping/vocabulary/0498-consent-status.ts';
import { mapBytes } from './fixtures.ts';

const head = (type: string) => `MSH|^~\\&|RIS|NORTH|||20260302081500+0100||${type}|1|P|2.5.1\rPID|1||4711^^^NORTH^MR\r`;

function mapped<T>(type: string, body: string, resource: string): T {
  const { resources } = mapBytes(Buffer.from(head(type) + body));
  const found = resources.find((one) => one.resource.resourceType === resource);
  return JSON.parse(JSON.stringify({ ...found?.initial, ...found?.resource }));
}

const report = (code: string) =>
  mapped<DiagnosticReport & { _status?: object }>('ORU^R01', `OBR|1||F1^LAB|X^X^L|||||||||||||||||||||${code}`, 'DiagnosticReport');
const document = (completion: string, availability: string) =>
  mapped<DocumentReference & { _status?: object; _docStatus?: object }>(
    'MDM^T02',
    `TXA|1|CN|TX|||||||||D1^RIS|||||${completion}||${availability}\rOBX|1|TX|N^N^L||text||||||F`,
    'DocumentReference',
  );

const beside = (system: string, code: string) => ({
  extension: [
    {
      url: 'http://hl7.org/fhir/StructureDefinition/alternate-codes',
      valueCodeableConcept: { coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }] },
    },
  ],
});

describe('OBR-25, HL7 Table 0123', () => {
  it.each([
    ['A', 'partial', false],
    ['C', 'corrected', true],
    ['F', 'final', true],
    ['I', 'registered', false],
    ['M', 'preliminary', false],
    ['N', 'registered', false],
    ['O', 'registered', false],
    ['P', 'preliminary', true],
    ['R', 'partial', false],
    ['S', 'registered', false],
    ['X', 'cancelled', true],
    ['Y', 'unknown', false],
    ['Z', 'unknown', false],
    ['K', 'unknown', false],
    ['', 'unknown', true],
  ] as const)('%j is %s', (code, status, exact) => {
    const { status: read, _status } = report(code);
    expect({ read, _status }).toEqual({ read: status, _status: exact ? undefined : beside('v2-0123', code) });
  });

  it('has one exact code for each status at most, so that a message home can say it again', () => {
    for (const { codes } of [RESULT_STATUS, CONSENT_STATUS]) {
      const exact = [...codes.values()].filter((value) => value.exact).map(({ status }) => status);
      expect(new Set(exact).size).toBe(exact.length);
    }
  });
});

describe('TXA-17 and TXA-19, HL7 Tables 0271 and 0273', () => {
  it.each([
    ['AU', 'final'],
    ['DI', 'preliminary'],
    ['DO', 'preliminary'],
    ['IN', 'preliminary'],
    ['IP', 'preliminary'],
    ['LA', 'final'],
    ['PA', 'preliminary'],
    ['ZZ', undefined],
  ] as const)('completion %s is %s', (code, status) => {
    expect(document(code, 'AV')).toMatchObject({ status: 'current', _docStatus: beside('v2-0271', code) });
    expect(document(code, 'AV').docStatus).toBe(status);
  });

  it.each([
    ['AV', 'current', true],
    ['CA', 'entered-in-error', false],
    ['OB', 'superseded', false],
    ['UN', 'current', false],
    ['ZZ', 'current', false],
  ] as const)('availability %s is %s', (code, status, exact) => {
    const { status: read, _status } = document('LA', code);
    expect({ read, _status }).toEqual({ read: status, _status: exact ? undefined : beside('v2-0273', code) });
  });

  it('is decided code by code', () => {
    expect([...DOCUMENT_COMPLETION.codes.keys()]).toHaveLength(7);
    expect([...DOCUMENT_AVAILABILITY.codes.keys()]).toHaveLength(4);
    expect(Object.fromEntries([...CONSENT_STATUS.codes].map(([code, { status }]) => [code, status]))).toEqual({
      A: 'active',
      B: 'inactive',
      L: 'active',
      P: 'proposed',
      R: 'rejected',
      X: 'inactive',
    });
  });
});
