import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { type Failure, isFailure } from '../../../../src/model/failure.ts';
import type { Edits } from '../../../../src/protocols/dicom/dataset-editor.ts';
import { editDataset } from '../../../../src/protocols/dicom/edited-dataset.ts';
import type { NewElement } from '../../../../src/protocols/dicom/element-bytes.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import fc from '../../../support/properties.ts';
import { storedDataset } from '../../../support/stored-dataset.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const ENCAPSULATED = '1.2.840.10008.1.2.4.50';

const KEEP: Edits = { decide: () => 'keep' };
const WITHIN: Edits = { decide: ({ vr }) => (vr === 'SQ' ? 'within' : 'keep') };

describe('the dataset editor', () => {
  it('replaces a value and leaves every other byte', async () => {
    const edited = await edit('08006000 4353 0200 4354 10002000 4c4f 0200 5031 28001000 5553 0200 0002', EXPLICIT, put(patientId('P-12')));
    expect(edited).toBe(hex('08006000 4353 0200 4354 10002000 4c4f 0400 502d3132 28001000 5553 0200 0002'));
  });

  it.each([
    ['at the beginning', '28001000 5553 0200 0002', '10002000 4c4f 0400 502d3132 28001000 5553 0200 0002'],
    ['at the end', '08006000 4353 0200 4354', '08006000 4353 0200 4354 10002000 4c4f 0400 502d3132'],
    [
      'between',
      '08006000 4353 0200 4354 28001000 5553 0200 0002',
      '08006000 4353 0200 4354 10002000 4c4f 0400 502d3132 28001000 5553 0200 0002',
    ],
  ])('adds an element in the order of tags, %s', async (_, before, after) => {
    expect(await edit(before, EXPLICIT, put(patientId('P-12')))).toBe(hex(after));
  });

  it.each([
    ['Implicit VR Little Endian', IMPLICIT, '10002000 02000000 5031', '10002000 04000000 502d3132'],
    ['Explicit VR Big Endian', BIG_ENDIAN, '00100020 4c4f 0002 5031', '00100020 4c4f 0004 502d3132'],
  ])('writes %s', async (_, syntax, before, after) => {
    expect(await edit(before, syntax, put(patientId('P-12')))).toBe(hex(after));
  });

  it('removes an element wherever it is, a sequence of undefined length with it', async () => {
    const sequence = '40007502 5351 0000 ffffffff feff00e0 ffffffff 40000700 4c4f 0200 5231 feff0de0 00000000 feffdde0 00000000';
    const bytes = `08006000 4353 0200 4354 ${sequence} 40000110 5348 0200 5031`;
    expect(await edit(bytes, EXPLICIT, { decide: ({ tag }) => (tag === 0x00400275 ? 'remove' : 'keep') })).toBe(
      hex('08006000 4353 0200 4354 40000110 5348 0200 5031'),
    );
  });

  it.each([
    [
      'defined lengths are written anew',
      '40007502 5351 0000 12000000 feff00e0 0a000000 40000700 4c4f 0200 5231',
      '40007502 5351 0000 14000000 feff00e0 0c000000 40000700 4c4f 0400 4e6f6e65',
    ],
    [
      'undefined ones stay',
      '40007502 5351 0000 ffffffff feff00e0 ffffffff 40000700 4c4f 0200 5231 feff0de0 00000000 feffdde0 00000000',
      '40007502 5351 0000 ffffffff feff00e0 ffffffff 40000700 4c4f 0400 4e6f6e65 feff0de0 00000000 feffdde0 00000000',
    ],
    [
      'what VR UN holds is implicit',
      '40007502 554e 0000 12000000 feff00e0 0a000000 40000700 02000000 5231',
      '40007502 554e 0000 14000000 feff00e0 0c000000 40000700 04000000 4e6f6e65',
    ],
  ])('edits within a sequence: %s', async (_, before, after) => {
    const edits: Edits = {
      decide: ({ tag, vr }) => (tag === 0x00400007 ? { tag, vr, value: 'None' } : vr === 'SQ' ? 'within' : 'keep'),
    };
    expect(await edit(before, EXPLICIT, edits)).toBe(hex(after));
  });

  it('leaves out the Group Length of an edited group, and no other', async () => {
    const bytes = '08000000 554c 0400 0a000000 08006000 4353 0200 4354 10000000 554c 0400 0a000000 10002000 4c4f 0200 5031';
    expect(await edit(bytes, EXPLICIT, put(patientId('P-12')))).toBe(
      hex('08000000 554c 0400 0a000000 08006000 4353 0200 4354 10002000 4c4f 0400 502d3132'),
    );
  });

  it('passes encapsulated pixels through as they are', async () => {
    const pixels = 'e07f1000 4f42 0000 ffffffff feff00e0 00000000 feff00e0 02000000 ffd8 feffdde0 00000000';
    expect(await edit(`10002000 4c4f 0200 5031 ${pixels}`, ENCAPSULATED, put(patientId('P-12')))).toBe(
      hex(`10002000 4c4f 0400 502d3132 ${pixels}`),
    );
  });

  it('puts one element in where a dataset has it twice, or out of order', async () => {
    const bytes = '28001000 5553 0200 0002 10002000 4c4f 0200 5031 10002000 4c4f 0200 5032';
    expect(await edit(bytes, EXPLICIT, put(patientId('P-12')))).toBe(hex('10002000 4c4f 0400 502d3132 28001000 5553 0200 0002'));
  });

  it('writes text in the character set of the object', async () => {
    const name: NewElement = { tag: 0x00100010, vr: 'PN', value: 'Müller' };
    expect(await edit('08000500 4353 0a00 49534f5f495220313030 10001000 504e 0200 4142', EXPLICIT, put(name))).toBe(
      hex('08000500 4353 0a00 49534f5f495220313030 10001000 504e 0600 4dfc6c6c6572'),
    );
  });

  it.each([
    ['ISO_IR 100', '08000500 4353 0a00 49534f5f495220313030'],
    ['none', ''],
  ])('takes an object to UTF-8 when its own character set (%s) has no bytes for new text', async (_, charset) => {
    const name: NewElement = { tag: 0x00100010, vr: 'PN', value: '山田' };
    const description = charset === '' ? '43 54' : '42fc';
    const bytes = `${charset} 08003010 4c4f 0200 ${description} 10001000 504e 0200 4142`;
    const recoded = charset === '' ? '4c4f 0200 4354' : '4c4f 0400 42c3bc20';
    expect(await edit(bytes, EXPLICIT, put(name))).toBe(
      hex(`08000500 4353 0a00 49534f5f495220313932 08003010 ${recoded} 10001000 504e 0600 e5b1b1e794b0`),
    );
  });

  it('inflates and deflates a deflated object, and leaves one without an edit as it is', async () => {
    const plain = Buffer.from(hex('08006000 4353 0200 4354 10002000 4c4f 0200 5031'), 'hex');
    const deflated = deflateRawSync(plain, { level: 1 });
    expect(await edit(deflated.toString('hex'), DEFLATED, WITHIN)).toBe(deflated.toString('hex'));
    const edited = Buffer.from(String(await edit(deflated.toString('hex'), DEFLATED, put(patientId('P-12')))), 'hex');
    expect(edited.length % 2).toBe(0);
    expect(inflateRawSync(edited).toString('hex')).toBe(hex('08006000 4353 0200 4354 10002000 4c4f 0400 502d3132'));
  });

  it.each([
    ['10002000 4c4f 0800 5031', 'malformed'],
    ['10002000 4c4f 0200 5031 ffff', 'malformed'],
  ])('refuses what is truncated: %s', async (bytes, code) => {
    expect(await edit(bytes, EXPLICIT, put(patientId('P-12')))).toMatchObject({ failure: true, code });
  });

  it('refuses a value that its VR has no length for', async () => {
    const long: NewElement = { tag: 0x00100020, vr: 'LO', value: 'x'.repeat(70_000) };
    expect(await edit('08006000 4353 0200 4354', EXPLICIT, put(long))).toMatchObject({ code: 'invalid' });
  });

  it('does to any dataset what is done to its elements one by one', async () => {
    await fc.assert(
      fc.asyncProperty(
        datasetOf(3),
        fc.constantFrom(EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED),
        fc.array(editOf(), { maxLength: 4 }),
        check,
      ),
      { numRuns: 300 },
    );
  });
});

