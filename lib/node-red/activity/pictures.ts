// Makes pictures of videos when a list shows them, one at a time, and keeps some of them in a folder.
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Semaphore } from '../../async/semaphore';
import { makeThumbnail } from '../../ffmpeg/thumbnail';
import { recordFile, type WrittenFile } from '../../files/written-file';
import type { Runtime } from '../runtime';
import { stateOf, type RowFile } from './files';

/** About 20 MB. */
const mostPictures = 500;
/** Lists are scrolled: whoever waits for longer has left. */
const longestMs = 20_000;
const mostFailures = 1_000;

/** Finds the picture of a file: the one beside it, a kept one, or a new one. `undefined`: there is none to be had. */
export function pictures(
  runtime: Pick<Runtime, 'userFolder' | 'findFfmpeg'>,
  make = makeThumbnail,
): (file: RowFile) => Promise<WrittenFile | undefined> {
  // Of its own: what jobs make comes first, and one more ffmpeg is little beside it.
  const slot = new Semaphore(1);
  const underWay = new Map<string, Promise<WrittenFile | undefined>>();
  const failed = new Set<string>();

  async function find(file: RowFile, name: string): Promise<WrittenFile | undefined> {
    const folder = folderOf(runtime);
    const output = join(folder, `${name}.jpg`);
    const known = await recordFile(output);
    if (known) return known;
    const signal = AbortSignal.timeout(longestMs);
    return slot.run(signal, async () => {
      const ffmpeg = await runtime.findFfmpeg();
      await mkdir(folder, { recursive: true });
      try {
        if ((await stateOf(file)) !== 'there') return undefined;
        await make({ path: file.video.path, seconds: file.duration, output, ffmpeg, signal });
        // Of another file, should one have taken its place.
        if ((await stateOf(file)) !== 'there') return void (await rm(output, { force: true }));
      } catch (thrown) {
        if (failed.size >= mostFailures) failed.clear();
        failed.add(name);
        throw thrown;
      }
      await removeOldest(folder);
      return recordFile(output);
    });
  }

  return async (file) => {
    if (file.thumbnail && (await recordFile(file.thumbnail.path))) return file.thumbnail;
    const name = nameOf(file.video);
    if (failed.has(name)) return undefined;
    const finding = underWay.get(name) ?? find(file, name).finally(() => underWay.delete(name));
    underWay.set(name, finding);
    // Without ffmpeg, or of what cannot be decoded, there is none.
    return finding.catch(() => undefined);
  };
}

/** Removes the kept picture of a video that has been removed. Never rejects. */
export async function forgetPicture(runtime: Pick<Runtime, 'userFolder'>, video: WrittenFile): Promise<void> {
  await rm(join(folderOf(runtime), `${nameOf(video)}.jpg`), { force: true }).catch(() => undefined);
}

function folderOf({ userFolder }: Pick<Runtime, 'userFolder'>): string {
  return join(userFolder, 'video-clips', 'pictures');
}

function nameOf({ path, inode, size, mtimeMs }: WrittenFile): string {
  return createHash('sha256')
    .update(JSON.stringify([path, inode, size, mtimeMs]))
    .digest('hex')
    .slice(0, 32);
}

async function removeOldest(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= mostPictures) return;
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, at: await stat(path).then(({ mtimeMs }) => mtimeMs, () => 0) }; // prettier-ignore
    }),
  );
  found.sort((one, other) => one.at - other.at);
  // Some more, so that not every new picture has all of them looked at.
  const due = found.slice(0, names.length - mostPictures + 50);
  for (const { path } of due) await rm(path, { force: true });
}
