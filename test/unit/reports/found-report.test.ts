import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Provenance, Resource } from '@medplum/fhirtypes';
import type { Signer } from '../../../src/model/config.ts';
import { isFailure } from '../../../src/model/failure.ts';
import { loadValidator, type Validate } from '../../../src/protocols/fhir/resource-validator.ts';
import { digestFound, type FoundReport, localise, readFoundReport } from '../../../src/reports/found-report.ts';
import { type VerifiedReport, verifyReport } from '../../../src/reports/verify.ts';
import { filedPdf, newSpecialist, provenanceFor, reportOn, type Specialist } from '../../support/specialist.ts';

const SERVER = 'https://clinic.example/fhir';
const PDF = Buffer.from('%PDF-1.7 a report');
const DIGEST = createHash('sha256').update(PDF).digest('hex');
const REMOTE = { serviceRequest: 'ServiceRequest/r1', patient: 'Patient/r2' };
const LOCAL = { serviceRequest: 'ServiceRequest/l1', patient: 'Patient/l2' };
const PLACES = new Map([
  [REMOTE.serviceRequest, LOCAL.serviceRequest],
  [REMOTE.patient, LOCAL.patient],
  ['Binary/r3', 'Binary/l3'],
]);

let validate: Validate;
let ada: Specialist;
let signers: Signer[];

beforeAll(async () => {
  validate = loadValidator();
  ada = await newSpecialist();
  signers = [{ name: ada.name, identifier: ada.identifier, jwk: ada.publicJwk }];
});

describe('a report found on a specialist’s server', () => {
  it('is verified in that server’s references, with its file', async () => {
    const found = read(await bundle());
    expect(found.server).toBe(SERVER);
    expect(found.files.get('Binary/r3')?.bytes).toEqual(PDF);
    expect(isFailure(verifyThere(found))).toBe(false);
  });

  it('is verified when it names its order and patient by absolute URLs', async () => {
    const absolute = reportOn(`${SERVER}/${REMOTE.serviceRequest}`, `${SERVER}/${REMOTE.patient}`);
    const found = read(await bundle(absolute));
    expect(isFailure(verifyThere(found))).toBe(false);
    const { report } = localise(verifyThere(found) as VerifiedReport, SERVER, PLACES, { report: 'l4', provenance: 'l5' });
    expect(report).toMatchObject({ basedOn: [{ reference: LOCAL.serviceRequest }], subject: { reference: LOCAL.patient } });
  });

  it('is refused when its file is not the signed one, or not there', async () => {
    const resources = await bundle();
    const swapped = resources.map((one) =>
      one.resourceType === 'Binary' ? { ...one, data: Buffer.from('%PDF-1.7 b').toString('base64') } : one,
    );
    expect(verifyThere(read(swapped))).toMatchObject({ code: 'signature' });
    expect(verifyThere(read(resources.slice(0, 2)))).toMatchObject({ code: 'invalid' });
  });

  it('becomes ours: our ids, our references, and URLs for what only that server has', async () => {
    const performer = [{ reference: 'Practitioner/r9', display: 'Dr. Ada Example' }];
    const narrative = { status: 'generated' as const, div: '<div xmlns="http://www.w3.org/1999/xhtml">Another text.</div>' };
    const verified = verifyThere(
      read(await bundle(reportOn(REMOTE.serviceRequest, REMOTE.patient, { ...filed(), performer, text: narrative }))),
    );
    const { report, provenance } = localise(verified as VerifiedReport, SERVER, PLACES, { report: 'l4', provenance: 'l5' });
    expect(report).toMatchObject({
      id: 'l4',
      basedOn: [{ reference: LOCAL.serviceRequest }],
      subject: { reference: LOCAL.patient },
      performer: [{ reference: `${SERVER}/Practitioner/r9`, display: 'Dr. Ada Example' }],
      presentedForm: [{ url: 'Binary/l3' }],
    });
    expect(report).not.toHaveProperty('text');
    expect(report).not.toHaveProperty('meta');
    expect(provenance).toMatchObject({ id: 'l5', target: [{ reference: 'DiagnosticReport/l4' }] });
    const again = verifyReport({ report, provenance, signers, expected: LOCAL, blobOf: () => DIGEST, moved: true });
    expect(isFailure(again)).toBe(false);
  });

  it('is refused when it is no valid R4, or not what was looked for', async () => {
    const [report, provenance] = (await bundle()) as [DiagnosticReport, Provenance];
    const { code: _code, ...codeless } = report;
    for (const bad of [[], [report], [provenance, report], [codeless as DiagnosticReport, provenance]]) {
      expect(readFoundReport(bytesOf(bad), validate)).toMatchObject({ code: 'malformed' });
    }
    expect(readFoundReport(Buffer.from('not json'), validate)).toMatchObject({ failure: true });
  });
});

function filed(): Partial<DiagnosticReport> {
  return { presentedForm: [filedPdf('Binary/r3', DIGEST)] };
}

/** DiagnosticReport, Provenance, Binary as that server holds them. */
async function bundle(report = reportOn(REMOTE.serviceRequest, REMOTE.patient, filed())): Promise<Resource[]> {
  const stored = { ...report, id: 'r4', meta: { versionId: '1' } };
  const provenance = { ...(await provenanceFor(ada, report, 'DiagnosticReport/r4', '2026-03-02T09:31:00Z')), id: 'r5' };
  return [stored, provenance, { resourceType: 'Binary', id: 'r3', contentType: 'application/pdf', data: PDF.toString('base64') }];
}

function bytesOf(resources: readonly Resource[]): Buffer {
  const entry = resources.map((resource) => ({ fullUrl: `${SERVER}/${resource.resourceType}/${resource.id}`, resource }));
  return Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry }));
}

function read(resources: readonly Resource[]): FoundReport {
  const found = readFoundReport(bytesOf(resources), validate);
  if (isFailure(found)) throw new Error(found.detail);
  return found;
}

function verifyThere(found: FoundReport) {
  const { server, report, provenance } = found;
  return verifyReport({ report, provenance, signers, expected: REMOTE, server, blobOf: (reference) => digestFound(found, reference) });
}
