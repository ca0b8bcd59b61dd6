/** The examples, taken from the Import menu as people take them: one after the other, without a question. */
import assert from 'node:assert/strict';
import { namesOfExamples, readExample } from '../../support/examples';
import { packageName } from '../../support/package';
import { describeWithChromium } from './browser';
import { nameOf, startEditor, type EditorRig, type Look } from './rig';

const empty = [{ id: 'tab', type: 'tab', label: 'Start' }];
const looks: Look[] = [{ nodeRed: '5' }, { nodeRed: '4.1' }];

/** Each takes seconds by the menu: the others are imported by what the menu calls. */
const throughMenu = 2;

interface Box {
  id: string;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Nodes of the tab that is shown, and the part of the canvas that can be seen, in pixels of the page. */
const measure = `(() => {
  const box = (element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { id: element.id, left, top, right, bottom };
  };
  const canvas = box(document.querySelector('#red-ui-workspace-chart'));
  return { canvas, nodes: [...document.querySelectorAll('.red-ui-flow-node-group')].map(box) };
})()`;

for (const look of looks) {
  describeWithChromium(`the Import menu of ${nameOf(look)}`, function () {
    this.timeout(120_000);
    let rig: EditorRig;
    let imported = 0;

    before(async () => {
      rig = await startEditor(look, { flow: empty });
    });
    after(() => rig?.close());

    async function importFromMenu(title: string): Promise<void> {
      const { page } = rig;
      await page.evaluate("RED.actions.invoke('core:show-examples-import-dialog')");
      const dialog = page.locator('.ui-dialog', { hasText: 'Import to' }).filter({ visible: true });
      const entry = (text: string) => dialog.getByText(text, { exact: true }).filter({ visible: true });
      if (!(await entry(title).isVisible())) await entry(packageName).click();
      await entry(title).click();
      await page.locator('#red-ui-clipboard-dialog-ok').click();
      const question = page.getByRole('button', { name: 'Import copy' });
      const tab = page.locator('.red-ui-tab').filter({ hasText: title.replace(/^\d+ - /, '') });
      await question.or(tab).first().waitFor();
      assert.equal(await question.isVisible(), false, 'the editor asks what to do');
      await tab.first().waitFor();
    }

    /** What the menu does in the end. @throws where the editor would ask */
    async function importExample(name: string): Promise<void> {
      const flow = await readExample(name);
      const script = `RED.view.importNodes(${JSON.stringify(flow)}, { generateIds: false, addFlow: false })`;
      await rig.page.evaluate(`void ${script}`);
    }

    it('offers all of them: each lacks nothing, and can be seen as a whole', async function () {
      this.timeout(300_000);
      for (const name of await namesOfExamples()) {
        const title = name.replace(/\.json$/, '');
        await (imported < throughMenu ? importFromMenu(title) : importExample(name));
        imported += 1;
        const flow = await rig.editor.flow();
        const tab = flow.findLast(({ type }) => type === 'tab')!;
        assert.equal(tab.label, title.replace(/^\d+ - /, ''));
        await rig.page.evaluate(`RED.workspaces.show('${String(tab.id)}')`);
        const ids = flow.filter(({ z }) => z === tab.id).map(({ id }) => id);
        await rig.page.waitForFunction(`document.querySelectorAll('.red-ui-flow-node-group').length === ${ids.length}`);
        const { canvas, nodes } = await rig.page.evaluate<{ canvas: Box; nodes: Box[] }>(measure);
        for (const { id, left, top, right, bottom } of nodes) {
          const { name: label, type } = flow.find((node) => node.id === id)!;
          const isVisible =
            left >= canvas.left && top >= canvas.top && right <= canvas.right && bottom <= canvas.bottom;
          assert.ok(isVisible, `${title}: ${String(label || type)} ends ${right - canvas.right} px beyond the canvas`);
          assert.ok(right - canvas.left < 850, `${title}: ${String(label || type)} ends at ${right - canvas.left} px`);
        }
      }
      const lacking = (await rig.editor.nodes()).filter(({ valid }) => !valid).map(({ type }) => type);
      // Those of the dashboard, which comes with a package of its own.
      assert.deepEqual([...new Set(lacking.filter((type) => !/^ui-|^unknown$/.test(type)))], []);
    });

    it('brings a connection with each, which the list tells apart by its address', async () => {
      const connections = (await rig.editor.flow()).filter(({ type }) => type === 'clip-provider');
      assert.equal(connections.length, imported);
      assert.deepEqual([...new Set(connections.map(({ name }) => name))], ['']);
      assert.deepEqual(rig.errors, []);
    });
  });
}
