/**
 * A specialist opens studies in a viewer that nobody here wrote: OHIF as its npm package ships it, in a headless Chromium, on our DICOMweb
 * root and nothing else. What it shows is held against dcmtk's rendering of the same files.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { isChromiumThere, openWindow, startBrowser, type Window } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { asMessage, sendMllp } from '../support/mllp-sender.ts';
import { isOhifThere, serveOhif, type Viewer } from '../support/ohif.ts';
import { type Facts, factsOf, likeness, middleOf } from '../support/picture.ts';
import { isInstalled, run } from '../support/programs.ts';
import { stagesOf } from '../support/stages.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const CORPUS = '../shared/corpora/dicom';
const withViewer = isChromiumThere && isOhifThere && isInstalled('dcmj2pnm') && existsSync(CORPUS) ? describe : describe.skip;

type Picture = { readonly view: Buffer; readonly middle: Facts };
type Study = { readonly uid: string; readonly files: readonly string[]; readonly shows: string; readonly last: string };

const CT: Study = {
  uid: '1.2.392.200103.20080913.113635.0.2009.6.22.21.43.10.22941.1',
  files: ['dcmqi/ct-3slice/01.dcm', 'dcmqi/ct-3slice/02.dcm', 'dcmqi/ct-3slice/03.dcm'],
  shows: '(1/3)',
  last: '(3/3)',
};
const MULTI_FRAME: Study = {
  uid: '1.2.826.0.1.3680043.2.1143.3365540476747857567072393009509418480',
  files: ['pydicom-data/emri_small.dcm'],
  shows: '(1/10)',
  last: '(10/10)',
};
const COLOUR: Study = {
  uid: '1.3.6.1.4.1.5962.1.2.13.20040826185059.5457',
  files: ['pydicom/files/examples_rgb_color.dcm'],
  shows: '1/1',
  last: '1/1',
};
const CINE: Study = {
  uid: '1.2.840.114340.3.8251017118051.1.20160503.120850.2171',
  files: ['pydicom/files/examples_ybr_color.dcm'],
  shows: '(1/30)',
  last: '(30/30)',
};
const WHOLE_SLIDE = {
  uid: '1.2.826.0.1.3680043.9.7433.3.82970457260936734119270346325882945',
  files: ['highdicom/sm_image.dcm'],
  tiles: 25,
  /** Mean of all its samples. */
  brightness: 243.9,
};
const STUDIES = [CT, MULTI_FRAME, COLOUR, CINE, WHOLE_SLIDE];
/** Accession and patient of the CT, as its files have them. */
const ORDERED = { accession: '03086212', patient: '99000' };

