import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findFfmpeg, type FfmpegSearch } from '../../../lib/ffmpeg/run';
import { failsWith } from '../../support/ffmpeg';
import { tempFolder } from '../../support/temp-folder';

/** A search on a machine where these programs are. */
function search(programs: string[], more: Partial<FfmpegSearch> = {}): FfmpegSearch {
  return {
    platform: 'linux',
    env: {},
    isExecutable: async (file) => programs.includes(file),
    bundled: () => undefined,
    ...more,
  };
}

describe('looking for ffmpeg', () => {
  const everywhere = ['/set/ffmpeg', '/var/ffmpeg', '/usr/bin/ffmpeg', '/npm/ffmpeg'];
  const full = { PATH: '/bin:/usr/bin', FFMPEG_PATH: '/var/ffmpeg' };
  const bundled = () => '/npm/ffmpeg';

  it('takes the setting first', async () => {
    assert.equal(await findFfmpeg(search(everywhere, { setting: '/set/ffmpeg', env: full, bundled })), '/set/ffmpeg');
  });

  it('takes FFMPEG_PATH when nothing is set', async () => {
    assert.equal(await findFfmpeg(search(everywhere, { setting: ' ', env: full, bundled })), '/var/ffmpeg');
  });

  it('takes the first on PATH when nothing is set in the environment', async () => {
    const env = { PATH: ':/none:/usr/bin:/opt', FFMPEG_PATH: '' };
    assert.equal(await findFfmpeg(search([...everywhere, '/opt/ffmpeg'], { env, bundled })), '/usr/bin/ffmpeg');
  });

  it('takes that of the npm package when there is none on PATH', async () => {
    assert.equal(await findFfmpeg(search(everywhere, { env: { PATH: '/none' }, bundled })), '/npm/ffmpeg');
  });

  it('does not load the npm package when there is one on PATH', async () => {
    const fail = () => assert.fail('It was loaded');
    await findFfmpeg(search(everywhere, { env: { PATH: '/usr/bin:/loading' }, bundled: fail }));
  });

  it('looks for a bare name on PATH', async () => {
    const env = { PATH: '/usr/bin:/opt' };
    assert.equal(await findFfmpeg(search(['/opt/ffmpeg5'], { setting: 'ffmpeg5', env })), '/opt/ffmpeg5');
  });

  it('finds .exe files on Windows, in folders with and without quotes', async () => {
    const windows = (programs: string[], setting?: string) =>
      search(programs, { platform: 'win32', setting, env: { Path: 'C:\\Windows;"C:\\Program Files\\ff"' } });
    const installed = 'C:\\Program Files\\ff\\ffmpeg.exe';
    assert.equal(await findFfmpeg(windows([installed])), installed);
    assert.equal(await findFfmpeg(windows(['D:\\ff\\ffmpeg.exe'], 'D:\\ff\\ffmpeg')), 'D:\\ff\\ffmpeg.exe');
    assert.equal(await findFfmpeg(windows(['D:\\ff\\other.EXE'], 'D:\\ff\\other.EXE')), 'D:\\ff\\other.EXE');
  });

  it('never takes another one than was set', async () => {
    const wrong = search(everywhere, { setting: '/wrong/ffmpeg', env: full, bundled });
    await failsWith(findFfmpeg(wrong), 'EFFMPEG', /at \/wrong\/ffmpeg, where the setting says/);
    const variable = search(everywhere, { env: { ...full, FFMPEG_PATH: '/wrong/ffmpeg' }, bundled });
    await failsWith(findFfmpeg(variable), 'EFFMPEG', /at \/wrong\/ffmpeg, where FFMPEG_PATH says/);
  });

  it('says what to do when there is none, and finds one that is installed later', async () => {
    const programs: string[] = [];
    const later = search(programs, { env: { PATH: '/later' } });
    const error = await failsWith(findFfmpeg(later), 'EFFMPEG', /Install it .* or set FFMPEG_PATH/);
    assert.equal(error.retryable, false);
    programs.push('/later/ffmpeg');
    assert.equal(await findFfmpeg(later), '/later/ffmpeg');
  });

  it('remembers what it found for as long as it is there', async () => {
    const programs = ['/b/ffmpeg'];
    const asked: string[] = [];
    const isExecutable = async (file: string) => (asked.push(file), programs.includes(file));
    const again = search(programs, { env: { PATH: '/a:/b:/c' }, isExecutable });
    await findFfmpeg(again);
    asked.length = 0;
    assert.equal(await findFfmpeg(again), '/b/ffmpeg');
    assert.deepEqual(asked, ['/b/ffmpeg']);
    programs.splice(0, 1, '/c/ffmpeg');
    assert.equal(await findFfmpeg(again), '/c/ffmpeg');
  });

  describe('among real files', () => {
    const folder = tempFolder();

    it('passes over folders and what may not be run', async function () {
      if (process.platform === 'win32') return this.skip();
      for (const name of ['folder', 'plain', 'good']) mkdirSync(join(folder(), name));
      mkdirSync(join(folder(), 'folder', 'ffmpeg'));
      writeFileSync(join(folder(), 'plain', 'ffmpeg'), '');
      writeFileSync(join(folder(), 'good', 'ffmpeg'), '');
      chmodSync(join(folder(), 'good', 'ffmpeg'), 0o755);
      const PATH = ['folder', 'plain', 'good'].map((name) => join(folder(), name)).join(delimiter);
      assert.equal(await findFfmpeg({ env: { PATH } }), join(folder(), 'good', 'ffmpeg'));
    });

    it('finds the npm package when it is installed', async () => {
      const { path } = await import('@ffmpeg-installer/ffmpeg');
      assert.equal(await findFfmpeg({ env: { PATH: folder() } }), path);
    });
  });
});
