import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Provenance } from '@medplum/fhirtypes';
import { CompactSign, importJWK } from 'jose';
import type { Signer } from '../../../src/model/config.ts';
import { type Failure, isFailure } from '../../../src/model/failure.ts';
import { signReport } from '../../../src/reports/sign.ts';
import { signedContent } from '../../../src/reports/signed-content.ts';
import { type VerifyInput, verifyReport } from '../../../src/reports/verify.ts';
import { filedPdf, newSpecialist, provenanceFor, reportOn, type Specialist } from '../../support/specialist.ts';

const REQUEST = 'ServiceRequest/5e0';
const PATIENT = 'Patient/7a1';
const WHEN = '2026-03-02T09:31:00.000Z';
const PDF = Buffer.from('%PDF-1.7 a report');
const PDF_DIGEST = createHash('sha256').update(PDF).digest('hex');

let ada: Specialist;
let signers: Signer[];

beforeAll(async () => {
  ada = await newSpecialist();
  signers = [{ name: ada.name, identifier: ada.identifier, jwk: ada.publicJwk }];
});

describe('a signed report', () => {
  it('is verified, and tells who signed and when', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const verified = verify(report, await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN));
    expect(verified).toMatchObject({ signer: { identifier: ada.identifier }, signedAt: WHEN });
  });

  it.each(['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'])('is verified when signed with %s', async (alg) => {
    const signer = await newSpecialist({ alg });
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(signer, report, 'DiagnosticReport/1', WHEN);
    expect(isFailure(verify(report, provenance, { signers: [asSigner(signer)] }))).toBe(false);
  });

  it('is verified when it was signed by our own signing', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const now = new Date(WHEN);
    const provenance = await signReport({ report, target: 'urn:uuid:0', signer: signers[0] as Signer, key: ada.privateJwk, now });
    expect(isFailure(verify(report, provenance as Provenance))).toBe(false);
  });

  it('is verified after a server has added id, meta and text and reordered its members', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN);
    const members = Object.entries({ ...report, id: '1', meta: { versionId: '3', lastUpdated: WHEN } }).reverse();
    const stored = { ...Object.fromEntries(members), text: { status: 'generated', div: '<div/>' } } as DiagnosticReport;
    expect(isFailure(verify(stored, provenance))).toBe(false);
  });

  it('is verified by the newer of two keys of one person', async () => {
    const later = await newSpecialist();
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(later, report, 'DiagnosticReport/1', WHEN);
    expect(isFailure(verify(report, provenance, { signers: [...signers, asSigner(later)] }))).toBe(false);
  });

  it('binds a PDF in a Binary by its SHA-256', async () => {
    const report = reportOn(REQUEST, PATIENT, { presentedForm: [filedPdf('Binary/9', PDF_DIGEST)] });
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN);
    expect(isFailure(verify(report, provenance, { blobOf: () => PDF_DIGEST }))).toBe(false);
    expect(verify(report, provenance, { blobOf: () => '0'.repeat(64) })).toMatchObject(
      refusal('signature', 'the bytes of presentedForm[0]'),
    );
    expect(verify(report, provenance, { blobOf: () => null })).toMatchObject(
      refusal('invalid', 'the Binary of presentedForm[0] is not here'),
    );
  });

  it('holds an inline PDF inside the signature', async () => {
    const report = reportOn(REQUEST, PATIENT, { presentedForm: [{ contentType: 'application/pdf', data: PDF.toString('base64') }] });
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN);
    expect(isFailure(verify(report, provenance))).toBe(false);
    const altered = { ...report, presentedForm: [{ contentType: 'application/pdf', data: Buffer.from('%PDF-1.7 b').toString('base64') }] };
    expect(verify(altered, provenance)).toMatchObject(refusal('signature', 'not the one that was signed'));
  });
});

