/** A clinic: it asks by FHIR, and has a small FHIR server of its own on which the answer arrives. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Bundle, BundleEntry, DiagnosticReport, Provenance } from '@medplum/fhirtypes';
import { isFailure } from '../../model/failure.ts';
import { SIGNED_CONTENT } from '../../protocols/fhir/canonical.ts';
import { verifyDetached } from '../../reports/jws.ts';
import { parseSignedContent, sameApartFromPlaces } from '../../reports/signed-content.ts';
import { type FhirDoor, openFhir } from './fhir-door.ts';

export type Clinic = {
  /** Of its own server. */
  readonly serverUrl: string;
  readonly serverToken: string;
  /** Transactions that arrived there. */
  readonly received: readonly Bundle[];
  enter(url: string, token: string): void;
  /** The gateway's FHIR door with the clinic's token. */
  gateway(): FhirDoor;
  close(): Promise<void>;
};

export async function openClinic(): Promise<Clinic> {
  const received: Bundle[] = [];
  const serverToken = 'a-token-of-the-clinic';
  const server = createServer(async (request, response) => {
    const answer = request.headers.authorization === `Bearer ${serverToken}` ? await take(request, received) : null;
    response.writeHead(answer === null ? 401 : 200, { 'content-type': 'application/fhir+json' });
    response.end(JSON.stringify(answer ?? { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'login' }] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let door: FhirDoor | null = null;
  return {
    serverUrl: `http://127.0.0.1:${(server.address() as { port: number }).port}/fhir`,
    serverToken,
    received,
    enter: (url, token) => {
      door = openFhir(url, token);
    },
    gateway: () => door as FhirDoor,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Creates each entry of a transaction; what it holds is all it does. */
async function take(request: IncomingMessage, received: Bundle[]): Promise<Bundle> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bundle = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Bundle;
  received.push(bundle);
  const entry = (bundle.entry ?? []).map(({ request: asked }, index): BundleEntry => {
    const location = `${asked?.url}/${received.length}-${index + 1}/_history/1`;
    return { response: { status: '201 Created', location, etag: 'W/"1"' } };
  });
  return { resourceType: 'Bundle', type: 'transaction-response', entry };
}

/**
 * Whether a report on another server is what the specialist signed: the signed bytes travel in the Provenance, the key is known here,
 * and the report says the same but for where things lie.
 */
export function isSigned(report: DiagnosticReport, provenance: Provenance, key: Readonly<Record<string, unknown>>): boolean {
  const signature = provenance.signature?.[0];
  const content = Buffer.from(signature?.extension?.find(({ url }) => url === SIGNED_CONTENT)?.valueBase64Binary ?? '', 'base64');
  const jws = Buffer.from(signature?.data ?? '', 'base64').toString('latin1');
  const signed = parseSignedContent(content);
  return !isFailure(verifyDetached(jws, content, key)) && !isFailure(signed) && sameApartFromPlaces(signed, report);
}
