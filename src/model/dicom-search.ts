/** What is searched of DICOM studies: the words between the query of a caller and the index. */
export type DicomLevel = 'study' | 'series' | 'instance';

/** Columns of the index, by level: those of a level above may be asked for too. */
export type DicomColumn = {
  study:
    | 'study_uid'
    | 'study_date'
    | 'study_time'
    | 'accession'
    | 'patient_id'
    | 'patient_issuer'
    | 'patient_name'
    | 'birth_date'
    | 'sex'
    | 'referrer'
    | 'study_id'
    | 'description'
    | 'modalities';
  series: 'series_uid' | 'modality' | 'number' | 'description' | 'body_part';
  instance: 'sop_instance_uid' | 'sop_class_uid' | 'number';
};

export type DicomTest =
  /** One of these values. */
  | { readonly is: 'any'; readonly values: readonly string[] }
  /** `*` and `?` stand for what they do in DICOM (PS3.4 §C.2.2.2.4). */
  | { readonly is: 'like'; readonly pattern: string }
  /** Both inclusive, '' is open; as text. */
  | { readonly is: 'range'; readonly from: string; readonly to: string }
  /** A name that has a word with each of these beginnings. */
  | { readonly is: 'words'; readonly beginnings: readonly string[] };

export type DicomCondition = {
  readonly [Level in DicomLevel]: { readonly level: Level; readonly column: DicomColumn[Level]; readonly test: DicomTest };
}[DicomLevel];

export type DicomSearch = {
  /** `patient`: one study of each, the newest. */
  readonly level: DicomLevel | 'patient';
  readonly conditions: readonly DicomCondition[];
  readonly limit: number;
  /** How many matches are passed over: a parameter of QIDO-RS. */
  readonly offset?: number;
  /** The match after which it goes on, by its place: what comes or goes meanwhile shifts nothing. */
  readonly after?: DicomPlace | undefined;
};

/** Where a match stands in the order of its level, opaque: whoever reads on gives it back. */
export type DicomPlace = readonly string[];

/** One study with its series of which the index shall know. */
export type IndexedStudy = {
  readonly studyUid: string;
  readonly columns: Readonly<
    Record<
      'study_date' | 'study_time' | 'accession' | 'patient_id' | 'patient_issuer' | 'birth_date' | 'sex' | 'study_id' | 'description',
      string
    >
  >;
  readonly patientName: readonly string[];
  readonly referrer: readonly string[];
  readonly attributes: Buffer;
  readonly series: readonly IndexedSeries[];
};

export type IndexedSeries = {
  readonly seriesUid: string;
  readonly modality: string;
  readonly number: number | null;
  readonly description: string;
  readonly bodyPart: string;
  readonly attributes: Buffer;
};