type Node = { readonly tag: number; readonly value: Buffer | readonly Node[][]; readonly endless: boolean };
type Change = { readonly tag: number; readonly value: string | null };

async function check(nodes: readonly Node[], uid: string, changes: readonly Change[]): Promise<void> {
  if (nodes.length === 0) return;
  const syntax = transferSyntax(uid) as TransferSyntax;
  const byTag = new Map(changes.map((change) => [change.tag, change]));
  const edits: Edits = {
    decide: ({ tag, vr }) => {
      const change = byTag.get(tag);
      if (change) return change.value === null ? 'remove' : { tag, vr, value: change.value };
      return vr === 'SQ' ? 'within' : 'keep';
    },
    put: (path) => (path.length === 1 ? [{ tag: PUT, vr: 'LO', value: 'put' }] : []),
  };
  const before = written(nodes, syntax);
  const expected = written(changed(nodes, byTag, 0), syntax);
  const stored = syntax.deflated ? deflateRawSync(before) : before;
  const kept = await edit(stored.toString('hex'), uid, WITHIN);
  expect(kept).toBe(stored.toString('hex'));
  const edited = Buffer.from(String(await edit(stored.toString('hex'), uid, edits)), 'hex');
  expect((syntax.deflated ? inflateRawSync(edited) : edited).toString('hex')).toBe(expected.toString('hex'));
}

