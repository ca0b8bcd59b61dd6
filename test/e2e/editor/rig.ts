/** One Node-RED with one editor open in it, for all tests of a suite. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startRuntime, type NodeRedVersion, type Runtime, type RuntimeOptions } from '../../support/runtime';
import { openPage, startBrowser } from './browser';
import { driveEditor, type Editor } from './editor';

export interface Look {
  nodeRed: NodeRedVersion;
  dark?: boolean;
}

/** Node-RED 4.1 has one theme only. */
export const looks: Look[] = [{ nodeRed: '5' }, { nodeRed: '5', dark: true }, { nodeRed: '4.1' }];

export const nameOf = ({ nodeRed, dark }: Look): string => `Node-RED ${nodeRed}${dark ? ', dark' : ''}`;

export interface EditorRig {
  runtime: Runtime;
  browser: Browser;
  page: Page;
  editor: Editor;
  /** What the page has complained of. */
  errors: string[];
  /** Into a folder that is not kept. */
  screenshot(name: string): Promise<void>;
  close(): Promise<void>;
}

const screenshots = join(__dirname, '..', 'screenshots');

export async function startEditor(look: Look, options: Omit<RuntimeOptions, 'nodeRed'>): Promise<EditorRig> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    const runtime = await startRuntime({ source: 'link', ...options, nodeRed: look.nodeRed });
    closers.push(() => runtime.close());
    const browser = await startBrowser();
    closers.push(() => browser.close());
    const { page, errors } = await openPage(browser, look);
    const editor = driveEditor(page, runtime.url);
    await editor.open();
    const screenshot = async (name: string): Promise<void> => {
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: join(screenshots, `${name} - ${nameOf(look)}.png`) });
    };
    return { runtime, browser, page, editor, errors, screenshot, close };
  } catch (error) {
    await close();
    throw error;
  }
}
