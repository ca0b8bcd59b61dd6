import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertFile, type Conversion, type ConvertedFile } from '../../../lib/ffmpeg/convert';
import { infoOf, makeSource, realFfmpeg, type Recipe } from '../../support/ffmpeg';
import { expectNoUnhandledRejections } from '../../support/promises';
import { tempFolder } from '../../support/temp-folder';

export const mpeg4 = ['-c:v', 'mpeg4', '-q:v', '5'];
export const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

/** For the tests of a suite: a file to convert, in a folder of its own. */
export function convertRig() {
  const ffmpeg = realFfmpeg();
  const folder = tempFolder();
  expectNoUnhandledRejections();
  const part = () => join(folder(), 'clip.part');
  afterEach(() => assert.ok(!existsSync(`${part()}.passes`)));

  const made = new Map<string, Buffer>();
  return {
    ffmpeg,
    folder,
    part,
    /** Makes the file; its name says nothing about its format. */
    make(recipe: Recipe, format = 'mp4'): void {
      const key = JSON.stringify([recipe, format]);
      const known = made.get(key);
      if (known) return writeFileSync(part(), known);
      makeSource(ffmpeg(), part(), { ...recipe, args: [...recipe.args, '-f', format] });
      made.set(key, readFileSync(part()));
    },
    /** To H.264 of any size, unless told otherwise. */
    async convert(more: Partial<Conversion> = {}): Promise<ConvertedFile> {
      const path = more.path ?? part();
      return convertFile({
        ...{ path, mp4: await infoOf(path), convert: 'h264', maxHeight: 0, maxBytes: 0 },
        ...{ ffmpeg: ffmpeg(), signal: new AbortController().signal },
        ...more,
      });
    },
    onlyTheOriginal: () => assert.deepEqual(readdirSync(folder()), ['clip.part']),
  };
}
