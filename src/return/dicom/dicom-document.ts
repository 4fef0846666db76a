/**
 * What every document of a report says beside its content: patient and study as the study says them, series, equipment, who verified it
 * and when, for which request, on which evidence, and which document it replaces (PS3.3 §C.7, §C.17.1 to §C.17.3, §C.24).
 * UIDs are made from the report and the kind of document, so that composing it again makes the same object.
 */
import type { CodeableConcept, DiagnosticReport } from '@medplum/fhirtypes';
import type { Signer } from '../../model/config.ts';
import type { Failure } from '../../model/failure.ts';
import { type ComposedObject, composeObject, holds } from '../../protocols/dicom/composed-object.ts';
import {
  type Coded,
  codeElements,
  type ObjectReference,
  referenceElements,
  schemesOf,
  shortened,
} from '../../protocols/dicom/sr-content.ts';
import { type StudyModules, textIn } from '../../protocols/dicom/study-modules.ts';
import { uidFromName } from '../../protocols/dicom/uid.ts';
import type { DatasetElement } from '../../protocols/dicom/write.ts';
import { conceptText } from '../../protocols/fhir/observation-text.ts';
import { codedOf } from './dicom-code.ts';

/** An object of a series of a study. */
export type PlacedReference = ObjectReference & { readonly studyUid: string; readonly seriesUid: string };

export type KeyImage = ObjectReference & { readonly frames: readonly number[] };

export type DicomReport = {
  readonly report: DiagnosticReport;
  /** `DiagnosticReport/id`, and which of the reports of its case it is, from 1. */
  readonly document: { readonly reference: string; readonly version: string };
  readonly caseId: string;
  readonly signer: Signer;
  /** Instant. */
  readonly signedAt: string;
  /** For whom the signer reads: Verifying Organization is never empty. */
  readonly organization: string;
  /** What the report is called where its own code has no coding. */
  readonly title: Coded;
  readonly study: StudyModules;
  /** Offset of times that the study writes without one, `+01:00`. */
  readonly zone: string;
  readonly order: {
    readonly accession: string;
    readonly placer: string;
    readonly filler: string;
    readonly procedure: CodeableConcept | undefined;
  };
  /** Objects of the study that were there to be read. */
  readonly evidence: readonly PlacedReference[];
  /** Images that the report names; each is among the evidence. */
  readonly keyImages: readonly KeyImage[];
  /** Objects made from the report that this one corrects or takes back. */
  readonly replaced: readonly PlacedReference[];
};

export type DocumentKind = {
  /** Tells apart what is made from one report. */
  readonly name: string;
  readonly sopClassUid: string;
  readonly modality: 'DOC' | 'SR' | 'KO';
  readonly seriesNumber: number;
  readonly seriesDescription: string;
};

export function documentUid({ document }: Pick<DicomReport, 'document'>, kind: DocumentKind): string {
  return uidFromName(`${document.reference} ${document.version} ${kind.name} ${kind.sopClassUid}`);
}

/** The documents of one kind of a case are a series. */
export function seriesUid({ study, caseId }: DicomReport, kind: DocumentKind): string {
  return uidFromName(`${study.studyUid} ${caseId} ${kind.name}`);
}

/** `codes`: all that stand in `content`. */
export function composeDocument(
  input: DicomReport,
  kind: DocumentKind,
  content: readonly DatasetElement[],
  codes: readonly Coded[],
): ComposedObject | Failure {
  const { study, document } = input;
  const { date, time } = localTime(input.signedAt, offsetOf(input));
  return composeObject({
    sopClassUid: kind.sopClassUid,
    sopInstanceUid: documentUid(input, kind),
    studyUid: study.studyUid,
    seriesUid: seriesUid(input, kind),
    charsets: study.charsets,
    copied: [...REQUIRED_OF_STUDY, ...study.elements].filter(([tag], index, all) => all.findLastIndex(([one]) => one === tag) === index),
    elements: [
      [0x00080023, 'DA', date],
      [0x00080033, 'TM', time],
      [0x00080060, 'CS', kind.modality],
      [0x00080070, 'LO', 'Waystation'],
      [0x0008103e, 'LO', kind.seriesDescription],
      [0x00200011, 'IS', String(kind.seriesNumber)],
      [0x00200013, 'IS', document.version],
      ...content,
      ...schemesOf(codes),
    ],
  });
}

type General = { readonly elements: readonly DatasetElement[]; readonly codes: readonly Coded[] };

/** SR Document General (PS3.3 §C.17.2). Complete and verified: the report was signed, and the signature verified. */
export function documentGeneral(input: DicomReport, kind: DocumentKind): General {
  const { report, signer, signedAt, organization } = input;
  const id = codedOf({ coding: [{ system: signer.identifier.system, code: signer.identifier.value, display: signer.name }] });
  const { elements, codes } = requestAndEvidence(input);
  const observer: DatasetElement[] = [
    // Its whole name stands in the content, as text.
    [0x0040a027, 'LO', shortened(organization)],
    [0x0040a030, 'DT', dateTime(signedAt, offsetOf(input))],
    [0x0040a075, 'PN', shortened(signer.name)],
    [0x0040a088, 'SQ', id ? [codeElements(id)] : []],
  ];
  const own: DatasetElement[] = [
    [0x0040a372, 'SQ', []],
    [0x0040a491, 'CS', COMPLETE.has(report.status ?? '') ? 'COMPLETE' : 'PARTIAL'],
    [0x0040a493, 'CS', 'VERIFIED'],
    [0x0040a073, 'SQ', [observer]],
  ];
  return { elements: [...elements, ...own, ...predecessors(input, kind)], codes: id ? [...codes, id] : codes };
}