describe('an altered report', () => {
  const alterations: [string, (report: DiagnosticReport) => unknown][] = [
    ['status', (report) => ({ ...report, status: 'amended' })],
    ['code', (report) => ({ ...report, code: { text: 'another examination' } })],
    ['subject', (report) => ({ ...report, subject: { reference: 'Patient/7a2' } })],
    ['basedOn', (report) => ({ ...report, basedOn: [{ reference: 'ServiceRequest/5e1' }] })],
    ['effectiveDateTime', (report) => ({ ...report, effectiveDateTime: '2026-03-03' })],
    ['issued', (report) => ({ ...report, issued: '2026-03-02T10:30:01+01:00' })],
    ['conclusion', (report) => ({ ...report, conclusion: 'Intracranial haemorrhage.' })],
    ['an element that is gone', ({ conclusion: _conclusion, ...report }) => report],
    ['an element that is new', (report) => ({ ...report, conclusionCode: [{ text: 'normal' }] })],
    ['an extension that is new', (report) => ({ ...report, extension: [{ url: 'urn:x', valueString: 'y' }] })],
    ['a display inside a reference', (report) => ({ ...report, subject: { ...report.subject, display: 'Jane Doe' } })],
  ];
  it.each(alterations)('is refused: %s', async (_what, alter) => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN);
    expect(verify(alter(report) as DiagnosticReport, provenance)).toMatchObject(refusal('signature', 'not the one that was signed'));
  });

  it('is refused when the signed content was altered along with it', async () => {
    const provenance = await provenanceFor(ada, reportOn(REQUEST, PATIENT), 'DiagnosticReport/1', WHEN);
    const report = reportOn(REQUEST, PATIENT, { conclusion: 'Intracranial haemorrhage.' });
    const swapped = withContent(provenance, signedContent(report) as Buffer);
    expect(verify(report, swapped)).toMatchObject(refusal('signature', 'does not fit the signed content'));
  });
});

describe('a report that is not signed as it must be', () => {
  it('is refused without a Provenance, without a signature, without data, without the signed content', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN);
    const signature = provenance.signature?.[0] as NonNullable<Provenance['signature']>[number];
    const { data: _data, ...dataless } = signature;
    const { extension: _extension, ...contentless } = signature;
    for (const bad of [
      null,
      { ...provenance, signature: [] },
      withSignature(provenance, dataless),
      withSignature(provenance, contentless),
    ]) {
      expect(verify(report, bad)).toMatchObject({ code: 'signature', class: 'permanent' });
    }
  });

  it('is refused when another key signed in her name', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(await newSpecialist(), report, 'DiagnosticReport/1', WHEN);
    expect(verify(report, provenance)).toMatchObject(refusal('signature', 'does not fit the signed content'));
  });

  it('is refused when nobody here knows who signed', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(await newSpecialist({ value: '100002' }), report, 'DiagnosticReport/1', WHEN);
    expect(verify(report, provenance)).toMatchObject(refusal('signature', 'identifier of a signer who is known here'));
  });

  it('is refused when the Provenance shows another time than the signer sealed', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN, { sigT: '2026-03-01T09:31:00Z' });
    expect(verify(report, provenance)).toMatchObject(refusal('signature', 'sigT'));
  });

  it('is refused when the signer sealed no time', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN, { sigT: undefined });
    expect(verify(report, provenance)).toMatchObject(refusal('signature', 'sigT'));
  });

  it('is refused with a second signature, however good the first', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN);
    const [signature] = provenance.signature ?? [];
    const forged = { ...provenance, signature: [signature, { ...signature, data: 'AAAA' }] } as Provenance;
    expect(verify(report, forged)).toMatchObject(refusal('signature', 'more than one signature'));
  });

  it('is refused when the Provenance shows another person as the author', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'DiagnosticReport/1', WHEN);
    const agent = [{ who: { identifier: { ...ada.identifier, value: '100009' } } }];
    expect(verify(report, { ...provenance, agent })).toMatchObject(refusal('invalid', 'no agent of the Provenance'));
  });

  it('is refused when the report names others as its interpreters', async () => {
    const others = reportOn(REQUEST, PATIENT, { resultsInterpreter: [{ identifier: { system: ada.identifier.system, value: '100009' } }] });
    const also = reportOn(REQUEST, PATIENT, { resultsInterpreter: [...(others.resultsInterpreter ?? []), { identifier: ada.identifier }] });
    expect(verify(others, await provenanceFor(ada, others, 'x', WHEN))).toMatchObject(refusal('invalid', 'names others'));
    expect(isFailure(verify(also, await provenanceFor(ada, also, 'x', WHEN)))).toBe(false);
  });
});

