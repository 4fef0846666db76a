/**
 * dicomweb-client, the library under most viewers on the web, in a browser page on our DICOMweb root: it stores, searches, and retrieves
 * objects, metadata, frames, bulk data and rendered images.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { isChromiumThere, openWindow, startBrowser } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { type GatewayProcess, ROOT, startGatewayProcess } from '../support/gateway-process.ts';
import { isOhifThere, serveOhif, type Viewer } from '../support/ohif.ts';
import { until } from '../support/until.ts';

const CORPUS = '../shared/corpora/dicom';
const LIBRARY = join(ROOT, 'node_modules/dicomweb-client/build/dicomweb-client.js');
const FILE = readIfThere(join(CORPUS, 'pydicom-data/emri_small.dcm'));
const PLACE = {
  studyInstanceUID: '1.2.826.0.1.3680043.2.1143.3365540476747857567072393009509418480',
  seriesInstanceUID: '1.2.826.0.1.3680043.2.1143.3712364435022872412969836992152438492',
};
const FRAME_BYTES = 64 * 64 * 2;
const withBrowser = isChromiumThere && isOhifThere && FILE ? describe : describe.skip;

type Json = Record<string, { vr: string; Value?: unknown[]; BulkDataURI?: string }>;

withBrowser('dicomweb-client', () => {
  let gateway: GatewayProcess;
  let viewer: Viewer;
  let browser: Browser;
  let page: Page;
  let instance: typeof PLACE & { sopInstanceUID: string };

  beforeAll(async () => {
    const port = await freePort();
    gateway = await startGatewayProcess({ http: `{ port: 0, publicUrl: "http://127.0.0.1:${port}" }` });
    viewer = await serveOhif(gateway.http, port);
    browser = await startBrowser();
    ({ page } = await openWindow(browser, { origin: viewer.url }));
    await page.goto(`${viewer.url}/manifest.json`);
    await page.addScriptTag({ content: readFileSync(LIBRARY, 'utf8') });
    const token = gateway.addClient('library', 'operator');
    await page.evaluate(`client = new DICOMwebClient.api.DICOMwebClient({
      url: location.origin + '/dicomweb', singlepart: 'none', headers: { Authorization: 'Bearer ${token}' } })`);
  });
  afterAll(async () => {
    await browser?.close();
    await viewer?.close();
    await gateway?.stop();
    gateway?.remove();
  });

  const call = <T>(method: string, options: unknown): Promise<T> =>
    page.evaluate(`client.${method}(${JSON.stringify(options)})`) as Promise<T>;
  /** Of bytes, or an array of them: Base64, for nothing else leaves the page whole. */
  const bytesOf = async (method: string, options: unknown): Promise<Buffer[]> => {
    const expression = `client.${method}(${JSON.stringify(options)}).then((got) => [got].flat().map((buffer) =>
      btoa([...new Uint8Array(buffer)].map((byte) => String.fromCharCode(byte)).join(''))))`;
    return ((await page.evaluate(expression)) as string[]).map((text) => Buffer.from(text, 'base64'));
  };
  const pixels = (FILE as Buffer)?.subarray(-10 * FRAME_BYTES);

  it('stores an object', async () => {
    const stored = `client.storeInstances({ datasets: [Uint8Array.from(atob('${FILE?.toString('base64')}'), (c) => c.charCodeAt(0)).buffer] })`;
    await page.evaluate(stored);
    const found = await until(
      () => call<Json[]>('searchForStudies', { queryParams: { StudyInstanceUID: PLACE.studyInstanceUID } }),
      (studies) => studies.length === 1,
    );
    expect(found[0]?.['00080061']?.Value).toEqual(['MR']);
  });

  it('searches series and instances', async () => {
    const series = await call<Json[]>('searchForSeries', { studyInstanceUID: PLACE.studyInstanceUID });
    expect(series.map((one) => one['0020000E']?.Value)).toEqual([[PLACE.seriesInstanceUID]]);
    const instances = await call<Json[]>('searchForInstances', PLACE);
    expect(instances[0]?.['00280008']?.Value).toEqual([10]);
    instance = { ...PLACE, sopInstanceUID: String(instances[0]?.['00080018']?.Value?.[0]) };
  });

  it('retrieves metadata of study, series and instance', async () => {
    for (const method of ['retrieveStudyMetadata', 'retrieveSeriesMetadata']) expect(await call<Json[]>(method, instance)).toHaveLength(1);
    const [metadata] = await call<Json[]>('retrieveInstanceMetadata', instance);
    expect(metadata?.['7FE00010']?.BulkDataURI).toContain(`${viewer.url}/dicomweb/studies/`);
  });

  it('retrieves the object as it was', async () => {
    const [file] = await bytesOf('retrieveInstance', instance);
    expect(file?.subarray(-pixels.length).equals(pixels)).toBe(true);
    expect(await bytesOf('retrieveStudy', instance)).toEqual([file]);
  });

  it('retrieves frames and bulk data', async () => {
    const frames = await bytesOf('retrieveInstanceFrames', { ...instance, frameNumbers: [1, 10] });
    expect(frames).toEqual([pixels.subarray(0, FRAME_BYTES), pixels.subarray(-FRAME_BYTES)]);
    const [metadata] = await call<Json[]>('retrieveInstanceMetadata', instance);
    expect(await bytesOf('retrieveBulkData', { BulkDataURI: metadata?.['7FE00010']?.BulkDataURI })).toEqual([pixels]);
  });

  it('retrieves rendered images of the instance and of one frame', async () => {
    const mediaTypes = [{ mediaType: 'image/png' }];
    const [whole] = await bytesOf('retrieveInstanceRendered', { ...instance, mediaTypes });
    const [ninth] = await bytesOf('retrieveInstanceFramesRendered', { ...instance, frameNumbers: [9], mediaTypes });
    for (const image of [whole, ninth]) expect(image?.toString('latin1', 1, 4)).toBe('PNG');
    expect(ninth?.equals(whole as Buffer)).toBe(false);
  });
});

function readIfThere(path: string): Buffer | null {
  return existsSync(path) ? readFileSync(path) : null;
}
