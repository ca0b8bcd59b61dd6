/** What dialogs show while someone types: the picture of a range, where a file will go, and whether ffmpeg is at hand. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { eventually } from '../../support/eventually';
import { describeWithChromium } from './browser';
import { startEditor, type EditorRig } from './rig';

const connection = (provider: string, settings: object) => ({
  id: provider,
  type: 'clip-provider',
  name: '',
  provider,
  settings,
  tls: '',
  proxy: '',
  maxConcurrent: 2,
});
const flow = [
  { id: 'tab', type: 'tab', label: 'Previews' },
  connection('vdg-sense', { url: 'http://127.0.0.1:9' }),
  connection('aipix', { url: 'http://127.0.0.1:9', maxClip: 40 }),
  { id: 'create', type: 'create-clip', connection: 'vdg-sense', z: 'tab', x: 140, y: 60, wires: [] },
  { id: 'download', type: 'download-clip', z: 'tab', x: 140, y: 120, wires: [] },
];

describeWithChromium('previews in dialogs', function () {
  this.timeout(120_000);
  let rig: EditorRig;

  before(async () => {
    rig = await startEditor({ nodeRed: '5' }, { flow, settings: { clipProviderFfmpeg: 'no-such-ffmpeg' } });
  });
  after(() => rig?.close());
  afterEach(() => rig.editor.cancelAll());

  /** The control that people see: Node-RED hides the input below a typed one. */
  const field = (name: string): Locator =>
    ['before', 'after', 'settle'].includes(name)
      ? rig.page.locator(`#node-input-${name} + .red-ui-typedInput-container input`).first()
      : rig.page.locator(`#node-input-${name}`);
  /** Waits until an element says so. */
  const says = (name: string, words: RegExp): Promise<void> =>
    eventually(async () => assert.match((await field(name).textContent()) ?? '', words));
  const isSilent = (name: string): Promise<void> =>
    eventually(async () => assert.equal(await field(name).isVisible(), false));
  /** Where the parts of the picture are, in percent of its width, and what is written in it. */
  const drawn = async () => ({
    marks: await field('picture')
      .locator('.video-clips-mark')
      .evaluateAll((lines) => lines.map((line) => parseFloat(line.getAttribute('x1') ?? ''))),
    words: await field('picture').locator('.video-clips-inside, .video-clips-outside').allTextContents(),
    limits: await field('picture').locator('line.video-clips-limit').count(),
    isTooLong: (await field('picture').locator('.video-clips-beyond').count()) > 0,
  });

  describe('of a range', () => {
    beforeEach(() => rig.editor.openNode('create'));

    it('show it, and tell the same in words', async () => {
      await says(
        'picture-text',
        /^Video from 10 s before the instant to 20 s after it\. Asked for 5 s later\. VDG Sense/,
      );
      assert.deepEqual((await drawn()).words, ['10 s', '20 s', '5 s']);
      assert.equal(await field('picture').getAttribute('aria-labelledby'), 'node-input-picture-text');
      await isSilent('picture-problem');
    });

    it('follow the numbers', async () => {
      const before = await drawn();
      await field('before').fill('60');
      const after = await drawn();
      assert.ok(after.marks[0]! > before.marks[0]!, 'the instant moves on');
      assert.deepEqual(after.words, ['60 s', '20 s', '5 s']);
      await says('picture-text', /60 s before/);
      await field('settle').fill('0');
      await says('picture-text', /Asked for as soon as it is over/);
    });

    it('say that there are no lengths below 0, and draw none', async () => {
      await field('before').fill('-5');
      await says('picture-problem', /0 or more/);
      assert.equal(await field('picture-text').textContent(), '');
      assert.deepEqual((await drawn()).words, ['20 s', '5 s']);
    });

    it('show all of the scissors, also where the clip is asked for at once', async () => {
      for (const [after, settle] of [
        ['0', '0'],
        ['20', '0'],
        ['0', '5'],
      ]) {
        await field('after').fill(after!);
        await field('settle').fill(settle!);
        await eventually(async () => {
          const [svg, ...glyphs] = await field('picture').evaluate((picture) =>
            [picture, ...picture.querySelectorAll('.video-clips-glyph')].map((each) => {
              const { left, right } = each.getBoundingClientRect();
              return { left, right };
            }),
          );
          assert.equal(glyphs.length, 2);
          for (const { left, right } of glyphs) {
            assert.ok(left >= svg!.left && right <= svg!.right, `${left}-${right} in ${svg!.left}-${svg!.right}`);
          }
          assert.ok(glyphs[0]!.right <= glyphs[1]!.left, 'the marks lie on one another');
        });
      }
    });

    it('warn where a clip cannot be that long, or not that short', async () => {
      await says('picture-text', /up to 300 s/);
      await field('after').fill('400');
      await says('picture-problem', /410 s.*300 s.*export-video/);
      assert.deepEqual([(await drawn()).limits, (await drawn()).isTooLong], [1, true]);
      await field('after').fill('0');
      await field('before').fill('0');
      await says('picture-problem', /nothing to cut/);
    });

    it('know the longest clip of a connection that was just edited', async () => {
      await field('connection').selectOption('aipix');
      await says('picture-text', /Aipix makes clips of up to 40 s/);
      assert.deepEqual([(await drawn()).limits, (await drawn()).isTooLong], [1, false]);
      await rig.editor.openConnection('edit');
      const summary = rig.editor.tray().locator('summary').first();
      if (!(await rig.page.locator('#node-config-input-settings-aipix-maxClip').isVisible())) await summary.click();
      await rig.page.locator('#node-config-input-settings-aipix-maxClip').fill('25');
      await rig.editor.done();
      await says('picture-problem', /30 s.*25 s/);
    });

    it('draw what is not known as something', async () => {
      await field('before').fill('${PRE_ROLL}');
      await says('picture-text', /\$\{PRE_ROLL\} s before/);
      assert.deepEqual((await drawn()).words, ['20 s', '5 s']);
      await field('range').selectOption('between');
      await says('picture-text', /^Video from the start to the end\./);
      assert.deepEqual((await drawn()).words, ['5 s']);
    });
  });

  describe('of a file', () => {
    beforeEach(() => rig.editor.openNode('download'));
    const typed = (): Locator => rig.page.locator('#node-input-filename + .red-ui-typedInput-container input').first();

    it('show where it will go', async () => {
      const here = (...names: string[]) => new RegExp(join(rig.runtime.userDir, ...names).replace(/[\\.]/g, '\\$&'));
      await says('filename-preview', here('6917529027641081901_2', '2026-03-01T08-50-00Z.mp4'));
      await typed().fill('clips/{cameraName}.mp4');
      await says('filename-preview', here('clips', 'Dock 1.mp4'));
    });

    it('say what is wrong with its name', async () => {
      await typed().fill('../{camra}.mp4');
      await says('filename-preview', /\{camra\} is unknown; use \{camera\}/);
      await typed().fill('${FILE_NAME}');
      await says('filename-preview', /variable/);
    });

    it('show nothing where the name comes with the message', async () => {
      await says('filename-preview', /For example/);
      await rig.page.evaluate("$('#node-input-filename').typedInput('type', 'msg')");
      await isSilent('filename-preview');
    });

    it('tell about ffmpeg when it is needed', async () => {
      await isSilent('ffmpeg');
      await field('snapshot').selectOption('middle');
      await says('ffmpeg', /There is no ffmpeg that can be run at no-such-ffmpeg/);
      await field('snapshot').selectOption('none');
      await isSilent('ffmpeg');
      await field('convert').selectOption('h264');
      await says('ffmpeg', /There is no ffmpeg/);
      await field('output').selectOption('buffer');
      await says('ffmpeg', /need a file as output/);
    });
  });
});
