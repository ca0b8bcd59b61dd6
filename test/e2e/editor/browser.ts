/** A real Chromium with an empty profile, for suites that use the editor as people do. */
import { chromium, type Browser, type Page } from 'playwright-core';
import { describeWith, findProgram } from '../../support/programs';

const program = findProgram('chromium', 'chromium-browser', 'google-chrome');

export const hasChromium = program !== undefined;

export function describeWithChromium(title: string, suite: (this: Mocha.Suite) => void): void {
  describeWith(program, 'chromium', title, suite);
}

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: program ?? '',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-dev-shm-usage'],
  });
}

/** A page of its own profile. Whatever it logs as an error is a problem of ours until shown otherwise. */
export async function openPage(
  browser: Browser,
  options: { dark?: boolean } = {},
): Promise<{ page: Page; errors: string[] }> {
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    locale: 'en-US',
    acceptDownloads: true,
  });
  // The compiler of the tests names functions by this, also those that are sent to the page.
  await context.addInitScript('globalThis.__name = (named) => named');
  // Where Node-RED 5 keeps which of its two themes is on; 4.1 has one.
  await context.addInitScript(`localStorage.setItem('view-dark-theme', '${options.dark ? 'dark' : 'light'}')`);
  // Sooner than mocha gives up, so that it is told what was waited for.
  context.setDefaultTimeout(40_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  return { page, errors };
}
