/** Every dialog, in a real browser: opens, is accessible, and closes without having changed what it shows. */
import assert from 'node:assert/strict';
import { assertAccessible } from './accessibility';
import { eventually } from '../../support/eventually';
import { describeWithChromium } from './browser';
import { driveForm, type Form } from './form';
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
  { id: 'plain-events', type: 'clip-events', connection: 'sense', x: 340, y: 60 },
  {
    id: 'full-events',
    type: 'clip-events',
    connection: 'sense',
    kinds: [],
    cameras: ['6917529027641081901/2', '6917529027641081901/3'],
    labels: ['person', 'car'],
    zones: '${ZONES}',
    when: 'start',
    before: 0,
    after: '${AFTER}',
    minScore: 0.5,
    minSeconds: 2,
    cooldown: 60,
    interval: 30,
    catchUp: 0,
    maxWaiting: 10,
    x: 340,
    y: 120,
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

/** Where controls, and what stands below them, begin: each distance from the left once. */
function leftEdges({ page }: EditorRig): Promise<number[]> {
  const kinds = ['select', 'input[type="text"]', '.red-ui-typedInput-container', '.video-clips-hint', '.video-clips-boxes', '.video-clips-picks']; // prettier-ignore
  const rows = '.red-ui-tray .video-clips .form-row:not(.video-clips-check)';
  return page
    .locator(kinds.map((kind) => `${rows} > ${kind}:visible`).join(', '))
    .evaluateAll((found) => [...new Set(found.map((each) => Math.round(each.getBoundingClientRect().left)))]);
}

for (const look of looks) {
  describeWithChromium(`dialogs in ${nameOf(look)}`, function () {
    this.timeout(120_000);
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
        const edges = await leftEdges(rig);
        assert.ok(Math.max(...edges) - Math.min(...edges) < 4, `controls begin at ${edges.join(', ')} px`);
        await editor.done();
        assertKept(await editor.saved(String(id)), before);
        assert.equal(await editor.isDirty(), false, `${String(type)} is marked as changed`);
      });
    }

    // Each such question is a pass over the whole page: what dialogs cost is how many of them there are.
    for (const { id, type } of look === looks[0] ? onCanvas : []) {
      it(`${String(id)} asks the page for no style while its dialog is made`, async () => {
        await rig.page.evaluate(`(() => {
          const { getComputedStyle } = window;
          const definition = RED.nodes.getType(${JSON.stringify(type)});
          const { oneditprepare } = definition;
          window.stylesAsked = [];
          definition.oneditprepare = function () {
            definition.oneditprepare = oneditprepare;
            window.getComputedStyle = (element, ...rest) => {
              if (element.isConnected) window.stylesAsked.push(element.outerHTML.slice(0, 80));
              return getComputedStyle.call(window, element, ...rest);
            };
            oneditprepare?.call(this);
            window.getComputedStyle = getComputedStyle;
          };
        })()`);
        await rig.editor.openNode(String(id));
        assert.deepEqual(await rig.page.evaluate('window.stylesAsked'), []);
        await rig.editor.done();
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

    if (!look.dark) {
      const [one] = onCanvas;
      const openNew = async (): Promise<Form> => {
        await rig.editor.openNode(String(one!.id));
        await rig.editor.openConnection('add');
        return driveForm(rig.editor);
      };
      const wrong = (): Promise<string[]> =>
        rig.page
          .locator('.red-ui-tray:last-child .input-error')
          .evaluateAll((found) => found.map(({ id }) => id.replace('node-config-input-', '')));

      it('a new connection asks for what its login needs, and complains of nothing before it is tested', async () => {
        const form = await openNew();
        assert.deepEqual(await wrong(), []);
        await form.control('Address').fill('http://127.0.0.1:9');
        await form.button('Test connection').click();
        await eventually(async () => assert.deepEqual(await wrong(), ['username']));
        await rig.page.getByText('User is missing').waitFor();
        await form.control('User').fill('me');
        await form.button('Test connection').click();
        await eventually(async () => assert.deepEqual(await wrong(), ['password']));
      });

      it('a connection without what its login needs is marked once it is closed', async () => {
        const form = await openNew();
        await form.control('Address').fill('http://127.0.0.1:9');
        await rig.editor.done();
        const added = (await rig.editor.nodes()).find(({ type, changed }) => type === 'clip-provider' && changed)!;
        assert.equal(added.valid, false);
        await rig.editor.openConnection('edit');
        await form.control('User').fill('me');
        await form.control('Password').fill('secret');
        await rig.editor.done();
        assert.equal((await rig.editor.nodes()).find(({ id }) => id === added.id)?.valid, true);
      });

      it('a form shows what only some ways of logging in need, only then', async () => {
        const form = await openNew();
        assert.equal(await form.control('Digest secret').count(), 0);
        await form.control('Login').selectOption('digest');
        for (const label of ['Digest secret', 'Digest nonce', 'User']) await form.control(label).waitFor();
        await form.control('Login').selectOption('none');
        assert.equal(await form.control('User').count(), 0);
        await form.control('Provider').selectOption('rhombus');
        assert.equal(await form.control('API address').count(), 0);
        await form.control('Region').selectOption('custom');
        await form.control('API address').waitFor();
        await form.button('Test connection').click();
        await eventually(async () => assert.deepEqual(await wrong(), ['settings-rhombus-apiUrl']));
      });

      it('a form offers the regions, takes others, and leads to the documentation', async () => {
        const form = await openNew();
        await form.control('Provider').selectOption('kinesis-video');
        const region = form.control('AWS Region');
        const list = await region.getAttribute('list');
        assert.ok((await rig.page.locator(`#${list} option`).count()) > 10);
        await region.fill('xx-new-1');
        assert.deepEqual(await wrong(), []);
        const link = rig.page.getByRole('link', { name: 'Documentation of the login' });
        assert.match((await link.getAttribute('href')) ?? '', /^https:\/\/docs\.aws\.amazon\.com\//);
      });

      it('the palette finds our nodes by what they are about', async () => {
        const filter = rig.page.locator('#red-ui-palette-search input');
        const node = (type: string) => rig.page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`);
        for (const word of ['camera', 'video', 'mp4', 'NVR']) {
          await filter.fill('');
          await filter.pressSequentially(word);
          await node('inject').waitFor({ state: 'hidden' });
          for (const type of ['create-clip', 'export-video']) await node(type).waitFor({ state: 'visible' });
        }
        await filter.fill('');
        await filter.press('Backspace');
        await node('inject').waitFor({ state: 'visible' });
      });
    }

    it('never made the page complain', () => {
      assert.deepEqual(rig.errors, []);
    });
  });
}
