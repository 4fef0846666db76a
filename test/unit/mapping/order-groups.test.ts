import { describe, expect, it } from '@jest/globals';
import { priorResults } from '../../../src/mapping/messages/order-groups.ts';
import { isFailure } from '../../../src/model/failure.ts';
import { parseMessage, type Segment } from '../../../src/protocols/hl7v2/message.ts';

/** Segments by name alone: all that grouping looks at. `seen`: how often a name was asked for. */
function segmentsOf(names: readonly string[], seen: { times: number }): Segment[] {
  return names.map((name) => ({
    get name() {
      seen.times++;
      return name;
    },
  })) as unknown as Segment[];
}

function segmentsIn(names: readonly string[]): readonly Segment[] {
  const message = parseMessage(Buffer.from(`MSH|^~\\&|A|B\r${names.map((name, index) => `${name}|${index}\r`).join('')}`), '');
  return isFailure(message) ? [] : message.segments.slice(1);
}

const shape = (names: readonly string[]) =>
  priorResults(segmentsIn(names)).map(({ pid, orc, obr, observations }) =>
    [pid, orc, obr].map((one) => one?.name ?? '-').concat(String(observations.length)),
  );

describe('earlier results', () => {
  it('begin with their OBR, or with what stands before it', () => {
    expect(shape(['PID', 'PV1', 'ORC', 'OBR', 'OBX', 'OBX', 'OBR', 'OBX', 'ORC', 'OBR'])).toEqual([
      ['PID', 'ORC', 'OBR', '2'],
      ['PID', '-', 'OBR', '1'],
      ['PID', 'ORC', 'OBR', '0'],
    ]);
  });

  it('that never come to their OBR are looked at once', () => {
    const seen = { times: 0 };
    const count = 5_000;
    expect(priorResults(segmentsOf(Array<string>(count).fill('PID'), seen))).toEqual([]);
    expect(seen.times).toBeLessThan(count * 10);
  });
});
