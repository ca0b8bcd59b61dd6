// Serves the folder of exports as nginx does, with what its workers remember of files.
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { mediaReply } from '../media-reply';
import type { Media } from '../video';
import { allowedCameras, type Account } from './accounts';
import { changedAt, fileNameOf, fileSize, hasRow } from './exports';
import { jsonReply, nginxPage } from './replies';
import { minorOf, type FrigateState } from './state';

/** For each worker, by path: how long a file was when it was looked up first; 0 stands for its absence. */
export type FileCache = Map<string, { media?: Media; size: number; until: number }>[];

/** Not from any cache. */
export function listFiles(state: FrigateState, account: Account): Reply {
  if (isRestricted(state, account)) return nginxPage(403);
  const now = state.now();
  const files = state.exports.flatMap((made) => {
    const size = fileSize(made, now);
    if (size === undefined) return [];
    const mtime = new Date(changedAt(made, now)).toUTCString();
    return [{ name: fileNameOf(made), type: 'file', mtime, size }];
  });
  return jsonReply(files);
}

/** 0.17 hides the rows of other cameras and serves their files all the same; 0.18 refuses them, too. */
function isRestricted(state: FrigateState, account: Account): boolean {
  return minorOf(state) >= 18 && allowedCameras(state, account).length < state.options.cameras.length;
}

export function serveFile(state: FrigateState, request: RecordedRequest, account: Account, name: string): Reply {
  if (state.options.files === 'page') return htmlPage(200, 'Maintenance');
  const now = state.now();
  const made = state.exports.find((each) => fileNameOf(each) === name);
  const isHidden = made && isRestricted(state, account) && !allowedCameras(state, account).includes(made.camera);
  if (isHidden) return nginxPage(403);
  const found = lookUp(state, request.path, () => {
    const size = made && hasRow(made, now) ? fileSize(made, now) : undefined;
    if (!made?.media || size === undefined) return { size: 0 };
    return { media: made.isHalf ? halfOf(made.media, size) : made.media, size };
  });
  if (!found.media) return nginxPage(404);
  const { media, size } = found;
  const reply = mediaReply(request, size === media.size ? media : cutShort(media, size), {
    range: true,
    etag: 'strong',
    framing: 'length',
    truncateAfter: Infinity,
  });
  return { ...reply, headers: { 'content-type': 'video/mp4', ...reply.headers } };
}

/** Each answer comes from the next worker. */
function lookUp(
  state: FrigateState,
  path: string,
  look: () => { media?: Media; size: number },
): { media?: Media; size: number } {
  const { fileMs, workers } = state.options.cache;
  const worker = state.fileCache.shift() ?? new Map<string, never>();
  state.fileCache.push(worker);
  while (state.fileCache.length < workers) state.fileCache.unshift(new Map());
  const cached = worker.get(path);
  if (cached && cached.until > state.now()) return cached;
  const found = { ...look(), until: state.now() + fileMs };
  worker.set(path, found);
  return found;
}

function cutShort(media: Media, size: number): Media {
  return { ...media, size, read: (start = 0, end = size) => media.read(start, Math.min(end, size)) };
}

/** What ffmpeg leaves when it is killed: media data of no length yet, and no index. */
function halfOf(media: Media, size: number): Media {
  return {
    ...media,
    size,
    async *read(start = 0, end = size) {
      let at = start;
      for await (const chunk of media.read(start, Math.min(end, size))) {
        const copy = Buffer.from(chunk);
        const mdat = at === 0 ? copy.indexOf('mdat', 0, 'latin1') : -1;
        if (mdat >= 4) copy.writeUInt32BE(0, mdat - 4);
        at += chunk.length;
        yield copy;
      }
    },
  };
}
