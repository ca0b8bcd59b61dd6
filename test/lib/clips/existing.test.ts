import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { matchExistingFile } from '../../../lib/clips/verify';
import { isFile } from '../../../lib/files/hash';
import type { Clip } from '../../../lib/provider';
import { makeVideo } from '../../simulators/video';
import { tempFolder } from '../../support/temp-folder';
import { aClip } from './fake';

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

describe('a file that is there already', () => {
  const temp = tempFolder();
  let video: Buffer;
  let path: string;
  before(async () => {
    video = await readFile(await makeVideo({ seconds: 2, width: 160, height: 96 }));
  });
  beforeEach(() => (path = join(temp(), 'clip.mp4')));

  it('is told by its size and its SHA-256', async () => {
    await writeFile(path, video);
    const hash = sha256(video);
    assert.equal(await isFile(path, video.length, undefined), true);
    assert.equal(await isFile(path, video.length, hash), true);
    assert.equal(await isFile(path, video.length, hash.toUpperCase()), true);
    assert.equal(await isFile(path, video.length - 1, undefined), false);
    assert.equal(await isFile(path, video.length, sha256(Buffer.from('other'))), false);
    assert.equal(await isFile(join(temp(), 'missing.mp4'), 0, undefined), false);
    assert.equal(await isFile(temp(), 4096, undefined), false);
    assert.equal(await isFile(join(path, 'below'), 0, undefined), false);
  });

  it('is described when it is the clip, as a download would', async () => {
    await writeFile(path, video);
    assert.deepEqual(await matchExistingFile(aClip({ size: video.length }), path), {
      path,
      size: video.length,
      sha256: sha256(video),
      duration: 2,
      width: 160,
      height: 96,
      codec: 'h264',
      missingBefore: 0,
      missingAfter: 0,
      gaps: [],
      problems: [],
      resumed: false,
      seconds: 0,
    });
  });

  const damaged = (): Buffer => Buffer.concat([video.subarray(0, video.length / 2), Buffer.alloc(video.length / 2)]);
  const others: Record<string, () => { clip?: Partial<Clip>; content?: Buffer; folder?: boolean }> = {
    'when there is none': () => ({}),
    'when there is a folder of that name': () => ({ folder: true }),
    'of another size': () => ({ content: video, clip: { size: video.length + 1 } }),
    'when the size of the clip is not known': () => ({ content: video, clip: { size: undefined } }),
    'with another SHA-256': () => ({ content: video, clip: { sha256: sha256(Buffer.from('other')) } }),
    'that is damaged': () => ({ content: damaged(), clip: { size: damaged().length } }),
    'that is too short for the clip': () => ({ content: video, clip: { end: '2025-03-01T08:51:00.000Z' } }),
    'that is empty': () => ({ content: Buffer.alloc(0), clip: { size: 0 } }),
    'that is no video': () => ({ content: Buffer.from('<error/>'), clip: { size: 8 } }),
  };
  for (const [what, make] of Object.entries(others)) {
    it(`is not the clip ${what}`, async () => {
      const { clip, content, folder } = make();
      if (content) await writeFile(path, content);
      if (folder) await mkdir(path);
      assert.equal(await matchExistingFile(aClip({ size: video.length, ...clip }), path), undefined);
    });
  }

  it('is the clip when the announced SHA-256 is written in capitals', async () => {
    await writeFile(path, video);
    const clip = aClip({ size: video.length, sha256: sha256(video).toUpperCase() });
    assert.equal((await matchExistingFile(clip, path))?.path, path);
  });
});
