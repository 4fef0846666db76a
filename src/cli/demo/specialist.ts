/** A specialist with a system of his own: finds Tasks, claims one, signs with his own key, posts. */
import { generateKeyPairSync } from 'node:crypto';
import type { Bundle, DiagnosticReport, Task } from '@medplum/fhirtypes';
import type { Signer } from '../../model/config.ts';
import { isFailure } from '../../model/failure.ts';
import { signReport } from '../../reports/sign.ts';
import { type Answered, type FhirDoor, openFhir } from './fhir-door.ts';

export type Specialist = {
  /** What the gateway is configured with: name, identifier and the public key. */
  readonly signer: Signer;
  enter(url: string, token: string): void;
  door(): FhirDoor;
  /** Takes a Task under the version that was read. */
  claim(task: Task): Promise<Answered>;
  /** The transaction with the report and the Provenance that signs it. */
  sign(report: DiagnosticReport): Promise<Bundle>;
};

export function newSpecialist(name: string, number: string): Specialist {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const label = { alg: 'ES256', kid: `key-${number}` };
  const identifier = { system: 'urn:example:physician-number', value: number };
  const signer: Signer = { name, identifier, jwk: { ...publicKey.export({ format: 'jwk' }), ...label } };
  const key = { ...privateKey.export({ format: 'jwk' }), ...label };
  let door: FhirDoor | null = null;
  return {
    signer,
    enter: (url, token) => {
      door = openFhir(url, token);
    },
    door: () => door as FhirDoor,
    claim: (task) => {
      const version = { 'if-match': `W/"${task.meta?.versionId}"` };
      return (door as FhirDoor).ask('PUT', `/Task/${task.id}`, { ...task, status: 'accepted' }, version);
    },
    sign: async (report) => {
      const provenance = await signReport({ report, target: REPORT_NAME, signer, key, now: new Date() });
      if (isFailure(provenance)) throw new Error(provenance.detail);
      const entry = [report, provenance].map((resource, index) => ({
        fullUrl: index === 0 ? REPORT_NAME : PROVENANCE_NAME,
        resource,
        request: { method: 'POST' as const, url: resource.resourceType },
      }));
      return { resourceType: 'Bundle', type: 'transaction', entry };
    },
  };
}

/** A final report on what a Task asks for. */
export function reportOn(
  task: Task,
  { signer }: Specialist,
  code: { code: string; display: string },
  conclusion: string,
): DiagnosticReport {
  return {
    resourceType: 'DiagnosticReport',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', ...code }] },
    basedOn: [{ reference: task.focus?.reference }],
    subject: { reference: task.for?.reference },
    resultsInterpreter: [{ type: 'Practitioner', identifier: signer.identifier, display: signer.name }],
    issued: new Date().toISOString(),
    conclusion,
  };
}

const REPORT_NAME = 'urn:uuid:2f3a0a1e-6b0c-4a58-9a53-0c2a6ee1b7aa';
const PROVENANCE_NAME = 'urn:uuid:8f8f9a52-6c6a-4a34-9a53-0c2a6ee1b7ab';
