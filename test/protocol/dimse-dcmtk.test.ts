/** The field's most used senders against the door: dcmtk's echoscu and storescu, with every SOP class and transfer syntax they can send. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { ctSeries, objectOf } from '../support/dicom-objects.ts';
import { isInstalled, run } from '../support/programs.ts';

const withDcmtk = isInstalled('storescu') ? describe : describe.skip;
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

withDcmtk('dcmtk', () => {
  let door: DicomDoor;
  let directory: string;
  const storescu = (options: readonly string[], files: readonly string[]) => {
    const args = ['-aec', 'WAYSTATION', ...options, '127.0.0.1', String(door.port), ...files];
    // Otherwise storescu's Nagle and our system's delayed ACK wait 40 ms for each other at every small object.
    return run('storescu', args, { TCP_NODELAY: '1' });
  };
  const write = (name: string, bytes: Buffer): string => {
    const path = join(directory, name);
    writeFileSync(path, bytes);
    return path;
  };
  const stored = async (column: string): Promise<string[]> => {
    const { rows } = await door.database.query(`select ${column} as value from instance order by seq`);
    return rows.map((row) => row.value);
  };

  beforeAll(async () => {
    door = await openDicomDoor();
    directory = mkdtempSync(join(tmpdir(), 'waystation-dcmtk-'));
  });
  afterEach(() => door.database.query('truncate journal, instance, pending, outcome'));
  afterAll(async () => {
    await door.close();
    rmSync(directory, { recursive: true });
  });

  it('echoscu is answered', async () => {
    const { code, output } = await run('echoscu', ['-v', '-aec', 'WAYSTATION', '127.0.0.1', String(door.port)]);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('Received Echo Response (Success)') });
  });

  it('storescu sends a series, and the files of it are whole by dcmtk', async () => {
    const files = ctSeries({ slices: 5, size: 128 }).map((slice, index) =>
      write(`${index}.dcm`, Buffer.concat([part10Prefix(slice), slice.dataset])),
    );
    const { code } = await storescu([], files);
    expect(code).toBe(0);
    const blobs = await stored('blob');
    expect(blobs).toHaveLength(5);
    const { output } = await run(
      'dcmftest',
      blobs.map((blob) => door.blobs.path(blob)),
    );
    expect(output.match(/^yes:/gm)).toHaveLength(5);
  });

  it('two storescu at once, with small PDUs, lose nothing', async () => {
    const send = (series: number): Promise<{ code: number }> => {
      const slices = ctSeries({ seriesUid: `2.25.4711.${series}`, slices: 10, size: 64 });
      const files = slices.map((slice, index) => write(`${series}-${index}.dcm`, Buffer.concat([part10Prefix(slice), slice.dataset])));
      return storescu(['--max-send-pdu', '4096', '-pdu', '4096'], files);
    };
    expect((await Promise.all([send(1), send(2)])).map(({ code }) => code)).toEqual([0, 0]);
    expect(await stored('sop_instance_uid')).toHaveLength(20);
  });

  it('storescu hears that an object was refused, and why', async () => {
    const object = objectOf([], { studyUid: '' });
    const file = write('no-study.dcm', Buffer.concat([part10Prefix(object), object.dataset]));
    const { code, output } = await storescu(['-v'], [file]);
    expect(code).not.toBe(0);
    expect(output).toMatch(/DataSetDoesNotMatchSOPClass/);
  });

  it('storescu may break off', async () => {
    const [slice] = ctSeries({ size: 64 });
    if (!slice) throw new Error('no slice');
    await storescu(['--abort'], [write('abort.dcm', Buffer.concat([part10Prefix(slice), slice.dataset]))]);
    expect(await door.echo()).toBe(0x0000);
  });

  it.each([
    ['-xe', '1.2.840.10008.1.2.1'],
    ['-xb +C', '1.2.840.10008.1.2.2'],
    ['-xi', '1.2.840.10008.1.2'],
    ['-xd', '1.2.840.10008.1.2.1.99'],
    ['-xs', '1.2.840.10008.1.2.4.70'],
    ['-xy', '1.2.840.10008.1.2.4.50'],
    ['-xx', '1.2.840.10008.1.2.4.51'],
    ['-xv', '1.2.840.10008.1.2.4.90'],
    ['-xw', '1.2.840.10008.1.2.4.91'],
    ['-xt', '1.2.840.10008.1.2.4.80'],
    ['-xu', '1.2.840.10008.1.2.4.81'],
    ['-xm', '1.2.840.10008.1.2.4.100'],
    ['-xh', '1.2.840.10008.1.2.4.101'],
    ['-xn', '1.2.840.10008.1.2.4.102'],
    ['-xl', '1.2.840.10008.1.2.4.103'],
    ['-x2', '1.2.840.10008.1.2.4.104'],
    ['-x3', '1.2.840.10008.1.2.4.105'],
    ['-xo', '1.2.840.10008.1.2.4.106'],
    ['-x4', '1.2.840.10008.1.2.4.107'],
    ['-x5', '1.2.840.10008.1.2.4.108'],
    ['-xr', '1.2.840.10008.1.2.5'],
  ])('storescu %s is stored as %s', async (option, syntax) => {
    const { code, output } = await storescu([...option.split(' '), '-v'], [write('syntax.dcm', fileIn(syntax, 1))]);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('Received Store Response (Success)') });
    expect(await stored('transfer_syntax')).toEqual([syntax]);
  });

  it('storescu sends what else dcmtk knows of transfer syntaxes, by a profile of its own', async () => {
    const others = ['52', '53', '54', '55', '56', '57', '58', '59', '60', '61', '62', '63', '64', '65', '66', '92', '93'];
    const syntaxes = others.map((number) => `1.2.840.10008.1.2.4.${number}`);
    const profile = write('profile.cfg', profileOf(syntaxes));
    const files = syntaxes.map((syntax, index) => write(`other-${index}.dcm`, fileIn(syntax, index)));
    const { code, output } = await storescu(['-xf', profile, 'Everything', '-v'], files);
    expect({ code, successes: output.match(/Received Store Response \(Success\)/g)?.length }).toEqual({
      code: 0,
      successes: syntaxes.length,
    });
    expect(await stored('transfer_syntax')).toEqual(syntaxes);
  });

  it('storescu is told that pixels on another server are not taken', async () => {
    const syntax = '1.2.840.10008.1.2.4.94';
    const { code, output } = await storescu(
      ['-xf', write('jpip.cfg', profileOf([syntax])), 'Everything', '-v'],
      [write('jpip.dcm', fileIn(syntax, 1))],
    );
    expect(code).not.toBe(0);
    expect(output).toMatch(/No Acceptable Presentation Contexts/);
  });

  it('storescu sends an object of every storage SOP class it knows', async () => {
    const files = SOP_CLASSES.map((sopClassUid, index) => {
      const object = objectOf([[0x00080060, 'CS', 'OT']], { sopClassUid, sopInstanceUid: `2.25.99.1.${index + 1}` });
      return write(`class-${index}.dcm`, Buffer.concat([part10Prefix(object), object.dataset]));
    });
    // An association has at most 128 presentation contexts; storescu makes several for each class.
    for (let at = 0; at < files.length; at += 30) {
      const { code, output } = await storescu(['-R', '-v'], files.slice(at, at + 30));
      expect({ code, output: output.match(/.*(?:Refused|Error|E: |W: ).*/g) }).toEqual({ code: 0, output: null });
    }
    expect(await stored('sop_class_uid')).toEqual(SOP_CLASSES);
  });
});

