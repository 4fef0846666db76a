import { describe, expect, it } from '@jest/globals';
import { overridden } from '../../../src/mapping/overrides/overridden.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { MappingOverrides, Rewrite } from '../../../src/model/override.ts';
import { loadValidator } from '../../../src/protocols/fhir/resource-validator.ts';
import { type Hl7Message, parseMessage } from '../../../src/protocols/hl7v2/message.ts';
import fc from '../../support/properties.ts';
import { mapBytes, stored } from './fixtures.ts';

const NONE: MappingOverrides = { authorities: {}, codes: {}, segments: {}, rewrite: [] };
const HEAD = 'MSH|^~\\&|RIS|NORTH|||20260302||ORM^O01|1|P|2.5';

function parsed(lines: readonly string[]): Hl7Message {
  const message = parseMessage(Buffer.from([HEAD, ...lines].join('\r')));
  if (isFailure(message)) throw new Error(message.detail);
  return message;
}

/** What stands in the segments afterwards, the header left out, and what was done where. */
function changed(overrides: Partial<MappingOverrides>, ...lines: readonly string[]): { lines: string[]; done: string[] } {
  const { message, done } = overridden(parsed(lines), { ...NONE, ...overrides });
  const text = message.segments
    .slice(1)
    .map((one) => [one.name, ...Array.from({ length: one.length }, (_, index) => one.raw(index + 1))].join('|'));
  return { lines: text, done: done.map(({ override, path }) => `${override} ${path}`) };
}

function rewritten(rewrite: readonly Rewrite[], ...lines: readonly string[]): string[] {
  return changed({ rewrite }, ...lines).lines;
}

describe('a rewrite', () => {
  it.each<[string, Rewrite, string, string]>([
    ['sets a field', { set: 'PV1-2', value: 'O' }, 'PV1|1', 'PV1|1|O'],
    ['sets a field that is further on', { set: 'PV1-4', value: 'O' }, 'PV1|1', 'PV1|1|||O'],
    ['sets a component and leaves the others', { set: 'PID-3.4', value: 'A' }, 'PID|||1^2^3^B^MR~7', 'PID|||1^2^3^A^MR~7'],
    ['sets a component of a repetition', { set: 'PID-3[2].4', value: 'A' }, 'PID|||1~7', 'PID|||1~7^^^A'],
    ['sets a subcomponent', { set: 'PID-3.4.2', value: '1.2' }, 'PID|||1^^^N', 'PID|||1^^^N&1.2'],
    ['escapes what it sets', { set: 'PV1-3', value: 'A|B^C' }, 'PV1|1', 'PV1|1||A\\F\\B\\S\\C'],
    ['deletes', { delete: 'PID-3.4' }, 'PID|||1^^^N^MR', 'PID|||1^^^^MR'],
    ['copies a field with all its repetitions', { copy: 'PID-3', to: 'PID-2' }, 'PID|||1^^^N~2', 'PID||1^^^N~2|1^^^N~2'],
    ['copies the first component into a component', { copy: 'PID-3', to: 'PID-4.1' }, 'PID|||1^^^N~2|9^x', 'PID|||1^^^N~2|1^x'],
    ['moves', { move: 'PID-19', to: 'PID-3[2].1' }, `PID|||1${'|'.repeat(16)}77`, `PID|||1~77${'|'.repeat(16)}`],
    ['copies nothing where nothing is', { copy: 'PID-19', to: 'PID-3' }, 'PID|||1', 'PID|||1'],
    ['does it where the condition holds', { set: 'PV1-2', value: 'O', when: { 'PV1-2': ['AMB', ''] } }, 'PV1|1|AMB', 'PV1|1|O'],
    ['leaves it where it does not', { set: 'PV1-2', value: 'O', when: { 'PV1-2': '' } }, 'PV1|1|I', 'PV1|1|I'],
  ])('%s', (_what, rewrite, before, after) => {
    expect(rewritten([rewrite], before)).toEqual([after]);
  });

  it('takes what belongs to the same order, or stands before all of them', () => {
    const lines = ['PID|||1', 'ORC|NW|A', 'OBR|1', 'ZDX|x', 'ORC|NW|B', 'OBR|2', 'ZDX|y'];
    expect(rewritten([{ copy: 'ZDX-1', to: 'OBR-18' }], ...lines)[2]).toBe(`OBR|1${'|'.repeat(17)}x`);
    expect(rewritten([{ copy: 'ZDX-1', to: 'OBR-18' }], ...lines)[5]).toBe(`OBR|2${'|'.repeat(17)}y`);
    expect(rewritten([{ copy: 'PID-3', to: 'OBR-2' }], ...lines).filter((line) => line.startsWith('OBR'))).toEqual(['OBR|1|1', 'OBR|2|1']);
    expect(rewritten([{ move: 'ORC-2', to: 'OBR-2', when: { 'ZDX-1': 'y' } }], ...lines).slice(1)).toEqual([
      'ORC|NW|A',
      'OBR|1',
      'ZDX|x',
      'ORC|NW|',
      'OBR|2|B',
      'ZDX|y',
    ]);
  });

  it('is done in its place in the list, and tells where it was done', () => {
    const rewrite: Rewrite[] = [
      { set: 'OBR-5', value: 'R' },
      { copy: 'OBR-5', to: 'OBR-6' },
    ];
    expect(changed({ rewrite }, 'OBR|1', 'OBR|2')).toEqual({
      lines: ['OBR|1||||R|R', 'OBR|2||||R|R'],
      done: ['rewrite[0] OBR-5', 'rewrite[0] OBR[2]-5', 'rewrite[1] OBR-6', 'rewrite[1] OBR[2]-6'],
    });
  });

  it('sets any text so that it is read back', () => {
    const place = fc.constantFrom('PID-5', 'PID-5.2', 'PID-5[3].2.2', 'MSH-6');
    fc.assert(
      fc.property(place, fc.stringMatching(/^[ -~]{1,30}$/), (set, value) => {
        const { message } = overridden(parsed(['PID|1']), { ...NONE, rewrite: [{ set, value }] });
        const [repetition, component, subcomponent] =
          set === 'PID-5' || set === 'MSH-6' ? [1, 1, 1] : set === 'PID-5.2' ? [1, 2, 1] : [3, 2, 2];
        const segment = message.first(set.slice(0, 3));
        expect(segment?.peek(Number(set[4]), component, repetition, subcomponent)).toBe(value);
        expect(message.first('MSH')?.raw(1)).toBe('|');
      }),
    );
  });

  it('leaves the tree of the message as it came', () => {
    const message = parsed(['PV1|1|I']);
    const { message: other } = overridden(message, { ...NONE, rewrite: [{ set: 'PV1-2', value: 'O' }] });
    expect([message.first('PV1')?.raw(2), other.first('PV1')?.raw(2)]).toEqual(['I', 'O']);
    expect(overridden(message, NONE).message).toBe(message);
  });
});

