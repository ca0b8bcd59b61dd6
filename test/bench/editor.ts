/** How long our dialogs take to open in a real browser, beside that of the core "http request" node. */
import type { Page } from 'playwright-core';
import { hasChromium } from '../e2e/editor/browser';
import { startEditor } from '../e2e/editor/rig';
import { median, type Row } from './table';

const rounds = 9;
const budgetMs = 150;
const budgetRatio = 1.5;
const core = 'http request';
const ours = ['create-clip', 'poll-clip', 'download-clip', 'export-video'];

export async function measureDialogs(): Promise<Row[]> {
  if (!hasChromium) return [{ what: 'dialogs', found: 'not measured: chromium is not installed', budget: '' }];
  const connection = {
    id: 'connection',
    type: 'clip-provider',
    provider: 'vdg-sense',
    settings: { url: 'http://127.0.0.1:9' },
  };
  const flow = [
    { id: 'tab', type: 'tab', label: 'Dialogs' },
    connection,
    ...[core, ...ours].map((type, index) => ({
      id: type.replace(' ', '-'),
      type,
      z: 'tab',
      ...(type === core ? {} : { connection: 'connection' }),
      x: 200,
      y: 60 + index * 60,
      wires: [],
    })),
  ];
  const rig = await startEditor({ nodeRed: '5' }, { flow });
  try {
    const times = new Map<string, number[]>();
    for (let round = 0; round <= rounds; round += 1) {
      for (const type of [core, ...ours]) {
        const ms = await openingMs(rig.page, type.replace(' ', '-'));
        // The first round loads what is loaded once.
        if (round > 0) times.set(type, [...(times.get(type) ?? []), ms]);
      }
    }
    const coreMs = median(times.get(core) ?? []);
    return [
      { what: `dialog of ${core}: until it is drawn`, found: `${coreMs.toFixed(0)} ms`, budget: '' },
      ...ours.map((type) => {
        const ms = median(times.get(type) ?? []);
        const ratio = ms / coreMs;
        return {
          what: `dialog of ${type}: until it is drawn, and that / ${core}`,
          found: `${ms.toFixed(0)} ms, ${ratio.toFixed(2)}`,
          budget: `${budgetMs} ms, ${budgetRatio.toFixed(2)}`,
          isWithin: ms <= budgetMs && ratio <= budgetRatio,
        };
      }),
    ];
  } finally {
    await rig.close();
  }
}

/** From the call that a double click leads to until the frame in which the form has been painted. */
async function openingMs(page: Page, id: string): Promise<number> {
  const ms = await page.evaluate(`new Promise((resolve) => {
    const start = performance.now();
    RED.editor.edit(RED.nodes.node(${JSON.stringify(id)}));
    const look = () => {
      const form = document.querySelector('#dialog-form');
      if (form && form.getBoundingClientRect().width > 0) requestAnimationFrame(() => resolve(performance.now() - start));
      else requestAnimationFrame(look);
    };
    look();
  })`);
  await page.locator('.red-ui-tray #node-dialog-cancel').click();
  await page.locator('.red-ui-tray').waitFor({ state: 'detached' });
  return ms as number;
}
