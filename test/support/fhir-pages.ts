/** FHIR and DICOMweb as an outsider reads them: fetch and a bearer token. Imports nothing from src. */
import type { Bundle, Resource } from '@medplum/fhirtypes';

export type Reader = { readonly http: string; readonly token: string };

const TIMEOUT_MS = 60_000;

/** Every resource that a search finds, page after page. */
export async function searchAll<T extends Resource>(reader: Reader, query: string): Promise<T[]> {
  const found: T[] = [];
  for (let url: string | undefined = `${reader.http}/fhir/${query}`; url; ) {
    const page: Bundle = await getJson<Bundle>(reader, url);
    for (const { resource, search } of page.entry ?? []) if (resource && search?.mode !== 'outcome') found.push(resource as T);
    url = page.link?.find(({ relation }) => relation === 'next')?.url;
  }
  return found;
}

export async function getJson<T>(reader: Reader, url: string): Promise<T> {
  const response = await fetch(url, { headers: headersOf(reader, 'application/fhir+json'), signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok)
    throw new Error(`GET ${new URL(url).pathname} was answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return (await response.json()) as T;
}

/** WADO-RS: the one Part 10 file of an instance (PS3.18 §10.4); null when it is not there. */
export async function fetchInstance(reader: Reader, study: string, series: string, instance: string): Promise<Buffer | null> {
  const url = `${reader.http}/dicomweb/studies/${study}/series/${series}/instances/${instance}`;
  const accept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
  const response = await fetch(url, { headers: headersOf(reader, accept), signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`GET ${new URL(url).pathname} was answered ${response.status}`);
  return onlyPart(Buffer.from(await response.arrayBuffer()), response.headers.get('content-type') ?? '');
}

/** The dataset of a Part 10 file: what follows the File Meta Information, whose length (0002,0000) tells (PS3.10 §7.1). */
export function datasetOf(file: Buffer): Buffer {
  if (file.toString('latin1', 128, 132) !== 'DICM' || file.readUInt32LE(132) !== 0x00000002) throw new Error('not a Part 10 file');
  return file.subarray(144 + file.readUInt32LE(140));
}

function onlyPart(body: Buffer, contentType: string): Buffer {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (!boundary) throw new Error(`no multipart answer: ${contentType}`);
  const start = body.indexOf('\r\n\r\n') + 4;
  const end = body.indexOf(`\r\n--${boundary}`, start);
  if (start < 4 || end < 0 || body.indexOf(`--${boundary}--`, end) !== end + 2) throw new Error('the answer is not one whole part');
  return body.subarray(start, end);
}

function headersOf({ token }: Reader, accept: string): Record<string, string> {
  return { authorization: `Bearer ${token}`, accept };
}