/** What the edits mean, on the tree. */
function changed(nodes: readonly Node[], byTag: ReadonlyMap<number, Change>, depth: number): Node[] {
  const kept = nodes.flatMap((node): Node[] => {
    const change = byTag.get(node.tag);
    if (change) return change.value === null ? [] : [{ ...node, value: padded(change.value) }];
    if (Buffer.isBuffer(node.value)) return depth === 1 && node.tag === PUT ? [] : [node];
    return [{ ...node, value: (node.value as Node[][]).map((item) => changed(item, byTag, depth + 1)) }];
  });
  const put = { tag: PUT, value: padded('put'), endless: false };
  return depth === 1 ? [...kept.filter(({ tag }) => tag !== PUT), put].sort((a, b) => a.tag - b.tag) : kept;
}

/** Standard tags, so that implicit VR knows which are sequences. */
const TEXTS = [0x00081030, 0x0008103e, 0x00100020, 0x00104000, 0x00400007];
const PUT = 0x00100021;
const SEQUENCES = [0x00081140, 0x00400275, 0x00400555];

function datasetOf(depth: number): fc.Arbitrary<Node[]> {
  const text = fc.record({
    tag: fc.constantFrom(...TEXTS, PUT),
    value: fc.string({ maxLength: 12 }).map((value) => padded(value.replace(/[^ -~]/g, ''))),
    endless: fc.constant(false),
  });
  const sequence = fc.record({
    tag: fc.constantFrom(...SEQUENCES),
    value: depth === 0 ? fc.constant([]) : fc.array(datasetOf(depth - 1), { maxLength: 3 }),
    endless: fc.boolean(),
  });
  const sorted = (nodes: Node[]) => nodes.sort((a, b) => a.tag - b.tag);
  return fc.uniqueArray<Node, number>(fc.oneof(text, sequence), { selector: ({ tag }) => tag, maxLength: 5 }).map(sorted);
}

function editOf(): fc.Arbitrary<Change> {
  return fc
    .record({ tag: fc.constantFrom(...TEXTS, ...SEQUENCES.slice(0, 1)), value: fc.constantFrom(null, '', 'new', 'a longer value') })
    .map((change) => (SEQUENCES.includes(change.tag) ? { ...change, value: null } : change));
}

/** A writer that owes nothing to the one under test. */
function written(nodes: readonly Node[], syntax: TransferSyntax): Buffer {
  const u = (value: number, bytes: number) => {
    const out = Buffer.alloc(bytes);
    if (syntax.bigEndian) out.writeUIntBE(value, 0, bytes);
    else out.writeUIntLE(value, 0, bytes);
    return out;
  };
  const tagOf = (tag: number) => Buffer.concat([u(tag >>> 16, 2), u(tag & 0xffff, 2)]);
  const closed = (tag: number) => Buffer.concat([tagOf(tag), u(0, 4)]);
  const one = ({ tag, value, endless }: Node): Buffer => {
    if (Buffer.isBuffer(value)) {
      const head = syntax.explicit ? [Buffer.from(tag === 0x00104000 ? 'LT' : 'LO'), u(value.length, 2)] : [u(value.length, 4)];
      return Buffer.concat([tagOf(tag), ...head, value]);
    }
    const items = Buffer.concat(
      (value as Node[][]).map((item) => {
        const content = written(item, syntax);
        const end = endless ? closed(0xfffee00d) : Buffer.alloc(0);
        return Buffer.concat([tagOf(0xfffee000), u(endless ? 0xffffffff : content.length, 4), content, end]);
      }),
    );
    const length = u(endless ? 0xffffffff : items.length, 4);
    const head = syntax.explicit ? [Buffer.from('SQ\0\0'), length] : [length];
    return Buffer.concat([tagOf(tag), ...head, items, endless ? closed(0xfffee0dd) : Buffer.alloc(0)]);
  };
  return Buffer.concat(nodes.map(one));
}

function padded(text: string): Buffer {
  return Buffer.from(text.length % 2 === 0 ? text : `${text} `);
}

function patientId(value: string): NewElement {
  return { tag: 0x00100020, vr: 'LO', value };
}

function put(element: NewElement): Edits {
  return { ...KEEP, put: (path) => (path.length === 0 ? [element] : []) };
}

function hex(text: string): string {
  return text.replaceAll(' ', '');
}

async function edit(bytes: string, uid: string, edits: Edits): Promise<string | Failure> {
  const edited = await editDataset(storedDataset(Buffer.from(hex(bytes), 'hex'), uid), edits);
  if (isFailure(edited)) return edited;
  const chunks: Buffer[] = [];
  for await (const chunk of edited.read()) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  if (edited.bytes !== null) expect(whole.length).toBe(edited.bytes);
  return whole.toString('hex');
}
