/**
 * HL7 v2 → FHIR → HL7 v2: a message of results is mapped, and what it became is answered as if a reader had signed it: his report has the
 * results as contained Observations, its files inline; the order that is answered says no more than orders say. What the report repeats
 * of its results (conclusion, presentedForm) is left out, for it would be sent twice. `listed-fields.ts` says which fields must come home.
 */
import { describe, expect, it } from '@jest/globals';
import type {
  Attachment,
  DiagnosticReport,
  DocumentReference,
  Observation,
  Patient,
  Practitioner,
  Reference,
  Resource,
} from '@medplum/fhirtypes';
import { resultGroups } from '../../../src/mapping/messages/result-groups.ts';
import { OBSERVATION_STATUS } from '../../../src/mapping/vocabulary/0085-observation-status.ts';
import { RESULT_STATUS } from '../../../src/mapping/vocabulary/0123-result-status.ts';
import type { Signer } from '../../../src/model/config.ts';
import { isFailure } from '../../../src/model/failure.ts';
import type { Mapped } from '../../../src/model/mapped.ts';
import { buildMessage, type FieldValue, segment } from '../../../src/protocols/hl7v2/escape.ts';
import { type Hl7Message, parseMessage, type Segment } from '../../../src/protocols/hl7v2/message.ts';
import { composeMdm } from '../../../src/return/hl7v2/mdm.ts';
import { composeOru, type OruInput } from '../../../src/return/hl7v2/oru-r01.ts';
import fc from '../../support/properties.ts';
import { bytesOf, mapBytes, PEER } from '../mapping/fixtures.ts';
import { lost } from './listed-fields.ts';

const VERSIONS = ['2.3.1', '2.4', '2.5.1', '2.6', '2.7', '2.8'] as const;