describe('the JWS', () => {
  it('is refused with algorithm none', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const header = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(verify(report, await withJws(report, `${header}..`))).toMatchObject(refusal('signature', 'algorithm is not accepted'));
  });

  it('is refused when the public key was used as a shared secret', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const secret = Buffer.from(JSON.stringify(ada.publicJwk));
    const compact = await new CompactSign(signedContent(report) as Buffer).setProtectedHeader({ alg: 'HS256' }).sign(secret);
    expect(verify(report, await withJws(report, detached(compact)))).toMatchObject(refusal('signature', 'algorithm is not accepted'));
  });

  it('is refused when its algorithm is not the one of the key', async () => {
    const rsa = await newSpecialist({ alg: 'RS256' });
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(rsa, report, 'x', WHEN);
    expect(verify(report, provenance)).toMatchObject(refusal('signature', 'algorithm is not the one of'));
    const pinned = { ...asSigner(rsa), jwk: { ...rsa.publicJwk, alg: 'PS256' } };
    expect(verify(report, provenance, { signers: [pinned] })).toMatchObject(refusal('signature', 'algorithm is not the one of'));
  });

  it('is refused when it names another key', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'x', WHEN, { kid: 'another' });
    expect(verify(report, provenance)).toMatchObject(refusal('signature', 'names another key'));
  });

  it('is refused with a key that is meant for encryption, and with a short RSA key', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'x', WHEN);
    const forEncryption = { ...asSigner(ada), jwk: { ...ada.publicJwk, use: 'enc' } };
    expect(verify(report, provenance, { signers: [forEncryption] })).toMatchObject(refusal('signature', 'not meant for signatures'));
    const rsa = await newSpecialist({ alg: 'RS256' });
    const short = { ...asSigner(rsa), jwk: { ...rsa.publicJwk, n: Buffer.alloc(128, 0xff).toString('base64url') } };
    expect(verify(report, await provenanceFor(rsa, report, 'x', WHEN), { signers: [short] })).toMatchObject(
      refusal('signature', 'too short'),
    );
  });

  it('is refused when a header is critical or b64, understood by others or not', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const key = await importJWK(ada.privateJwk);
    const content = signedContent(report) as Buffer;
    const unencoded = await new CompactSign(content).setProtectedHeader({ alg: 'ES256', b64: true, crit: ['b64'] }).sign(key);
    expect(verify(report, await withJws(report, detached(unencoded)))).toMatchObject(
      refusal('signature', 'extension that is not understood'),
    );
  });

  it('has one spelling: spare bits, padding, whitespace and standard base64 are refused', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const [header, , signature] = await jwsOf(report);
    // 64 bytes leave 4 spare bits in the last of 86 characters.
    const spared = `${signature.slice(0, -1)}${'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[base64Value(signature.slice(-1)) + 1]}`;
    expect(Buffer.from(spared, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
    for (const bad of [spared, `${signature}=`, `${signature}==`, `${signature}\n`, ` ${signature}`]) {
      expect(verify(report, await withJws(report, `${header}..${bad}`))).toMatchObject(refusal('signature', 'canonical base64url'));
    }
  });

  it('is refused when it is cut, has parts too many, or carries a payload of its own', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const [header, , signature] = await jwsOf(report);
    const content = (signedContent(report) as Buffer).toString('base64url');
    for (const bad of [
      '',
      '..',
      `${header}.`,
      `${header}..`,
      `${header}...${signature}`,
      `${header}.${content}.${signature}`,
      `${header}..${signature.slice(0, 40)}`,
    ]) {
      expect(verify(report, await withJws(report, bad))).toMatchObject({ code: 'signature' });
    }
  });

  it('is refused when base64 around it or around the signed content has another spelling', async () => {
    const report = reportOn(REQUEST, PATIENT);
    const provenance = await provenanceFor(ada, report, 'x', WHEN);
    const signature = provenance.signature?.[0] as NonNullable<Provenance['signature']>[number];
    expect(verify(report, withSignature(provenance, { ...signature, data: `${signature.data}\n` }))).toMatchObject(
      refusal('signature', 'canonical base64'),
    );
  });
});

