/**
 * What the editor costs in a real browser: how long our dialogs take to open beside that of the core "http request" node,
 * and what the page does while the sidebar shows many jobs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { ActivityRow } from '../../lib/node-red/activity/row';
import { hasChromium } from '../e2e/editor/browser';
import { startEditor } from '../e2e/editor/rig';
import { driveSidebar } from '../e2e/editor/sidebar';
import { median, type Row } from './table';

const rounds = 20;
const budgetMs = 150;
const budgetRatio = 1.5;
const core = 'http request';
const jobs = 1_000;
const budgetPercent = 5;
const measuredMs = 10_000;
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
      // What a dialog leaves behind is cleared away while the next one opens: each comes after each other as often.
      for (const type of orderOf(round)) {
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

/** All dialogs, beginning with another one in each round, and back to front in every other. */
function orderOf(round: number): string[] {
  const all = [core, ...ours];
  const first = round % all.length;
  const order = [...all.slice(first), ...all.slice(0, first)];
  return round % 2 === 0 ? order : order.reverse();
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

/** Main-thread time of a page whose sidebar lists that many jobs, while all or some of them change once a second. */
export async function measureSidebar(): Promise<Row[]> {
  if (!hasChromium) return [{ what: 'sidebar', found: 'not measured: chromium is not installed', budget: '' }];
  const rig = await startEditor({ nodeRed: '5' }, { flow: [{ id: 'tab', type: 'tab', label: 'Sidebar' }] });
  try {
    const publish = await feedSidebar(rig.page);
    await rig.editor.open();
    const sidebar = driveSidebar(rig.page);
    await sidebar.open();
    await sidebar.row().waitFor();
    const idle = await busyPercent(rig.page, () => undefined);
    const rows: Row[] = [];
    for (const changing of [jobs, 50]) {
      let shown = 0;
      const percent = await busyPercent(rig.page, () => (shown = publish(changing)));
      // Nothing was measured if nothing was drawn.
      await sidebar
        .row()
        .filter({ hasText: `Downloading ${shown} %` })
        .waitFor();
      rows.push({
        what: `sidebar of ${jobs} jobs, ${changing} of them changing once a second: main thread of the page`,
        found: `${percent.toFixed(1)} % of one core (${idle.toFixed(1)} % when nothing changes)`,
        budget: `${budgetPercent} %`,
        isWithin: percent <= budgetPercent,
      });
    }
    return rows;
  } finally {
    await rig.close();
  }
}

/**
 * Answers in place of the runtime. The returned function tells the page that so many rows, newest first, have changed, and
 * returns the progress that they have now.
 */
async function feedSidebar(page: Page): Promise<(changing: number) => number> {
  let version = 0;
  let send: (text: string) => void = () => undefined;
  await page.route('**/video-clips/activity*', (route) => route.fulfill({ json: { version, rows: sampleRows(0) } }));
  await page.routeWebSocket(/\/comms$/, (socket) => {
    socket.connectToServer();
    send = (text) => socket.send(text);
  });
  return (changing) => {
    version += 1;
    const changed = sampleRows(version).slice(-changing);
    send(JSON.stringify([{ topic: 'video-clips/activity', data: { version, changed, removed: [] } }]));
    return version;
  };
}

function sampleRows(version: number): ActivityRow[] {
  const start = Date.now() - 86_400_000;
  return Array.from({ length: jobs }, (_, index) => ({
    id: `row-${index}`,
    connection: 'connection',
    connectionName: 'Sense',
    camera: `6917529027641081901/${index}`,
    cameraName: `Dock ${index}`,
    cameras: 1,
    start: new Date(start + index * 60_000).toISOString(),
    end: new Date(start + index * 60_000 + 30_000).toISOString(),
    title: 'Somebody at the dock',
    node: 'download',
    nodeName: '',
    nodeType: 'download-clip',
    flow: 'tab',
    stage: 'downloading',
    progress: version,
    bytesPerSecond: 1_000_000 + version,
    etaSeconds: 60,
    isRunning: true,
    canRetry: false,
    createdAt: start,
    updatedAt: start + version,
  }));
}

/** How much of the measured time the main thread was at work, with something to do once a second. */
async function busyPercent(page: Page, everySecond: () => unknown): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const taskMs = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN) * 1000;
  };
  const before = await taskMs();
  for (let passedMs = 0; passedMs < measuredMs; passedMs += 1000) {
    everySecond();
    await sleep(1000);
  }
  const percent = ((await taskMs()) - before) / (measuredMs / 100);
  await session.detach();
  return percent;
}
