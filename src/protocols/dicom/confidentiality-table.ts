/**
 * PS3.15 Table E.1-1, Application Level Confidentiality Profile Attributes, as of edition 2025b. A row: tag, action of the Basic Profile, the retain options
 * under which it is kept (K), name. Actions as in Table E.1-1a: D dummy value, Z zero length or dummy, X removed, U another UID; of
 * combined ones the IOD decides. What the clean options say (C) is not here: where cleaning is not possible the basic action holds.
 * Curves (50xx), overlays (60xx) and private attributes are no rows: they are removed by their groups.
 */
export type ProfileOption = 'uids' | 'device' | 'institution' | 'patient' | 'dates';
export type ProfileAction = 'D' | 'Z' | 'X' | 'U' | 'X/Z' | 'X/D' | 'Z/D' | 'X/Z/D' | 'X/Z/U';
export type ProfileRow = { readonly action: ProfileAction; readonly keptBy: readonly ProfileOption[] };

/** The row of a tag, or undefined for an attribute that the profile does not list. */
export function profileRow(tag: number): ProfileRow | undefined {
  rows ??= new Map(TABLE_E_1_1.trim().split('\n').map(rowOf));
  return rows.get(tag);
}

let rows: ReadonlyMap<number, ProfileRow> | null = null;

function rowOf(line: string): [number, ProfileRow] {
  const [tag = '', action = '', options = ''] = line.split(/ +/);
  const keptBy = options === '-' ? [] : (options.split('+') as ProfileOption[]);
  return [Number.parseInt(tag, 16), { action: action as ProfileAction, keptBy }];
}

