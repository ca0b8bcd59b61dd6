/** VDG Sense: what is said of settings that nobody but the owner of the server knows, and of what is no drawing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vdgSense } from '../../../../lib/providers/vdg-sense';
import { closeAll, connectTo, createFinished, download, errorOf, never, request, startSense } from './support';

const tooFew = { kind: 'reply', reply: { body: '<result errorcode="-10"/>' } } as const;

/** By provider and field. */
type Texts = Record<'providers' | 'hints', Record<string, Record<string, string>>>;

describe('VDG Sense: words', () => {
  afterEach(closeAll);

  it('of a download that lacks a parameter name the settings with the names of parameters', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.failNext(tooFew, 'downloadClip', 9);
    const { message } = await errorOf(download(connection, clip));
    assert.match(
      message,
      /^Not enough parameters, code -10 \(downloading .*"Clip id parameter" and "Server id parameter"/,
    );
  });

  it('of a clip that lacks one do not', async () => {
    const sim = await startSense();
    sim.failNext(tooFew, 'addClip', 9);
    const { message } = await errorOf(connectTo(sim).createClip(request(), never));
    assert.doesNotMatch(message, /Clip id parameter/);
  });

  it('call the metadata by its name in all languages, and say which clip a second request gets', () => {
    const field = vdgSense.clipOptions.find(({ name }) => name === 'vca')!;
    assert.equal(field.label, 'VCA metadata');
    assert.match(field.hint!, /first clip again/);
    const folder = join(__dirname, '../../../../nodes/locales');
    for (const language of ['de', 'fr', 'es', 'ja', 'zh-CN']) {
      const texts = JSON.parse(readFileSync(join(folder, language, 'clip-provider.json'), 'utf8')) as Texts;
      const [label, hint] = [texts.providers['vdg-sense']?.vca, texts.hints['vdg-sense']?.vca];
      assert.match(label ?? '', /VCA/, language);
      assert.doesNotMatch(label ?? '', /zeichn|dessin|dibuj|描画|绘/i, language);
      assert.ok((hint ?? '').length > 20, language);
    }
  });
});
