import { describe, expect, it } from '@jest/globals';
import { isOutage, reasonOf } from '../../../src/store/database-failure.ts';

const system = (code: string, syscall: string) => Object.assign(new Error(`${code}: ${syscall} '/data/Doe^Jane'`), { code, syscall });
const postgresql = (code: string, message = 'value of Doe^Jane') => Object.assign(new Error(message), { code, severity: 'ERROR' });

const named = (errors: readonly unknown[]) =>
  errors.map((error) => [`${String(error)} ${(error as { code?: string }).code ?? ''}`, error] as const);

describe('the database is away', () => {
  it.each(
    named([
      system('ECONNREFUSED', 'connect'),
      system('ENOENT', 'connect'),
      system('ENOTFOUND', 'getaddrinfo'),
      system('ECONNRESET', 'read'),
      postgresql('08006'),
      postgresql('57P01'),
      postgresql('53100'),
      new Error('Connection terminated unexpectedly'),
      new Error('Client has encountered a connection error and is not queryable'),
      new Error('timeout exceeded when trying to connect'),
      new AggregateError([system('ECONNREFUSED', 'connect'), system('ECONNREFUSED', 'connect')]),
    ]),
  )('when it says %s', (_says, error) => expect(isOutage(error)).toBe(true));

  it.each(
    named([
      system('ENOENT', 'open'),
      system('EMFILE', 'open'),
      system('ETIMEDOUT', 'read'),
      postgresql('23505'),
      postgresql('57014'),
      postgresql('22021'),
      new Error('Task: timeout exceeded'),
      new AggregateError([]),
      'Connection terminated',
    ]),
  )('but not when it says %s', (_says, error) => expect(isOutage(error)).toBe(false));
});

describe('what a log may say of an error', () => {
  it('names kind and place of an error that quotes its input', () => {
    const quoting = (() => {
      try {
        return JSON.parse('Doe^Jane\n    at src/Doe/Jane.ts:1');
      } catch (error) {
        return error;
      }
    })();
    expect(String(quoting)).toContain('Doe');
    expect(reasonOf(quoting)).toMatch(/^SyntaxError at test\/unit\/store\/database-failure\.test\.ts:\d+$/);
  });

  it('says the code only of an error that PostgreSQL has with a value', () => {
    expect(reasonOf(postgresql('22P02'))).toBe('PostgreSQL 22P02');
  });

  it('keeps the words of a lost connection and of a full disk', () => {
    expect(reasonOf(new Error('Connection terminated unexpectedly'))).toBe('Connection terminated unexpectedly');
    expect(reasonOf(postgresql('53100', 'could not extend file'))).toBe('53100 could not extend file');
  });

  it('says neither path nor words of a file error', () => {
    expect(reasonOf(system('ENOENT', 'open'))).toMatch(/^Error ENOENT at test\/\S+:\d+$/);
  });
});
