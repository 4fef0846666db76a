/**
 * What the FHIR door makes of every file of two public corpora: HL7's own R4 examples, and resources that HL7's Java validator refuses.
 * The tables say it file by file, also where we are more patient than that validator. The corpora stand beside the checkout.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FhirCaller, type FhirDoor, openFhirDoor } from '../support/fhir-door.ts';

const CORPORA = new URL('../../../shared/corpora/fhir/', import.meta.url);
const isThere = existsSync(CORPORA);
const XML = 'the body must be application/fhir+json (XML is not spoken here), a patch application/json-patch+json';

let door: FhirDoor;
let operator: FhirCaller;

beforeAll(async () => {
  door = await openFhirDoor();
  operator = await door.client('operator', 'operators');
});
afterAll(() => door.close());

const text = (path: string) => readFileSync(new URL(path, CORPORA), 'utf8');

function filesOf(folder: string): string[] {
  if (!isThere) return ['the corpora are not here'];
  return readdirSync(new URL(folder, CORPORA)).filter(
    (name) => /\.(json|xml)$/.test(name) && !name.includes('.outcome.') && name !== 'package.json',
  );
}

/** Posts a file where its type belongs: status, and the first fault. */
async function verdict(body: string, name: string): Promise<{ status: number; said: string; stored: unknown }> {
  const type = /"resourceType"\s*:\s*"(\w+)"/.exec(body)?.[1] ?? name.split(/[-.]/)[0];
  const contentType = name.endsWith('.xml') ? 'application/fhir+xml' : 'application/fhir+json';
  const answer = await operator.ask('POST', type === 'Bundle' ? '' : String(type), body, { 'content-type': contentType });
  return { status: answer.status, said: answer.body?.issue?.[0]?.diagnostics ?? '', stored: answer.body };
}

/** The examples refer to each other on a server of their own. */
function atTheirServer(body: string): string {
  return body.replaceAll(/("reference"\s*:\s*")([A-Z][A-Za-z]+\/)/g, '$1http://hl7.org/fhir/$2');
}

(isThere ? describe : describe.skip)('HL7’s R4 examples', () => {
  it.each(filesOf('r4-spec-examples'))('%s', async (name) => {
    const body = atTheirServer(text(`r4-spec-examples/${name}`));
    const { status, said, stored } = await verdict(body, name);
    const type = name.split('-')[0] as string;
    expect([name, status, said]).toEqual([
      name,
      ...(EXAMPLES[name] ?? (NOT_HELD.has(type) ? [404, `this server holds no ${type}`] : [201, ''])),
    ]);
    if (status !== 201 || type === 'Binary') return;
    const { id: _id, meta: _meta, ...rest } = JSON.parse(body);
    expect(stored).toMatchObject(rest);
  });
});

(isThere ? describe : describe.skip)('what HL7’s validator refuses', () => {
  it.each(filesOf('invalid-with-outcome'))('%s', async (name) => {
    const { status, said } = await verdict(atTheirServer(text(`invalid-with-outcome/${name}`)), name);
    expect([name, status, said]).toEqual([name, ...(INVALID[name] ?? [])]);
  });
});

/** Types of the examples that a consultation is not made of. */
const NOT_HELD: ReadonlySet<string> = new Set(
  'Appointment AuditEvent Communication Consent Location OperationOutcome Specimen Subscription'.split(' '),
);

/** File → status and what is said; created where it does not stand here. */
const EXAMPLES: Readonly<Record<string, readonly [number, string]>> = {
  'Bundle-10bb101f-a121-4264-a920-67be9cb82c74.json': [422, 'only a transaction or a batch can be posted here'],
  'Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe.json': [422, 'only a transaction or a batch can be posted here'],
  'Bundle-bundle-response.json': [422, 'only a transaction or a batch can be posted here'],
  'Bundle-bundle-transaction.json': [405, 'DELETE is not possible there'],
  'Bundle-lri-example.json': [422, 'only a transaction or a batch can be posted here'],
  'Bundle-report.json': [422, 'only a transaction or a batch can be posted here'],
  'Bundle-xds.json': [200, ''],
};

/** Accepted ones too: what we do not see that HL7's validator does. */
const INVALID: Readonly<Record<string, readonly [number, string]>> = {
  'ai3.json': [422, 'Invalid additional property "unknownElement"'],
  'ai4.json': [422, 'Invalid date format'],
  'attachment-with-invalid-binary.json': [422, 'not base64'],
  'attachment-with-wrong-size.json': [422, 'not the size of the data'],
  'bad-json-close-1.json': [400, 'the body is not JSON in UTF-8'],
  'bundle-duplicate-id.json': [422, 'only a transaction or a batch can be posted here'],
  // Wrong by a US Core profile that it claims; valid by R4, which is what is asked here.
  'dr-eh.json': [201, ''],
  'empty-array.json': [422, 'an array cannot be empty'],
  // Starts on a day and ends within that day: possible, so we let it be.
  'encounter-period.json': [201, ''],
  'json-comma-bad-1.json': [400, 'the body is not JSON in UTF-8'],
  'json-comments-1.json': [400, 'the body is not JSON in UTF-8'],
  'json-no-quotes-1.json': [400, 'the body is not JSON in UTF-8'],
  'message-empty-entry.xml': [415, XML],
  // Markup in a plain text: never shown as markup here.
  'pat-security-bad-string.json': [201, ''],
  'pat-security-bad-xhtml.json': [422, 'a narrative holds an element that is not allowed (txt-1)'],
  // The ids are bad; the type is asked for first.
  'resource-invalid-id-1.json': [404, 'this server holds no Location'],
  'resource-invalid-id-2.json': [404, 'this server holds no Location'],
  'xml-bad-entities.xml': [415, XML],
};
