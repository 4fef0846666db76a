import { describe, expect, it } from '@jest/globals';
import { CWE_CODEABLECONCEPT } from '../../../src/mapping/datatypes/cwe-codeableconcept.ts';
import { each, fixed, wrapped } from '../../../src/mapping/datatypes/datatype.ts';
import { ID_BOOLEAN, ST_STRING } from '../../../src/mapping/datatypes/id-primitive.ts';
import { Draft } from '../../../src/mapping/draft.ts';
import { among, notValued, type Row, segmentTable, type TableOptions, valued } from '../../../src/mapping/segment-table.ts';
import { isFailure } from '../../../src/model/failure.ts';
import { type Hl7Message, parseMessage } from '../../../src/protocols/hl7v2/message.ts';
import { PEER } from './fixtures.ts';

const URL = 'http://example.org/StructureDefinition/x.y';

function parsed(...lines: string[]): Hl7Message {
  const message = parseMessage(Buffer.from(['MSH|^~\\&|A|B|C|D|20260302||ZZZ^Z01|1|P|2.5.1', ...lines].join('\r')));
  if (isFailure(message)) throw new Error(message.detail);
  return message;
}

function read(line: string, rows: readonly Row[], options?: TableOptions): { said: object; draft: Draft } {
  const message = parsed(line);
  const draft = new Draft(PEER, '+01:00');
  const said = segmentTable<Record<string, unknown>>(rows, options)(message.segments[1], draft);
  draft.listUnread(message.segments.slice(1));
  return { said, draft };
}

describe('a segment table', () => {
  it('gives a list every repetition and a single element the first, and lists the rest', () => {
    const { said, draft } = read('ZZZ|a~b|c~d', [
      ['ZZZ-1', 'name[]', ST_STRING],
      ['ZZZ-2', 'period.start', ST_STRING],
    ]);
    expect(said).toEqual({ name: ['a', 'b'], period: { start: 'c' } });
    expect(draft.gaps).toEqual([{ path: 'ZZZ-2[2].1', reason: expect.stringContaining('no place'), value: 'd' }]);
  });

  it('writes rows of one key into one item, and gives each value of an extension its own', () => {
    const { said } = read('ZZZ|here|soon|x~y', [
      ['ZZZ-1', 'location[prior].place', ST_STRING],
      ['ZZZ-1', 'location[prior].status', fixed('completed')],
      ['ZZZ-2', 'location[next].place', ST_STRING],
      ['ZZZ-3', `extension[${URL}].valueString`, ST_STRING],
    ]);
    expect(said).toEqual({
      location: [{ place: 'here', status: 'completed' }, { place: 'soon' }],
      extension: [
        { url: URL, valueString: 'x' },
        { url: URL, valueString: 'y' },
      ],
    });
  });

  it('keeps an absent field, deletes what "" deletes, and takes away what a choice replaces', () => {
    const rows: Row[] = [
      ['ZZZ-1', 'text', ST_STRING],
      ['ZZZ-2', 'deceasedBoolean', ID_BOOLEAN],
      ['ZZZ-3', 'deceasedDateTime', ST_STRING],
      ['ZZZ-4', 'gender', ST_STRING],
      ['ZZZ-5', '_gender', ST_STRING],
    ];
    expect(read('ZZZ||Y||f', rows, { choices: ['deceased'] }).said).toStrictEqual({
      deceasedBoolean: true,
      deceasedDateTime: undefined,
      gender: 'f',
      _gender: undefined,
    });
    expect(read('ZZZ|""', rows).said).toStrictEqual({ text: undefined });
  });

  it('looks at conditions without carrying what they look at', () => {
    const { said, draft } = read('ZZZ|a|b|c', [
      ['ZZZ-1', 'one', ST_STRING, valued('ZZZ-2')],
      ['ZZZ-1', 'two', ST_STRING, notValued('ZZZ-2')],
      ['ZZZ-1', 'three', ST_STRING, among('ZZZ-3', 'c', 'd')],
    ]);
    expect(said).toEqual({ one: 'a', three: 'a' });
    expect(draft.gaps.map(({ path }) => path)).toEqual(['ZZZ-2', 'ZZZ-3']);
  });

  it('lists each value that no datatype read, by the reason of its field', () => {
    const { draft } = read('ZZZ|code^text^L^^^&sub|secret', [['ZZZ-1', 'code', CWE_CODEABLECONCEPT]], {
      left: { 2: 'is nobody’s business' },
    });
    expect(draft.gaps).toEqual([
      { path: 'ZZZ-1.6.2', reason: expect.stringContaining('no place'), value: 'sub' },
      { path: 'ZZZ-2', reason: 'is nobody’s business', value: 'secret' },
    ]);
  });

  it('says which of several segments a gap is in, and shortens a long value without losing that it changed', () => {
    const message = parsed('ZZZ|1', 'ZZZ|', `ZZZ|${'x'.repeat(5000)}`);
    const draft = new Draft(PEER, '+01:00');
    draft.listUnread(message.segments.slice(1));
    expect(draft.gaps.map(({ path }) => path)).toEqual(['ZZZ-1', 'ZZZ[3]-1']);
    expect(draft.gaps[1]?.value).toMatch(/^x{200}~sha256:[0-9a-f]{64}$/);
  });

  it('refuses a path that it does not understand', () => {
    expect(() => read('ZZZ|a', [['ZZZ-1', 'a..b', ST_STRING]])).toThrow('no path');
    expect(() => read('ZZZ|a', [['ZZ-1', 'a', ST_STRING]])).toThrow('no field');
  });

  it('wraps a value with what stands beside it', () => {
    const words = wrapped(
      each((at) => at(1) || undefined),
      (text) => ({ text }),
    );
    expect(read('ZZZ|a~~b', [['ZZZ-1', 'note[]', words]]).said).toEqual({ note: [{ text: 'a' }, { text: 'b' }] });
  });
});
