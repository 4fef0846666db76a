/** How figures are told: rows of a table, printed as they come and once more at the end. */

export type Row = {
  readonly what: string;
  readonly measured: string;
  /** What it is held against, '' where there is nothing. */
  readonly against: string;
  /** null: a figure without an aim. */
  readonly held: boolean | null;
};

export type Bench = {
  readonly rows: Row[];
  add(what: string, measured: string, against?: string, held?: boolean | null): void;
  note(text: string): void;
};

export function openBench(print: (line: string) => void): Bench {
  const rows: Row[] = [];
  return {
    rows,
    add: (what, measured, against = '', held = null) => {
      const row = { what, measured, against, held };
      rows.push(row);
      print(lineOf(row));
    },
    note: (text) => print(`  … ${text}`),
  };
}

export function lineOf({ what, measured, against, held }: Row): string {
  const verdict = held === null ? '' : held ? 'held' : 'MISSED';
  return `${what.padEnd(62)} ${measured.padStart(22)}  ${against.padEnd(44)} ${verdict}`.trimEnd();
}

export function perSecond(count: number): string {
  return `${Math.round(count).toLocaleString('en')}/s`;
}

export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024).toLocaleString('en')} MB`;
}

export function ratio(measured: number, limit: number): string {
  return (measured / limit).toFixed(2);
}