/** A file whose pixels are in this transfer syntax, or would be if they were any. */
function fileIn(syntax: string, number: number): Buffer {
  const uids = { sopClassUid: SECONDARY_CAPTURE, sopInstanceUid: `2.25.99.1.${number}` };
  const native = transferSyntax(syntax)?.pixels !== 'encapsulated';
  const object = objectOf([[0x00280010, 'US', 2], ...(native ? [[0x7fe00010, 'OW', Buffer.from('pixels')] as const] : [])], uids);
  const dataset = native ? object.dataset : Buffer.concat([object.dataset, ENCAPSULATED]);
  // storescu puts an uncompressed dataset into another transfer syntax by itself.
  return Buffer.concat([part10Prefix({ ...uids, transferSyntax: native ? object.transferSyntax : syntax }), dataset]);
}

const ENCAPSULATED = Buffer.from(
  'e07f10004f420000ffffffff feff00e000000000 feff00e004000000 ffd8ffd9 feffdde000000000'.replaceAll(' ', ''),
  'hex',
);

/** dcmtk's asconfig: one presentation context for each transfer syntax. */
function profileOf(syntaxes: readonly string[]): Buffer {
  const lists = syntaxes.map((syntax, index) => `[S${index + 1}]\nTransferSyntax1 = ${syntax}\n`);
  const contexts = syntaxes.map((_, index) => `PresentationContext${index + 1} = ${SECONDARY_CAPTURE}\\S${index + 1}\n`);
  return Buffer.from(
    `[[TransferSyntaxes]]\n${lists.join('')}[[PresentationContexts]]\n[All]\n${contexts.join('')}[[Profiles]]\n[Everything]\nPresentationContexts = All\n`,
  );
}