withViewer('the OHIF viewer on our DICOMweb root', () => {
  let gateway: GatewayProcess;
  let viewer: Viewer;
  let browser: Browser;
  let token: string;
  const screenshots = temporaryDirectory('waystation-viewer-');

  beforeAll(async () => {
    const port = await freePort();
    gateway = await startGatewayProcess({ http: `{ port: 0, publicUrl: "http://127.0.0.1:${port}" }`, yaml: CONFIGURATION });
    viewer = await serveOhif(gateway.http, port);
    browser = await startBrowser();
    token = gateway.addClient('archive-desk', 'operator');
    const modality = gateway.addClient('modality', 'origin');
    for (const file of STUDIES.flatMap(({ files }) => files)) await store(modality, readFileSync(join(CORPUS, file)));
    process.stdout.write(`screenshots of the viewer: ${screenshots}\n`);
  });
  afterAll(async () => {
    await browser?.close();
    await viewer?.close();
    await gateway?.stop();
    gateway?.remove();
  });

  const store = async (by: string, file: Buffer): Promise<void> => {
    const headers = { authorization: `Bearer ${by}`, 'content-type': 'application/dicom' };
    const response = await fetch(`${gateway.http}/dicomweb/studies`, { method: 'POST', headers, body: new Uint8Array(file) });
    expect(response.status).toBe(200);
  };
  const found = async (by: string): Promise<number> => {
    const response = await fetch(`${gateway.http}/dicomweb/studies`, { headers: { authorization: `Bearer ${by}` } });
    return response.status === 204 ? 0 : ((await response.json()) as unknown[]).length;
  };

  /** The viewer takes the token from its address and sends it with whatever it asks. */
  const open = async (path: string, by = token): Promise<Window> => {
    const window = await openWindow(browser, { origin: viewer.url, stored: { shownTours: '["basicViewerTour"]' } });
    await window.page.goto(`${viewer.url}/${path}${path.includes('?') ? '&' : '?'}token=${by}`);
    return window;
  };
  const close = async ({ page, outside, troubles }: Window): Promise<void> => {
    const complaints = await page.locator('[role=dialog], [role=alert], [data-sonner-toast]').allTextContents();
    await page.context().close();
    expect({ outside, troubles, complaints }).toEqual({ outside: [], troubles: [], complaints: [] });
  };

  /** What the viewport shows as a whole and in its middle, once it is what it shall be and has come to rest. */
  const picture = async ({ page }: Window, selector: string, name: string, isThat = isSomething): Promise<Picture> => {
    const canvas = page.locator(selector).first();
    let before: Buffer = Buffer.alloc(0);
    const { isAtRest, ...seen } = await until(
      async () => {
        const view = await canvas.screenshot();
        const isAtRest = view.equals(before);
        before = view;
        return { isAtRest, view, middle: await factsOf(await middleOf(view)) };
      },
      (now) => now.isAtRest && isThat(now),
      PATIENCE_MS,
    );
    await page.screenshot({ path: join(screenshots, `${name}.png`) });
    expect({ isAtRest, middle: seen.middle, isThat: isThat(seen) }).toMatchObject({ isAtRest: true, isThat: true });
    return seen;
  };
  const dcmtkSees = async (file: string, frame: number, options: readonly string[] = ['+Wm']): Promise<Buffer> => {
    const to = join(screenshots, `dcmtk-${file.replaceAll('/', '-')}-${frame}.png`);
    expect((await run('dcmj2pnm', ['--write-png', ...options, '+F', String(frame), join(CORPUS, file), to])).code).toBe(0);
    return readFileSync(to);
  };
  const position = ({ page }: Window, text: string): Promise<void> =>
    page.locator('[data-cy=viewport-overlay-bottom-right]').getByText(text).first().waitFor({ timeout: PATIENCE_MS });

  const look = async (study: Study, name: string): Promise<{ first: Buffer; last: Buffer }> => {
    const window = await open(`viewer?StudyInstanceUIDs=${study.uid}`);
    await position(window, study.shows);
    const { view: first } = await picture(window, VIEWPORT, `${name}-first`);
    expect(await window.page.locator('[data-cy=study-browser-thumbnail]').count()).toBe(1);
    await window.page.keyboard.press('End');
    await position(window, study.last);
    const { view: last } = await picture(
      window,
      VIEWPORT,
      `${name}-last`,
      (now) => isSomething(now) && (study.shows === study.last || !now.view.equals(first)),
    );
    await close(window);
    return { first, last };
  };

  it('shows the slices of a CT series', async () => {
    const { first, last } = await look(CT, 'ct');
    const window = ['+Ww', '40', '400'];
    const truths = await Promise.all(CT.files.map((file) => dcmtkSees(file, 1, window)));
    const likest = async (view: Buffer) => Math.max(...(await Promise.all(truths.map((truth) => likeness(view, truth)))));
    expect(await likest(first)).toBeGreaterThan(0.97);
    expect(await likest(last)).toBeGreaterThan(0.97);
    expect((await factsOf(first)).coloured).toBeLessThan(0.01);
  });

  it('shows the first and the last frame of an enhanced multi-frame MR', async () => {
    const { first, last } = await look(MULTI_FRAME, 'multi-frame');
    const [file = ''] = MULTI_FRAME.files;
    expect(await likeness(first, await dcmtkSees(file, 1))).toBeGreaterThan(0.9);
    expect(await likeness(last, await dcmtkSees(file, 10))).toBeGreaterThan(0.9);
    expect(await likeness(first, await dcmtkSees(file, 10))).toBeLessThan(0.9);
  });

  it('shows colour as it is', async () => {
    const { first } = await look(COLOUR, 'colour');
    expect(await likeness(first, await dcmtkSees(COLOUR.files[0] as string, 1, []))).toBeGreaterThan(0.97);
    expect((await factsOf(first)).coloured).toBeGreaterThan(0.01);
  });

  it('shows a cine loop in JPEG, each frame fetched by itself', async () => {
    const { first, last } = await look(CINE, 'cine');
    const [file = ''] = CINE.files;
    // The viewer lays its cine controls over the picture.
    expect(await likeness(first, await dcmtkSees(file, 1, []))).toBeGreaterThan(0.9);
    expect(await likeness(last, await dcmtkSees(file, 30, []))).toBeGreaterThan(0.9);
    expect(await likeness(first, await dcmtkSees(file, 30, []))).toBeLessThan(0.9);
  });

  it('shows a whole slide out of its tiles', async () => {
    const window = await open(`microscopy?StudyInstanceUIDs=${WHOLE_SLIDE.uid}`);
    // A tile is painted some time after it was fetched, and fades in.
    await picture(window, '.ol-layers', 'whole-slide', ({ middle }) => Math.abs(middle.brightness - WHOLE_SLIDE.brightness) < 10);
    const ofSlide = viewer.asked.filter((line) => line.startsWith('200 ') && line.includes(WHOLE_SLIDE.uid));
    const tiles = ofSlide.flatMap((line) => /\/frames\/(\d+)$/.exec(line)?.[1] ?? []);
    expect(new Set(tiles).size).toBe(WHOLE_SLIDE.tiles);
    await close(window);
  });

  it('shows a reader the study of his case, and no other', async () => {
    const reader = gateway.addClient('reading-room', 'reader', 'radiologists');
    expect(await found(reader)).toBe(0);
    const order = stagesOf('teleradiology').read('0-received.hl7');
    const bytes = asMessage(order.replaceAll('ACC-1001', ORDERED.accession).replaceAll('4711', ORDERED.patient));
    expect(await sendMllp(gateway.mllp, bytes)).toMatch(/\rMSA\|AA/);
    await until(
      () => found(reader),
      (studies) => studies === 1,
    );
    const window = await open(`viewer?StudyInstanceUIDs=${CT.uid}`, reader);
    await position(window, CT.shows);
    await picture(window, VIEWPORT, 'reader');
    await close(window);
    const other = await open(`viewer?StudyInstanceUIDs=${COLOUR.uid}`, reader);
    await other.page.waitForURL(/notfoundstudy/, { timeout: PATIENCE_MS });
    await close(other);
  });
});

const PATIENCE_MS = 40_000;
/** As bright as this on average, a part of a picture shows something. */
const BLACK = 5;
const isSomething = ({ middle }: Picture): boolean => middle.brightness > BLACK;
const VIEWPORT = 'canvas.cornerstone-canvas';
const CONFIGURATION = `
peers:
  - name: nordstadt
    mllp: { application: RIS, facility: NORDSTADT }
    http: { client: modality }
    patientAuthority: HOSP
    accessionIssuer: NORDSTADT
destinations:
  - { kind: pull, name: radiology, group: radiologists }
routes:
  - { when: { specialty: teleradiology }, to: radiology }
specialties:
  teleradiology: { quiet: 1s }
`;