const TABLE_E_1_1 = `
00080012 X/D    dates              Instance Creation Date
00080013 X/Z/D  dates              Instance Creation Time
00080014 U      uids               Instance Creator UID
00080015 X      dates              Instance Coercion DateTime
00080017 U      uids               Acquisition UID
00080018 U      uids               SOP Instance UID
00080019 U      uids               Pyramid UID
00080020 Z      dates              Study Date
00080021 X/D    dates              Series Date
00080022 X/Z    dates              Acquisition Date
00080023 Z/D    dates              Content Date
00080024 X      dates              Overlay Date
00080025 X      dates              Curve Date
0008002A X/Z/D  dates              Acquisition DateTime
00080030 Z      dates              Study Time
00080031 X/D    dates              Series Time
00080032 X/Z    dates              Acquisition Time
00080033 Z/D    dates              Content Time
00080034 X      dates              Overlay Time
00080035 X      dates              Curve Time
00080050 Z      -                  Accession Number
00080054 X      -                  Retrieve AE Title
00080055 X      -                  Station AE Title
00080058 U      uids               Failed SOP Instance UID List
00080080 X/Z/D  institution        Institution Name
00080081 X      institution        Institution Address
00080082 X/Z/D  institution        Institution Code Sequence
00080090 Z      -                  Referring Physician's Name
00080092 X      -                  Referring Physician's Address
00080094 X      -                  Referring Physician's Telephone Numbers
00080096 X      -                  Referring Physician Identification Sequence
0008009C Z      -                  Consulting Physician's Name
0008009D X      -                  Consulting Physician Identification Sequence
00080106 D      dates              Context Group Version
00080107 D      dates              Context Group Local Version
00080201 X      dates              Timezone Offset From UTC
00081000 X      -                  Network ID
00081010 X/Z/D  device             Station Name
00081030 X      -                  Study Description
0008103E X      -                  Series Description
00081040 X      institution        Institutional Department Name
00081041 X      institution        Institutional Department Type Code Sequence
00081048 X      -                  Physician(s) of Record
00081049 X      -                  Physician(s) of Record Identification Sequence
00081050 X      -                  Performing Physician's Name
00081052 X      -                  Performing Physician Identification Sequence
00081060 X      -                  Name of Physician(s) Reading Study
00081062 X      -                  Physician(s) Reading Study Identification Sequence
00081070 X/Z/D  -                  Operators' Name
00081072 X/D    -                  Operator Identification Sequence
00081080 X      -                  Admitting Diagnoses Description
00081084 X      -                  Admitting Diagnoses Code Sequence
00081088 X      -                  Pyramid Description
00081110 X/Z    uids               Referenced Study Sequence
00081111 X/Z/D  uids               Referenced Performed Procedure Step Sequence
00081120 X      uids               Referenced Patient Sequence
00081140 X/Z/U  uids               Referenced Image Sequence
00081155 U      uids               Referenced SOP Instance UID
00081195 U      uids               Transaction UID
00081301 X      -                  Principal Diagnosis Code Sequence
00081302 X      -                  Primary Diagnosis Code Sequence
00081303 X      -                  Secondary Diagnoses Code Sequence
00081304 X      -                  Histological Diagnoses Code Sequence
00082111 X      -                  Derivation Description
00082112 X/Z/U  uids               Source Image Sequence
00083010 U      uids               Irradiation Event UID
00084000 X      -                  Identifying Comments
00100010 Z      -                  Patient's Name
00100011 X      -                  Person Names to Use Sequence
00100012 X      -                  Name to Use
00100013 X      -                  Name to Use Comment
00100014 X      -                  Third Person Pronouns Sequence
00100015 X      -                  Pronoun Code Sequence
00100016 X      -                  Pronoun Comment
00100020 Z      -                  Patient ID
00100021 X      -                  Issuer of Patient ID
00100030 Z      -                  Patient's Birth Date
00100032 X      -                  Patient's Birth Time
00100040 Z      patient            Patient's Sex
00100041 X      -                  Gender Identity Sequence
00100042 X      -                  Sex Parameters for Clinical Use Category Comment
00100043 X      patient            Sex Parameters for Clinical Use Category Sequence
00100044 X      -                  Gender Identity Code Sequence
00100045 X      -                  Gender Identity Comment
00100046 X      patient            Sex Parameters for Clinical Use Category Code Sequence
00100047 X      patient            Sex Parameters for Clinical Use Category Reference
00100050 X      -                  Patient's Insurance Plan Code Sequence
00100101 X      -                  Patient's Primary Language Code Sequence
00100102 X      -                  Patient's Primary Language Modifier Code Sequence
00101000 X      -                  Other Patient IDs
00101001 X      -                  Other Patient Names
00101002 X      -                  Other Patient IDs Sequence
00101005 X      -                  Patient's Birth Name
00101010 X      patient            Patient's Age
00101020 X      patient            Patient's Size
00101030 X      patient            Patient's Weight
00101040 X      -                  Patient's Address
00101050 X      -                  Insurance Plan Identification
00101060 X      -                  Patient's Mother's Birth Name
00101080 X      -                  Military Rank
00101081 X      -                  Branch of Service
00101090 X      -                  Medical Record Locator
00101100 X      -                  Referenced Patient Photo Sequence
00102000 X      -                  Medical Alerts
00102110 X      -                  Allergies
00102150 X      -                  Country of Residence
00102152 X      -                  Region of Residence
00102154 X      -                  Patient's Telephone Numbers
00102155 X      -                  Patient's Telecom Information
00102160 X      patient            Ethnic Group
00102161 X      patient            Ethnic Group Code Sequence
00102162 X      patient            Ethnic Groups
00102180 X      -                  Occupation
001021A0 X      patient            Smoking Status
001021B0 X      -                  Additional Patient History
001021C0 X      patient            Pregnancy Status
001021D0 X      dates              Last Menstrual Date
001021F0 X      -                  Patient's Religious Preference
00102203 X/Z    patient            Patient's Sex Neutered
00102297 X      -                  Responsible Person
00102299 X      -                  Responsible Organization
00104000 X      -                  Patient Comments
00120010 D      -                  Clinical Trial Sponsor Name
00120020 D      -                  Clinical Trial Protocol ID
00120021 Z      -                  Clinical Trial Protocol Name
00120022 X      -                  Issuer of Clinical Trial Protocol ID
00120023 X      -                  Other Clinical Trial Protocol IDs Sequence
00120030 Z      institution        Clinical Trial Site ID
00120031 Z      institution        Clinical Trial Site Name
00120032 X      -                  Issuer of Clinical Trial Site ID
00120040 D      -                  Clinical Trial Subject ID
00120041 X      -                  Issuer of Clinical Trial Subject ID
00120042 D      -                  Clinical Trial Subject Reading ID
00120043 X      -                  Issuer of Clinical Trial Subject Reading ID
00120050 Z      -                  Clinical Trial Time Point ID
00120051 X      -                  Clinical Trial Time Point Description
00120055 X      -                  Issuer of Clinical Trial Time Point ID
00120060 Z      institution        Clinical Trial Coordinating Center Name
00120071 X      -                  Clinical Trial Series ID
00120072 X      -                  Clinical Trial Series Description
00120073 X      -                  Issuer of Clinical Trial Series ID
00120081 D      institution        Clinical Trial Protocol Ethics Committee Name
00120082 X      -                  Clinical Trial Protocol Ethics Committee Approval Number
00120086 X      dates              Ethics Committee Approval Effectiveness Start Date
00120087 X      dates              Ethics Committee Approval Effectiveness End Date
0014407C X      device+dates       Calibration Time
0014407E X      device+dates       Calibration Date
0016002B X      -                  Maker Note
0016004B X      -                  Device Setting Description
0016004D X      -                  Camera Owner Name
0016004E X      device             Lens Specification
0016004F X      device             Lens Make
00160050 X      device             Lens Model
00160051 X      device             Lens Serial Number
00160070 X      -                  GPS Version ID
00160071 X      -                  GPS Latitudeâ Ref
00160072 X      -                  GPS Latitudeâ
00160073 X      -                  GPS Longitude Ref
00160074 X      -                  GPS Longitude
00160075 X      -                  GPS Altitudeâ Ref
00160076 X      -                  GPS Altitudeâ
00160077 X      -                  GPS Timeâ Stamp
00160078 X      -                  GPS Satellites
00160079 X      -                  GPS Status
0016007A X      -                  GPS Measure âMode
0016007B X      -                  GPS DOP
0016007C X      -                  GPS Speedâ Ref
0016007D X      -                  GPS Speedâ
0016007E X      -                  GPS Track âRef
0016007F X      -                  GPS Track
00160080 X      -                  GPS Imgâ Direction Ref
00160081 X      -                  GPS Img âDirection
00160082 X      -                  GPS Mapâ Datum
00160083 X      -                  GPS Destâ Latitude Ref
00160084 X      -                  GPS Destâ Latitude
00160085 X      -                  GPS Dest âLongitude Ref
00160086 X      -                  GPS Dest âLongitude
00160087 X      -                  GPS Destâ Bearing Ref
00160088 X      -                  GPS Dest âBearing
00160089 X      -                  GPS Dest âDistance Ref
0016008A X      -                  GPS Dest âDistance
0016008B X      -                  GPS Processingâ Method
0016008C X      -                  GPS Area âInformation
0016008D X      dates              GPS Dateâ Stamp
0016008E X      -                  GPS Differential
00180010 Z/D    -                  Contrast/Bolus Agent
00180027 X      dates              Intervention Drug Stop Time
00180035 X      dates              Intervention Drug Start Time
00181000 X/Z/D  device             Device Serial Number
00181002 U      uids+device        Device UID
00181004 X      device             Plate ID
00181005 X      device             Generator ID
00181007 X      device             Cassette ID
00181008 X      device             Gantry ID
00181009 X      device             Unique Device Identifier
0018100A X      device             UDI Sequence
0018100B U      uids+device        Manufacturer's Device Class UID
00181010 X      device             Secondary Capture Device ID
00181011 X      device             Hardcopy Creation Device ID
00181012 X      dates              Date of Secondary Capture
00181014 X      dates              Time of Secondary Capture
00181030 X/D    -                  Protocol Name
00181042 X      dates              Contrast/Bolus Start Time
00181043 X      dates              Contrast/Bolus Stop Time
00181072 X      dates              Radiopharmaceutical Start Time
00181073 X      dates              Radiopharmaceutical Stop Time
00181078 X      dates              Radiopharmaceutical Start DateTime
00181079 X      dates              Radiopharmaceutical Stop DateTime
001811BB D      -                  Acquisition Field of View Label
00181200 X      device+dates       Date of Last Calibration
00181201 X      device+dates       Time of Last Calibration
00181202 X      device+dates       DateTime of Last Calibration
00181203 Z      device+dates       Calibration DateTime
00181204 X      device+dates       Date of Manufacture
00181205 X      device+dates       Date of Installation
00181400 X/D    -                  Acquisition Device Processing Description
00182042 U      uids               Target UID
00184000 X      -                  Acquisition Comments
00185011 X      device             Transducer Identification Sequence
0018700A X/D    device             Detector ID
0018700C X/D    device+dates       Date of Last Detector Calibration
0018700E X/D    device+dates       Time of Last Detector Calibration
00189074 D      dates              Frame Acquisition DateTime
00189151 D      dates              Frame Reference DateTime
00189185 X      -                  Respiratory Motion Compensation Technique Description
00189367 D      device             X-Ray Source ID
00189369 D      dates              Source Start DateTime
0018936A D      dates              Source End DateTime
00189371 D      device             X-Ray Detector ID
00189373 X      device             X-Ray Detector Label
0018937B X      -                  Multi-energy Acquisition Description
0018937F X      -                  Decomposition Description
00189424 X      -                  Acquisition Protocol Description
00189516 X/D    dates              Start Acquisition DateTime
00189517 X/D    dates              End Acquisition DateTime
00189623 D      dates              Functional Sync Pulse
00189701 D      dates              Decay Correction DateTime
00189804 D      dates              Exclusion Start DateTime
00189919 Z/D    dates              Instruction Performed DateTime
00189937 X      -                  Requested Series Description
0018A002 X      dates              Contribution DateTime
0018A003 X      -                  Contribution Description
0020000D U      uids               Study Instance UID
0020000E U      uids               Series Instance UID
00200010 Z      -                  Study ID
00200027 X      -                  Pyramid Label
00200052 U      uids               Frame of Reference UID
00200200 U      uids               Synchronization Frame of Reference UID
00203401 X      device             Modifying Device ID
00203403 X      dates              Modified Image Date
00203405 X      dates              Modified Image Time
00203406 X      -                  Modified Image Description
00204000 X      -                  Image Comments
00209158 X      -                  Frame Comments
00209161 U      uids               Concatenation UID
00209164 U      uids               Dimension Organization UID
00281199 U      uids               Palette Color Lookup Table UID
00281214 U      uids               Large Palette Color Lookup Table UID
00284000 X      -                  Image Presentation Comments
00320012 X      -                  Study ID Issuer
00320032 X      dates              Study Verified Date
00320033 X      dates              Study Verified Time
00320034 X      dates              Study Read Date
00320035 X      dates              Study Read Time
00321000 X      dates              Scheduled Study Start Date
00321001 X      dates              Scheduled Study Start Time
00321010 X      dates              Scheduled Study Stop Date
00321011 X      dates              Scheduled Study Stop Time
00321020 X      device             Scheduled Study Location
00321021 X      -                  Scheduled Study Location AE Title
00321030 X      -                  Reason for Study
00321032 X      -                  Requesting Physician
00321033 X      -                  Requesting Service
00321040 X      dates              Study Arrival Date
00321041 X      dates              Study Arrival Time
00321050 X      dates              Study Completion Date
00321051 X      dates              Study Completion Time
00321060 X/Z    -                  Requested Procedure Description
00321066 X      -                  Reason for Visit
00321067 X      -                  Reason for Visit Code Sequence
00321070 X      -                  Requested Contrast Agent
00324000 X      -                  Study Comments
00340001 D      -                  Flow Identifier Sequence
00340002 D      -                  Flow Identifier
00340005 D      -                  Source Identifier
00340007 D      dates              Frame Origin Timestamp
00380004 X      -                  Referenced Patient Alias Sequence
00380010 X      -                  Admission ID
00380011 X      -                  Issuer of Admission ID
00380014 X      -                  Issuer of Admission ID Sequence
0038001A X      dates              Scheduled Admission Date
0038001B X      dates              Scheduled Admission Time
0038001C X      dates              Scheduled Discharge Date
0038001D X      dates              Scheduled Discharge Time
0038001E X      -                  Scheduled Patient Institution Residence
00380020 X      dates              Admitting Date
00380021 X      dates              Admitting Time
00380030 X      dates              Discharge Date
00380032 X      dates              Discharge Time
00380040 X      -                  Discharge Diagnosis Description
00380050 X      -                  Special Needs
00380060 X      -                  Service Episode ID
00380061 X      -                  Issuer of Service Episode ID
00380062 X      -                  Service Episode Description
00380064 X      -                  Issuer of Service Episode ID Sequence
00380300 X      -                  Current Patient Location
00380400 X      -                  Patient's Institution Residence
00380500 X      -                  Patient State
00384000 X      -                  Visit Comments
003A0310 U      uids               Multiplex Group UID
003A0314 D      dates              Impedance Measurement DateTime
003A0329 X      -                  Waveform Filter Description
003A032B X      -                  Filter Lookup Table Description
00400001 X      -                  Scheduled Station AE Title
00400002 X      dates              Scheduled Procedure Step Start Date
00400003 X      dates              Scheduled Procedure Step Start Time
00400004 X      dates              Scheduled Procedure Step End Date
00400005 X      dates              Scheduled Procedure Step End Time
00400006 X      -                  Scheduled Performing Physician's Name
00400007 X      -                  Scheduled Procedure Step Description
00400009 X      -                  Scheduled Procedure Step ID
0040000B X      -                  Scheduled Performing Physician Identification Sequence
00400010 X      device             Scheduled Station Name
00400011 X      device             Scheduled Procedure Step Location
00400012 X      -                  Pre-Medication
00400241 X      -                  Performed Station AE Title
00400242 X      device             Performed Station Name
00400243 X      -                  Performed Location
00400244 X      dates              Performed Procedure Step Start Date
00400245 X      dates              Performed Procedure Step Start Time
00400250 X      dates              Performed Procedure Step End Date
00400251 X      dates              Performed Procedure Step End Time
00400253 X      -                  Performed Procedure Step ID
00400254 X      -                  Performed Procedure Step Description
00400275 X      -                  Request Attributes Sequence
00400280 X      -                  Comments on the Performed Procedure Step
00400310 X      -                  Comments on Radiation Dose
0040050A X      -                  Specimen Accession Number
00400512 D      -                  Container Identifier
00400513 Z      -                  Issuer of the Container Identifier Sequence
0040051A X      -                  Container Description
00400551 D      -                  Specimen Identifier
00400554 U      uids               Specimen UID
00400555 X/Z    -                  Acquisition Context Sequence
00400562 Z      -                  Issuer of the Specimen Identifier Sequence
00400600 X      -                  Specimen Short Description
00400602 X      -                  Specimen Detailed Description
00400610 Z      -                  Specimen Preparation Sequence
004006FA X      -                  Slide Identifier
00401001 X      -                  Requested Procedure ID
00401002 X      -                  Reason for the Requested Procedure
00401004 X      -                  Patient Transport Arrangements
00401005 X      -                  Requested Procedure Location
0040100A X      -                  Reason for Requested Procedure Code Sequence
00401010 X      -                  Names of Intended Recipients of Results
00401011 X      -                  Intended Recipients of Results Identification Sequence
00401101 D      -                  Person Identification Code Sequence
00401102 X      -                  Person's Address
00401103 X      -                  Person's Telephone Numbers
00401104 X      -                  Person's Telecom Information
00401400 X      -                  Requested Procedure Comments
00402001 X      -                  Reason for the Imaging Service Request
00402004 X      dates              Issue Date of Imaging Service Request
00402005 X      dates              Issue Time of Imaging Service Request
00402008 X      -                  Order Entered By
00402009 X      -                  Order Enterer's Location
00402010 X      -                  Order Callback Phone Number
00402011 X      -                  Order Callback Telecom Information
00402016 Z      -                  Placer Order Number / Imaging Service Request
00402017 Z      -                  Filler Order Number / Imaging Service Request
00402400 X      -                  Imaging Service Request Comments
00403001 X      -                  Confidentiality Constraint on Patient Data Description
00404005 X      dates              Scheduled Procedure Step Start DateTime
00404008 X      dates              Scheduled Procedure Step Expiration DateTime
00404010 X      dates              Scheduled Procedure Step Modification DateTime
00404011 X      dates              Expected Completion DateTime
00404023 U      uids               Referenced General Purpose Scheduled Procedure Step Transaction UID
00404025 X      device             Scheduled Station Name Code Sequence
00404027 X      device             Scheduled Station Geographic Location Code Sequence
00404028 X      device             Performed Station Name Code Sequence
00404030 X      device             Performed Station Geographic Location Code Sequence
00404032 X      -                  Non-DICOM Output Code Sequence
00404034 X      -                  Scheduled Human Performers Sequence
00404035 X      -                  Actual Human Performers Sequence
00404036 X      -                  Human Performer's Organization
00404037 X      -                  Human Performer's Name
00404050 X      dates              Performed Procedure Step Start DateTime
00404051 X      dates              Performed Procedure Step End DateTime
00404052 X      dates              Procedure Step Cancellation DateTime
0040A023 X      dates              Findings Group Recording Date (Trial)
0040A024 X      dates              Findings Group Recording Time (Trial)
0040A027 D      -                  Verifying Organization
0040A030 D      dates              Verification DateTime
0040A032 X/D    dates              Observation DateTime
0040A033 X      dates              Observation Start DateTime
0040A034 X      dates              Effective Start DateTime
0040A035 X      dates              Effective Stop DateTime
0040A073 D      -                  Verifying Observer Sequence
0040A075 D      -                  Verifying Observer Name
0040A078 X      -                  Author Observer Sequence
0040A07A X      -                  Participant Sequence
0040A07C X      -                  Custodial Organization Sequence
0040A082 Z      dates              Participation DateTime
0040A088 Z      -                  Verifying Observer Identification Code Sequence
0040A110 X      dates              Date of Document or Verbal Transaction (Trial)
0040A112 X      dates              Time of Document Creation or Verbal Transaction (Trial)
0040A120 D      dates              DateTime
0040A121 D      dates              Date
0040A122 D      dates              Time
0040A123 D      -                  Person Name
0040A124 U      -                  UID
0040A13A D      dates              Referenced DateTime
0040A171 U      uids               Observation UID
0040A172 U      uids               Referenced Observation UID (Trial)
0040A192 X      dates              Observation Date (Trial)
0040A193 X      dates              Observation Time (Trial)
0040A307 X      -                  Current Observer (Trial)
0040A352 X      -                  Verbal Source (Trial)
0040A353 X      -                  Address (Trial)
0040A354 X      -                  Telephone Number (Trial)
0040A358 X      -                  Verbal Source Identifier Code Sequence (Trial)
0040A402 U      uids               Observation Subject UID (Trial)
0040A730 D      -                  Content Sequence
0040B034 X      dates              Annotation DateTime
0040B036 X      dates              Segment Definition DateTime
0040B03B X      -                  Montage Name
0040B03F X      -                  Montage Channel Label
0040DB06 X      dates              Template Version
0040DB07 X      dates              Template Local Version
0040DB0C U      uids               Template Extension Organization UID
0040DB0D U      uids               Template Extension Creator UID
0040E004 X      dates              HL7 Document Effective Time
00420011 D      -                  Encapsulated Document
00440004 X      dates              Approval Status DateTime
0044000B X      dates              Product Expiration DateTime
00440010 X      dates              Substance Administration DateTime
00440104 D      dates              Assertion DateTime
00440105 X      dates              Assertion Expiration DateTime
0050001B X      -                  Container Component ID
00500020 X      device             Device Description
00500021 X      -                  Long Device Description
00620021 U      uids               Tracking UID
00640003 U      uids               Source Frame of Reference UID
00686226 D      dates              Effective DateTime
00686270 D      dates              Information Issue DateTime
006A0003 D      uids               Annotation Group UID
006A0005 D      -                  Annotation Group Label
006A0006 X      -                  Annotation Group Description
00700001 D      -                  Graphic Annotation Sequence
00700082 X      dates              Presentation Creation Date
00700083 X      dates              Presentation Creation Time
00700084 Z/D    -                  Content Creator's Name
00700086 X      -                  Content Creator's Identification Code Sequence
0070031A U      uids               Fiducial UID
00701101 U      uids               Presentation Display Collection UID
00701102 U      uids               Presentation Sequence Collection UID
0072000A D      dates              Hanging Protocol Creation DateTime
0072005E D      -                  Selector AE Value
0072005F D      patient            Selector AS Value
00720061 D      dates              Selector DA Value
00720063 D      dates              Selector DT Value
00720065 D      -                  Selector OB Value
00720066 D      -                  Selector LO Value
00720068 D      -                  Selector LT Value
0072006A D      -                  Selector PN Value
0072006B D      dates              Selector TM Value
0072006C D      -                  Selector SH Value
0072006D D      -                  Selector UN Value
0072006E D      -                  Selector ST Value
00720070 D      -                  Selector UT Value
00720071 D      -                  Selector UR Value
00741234 X      -                  Receiving AE
00741236 X      -                  Requesting AE
00880140 U      uids               Storage Media File-set UID
00880200 X      -                  Icon Image Sequence
00880904 X      -                  Topic Title
00880906 X      -                  Topic Subject
00880910 X      -                  Topic Author
00880912 X      -                  Topic Keywords
01000420 X      dates              SOP Authorization DateTime
04000100 U      -                  Digital Signature UID
04000105 D      dates              Digital Signature DateTime
04000115 D      -                  Certificate of Signer
04000310 X      dates              Certified Timestamp
04000402 X      -                  Referenced Digital Signature Sequence
04000403 X      -                  Referenced SOP Instance MAC Sequence
04000404 X      -                  MAC
04000550 X      -                  Modified Attributes Sequence
04000551 X      -                  Nonconforming Modified Attributes Sequence
04000552 X      -                  Nonconforming Data Element Value
04000561 X      -                  Original Attributes Sequence
04000562 D      dates              Attribute Modification DateTime
04000563 D      device             Modifying System
04000564 Z      device             Source of Previous Values
04000565 D      -                  Reason for the Attribute Modification
04000600 X      -                  Instance Origin Status
20300020 X      -                  Text String
21000040 X      dates              Creation Date
21000050 X      dates              Creation Time
21000070 X      -                  Originator
21000140 D      -                  Destination AE
22000002 X/Z    -                  Label Text
22000005 X/Z    -                  Barcode Value
30020121 X      -                  Position Acquisition Template Name
30020123 X      -                  Position Acquisition Template Description
30060002 D      -                  Structure Set Label
30060004 X      -                  Structure Set Name
30060006 X      -                  Structure Set Description
30060008 Z      dates              Structure Set Date
30060009 Z      dates              Structure Set Time
30060024 U      uids               Referenced Frame of Reference UID
30060026 Z      -                  ROI Name
30060028 X      -                  ROI Description
3006002D X      dates              ROI DateTime
3006002E X      dates              ROI Observation DateTime
30060038 X      -                  ROI Generation Description
3006004D X      -                  ROI Creator Sequence
3006004E X      -                  ROI Interpreter Sequence
30060085 X      -                  ROI Observation Label
30060088 X      -                  ROI Observation Description
300600A6 Z      -                  ROI Interpreter
300600C2 U      uids               Related Frame of Reference UID
30080024 D      dates              Treatment Control Point Date
30080025 D      dates              Treatment Control Point Time
30080054 X/D    dates              First Treatment Date
30080056 X/D    dates              Most Recent Treatment Date
30080105 X      device             Source Serial Number
30080162 D      dates              Safe Position Exit Date
30080164 D      dates              Safe Position Exit Time
30080166 D      dates              Safe Position Return Date
30080168 D      dates              Safe Position Return Time
30080250 X/D    dates              Treatment Date
30080251 X/D    dates              Treatment Time
300A0002 D      -                  RT Plan Label
300A0003 X      -                  RT Plan Name
300A0004 X      -                  RT Plan Description
300A0006 X/D    dates              RT Plan Date
300A0007 X/D    dates              RT Plan Time
300A000B X      -                  Treatment Sites
300A000E X      -                  Prescription Description
300A0013 U      uids               Dose Reference UID
300A0016 X      -                  Dose Reference Description
300A0054 U      uids               Table Top Position Alignment UID
300A0072 X      -                  Fraction Group Description
300A0083 U      uids               Referenced Dose Reference UID
300A00B2 X/Z    device             Treatment Machine Name
300A00C3 X      -                  Beam Description
300A00DD X      -                  Bolus Description
300A0196 X      -                  Fixation Device Description
300A01A6 X      -                  Shielding Device Description
300A01B2 X      -                  Setup Technique Description
300A0216 X      device             Source Manufacturer
300A022C D      dates              Source Strength Reference Date
300A022E D      dates              Source Strength Reference Time
300A02EB X      -                  Compensator Description
300A0608 D      -                  Treatment Position Group Label
300A0609 U      uids               Treatment Position Group UID
300A0611 Z      -                  RT Accessory Holder Slot ID
300A0615 Z      -                  RT Accessory Device Slot ID
300A0619 D      -                  Radiation Dose Identification Label
300A0623 D      -                  Radiation Dose In-Vivo Measurement Label
300A062A D      -                  RT Tolerance Set Label
300A0650 U      uids               Patient Setup UID
300A0676 X      -                  Equipment Frame of Reference Description
300A067C D      -                  Radiation Generation Mode Label
300A067D Z      -                  Radiation Generation Mode Description
300A0700 U      uids               Treatment Session UID
300A0734 D      -                  Treatment Tolerance Violation Description
300A0736 D      dates              Treatment Tolerance Violation DateTime
300A073A D      dates              Recorded RT Control Point DateTime
300A0741 D      dates              Interlock DateTime
300A0742 D      -                  Interlock Description
300A0760 D      dates              Override DateTime
300A0783 D      -                  Interlock Origin Description
300A0785 U      uids               Referenced Treatment Position Group UID
300A078E X      -                  Patient Treatment Preparation Procedure Parameter Description
300A0792 X      -                  Patient Treatment Preparation Method Description
300A0794 X      -                  Patient Setup Photo Description
300A079A X      -                  Displacement Reference Label
300C0113 X      -                  Reason for Omission Description
300C0127 D      device+dates       Beam Hold Transition DateTime
300E0004 Z      dates              Review Date
300E0005 Z      dates              Review Time
300E0008 X/Z    -                  Reviewer Name
30100006 U      uids               Conceptual Volume UID
3010000B U      uids               Referenced Conceptual Volume UID
3010000F Z      -                  Conceptual Volume Combination Description
30100013 U      uids               Constituent Conceptual Volume UID
30100015 U      uids               Source Conceptual Volume UID
30100017 Z      -                  Conceptual Volume Description
3010001B Z      -                  Device Alternate Identifier
3010002D D      device             Device Label
30100031 U      uids               Referenced Fiducials UID
30100033 D      -                  User Content Label
30100034 D      -                  User Content Long Label
30100035 D      -                  Entity Label
30100036 X      -                  Entity Name
30100037 X      -                  Entity Description
30100038 D      -                  Entity Long Label
3010003B U      uids               RT Treatment Phase UID
30100043 Z      device             Manufacturer's Device Identifier
3010004C X/D    dates              Intended Phase Start Date
3010004D X/D    dates              Intended Phase End Date
30100054 D      -                  RT Prescription Label
30100056 X/D    -                  RT Treatment Approach Label
3010005A Z      -                  RT Physician Intent Narrative
3010005C Z      -                  Reason for Superseding
30100061 X      -                  Prior Treatment Dose Description
3010006E U      uids               Dosimetric Objective UID
3010006F U      uids               Referenced Dosimetric Objective UID
30100077 X/D    -                  Treatment Site
3010007A Z      -                  Treatment Technique Notes
3010007B Z      -                  Prescription Notes
3010007F Z      -                  Fractionation Notes
30100081 Z      -                  Prescription Notes Sequence
30100085 X      dates              Intended Fraction Start Time
40000010 X      -                  Arbitrary
40004000 X      -                  Text Comments
40080040 X      -                  Results ID
40080042 X      -                  Results ID Issuer
40080100 X      dates              Interpretation Recorded Date
40080101 X      dates              Interpretation Recorded Time
40080102 X      -                  Interpretation Recorder
40080108 X      dates              Interpretation Transcription Date
40080109 X      dates              Interpretation Transcription Time
4008010A X      -                  Interpretation Transcriber
4008010B X      -                  Interpretation Text
4008010C X      -                  Interpretation Author
40080111 X      -                  Interpretation Approver Sequence
40080112 X      dates              Interpretation Approval Date
40080113 X      dates              Interpretation Approval Time
40080114 X      -                  Physician Approving Interpretation
40080115 X      -                  Interpretation Diagnosis Description
40080118 X      -                  Results Distribution List Sequence
40080119 X      -                  Distribution Name
4008011A X      -                  Distribution Address
40080200 X      -                  Interpretation ID
40080202 X      -                  Interpretation ID Issuer
40080300 X      -                  Impressions
40084000 X      -                  Results Comments
FFFAFFFA X      -                  Digital Signatures Sequence
FFFCFFFC X      -                  Data Set Trailing Padding
`;
