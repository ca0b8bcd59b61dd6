/** What people do with whole flows: hand them on, and build subflows of them. */
import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../../simulators/vdg-sense';
import { eventually } from '../../support/eventually';
import { describeWithChromium } from './browser';
import { looks, nameOf, startEditor, type EditorRig } from './rig';

const login = { username: 'nodered', password: 's3cret' };

/** A subflow that takes its camera and its connection from whoever uses it. */
function subflowFlow(url: string): Record<string, unknown>[] {
  const inside = { z: 'template', y: 60 };
  return [
    { id: 'tab', type: 'tab', label: 'Clips' },
    {
      id: 'template',
      type: 'subflow',
      name: 'Clip of an alarm',
      in: [{ x: 40, y: 60, wires: [{ id: 'inner-create' }] }],
      out: [],
      env: [
        { name: 'CAMERA', type: 'str', value: '' },
        { name: 'BEFORE', type: 'num', value: '1' },
        { name: 'CONNECTION', type: 'clip-provider', value: '' },
      ],
    },
    {
      ...inside,
      id: 'inner-create',
      type: 'create-clip',
      connection: '${CONNECTION}',
      camera: 'CAMERA',
      cameraType: 'env',
      range: 'around',
      time: 'at',
      timeType: 'msg',
      before: '${BEFORE}',
      after: 2,
      settle: 0,
      x: 200,
      wires: [[]],
    },
    {
      id: 'connection',
      type: 'clip-provider',
      name: 'Sense',
      provider: 'vdg-sense',
      settings: { url },
      maxConcurrent: 2,
    },
    {
      id: 'inject',
      type: 'inject',
      z: 'tab',
      name: 'Alarm',
      props: [{ p: 'at', v: '1740819060000', vt: 'num' }],
      x: 100,
      y: 60,
      wires: [['use']],
    },
    {
      id: 'use',
      type: 'subflow:template',
      z: 'tab',
      env: [
        { name: 'CAMERA', type: 'str', value: '6917529027641081901/2' },
        { name: 'BEFORE', type: 'num', value: '5' },
        { name: 'CONNECTION', type: 'clip-provider', value: 'connection' },
      ],
      x: 300,
      y: 60,
      wires: [],
    },
  ];
}

for (const look of looks.filter(({ dark }) => !dark)) {
  describeWithChromium(`flows in ${nameOf(look)}`, function () {
    this.timeout(120_000);
    let sim: VdgSense;
    let rig: EditorRig;

    before(async () => {
      sim = await startVdgSense({ users: [login] });
      rig = await startEditor(look, { flow: subflowFlow(sim.url), credentials: { connection: login } });
    });
    after(async () => {
      await rig?.close();
      await sim?.close();
    });

    it('a subflow passes its camera, its seconds and its connection on to the nodes inside', async () => {
      await rig.runtime.inject('inject');
      await eventually(() => {
        const [clip] = sim.clips;
        assert.ok(clip, rig.runtime.problems().join('\n'));
        assert.equal(`${clip.serverid}/${clip.deviceid}`, '6917529027641081901/2');
        assert.equal(clip.end - clip.start, 7_000);
      });
    });

    it('a node inside a subflow keeps the variables that its dialog shows', async () => {
      const { editor, page } = rig;
      const before = await editor.saved('inner-create');
      await page.evaluate("RED.workspaces.show('template')");
      await editor.openNode('inner-create');
      await editor.done();
      const after = await editor.saved('inner-create');
      for (const name of ['connection', 'camera', 'cameraType', 'before'])
        assert.equal(after[name], before[name], name);
      assert.equal(await editor.isDirty(), false);
    });

    it('a flow that was exported and imported is the same flow, without a secret in it', async () => {
      const { editor, page } = rig;
      const before = await editor.flow();
      await page.evaluate("RED.workspaces.show('tab')");
      await page.locator('#red-ui-workspace-chart').click({ position: { x: 500, y: 400 } });
      await page.keyboard.press('Control+e');
      // A moment after it has opened, the dialog selects the first library, whether it is still open or not.
      const libraries = page.locator('.red-ui-clipboard-dialog-export-tab-library-browser');
      await libraries.locator('.red-ui-treeList-label.selected').first().waitFor({ state: 'attached' });
      await page.locator('#red-ui-clipboard-dialog-export-rng-full').click();
      const exported = await page.locator('#red-ui-clipboard-dialog-export-text').inputValue();
      await page.locator('#red-ui-clipboard-dialog-cancel').click();
      assert.ok(!exported.includes(login.password) && !exported.includes(login.username), 'a secret was exported');

      await page.evaluate('RED.nodes.clear(); RED.view.redraw(true)');
      await page.keyboard.press('Control+i');
      const text = page.locator('#red-ui-clipboard-dialog-import-text');
      await text.fill(exported);
      // It is looked at when a key is released.
      await text.press('End');
      await page.locator('#red-ui-clipboard-dialog-ok').click();
      await eventually(async () => assert.equal((await editor.flow()).length, before.length));
      const imported = await editor.flow();
      for (const node of before.filter(({ type }) => /clip/.test(String(type)))) {
        const same = imported.find(({ id }) => id === node['id']);
        assert.deepEqual({ ...same, x: 0, y: 0 }, { ...node, x: 0, y: 0 });
      }
    });

    it('never made the page complain', () => {
      assert.deepEqual(rig.errors, []);
    });
  });
}