/** PS3.4 Table B.5-1 with the retired ones, below 1.2.840.10008.5.1.4.1.1; then those elsewhere. */
const SOP_CLASSES = [
  ...`1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 3 3.1 4 4.1 4.2 4.3 4.4 5 6 6.1 6.2 7 7.1 7.2 7.3 7.4 8 9 9.1 9.1.1 9.1.2 9.1.3 9.2.1 9.3.1
  9.4.1 9.4.2 9.5.1 9.6.1 9.6.2 9.7.1 9.7.2 9.7.3 9.7.4 9.8.1 10 11 11.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 11.9 11.10 11.11 12.1 12.1.1 12.2
  12.2.1 12.3 13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 14.1 14.2 20 30 66 66.1 66.2 66.3 66.4 66.5 66.6 67 68.1 68.2 77.1 77.1.1 77.1.1.1 77.1.2
  77.1.2.1 77.1.3 77.1.4 77.1.4.1 77.1.5.1 77.1.5.2 77.1.5.3 77.1.5.4 77.1.5.5 77.1.5.6 77.1.5.7 77.1.5.8 77.1.6 77.1.7 77.2 78.1 78.2 78.3
  78.4 78.5 78.6 78.7 78.8 79.1 80.1 81.1 82.1 88.1 88.2 88.3 88.4 88.11 88.22 88.33 88.34 88.35 88.40 88.50 88.59 88.65 88.67 88.68 88.69
  88.70 88.71 88.72 88.73 88.74 88.75 88.76 90.1 91.1 104.1 104.2 104.3 104.4 104.5 128 128.1 129 130 131 200.2 200.8 481.1 481.2 481.3 481.4
  481.5 481.6 481.7 481.8 481.9 481.10 481.11 481.12 481.13 481.14 481.15 481.16 481.17 481.18 481.19 481.20 481.21 481.22 501.1 501.2.1
  501.2.2 501.3 501.4 501.5 501.6 601.1 601.2`
    .split(/\s+/)
    .map((suffix) => `1.2.840.10008.5.1.4.1.1.${suffix}`),
  ...['1.2.840.10008.5.1.1.27', '1.2.840.10008.5.1.1.29', '1.2.840.10008.5.1.1.30'],
  ...['1.2.840.10008.5.1.4.34.1', '1.2.840.10008.5.1.4.34.7', '1.2.840.10008.5.1.4.34.10'],
];
