/** C-FIND and C-GET at the DIMSE door, asked by dcmtk's findscu and getscu, and byte by byte where no program asks so. */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeAhead } from '../../src/endpoints/dicomweb/ahead-session.ts';
import type { ConfiguredPeer } from '../../src/model/config.ts';
import type { DicomPlace, DicomSearch } from '../../src/model/dicom-search.ts';
import { COMMAND, type Command, decodeCommand, RESPONSE } from '../../src/protocols/dicom/command.ts';
import type { Pdv } from '../../src/protocols/dicom/pdu.ts';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';
import { transcoded } from '../../src/protocols/dicom/transcoder.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { writeDataset } from '../../src/protocols/dicom/write.ts';
import { indexStudy, searchDicom } from '../../src/store/dicom-search-store.ts';
import { rleCompressed } from '../support/compressed-slice.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { CT, CT_EXPLICIT, ctSeries, ctSlice } from '../support/dicom-objects.ts';
import { associateRq, associateWith, callDoor, commandValue } from '../support/dicom-sender.ts';
import { isInstalled, run } from '../support/programs.ts';
import { storeObjects } from '../support/store-objects.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const withDcmtk = isInstalled('findscu') ? describe : describe.skip;
const STUDY_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const STUDY_GET = '1.2.840.10008.5.1.4.1.2.2.3';

const ADA = {
  studyUid: '2.25.1',
  studyDate: '20260301',
  studyTime: '080000',
  accession: 'A-1',
  patientId: 'P-1',
  patientName: 'Müller^Ada',
};
const BO = { studyUid: '2.25.2', studyDate: '20260302', studyTime: '101500', accession: 'A-2', patientId: 'P-2', patientName: 'Meyer^Bo' };
const ADA_LATER = { ...ADA, studyUid: '2.25.3', studyDate: '20260303', accession: 'A-3' };
const HIDDEN = { ...BO, studyUid: '2.25.4', accession: 'A-4', patientId: 'P-4', patientName: 'Hidden^Dee' };

const COMPRESSED_SLICE = ctSlice({ ...HIDDEN, studyUid: '2.25.8', seriesUid: '2.25.8.1' });
const EXPLICIT_SLICE = ctSlice({ ...HIDDEN, studyUid: '2.25.6', seriesUid: '2.25.6.1' });

async function implicitly(slice: SampleObject): Promise<SampleObject> {
  const pieces: Buffer[] = [];
  for await (const piece of transcoded([slice.dataset], EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN)) pieces.push(piece);
  return { ...slice, transferSyntax: IMPLICIT_LITTLE_ENDIAN, dataset: Buffer.concat(pieces) };
}

const ANYWHERE = { callingAddress: '', callingCertificate: '', sendingApplication: '', sendingFacility: '', listener: '', address: '' };
const WORKSTATION = {
  ...{ ...ANYWHERE, certificate: '', name: 'workstation', callingAeTitle: 'WORKSTATION' },
  query: { group: 'readers', moveTo: [], transcode: 'uncompressed' },
} as unknown as ConfiguredPeer;
/** It is given decompressed what it does not take as it is. */
const VIEWER = {
  ...WORKSTATION,
  ...{ name: 'viewer', callingAeTitle: 'VIEWER', query: { group: 'readers', moveTo: [], transcode: 'decompressed' } },
} as unknown as ConfiguredPeer;

