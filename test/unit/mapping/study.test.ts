import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ImagingStudy, Patient } from '@medplum/fhirtypes';
import { mapStudy } from '../../../src/mapping/datasets/study.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { Instance } from '../../../src/model/instance.ts';
import type { Mapped } from '../../../src/model/mapped.ts';
import type { Peer } from '../../../src/model/peer.ts';
import { ATTRIBUTES, type Keyword } from '../../../src/protocols/dicom/header.ts';
import { headerReader } from '../../../src/protocols/dicom/header-reader.ts';
import { readPart10 } from '../../../src/protocols/dicom/part10.ts';
import { transferSyntax } from '../../../src/protocols/dicom/transfer-syntax.ts';
import { loadValidator, type Validate } from '../../../src/protocols/fhir/resource-validator.ts';
import { mapBytes, PEER } from './fixtures.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const STUDY = '1.2.826.0.1.99.5.20260302.17';

type Values = Partial<Record<Keyword, unknown>>;

const COMMON: Values = {
  StudyInstanceUID: STUDY,
  StudyDate: '20260302',
  StudyTime: '083015.250000',
  AccessionNumber: 'ACC-1001',
  PatientID: '4711',
  PatientName: { Alphabetic: 'Brandt^Ida^Marie^Ms', Ideographic: '勃^伊' },
  PatientBirthDate: '19620215',
  PatientSex: 'F',
  StudyDescription: 'CT thorax',
  ReferringPhysicianName: { Alphabetic: 'Holm^Asta^^Dr' },
};

function header(values: Values): Record<string, unknown> {
  const tags = Object.entries(values).map(([keyword, value]) => [
    (ATTRIBUTES[keyword as Keyword] as number).toString(16).toUpperCase().padStart(8, '0'),
    { vr: 'LO', Value: [value].flat() },
  ]);
  return Object.fromEntries(tags);
}

function instance(n: number, values: Values = {}, over: Partial<Instance> = {}): Instance {
  return {
    sopInstanceUid: `${STUDY}.1.${n}`,
    studyUid: STUDY,
    seriesUid: `${STUDY}.1`,
    sopClassUid: CT,
    transferSyntax: '1.2.840.10008.1.2.1',
    modality: 'CT',
    frames: 1,
    peer: 'ct',
    blob: 'b',
    bytes: 1,
    datasetOffset: 0,
    pixelOffset: null,
    number: null,
    digest: Buffer.alloc(32),
    header: Buffer.from(JSON.stringify(header({ ...COMMON, SeriesNumber: 2, InstanceNumber: n, SeriesDescription: 'axial', ...values }))),
    received: new Date(1_772_436_600_000 + n * 1000),
    seq: n,
    madeOf: null,
    ...over,
  };
}

function mapped(instances: readonly Instance[], peer: Partial<Peer> = {}): Mapped {
  return mapStudy(instances, { peerOf: (name) => ({ ...PEER, name, ...peer }) });
}

function studyOf({ resources }: Mapped): ImagingStudy {
  return resources.find(({ resource }) => resource.resourceType === 'ImagingStudy')?.resource as ImagingStudy;
}

const sequence = (values: Values) => header(values);

let validate: Validate;
beforeAll(() => {
  validate = loadValidator();
});

