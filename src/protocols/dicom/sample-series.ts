/**
 * A CT series that nobody was scanned for: a phantom of ellipses, with an invented patient, for the demo, the tests and the bench.
 * In: who, which study, how many slices of what size. Out: one object a slice, made when it is asked for, always the same bytes for the same input.
 */
import { EXPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts';
import { type DatasetElement, writeDataset } from './write.ts';

export type SampleSeries = {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly patientId: string;
  /** `Family^Given`. */
  readonly patientName: string;
  /** `YYYYMMDD`, or ''. */
  readonly birthDate: string;
  /** `M`, `F`, `O`, or ''. */
  readonly sex: string;
  /** '' for images that come without an order. */
  readonly accession: string;
  /** Local namespace of the accession number's issuer, '' to leave the sequence out. */
  readonly accessionIssuer?: string;
  /** Issuer of Patient ID, '' to leave it out. */
  readonly patientIdIssuer?: string;
  /** `YYYYMMDD` and `HHMMSS`. */
  readonly studyDate: string;
  readonly studyTime: string;
  readonly description: string;
  readonly bodyPart: string;
  readonly slices: number;
  /** Rows and columns; 512 makes half a megabyte a slice. */
  readonly size: number;
};

export type SampleObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
  readonly dataset: Buffer;
};

const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';

export function* sampleSeries(series: SampleSeries): Generator<SampleObject, void> {
  for (let slice = 1; slice <= series.slices; slice++) {
    const sopInstanceUid = `${series.seriesUid}.${slice}`;
    const dataset = writeDataset([...patient(series), ...study(series), ...image(series, slice, sopInstanceUid)]);
    yield { sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid, transferSyntax: EXPLICIT_LITTLE_ENDIAN, dataset };
  }
}

/** PS3.3 §C.7.1.1 Patient Module. */
function patient(series: SampleSeries): DatasetElement[] {
  const elements: DatasetElement[] = [
    [0x00100010, 'PN', series.patientName],
    [0x00100020, 'LO', series.patientId],
    [0x00100030, 'DA', series.birthDate],
    [0x00100040, 'CS', series.sex],
  ];
  return series.patientIdIssuer ? [...elements, [0x00100021, 'LO', series.patientIdIssuer]] : elements;
}

/** PS3.3 §C.7.2.1 General Study and §C.7.3.1 General Series. */
function study(series: SampleSeries): DatasetElement[] {
  const elements: DatasetElement[] = [
    [0x00080005, 'CS', 'ISO_IR 192'],
    [0x00080020, 'DA', series.studyDate],
    [0x00080030, 'TM', series.studyTime],
    [0x00080050, 'SH', series.accession],
    [0x00080060, 'CS', 'CT'],
    [0x00080070, 'LO', 'Waystation'],
    [0x00080090, 'PN', ''],
    [0x00081030, 'LO', series.description],
    [0x00180015, 'CS', series.bodyPart],
    [0x0020000d, 'UI', series.studyUid],
    [0x0020000e, 'UI', series.seriesUid],
    [0x00200010, 'SH', '1'],
    [0x00200011, 'IS', '1'],
  ];
  const issuer: DatasetElement = [0x00080051, 'SQ', [[[0x00400031, 'UT', series.accessionIssuer ?? '']]]];
  return series.accessionIssuer ? [...elements, issuer] : elements;
}

/** PS3.3 §C.7.6.3 Image Pixel and §C.8.2.1 CT Image. */
function image({ size, slices }: SampleSeries, slice: number, sopInstanceUid: string): DatasetElement[] {
  return [
    [0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    [0x00080016, 'UI', CT_IMAGE_STORAGE],
    [0x00080018, 'UI', sopInstanceUid],
    [0x00180050, 'DS', '2.5'],
    [0x00180060, 'DS', '120'],
    [0x00200012, 'IS', '1'],
    [0x00200013, 'IS', String(slice)],
    [0x00200032, 'DS', `-200\\-200\\${slice * 2.5}`],
    [0x00200037, 'DS', '1\\0\\0\\0\\1\\0'],
    [0x00200052, 'UI', `${sopInstanceUid.slice(0, sopInstanceUid.lastIndexOf('.'))}.0`],
    [0x00280002, 'US', 1],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280010, 'US', size],
    [0x00280011, 'US', size],
    [0x00280030, 'DS', `${(400 / size).toFixed(4)}\\${(400 / size).toFixed(4)}`],
    [0x00280100, 'US', 16],
    [0x00280101, 'US', 12],
    [0x00280102, 'US', 11],
    [0x00280103, 'US', 0],
    [0x00281050, 'DS', '1040'],
    [0x00281051, 'DS', '400'],
    [0x00281052, 'DS', '-1024'],
    [0x00281053, 'DS', '1'],
    [0x7fe00010, 'OW', phantom(size, slice / (slices + 1))],
  ];
}

/** Values are Hounsfield units + 1024; `height` is 0 to 1 from the lowest slice to the highest. */
function phantom(size: number, height: number): Buffer {
  const pixels = Buffer.alloc(size * size * 2);
  const girth = Math.sin(Math.PI * height) * 0.5 + 0.5;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = (2 * column) / size - 1;
      const y = (2 * row) / size - 1;
      const inside = ELLIPSES.filter(
        (ellipse) => ((x - ellipse.x) / ellipse.width) ** 2 + ((y - ellipse.y) / ellipse.height) ** 2 < girth ** 2,
      );
      pixels.writeUInt16LE(inside.at(-1)?.value ?? AIR, (row * size + column) * 2);
    }
  }
  return pixels;
}

const AIR = 0;
/** Body, lungs, spine, and something to find. */
const ELLIPSES = [
  { x: 0, y: 0, width: 0.9, height: 0.65, value: 1064 },
  { x: -0.42, y: -0.05, width: 0.3, height: 0.42, value: 174 },
  { x: 0.42, y: -0.05, width: 0.3, height: 0.42, value: 174 },
  { x: 0, y: 0.42, width: 0.12, height: 0.14, value: 1724 },
  { x: 0.5, y: -0.15, width: 0.06, height: 0.06, value: 1090 },
] as const;
