/**
 * How the command line speaks: text for people, JSON for machines (`--json`), an error as one line of what is wrong and one of what to do.
 * What senders wrote may hold escape sequences: nothing of it reaches a terminal unchanged.
 */

import { InvalidArgumentError } from 'commander';

/** Exit codes; `waystation --help` tells them. */
export const EXIT = { done: 0, refused: 1, usage: 2, config: 3, unreachable: 4, start: 5 } as const;

/** An end that is no defect of the program: told in two lines, without a stack. */
export class CliError extends Error {
  readonly remedy: string;
  readonly exitCode: number;

  constructor(what: string, remedy: string, exitCode: number) {
    super(what);
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

/** An option that is a count; anything else is wrong usage. */
export function wholeNumber(text: string): string {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.');
  return text;
}

/** Lines for a person. */
export function say(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** One JSON value for a machine. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function sayError({ message, remedy }: CliError): void {
  process.stderr.write(`${printable(`error: ${message}${remedy === '' ? '' : `\n  ${remedy}`}`)}\n`);
}

/** Rows with their columns under each other; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => indent + row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** `2026-03-02 10:00:01Z` */
export function moment(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`;
}

/** Control characters, but for the line feed, as a dot. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '·');
}
