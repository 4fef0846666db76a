/**
 * A specialist with a system of his own: finds Tasks, claims one, reads, signs, posts. Imports nothing from src: signing is done here
 * once more with jose and canonicalize, from the published description alone, as another vendor would.
 */
import type { Attachment, Bundle, DiagnosticReport, Provenance, Reference, Task } from '@medplum/fhirtypes';
import canonicalize from 'canonicalize';
import { Client, type FhirResource } from 'fhir-kit-client';
import { CompactSign, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

export type Specialist = {
  readonly name: string;
  readonly identifier: { readonly system: string; readonly value: string };
  /** For the gateway's configuration (`signers`). */
  readonly publicJwk: JWK & Record<string, unknown>;
  readonly privateJwk: JWK;
};

export async function newSpecialist(options: { alg?: string; value?: string } = {}): Promise<Specialist> {
  const { alg = 'ES256', value = '100001' } = options;
  const pair = await generateKeyPair(alg, { extractable: true });
  const kid = `key-${value}`;
  return {
    name: 'Dr. Ada Example',
    identifier: { system: 'urn:example:physician-number', value },
    publicJwk: { ...(await exportJWK(pair.publicKey)), alg, kid },
    privateJwk: { ...(await exportJWK(pair.privateKey)), alg, kid },
  };
}

/** A final report with a conclusion, on a ServiceRequest and a Patient that are named literally. */
export function reportOn(serviceRequest: string, patient: string, more: Partial<DiagnosticReport> = {}): DiagnosticReport {
  return {
    resourceType: 'DiagnosticReport',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '18748-4', display: 'Diagnostic imaging study' }] },
    basedOn: [{ reference: serviceRequest }],
    subject: { reference: patient },
    effectiveDateTime: '2026-03-02T09:00:00+01:00',
    issued: '2026-03-02T10:30:00+01:00',
    conclusion: 'No intracranial haemorrhage.\nNo fracture.',
    ...more,
  };
}

/** A PDF that lies in a Binary, bound by its SHA-256. */
export function filedPdf(url: string, sha256: string): Attachment {
  return {
    extension: [{ url: 'https://waystation.dev/fhir/StructureDefinition/attachment-sha256', valueString: sha256 }],
    contentType: 'application/pdf',
    url,
  };
}

/** The Provenance that carries the signature over a report. */
export async function provenanceFor(
  specialist: Specialist,
  report: DiagnosticReport,
  target: string,
  when: string,
  header: Record<string, unknown> = {},
): Promise<Provenance> {
  const { id: _id, meta: _meta, text: _text, ...content } = report;
  const payload = Buffer.from(canonicalize(content) as string);
  const who = { identifier: specialist.identifier, display: specialist.name } as Reference<never>;
  const jws = await detach(payload, specialist.privateJwk, { sigT: when, ...header });
  return {
    resourceType: 'Provenance',
    target: [{ reference: target }],
    recorded: when,
    agent: [{ type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'author' }] }, who }],
    signature: [
      {
        extension: [
          { url: 'https://waystation.dev/fhir/StructureDefinition/signed-content', valueBase64Binary: payload.toString('base64') },
        ],
        type: [{ system: 'urn:iso-astm:E1762-95:2013', code: '1.2.840.10065.1.12.1.1' }],
        when,
        who,
        targetFormat: 'application/fhir+json',
        sigFormat: 'application/jose',
        data: Buffer.from(jws).toString('base64'),
      },
    ],
  };
}

/** Report and Provenance as one transaction. */
export async function signedTransaction(specialist: Specialist, report: DiagnosticReport, when: string): Promise<Bundle> {
  const fullUrl = 'urn:uuid:6f8f9a52-6c6a-4a34-9a53-0c2a6ee1b7aa';
  const provenance = await provenanceFor(specialist, report, fullUrl, when);
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { fullUrl, resource: report, request: { method: 'POST', url: 'DiagnosticReport' } },
      { resource: provenance, request: { method: 'POST', url: 'Provenance' } },
    ],
  };
}

/** The Tasks that wait for a reader. */
export async function openTasks(server: Client): Promise<Task[]> {
  const found = (await server.search({ resourceType: 'Task', searchParams: { status: 'requested' } })) as FhirResource & Bundle<Task>;
  return (found.entry ?? []).map((entry) => entry.resource as Task);
}

/** Claims a Task under the version that was read; throws when another was faster. */
export async function claimTask(server: Client, task: Task): Promise<Task> {
  const options = { headers: { 'If-Match': `W/"${task.meta?.versionId}"` } };
  const body = { ...task, status: 'accepted' };
  return (await server.update({ resourceType: 'Task', id: task.id as string, body, options })) as FhirResource & Task;
}

/** Signs a report and posts it with its Provenance; the answer is the transaction-response. */
export async function postReport(server: Client, specialist: Specialist, report: DiagnosticReport, when: string): Promise<Bundle> {
  const body = { ...(await signedTransaction(specialist, report, when)) };
  return (await server.transaction({ body })) as FhirResource & Bundle;
}

/** fhir-kit-client against a FHIR base, with the reader's token. */
export function connect(baseUrl: string, token: string): Client {
  return new Client({ baseUrl, bearerToken: token });
}

async function detach(payload: Buffer, key: JWK, header: Record<string, unknown>): Promise<string> {
  const protectedHeader = { alg: key.alg as string, kid: key.kid, ...header };
  const compact = await new CompactSign(payload).setProtectedHeader(protectedHeader).sign(await importJWK(key));
  const [head, , signature] = compact.split('.');
  return `${head}..${signature}`;
}
