import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { StructureDefinition } from '@medplum/fhirtypes';
import { ATTACHMENT_SHA256, IMAGING_PROCEDURE_STEP, SIGNED_CONTENT } from '../../../src/protocols/fhir/canonical.ts';
import { loadValidator } from '../../../src/protocols/fhir/resource-validator.ts';

const FOLDER = new URL('../../../profiles/fhir/', import.meta.url);
const definitions = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as StructureDefinition);

describe('our definitions in FHIR', () => {
  it('are valid R4', () => {
    const validate = loadValidator();
    expect(definitions.flatMap(validate)).toEqual([]);
  });

  it('are the extensions that the code writes', () => {
    expect(definitions.map(({ url }) => url).sort()).toEqual([ATTACHMENT_SHA256, IMAGING_PROCEDURE_STEP, SIGNED_CONTENT].sort());
  });
});
