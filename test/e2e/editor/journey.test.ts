/** From an empty flow to a video that plays: what a person does with all of our nodes, by mouse and keyboard. */
import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../../simulators/vdg-sense';
import { eventually } from '../../support/eventually';
import { demoCameras } from '../../support/examples';
import { inOrder } from '../../support/in-order';
import { assertAccessible, assertReachableByTab } from './accessibility';
import { describeWithChromium } from './browser';
import { driveForm, type Form } from './form';
import { looks, nameOf, startEditor, type EditorRig } from './rig';
import { driveSidebar, type Sidebar } from './sidebar';

const login = { username: 'nodered', password: 's3cret' };
const dock = '6917529027641081901/2';
const types = ['inject', 'create-clip', 'poll-clip', 'download-clip', 'debug', 'export-video'] as const;
const ours = ['create-clip', 'poll-clip', 'download-clip', 'export-video'] as const;
type Type = (typeof types)[number];

for (const look of looks) {
  describeWithChromium(`a first flow in ${nameOf(look)}`, function () {
    this.timeout(120_000);
    inOrder();
    /** How long the server takes for a clip, also for one that it is at. */
    let makeMs = Infinity;
    const ids = {} as Record<Type, string>;
    let sim: VdgSense;
    let rig: EditorRig;
    let form: Form;
    let sidebar: Sidebar;

    before(async () => {
      sim = await startVdgSense({ users: [login], devices: demoCameras(), queue: { makeMs: () => makeMs } });
      rig = await startEditor(look, { flow: [{ id: 'tab', type: 'tab', label: 'My first clips' }] });
      form = driveForm(rig.editor);
      sidebar = driveSidebar(rig.page);
    });
    after(async () => {
      await rig?.close();
      await sim?.close();
    });

    const says = (type: Type, words: RegExp): Promise<void> =>
      eventually(async () => assert.match((await rig.editor.status(ids[type]).textContent()) ?? '', words), 20_000);
    const rowSays = (words: RegExp, index = 0, withinMs = 20_000): Promise<void> =>
      eventually(async () => assert.match((await sidebar.row(index).textContent()) ?? '', words), withinMs);
    const tested = (words: RegExp): Promise<void> => {
      const result = rig.page.locator('#node-config-input-test-result');
      return eventually(async () => assert.match((await result.textContent()) ?? '', words), 20_000);
    };

    it('is dragged from the palette, and wired', async () => {
      const { editor } = rig;
      for (const [index, type] of types.entries()) {
        ids[type] = await editor.drag(type, 170 + (index % 3) * 220, 80 + Math.floor(index / 3) * 120);
      }
      await editor.wire(ids['inject'], 0, ids['create-clip']);
      await editor.wire(ids['create-clip'], 0, ids['poll-clip']);
      await editor.wire(ids['poll-clip'], 0, ids['download-clip']);
      await editor.wire(ids['download-clip'], 0, ids['debug']);
      const wires = await Promise.all(types.map(async (type) => (await editor.saved(ids[type]))['wires']));
      const [create, poll, download, debug] = [
        ids['create-clip'],
        ids['poll-clip'],
        ids['download-clip'],
        ids['debug'],
      ];
      assert.deepEqual(wires, [[[create]], [[poll]], [[download], [], []], [[debug], []], [], [[], [], []]]);
      const unset = (await editor.nodes()).filter(({ valid }) => !valid).map(({ type }) => type);
      assert.deepEqual(unset.sort(), ['create-clip', 'export-video'], 'what needs a connection says so');
    });

    it('gets its connection, which is tested before it is there', async () => {
      const { editor } = rig;
      await editor.openNode(ids['create-clip']);
      await editor.openConnection('add');
      await form.control('Name').fill('Sense');
      await form.control('Provider').selectOption({ label: 'VDG Sense' });
      await form.button('Test connection').click();
      await tested(/Correct the marked field first/);
      await form.control('Address').fill(sim.url);
      await form.control('User').fill(login.username);
      await form.control('Password').fill('wrong');
      await form.button('Test connection').click();
      await tested(/The login was refused/);
      await sim.stop();
      await form.control('Password').fill(login.password);
      await form.button('Test connection').press('Enter');
      await tested(/The server cannot be reached/);
      await sim.start();
      await form.button('Test connection').click();
      await tested(/VDG Sense.*Cameras: 4.*Its clock agrees/);
      await rig.screenshot('connection tested');
      await editor.done();
    });

    it('gets its camera from the list, and its seconds from the keyboard', async () => {
      const { editor, page } = rig;
      await form.control('Name').fill('Cut the clip');
      await form.chooseType('Camera', 'camera');
      await form.control('Camera').pressSequentially('dock 1');
      await page.getByRole('option', { name: 'Dock 1' }).waitFor();
      await assertAccessible(page, '.red-ui-tray .video-clips');
      await page.keyboard.press('Enter');
      assert.equal(await form.control('Camera').inputValue(), dock);
      await form.control('Before').focus();
      for (const keys of ['2', '2', '0']) {
        await page.keyboard.press('Control+a');
        await page.keyboard.type(keys);
        // By way of the button for the type of the next value.
        await page.keyboard.press('Tab');
        await page.keyboard.press('Tab');
      }
      await form.control('Title').fill('Somebody at the dock');
      await rig.screenshot('create-clip filled');
      await editor.done();
      const saved = await editor.saved(ids['create-clip']);
      const { camera, cameraType, before, after, settle, title } = saved;
      assert.deepEqual([camera, cameraType, before, after, settle], [dock, 'str', 2, 2, 0]);
      assert.equal(title, 'Somebody at the dock');
    });

    it('is told how to wait, where to write and what to export', async () => {
      const { editor, page } = rig;
      await editor.openNode(ids['poll-clip']);
      await form.control('First wait').fill('0.2');
      await form.control('Longest wait').fill('0.5');
      await form.control('Give up after').fill('60');
      await editor.done();

      await editor.openNode(ids['download-clip']);
      await form.control('File name').fill('clips/{cameraName} {start}.mp4');
      await form.control('If it exists').selectOption('overwrite');
      await form.control('Picture').selectOption('middle');
      await editor.done();

      await editor.openNode(ids['export-video']);
      await form.control('Connection').selectOption({ label: 'Sense' });
      await form.chooseType('Cameras', 'camera');
      await form.control('Cameras').fill('yard');
      await page.getByRole('option', { name: 'Yard' }).click();
      await form.fillTyped('Start', 'expression', '$millis() - 60000');
      await form.fillTyped('End', 'expression', '$millis() - 57000');
      await form.control('Settle').fill('0');
      await editor.done();
      const { cameras, camerasType, startType, endType, settle } = await editor.saved(ids['export-video']);
      assert.deepEqual([cameras, camerasType], ['6917529027641081901/4', 'str']);
      assert.deepEqual([startType, endType, settle], ['jsonata', 'jsonata', 0]);
      await editor.wire(ids['inject'], 0, ids['export-video']);
    });

    it('is deployed with nothing left to complain about', async () => {
      const { editor } = rig;
      await editor.deploy();
      const nodes = await editor.nodes();
      assert.deepEqual(
        nodes.filter(({ valid, changed }) => !valid || changed),
        [],
      );
    });

    it('tells below its nodes and in the sidebar how far it is', async () => {
      const { editor } = rig;
      await sidebar.open();
      await editor.press(ids['inject']);
      await says('create-clip', /^footage at \d\d:\d\d:\d\d$/);
      await says('poll-clip', /^(pending|busy)/);
      await sidebar.search('somebody');
      await rowSays(/Being made/);
      await sidebar.search('');
      makeMs = 0;
      await says('download-clip', /^saved$/);
      await says('export-video', /^exported$/);
      for (const index of [0, 1]) await rowSays(/Saved/, index);
      await sidebar.search('somebody');
      await eventually(async () => assert.equal(await sidebar.rows.count(), 1));
    });

    it('has made a video that plays in the sidebar', async () => {
      await sidebar.press('Play');
      await eventually(async () => {
        const { readyState, duration, currentTime } = await sidebar.playing();
        assert.ok(readyState >= 2 && currentTime > 0, `readyState ${readyState}, at ${currentTime} s`);
        assert.ok(duration > 3.5 && duration < 4.5, `${duration} s`);
      });
      await sidebar.seek(2.5);
      await eventually(async () => assert.ok((await sidebar.playing()).currentTime >= 2.5));
    });

    it('tries again what has failed, when it is told to', async () => {
      sim.options.download.answer = 'html';
      await rig.editor.press(ids['inject']);
      // Five tries, with pauses of some twenty seconds in all between them.
      await rowSays(/FailedThe server answered something else than expected/, 0, 60_000);
      await says('download-clip', /unexpected answer/);
      sim.options.download.answer = 'video';
      await sidebar.press('Try again');
      await rowSays(/Saved/);
    });

    it('cancels what is being made, when it is told to', async () => {
      makeMs = Infinity;
      await rig.editor.press(ids['inject']);
      await rowSays(/Being made/);
      await sidebar.press('Cancel');
      await rowSays(/Cancelled/);
      await says('poll-clip', /^cancelled$/);
      await eventually(() => assert.ok(sim.requestsFor('deleteClip').length > 0));
      await sidebar.search('901/4');
      await sidebar.press('Cancel');
      await rowSays(/Cancelled/);
    });

    it('shows all of it to those who cannot see it, or have no mouse', async () => {
      await sidebar.search('');
      await eventually(async () => assert.equal(await sidebar.row().getAttribute('aria-setsize'), '6'));
      await sidebar.press('Details');
      await rig.screenshot('sidebar');
      await assertAccessible(rig.page, '.video-clips-sidebar');
      await assertReachableByTab(rig.page, '.video-clips-sidebar');
    });

    for (const type of ours) {
      it(`opens the dialog of ${type} again as it was filled`, async () => {
        const { editor, page } = rig;
        const before = await editor.saved(ids[type]);
        await editor.openNode(ids[type]);
        await assertReachableByTab(page, '.red-ui-tray .video-clips');
        if (type === 'create-clip') {
          await editor.openConnection('edit');
          await assertReachableByTab(page, '.red-ui-tray:last-child .video-clips');
          await editor.done();
        }
        await editor.done();
        assert.deepEqual(await editor.saved(ids[type]), before);
        assert.equal(await editor.isDirty(), false);
      });
    }

    it('is there again after the editor was reloaded', async () => {
      await rig.editor.open();
      await sidebar.open();
      await eventually(async () => {
        const ends = (await sidebar.rows.allTextContents()).map((text) => /Saved|Cancelled/.exec(text)?.[0]);
        assert.deepEqual(ends.sort(), ['Cancelled', 'Cancelled', 'Saved', 'Saved', 'Saved', 'Saved']);
      });
    });

    it('never made the page complain', () => {
      assert.deepEqual(rig.errors, []);
    });
  });
}
