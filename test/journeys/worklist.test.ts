/** The modality worklist, from the order to the images: dcmtk's findscu asks, and what it is told brings the images home to their case. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type GatewayProcess, ROOT, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { isInstalled, run } from '../support/programs.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

type Order = {
  readonly number: string;
  readonly accession: string;
  readonly control?: string;
  readonly facility?: string;
  readonly at?: string;
};

function order({ number, accession, control = 'NW', facility = 'NORTH', at = '20260305103000+0100' }: Order): Buffer {
  const segments = [
    `MSH|^~\\&|RIS|${facility}|W|W|20260302081500+0100||ORM^O01|${number}-${control}|P|2.5.1|||||||UNICODE UTF-8`,
    `PID|1||${number}-P^^^HOSP^MR||Bäcker^Jörg||19700101|M`,
    `ORC|${control}|${number}^RIS`,
    `TQ1|1||||||${at}||R`,
    `OBR|1|${number}^RIS||24725-4^CT Head^LN|||||||||Headache|||||${accession}||||||CT`,
  ];
  return Buffer.from(`${segments.join('\r')}\r`);
}

const withDcmtk = isInstalled('findscu') && isInstalled('dcmodify') ? describe : describe.skip;
withDcmtk('the modality worklist', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await startGatewayProcess({
      yaml: `
peers:
  - { name: north, mllp: { application: RIS, facility: NORTH }, dimse: { aeTitle: CT1, worklist: true }, messages: { "ORM^O01": mapped, "OMI^O23": mapped } }
  - { name: south, mllp: { application: RIS, facility: SOUTH }, dimse: { aeTitle: CT2 } }
specialties: { teleradiology: { quiet: 1s } }
`,
    });
    const orders = [
      order({ number: 'PL-1', accession: 'ACC-1' }),
      order({ number: 'PL-2', accession: 'ACCESSION-TOO-LONG' }),
      order({ number: 'PL-3', accession: 'ACC-3' }),
      order({ number: 'PL-3', accession: 'ACC-3', control: 'CA' }),
      order({ number: 'PL-4', accession: 'ACC-4', facility: 'SOUTH' }),
      readFileSync(join(ROOT, 'fixtures/hl7v2/omi-o23/imaging-procedure-control.hl7')),
    ];
    for (const one of orders) expect(await sendMllp(gateway.mllp, one)).toMatch(/\rMSA\|(AA|CA)/);
    await until(
      () => gateway.journal(),
      (entries) => entries.length === orders.length && entries.every(({ state }) => state === 'done'),
    );
  });
  afterAll(async () => {
    await gateway?.stop();
    gateway?.remove();
  });

  const find = async (...keys: string[]) => {
    const directory = temporaryDirectory('waystation-worklist-');
    const asked = ['0008,0050', '0010,0010', '0010,0020', '0020,000d', '0040,1001', ...keys].flatMap((key) => ['-k', key]);
    const args = ['-W', '-aet', 'CT1', '-aec', 'WAYSTATION', '-X', '-od', directory, ...asked, '127.0.0.1', String(gateway.dimse.port)];
    const { output } = await run('findscu', args);
    const files = readdirSync(directory).sort();
    const dumps = await Promise.all(files.map(async (file) => (await run('dcmdump', ['+L', '-q', '+U8', join(directory, file)])).output));
    return { output, dumps };
  };
  const value = (dump: string | undefined, tag: string) => new RegExp(`\\(${tag}\\) \\w\\w \\[(.*?)\\]`).exec(dump ?? '')?.[1] ?? '';
  const accessions = async (...keys: string[]) => (await find(...keys)).dumps.map((dump) => value(dump, '0008,0050')).sort();

  it('shows the open orders of its own hospital, each scheduled step by itself, and leaves out an accession number that does not fit', async () => {
    expect(await accessions()).toEqual(['ACC-1', 'ACC-3001', 'ACC-3001']);
    expect(gateway.log()).toMatch(/dimse\.not-in-worklist/);
    expect(gateway.log()).not.toMatch(/ACCESSION-TOO-LONG/);
  });

  it('tells what a modality needs, as the order has it', async () => {
    const step = ['0001', '0002', '0003', '0007', '0009'].map((element) => `0040,0100[0].0040,${element}`);
    const { dumps } = await find(
      '0008,0050=ACC-1',
      '0010,0030',
      '0010,0040',
      '0032,1060',
      '0040,1003',
      '0040,2016',
      '0040,0100[0].0008,0060',
      ...step,
    );
    const [dump] = dumps;
    const told = Object.fromEntries(
      [
        '0010,0010',
        '0010,0020',
        '0010,0030',
        '0010,0040',
        '0032,1060',
        '0040,1001',
        '0040,1003',
        '0008,0060',
        '0040,0001',
        '0040,0002',
        '0040,0003',
        '0040,0009',
      ].map((tag) => [tag, value(dump, tag)]),
    );
    expect(told).toEqual({
      '0010,0010': 'Bäcker^Jörg',
      '0010,0020': 'PL-1-P',
      '0010,0030': '19700101',
      '0010,0040': 'M',
      '0032,1060': 'CT Head',
      '0040,1001': 'PL-1',
      '0040,1003': 'ROUTINE',
      '0008,0060': 'CT',
      '0040,0001': 'CT1',
      '0040,0002': '20260305',
      '0040,0003': '103000',
      '0040,0009': 'PL-1',
    });
  });

  it.each([
    ['0040,0100[0].0040,0001=CT1_AE', ['ACC-3001']],
    ['0040,0100[0].0040,0001=CT1', ['ACC-1', 'ACC-3001']],
    ['0040,0100[0].0040,0002=20260302', ['ACC-3001', 'ACC-3001']],
    ['0040,0100[0].0040,0002=20260303-20260306', ['ACC-1']],
    ['0040,0100[0].0008,0060=MR', []],
    ['0010,0010=B*', ['ACC-1']],
    ['0010,0020=4722', ['ACC-3001', 'ACC-3001']],
    ['0040,0100[0].0040,0009=SPS-2', ['ACC-3001']],
  ])('matches by %s', async (key, expected) => {
    expect(await accessions(key)).toEqual(expected);
  });

  it('gives the Study Instance UID of the order, else one that stays the same, under which the images join their case', async () => {
    const { dumps: ordered } = await find('0008,0050=ACC-3001');
    expect(ordered.map((dump) => value(dump, '0020,000d'))).toEqual(['1.2.826.0.1.99.5.20260302.30', '1.2.826.0.1.99.5.20260302.30']);
    const [uid, again] = [(await find('0008,0050=ACC-1')).dumps[0], (await find('0008,0050=ACC-1')).dumps[0]].map((dump) =>
      value(dump, '0020,000d'),
    );
    expect(uid).toMatch(/^2\.25\.\d{30,39}$/);
    expect(again).toBe(uid);
    const directory = temporaryDirectory('waystation-worklist-images-');
    const image = join(directory, 'image.dcm');
    const [slice = ''] = readdirSync(join(ROOT, 'fixtures/dicom/ct-head'));
    await run('cp', [join(ROOT, 'fixtures/dicom/ct-head', slice), image]);
    // The modality keeps the UIDs and the patient, and forgets the accession number.
    const edits = [
      `(0020,000d)=${uid}`,
      '(0008,0050)=',
      '(0010,0020)=PL-1-P',
      '(0010,0021)=HOSP',
      '(0020,000e)=1.2.3.1',
      '(0008,0018)=1.2.3.1.1',
    ];
    await run('dcmodify', ['-nb', '-ie', ...edits.flatMap((edit) => ['-i', edit]), image]);
    const { code, output } = await run('storescu', ['-aet', 'CT1', '-aec', 'WAYSTATION', '127.0.0.1', String(gateway.dimse.port), image]);
    expect([code, output]).toEqual([0, '']);
    const shown = await until(
      () => gateway.caseView('ACC-1'),
      ({ phase }) => phase === 'requested',
    );
    expect(shown.phase).toBe('requested');
    expect(await accessions()).toEqual(['ACC-3001', 'ACC-3001']);
  });

  it('is not offered to a peer that is not configured for it', async () => {
    const args = ['-W', '-aet', 'CT2', '-aec', 'WAYSTATION', '-k', '0010,0010', '127.0.0.1', String(gateway.dimse.port)];
    const { output } = await run('findscu', args);
    expect(output).toMatch(/No Acceptable Presentation Contexts/);
  });
});
