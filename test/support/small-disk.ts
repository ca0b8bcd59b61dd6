/** A disk that is soon full: a file system in memory. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Its folder, or why there is none: mounting takes Linux and rights that containers mostly lack. */
export function mountSmallDisk(mebibytes: number): { folder: string; unmount(): void } | { why: string } {
  if (process.platform !== 'linux') return { why: 'it takes Linux' };
  const folder = mkdtempSync(join(tmpdir(), 'clips-disk-'));
  const run = (program: string, ...given: string[]) => spawnSync(program, given, { encoding: 'utf8' });
  const { error, status, stderr } = run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder);
  if (status !== 0) {
    rmdirSync(folder);
    return { why: error?.message ?? stderr.trim() };
  }
  return {
    folder,
    unmount() {
      const isFree = run('umount', folder).status === 0;
      // Then as soon as nobody uses it any more.
      if (!isFree) run('umount', '--lazy', folder);
      rmdirSync(folder);
      if (!isFree) throw new Error('Something on the small disk is still in use');
    },
  };
}
