import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { path as ffmpeg } from '@ffmpeg-installer/ffmpeg';
import type { Connection } from '../../../../lib/connection/connection';
import { verify } from '../../../../lib/clips/verify';
import type { ClipError } from '../../../../lib/errors';
import { bufferSource, readMp4 } from '../../../../lib/mp4';
import type { Clip } from '../../../../lib/provider';
import { tempFolder } from '../../../support/temp-folder';
import { makeRecording } from '../../../simulators/zoneminder/recording';
import type { ZoneMinder } from '../../../simulators/zoneminder';
import {
  at,
  clipOf,
  closeAll,
  connectTo,
  errorOf,
  failsOn,
  never,
  noonMs,
  readAll,
  request,
  startServer,
} from './support';

const hourAgoMs = noonMs - 3600_000;
const second = (ms: number): number => Math.floor(ms / 1000);

describe('ZoneMinder: downloads', function () {
  this.timeout(120_000);
  const folder = tempFolder();
  afterEach(closeAll);

  /** One hash for each picture; the simulator shows other pictures each second. */
  function pictures(bytes: Buffer): string[] {
    const file = join(folder(), 'pictures.mp4');
    writeFileSync(file, bytes);
    const args = ['-v', 'error', '-xerror', '-i', file, '-map', '0:v', '-vsync', 'passthrough', '-f', 'framemd5', '-'];
    const lines = execFileSync(ffmpeg, args, { encoding: 'utf8' }).split('\n');
    return lines.filter((line) => /^0,/.test(line)).map((line) => line.split(',').at(-1)!.trim());
  }

  /** What the camera saw from one instant to another. */
  async function seen(fromMs: number, seconds: number): Promise<string[]> {
    const recording = await makeRecording({ startSecond: second(fromMs), seconds });
    return pictures(await readAll(recording.read()));
  }

  interface Fetched {
    bytes: Buffer;
    clip: Clip;
    footage: { start: string; end: string };
    seconds: number;
  }

  /** The clip as download-clip would have it: whole, and as long as it should be. */
  async function fetched(connection: Connection, change = {}): Promise<Fetched> {
    const clip = await connection.createClip(request(change), never);
    assert.equal(clip.status, 'finished');
    const { body, size, footage } = await connection.openClip(clip, { offset: 0 }, never);
    const bytes = await readAll(body);
    assert.equal(bytes.length, size);
    assert.ok(footage);
    const mp4 = await readMp4(bufferSource(bytes));
    assert.deepEqual(mp4.problems, []);
    const { problems, incomplete } = verify({ ...clip, footage }, bytes.length, mp4);
    assert.deepEqual([problems.filter((problem) => !/has no footage of/.test(problem)), incomplete], [[], false]);
    return { bytes, clip, footage, seconds: mp4.duration! };
  }

  const sentBytes = (sim: ZoneMinder): number =>
    sim.requestsFor('video').reduce((sum, { bytesSent }) => sum + bytesSent, 0);

  it('cuts 20 s out of an event of 374 s, for a tenth of its bytes at most', async () => {
    const sim = await startServer();
    const event = sim.addEvent({ startMs: hourAgoMs - 100_000, seconds: 374, secondBytes: 55_000 });
    const { bytes, seconds, footage } = await fetched(connectTo(sim));
    assert.deepEqual(pictures(bytes), await seen(hourAgoMs - 2000, 24));
    assert.equal(seconds, 24);
    assert.deepEqual(footage, { start: at(-3602), end: at(-3578) });
    const { size } = await sim.mediaOf(event.id);
    assert.ok(sentBytes(sim) <= size / 10, `${sentBytes(sim)} of ${size} bytes`);
    assert.ok(sim.requestsFor('video').length <= 9, `${sim.requestsFor('video').length} requests`);
  });

  for (const version of ['1.36.33', '1.38.4', '1.39.22'] as const) {
    it(`takes the pictures before the start of an event for what they are (${version})`, async () => {
      const sim = await startServer({ version });
      sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 90, preroll: 3 });
      const { bytes } = await fetched(connectTo(sim));
      assert.deepEqual(pictures(bytes), await seen(hourAgoMs - 2000, 24));
    });
  }

  it('passes the file of an event on as it is where all of it is wanted', async () => {
    const sim = await startServer();
    const event = sim.addEvent({ startMs: hourAgoMs - 2000, seconds: 24 });
    const { bytes } = await fetched(connectTo(sim));
    assert.ok(bytes.equals(await readAll((await sim.mediaOf(event.id)).read())));
    const whole = await fetched(connectTo(sim, { settings: { cut: false } }), { start: at(-3590), end: at(-3585) });
    assert.ok(whole.bytes.equals(bytes));
    assert.deepEqual(whole.footage, { start: at(-3602), end: at(-3578) });
  });

  it('joins events, and takes once what is in both', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 35 });
    sim.addEvent({ startMs: hourAgoMs + 5_000, seconds: 8, preroll: 2 });
    sim.addEvent({ startMs: hourAgoMs + 13_000, seconds: 60, preroll: 1 });
    const { bytes, clip } = await fetched(connectTo(sim));
    assert.deepEqual(clip.gaps, []);
    assert.deepEqual(pictures(bytes), await seen(hourAgoMs - 2000, 24));
  });

  it('joins events with a gap between them, and tells of it', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 35 });
    sim.addEvent({ startMs: hourAgoMs + 12_000, seconds: 60 });
    const { bytes, clip, footage } = await fetched(connectTo(sim));
    assert.deepEqual(clip.gaps, [{ start: at(-3595), end: at(-3588) }]);
    assert.deepEqual(pictures(bytes), [...(await seen(hourAgoMs - 2000, 7)), ...(await seen(hourAgoMs + 12_000, 10))]);
    assert.deepEqual(footage, { start: at(-3602), end: at(-3578) });
  });

  it('cuts an event that is still being recorded at its last whole fragment', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: noonMs - 100_000, seconds: 600, state: 'running', secondBytes: 60_000 });
    const { bytes } = await fetched(connectTo(sim), { start: at(-30), end: at(-10) });
    const found = pictures(bytes);
    const expected = await seen(noonMs - 32_000, 30);
    assert.ok(found.length >= 22 * 5, `${found.length} pictures`);
    assert.deepEqual(found, expected.slice(0, found.length));
  });

  // Now and then, the recorder updates the length of an event that it is recording.
  for (const lengthText of ['0.00', '12.00']) {
    it(`gives what there is of an event whose recorder died, having told a length of ${lengthText} s`, async () => {
      const sim = await startServer();
      const orphan = { state: 'orphan', writtenSeconds: 15, secondBytes: 9000, lengthText } as const;
      sim.addEvent({ startMs: hourAgoMs - 5_000, seconds: 600, ...orphan });
      const { bytes, clip } = await fetched(connectTo(sim));
      assert.deepEqual(clip.gaps, [{ start: at(-3590), end: at(-3580) }]);
      assert.deepEqual(pictures(bytes), await seen(hourAgoMs - 2000, 12));
    });
  }

  it('gives the whole event, and says so, where it is not made of fragments', async () => {
    const sim = await startServer();
    const event = sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 90, video: 'plain' });
    const { bytes, footage } = await fetched(connectTo(sim));
    assert.ok(bytes.equals(await readAll((await sim.mediaOf(event.id)).read())));
    assert.deepEqual(footage, { start: at(-3630), end: at(-3540) });
  });

  it('sends those to export-video that cannot be one file', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 40, video: 'plain' });
    sim.addEvent({ startMs: hourAgoMs + 10_000, seconds: 40 });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    await assert.rejects(
      connection.openClip(clip, { offset: 0 }, never),
      failsOn(sim)('EUNSUPPORTED', /not recorded in fragments.*export-video/),
    );
    const { pieces, maxPieces } = await connection.surveyFootage('1', request(), never);
    assert.deepEqual([pieces?.length, maxPieces], [2, 1]);
  });

  it('can be continued where it broke off', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: hourAgoMs - 100_000, seconds: 105, secondBytes: 30_000 });
    sim.addEvent({ startMs: hourAgoMs + 5_000, seconds: 100, secondBytes: 30_000 });
    const connection = connectTo(sim);
    const { bytes, clip } = await fetched(connection);
    const { etag, resumable, body } = await connection.openClip(clip, { offset: 0 }, never);
    body.destroy();
    assert.equal(resumable, true);
    for (const offset of [1, 1000, 400_000, bytes.length - 1]) {
      const rest = await connection.openClip(clip, { offset, etag }, never);
      assert.equal(rest.offset, offset);
      assert.ok((await readAll(rest.body)).equals(bytes.subarray(offset)), `from ${offset}`);
    }
    // The range of another clip is another version.
    const other = await connection.openClip({ ...clip, end: at(-3570) }, { offset: 1000, etag }, never);
    assert.equal(other.offset, 0);
    other.body.destroy();
  });

  it('lets go of its connection when nobody reads it any more', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: hourAgoMs - 100_000, seconds: 374, secondBytes: 400_000 });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    sim.failNext({ kind: 'stall', afterBytes: 200_000 }, ({ headers }) => isLarge(headers.range));
    const { body } = await connection.openClip(clip, { offset: 0 }, never);
    let bytes = 0;
    body.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('error', () => undefined);
    while (bytes < 100_000) await new Promise((resolve) => setTimeout(resolve, 5));
    const open = sim.server.connections;
    body.destroy();
    while (sim.server.connections >= open) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('keeps its memory while much of an event of 2 GiB passes', async function () {
    this.timeout(120_000);
    const sim = await startServer();
    const event = sim.addEvent({ startMs: hourAgoMs - 10_000, seconds: 540, secondBytes: 4 * 2 ** 20 });
    assert.ok((await sim.mediaOf(event.id)).size > 2 * 2 ** 30);
    const connection = connectTo(sim);
    const clip = await connection.createClip(request({ start: at(-3400), end: at(-3300) }), never);
    const { body, size } = await connection.openClip(clip, { offset: 0 }, never);
    let bytes = 0;
    let most = 0;
    const before = process.memoryUsage().arrayBuffers;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    assert.ok(bytes === size && size > 400 * 2 ** 20, String(size));
    // Client and simulator together: what is not collected at once is counted, too.
    assert.ok(most < 150 * 2 ** 20, `${Math.round(most / 2 ** 20)} MiB`);
  });

  describe('that are no video', () => {
    const kinds: [name: string, video: Parameters<ZoneMinder['addEvent']>[0]['video'], code: string, words: RegExp][] =
      [
        ['an event whose file is missing', 'listed', 'ENOTFOUND', /file of event 1 is missing/],
        ['an empty file', 'empty', 'ENOTFOUND', /file of event 1 is empty/],
        ['a damaged file', 'corrupt', 'EPROTOCOL', /something else instead of video/],
        ['another container', 'mkv', 'EUNSUPPORTED', /recorded as mkv.*output container/],
      ];
    it('are passing trouble where a file is empty: it may just be written to', async () => {
      const sim = await startServer();
      sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 90, video: 'empty' });
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      const opening = connection.openClip(clip, { offset: 0 }, never);
      await assert.rejects(opening, ({ code, retryable }: ClipError) => code === 'ENOTFOUND' && retryable);
    });

    for (const version of ['1.36.33', '1.38.4', '1.39.22'] as const) {
      for (const [name, video, code, words] of kinds) {
        it(`are told: ${name} (${version})`, async () => {
          const sim = await startServer({ version });
          sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 90, video });
          const connection = connectTo(sim);
          const clip = await connection.createClip(request(), never);
          await assert.rejects(connection.openClip(clip, { offset: 0 }, never), failsOn(sim)(code, words));
        });
      }

      it(`are told: an event that was deleted in between (${version})`, async () => {
        const sim = await startServer({ version });
        sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 90 });
        const connection = connectTo(sim);
        const clip = await connection.createClip(request(), never);
        const events = sim.options.events;
        // Between the search and the transfer.
        sim.failNext({ kind: 'dress', dress: (reply) => ((sim.options.events = []), reply) }, ({ path }) =>
          path.includes('/events/index'),
        );
        await assert.rejects(connection.openClip(clip, { offset: 0 }, never), failsOn(sim)('EEXPIRED', /deleted/));
        sim.options.events = events;
      });
    }

    it('are told: a page of something in front of it, while the event is there', async () => {
      const sim = await startServer();
      sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 90 });
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      sim.failNext({ kind: 'reply', reply: { status: 404, body: '<html>no</html>' } }, 'video');
      const error = await errorOf(connection.openClip(clip, { offset: 0 }, never));
      assert.deepEqual([error.code, error.retryable], ['EPROTOCOL', true], error.message);
    });

    it('never ask for bytes beyond the end of a file', async () => {
      const sim = await startServer();
      sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 33 });
      sim.addEvent({ startMs: hourAgoMs + 3_000, seconds: 3 });
      sim.addEvent({ startMs: hourAgoMs + 6_000, seconds: 600, state: 'orphan', writtenSeconds: 30 });
      await fetched(connectTo(sim));
      for (const { headers, query } of sim.requestsFor('video')) {
        const { size } = await sim.mediaOf(Number(query.get('eid')));
        const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(String(headers.range ?? 'bytes=0-'))!;
        assert.ok(Number(from) < size && Number(to) < size, `${headers.range} of ${size}`);
      }
    });
  });

  it('may be of a clip that a message brings without anything but its range', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: hourAgoMs - 30_000, seconds: 90 });
    const { body } = await connectTo(sim).openClip(clipOf(), { offset: 0 }, never);
    assert.deepEqual(pictures(await readAll(body)), await seen(hourAgoMs - 2000, 24));
  });
});

function isLarge(range: string | undefined): boolean {
  const [, from = 0, to = 0] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  return Number(to) - Number(from) > 1_000_000;
}
