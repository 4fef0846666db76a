import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { codesOfValueSet, definitionOf } from '../../../../src/protocols/fhir/definitions.ts';
import { loadValidator } from '../../../../src/protocols/fhir/resource-validator.ts';
import { DEFINITIONS_FILE, r4Definitions } from '../../../support/r4-definitions.ts';

describe('the definitions of R4', () => {
  test('are those of the package, as far as validation asks', () => {
    expect(readFileSync(DEFINITIONS_FILE, 'utf8') === r4Definitions()).toBe(true);
  });

  test('say what is mandatory and what must hold', () => {
    const task = definitionOf('Task');
    expect(task?.elements.status).toMatchObject({ min: 1, max: 1, binding: { strength: 'required' } });
    expect(task?.constraints?.map(({ key }) => key)).toEqual(expect.arrayContaining(['dom-2', 'inv-1']));
    expect(task?.elements.note?.constraints).toMatchObject([{ key: 'ele-1', severity: 'error', expression: expect.any(String) }]);
  });

  test('bring the types of the elements with a type', () => {
    definitionOf('Endpoint');
    expect(definitionOf('Period')?.constraints?.map(({ key }) => key)).toContain('per-1');
  });

  test('are there for what is contained, too', () => {
    const faults = loadValidator()({
      resourceType: 'Basic',
      code: { text: 'x' },
      subject: { reference: '#a' },
      contained: [{ resourceType: 'Substance', id: 'a' }],
    } as never);
    expect(faults.map(({ path }) => path)).toEqual(['Basic.contained[0].code']);
  });

  test('leave out what R4 does not define', () => {
    expect(definitionOf('Nonsense')).toBeUndefined();
    expect(loadValidator()({ resourceType: 'Nonsense' } as never)).toHaveLength(1);
  });

  test('list the codes of a required binding, and not what cannot be listed', () => {
    expect([...(codesOfValueSet('http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1') ?? [])]).toEqual([
      'male',
      'female',
      'other',
      'unknown',
    ]);
    expect(codesOfValueSet('http://hl7.org/fhir/ValueSet/mimetypes|4.0.1')).toBeUndefined();
  });
});
