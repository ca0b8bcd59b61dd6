import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sumLine, sumsOf } from '../../../lib/exports/manifest';
import { tempFolder } from '../../support/temp-folder';

describe('the sums beside exported files', () => {
  const temp = tempFolder();
  const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

  it('are lines as sha256sum writes them', () => {
    assert.equal(sumLine('clip.mp4', hash), `${hash}  clip.mp4\n`);
    assert.equal(sumLine('a\\b', hash), `\\${hash}  a\\\\b\n`);
    assert.equal(sumLine('a\nb\rc', hash), `\\${hash}  a\\nb\\rc\n`);
  });

  it('are read back by sha256sum, whatever the files are called', async function () {
    if (process.platform === 'win32') this.skip();
    const names = [
      'plain.mp4',
      'two words (1).mp4',
      '-dash',
      '*star',
      'quote"\'s',
      'back\\slash',
      'line\nbreak',
      'ü 監視',
      ' blank ',
    ];
    const files = await Promise.all(
      names.map(async (name) => {
        const path = join(temp(), name);
        await writeFile(path, name);
        return { path, size: 1, sha256: createHash('sha256').update(name).digest('hex') };
      }),
    );
    await writeFile(join(temp(), 'SHA256SUMS'), sumsOf(temp(), files));
    const checked = execFileSync('sha256sum', ['-c', '--strict', '--quiet', 'SHA256SUMS'], {
      cwd: temp(),
      encoding: 'utf8',
    });
    assert.equal(checked, '');
    await writeFile(join(temp(), 'plain.mp4'), 'changed');
    assert.throws(() => execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: temp(), stdio: 'pipe' }));
  });
});