describe('signed content', () => {
  it('is refused when it is not canonical, although its signature is good', async () => {
    const report = reportOn(REQUEST, PATIENT);
    for (const content of [JSON.stringify(report), `${signedContent(report)}\n`, '[]', 'null', '{"resourceType":"Patient"}', '\ufeff{}']) {
      expect(verify(report, await signedOver(Buffer.from(content)))).toMatchObject({ code: 'signature' });
    }
  });

  it('cannot hold a urn:uuid, which a server rewrites', () => {
    const report = reportOn(REQUEST, PATIENT, { performer: [{ reference: 'urn:uuid:6f8f9a52-6c6a-4a34-9a53-0c2a6ee1b7aa' }] });
    expect(signedContent(report)).toMatchObject(refusal('invalid', 'a reference is not literal'));
  });

  it('cannot hold a file that is neither inline nor bound', () => {
    const bad = [
      { contentType: 'application/pdf' },
      { contentType: 'application/pdf', url: 'Binary/9' },
      { ...filedPdf('https://files.example/9.pdf', PDF_DIGEST) },
      { ...filedPdf('Binary/9', PDF_DIGEST.toUpperCase()) },
      { ...filedPdf('Binary/9', PDF_DIGEST), data: PDF.toString('base64') },
    ];
    for (const attachment of bad) {
      expect(signedContent(reportOn(REQUEST, PATIENT, { presentedForm: [attachment] }))).toMatchObject({ code: 'invalid' });
    }
  });

  it('is refused, not thrown, for what has no canonical form', () => {
    expect(signedContent(reportOn(REQUEST, PATIENT, { conclusion: 'lone \ud800 surrogate' }))).toMatchObject({ code: 'invalid' });
    const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    expect(signedContent({ ...reportOn(REQUEST, PATIENT), extension: deep })).toMatchObject({ code: 'invalid' });
  });
});

describe('a report for another case, or of nothing', () => {
  it('is refused when it is based on another order, on two, on none, or is about another patient', async () => {
    const { basedOn: _basedOn, ...groundless } = reportOn(REQUEST, PATIENT);
    const both = [{ reference: REQUEST }, { reference: 'ServiceRequest/5e1' }];
    for (const bad of [reportOn('ServiceRequest/5e1', PATIENT), reportOn(REQUEST, PATIENT, { basedOn: both }), groundless]) {
      expect(verify(bad, await provenanceFor(ada, bad, 'x', WHEN))).toMatchObject(refusal('invalid', 'basedOn'));
    }
    const stranger = reportOn(REQUEST, 'Patient/7a2');
    expect(verify(stranger, await provenanceFor(ada, stranger, 'x', WHEN))).toMatchObject(refusal('invalid', 'subject'));
  });

  it.each(['registered', 'partial', 'preliminary', 'cancelled', 'entered-in-error', 'unknown'] as const)(
    'is refused when %s',
    async (status) => {
      const report = reportOn(REQUEST, PATIENT, { status });
      expect(verify(report, await provenanceFor(ada, report, 'x', WHEN))).toMatchObject(refusal('invalid', 'the status is not one of'));
    },
  );

  it('takes back the one before when its own signer says so, with or without words', async () => {
    const report = reportOn(REQUEST, PATIENT, { status: 'entered-in-error', conclusion: undefined } as Partial<DiagnosticReport>);
    const provenance = await provenanceFor(ada, report, 'x', WHEN);
    expect(isFailure(verify(report, provenance, { withdraws: [ada.identifier] }))).toBe(false);
    const other = { system: ada.identifier.system, value: '100002' };
    expect(verify(report, provenance, { withdraws: [ada.identifier, other] })).toMatchObject(refusal('signature', 'by who signed it'));
    const final = reportOn(REQUEST, PATIENT);
    expect(isFailure(verify(final, await provenanceFor(ada, final, 'x', WHEN), { withdraws: [other] }))).toBe(false);
  });

  it('is refused without conclusion, result and presentedForm', async () => {
    for (const conclusion of [undefined, '', ' \n ']) {
      const report = reportOn(REQUEST, PATIENT, { conclusion });
      expect(verify(report, await provenanceFor(ada, report, 'x', WHEN))).toMatchObject(refusal('invalid', 'no conclusion, no result'));
    }
  });

  it('takes a contained result, and refuses one that lies elsewhere', async () => {
    const observation = {
      resourceType: 'Observation' as const,
      id: 'size',
      status: 'final' as const,
      code: { text: 'Size' },
      valueString: '4 mm',
    };
    const inside = reportOn(REQUEST, PATIENT, { conclusion: undefined, contained: [observation], result: [{ reference: '#size' }] });
    const dangling = { ...inside, result: [{ reference: '#other' }] };
    const elsewhere = reportOn(REQUEST, PATIENT, { result: [{ reference: 'Observation/4' }] });
    expect(isFailure(verify(inside, await provenanceFor(ada, inside, 'x', WHEN)))).toBe(false);
    for (const bad of [dangling, elsewhere]) {
      expect(verify(bad, await provenanceFor(ada, bad, 'x', WHEN))).toMatchObject(refusal('invalid', 'no contained Observation'));
    }
  });
});