let door: DicomDoor;
beforeAll(async () => {
  door = await openDicomDoor({ config: { peers: [WORKSTATION, VIEWER] } });
  await storeObjects(door.port, [
    ...ctSeries({ ...ADA, seriesUid: '2.25.1.1', slices: 2 }),
    ...ctSeries({ ...ADA, seriesUid: '2.25.1.2', slices: 1 }),
    ...ctSeries({ ...BO, seriesUid: '2.25.2.1' }),
    ...ctSeries({ ...ADA_LATER, seriesUid: '2.25.3.1' }),
    ...ctSeries({ ...HIDDEN, seriesUid: '2.25.4.1' }),
    await implicitly(EXPLICIT_SLICE),
    rleCompressed(COMPRESSED_SLICE),
    // In a syntax that getscu does not propose of itself.
    { ...ctSlice({ ...HIDDEN, studyUid: '2.25.5', seriesUid: '2.25.5.1' }), transferSyntax: '1.2.840.10008.1.2.4.70' },
  ]);
  for (let after: number | null = 0; after !== null; ) after = await makeAhead(door, after, 3);
  await Promise.all([ADA, BO, ADA_LATER].map(({ studyUid }) => door.show(studyUid, 'readers')));
  await door.show(HIDDEN.studyUid, 'others');
});
afterAll(() => door.close());

/** The last line of findscu's log says the final status; its responses lie in files. */
async function find(model: '-P' | '-S', keys: readonly string[], calling = 'WORKSTATION', options: readonly string[] = []) {
  const directory = temporaryDirectory('waystation-findscu-');
  const asked = keys.flatMap((key) => ['-k', key]);
  const who = ['-aet', calling, '-aec', 'WAYSTATION'];
  const { code, output } = await run('findscu', [
    '-d',
    model,
    ...who,
    ...options,
    '-X',
    '-od',
    directory,
    ...asked,
    '127.0.0.1',
    String(door.port),
  ]);
  const files = readdirSync(directory).sort();
  const dumps = await Promise.all(files.map(async (file) => (await run('dcmdump', ['+L', '-q', join(directory, file)])).output));
  return { code, output, dumps };
}

/** Values of one element in each answer. */
function valuesOf(dumps: readonly string[], tag: string): string[] {
  return dumps.map((dump) => new RegExp(`\\(${tag}\\) \\w\\w (?:\\[(.*?)\\]|\\(no value)`).exec(dump)?.[1] ?? '');
}

describe('a search that is read page by page', () => {
  const placesOf = async (level: DicomSearch['level'], meanwhile: (page: number) => Promise<void>): Promise<string[]> => {
    const seen: string[] = [];
    for (let [after, n] = [undefined as DicomPlace | undefined, 0]; ; n++) {
      const { matches, more } = await searchDicom(door.database, { level, conditions: [], limit: 2, after }, null);
      seen.push(...matches.map((match) => match.sopInstanceUid ?? match.seriesUid ?? match.studyUid));
      await meanwhile(n);
      after = matches.at(-1)?.place;
      if (!more) return seen;
    }
  };
  const whole = async (level: DicomSearch['level']): Promise<string[]> => {
    const { matches } = await searchDicom(door.database, { level, conditions: [], limit: 100 }, null);
    return matches.map((match) => match.sopInstanceUid ?? match.seriesUid ?? match.studyUid);
  };

  it.each(['patient', 'study', 'series', 'instance'] as const)('has each %s once, in order', async (level) => {
    const all = await whole(level);
    expect(new Set(all).size).toBe(all.length);
    expect(await placesOf(level, async () => {})).toEqual(all);
  });

  it.each(['patient', 'study', 'series'] as const)('loses no %s and shows none twice while studies come and go', async (level) => {
    const before = await whole(level);
    const come = (uid: string, study_date: string) =>
      door.database.transaction((tx) =>
        indexStudy(tx, {
          studyUid: uid,
          columns: {
            ...{ study_date, study_time: '', accession: '', patient_id: 'P-1', patient_issuer: '', birth_date: '', sex: '' },
            ...{ study_id: '', description: '' },
          },
          ...{ patientName: [], referrer: [], attributes: Buffer.from('{}') },
          series: [{ seriesUid: `${uid}.1`, modality: 'CT', number: null, description: '', bodyPart: '', attributes: Buffer.from('{}') }],
        }),
      );
    const gone = async (uid: string) => {
      await door.database.query('delete from dicom_study where study_uid = $1', [uid]);
      await door.database.query('delete from dicom_series where study_uid = $1', [uid]);
    };
    await come('2.25.90', '29990101');
    const seen = await placesOf(level, async (page) => {
      if (page === 0) await gone('2.25.90');
      if (page === 0) await come('2.25.91', '29990102');
    });
    await gone('2.25.91');
    expect(new Set(seen).size).toBe(seen.length);
    // Of a patient the latest study stands for him: whichever it is, he is there once.
    if (level === 'patient') expect(seen).toHaveLength(before.length);
    else expect(seen.filter((uid) => !/^2\.25\.9[01]/.test(uid))).toEqual(before);
  });
});

