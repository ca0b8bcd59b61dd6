/** The examples, taken from the Import menu as people take them. */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageName, packageRoot } from '../../support/package';
import { describeWithChromium } from './browser';
import { nameOf, startEditor, type EditorRig, type Look } from './rig';

const all = globSync('*.json', { cwd: join(packageRoot, 'examples') })
  .map((path) => basename(path, '.json'))
  .sort();
const empty = [{ id: 'tab', type: 'tab', label: 'Start' }];

/** What is in them is the same everywhere; whether they are offered is up to each editor. */
const offers: [Look, string[]][] = [
  [{ nodeRed: '5' }, all],
  [{ nodeRed: '4.1' }, all.slice(0, 2)],
];

for (const [look, titles] of offers) {
  describeWithChromium(`the Import menu of ${nameOf(look)}`, function () {
    this.timeout(60_000);
    let rig: EditorRig;

    before(async () => {
      rig = await startEditor(look, { flow: empty });
    });
    after(() => rig?.close());

    const isOurConnection = ({ type, provider }: Record<string, unknown>): boolean =>
      type === 'clip-provider' && provider === 'vdg-sense';

    async function importExample(title: string): Promise<void> {
      const { page } = rig;
      await page.evaluate("RED.actions.invoke('core:show-examples-import-dialog')");
      const dialog = page.locator('.ui-dialog', { hasText: 'Import to' }).filter({ visible: true });
      const entry = (text: string) => dialog.getByText(text, { exact: true }).filter({ visible: true });
      if (!(await entry(title).isVisible())) await entry(packageName).click();
      await entry(title).click();
      await page.locator('#red-ui-clipboard-dialog-ok').click();
      const copy = page.getByRole('button', { name: 'Import copy' });
      const imported = page.locator('.red-ui-tab').filter({ hasText: title.replace(/^\d+ - /, '') });
      await copy.or(imported).first().waitFor();
      if (await copy.isVisible()) await copy.click();
      await imported.first().waitFor();
    }

    for (const [index, title] of titles.entries()) {
      it(`offers "${title}", which lacks nothing`, async () => {
        await importExample(title);
        const nodes = await rig.editor.nodes();
        assert.deepEqual(
          nodes.filter(({ type, valid }) => type === 'unknown' || !valid),
          [],
        );
        // What someone has entered into the connection must not be lost with the next example.
        if (index > 0) return;
        const connection = (await rig.editor.flow()).find(isOurConnection)!;
        await rig.page.evaluate(`RED.nodes.node('${String(connection.id)}').settings.url = 'http://sense.example'`);
      });
    }

    it('leaves one connection for all of them, as it was set up for the first', async () => {
      const flow = await rig.editor.flow();
      const connections = flow.filter(isOurConnection);
      assert.deepEqual(
        connections.map(({ settings }) => (settings as { url: string }).url),
        ['http://sense.example'],
      );
      const users = flow.filter(({ type, connection }) => connection === connections[0]!.id && type !== 'tab');
      // Those for Rhombus, Frigate and ZoneMinder have a connection of their own.
      const others = titles.filter((title) => /Rhombus|Frigate|ZoneMinder/.test(title));
      assert.ok(users.length >= titles.length - others.length);
      assert.deepEqual(rig.errors, []);
    });
  });
}
