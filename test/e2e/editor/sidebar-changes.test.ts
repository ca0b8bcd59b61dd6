/** What the sidebar shows is what there is, whenever changes come: the runtime's answers and changes are forged. */
import assert from 'node:assert/strict';
import type { Route, WebSocketRoute } from 'playwright-core';
import type { Stage } from '../../../lib/node-red/activity/row';
import { eventually } from '../../support/eventually';
import { describeWithChromium } from './browser';
import { startEditor, type EditorRig } from './rig';
import { driveSidebar, type Sidebar } from './sidebar';

describeWithChromium('changes in the sidebar', function () {
  this.timeout(120_000);
  let rig: EditorRig;
  let sidebar: Sidebar;
  let socket: WebSocketRoute | undefined;
  /** Questions for all rows that have no answer yet. */
  let questions: Route[];

  before(async () => {
    rig = await startEditor({ nodeRed: '5' }, { flow: [{ id: 'tab', type: 'tab', label: 'None' }] });
    sidebar = driveSidebar(rig.page);
    await rig.page.route('**/video-clips/activity?*', (route) => void questions.push(route));
    await rig.page.routeWebSocket(/\/comms$/, (opened) => {
      opened.connectToServer();
      socket = opened;
    });
  });
  after(() => rig?.close());
  beforeEach(async () => {
    questions = [];
    await rig.editor.open();
    await sidebar.open();
  });

  const at = '2026-03-01T08:50:00.000Z';
  const row = (stage: Stage, id = 'row') => ({
    ...{
      id,
      connection: 'c',
      connectionName: '',
      camera: id,
      cameraName: '',
      cameras: 1,
      start: at,
      end: at,
      title: '',
    },
    ...{ node: 'n', nodeName: '', nodeType: 'download-clip', flow: 'tab', isRunning: true, canRetry: false },
    ...{ stage, createdAt: 1, updatedAt: 1 },
  });
  async function answer(version: number, stage: Stage): Promise<void> {
    await eventually(() => questions.length > 0);
    await questions.shift()!.fulfill({ json: { version, rows: [row(stage)] } });
  }
  function change(version: number, stage: Stage): void {
    const data = { version, changed: [row(stage)], removed: [] };
    socket!.send(JSON.stringify([{ topic: 'video-clips/activity', data }]));
  }
  const shows = (words: RegExp): Promise<void> =>
    eventually(async () => assert.match((await sidebar.row().textContent()) ?? '', words));
  /** Whatever is still on its way to the page has arrived. */
  const hasHeard = (): Promise<unknown> => rig.page.evaluate('new Promise((resolve) => setTimeout(resolve, 50))');

  async function settle(version: number, stage: Stage): Promise<void> {
    await answer(version, stage);
    // The connection may have come after the question: then it is asked again.
    await hasHeard();
    while (questions.length > 0) await answer(version, stage);
    await shows(/Queued/);
  }

  it('are shown as they come', async () => {
    await settle(7, 'queued');
    change(8, 'saved');
    await shows(/Saved/);
  });

  it('are not lost while all rows are asked for', async () => {
    await eventually(() => questions.length > 0);
    change(7, 'queued');
    change(8, 'saved');
    await hasHeard();
    await answer(7, 'queued');
    await shows(/Saved/);
  });

  it('that are older than what was loaded take nothing back', async () => {
    await settle(7, 'queued');
    change(6, 'downloading');
    change(7, 'downloading');
    await hasHeard();
    await shows(/Queued/);
  });

  it('that were missed are asked for', async () => {
    await settle(7, 'queued');
    change(9, 'converting');
    await answer(9, 'saved');
    await shows(/Saved/);
  });

  it('are asked for once there is a connection again, though Node-RED counts from the beginning', async () => {
    await settle(7, 'queued');
    await socket!.close();
    await answer(1, 'converting');
    change(2, 'saved');
    await shows(/Saved/);
  });

  it('are asked for where the first answer was none', async () => {
    await eventually(() => questions.length > 0);
    for (const question of questions.splice(0)) await question.fulfill({ status: 503 });
    await hasHeard();
    change(8, 'converting');
    await answer(8, 'saved');
    await shows(/Saved/);
  });
});
