/**
 * HL7 Table 0074, diagnostic service section (OBR-24), to category, performerType and hints (guide: DiagnosticServiceSectionID, codes as
 * they are). The table is older than most modalities, and senders put DICOM's modality (CID 29) there: what the table does not have and
 * DICOM does is read as a modality. `PT` is in both and stays what this table says: physical therapy.
 */
import type { CodeableConcept } from '@medplum/fhirtypes';

export const DIAGNOSTIC_SERVICE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0074';
const SNOMED = 'http://snomed.info/sct';

export type DiagnosticService = {
  readonly display: string;
  /** DICOM modality it surely means, or ''. */
  readonly modality: string;
  readonly practice: 'imaging' | 'pathology' | 'physiotherapy' | '';
};

/** What OBR-24 says; null for a code of neither table. */
export function diagnosticService(code: string): DiagnosticService | null {
  const service = DIAGNOSTIC_SERVICE.get(code);
  if (service) return service;
  return MODALITIES.has(code) ? { display: '', modality: code, practice: IMAGING.has(code) ? 'imaging' : '' } : null;
}

/** ServiceRequest.category of imaging orders: SNOMED CT 363679005. */
export const IMAGING_CATEGORY: CodeableConcept = { coding: [{ system: SNOMED, code: '363679005', display: 'Imaging' }] };

/** ServiceRequest.performerType: practice settings of SNOMED CT. */
export const PERFORMER_TYPE: Readonly<Record<DiagnosticService['practice'], CodeableConcept | undefined>> = {
  imaging: { coding: [{ system: SNOMED, code: '394914008', display: 'Radiology' }] },
  pathology: { coding: [{ system: SNOMED, code: '394915009', display: 'General pathology' }] },
  physiotherapy: { coding: [{ system: SNOMED, code: '722138006', display: 'Physiotherapy' }] },
  '': undefined,
};

export const DIAGNOSTIC_SERVICE: ReadonlyMap<string, DiagnosticService> = new Map<string, DiagnosticService>([
  ['AU', { display: 'Audiology', modality: '', practice: '' }],
  ['BG', { display: 'Blood Gases', modality: '', practice: '' }],
  ['BLB', { display: 'Blood Bank', modality: '', practice: '' }],
  ['CG', { display: 'Cytogenetics', modality: '', practice: '' }],
  ['CH', { display: 'Chemistry', modality: '', practice: '' }],
  ['CP', { display: 'Cytopathology', modality: '', practice: 'pathology' }],
  ['CT', { display: 'CAT Scan', modality: 'CT', practice: 'imaging' }],
  ['CTH', { display: 'Cardiac Catheterization', modality: '', practice: '' }],
  ['CUS', { display: 'Cardiac Ultrasound', modality: '', practice: '' }],
  ['EC', { display: 'Electrocardiac (e.g., EKG,  EEC, Holter)', modality: '', practice: '' }],
  ['EN', { display: 'Electroneuro (EEG, EMG,EP,PSG)', modality: '', practice: '' }],
  ['GE', { display: 'Genetics', modality: '', practice: '' }],
  ['HM', { display: 'Hematology', modality: '', practice: '' }],
  ['ICU', { display: 'Bedside ICU Monitoring', modality: '', practice: '' }],
  ['IMG', { display: 'Diagnostic Imaging', modality: '', practice: 'imaging' }],
  ['IMM', { display: 'Immunology', modality: '', practice: '' }],
  ['LAB', { display: 'Laboratory', modality: '', practice: '' }],
  ['MB', { display: 'Microbiology', modality: '', practice: '' }],
  ['MCB', { display: 'Mycobacteriology', modality: '', practice: '' }],
  ['MYC', { display: 'Mycology', modality: '', practice: '' }],
  ['NMR', { display: 'Nuclear Magnetic Resonance', modality: 'MR', practice: 'imaging' }],
  ['NMS', { display: 'Nuclear Medicine Scan', modality: 'NM', practice: 'imaging' }],
  ['NRS', { display: 'Nursing Service Measures', modality: '', practice: '' }],
  ['OSL', { display: 'Outside Lab', modality: '', practice: '' }],
  ['OT', { display: 'Occupational Therapy', modality: '', practice: '' }],
  ['OTH', { display: 'Other', modality: '', practice: '' }],
  ['OUS', { display: 'OB Ultrasound', modality: 'US', practice: 'imaging' }],
  ['PAR', { display: 'Parasitology', modality: '', practice: '' }],
  ['PAT', { display: 'Pathology (gross & histopath, not surgical)', modality: '', practice: 'pathology' }],
  ['PF', { display: 'Pulmonary Function', modality: '', practice: '' }],
  ['PHR', { display: 'Pharmacy', modality: '', practice: '' }],
  ['PHY', { display: 'Physician (Hx. Dx, admission note, etc.)', modality: '', practice: '' }],
  ['PT', { display: 'Physical Therapy', modality: '', practice: 'physiotherapy' }],
  ['RAD', { display: 'Radiology', modality: '', practice: 'imaging' }],
  ['RC', { display: 'Respiratory Care (therapy)', modality: '', practice: '' }],
  ['RT', { display: 'Radiation Therapy', modality: '', practice: '' }],
  ['RUS', { display: 'Radiology Ultrasound', modality: 'US', practice: 'imaging' }],
  ['RX', { display: 'Radiograph', modality: '', practice: 'imaging' }],
  ['SP', { display: 'Surgical Pathology', modality: '', practice: 'pathology' }],
  ['SR', { display: 'Serology', modality: '', practice: '' }],
  ['TX', { display: 'Toxicology', modality: '', practice: '' }],
  ['URN', { display: 'Urinalysis', modality: '', practice: '' }],
  ['VR', { display: 'Virology', modality: '', practice: '' }],
  ['VUS', { display: 'Vascular Ultrasound', modality: 'US', practice: 'imaging' }],
  ['XRC', { display: 'Cineradiograph', modality: '', practice: 'imaging' }],
]);

/** DICOM PS3.16 CID 29 (acquisition modality) and photography, as far as they are ordered. */
const IMAGING: ReadonlySet<string> = new Set(['BMD', 'CR', 'DX', 'IO', 'IVUS', 'MG', 'MR', 'NM', 'PX', 'RF', 'RG', 'US', 'XA']);
const MODALITIES: ReadonlySet<string> = new Set([
  ...IMAGING,
  'DMS',
  'ECG',
  'EPS',
  'ES',
  'GM',
  'OAM',
  'OCT',
  'OP',
  'OPM',
  'OPT',
  'OPTBSV',
  'OPTENF',
  'OPV',
  'SM',
  'XC',
]);