describe('a message of results that goes home', () => {
  const fixtures = [
    'oru-r01/radiology-report',
    'oru-r01/laboratory-panel',
    'oru-r01/without-orc',
    'oru-r01/status-only',
    'oru-r30/point-of-care',
  ];
  it.each(fixtures.flatMap((name) => VERSIONS.map((version) => [name, version] as const)))(
    '%s in %s loses no listed field',
    (name, version) => {
      expect(lostAsOru(bytesOf(name), version)).toEqual([]);
    },
  );

  it('loses none of any value, status, number and time', () => {
    fc.assert(
      fc.property(messages(), fc.constantFrom(...VERSIONS), (payload, version) => {
        expect(lost(resultsOf(payload), read(composeOru(answerOf(payload, version))).segments)).toEqual([]);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  it('loses none as a document either', () => {
    fc.assert(
      fc.property(messages(), fc.constantFrom(...VERSIONS), (payload, version) => {
        const input = answerOf(payload, version);
        const mdm = read(composeMdm({ ...input, ...DOCUMENT }));
        expect(lost(resultsOf(payload), mdm.segments).filter(isInDocument)).toEqual([]);
        expect([mdm.first('TXA')?.tree(14), mdm.first('TXA')?.tree(15)]).toEqual([2, 3].map((n) => read(payload).first('ORC')?.tree(n)));
      }),
      { numRuns: 100, seed: 12 },
    );
  });
});

describe('a document that goes home', () => {
  it.each(VERSIONS)('in %s loses no listed field', (version) => {
    const payload = bytesOf('mdm/t02-consultation');
    expect(lost(read(payload).segments, documentHome(payload, version).segments).filter(isInDocument)).toEqual([]);
    expect(documentHome(payload, version).first('OBX')?.text(5)).toContain('Second opinion asked');
  });

  it.each(['AR', 'CD', 'CN', 'DI', 'DS', 'ED', 'HP', 'OP', 'PC', 'PH', 'PN', 'PR', 'SP', 'TS'])('is still of type %s', (type) => {
    const payload = Buffer.from(bytesOf('mdm/t02-consultation').toString().replace('CN^Consultation', `${type}^A document`));
    expect(lost(read(payload).segments, documentHome(payload, '2.5.1').segments).filter(isInDocument)).toEqual([]);
  });
});

/** MDM names its order in TXA-14 and TXA-15, and has no ORC and OBR; a note is part of the document's text. */
function isInDocument(loss: string): boolean {
  return !/^(ORC|OBR|NTE)-/.test(loss);
}

/** Apart from what FHIR could not take, which the mapping lists: a period that ends before it begins, a code of no table. */
function lostAsOru(payload: Buffer, version: string): string[] {
  const listed = mapBytes(payload).gaps.map(({ path }) => /^(\w{3}).*?-(\d+)/.exec(path)?.slice(1).join('-') ?? '');
  const all = lost(resultsOf(payload), read(composeOru(answerOf(payload, version))).segments);
  return all.filter((one) => !listed.includes(one.split(' ')[0] ?? ''));
}

/** The patient, his visit, and the first report with its results. */
function resultsOf(payload: Buffer): Segment[] {
  const { head, groups } = resultGroups(read(payload));
  const [group] = groups;
  const results = (group?.observations ?? []).flatMap(({ obx, continued, notes }) => [obx, ...continued, ...notes]);
  return [
    ...head.filter(({ name }) => name === 'PID' || name === 'PV1'),
    ...[group?.orc, group?.obr].filter((one) => one !== undefined),
    ...results,
  ];
}

function answerOf(payload: Buffer, version: string): OruInput {
  const mapped = mapBytes(payload);
  const resources = made(mapped);
  const report = [...resources.values()].find((one) => one.resourceType === 'DiagnosticReport') as DiagnosticReport;
  const results = (report.result ?? []).map((one) => withFiles(named<Observation>(resources, one), mapped));
  const { conclusion: _text, conclusionCode: _codes, presentedForm: _files, ...rest } = report;
  return inputOf({
    order: orderIn(payload),
    keys: mapped.parts[0]?.keys ?? [],
    patient: named<Patient>(resources, report.subject as Reference),
    report: { ...rest, contained: results },
    signer: signerOf(resources, report.resultsInterpreter?.[0]),
    version,
  });
}

/** The report that a document is: its text, its results, its file. */
function documentHome(payload: Buffer, version: string): Hl7Message {
  const mapped = mapBytes(payload);
  const resources = made(mapped);
  const document = [...resources.values()].find((one) => one.resourceType === 'DocumentReference') as DocumentReference;
  const contents = document.content.map(({ attachment }) => attachment);
  const texts = contents.filter(({ contentType }) => contentType?.startsWith('text/'));
  const results = (document.context?.related ?? []).map((one) => named<Observation>(resources, one));
  const file = contents.find(({ url }) => url?.startsWith('urn:'));
  const held = contents.flatMap(({ extension }) => extension ?? []).find(({ valueCodeableConcept }) => valueCodeableConcept?.coding);
  const report: DiagnosticReport = {
    resourceType: 'DiagnosticReport',
    status: 'final',
    code: { coding: [...(held?.valueCodeableConcept?.coding ?? []), ...(document.type?.coding ?? [])] },
    effectiveDateTime: contents[0]?.creation,
    issued: document.date,
    conclusion: texts.map(({ data = '' }) => Buffer.from(data, 'base64').toString('utf8')).join('\n'),
    contained: [
      ...results.filter((one) => one?.resourceType === 'Observation'),
      ...contents.filter(({ url }) => url?.startsWith('https:')).map((one) => observationOf(one, held?.valueCodeableConcept)),
    ],
  };
  const signer = signerOf(resources, document.author?.[0]);
  const input = inputOf({ order: orderIn(payload), keys: [], patient: null, report, signer, version });
  return read(composeMdm({ ...input, ...DOCUMENT, pdf: file ? bytesIn(file, mapped) : null }));
}

function observationOf(file: Attachment, code: Observation['code'] = {}): Observation {
  return { resourceType: 'Observation', status: 'final', code, extension: [{ url: VALUE_ATTACHMENT, valueAttachment: file }] };
}

/** As they are stored when they are new. */
function made({ resources }: Mapped): Map<string, Resource> {
  return new Map(resources.map(({ urn, resource, initial }) => [urn, JSON.parse(JSON.stringify({ ...initial, ...resource })) as Resource]));
}

function named<T extends Resource>(resources: ReadonlyMap<string, Resource>, { reference = '' }: Reference): T {
  return resources.get(reference) as T;
}

/** A reader's system has the bytes in the attachment. */
function withFiles(observation: Observation, mapped: Mapped): Observation {
  const extension = observation.extension?.map(({ valueAttachment, ...one }) =>
    valueAttachment?.url?.startsWith('urn:')
      ? { ...one, valueAttachment: { ...valueAttachment, url: undefined, data: bytesIn(valueAttachment, mapped).toString('base64') } }
      : { ...one, valueAttachment },
  );
  return { ...observation, extension };
}

function bytesIn({ url = '' }: Attachment, mapped: Mapped): Buffer {
  const binary = made(mapped).get(url) as unknown as { readonly digest: string };
  return mapped.files?.get(binary.digest) as Buffer;
}

function signerOf(resources: ReadonlyMap<string, Resource>, who: Reference = {}): Signer {
  const found = resources.get(who.reference ?? '') as (Practitioner & { practitioner?: Reference }) | undefined;
  if (found?.practitioner) return signerOf(resources, found.practitioner);
  const { system = 'urn:example:physician-number', value = '1' } = found?.identifier?.[0] ?? {};
  return { name: found?.name?.[0]?.family ?? 'Nobody', identifier: { system, value }, jwk: {} };
}

/** What an order says of itself: neither when it was done nor what was found. */
function orderIn(payload: Buffer): Buffer {
  const { segments } = read(payload);
  const ordered = segments
    .filter(({ name }) => ['PID', 'PV1', 'ORC', 'OBR'].includes(name))
    .map((one) => {
      const fields = Array.from({ length: one.length }, (_, index) => index + 1).filter(
        (field) => one.name !== 'OBR' || !OF_THE_REPORT.has(field),
      );
      return segment(one.name, Object.fromEntries(fields.map((field) => [field, { repetitions: one.tree(field) }])));
    });
  return buildMessage([segment('MSH', { 9: ['ORM', 'O01'], 10: 'O1', 11: 'P', 12: '2.5.1', 18: 'UNICODE UTF-8' }), ...ordered]);
}

const OF_THE_REPORT: ReadonlySet<number> = new Set([7, 8, 22, 25, 32]);

type Answered = Pick<OruInput, 'order' | 'keys' | 'patient' | 'report' | 'signer'> & { readonly version: string };

function inputOf({ version, ...answered }: Answered): OruInput {
  return {
    ...answered,
    orderCharset: '',
    patientAuthority: PEER.patientAuthority,
    pdf: null,
    filler: '',
    destination: { receivingApplication: 'ORDERS', receivingFacility: 'NORTH', version, text: 'whole' },
    sender: { application: 'WAYSTATION', facility: '' },
    controlId: 'WS1',
    now: new Date('2026-03-02T09:32:00Z'),
  };
}

const DOCUMENT = { document: { reference: 'DiagnosticReport/1', version: '1' }, corrects: null, signedAt: '2026-03-02T10:31:00+01:00' };
const VALUE_ATTACHMENT = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment';

function read(bytes: ReturnType<typeof composeOru>): Hl7Message {
  const message = isFailure(bytes) ? bytes : parseMessage(bytes);
  if (isFailure(message)) throw new Error(message.detail);
  return message;
}

/** ORU^R01 of one report with results, each under a code of its own. */
function messages(): fc.Arbitrary<Buffer> {
  const fields = fc.record({
    number: fc.constantFrom('4711', 'A^B', 'x&y'),
    name: words(),
    born: fc.constantFrom('1970', '197001', '19700102', '197001020304'),
    sex: fc.constantFrom('M', 'F', 'O', 'U', 'A', 'N', 'X'),
    placer: words(),
    filler: words(),
    accession: words(),
    from: time(),
    issued: fc.constantFrom('20260301090000', '20260301090000+0530'),
    status: fc.constantFrom(...RESULT_STATUS.codes.keys()),
    results: fc.array(result(), { minLength: 1, maxLength: 6 }),
  });
  return fields.map((one) =>
    buildMessage([
      segment('MSH', { 3: 'RIS', 7: '20260302081500+0100', 9: ['ORU', 'R01'], 10: 'M1', 11: 'P', 12: '2.8', 18: 'UNICODE UTF-8' }),
      segment('PID', { 3: [one.number, '', '', 'NORTH', 'MR'], 5: [one.name, 'Anna'], 7: one.born, 8: one.sex }),
      segment('PV1', { 2: 'O', 19: [one.filler, '', '', 'NORTH', 'VN'] }),
      segment('ORC', { 1: 'RE', 2: [one.placer, 'RIS'], 3: [one.filler, 'LAB'] }),
      segment('OBR', {
        2: [one.placer, 'RIS'],
        3: [one.filler, 'LAB'],
        4: ['P1', one.name, 'L'],
        7: one.from,
        16: ['3001', one.name, '', '', '', '', '', '', 'NORTH'],
        18: one.accession,
        22: one.issued,
        24: 'LAB',
        25: one.status,
        32: [['3002', one.name, '', '', '', '', '', '', 'NORTH']],
      }),
      ...one.results.flatMap((fields, index) => [
        segment('OBX', { ...fields, 1: String(index + 1), 3: [`R${index + 1}`, ...(fields[3] as string[])] }),
        ...(index % 2 === 0 ? [segment('NTE', { 1: '1', 3: one.name })] : []),
      ]),
    ]),
  );
}

function result(): fc.Arbitrary<Record<number, FieldValue>> {
  const statuses = [...OBSERVATION_STATUS.codes.keys()].filter((code) => code !== 'A');
  const beside = fc.record({
    name: fc.constantFrom(
      ['Size', 'L'],
      ['Size', 'LN', 'Z9', 'Size too', 'L'],
      ['Size', 'HL70078'],
      ['Size', '99ABC', 'Z8', 'Size', 'SCT'],
      ['Size', '1.2.3'],
    ),
    subId: fc.constantFrom<FieldValue>('', '1', '2', '1.1', 'a', ['1', '2', '3', 'A'], ['', '1']),
    range: fc.constantFrom('', '3.5-4.5', '<10', 'negative', '1 to 2'),
    flags: fc.constantFrom<FieldValue>('', 'H', 'N', { repetitions: ['H', 'A'] }, 'ZZ', 'see text'),
    status: fc.constantFrom(...statuses),
    performed: fc.oneof(fc.constant(''), time()),
    method: fc.constantFrom<FieldValue>('', ['ENZ', 'enzymatic', 'L'], ['', 'by hand']),
  });
  return fc.tuple(value(), beside).map(([said, one]) => ({
    2: said.type,
    3: one.name,
    4: one.subId,
    5: said.value,
    6: said.unit ?? '',
    7: one.range,
    8: one.flags,
    11: one.status,
    14: one.performed,
    17: one.method,
  }));
}

type Said = { readonly type: string; readonly value: FieldValue; readonly unit?: FieldValue };

function value(): fc.Arbitrary<Said> {
  const unit = fc.constantFrom<FieldValue>('', 'mg', ['mm', 'millimetre', 'UCUM'], ['u', 'units', 'L'], ['', 'drops']);
  const number = fc.constantFrom('0', '5', '5.40', '-0.50', '+3', '.5', '1200', '0.000001', '7.');
  const code = fc.tuple(
    fc.constantFrom('A', 'B1', '260385009'),
    words(),
    fc.constantFrom('L', 'SCT', 'LN', '99X', 'HL70136', 'WHATEVER', 'ICD10'),
  );
  const both = fc.tuple(code, code).map(([one, two]) => [...one, ...two]);
  const concept = fc.oneof(
    code,
    both,
    words().map((text) => ['', text]),
  );
  const text = fc.array(words(), { minLength: 1, maxLength: 4 });
  const sn = fc.oneof(
    fc.tuple(fc.constantFrom('<', '>', '<=', '>=', '='), number),
    fc.tuple(fc.constant(''), fc.constantFrom('1', '2.0'), fc.constantFrom('-', ':', '/'), fc.constantFrom('3', '4.50')),
  );
  const of = (types: readonly string[], values: fc.Arbitrary<FieldValue>, units: fc.Arbitrary<FieldValue> = fc.constant('')) =>
    fc.tuple(fc.constantFrom(...types), values, units).map(([type, said, its]): Said => ({ type, value: said, unit: its }));
  return fc.oneof(
    of(['NM'], number, unit),
    of(
      ['NM'],
      fc.array(number, { minLength: 2, maxLength: 3 }).map((repetitions) => ({ repetitions })),
      unit,
    ),
    of(['SN'], sn, unit),
    of(['CE', 'CWE', 'CNE', 'CF'], concept),
    of(
      ['CE', 'CWE'],
      fc.tuple(concept, concept).map((repetitions) => ({ repetitions })),
    ),
    of(['ID', 'IS'], fc.constantFrom('Y', 'POS')),
    of(
      ['TX', 'FT'],
      text.map((all) => all.join('\n')),
    ),
    of(
      ['TX', 'FT'],
      text.map((repetitions) => ({ repetitions })),
    ),
    of(['ST'], words()),
    of(['DT'], fc.constantFrom('2026', '202603', '20260301')),
    of(['DTM', 'TS'], time()),
    of(['DTM', 'TS'], fc.constantFrom('20260301060500.1234-0330', '20260301060500.5')),
    of(['TM'], fc.constantFrom('08', '0815', '081530', '081530.25')),
    of(['DR'], fc.constant(['20260301', '20260302'])),
    of(['CQ'], number),
    of(
      ['NA'],
      fc.constantFrom<FieldValue>(['1', '2.50', '3'], {
        repetitions: [
          ['1', '2'],
          ['3', '4'],
        ],
      }),
      unit,
    ),
    of(
      ['ED'],
      fc.constantFrom(...['pdf', 'rtf'].map((subtype) => ['', 'application', subtype, 'Base64', 'JVBERi0xLjQKJSVFT0YK']), [
        '',
        'image',
        'jpeg',
        'Base64',
        '/9j/4A==',
      ]),
    ),
    of(['RP'], fc.constant(['https://north.example/1.pdf', '', 'application', 'pdf'])),
  );
}

/** A time of any precision, with an offset or without. */
function time(): fc.Arbitrary<string> {
  return fc.constantFrom('2026', '202603', '20260301', '202603010605', '20260301060500', '20260301060500+0000', '20260301060500-0330');
}

/** Words with all that has to be escaped, and letters of several alphabets. */
function words(): fc.Arbitrary<string> {
  const unit = fc.constantFrom('a', 'B', '7', ' ', '|', '^', '&', '~', '\\', 'ü', '中', '.', '-');
  return fc.string({ unit, minLength: 1, maxLength: 12 }).map((text) => `w${text}`.replace(/\s+/g, ' ').trim());
}
