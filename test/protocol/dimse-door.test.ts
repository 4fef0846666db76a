import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NewEntry } from '../../src/model/entry.ts';
import { COMMAND } from '../../src/protocols/dicom/command.ts';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { CT, CT_EXPLICIT, ctSeries, ctSlice, IDENTITY, objectOf } from '../support/dicom-objects.ts';
import { associateRq, associateWith, callDoor, commandValue, type DicomSender, storeRq } from '../support/dicom-sender.ts';

const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] };

describe('the DIMSE door', () => {
  let door: DicomDoor;
  beforeAll(async () => {
    door = await openDicomDoor({ landing: true });
  });
  afterEach(() => door.database.query('truncate journal, instance, pending, outcome'));
  afterAll(() => door.close());

  it('answers a C-ECHO as PS3.7 §9.3.5.2 lays it out, and a release', async () => {
    const sender = await associateWith(door.port, [VERIFICATION]);
    const echo = {
      field: COMMAND.cEchoRq,
      messageId: 258,
      sopClassUid: VERIFICATION.abstractSyntax,
      sopInstanceUid: '',
      hasDataset: false,
    };
    sender.sendValues(commandValue(echo));
    const answer = await sender.receive(90);
    expect(answer.toString('hex')).toBe(
      [
        ...['040000000054', '000000500103'], // P-DATA-TF; PDV of 80 bytes, context 1, command, last
        '000000000400000042000000', // group length 66
        ...['0000020012000000', Buffer.from('1.2.840.10008.1.1\0').toString('hex')],
        ...['00000001020000003080', '00002001020000000201', '00000008020000000101', '00000009020000000000'],
      ].join(''),
    );
    sender.sendPdu({ type: 'A-RELEASE-RQ' });
    expect(await sender.pdu()).toEqual({ type: 'A-RELEASE-RP' });
    sender.hangUp();
    await sender.ended();
  });

  it('stores an object as a file whose dataset is what was sent, byte for byte, and indexes it', async () => {
    const slice = ctSlice();
    expect(await storeOne(door, slice, 777)).toBe(0x0000);
    const { rows } = await door.database.query('select * from instance');
    expect(rows).toEqual([
      expect.objectContaining({
        sop_instance_uid: slice.sopInstanceUid,
        study_uid: '2.25.4711',
        series_uid: '2.25.4711.1',
        sop_class_uid: CT,
        transfer_syntax: EXPLICIT_LITTLE_ENDIAN,
        modality: 'CT',
        frames: 1,
        peer: expect.stringContaining('SCRIPTED'),
        pixel_offset: slice.dataset.length - 16 * 16 * 2 - 12,
      }),
    ]);
    const [row] = rows as [{ blob: string; bytes: number; dataset_offset: number; header: Buffer; digest: Buffer }];
    const file = readFileSync(door.blobs.path(row.blob));
    expect(file.subarray(row.dataset_offset).equals(slice.dataset)).toBe(true);
    expect(file.subarray(0, row.dataset_offset).equals(part10Prefix(slice))).toBe(true);
    expect(row.bytes).toBe(file.length);
    expect(row.digest.toString('hex')).toBe(createHash('sha256').update(slice.dataset).digest('hex'));
    expect(JSON.parse(row.header.toString())).toMatchObject({ '00080050': { Value: ['ACC-1'] }, '00100020': { Value: ['P-4711'] } });
  });

  it('journals it under its SOP class and instance, in the lane of its peer and study', async () => {
    const slice = ctSlice();
    await storeOne(door, slice);
    const { rows } = await door.database.query('select * from journal');
    expect(rows).toEqual([
      expect.objectContaining({
        kind: 'dicom',
        type: CT,
        control_id: slice.sopInstanceUid,
        disposition: 'accepted',
        lane: expect.stringMatching(/SCRIPTED\|2\.25\.4711$/),
      }),
    ]);
  });

  it('takes a dataset in fragments of one byte, and several fragments in one PDU', async () => {
    expect(await storeOne(door, ctSlice(), 1)).toBe(0x0000);
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    const other = ctSlice({ seriesUid: '2.25.4711.2' });
    const half = other.dataset.length / 2;
    sender.sendValues(
      storeRq(other),
      { context: 1, command: false, last: false, fragment: other.dataset.subarray(0, half) },
      { context: 1, command: false, last: false, fragment: Buffer.alloc(0) },
      { context: 1, command: false, last: true, fragment: other.dataset.subarray(half) },
    );
    expect(await sender.status()).toBe(0x0000);
    sender.hangUp();
  });

  it('answers the same object again with success, and writes nothing a second time', async () => {
    const slice = ctSlice();
    expect([await storeOne(door, slice), await storeOne(door, slice)]).toEqual([0x0000, 0x0000]);
    expect(await door.journaled()).toEqual([`accepted ${CT} ${slice.sopInstanceUid}`]);
  });

  it('keeps other bytes under a known UID as well, flags them, and leaves the first in the index', async () => {
    const first = objectOf([[0x00100020, 'LO', 'P1']]);
    const second = objectOf([[0x00100020, 'LO', 'P2']]);
    expect([await storeOne(door, first), await storeOne(door, second)]).toEqual([0x0000, 0x0000]);
    const { rows } = await door.database.query('select blob, reused_control_id from journal order by seq');
    expect(rows.map((row) => row.reused_control_id)).toEqual([false, true]);
    const indexed = await door.database.query('select blob from instance');
    expect(indexed.rows).toEqual([{ blob: rows[0]?.blob }]);
    for (const { blob } of rows) expect(await door.blobs.verify(blob)).toBe(true);
  });

  it.each([
    ['of which the command says another SOP Instance UID', { ...objectOf([]), sopInstanceUid: '1.2.3' }, 0xa900],
    ['without a Study Instance UID', objectOf([], { studyUid: '' }), 0xa900],
    ['without a Series Instance UID', objectOf([], { seriesUid: '' }), 0xa900],
    ['without a SOP Class UID', { ...objectOf([], { sopClassUid: '' }), sopClassUid: CT }, 0xa900],
    ['whose Study Instance UID is no UID', objectOf([], { studyUid: 'abc' }), 0xa900],
    ['whose command says no SOP Instance UID', { ...objectOf([]), sopInstanceUid: '' }, 0x0117],
    ['whose SOP Instance UID is no UID', objectOf([], { sopInstanceUid: 'f00d' }), 0x0117],
    ['whose UIDs hold what no index can keep', { ...objectOf([]), sopClassUid: '1\0.2', sopInstanceUid: '1.2\0.3' }, 0x0122],
    ['of another SOP class than negotiated', { ...objectOf([]), sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }, 0x0122],
    ['that cannot be read', { ...IDENTITY, dataset: Buffer.from('no dataset at all, just words') }, 0xc000],
    ['that ends too early', { ...IDENTITY, dataset: objectOf([[0x7fe00010, 'OW', Buffer.alloc(100)]]).dataset.subarray(0, -10) }, 0xc000],
    [
      'that is a whole file',
      {
        ...IDENTITY,
        dataset: Buffer.concat([part10Prefix({ ...IDENTITY, transferSyntax: EXPLICIT_LITTLE_ENDIAN }), objectOf([]).dataset]),
      },
      0xc000,
    ],
  ])('refuses an object %s, journals that, and keeps no file', async (_, object, status) => {
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.store(object, 10);
    expect(await sender.status()).toBe(status);
    const after = ctSlice();
    sender.store(after);
    expect(await sender.status()).toBe(0x0000);
    sender.hangUp();
    const hex = status.toString(16).toUpperCase().padStart(4, '0');
    expect(await door.journaled()).toEqual([expect.stringMatching(`^refused .*${hex}`), `accepted ${CT} ${after.sopInstanceUid}`]);
    expect(await door.unfinished()).toEqual([]);
  });

  it('says "unrecognized operation" to what it does not do, after its dataset too', async () => {
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.sendValues(commandValue({ field: 0x0020, messageId: 1, sopClassUid: CT, sopInstanceUid: '', hasDataset: true }));
    sender.sendValues({ context: 1, command: false, last: true, fragment: Buffer.alloc(20) });
    expect(await sender.status()).toBe(0x0211);
    sender.sendValues(commandValue({ field: 0x0150, messageId: 2, sopClassUid: CT, sopInstanceUid: '', hasDataset: false }));
    expect(await sender.status()).toBe(0x0211);
    sender.hangUp();
  });

  it('lets a C-CANCEL pass without an answer', async () => {
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.sendValues({
      context: 1,
      command: true,
      last: true,
      fragment: Buffer.from('0000000102000000ff0f0000200102000000090000000008020000000101', 'hex'),
    });
    sender.store(ctSlice());
    expect(await sender.status()).toBe(0x0000);
    sender.hangUp();
  });

  it('takes four associations at once', async () => {
    const series = [1, 2, 3, 4].map((number) => ctSeries({ seriesUid: `2.25.4711.${number}`, slices: 5 }));
    await Promise.all(
      series.map(async (slices) => {
        const sender = await associateWith(door.port, [CT_EXPLICIT]);
        for (const slice of slices) {
          sender.store(slice);
          expect(await sender.status()).toBe(0x0000);
        }
        sender.hangUp();
      }),
    );
    expect((await door.database.query('select count(*)::int as n from instance')).rows).toEqual([{ n: 20 }]);
  });

  it('sends its answers in PDUs as short as the peer asks for', async () => {
    const sender = await associateWith(door.port, [CT_EXPLICIT], {
      user: { maxPduLength: 128, implementationClassUid: '1.2', implementationVersionName: '' },
    });
    sender.store(ctSlice({ seriesUid: `2.25.${'4711'.repeat(12)}` }));
    const first = await sender.pdu();
    expect(first).toMatchObject({ values: [{ command: true, last: false }] });
    expect(await sender.pdu()).toMatchObject({ values: [{ command: true, last: true }] });
    sender.hangUp();
  });

  it('rejects who calls somebody else', async () => {
    const strict = await openDicomDoor({ config: { unknownPeers: 'refuse' } });
    const sender = await callDoor(strict.port);
    sender.sendPdu(associateRq([CT_EXPLICIT], { called: 'SOMEBODY' }));
    expect(await sender.pdu()).toEqual({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 7 });
    const stranger = await callDoor(strict.port);
    stranger.sendPdu(associateRq([CT_EXPLICIT]));
    expect(await stranger.pdu()).toEqual({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 3 });
    for (const peer of [sender, stranger]) peer.hangUp();
    await strict.close();
  });
});

