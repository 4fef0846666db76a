/**
 * A headless Chromium of the machine, whose pages reach one address and nothing else. Out: a page, and what it said and asked for.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';
/** Drawing takes long on a machine that does much else. */
const PATIENCE_MS = 120_000;

export const isChromiumThere = existsSync(PROGRAM);

export type Window = {
  readonly page: Page;
  /** Addresses elsewhere that were asked for; none of them was reached. */
  readonly outside: readonly string[];
  /** Errors that nobody caught, and answers from 400 on. */
  readonly troubles: readonly string[];
};

/** How a page is opened: `stored` is what its local storage holds before. */
export type WindowOptions = { readonly origin: string; readonly stored?: Readonly<Record<string, string>> };

/** Without a graphics card WebGL is drawn by the processor. */
export function startBrowser(): Promise<Browser> {
  const args = [
    '--no-sandbox',
    '--use-gl=angle',
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
    '--disable-background-networking',
  ];
  return chromium.launch({ executablePath: PROGRAM, headless: true, args });
}

export async function openWindow(browser: Browser, { origin, stored = {} }: WindowOptions): Promise<Window> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, serviceWorkers: 'block' });
  context.setDefaultTimeout(PATIENCE_MS);
  const [outside, troubles]: [string[], string[]] = [[], []];
  await context.route('**/*', (route) => {
    const url = route.request().url();
    if (/^(data|blob):/.test(url) || url.startsWith(`${origin}/`)) return route.continue();
    outside.push(url);
    return route.abort();
  });
  await context.addInitScript((entries) => {
    for (const [key, value] of Object.entries(entries)) localStorage.setItem(key, value);
  }, stored);
  const page = await context.newPage();
  page.on('pageerror', (error) => troubles.push(`${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) troubles.push(`${response.status()} ${response.url()}`);
  });
  return { page, outside, troubles };
}