withDcmtk('C-FIND at the DIMSE door', () => {
  const studies = async (...keys: string[]) => {
    const { dumps } = await find('-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID', ...keys]);
    return valuesOf(dumps, '0020,000d');
  };

  it('finds the studies that the group of the peer may see, and no others', async () => {
    expect(await studies()).toEqual(['2.25.3', '2.25.2', '2.25.1']);
    expect(await studies('AccessionNumber=A-4')).toEqual([]);
  });

  it.each([
    ['PatientName=M*', ['2.25.3', '2.25.2', '2.25.1']],
    ['PatientName=meyer^bo', ['2.25.2']],
    ['PatientID=P-?', ['2.25.3', '2.25.2', '2.25.1']],
    ['StudyInstanceUID=2.25.1\\2.25.2\\2.25.4', ['2.25.2', '2.25.1']],
    ['StudyDate=20260302-', ['2.25.3', '2.25.2']],
    ['StudyDate=-20260301', ['2.25.1']],
    ['StudyTime=0900-1100', ['2.25.2']],
    ['ModalitiesInStudy=MR', []],
    ['ModalitiesInStudy=CT', ['2.25.3', '2.25.2', '2.25.1']],
  ])('matches by %s', async (key, uids) => {
    expect(await studies(key)).toEqual(uids);
  });

  it('answers in the character set of the question where the text fits, else in UTF-8', async () => {
    const keys = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1', 'PatientName'];
    const plain = await find('-S', keys);
    expect(valuesOf(plain.dumps, '0008,0005')).toEqual(['ISO_IR 192']);
    expect(valuesOf(plain.dumps, '0010,0010')).toEqual(['Müller^Ada']);
    const latin = await find('-S', ['SpecificCharacterSet=ISO_IR 100', ...keys]);
    expect(valuesOf(latin.dumps, '0008,0005')).toEqual(['ISO_IR 100']);
    const ascii = await find('-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.2', 'PatientName']);
    expect(valuesOf(ascii.dumps, '0008,0005')).toEqual(['']);
  });

  it('counts, names where to retrieve from, and says when a key is not known here', async () => {
    const { dumps, output } = await find('-S', [
      ...['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1', 'NumberOfStudyRelatedInstances', 'NumberOfStudyRelatedSeries'],
      'RetrieveAETitle',
    ]);
    expect(valuesOf(dumps, '0020,1208')).toEqual(['3']);
    expect(valuesOf(dumps, '0020,1206')).toEqual(['2']);
    expect(valuesOf(dumps, '0008,0054')).toEqual(['WAYSTATION']);
    expect(output).toMatch(/Pending: Matches are continuing/i);
    const other = await find('-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1', 'PatientComments']);
    expect(other.output).toMatch(/0xff01/);
  });

  it('finds each patient once, and studies, series and images below', async () => {
    const patients = await find('-P', ['QueryRetrieveLevel=PATIENT', 'PatientID', 'PatientName']);
    expect(valuesOf(patients.dumps, '0010,0020')).toEqual(['P-1', 'P-2']);
    const below = await find('-P', ['QueryRetrieveLevel=STUDY', 'PatientID=P-1', 'StudyInstanceUID']);
    expect(valuesOf(below.dumps, '0020,000d')).toEqual(['2.25.3', '2.25.1']);
    const series = await find('-S', ['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.1', 'SeriesInstanceUID', 'Modality']);
    expect(valuesOf(series.dumps, '0020,000e')).toEqual(['2.25.1.1', '2.25.1.2']);
    expect(valuesOf(series.dumps, '0008,0060')).toEqual(['CT', 'CT']);
    const image = ['QueryRetrieveLevel=IMAGE', 'StudyInstanceUID=2.25.1', 'SeriesInstanceUID=2.25.1.1', 'SOPInstanceUID'];
    const images = await find('-S', [...image, 'InstanceNumber=2', 'Rows']);
    expect(valuesOf(images.dumps, '0020,0013')).toEqual(['2']);
    expect(images.dumps[0]).toMatch(/\(0028,0010\) US 16/);
  });

  it('refuses a level that the model does not have, and a search without the unique keys above it', async () => {
    for (const keys of [['QueryRetrieveLevel=PATIENT'], ['QueryRetrieveLevel=SERIES', 'SeriesInstanceUID'], ['StudyInstanceUID']]) {
      const { output } = await find('-S', keys);
      expect(output).toMatch(/0xa900/);
    }
  });

  it('is not offered to peers that nobody configured for it', async () => {
    const { code, output } = await find('-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID'], 'STRANGER');
    expect(code).not.toBe(0);
    expect(output).toMatch(/No Acceptable Presentation Contexts/);
  });

  it('leaves a line in the audit trail, without what was asked by', async () => {
    await studies('PatientName=meyer*');
    const lines = async () =>
      (await door.database.query(`select client, target, result from audit where action = 'C-FIND' order by n`)).rows;
    for (let rows = await lines(); ; rows = await lines()) {
      const row = rows.find(({ result }) => result === '0000, 1 shown');
      if (!row) continue;
      expect(row).toMatchObject({ client: 'workstation', target: STUDY_FIND });
      break;
    }
  });

  it('searches without the keys above, and names by their words, where that was agreed on', async () => {
    const ask = async (information: Buffer | null, identifier: Buffer) => {
      const sender = await callDoor(door.port);
      const rq = associateRq([{ abstractSyntax: STUDY_FIND, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] }], { calling: 'WORKSTATION' });
      const extended = information ? { extended: [{ sopClassUid: STUDY_FIND, information }] } : {};
      sender.sendPdu({ ...rq, user: { ...rq.user, ...extended } });
      const answer = await sender.pdu();
      const agreed = answer.type === 'A-ASSOCIATE-AC' ? answer.user.extended?.[0]?.information : undefined;
      const request = { field: COMMAND.cFindRq, messageId: 3, sopClassUid: STUDY_FIND, sopInstanceUid: '', hasDataset: true };
      sender.sendValues(commandValue(request), { context: 1, command: false, last: true, fragment: identifier });
      const statuses: number[] = [];
      while (statuses.at(-1) === undefined || statuses.at(-1) === 0xff00) {
        const pdu = await sender.pdu();
        if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
        for (const { command, fragment } of pdu.values) if (command) statuses.push((decodeCommand(fragment) as Command).status ?? -1);
      }
      sender.hangUp();
      return { agreed: agreed?.toString('hex'), statuses };
    };
    const series = writeDataset([
      [0x00080052, 'CS', 'SERIES'],
      [0x0020000e, 'UI', ''],
    ]);
    expect(await ask(null, series)).toEqual({ agreed: undefined, statuses: [0xa900] });
    expect(await ask(Buffer.from([1, 1, 0, 1]), series)).toEqual({ agreed: '0100000000', statuses: [0xff00, 0xff00, 0xff00, 0xff00, 0] });
    const named = writeDataset([
      [0x00080052, 'CS', 'STUDY'],
      [0x00100010, 'PN', 'bo'],
    ]);
    expect((await ask(null, named)).statuses).toEqual([0]);
    expect(await ask(Buffer.from([0, 0, 1]), named)).toEqual({ agreed: '0000010000', statuses: [0xff00, 0] });
  });

  it('stops when it is cancelled', async () => {
    const sender = await associateWith(door.port, [{ abstractSyntax: STUDY_FIND, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] }], {
      calling: 'WORKSTATION',
    });
    const request = { field: COMMAND.cFindRq, messageId: 3, sopClassUid: STUDY_FIND, sopInstanceUid: '', hasDataset: true };
    const identifier = writeDataset([
      [0x00080052, 'CS', 'STUDY'],
      [0x0020000d, 'UI', ''],
    ]);
    sender.sendValues(
      commandValue(request),
      { context: 1, command: false, last: true, fragment: identifier },
      commandValue({ ...request, field: COMMAND.cCancelRq, sopClassUid: '', hasDataset: false }),
    );
    const statuses: number[] = [];
    while (![0x0000, 0xfe00].includes(statuses.at(-1) ?? -1)) {
      const pdu = await sender.pdu();
      if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
      for (const { command, fragment } of pdu.values) if (command) statuses.push((decodeCommand(fragment) as Command).status ?? -1);
    }
    expect(statuses.at(-1)).toBe(0xfe00);
  });
});