describe('a report that moved to another server', () => {
  const expected = { serviceRequest: 'ServiceRequest/there', patient: 'Patient/there' };

  it('is verified when only its places changed', async () => {
    const report = reportOn(REQUEST, PATIENT, { presentedForm: [filedPdf('Binary/9', PDF_DIGEST)] });
    const provenance = await provenanceFor(ada, report, 'x', WHEN);
    const { url: _url, ...file } = filedPdf('', PDF_DIGEST);
    const moved = reportOn(expected.serviceRequest, expected.patient, { presentedForm: [{ ...file, data: PDF.toString('base64') }] });
    expect(isFailure(verify(moved, provenance, { expected, moved: true }))).toBe(false);
    expect(verify(moved, provenance, { expected })).toMatchObject({ failure: true });
  });

  it('is refused when anything else changed', async () => {
    const observation = {
      resourceType: 'Observation' as const,
      id: 'a',
      status: 'final' as const,
      code: { text: 'Size' },
      valueString: '4 mm',
    };
    const contained = [observation, { ...observation, id: 'b' }];
    const report = reportOn(REQUEST, PATIENT, {
      contained,
      result: [{ reference: '#a' }],
      presentedForm: [filedPdf('Binary/9', PDF_DIGEST)],
    });
    const provenance = await provenanceFor(ada, report, 'x', WHEN);
    const moved = { ...report, ...reportOn(expected.serviceRequest, expected.patient) };
    const { presentedForm: _presentedForm, ...fileless } = moved;
    const other = createHash('sha256').update('another').digest('hex');
    const bad = [
      { ...moved, conclusion: 'Fracture.' },
      { ...moved, result: [{ reference: '#b' }] },
      { ...moved, contained: [{ ...observation, valueString: '5 mm' }, contained[1]] },
      { ...moved, presentedForm: [filedPdf('Binary/9', other)] },
      { ...moved, subject: [moved.subject] },
      fileless,
    ] as DiagnosticReport[];
    for (const altered of bad) {
      expect(verify(altered, provenance, { expected, moved: true })).toMatchObject(refusal('signature', 'not the one that was signed'));
    }
  });
});

function verify(report: DiagnosticReport, provenance: Provenance | null, more: Partial<VerifyInput> = {}) {
  const expected = { serviceRequest: REQUEST, patient: PATIENT };
  return verifyReport({ report, provenance, signers, expected, blobOf: () => PDF_DIGEST, ...more });
}

function refusal(code: Failure['code'], detail: string) {
  return { failure: true, room: 'reports', class: 'permanent', code, detail: expect.stringContaining(detail) };
}

function asSigner(specialist: Specialist): Signer {
  return { name: specialist.name, identifier: specialist.identifier, jwk: specialist.publicJwk };
}

function withSignature(provenance: Provenance, signature: unknown): Provenance {
  return { ...provenance, signature: [signature] as Provenance['signature'] };
}

function withContent(provenance: Provenance, content: Buffer): Provenance {
  const signature = provenance.signature?.[0] as NonNullable<Provenance['signature']>[number];
  const [extension] = signature.extension ?? [];
  return withSignature(provenance, { ...signature, extension: [{ ...extension, valueBase64Binary: content.toString('base64') }] });
}

async function withJws(report: DiagnosticReport, jws: string): Promise<Provenance> {
  const provenance = await provenanceFor(ada, report, 'x', WHEN);
  return withSignature(provenance, { ...provenance.signature?.[0], data: Buffer.from(jws).toString('base64') });
}

async function signedOver(content: Buffer): Promise<Provenance> {
  const compact = await new CompactSign(content).setProtectedHeader({ alg: 'ES256', sigT: WHEN }).sign(await importJWK(ada.privateJwk));
  return withContent(await withJws(reportOn(REQUEST, PATIENT), detached(compact)), content);
}

async function jwsOf(report: DiagnosticReport): Promise<[string, string, string]> {
  const provenance = await provenanceFor(ada, report, 'x', WHEN);
  return Buffer.from(provenance.signature?.[0]?.data ?? '', 'base64')
    .toString()
    .split('.') as [string, string, string];
}

function detached(compact: string): string {
  const [header, , signature] = compact.split('.');
  return `${header}..${signature}`;
}

function base64Value(character: string): number {
  return 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(character);
}
