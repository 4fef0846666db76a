import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { parseMessage, type Segment } from '../../../../src/protocols/hl7v2/message.ts';

describe('what nobody read of a segment', () => {
  it('is a whole field, or each value of one that was read in part', () => {
    const { orc } = segments();
    orc.get(12);
    orc.get(12, 9, 1, 2);
    expect([...orc.unread()].map(({ path }) => path)).toEqual(['ORC-2', 'ORC-12.2', 'ORC-12.9.1', 'ORC-12[2].1']);
  });

  it('is the same of a field that holds what another one holds, whose reading counts for both', () => {
    const { orc, obr } = segments();
    orc.get(12);
    orc.get(12, 9, 1, 2);
    obr.readAs(16, orc, 12);
    expect([...obr.unread()].map(({ path }) => path)).toEqual(['OBR-16.2', 'OBR-16.9.1', 'OBR-16[2].1']);
    obr.get(16, 2);
    expect([...orc.unread()].map(({ path }) => path)).toContain('ORC-12.2');
  });
});

function segments(): { readonly orc: Segment; readonly obr: Segment } {
  const who = '4711^Beispiel^^^^^^^NORTH&1.2.3~4712';
  const fields = (count: number) => Array.from({ length: count }, () => '').join('|');
  const text = ['MSH|^~\\&|RIS', `ORC||P1${fields(11)}${who}`, `OBR|${fields(16)}${who}`].join('\r');
  const message = parseMessage(Buffer.from(text));
  if (isFailure(message)) throw new Error(message.detail);
  return { orc: message.first('ORC') as Segment, obr: message.first('OBR') as Segment };
}