describe('a code', () => {
  const LOINC = { system: 'http://loinc.org', code: '30799-1', display: 'CT Head' };

  it('takes the place of the sender’s, in every repetition', () => {
    expect(changed({ codes: { 'OBR-5': { DRINGEND: 'S' } } }, 'OBR|1||||DRINGEND', 'OBR|2||||R')).toEqual({
      lines: ['OBR|1||||S', 'OBR|2||||R'],
      done: ['codes.OBR-5 OBR-5'],
    });
    expect(changed({ codes: { 'PID-3.5': { PAT: 'MR' } } }, 'PID|||1^^^A^PAT~2^^^B^PAT').lines).toEqual(['PID|||1^^^A^MR~2^^^B^MR']);
  });

  it('of a table is one wherever the table is used', () => {
    const { lines, done } = changed({ codes: { '0485': { EIL: 'S' } } }, 'ORC|NW||||||^^^^^EIL', 'TQ1|1||||||||EIL', 'OBR|1||||EIL');
    expect(lines).toEqual(['ORC|NW||||||^^^^^S', 'TQ1|1||||||||S', 'OBR|1||||S']);
    expect(new Set(done.map((one) => one.split(' ')[0]))).toEqual(new Set(['codes.0485']));
  });

  it('as a coding stands before the sender’s own', () => {
    const overrides = { codes: { 'OBR-4': { CTK: LOINC } } };
    expect(changed(overrides, 'OBR|1|||CTK^Kopf^L^^^^2').lines).toEqual(['OBR|1|||30799-1^CT Head^http://loinc.org^CTK^Kopf^L^^2']);
    expect(changed(overrides, 'OBR|1|||CTK^Kopf^L^X^Y^Z').lines).toEqual(['OBR|1|||30799-1^CT Head^http://loinc.org^X^Y^Z^^^^CTK^Kopf^L^']);
  });

  it('is no gap any more, and its coding leads in the order', () => {
    const bytes = Buffer.from([HEAD, 'PID|||1', 'ORC|NW|P1', 'OBR|1|||CTK^Kopf^L|DRINGEND'].join('\r'));
    expect(mapBytes(bytes).gaps.map(({ path }) => path)).toContain('OBR-5');
    const mapping = { ...NONE, codes: { '0485': { DRINGEND: 'S' }, 'OBR-4': { CTK: LOINC } } };
    const mapped = mapBytes(bytes, { mapping });
    expect(mapped.gaps.map(({ path }) => path)).not.toContain('OBR-5');
    expect(mapped.parts[0]).toMatchObject({ priority: 'stat', hints: expect.arrayContaining(['code:http://loinc.org|30799-1']) });
    expect(orderIn(mapped)).toMatchObject({ code: { coding: [LOINC, { code: 'CTK', display: 'Kopf' }] } });
  });
});

