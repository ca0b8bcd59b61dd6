/** Every dialog, in a real browser: opens, is accessible, and closes without having changed what it shows. */
import assert from 'node:assert/strict';
import { assertAccessible } from './accessibility';
import { describeWithChromium } from './browser';
import { looks, nameOf, startEditor, type EditorRig } from './rig';

const connection = {
  id: 'sense',
  type: 'clip-provider',
  name: '',
  provider: 'vdg-sense',
  settings: { url: 'http://127.0.0.1:9', auth: 'plain', unknownToUs: 'kept' },
  tls: '',
  proxy: '',
  maxConcurrent: 2,
};
const others = ['rhombus', 'kinesis-video', 'aipix'].map((provider) => ({
  ...connection,
  id: provider,
  provider,
  settings: {},
}));

/** Written by hand as people and older versions do: with variables, and with properties missing. */
const flow: Record<string, unknown>[] = [
  { id: 'tab', type: 'tab', label: 'Clips' },
  connection,
  ...others,
  { id: 'plain-create', type: 'create-clip', connection: 'sense', x: 140, y: 60 },
  {
    id: 'full-create',
    type: 'create-clip',
    name: 'Everything set',
    connection: 'sense',
    camera: '6917529027641081901/2',
    cameraType: 'str',
    range: 'between',
    time: '',
    timeType: 'date',
    before: '${BEFORE}',
    after: 20,
    start: 'payload.from',
    startType: 'msg',
    end: '$now()',
    endType: 'jsonata',
    settle: 0,
    title: 'TITLE',
    titleType: 'env',
    options: { imageWidth: 640, vca: '${VCA}', unknownToUs: 1 },
    x: 140,
    y: 120,
  },
  { id: 'plain-poll', type: 'poll-clip', x: 140, y: 180 },
  {
    id: 'full-poll',
    type: 'poll-clip',
    connection: 'aipix',
    interval: 0.5,
    maxInterval: 60,
    timeout: 0,
    x: 140,
    y: 240,
  },
  { id: 'plain-download', type: 'download-clip', x: 140, y: 300 },
  {
    id: 'full-download',
    type: 'download-clip',
    connection: 'rhombus',
    output: 'file',
    maxBuffer: 50,
    filename: '{date}/{camera}.mp4',
    filenameType: 'str',
    exists: 'skip',
    convert: 'h264',
    maxHeight: 720,
    maxSize: 24.5,
    thumbnail: '${THUMBNAIL}',
    deleteAfter: true,
    strict: false,
    x: 140,
    y: 360,
  },
  { id: 'plain-export', type: 'export-video', connection: 'sense', x: 140, y: 420 },
  {
    id: 'full-export',
    type: 'export-video',
    connection: 'sense',
    to: 'server',
    cameras: '["6917529027641081901/2"]',
    camerasType: 'json',
    start: 'start',
    startType: 'msg',
    end: 'end',
    endType: 'flow',
    folder: 'E:\\Exports',
    folderType: 'str',
    bandwidth: 1000000,
    join: '${JOIN}',
    settle: 5,
    timeout: 60,
    x: 140,
    y: 480,
  },
].map((node) => ('x' in node ? { ...node, z: 'tab', wires: [] } : node));

const onCanvas = flow.filter((node) => 'x' in node);

/** Whatever was stored is as it was. What was missing may have got its default. */
function assertKept(now: Record<string, unknown>, before: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(before)) {
    if (value !== undefined) assert.deepEqual(now[name], value, name);
  }
}

for (const look of looks) {
  describeWithChromium(`dialogs in ${nameOf(look)}`, function () {
    this.timeout(60_000);
    let rig: EditorRig;

    before(async () => {
      rig = await startEditor(look, { flow });
    });
    after(() => rig?.close());
    afterEach(() => rig.editor.cancelAll());

    // Another theme changes what can be read, and nothing of what is stored.
    for (const { id, type } of onCanvas.filter(({ id }) => !look.dark || /^full/.test(String(id)))) {
      it(`${String(id)} opens, is accessible, and stays as it is when it is closed with Done`, async () => {
        const { editor, screenshot } = rig;
        const before = await editor.saved(String(id));
        await editor.openNode(String(id));
        await screenshot(`${String(id)}`);
        await assertAccessible(rig.page, '.red-ui-tray .video-clips');
        await editor.done();
        assertKept(await editor.saved(String(id)), before);
        assert.equal(await editor.isDirty(), false, `${String(type)} is marked as changed`);
      });
    }

    // One renderer draws the forms of all providers, whatever the look.
    for (const { id, provider } of look === looks[0] ? [connection, ...others] : [connection]) {
      it(`the connection to ${provider} opens, is accessible, and stays as it is`, async () => {
        const { editor, page, screenshot } = rig;
        const before = await editor.saved(id);
        await editor.openNode('plain-create');
        await page.locator('#node-input-connection').selectOption(id);
        await editor.openConnection('edit');
        await screenshot(`connection ${provider}`);
        await assertAccessible(page, '.red-ui-tray:last-child .video-clips');
        await editor.done();
        await editor.cancel();
        assertKept(await editor.saved(id), before);
        assert.equal(await editor.isDirty(), false);
      });
    }

    it('never made the page complain', () => {
      assert.deepEqual(rig.errors, []);
    });
  });
}
