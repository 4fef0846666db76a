/**
 * A PDF of a verified report, for those who asked in a protocol that shows documents. In: the report, who signed it, for whom and on
 * which order. Out: PDF bytes, the same for the same input (dates are the report's, ids are made from them), with text that can be
 * selected. Promises: nothing of the conclusion is left out or replaced silently. A character that the font lacks stands as its code
 * point, `[U+4E2D]`, and the page says so.
 */
import type { DiagnosticReport, Observation, Patient, ServiceRequest } from '@medplum/fhirtypes';
import PDFDocument from 'pdfkit';
import { type Failure, failure } from '../model/failure.ts';
import { conceptText, valueText } from '../protocols/fhir/observation-text.ts';
import type { VerifiedReport } from './verify.ts';

/** TrueType or OpenType files. */
export type ReportFonts = { readonly regular: Buffer; readonly bold: Buffer };

export type RenderInput = Pick<VerifiedReport, 'report' | 'signer' | 'signedAt'> & {
  /** What stands above the report when it has no title of its own: the specialty's. */
  readonly title: string;
  readonly patient: Patient | null;
  readonly serviceRequest: ServiceRequest | null;
  /** Null: the PDF's own Helvetica, which knows Western European letters only. */
  readonly fonts: ReportFonts | null;
};

export async function renderReport(input: RenderInput): Promise<Buffer | Failure> {
  if (lengthOf(input.report) > MAX_CHARACTERS) return failure('reports', 'too-large', 'the report is too long to be rendered');
  const page = openPage(input);
  const done = collect(page.document);
  heading(page, input);
  for (const [label, value] of factsOf(input)) fact(page, label, value);
  for (const [title, text] of sectionsOf(input.report)) section(page, title, text);
  if (page.missing.size > 0) section(page, 'Characters', MISSING_NOTE);
  footers(page, `Signed by ${input.signer.name} (${input.signer.identifier.value}) at ${input.signedAt}, signature verified`);
  page.document.end();
  return done;
}

type Page = {
  readonly document: PDFKit.PDFDocument;
  /** Whether the font can show a character. */
  readonly shows: (character: string) => boolean;
  /** Characters that it could not. */
  readonly missing: Set<string>;
};

function openPage({ report, title, signedAt, fonts }: RenderInput): Page {
  const document = new PDFDocument({
    size: 'A4',
    margins: { top: MARGIN, left: MARGIN, right: MARGIN, bottom: FOOTER_HEIGHT },
    bufferPages: true,
    // The id of the file is made from this date; without it pdfkit takes the time of the call.
    info: { Title: titleOf(report, title), Producer: 'Waystation', CreationDate: new Date(signedAt) },
  });
  document.registerFont(REGULAR, fonts?.regular ?? 'Helvetica');
  document.registerFont(BOLD, fonts?.bold ?? 'Helvetica-Bold');
  return { document, shows: fonts ? coverageOf(document) : isWinAnsi, missing: new Set() };
}

function heading({ document, ...page }: Page, { report, title }: RenderInput): void {
  document
    .font(BOLD)
    .fontSize(16)
    .text(shown({ document, ...page }, titleOf(report, title)));
  if (report.status !== 'final') document.fontSize(11).text(`This report is ${report.status}.`);
  document.moveDown(0.7).fontSize(10);
}

function fact(page: Page, label: string, value: string): void {
  if (value === '') return;
  page.document.font(BOLD).text(`${label}  `, { continued: true }).font(REGULAR).text(shown(page, value));
}

function section(page: Page, title: string, text: string): void {
  if (text === '') return;
  page.document.moveDown(0.9).font(BOLD).fontSize(11).text(title);
  page.document.font(REGULAR).fontSize(10).text(shown(page, text), { lineGap: 2 });
}