describe('an authority', () => {
  const authorities = { HOSP: 'https://north.example/mrn', '1.2.3': 'https://north.example/mrn', KIS: 'https://north.example/mrn' };

  it('is the same under each of its names', () => {
    const lines = ['PID|||1^^^HOSP^MR~2^^^X&1.2.3&ISO^PI~3^^^OTHER', 'ORC|NW|P1^KIS|F1^X', 'OBR|1|P1^KIS'];
    expect(changed({ authorities }, ...lines).lines).toEqual([
      'PID|||1^^^&https://north.example/mrn&URI^MR~2^^^&https://north.example/mrn&URI^PI~3^^^OTHER',
      'ORC|NW|P1^^https://north.example/mrn^URI|F1^X',
      'OBR|1|P1^^https://north.example/mrn^URI',
    ]);
  });

  it('of one hospital is not that of another with the same name', () => {
    const bytes = Buffer.from([HEAD, 'PID|||1^^^HOSP^MR', 'ORC|NW|P1', 'OBR|1|||CT'].join('\r'));
    const identities = (system: string) =>
      mapBytes(bytes, { mapping: { ...NONE, authorities: { HOSP: system } } }).resources.find(
        ({ resource }) => resource.resourceType === 'Patient',
      )?.identities;
    const [north, south] = [identities('https://north.example/mrn'), identities('https://south.example/mrn')];
    expect(north).toMatchObject([{ system: expect.stringContaining('https://north.example/mrn') }]);
    for (const one of north ?? []) expect(south).not.toContainEqual(one);
  });
});

describe('a field of a Z segment', () => {
  const URL = 'https://north.example/fhir/StructureDefinition/';
  const segments: MappingOverrides['segments'] = {
    'ZPI-1': { to: 'note' },
    'ZPI-2': { to: 'extension', url: `${URL}contrast`, type: 'boolean' },
    'ZPI-3.2': { to: 'identifier', system: 'https://north.example/episode' },
    'ZPI-4': { to: 'extension', url: `${URL}creatinine`, type: 'decimal' },
  };
  const mapped = (zpi: string, ...more: readonly string[]) =>
    mapBytes(Buffer.from([HEAD, 'PID|||1', 'ORC|NW|P1', 'OBR|1|||CT', zpi, ...more].join('\r')), { mapping: { ...NONE, segments } });

  it('has its place in the order, which stays valid FHIR', () => {
    const made = mapped('ZPI|Pacemaker~Asthma|Y|x^E77|1.3');
    const order = orderIn(made);
    expect(order).toMatchObject({
      note: [{ text: 'Pacemaker' }, { text: 'Asthma' }],
      identifier: expect.arrayContaining([{ system: 'https://north.example/episode', value: 'E77' }]),
      extension: expect.arrayContaining([
        { url: `${URL}contrast`, valueBoolean: true },
        { url: `${URL}creatinine`, valueDecimal: 1.3 },
      ]),
    });
    expect(loadValidator()(order as never)).toEqual([]);
    expect(made.gaps.map(({ path }) => path)).toEqual(expect.arrayContaining(['ZPI-3.1']));
    expect(made.gaps.map(({ path }) => path)).not.toEqual(expect.arrayContaining(['ZPI-1']));
  });

  it('is listed where it does not read as its type, or has no place', () => {
    const { gaps } = mapped('ZPI||perhaps|||rest');
    expect(gaps).toContainEqual({ path: 'ZPI-2', reason: 'does not read as boolean', value: 'perhaps' });
    expect(gaps.map(({ path }) => path)).toContain('ZPI-5');
  });

  it('is of its own order', () => {
    const { resources } = mapped('ZPI|first', 'ORC|NW|P2', 'OBR|2|||MR', 'ZPI|second');
    const orders = resources.map(({ resource }) => resource).filter((resource) => resource.resourceType === 'ServiceRequest');
    expect(orders.map(({ note }) => note?.map(({ text }) => text))).toEqual([['first'], ['second']]);
  });
});

function orderIn(mapped: Parameters<typeof stored>[0]): unknown {
  return stored(mapped).find(({ resourceType }) => resourceType === 'ServiceRequest');
}