describe('an answer of the DIMSE door', () => {
  it('comes only after the file is there and the journal has committed', async () => {
    const gate = gated();
    const door = await openDicomDoor({
      wrap: (deps) => ({ ...deps, journal: { append: (entry) => gate.through(entry, () => deps.journal.append(entry)) } }),
    });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.store(ctSlice());
    const entry = await gate.reached;
    expect(await door.blobs.verify(entry.blob as string)).toBe(true);
    expect(await door.unfinished()).toEqual([]);
    expect(sender.pending()).toHaveLength(0);
    gate.open();
    expect(await sender.status()).toBe(0x0000);
    expect(await door.journaled()).toHaveLength(1);
    sender.hangUp();
    await door.close();
  });

  it('is A700 when the database is away, and the association goes on', async () => {
    const door = await openDicomDoor({
      wrap: (deps) => ({ ...deps, journal: { append: () => Promise.reject(new Error('terminating connection')) } }),
    });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    for (let turn = 0; turn < 2; turn++) {
      sender.store(ctSlice());
      expect(await sender.status()).toBe(0xa700);
    }
    sender.hangUp();
    await door.close();
  });

  const disk = smallDisk();
  afterAll(() => disk?.remove());
  (disk ? it : it.skip)('is A700 when the disk is full, and success when there is room', async () => {
    const { directory } = disk as SmallDisk;
    const door = await openDicomDoor({ directory });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.store(ctSlice({ size: 1100 }));
    expect(await sender.status()).toBe(0xa700);
    expect(await door.unfinished()).toEqual([]);
    sender.store(ctSlice());
    expect(await sender.status()).toBe(0x0000);
    expect(await door.journaled()).toHaveLength(1);
    sender.hangUp();
    await door.close();
  });

  it('is A700 while the disk is nearly full, and nothing is written; the association goes on', async () => {
    const disk = { free: 1_000_000 };
    const door = await openDicomDoor({
      dimse: { reserveBytes: 1_000_000 },
      wrap: ({ journal, blobs }) => ({ journal, blobs: { writer: blobs.writer, freeBytes: async () => disk.free } }),
    });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    disk.free = 999_999;
    sender.store(ctSlice(), 100);
    expect(await sender.status()).toBe(0xa700);
    expect([await door.unfinished(), await door.journaled()]).toEqual([[], []]);
    disk.free = 1_000_000;
    sender.store(ctSlice());
    expect(await sender.status()).toBe(0x0000);
    sender.hangUp();
    await door.close();
  });

  it('is A700 when the disk fills up in the middle of an object', async () => {
    const disk = { free: 2_000_000 };
    const door = await openDicomDoor({
      dimse: { reserveBytes: 1_000_000 },
      wrap: ({ journal, blobs }) => ({
        journal,
        blobs: { writer: blobs.writer, freeBytes: async () => (disk.free -= 500_000) },
      }),
    });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.store(ctSlice(), 100);
    expect(await sender.status()).toBe(0xa700);
    expect(await door.unfinished()).toEqual([]);
    sender.hangUp();
    await door.close();
  });

  it('is waited for when the door stops, as long as there is grace', async () => {
    const gate = gated();
    const door = await openDicomDoor({
      wrap: (deps) => ({ ...deps, journal: { append: (entry) => gate.through(entry, () => deps.journal.append(entry)) } }),
    });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.store(ctSlice());
    await gate.reached;
    const stopped = door.stop(20_000);
    gate.open();
    expect(await sender.status()).toBe(0x0000);
    expect(await sender.pdu()).toEqual({ type: 'A-ABORT', source: 0, reason: 0 });
    await stopped;
    await door.close();
  });
});

