/** Structured log lines: one JSON object each, with ids and codes, never patient data. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export type Log = {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
};

export const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Lines from `least` up; `write` gets each with its newline. No field can take the place of time, level or event. */
export function jsonLog(write: (line: string) => void, now: () => Date, least: LogLevel): Log {
  const at = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return () => {};
    return (event: string, fields?: LogFields) => {
      const head = { at: now().toISOString(), level, event };
      write(`${JSON.stringify({ ...head, ...fields, ...head })}\n`);
    };
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