/** An association that asks by C-GET and takes what comes, answer by answer. */
async function openGet() {
  const contexts = [{ abstractSyntax: STUDY_GET, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] }, CT_EXPLICIT];
  const roles = [{ sopClassUid: CT, scu: true, scp: true }];
  const user = { maxPduLength: 16_384, implementationClassUid: '2.25.1', implementationVersionName: '', roles };
  const sender = await associateWith(door.port, contexts, { calling: 'WORKSTATION', user });
  const waiting: Pdv[] = [];
  const pdv = async (): Promise<Pdv> => {
    while (waiting.length === 0) {
      const pdu = await sender.pdu();
      if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
      waiting.push(...pdu.values);
    }
    return waiting.shift() as Pdv;
  };
  const send = (command: Command, context = 1) => sender.sendValues(commandValue(command, context));
  return {
    send,
    hangUp: () => sender.hangUp(),
    request: (studyUid: string) => {
      send({ field: COMMAND.cGetRq, messageId: 5, sopClassUid: STUDY_GET, sopInstanceUid: '', hasDataset: true });
      const fragment = writeDataset([
        [0x00080052, 'CS', 'STUDY'],
        [0x0020000d, 'UI', studyUid],
      ]);
      sender.sendValues({ context: 1, command: false, last: true, fragment });
    },
    /** The next command; its dataset is passed over. */
    next: async (): Promise<Command> => {
      const command = decodeCommand((await pdv()).fragment) as Command;
      if (command.hasDataset) while (!(await pdv()).last);
      return command;
    },
    take: ({ messageId, sopClassUid, sopInstanceUid }: Command, status = 0) =>
      send({ field: COMMAND.cStoreRq | RESPONSE, messageId, sopClassUid, sopInstanceUid, hasDataset: false, status }, 3),
  };
}