describe('a sender that is faster than the disk', () => {
  it('is not read on while a fragment waits', async () => {
    let underWay = 0;
    let most = 0;
    let taken = 0;
    const hold = gated();
    const door = await openDicomDoor({
      wrap: ({ journal, blobs }) => ({
        journal,
        blobs: {
          freeBytes: blobs.freeBytes,
          writer: async () => {
            const writer = await blobs.writer();
            return {
              ...writer,
              write: async (chunk) => {
                most = Math.max(most, ++underWay);
                taken += chunk.byteLength;
                if (taken > 1_000_000) await hold.through(undefined as never, async () => ({}) as never);
                await writer.write(chunk);
                underWay--;
              },
            };
          },
        },
      }),
    });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    const large = ctSlice({ size: 4096 });
    sender.store(large, 100_000);
    await hold.reached;
    expect(taken).toBeLessThan(1_200_000);
    expect(sender.socket.writableLength).toBeGreaterThan(0);
    hold.open();
    expect(await sender.status()).toBe(0x0000);
    expect(most).toBe(1);
    expect(taken).toBeGreaterThan(large.dataset.length);
    sender.hangUp();
    await door.close();
  });
});

/** Stops the first that comes through until it is opened. */
function gated() {
  const reached = Promise.withResolvers<NewEntry>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    open: () => opened.resolve(),
    through: async <T>(entry: NewEntry, work: () => Promise<T>): Promise<T> => {
      reached.resolve(entry);
      await opened.promise;
      return work();
    },
  };
}

async function storeOne(door: DicomDoor, object: Parameters<DicomSender['store']>[0], size?: number): Promise<number> {
  const sender = await associateWith(door.port, [CT_EXPLICIT]);
  sender.store(object, size);
  const status = await sender.status();
  sender.hangUp();
  return status;
}

type SmallDisk = { readonly directory: string; remove(): void };

/** A file system of 2 MB, or null where this user may not mount one. */
function smallDisk(): SmallDisk | null {
  const mountPoint = mkdtempSync(join(tmpdir(), 'waystation-small-'));
  const remove = (): void => rmSync(mountPoint, { recursive: true, force: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mountPoint], { stdio: 'ignore' });
  } catch {
    remove();
    return null;
  }
  return {
    directory: join(mountPoint, 'data'),
    remove: () => {
      execFileSync('umount', [mountPoint]);
      remove();
    },
  };
}
