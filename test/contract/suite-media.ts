/** Holds every provider to what becomes of a broken transfer, and of video that is labelled as something else. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Reply } from '../simulators/http-server';
import type { Harness } from './harness';
import { done, downloadOnce, respectException, runDownload, useRig, type Rig } from './rig';

const never = (): AbortSignal => new AbortController().signal;
const etag = '"version-1"';

interface Video {
  bytes: Buffer;
  /** Where the first transfer breaks off. */
  cutAt: number;
}

/** An answer to the request for the rest, in which nothing or something is wrong. */
function rest({ bytes }: Video, from: number, headers: Record<string, string> = {}): Reply {
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  return {
    status: 206,
    headers: { 'content-type': 'video/mp4', etag, 'content-range': range, ...headers },
    body: bytes.subarray(from),
  };
}

/** Breaks off, but not before its first bytes have been read: what is unread when a connection ends is lost. */
function cut({ bytes, cutAt }: Video): Reply {
  async function* slowly() {
    yield bytes.subarray(0, 1000);
    await sleep(20);
    yield bytes.subarray(1000);
  }
  return { body: slowly(), size: bytes.length, truncateAfter: cutAt };
}

/** Bytes of another version of the clip. */
const otherBytes = ({ bytes, cutAt }: Video): Buffer => Buffer.alloc(bytes.length - cutAt, 'other');

function withoutTag(reply: Reply): Reply {
  const { etag: _, ...headers } = reply.headers ?? {};
  return { ...reply, headers };
}

const answers: Record<string, (video: Video) => Reply> = {
  'the rest': (video) => rest(video, video.cutAt),
  '416': ({ bytes }) => ({ status: 416, headers: { 'content-range': `bytes */${bytes.length}` }, body: '' }),
  'the rest of another version': (video) => ({
    ...rest(video, video.cutAt, { etag: '"version-2"' }),
    body: otherBytes(video),
  }),
  'the rest of a version without a name': (video) =>
    withoutTag({ ...rest(video, video.cutAt), body: otherBytes(video) }),
  'the rest of a clip of another length': (video) => ({
    ...rest(video, video.cutAt, {
      'content-range': `bytes ${video.cutAt}-${video.bytes.length - 1}/${video.bytes.length + 99}`,
    }),
    body: otherBytes(video),
  }),
  'the beginning': (video) => rest(video, 0),
  'an earlier place': (video) => rest(video, video.cutAt - 1000),
  'a later place': (video) => rest(video, video.cutAt + 1000),
  'a place that cannot be read': (video) => rest(video, video.cutAt, { 'content-range': 'some bytes' }),
  'several parts': (video) => rest(video, video.cutAt, { 'content-type': 'multipart/byteranges; boundary=part' }),
  'the whole': ({ bytes }) => ({ headers: { 'content-type': 'video/mp4', etag }, body: bytes }),
};

export function mediaSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  async function prepare({ world, connect, finishedClip, folder }: Rig) {
    const connection = connect();
    const clip = await finishedClip(connection);
    const filename = join(folder, 'clip.mp4');
    await downloadOnce(connection, clip, filename);
    const bytes = readFileSync(filename);
    rmSync(filename);
    const isDownload = (request: object): boolean => world.requestsFor('download').some((each) => each === request);
    return { connection, clip, filename, video: { bytes, cutAt: Math.floor(bytes.length / 2) }, isDownload };
  }

  for (const [name, answer] of Object.entries(answers)) {
    it(`joins no bytes that do not belong together when a range is answered with ${name}`, async () => {
      const { world } = rig();
      const { connection, clip, filename, video, isDownload } = await prepare(rig());
      const headers = { 'content-type': 'video/mp4', 'accept-ranges': 'bytes', etag };
      let wholes = 0;
      let ranges = 0;
      world.dress((reply, request) => {
        if (!isDownload(request)) return reply;
        if (request.headers.range) return (ranges += 1) === 1 ? answer(video) : rest(video, video.cutAt);
        wholes += 1;
        const breaksOff = ranges === 0 && wholes <= 4;
        return breaksOff ? { ...cut(video), headers } : { headers, body: video.bytes };
      });
      // Whether the provider can continue is seen by opening.
      const { body, resumable } = await connection.openClip(clip, { offset: 0 }, never());
      body.on('error', () => undefined).destroy();
      const { file } = (await done(runDownload(connection, clip, filename))).clip;
      assert.equal(file?.sha256, await world.sha256Of(clip.id));
      assert.deepEqual(file?.problems, []);
      assert.deepEqual(rig().files(), [filename]);
      assert.equal(ranges > 0, resumable);
    });
  }

  for (const type of ['text/html', 'application/xml', 'application/json', '']) {
    it(`knows a video by its bytes when it is labelled "${type}"`, async () => {
      const { world } = rig();
      const { connection, clip, filename, video, isDownload } = await prepare(rig());
      world.dress((reply, request) =>
        isDownload(request) ? { headers: type ? { 'content-type': type } : {}, body: video.bytes } : reply,
      );
      const { file } = await downloadOnce(connection, clip, filename);
      assert.equal(file?.sha256, await world.sha256Of(clip.id));
    });
  }

  it('decodes a video that comes compressed', async () => {
    const { world } = rig();
    const { connection, clip, filename, video, isDownload } = await prepare(rig());
    const headers = { 'content-type': 'video/mp4', 'content-encoding': 'gzip' };
    world.dress((reply, request) => (isDownload(request) ? { headers, body: gzipSync(video.bytes) } : reply));
    const { file } = await downloadOnce(connection, clip, filename);
    assert.equal(file?.sha256, await world.sha256Of(clip.id));
    assert.deepEqual(file?.problems, []);
  });
}
