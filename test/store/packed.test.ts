import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { arrayLiteral } from '../../src/store/packed.ts';
import { freshDatabase } from '../support/database.ts';
import fc from '../support/properties.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

async function read(literal: string, type: string): Promise<unknown[]> {
  const { rows } = await fresh.database.query<{ value: unknown[] }>(`select $1::${type}[] as value`, [literal]);
  return rows[0]?.value ?? [];
}

describe('an array literal', () => {
  it('comes back from PostgreSQL as the texts it was made of', async () => {
    // PostgreSQL text holds no NUL.
    const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0') && value.isWellFormed());
    const said = fc.oneof(text, fc.constantFrom('', 'null', 'NULL', 'Null', '{}', '"', '\\', ',', ' a', 'a\nb', 'Patient/1', null));
    await fc.assert(
      fc.asyncProperty(fc.array(said, { maxLength: 20 }), async (values) => {
        expect(await read(arrayLiteral(values), 'text')).toEqual(values);
      }),
      { numRuns: 200 },
    );
  });

  it('holds numbers, booleans, times and what is absent', async () => {
    expect(await read(arrayLiteral([1, -9007199254740991]), 'bigint')).toEqual([1, -9007199254740991]);
    expect(await read(arrayLiteral([1, null]), 'integer')).toEqual([1, null]);
    expect(await read(arrayLiteral([true, false, undefined]), 'boolean')).toEqual([true, false, null]);
    const times = [new Date('2026-03-02T09:30:00.123Z'), null];
    expect(await read(arrayLiteral(times), 'timestamptz')).toEqual(times);
  });

  it('refuses what it cannot write', () => {
    expect(() => arrayLiteral([Buffer.from('a')])).toThrow(TypeError);
    expect(() => arrayLiteral([['a']])).toThrow(TypeError);
  });
});
