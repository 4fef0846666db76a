/**
 * Signs a report as a specialist's own system does. In: a DiagnosticReport with literal references, who signs, his private JWK, the time.
 * Out: the Provenance to post with the report. By jose, so that what `verify.ts` accepts was made by an implementation of others.
 */
import type { DiagnosticReport, Practitioner, Provenance, Reference } from '@medplum/fhirtypes';
import { CompactSign, importJWK, type JWK } from 'jose';
import type { Signer } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import { SIGNED_CONTENT } from '../protocols/fhir/canonical.ts';
import { signedContent } from './signed-content.ts';

export type SignInput = {
  readonly report: DiagnosticReport;
  /** Reference to the report: `urn:uuid:` within a transaction, `DiagnosticReport/id` once it has one. */
  readonly target: string;
  readonly signer: Pick<Signer, 'name' | 'identifier'>;
  /** Private JWK; its `alg` names the algorithm, its `kid` the key. */
  readonly key: JWK;
  readonly now: Date;
};

export async function signReport(input: SignInput): Promise<Provenance | Failure> {
  const content = signedContent(input.report);
  if (isFailure(content)) return content;
  const jws = await detachedJws(content, input);
  return isFailure(jws) ? jws : provenanceOf(input, content, jws);
}

async function detachedJws(content: Buffer, { key, now }: SignInput): Promise<string | Failure> {
  if (!key.alg) return failure('reports', 'invalid', 'the private key does not name its algorithm (alg)');
  const header = { alg: key.alg, ...(key.kid ? { kid: key.kid } : {}), sigT: now.toISOString() };
  const compact = await new CompactSign(content).setProtectedHeader(header).sign(await importJWK(key));
  const [protectedHeader, , signature] = compact.split('.');
  return `${protectedHeader}..${signature}`;
}

function provenanceOf({ target, signer, now }: SignInput, content: Buffer, jws: string): Provenance {
  const who: Reference<Practitioner> = { type: 'Practitioner', identifier: signer.identifier, display: signer.name };
  return {
    resourceType: 'Provenance',
    target: [{ reference: target }],
    recorded: now.toISOString(),
    agent: [{ type: { coding: [{ system: PARTICIPANT_TYPE, code: 'author' }] }, who }],
    signature: [
      {
        extension: [{ url: SIGNED_CONTENT, valueBase64Binary: content.toString('base64') }],
        type: [{ system: SIGNATURE_TYPE, code: '1.2.840.10065.1.12.1.1', display: "Author's Signature" }],
        when: now.toISOString(),
        who,
        targetFormat: 'application/fhir+json',
        sigFormat: 'application/jose',
        data: Buffer.from(jws, 'ascii').toString('base64'),
      },
    ],
  };
}

const PARTICIPANT_TYPE = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
/** ASTM E1762-95. */
const SIGNATURE_TYPE = 'urn:iso-astm:E1762-95:2013';
