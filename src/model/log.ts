/** Structured log lines: one JSON object each, with ids and codes, never patient data. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export type Log = {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
};
