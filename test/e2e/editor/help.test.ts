/** The help of the nodes, where it is read: in the sidebar, as wide as it is by itself. */
import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually';
import { describeWithChromium } from './browser';
import { looks, nameOf, startEditor, type EditorRig } from './rig';

const types = ['clip-provider', 'clip-events', 'create-clip', 'poll-clip', 'download-clip', 'export-video'];

for (const look of looks.filter(({ dark }) => !dark)) {
  describeWithChromium(`the help in ${nameOf(look)}`, function () {
    this.timeout(60_000);
    let rig: EditorRig;

    before(async () => {
      rig = await startEditor(look, { flow: [{ id: 'tab', type: 'tab', label: 'Help' }] });
    });
    after(() => rig?.close());

    for (const type of types) {
      it(`of ${type} can be read without scrolling sideways`, async () => {
        const shown = rig.page.locator('.red-ui-help:visible .video-clips-flow').first();
        await eventually(async () => {
          await rig.page.evaluate(`RED.sidebar.help.show('${type}', true)`);
          await shown.waitFor({ timeout: 2_000 });
        });
        // The browser's own types are not those of this program.
        const tooWide: number[] = await rig.page.evaluate(`(() => {
          const flow = [...document.querySelectorAll('.red-ui-help .video-clips-flow')].find((each) => each.checkVisibility());
          const widths = [];
          for (let each = flow; each && each !== document.body; each = each.parentElement) {
            if (each.clientWidth > 0) widths.push(each.scrollWidth - each.clientWidth);
          }
          return widths;
        })()`);
        assert.ok(tooWide.length > 2);
        assert.ok(Math.max(...tooWide) <= 0, `${Math.max(...tooWide)} pixels too wide`);
      });
    }
  });
}
