import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Patient, ServiceRequest } from '@medplum/fhirtypes';
import type { Failure } from '../../../src/model/failure.ts';
import { type ReportFonts, renderReport } from '../../../src/reports/render.ts';
import { reportOn } from '../../support/specialist.ts';

const DEJAVU = '/usr/share/fonts/truetype/dejavu/DejaVuSans';
const hasPoppler = spawnSync('pdftotext', ['-v']).error === undefined;
const withPoppler = hasPoppler ? it : it.skip;
const withDejaVu = hasPoppler && existsSync(`${DEJAVU}.ttf`) ? it : it.skip;

const patient: Patient = {
  resourceType: 'Patient',
  identifier: [{ system: 'urn:example:mrn', value: 'MRN-4711' }],
  name: [{ family: 'Grünwald', given: ['Zoë'] }],
  birthDate: '1961-05-04',
  gender: 'female',
};
const serviceRequest: ServiceRequest = {
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  subject: {},
  identifier: [{ value: 'PL-1' }, { value: 'ACC-9' }],
  code: { text: 'CT head' },
};

let pdf: Buffer;

beforeAll(async () => {
  pdf = await render(reportOn('ServiceRequest/1', 'Patient/1'));
});

describe('the PDF of a report', () => {
  it('is the same for the same input', async () => {
    expect((await render(reportOn('ServiceRequest/1', 'Patient/1'))).equals(pdf)).toBe(true);
  });

  withPoppler('is a PDF dated by the signature', () => {
    const info = spawnSync('pdfinfo', ['-isodates', '-'], { input: pdf, encoding: 'utf8' });
    expect(info.stderr).toBe('');
    expect(info.stdout).toMatch(/^CreationDate:\s+2026-03-02T09:31:00Z$/m);
    expect(info.stdout).toMatch(/^Pages:\s+1$/m);
  });

  withPoppler('tells who, what, when, and by whom it was signed, as text that can be selected', () => {
    const text = textOf(pdf);
    for (const part of ['Diagnostic imaging study', 'Grünwald, Zoë', '1961-05-04', 'MRN-4711', 'PL-1, ACC-9', 'CT head'])
      expect(text).toContain(part);
    expect(text).toContain('No intracranial haemorrhage.\nNo fracture.');
    expect(text).toContain('Signed by Dr. Ada Example (100001) at 2026-03-02T09:31:00.000Z, signature verified');
    expect(text).toContain('Page 1 of 1');
    expect(text).not.toContain('U+');
  });

  withPoppler('goes on over as many pages as a long conclusion needs, each signed', async () => {
    const lines = Array.from({ length: 200 }, (_, index) => `Finding ${index + 1}: unremarkable.`);
    const text = textOf(await render(reportOn('ServiceRequest/1', 'Patient/1', { conclusion: lines.join('\n') })));
    const pages = text.split('\f').filter((page) => page.trim() !== '');
    for (const line of lines) expect(text).toContain(line);
    expect(pages.length).toBeGreaterThan(3);
    for (const [index, page] of pages.entries()) {
      expect(page).toContain('signature verified');
      expect(page).toContain(`Page ${index + 1} of ${pages.length}`);
    }
  });

  withPoppler('shows contained results, coded conclusions and a status that is not final', async () => {
    const observation = {
      resourceType: 'Observation' as const,
      id: 'a',
      status: 'final' as const,
      code: { text: 'Lesion' },
      valueQuantity: { value: 4.2, unit: 'mm' },
    };
    const more = { status: 'amended' as const, contained: [observation], conclusionCode: [{ coding: [{ code: '1', display: 'Naevus' }] }] };
    const text = textOf(await render(reportOn('ServiceRequest/1', 'Patient/1', more)));
    for (const part of ['This report is amended.', 'Lesion: 4.2 mm', 'Naevus']) expect(text).toContain(part);
  });

  withPoppler('names a character it cannot show, and says so', async () => {
    const text = textOf(await render(reportOn('ServiceRequest/1', 'Patient/1', { conclusion: 'Łódź\u0007 中' })));
    expect(text).toContain('[U+0141]ód[U+017A] [U+4E2D]');
    expect(text).toContain('stand as their Unicode code points');
  });

  withDejaVu('shows Polish, Greek and Cyrillic with a font that has them', async () => {
    const fonts = { regular: readFileSync(`${DEJAVU}.ttf`), bold: readFileSync(`${DEJAVU}-Bold.ttf`) };
    const report = reportOn('ServiceRequest/1', 'Patient/1', { conclusion: 'Łódź, Ελλάδα, Київ, 中' });
    const first = await render(report, fonts);
    expect(textOf(first)).toContain('Łódź, Ελλάδα, Київ, [U+4E2D]');
    expect((await render(report, fonts)).equals(first)).toBe(true);
  });

  it('is not made of a report of unreasonable length', async () => {
    const report = reportOn('ServiceRequest/1', 'Patient/1', { conclusion: 'x'.repeat(400_000) });
    expect(((await render(report)) as Buffer | Failure as Failure).code).toBe('too-large');
  });
});

async function render(report: DiagnosticReport, fonts: ReportFonts | null = null): Promise<Buffer> {
  const signer = { name: 'Dr. Ada Example', identifier: { system: 'urn:example:physician-number', value: '100001' }, jwk: {} };
  const input = { report, signer, signedAt: '2026-03-02T09:31:00.000Z', title: 'Report', patient, serviceRequest, fonts };
  return (await renderReport(input)) as Buffer;
}

function textOf(bytes: Buffer): string {
  return spawnSync('pdftotext', ['-layout', '-', '-'], { input: bytes, encoding: 'utf8' }).stdout;
}