/** On every page, below the text: who signed, and which page of how many. */
function footers(page: Page, signed: string): void {
  const { document } = page;
  const { start, count } = document.bufferedPageRange();
  for (let index = start; index < start + count; index++) {
    document.switchToPage(index);
    // Text below the bottom margin would open a new page.
    document.page.margins.bottom = 0;
    document.font(REGULAR).fontSize(8);
    document.text(shown(page, signed), MARGIN, document.page.height - FOOTER_HEIGHT + 20);
    document.text(`Page ${index + 1} of ${count}`);
  }
}

function factsOf({ report, patient, serviceRequest }: RenderInput): [string, string][] {
  return [
    ['Patient', nameOf(patient)],
    ['Born', patient?.birthDate ?? ''],
    ['Sex', patient?.gender ?? ''],
    ['Patient ids', listOf(patient?.identifier?.map((one) => one.value))],
    ['Order', listOf(serviceRequest?.identifier?.map((one) => one.value))],
    ['Requested', conceptText(serviceRequest?.code)],
    ['Performed', report.effectiveDateTime ?? report.effectivePeriod?.start ?? ''],
    ['Issued', report.issued ?? ''],
  ];
}

function sectionsOf(report: DiagnosticReport): [string, string][] {
  const observations = (report.contained ?? []).filter((one): one is Observation => one.resourceType === 'Observation');
  const results = observations.map((one) => `${conceptText(one.code)}: ${valueText(one)}`);
  return [
    ['Results', results.join('\n')],
    ['Conclusion', report.conclusion ?? ''],
    ['Coded conclusion', (report.conclusionCode ?? []).map(conceptText).join('\n')],
  ];
}

function titleOf(report: DiagnosticReport, fallback: string): string {
  return conceptText(report.code) || fallback;
}

function nameOf(patient: Patient | null): string {
  const name = patient?.name?.[0];
  return name?.text ?? [name?.family, name?.given?.join(' ')].filter(Boolean).join(', ');
}

function listOf(values: readonly (string | undefined)[] | undefined): string {
  return (values ?? []).filter(Boolean).join(', ');
}

function lengthOf(report: DiagnosticReport): number {
  return sectionsOf(report).reduce((sum, [, text]) => sum + text.length, 0);
}

/** The text as the font can show it: line ends kept, other controls dropped, missing characters named. */
function shown({ shows, missing }: Page, text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').replace(/\t/g, '    ').normalize('NFC');
  return Array.from(lines, (character) => {
    if (character === '\n' || shows(character)) return character;
    if (character < ' ' || character === '\u007f') return '';
    missing.add(character);
    return `[U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}]`;
  }).join('');
}

/** What both of the registered fonts hold. */
function coverageOf(document: PDFKit.PDFDocument): (character: string) => boolean {
  const fonts = [REGULAR, BOLD].map((name) => (document.font(name) as FontInside)._font.font);
  return (character) => fonts.every((font) => font.hasGlyphForCodePoint(character.codePointAt(0) as number));
}

/** pdfkit keeps the font it opened (by fontkit) here; its types do not tell. */
type FontInside = PDFKit.PDFDocument & { readonly _font: { readonly font: { hasGlyphForCodePoint(codePoint: number): boolean } } };

/** PDF 32000-1 Annex D.2, WinAnsiEncoding: Latin-1 and the extras of windows-1252. */
function isWinAnsi(character: string): boolean {
  return /^[\u0020-\u007e\u00a0-\u00ff]$/.test(character) || WIN_ANSI_EXTRAS.includes(character);
}

const WIN_ANSI_EXTRAS = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ';

async function collect(document: PDFKit.PDFDocument): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of document) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const MISSING_NOTE = 'Characters that this document cannot show stand as their Unicode code points. The signed report itself holds them.';
/** Points. */
const MARGIN = 56;
const FOOTER_HEIGHT = 80;
/** About a hundred pages. */
const MAX_CHARACTERS = 300_000;
const REGULAR = 'report';
const BOLD = 'report-bold';
