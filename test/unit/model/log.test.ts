import { describe, expect, it } from '@jest/globals';
import { jsonLog, type LogLevel } from '../../../src/model/log.ts';

function linesAt(least: LogLevel): string[] {
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => new Date(0),
    least,
  );
  log.info('started', { port: 2575 });
  log.warn('lane.slow', { destination: 'ris\n"x' });
  log.error('corridor.failed');
  return lines;
}

describe('log', () => {
  it('a line is one JSON object with time, level, event and fields', () => {
    expect(linesAt('info')).toEqual([
      '{"at":"1970-01-01T00:00:00.000Z","level":"info","event":"started","port":2575}\n',
      '{"at":"1970-01-01T00:00:00.000Z","level":"warn","event":"lane.slow","destination":"ris\\n\\"x"}\n',
      '{"at":"1970-01-01T00:00:00.000Z","level":"error","event":"corridor.failed"}\n',
    ]);
  });

  it('no field takes the place of time, level or event', () => {
    const lines: string[] = [];
    const log = jsonLog(
      (line) => lines.push(line),
      () => new Date(0),
      'info',
    );
    log.info('started', { at: 'at /somewhere.ts:1', level: 'none', event: 'x' });
    expect(lines).toEqual(['{"at":"1970-01-01T00:00:00.000Z","level":"info","event":"started"}\n']);
  });

  it('what is below the level is not written', () => {
    expect([linesAt('warn').length, linesAt('error').length, linesAt('silent').length]).toEqual([2, 1, 0]);
  });
});
