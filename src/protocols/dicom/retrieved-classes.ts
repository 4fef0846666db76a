/**
 * What is proposed to be taken by C-GET (PS3.4 §C.4.3.3): the requestor has to name the SOP classes and transfer syntaxes before it knows
 * what comes, and an association has room for 128 of them (PS3.8 §9.3.2.2). What is not among them a C-MOVE brings.
 */
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts';

export const UNCOMPRESSED = [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] as const;

/** Those that images are mostly kept in: lossless ones first. */
export const COMPRESSED = [
  '1.2.840.10008.1.2.4.70', // JPEG Lossless, First-Order Prediction
  '1.2.840.10008.1.2.4.57', // JPEG Lossless
  '1.2.840.10008.1.2.4.90', // JPEG 2000 (Lossless Only)
  '1.2.840.10008.1.2.4.201', // HTJ2K (Lossless Only)
  '1.2.840.10008.1.2.4.80', // JPEG-LS Lossless
  '1.2.840.10008.1.2.5', // RLE Lossless
  '1.2.840.10008.1.2.4.91', // JPEG 2000
  '1.2.840.10008.1.2.4.81', // JPEG-LS Lossy
  '1.2.840.10008.1.2.4.50', // JPEG Baseline
  '1.2.840.10008.1.2.4.51', // JPEG Extended
  '1.2.840.10008.1.2.4.203', // HTJ2K
] as const;

const ROOT = '1.2.840.10008.5.1.4.1.1.';

/** PS3.4 Table B.5-1. */
export const RETRIEVED_IMAGES: readonly string[] = [
  '1', // Computed Radiography
  '1.1', // Digital X-Ray - For Presentation
  '1.1.1', // Digital X-Ray - For Processing
  '1.2', // Digital Mammography X-Ray - For Presentation
  '1.2.1', // Digital Mammography X-Ray - For Processing
  '1.3', // Digital Intra-Oral X-Ray - For Presentation
  '2', // CT
  '2.1', // Enhanced CT
  '2.2', // Legacy Converted Enhanced CT
  '3', // Ultrasound Multi-frame (Retired)
  '3.1', // Ultrasound Multi-frame
  '4', // MR
  '4.1', // Enhanced MR
  '4.3', // Enhanced MR Color
  '4.4', // Legacy Converted Enhanced MR
  '5', // Nuclear Medicine (Retired)
  '6', // Ultrasound (Retired)
  '6.1', // Ultrasound
  '6.2', // Enhanced US Volume
  '7', // Secondary Capture
  '7.2', // Multi-frame Grayscale Byte Secondary Capture
  '7.3', // Multi-frame Grayscale Word Secondary Capture
  '7.4', // Multi-frame True Color Secondary Capture
  '12.1', // X-Ray Angiographic
  '12.1.1', // Enhanced XA
  '12.2', // X-Ray Radiofluoroscopic
  '12.2.1', // Enhanced XRF
  '13.1.1', // X-Ray 3D Angiographic
  '13.1.2', // X-Ray 3D Craniofacial
  '13.1.3', // Breast Tomosynthesis
  '20', // Nuclear Medicine
  '77.1.1', // VL Endoscopic
  '77.1.2', // VL Microscopic
  '77.1.4', // VL Photographic
  '77.1.5.1', // Ophthalmic Photography 8 Bit
  '77.1.5.2', // Ophthalmic Photography 16 Bit
  '77.1.5.4', // Ophthalmic Tomography
  '77.1.6', // VL Whole Slide Microscopy
  '77.1.7', // Dermoscopic Photography
  '128', // Positron Emission Tomography
  '130', // Enhanced PET
].map((below) => ROOT + below);

/** Without pixels, or seldom compressed. */
export const RETRIEVED_OTHERS: readonly string[] = [
  '4.2', // MR Spectroscopy
  '9.1.1', // 12-lead ECG Waveform
  '9.1.2', // General ECG Waveform
  '11.1', // Grayscale Softcopy Presentation State
  '11.2', // Color Softcopy Presentation State
  '66', // Raw Data
  '66.1', // Spatial Registration
  '66.4', // Segmentation
  '88.11', // Basic Text SR
  '88.22', // Enhanced SR
  '88.33', // Comprehensive SR
  '88.50', // Mammography CAD SR
  '88.59', // Key Object Selection
  '88.67', // X-Ray Radiation Dose SR
  '104.1', // Encapsulated PDF
  '481.1', // RT Image
  '481.2', // RT Dose
  '481.3', // RT Structure Set
  '481.5', // RT Plan
].map((below) => ROOT + below);
