import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Conversion } from '../../../lib/ffmpeg/convert';
import { failsWith, fakeProgram, infoOf, linesOf, makeSource, type Recipe } from '../../support/ffmpeg';
import { convertRig, mpeg4, x264 } from './convert-rig';

describe('converting a file', () => {
  const { convert, ffmpeg, folder, make, onlyTheOriginal, part } = convertRig();

  describe('when something goes wrong', () => {
    it('leaves only the original after an abort before the start', async () => {
      make({ seconds: 1, args: mpeg4 });
      await failsWith(convert({ signal: AbortSignal.abort() }), 'EABORTED');
      onlyTheOriginal();
    });

    for (const [name, more] of [
      ['while it runs', { maxBytes: 100_000 }],
      ['while it copies', { convert: 'faststart' }],
    ] as [string, Partial<Conversion>][]) {
      it(`leaves only the original after an abort ${name}`, async () => {
        make({ seconds: 3, noise: true, args: mpeg4 });
        const stop = new AbortController();
        await failsWith(convert({ ...more, signal: stop.signal, onProgress: () => stop.abort() }), 'EABORTED');
        onlyTheOriginal();
      });
    }

    it('leaves only the original after an abort at the end', async () => {
      make({ seconds: 1, args: mpeg4 });
      const stop = new AbortController();
      const onProgress = (percent: number) => percent === 100 && stop.abort();
      await failsWith(convert({ signal: stop.signal, onProgress }), 'EABORTED');
      onlyTheOriginal();
    });

    it('replaces what a crash left', async () => {
      make({ seconds: 2, noise: true, args: mpeg4 });
      mkdirSync(`${part()}.passes`);
      writeFileSync(join(`${part()}.passes`, 'pass-0.log'), 'old');
      writeFileSync(`${part()}.converted`, 'old');
      const { mp4 } = await convert({ maxBytes: 60_000 });
      assert.ok(mp4.whole);
    });

    it('says so when the source is damaged', async () => {
      make({ seconds: 1, args: mpeg4 });
      const mp4 = await infoOf(part());
      truncateSync(part(), 3000);
      await failsWith(
        convert({ mp4 }),
        'EFFMPEG',
        /^ffmpeg cannot read the video.* \(converting the video to H\.264\)/,
      );
      await failsWith(convert({ mp4, convert: 'faststart' }), 'EFFMPEG', /^ffmpeg cannot read.* \(moving the index /);
      onlyTheOriginal();
    });

    it('handles names that ffmpeg could misunderstand', async function () {
      if (process.platform === 'win32') return this.skip();
      const path = join(folder(), "-50%d: 'x'.mp4.1.part");
      makeSource(ffmpeg(), path, { seconds: 2, noise: true, args: [...mpeg4, '-f', 'mp4'] });
      const { size } = await convert({ path, maxBytes: 60_000 });
      assert.ok(size <= 60_000);
      assert.deepEqual(readdirSync(folder()).length, 2);
    });
  });

  describe('by an ffmpeg that cannot be trusted', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });
    const toOutput = (file: string) => `for last; do :; done; [ "$last" = - ] || cp '${file}' "\${last#file:}"`;
    const tools = () => join(folder(), 'tools');
    beforeEach(() => mkdirSync(tools()));
    const cheat = (lines: string) => fakeProgram(tools(), 'ffmpeg', lines);
    const h264 = (name: string, recipe: Partial<Recipe>) =>
      makeSource(ffmpeg(), join(tools(), name), { seconds: 1, args: x264, ...recipe });

    const wrong: [name: string, lines: () => string, message: RegExp][] = [
      ['writes nothing', () => 'exit 0', /wrote no file/],
      ['writes half a file', () => `${toOutput(part())}; truncate -s 2000 "\${last#file:}"`, /is not the video/],
      ['writes no video', () => toOutput('/etc/hosts'), /result is not the video/],
      ['writes another codec', () => toOutput(part()), /its codec is mpeg4/],
      ['has no encoder', () => `echo "Unknown encoder 'libx264'" >&2; exit 1`, /no H\.264 encoder/],
      ['writes a part of the time', () => toOutput(h264('short.mp4', { seconds: 0.4 })), /it has 0\.4 of 1\.0 s/],
      ['does not make it lower', () => toOutput(h264('high.mp4', {})), /it is 96 pixels high/],
    ];
    for (const [name, lines, message] of wrong) {
      it(`fails when it ${name}`, async () => {
        make({ seconds: 1, args: mpeg4 });
        await failsWith(convert({ maxHeight: 48, ffmpeg: cheat(lines()) }), 'EFFMPEG', message);
        assert.deepEqual(readdirSync(folder()), ['clip.part', 'tools']);
      });
    }

    it('tries again with less while the result is too large', async () => {
      make({ seconds: 1, noise: true, args: mpeg4 });
      const [large, small] = [h264('large.mp4', { noise: true }), h264('small.mp4', {})];
      const starts = `$(wc -l <"$0.starts")`;
      const late = cheat(`[ ${starts} -le 3 ] && { ${toOutput(large)}; exit; }\n${toOutput(small)}`);
      const maxBytes = statSync(large).size - 1;
      const { size } = await convert({ maxBytes, ffmpeg: late });
      assert.equal(size, statSync(small).size);
      const rates = linesOf(`${late}.args`).filter((_, index, args) => args[index - 1] === '-b:v');
      assert.deepEqual(
        rates.map(Number),
        [...rates.map(Number)].sort((a, b) => b - a),
      );
      assert.equal(new Set(rates).size, 3);
    });

    it('gives up when the result stays too large', async () => {
      make({ seconds: 1, noise: true, args: mpeg4 });
      const large = h264('large.mp4', { noise: true });
      const never = cheat(toOutput(large));
      const work = convert({ maxBytes: statSync(large).size - 1, ffmpeg: never });
      await failsWith(work, 'ELIMIT', /does not get as small as 0\.0\d+ MB\. Allow more/);
      assert.equal(linesOf(`${never}.starts`).length, 4);
      assert.deepEqual(readdirSync(folder()), ['clip.part', 'tools']);
    });
  });
});