/** What a key object document has of it, too (PS3.3 §C.17.6.2). */
export function requestAndEvidence(input: DicomReport, evidence: readonly PlacedReference[] = input.evidence): General {
  const { elements, codes } = request(input);
  const listed: DatasetElement[] = evidence.length === 0 ? [] : [[0x0040a375, 'SQ', hierarchy(evidence)]];
  return { elements: [[0x0040a370, 'SQ', [elements]], [0x00081111, 'SQ', []], ...listed], codes };
}

/** Predecessor Documents Sequence: the document of this kind that the report before was sent as; none for a first report. */
export function predecessors(input: DicomReport, kind: DocumentKind): DatasetElement[] {
  const before = input.replaced.filter((one) => one.seriesUid === seriesUid(input, kind));
  return before.length === 0 ? [] : [[0x0040a360, 'SQ', hierarchy(before)]];
}

/** Hierarchical SOP Instance Reference Macro (PS3.3 Table C.17-3): by study, then by series. */
function hierarchy(references: readonly PlacedReference[]): DatasetElement[][] {
  return [...Map.groupBy(references, ({ studyUid }) => studyUid)].map(([study, ofStudy]) => [
    [
      0x00081115,
      'SQ',
      [...Map.groupBy(ofStudy, ({ seriesUid }) => seriesUid)].map(([series, ofSeries]): DatasetElement[] => [
        [0x00081199, 'SQ', ofSeries.map(referenceElements)],
        [0x0020000e, 'UI', series],
      ]),
    ],
    [0x0020000d, 'UI', study],
  ]);
}

/** The title of the report as a code. */
export function titleOf({ report, title }: Pick<DicomReport, 'report' | 'title'>): Coded {
  return codedOf(report.code) ?? title;
}

/** Referenced Request Sequence. What the order says goes first; a number that its VR cannot hold is left empty (type 2), never cut. */
function request({ study, order }: DicomReport): { readonly elements: DatasetElement[]; readonly codes: readonly Coded[] } {
  const inStudy =
    study.requests.find((one) => textIn(one, 0x00080050) === order.accession) ??
    (study.requests.length === 1 ? study.requests[0] : undefined);
  const of = (tag: number): string => textIn(inStudy ?? [], tag);
  const own = textIn(study.elements, 0x00080050);
  const accession = order.accession || of(0x00080050) || own;
  const issuer = accession === own ? study.elements.find(([tag]) => tag === 0x00080051) : undefined;
  const procedure = codedOf(order.procedure);
  const description = conceptText(order.procedure) || of(0x00321060);
  const elements: DatasetElement[] = [
    [0x0020000d, 'UI', study.studyUid],
    [0x00081110, 'SQ', []],
    [0x00080050, 'SH', held('SH', accession)],
    ...(issuer ? [issuer] : []),
    [0x00401001, 'SH', held('SH', of(0x00401001))],
    [0x00321060, 'LO', held('LO', description)],
    [0x00321064, 'SQ', procedure ? [codeElements(procedure)] : []],
    [0x00402016, 'LO', held('LO', order.placer || of(0x00402016))],
    [0x00402017, 'LO', held('LO', order.filler || of(0x00402017))],
  ];
  return { elements, codes: procedure ? [procedure] : [] };
}

function held(vr: string, value: string): string {
  return holds(vr, value) ? value : '';
}

/** Where the study says which offset its times have, all times of the object are meant with it (PS3.3 §C.12.1). */
function offsetOf({ study, zone }: DicomReport): string {
  const said = /^([+-]\d\d)(\d\d)$/.exec(textIn(study.elements, 0x00080201));
  return said ? `${said[1]}:${said[2]}` : zone;
}

function localTime(instant: string, offset: string): { readonly date: string; readonly time: string } {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? [];
  const shift = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === '-' ? -60_000 : 60_000);
  const local = new Date(Date.parse(instant) + shift).toISOString().replace(/[-:]/g, '');
  return { date: local.slice(0, 8), time: local.slice(9, 15) };
}

function dateTime(instant: string, offset: string): string {
  const { date, time } = localTime(instant, offset);
  return `${date}${time}${offset.replace(':', '')}`;
}

/** HL7 diagnostic-report-status under which nothing of the report is still to come. */
const COMPLETE: ReadonlySet<string> = new Set(['final', 'amended', 'corrected', 'appended', 'entered-in-error']);

/** Elements of type 2 that a study may have left out, and a document may not. */
const REQUIRED_OF_STUDY: readonly DatasetElement[] = [
  [0x00080020, 'DA', ''],
  [0x00080030, 'TM', ''],
  [0x00080050, 'SH', ''],
  [0x00080090, 'PN', ''],
  [0x00100010, 'PN', ''],
  [0x00100020, 'LO', ''],
  [0x00100030, 'DA', ''],
  [0x00100040, 'CS', ''],
  [0x00200010, 'SH', ''],
];