describe('a study', () => {
  it('becomes an ImagingStudy with its series and instances in their order', () => {
    const second = {
      seriesUid: `${STUDY}.2`,
      sopInstanceUid: `${STUDY}.2.1`,
      modality: 'SR',
      sopClassUid: '1.2.840.10008.5.1.4.1.1.88.11',
    };
    const result = mapped([instance(2), instance(1), instance(9, { SeriesNumber: 1, Laterality: 'L', BodyPartExamined: 'CHEST' }, second)]);
    expect(studyOf(result)).toEqual({
      resourceType: 'ImagingStudy',
      identifier: [
        { system: 'urn:dicom:uid', value: `urn:oid:${STUDY}` },
        {
          type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'ACSN' }] },
          system: 'urn:waystation:authority:NORTH-PACS',
          value: 'ACC-1001',
        },
      ],
      status: 'available',
      modality: [
        { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'CT' },
        { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'SR' },
      ],
      subject: { reference: result.parts[0]?.subject },
      started: '2026-03-02T08:30:15.250000+01:00',
      referrer: { display: 'Dr Asta Holm' },
      numberOfSeries: 2,
      numberOfInstances: 3,
      description: 'CT thorax',
      series: [
        {
          uid: `${STUDY}.2`,
          number: 1,
          modality: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'SR' },
          description: 'axial',
          numberOfInstances: 1,
          bodySite: { display: 'CHEST' },
          laterality: { system: 'http://snomed.info/sct', code: '419161000', display: 'Unilateral left' },
          instance: [
            { uid: `${STUDY}.2.1`, sopClass: { system: 'urn:ietf:rfc:3986', code: 'urn:oid:1.2.840.10008.5.1.4.1.1.88.11' }, number: 9 },
          ],
        },
        {
          uid: `${STUDY}.1`,
          number: 2,
          modality: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'CT' },
          description: 'axial',
          numberOfInstances: 2,
          instance: [
            { uid: `${STUDY}.1.1`, sopClass: { system: 'urn:ietf:rfc:3986', code: `urn:oid:${CT}` }, number: 1 },
            { uid: `${STUDY}.1.2`, sopClass: { system: 'urn:ietf:rfc:3986', code: `urn:oid:${CT}` }, number: 2 },
          ],
        },
      ],
    });
    expect(result.resources.flatMap(({ resource }) => validate(resource))).toEqual([]);
    expect(result.gaps).toEqual([]);
  });

  it('is one part of a case: images', () => {
    const [part] = mapped([instance(1), instance(3)]).parts;
    expect(part).toMatchObject({
      kind: 'images',
      keys: [
        { kind: 'study', system: 'urn:dicom:uid', value: STUDY },
        { kind: 'accession', system: 'urn:waystation:authority:NORTH-PACS', value: 'ACC-1001' },
      ],
      patient: [{ system: 'urn:waystation:authority:NORTH', value: '4711' }],
      control: '',
      production: true,
      priority: null,
      hints: ['modality:CT'],
      serviceRequest: '',
      members: [],
      study: { uid: STUDY, series: 1, instances: 2, modalities: ['CT'], lastReceived: 1_772_436_603_000 },
    });
  });

  it('creates a patient and never overwrites one', () => {
    const patient = mapped([instance(1)]).resources.find(({ resource }) => resource.resourceType === 'Patient');
    expect(patient).toMatchObject({ mode: 'create', shared: true });
    expect(patient?.resource as Patient).toEqual({
      resourceType: 'Patient',
      identifier: [{ system: 'urn:waystation:authority:NORTH', value: '4711' }],
      name: [
        { family: 'Brandt', given: ['Ida', 'Marie'], prefix: ['Ms'] },
        {
          family: '勃',
          given: ['伊'],
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation', valueCode: 'IDE' }],
        },
      ],
      gender: 'female',
      birthDate: '1962-02-15',
    });
  });

  it.each([
    ['the peer', {}, 'MSH|^~\\&|A|B|||||ORM^O01|1|P|2.5\rPID|||4711\rORC|NW|1\rOBR|1|||X'],
    ['a namespace', { IssuerOfPatientID: 'HOSP' }, 'MSH|^~\\&|A|B|||||ORM^O01|1|P|2.5\rPID|||4711^^^HOSP\rORC|NW|1\rOBR|1|||X'],
    [
      'an OID',
      {
        IssuerOfPatientID: 'HOSP',
        IssuerOfPatientIDQualifiersSequence: { '00400032': { vr: 'UT', Value: ['1.2.3'] }, '00400033': { vr: 'CS', Value: ['ISO'] } },
      },
      'MSH|^~\\&|A|B|||||ORM^O01|1|P|2.5\rPID|||4711^^^HOSP&1.2.3&ISO\rORC|NW|1\rOBR|1|||X',
    ],
  ])('names the same patient as an order does, by %s', (_by, values, order) => {
    const ofImages = mapped([instance(1, values as Values)]).resources[0];
    const ofOrder = mapBytes(Buffer.from(order)).resources[0];
    expect(ofImages?.identities).toEqual(ofOrder?.identities);
    expect(ofImages?.urn).toBe(ofOrder?.urn);
  });

  it('meets the order of the same accession number', () => {
    const order = mapBytes(Buffer.from('MSH|^~\\&|A|B|||||ORM^O01|1|P|2.5\rPID|||4711\rORC|NW|1\rOBR|1|||X||||||||||||||ACC-1001'));
    const keys = mapped([instance(1)]).parts[0]?.keys ?? [];
    expect(
      order.parts[0]?.keys.filter((key) =>
        keys.some((one) => one.kind === key.kind && one.system === key.system && one.value === key.value),
      ),
    ).toHaveLength(1);
    expect(order.parts[0]?.patient).toEqual(mapped([instance(1)]).parts[0]?.patient);
  });

  it('leaves the authority of a patient id open where nobody names one', () => {
    expect(mapped([instance(1)], { patientAuthority: 'default' }).parts[0]?.patient).toEqual([{ system: '', value: '4711' }]);
  });

  it('for several orders is found by the numbers of each', () => {
    const issuer = { '00400031': { vr: 'UT', Value: ['PACS'] } };
    const requests = [
      sequence({ AccessionNumber: 'ACC-1', PlacerOrderNumberImagingServiceRequest: 'P1', OrderPlacerIdentifierSequence: issuer }),
      sequence({ AccessionNumber: 'ACC-2', IssuerOfAccessionNumberSequence: issuer, FillerOrderNumberImagingServiceRequest: 'F2' }),
    ];
    const keys = mapped([instance(1, { AccessionNumber: '', RequestAttributesSequence: requests })]).parts[0]?.keys;
    expect(keys?.map((key) => `${key.kind} ${key.system} ${key.value}`)).toEqual([
      `study urn:dicom:uid ${STUDY}`,
      'accession urn:waystation:authority:NORTH-PACS ACC-1',
      'placer urn:waystation:authority:PACS P1',
      'accession urn:waystation:authority:PACS ACC-2',
      'filler urn:waystation:authority:NORTH-PACS F2',
    ]);
  });

  it('without a patient id has a patient of its own and agrees with any', () => {
    const result = mapped([instance(1, { PatientID: '' })]);
    expect(result.parts[0]?.patient).toEqual([]);
    expect(result.resources[0]?.identities).toEqual([{ type: 'Patient', system: 'urn:waystation:patient-of-study', value: STUDY }]);
  });

  it('of two patients is listed, and belongs to the one that came first', () => {
    const result = mapped([instance(2, { PatientID: '9999' }), instance(1)]);
    expect(result.gaps).toMatchObject([{ path: '(0010,0020)' }]);
    expect(result.parts[0]?.patient).toEqual([{ system: 'urn:waystation:authority:NORTH', value: '4711' }]);
  });

  it('lists dates and codes it cannot read', () => {
    const result = mapped([instance(1, { StudyDate: '2026-03-02', PatientBirthDate: '19621345', PatientSex: 'X', SeriesNumber: -1 })]);
    expect(result.gaps.map((gap) => gap.path)).toEqual(['(0010,0030)', '(0010,0040)', '(0008,0020)']);
    expect(result.resources.flatMap(({ resource }) => validate(resource))).toEqual([]);
  });

  it('gives the same names whatever order its instances are in', () => {
    const instances = [instance(1), instance(2), instance(3)];
    expect(mapped([...instances].reverse())).toEqual(mapped(instances));
  });

  it('of any object of the corpora is a valid ImagingStudy of a valid Patient', async () => {
    if (!existsSync(CORPUS)) {
      console.warn(`skipped: ${CORPUS} is not here`);
      return;
    }
    const objects = (await Promise.all(corpusFiles().map(readObject))).filter((one) => one !== null);
    expect(objects.length).toBeGreaterThan(50);
    const studies = [...Map.groupBy(objects, (one) => one.studyUid).values()].map((one) => mapped(one));
    expect(studies.flatMap(({ resources }) => resources.flatMap(({ resource }) => validate(resource)))).toEqual([]);
    expect(studies.map(({ parts }) => parts[0]?.study?.instances ?? 0).reduce((a, b) => a + b)).toBe(objects.length);
  });
});

const CORPUS = '../shared/corpora/dicom';

function corpusFiles(): string[] {
  return readdirSync(CORPUS, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** A Part 10 file as the index would have it; null for what is none, or no composite object. */
async function readObject(path: string, n: number): Promise<Instance | null> {
  const bytes = readFileSync(path);
  const meta = readPart10(bytes);
  if (isFailure(meta)) return null;
  const syntax = transferSyntax(meta.transferSyntax);
  if (syntax === null) return null;
  const reader = headerReader(syntax);
  if (await reader.push(bytes.subarray(meta.datasetOffset))) return null;
  const read = await reader.end();
  if (isFailure(read)) return null;
  const { header: found } = read;
  const { sopInstanceUid, studyUid, seriesUid, sopClassUid, modality } = found;
  const json = Buffer.from(JSON.stringify(found.json));
  return { ...instance(n), sopInstanceUid, studyUid, seriesUid, sopClassUid, modality, header: json };
}