const withGetscu = isInstalled('getscu') ? describe : describe.skip;
withGetscu('C-GET at the DIMSE door', () => {
  const get = async (keys: readonly string[], options: readonly string[] = [], calling = 'WORKSTATION') => {
    const directory = temporaryDirectory('waystation-getscu-');
    mkdirSync(directory, { recursive: true });
    const asked = keys.flatMap((key) => ['-k', key]);
    const who = ['-aet', calling, '-aec', 'WAYSTATION'];
    const args = ['-d', '-S', ...who, ...options, '-od', directory, ...asked, '127.0.0.1', String(door.port)];
    const { output } = await run('getscu', args, { TCP_NODELAY: '1' });
    return { output, files: readdirSync(directory).map((name) => readFileSync(join(directory, name))) };
  };

  it('gives a study as it was stored, byte for byte in its dataset', async () => {
    const { files, output } = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1'], ['+B']);
    const slices = [...ctSeries({ ...ADA, seriesUid: '2.25.1.1', slices: 2 }), ...ctSeries({ ...ADA, seriesUid: '2.25.1.2', slices: 1 })];
    expect(files).toHaveLength(3);
    for (const { dataset } of slices) expect(files.some((file) => file.includes(dataset))).toBe(true);
    expect(output).toMatch(/Number of Completed Suboperations\s*:\s*3/);
  });

  it('converts an uncompressed object for who negotiated only another uncompressed syntax', async () => {
    await door.show('2.25.6', 'readers');
    const { files, output } = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.6'], ['+B']);
    expect(output).toMatch(/Number of Failed Suboperations\s*:\s*0/);
    expect(files.some((file) => file.includes(EXPLICIT_SLICE.dataset.subarray(-512)))).toBe(true);
  });

  it('decompresses what is compressed for a peer whose configuration says so, and for no other', async () => {
    await door.show('2.25.8', 'readers');
    const keys = ['QueryRetrieveLevel=STUDY', `StudyInstanceUID=${'2.25.8'}`];
    expect((await get(keys, ['+B'])).output).toMatch(/Number of Failed Suboperations\s*:\s*1/);
    const { files, output } = await get(keys, ['+B'], 'VIEWER');
    expect(output).toMatch(/Number of Completed Suboperations\s*:\s*1/);
    expect(files.some((file) => file.includes(COMPRESSED_SLICE.dataset.subarray(-512)))).toBe(true);
  });

  it('stops at a C-CANCEL, and says what remains', async () => {
    const getting = await openGet();
    getting.request('2.25.1');
    const stored = await getting.next();
    getting.send({ field: COMMAND.cCancelRq, messageId: 5, sopClassUid: '', sopInstanceUid: '', hasDataset: false });
    getting.take(stored);
    const said = [await getting.next(), await getting.next()];
    expect(said.map(({ status }) => status)).toEqual([0xff00, 0xfe00]);
    expect(said[1]).toMatchObject({ remaining: 2, completed: 1, failed: 0, warnings: 0 });
  });

  it('counts warnings and refusals of the peer, and names what failed', async () => {
    const getting = await openGet();
    getting.request('2.25.1');
    for (const status of [0xb000, 0xa700, 0x0000]) {
      getting.take(await getting.next(), status);
      if (status !== 0) expect((await getting.next()).status).toBe(0xff00);
    }
    expect(await getting.next()).toMatchObject({ status: 0xb000, completed: 1, failed: 1, warnings: 1, hasDataset: true });
  });

  it('goes on serving others when a peer leaves in the middle', async () => {
    const getting = await openGet();
    getting.request('2.25.1');
    await getting.next();
    getting.hangUp();
    expect(await door.echo()).toBe(0);
  });

  it('gives the others when one cannot be read, and audits what it gave', async () => {
    const { rows } = await door.database.query<{ blob: string }>(
      `select blob from instance where study_uid = '2.25.1' order by series_uid, seq limit 1`,
    );
    const path = door.blobs.path(rows[0]?.blob ?? '');
    const kept = readFileSync(path);
    rmSync(path);
    // A link to itself: looking at it fails (ELOOP), where an absent file is a failure that was foreseen.
    symlinkSync(path, path);
    const { files, output } = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1']);
    rmSync(path);
    writeFileSync(path, kept);
    expect(files).toHaveLength(2);
    expect(output).toMatch(/0xb000/);
    const sent = async () =>
      (await door.database.query(`select result from audit where action = 'C-GET' and target = 'studies/2.25.1' order by n desc limit 1`))
        .rows;
    expect(await until(sent, (lines) => lines[0]?.result === '2 sent')).toHaveLength(1);
  });

  it('gives nothing of a study that the group may not see', async () => {
    const { files, output } = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.4']);
    expect(files).toEqual([]);
    expect(output).toMatch(/0x0000/);
  });

  it('gives one series, and says which objects could not be given', async () => {
    await door.show('2.25.5', 'readers');
    const one = await get(['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.1', 'SeriesInstanceUID=2.25.1.2']);
    expect(one.files).toHaveLength(1);
    const none = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.5']);
    expect(none.files).toEqual([]);
    expect(none.output).toMatch(/0xb000/);
    expect(none.output).toMatch(/Number of Failed Suboperations\s*:\s*1/);
  });
});
