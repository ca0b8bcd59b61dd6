import assert from 'node:assert/strict';
import { appendFile, link, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { downloadClip, removeParts, type DownloadJobData } from '../../../lib/clips/download';
import { ClipError } from '../../../lib/errors';
import { EmbeddedEngine } from '../../../lib/jobs/embedded';
import type { JobOutcome } from '../../../lib/jobs/job';
import { openJournal } from '../../../lib/jobs/journal';
import type { OpenClip } from '../../../lib/provider';
import { eventually } from '../../support/eventually';
import { deferred, untilAborted } from '../../support/promises';
import { box } from '../mp4/files';
import { aClip, aContext, aDownload, aJob, connect } from './fake';
import { downloadRig, expectError, expectFile, send, sendFrom, sha256, type Download } from './download-rig';

const part = '7/clip.mp4.aaaabbbb.012345.part';
/** Each run has its own. */
const anyPart = /^clip\.mp4\.aaaabbbb\.[0-9a-f]{6}\.part$/;

describe('a download that runs again', () => {
  const test = downloadRig();

  it('has noted which file it is about to make, before there is one', async () => {
    const context = aContext<DownloadJobData>();
    const notes: [string | undefined, string[]][] = [];
    context.save = async ({ publishing }) => void notes.push([publishing?.path, await test.files()]);
    await test.start({ context });
    assert.equal(notes.length, 1);
    const [[noted, files]] = notes as [[string, string[]]];
    assert.equal(noted, test.path('7/clip.mp4'));
    assert.equal(files.length, 1);
    assert.match(files[0]!, anyPart);
  });

  it('finds its own file when the process died before it was told, and makes no second one', async () => {
    const first = await test.start();
    const second = await test.start({ work: first.context.saved.at(-1) });
    assert.deepEqual(expectFile(second.answer), expectFile(first.answer));
    assert.equal(test.opened, 1);
    assert.deepEqual(await test.files(), ['clip.mp4']);
  });

  it('finds it also under the number that it got', async () => {
    await mkdir(test.path('7'));
    await writeFile(test.path('7/clip.mp4'), 'of someone else');
    const first = await test.start();
    const second = await test.start({ work: first.context.saved.at(-1) });
    assert.equal(expectFile(second.answer).path, test.path('7/clip-1.mp4'));
    assert.equal(test.opened, 1);
    assert.deepEqual(await test.files(), ['clip-1.mp4', 'clip.mp4']);
  });

  it('finds it when it was stopped by a redeploy after it had finished', async () => {
    const { answer } = await test.start();
    assert.ok(answer.type === 'done');
    const second = await test.start({ work: answer.data });
    assert.deepEqual(expectFile(second.answer), expectFile(answer));
    assert.equal(test.opened, 1);
    assert.deepEqual(await test.files(), ['clip.mp4']);
  });

  it('starts anew when the process died before the file got its name', async () => {
    const first = await test.start();
    const saved = first.context.saved.at(-1)!;
    const elsewhere = { ...saved, publishing: { ...saved.publishing!, path: test.path('7/never-made.mp4') } };
    await writeFile(test.path(part), 'left by the crash');
    const second = await test.start({ work: elsewhere });
    assert.equal(expectFile(second.answer).path, test.path('7/clip-1.mp4'));
    assert.equal(test.opened, 2);
    assert.deepEqual(await test.files(), ['clip-1.mp4', 'clip.mp4']);
  });

  it('starts anew when the file under the noted name is another one', async () => {
    const first = await test.start();
    await writeFile(expectFile(first.answer).path, 'changed since');
    const second = await test.start({ work: first.context.saved.at(-1) });
    assert.equal(expectFile(second.answer).path, test.path('7/clip-1.mp4'));
    assert.equal(await readFile(test.path('7/clip.mp4'), 'utf8'), 'changed since');
  });

  it('tidies up when the process died between giving the name and removing the part', async () => {
    const first = await test.start();
    await link(test.path('7/clip.mp4'), test.path(part));
    const second = await test.start({ work: first.context.saved.at(-1) });
    assert.deepEqual(expectFile(second.answer), expectFile(first.answer));
    assert.deepEqual(await test.files(), ['clip.mp4']);
    assert.equal((await stat(test.path('7/clip.mp4'))).nlink, 1);
  });

  it('never writes into a file that has its name, even if a part left by a crash is the same file', async () => {
    // The note about the name was lost with a full disk.
    await test.start();
    await link(test.path('7/clip.mp4'), test.path(part));
    const body = new PassThrough();
    const downloading = test.start({ open: () => ({ body, size: test.video.length }) });
    body.write(test.video.subarray(0, 3000));
    await eventually(() => assert.equal(body.readableLength, 0));
    await eventually(async () => assert.equal((await stat(test.path('7/clip.mp4'))).nlink, 1));
    assert.ok((await readFile(test.path('7/clip.mp4'))).equals(test.video));
    body.destroy();
    expectError((await downloading).answer, 'retry', 'EINCOMPLETE');
    assert.ok((await readFile(test.path('7/clip.mp4'))).equals(test.video));
  });

  it('replaces a part that a crash left', async () => {
    await mkdir(test.path('7'));
    await writeFile(test.path(part), Buffer.alloc(1_000_000, 'x'));
    const { answer } = await test.start();
    assert.equal(expectFile(answer).size, test.video.length);
    assert.ok((await readFile(test.path('7/clip.mp4'))).equals(test.video));
    assert.deepEqual(await test.files(), ['clip.mp4']);
  });

  it('tidies up when the file of its name turns out to be the clip', async () => {
    await test.start();
    await writeFile(test.path(part), 'left by a crash');
    const { answer } = await test.start({ work: { exists: 'skip' }, clip: { size: test.video.length } });
    assert.equal(expectFile(answer).path, test.path('7/clip.mp4'));
    await writeFile(test.path(part), 'left by a crash');
    await test.start({ work: { exists: 'skip' } });
    assert.deepEqual(await test.files(), ['clip.mp4']);
  });

  it('removes parts in its folder that will never go on, and nothing else', async () => {
    const days = (count: number): Date => new Date(test.clock.now() - count * 24 * 3_600_000);
    const old = ['a.mp4.0123abcd.012345.part', 'b.mp4.89abcdef.abcdef.part.converted'];
    const others = ['a.mp4', 'a.part', 'a.0123abc.012345.part', 'a.mp4.0123abcd.part', 'a.mp4.0123abcd.012345.party'];
    await mkdir(test.path('7/c.mp4.01234567.012345.part.passes'), { recursive: true });
    for (const name of [...old, ...others]) await writeFile(test.path(`7/${name}`), 'x');
    for (const name of await readdir(test.path('7'))) await utimes(test.path(`7/${name}`), days(8), days(8));
    await writeFile(test.path('7/d.mp4.01234567.012345.part'), 'x');
    await utimes(test.path('7/d.mp4.01234567.012345.part'), days(6), days(6));
    await test.start();
    const left = (await readdir(test.path('7'))).sort();
    assert.deepEqual(left, [...others, 'clip.mp4', 'd.mp4.01234567.012345.part'].sort());
    for (const name of left) await rm(test.path(`7/${name}`));
  });

  describe('after it was stopped in the middle by a redeploy', () => {
    /** Stops it when so many bytes have come, and are in the part as far as whole batches go. */
    async function stopped(open: Download['open'], work: Partial<DownloadJobData> = {}) {
      const context = aContext<DownloadJobData>();
      const onBytes = (bytes: number) => void (bytes >= video.length / 2 && context.stop.abort());
      const { answer } = await test.start({ open, work: { ...work }, context, onBytes });
      expectError(answer, 'failed', 'EABORTED');
      return context.saved.at(-1);
    }
    /** Larger than a few batches. */
    let video: Buffer;
    before(() => {
      video = Buffer.concat([test.video, box('free', Buffer.alloc(5_000_000))]);
    });

    it('goes on where it was, if the server can', async () => {
      const saved = await stopped(() => sendFrom(video, 0));
      const { bytes, etag } = saved!.partial!;
      assert.ok(bytes > 1_000_000);
      assert.equal(etag, '"1"');
      assert.match((await test.files()).join(), anyPart);
      const asked: unknown[] = [];
      const { answer } = await test.start({
        open: (_count, { offset, etag: tag }) => (asked.push([offset, tag]), sendFrom(video, offset)),
        work: saved,
      });
      assert.deepEqual(asked, [[bytes, '"1"']]);
      const file = expectFile(answer);
      assert.equal(file.resumed, true);
      assert.equal(file.sha256, sha256(video));
      assert.ok((await readFile(file.path)).equals(video));
    });

    it('goes on from there even if it was stopped again before a byte came', async () => {
      const saved = await stopped(() => sendFrom(video, 0));
      const context = aContext<DownloadJobData>();
      const open = (_count: number, { offset }: { offset: number }) => {
        context.stop.abort();
        return sendFrom(video, offset);
      };
      expectError((await test.start({ open, work: saved, context })).answer, 'failed', 'EABORTED');
      const { answer } = await test.start({
        open: (_count, { offset }) => sendFrom(video, offset),
        work: context.saved.at(-1) ?? saved,
      });
      assert.equal(expectFile(answer).resumed, true);
      assert.equal(expectFile(answer).sha256, sha256(video));
    });

    it('starts anew, cleanly, if the server has other bytes by now', async () => {
      const saved = await stopped(() => sendFrom(video, 0));
      const other = Buffer.concat([test.video, box('free', Buffer.alloc(4_000_000))]);
      const context = aContext<DownloadJobData>();
      const { answer } = await test.start({ open: () => sendFrom(other, 0, { etag: '"2"' }), work: saved, context });
      assert.equal(expectFile(answer).resumed, false);
      assert.equal(expectFile(answer).sha256, sha256(other));
      assert.equal(context.saved[0]!.partial!.etag, '"1"');
      assert.equal(context.saved[1]!.partial, undefined, 'the old note would have met new bytes after a crash');
    });

    it('starts anew if the server cannot continue, or does not say so', async () => {
      for (const more of [{ resumable: false }, { etag: undefined }, { size: undefined }]) {
        const saved = await stopped(() => sendFrom(video, 0, more));
        assert.equal(saved, undefined);
        assert.deepEqual(await test.files(), []);
      }
    });

    it('starts anew if the part has been removed or cut meanwhile', async () => {
      for (const spoil of [(path: string) => rm(path), (path: string) => truncate(path, 10)]) {
        const saved = await stopped(() => sendFrom(video, 0));
        await spoil(saved!.partial!.path);
        const { answer } = await test.start({ open: (_count, { offset }) => sendFrom(video, offset), work: saved });
        assert.equal(expectFile(answer).resumed, false);
        await rm(expectFile(answer).path);
      }
    });

    it('takes nothing from a server that goes on elsewhere, and starts anew', async () => {
      const saved = await stopped(() => sendFrom(video, 0));
      const context = aContext<DownloadJobData>();
      const open: Download['open'] = (_count, { offset }) => sendFrom(video, offset - 1);
      expectError((await test.start({ open, work: saved, context })).answer, 'retry', 'EPROTOCOL');
      const again = context.saved.at(-1);
      assert.equal(again?.partial, undefined);
      const { answer } = await test.start({ open: (_count, { offset }) => sendFrom(video, offset), work: again });
      assert.equal(expectFile(answer).resumed, false);
      assert.ok((await readFile(expectFile(answer).path)).equals(video));
    });

    it('does not trust what a crash has written behind it', async () => {
      const saved = await stopped(() => sendFrom(video, 0));
      await appendFile(saved!.partial!.path, Buffer.alloc(video.length, 'more than there is to come'));
      const { answer } = await test.start({ open: (_count, { offset }) => sendFrom(video, offset), work: saved });
      assert.equal(expectFile(answer).sha256, sha256(video));
      assert.ok((await readFile(expectFile(answer).path)).equals(video));
    });

    it('leaves nothing when it is discarded then', async () => {
      const saved = await stopped(() => sendFrom(video, 0));
      await removeParts(aJob(saved!));
      assert.deepEqual(await test.files(), []);
    });
  });

  it('deletes the clip on the server then, when it was stopped before that', async () => {
    const context = aContext<DownloadJobData>();
    const first = await test.start({
      work: { deleteAfter: true },
      context,
      methods: {
        deleteClip(_clip, { signal }) {
          context.stop.abort();
          return untilAborted(signal);
        },
      },
    });
    expectError(first.answer, 'failed', 'EABORTED');
    assert.deepEqual(await test.files(), ['clip.mp4']);
    let deleted = 0;
    const second = await test.start({
      work: context.saved.at(-1),
      methods: { deleteClip: async () => void (deleted += 1) },
    });
    const file = expectFile(second.answer);
    assert.deepEqual(file.problems, []);
    assert.equal(file.path, test.path('7/clip.mp4'));
    assert.equal(deleted, 1);
    assert.equal(test.opened, 1);
  });

  it('does not repeat what it noted about an earlier try to delete', async () => {
    const refuse = { deleteClip: () => Promise.reject(new ClipError('EFORBIDDEN', 'no right to delete')) };
    const first = await test.start({ work: { deleteAfter: true }, methods: refuse });
    assert.equal(expectFile(first.answer).problems.length, 1);
    assert.ok(first.answer.type === 'done');
    for (const work of [first.context.saved.at(-1)!, first.answer.data]) {
      const again = await test.start({ work, methods: { deleteClip: async () => undefined } });
      assert.deepEqual(expectFile(again.answer).problems, []);
    }
  });

  it('starts anew when it keeps the video in memory', async () => {
    const first = await test.start({ work: { output: 'buffer' } });
    assert.ok(first.answer.type === 'done');
    const second = await test.start({ work: first.answer.data });
    assert.ok(second.buffers[0]?.equals(test.video));
    assert.equal(test.opened, 2);
  });

  describe('in the engine', () => {
    /** A node's side of download jobs, on a journal in a folder. */
    function node(open: (count: number) => Promise<Partial<OpenClip> & Pick<OpenClip, 'body'>>) {
      let count = 0;
      const connection = connect({ openClip: async () => open((count += 1)) }, test.clock);
      const outcomes: JobOutcome<DownloadJobData>[] = [];
      const waits: number[] = [];
      const start = () => {
        const journal = openJournal(test.path('jobs'), (text) => assert.fail(text));
        return new EmbeddedEngine(journal, test.clock, (text) => assert.fail(text));
      };
      const own = (engine: EmbeddedEngine) =>
        engine.register<DownloadJobData>('node', {
          run: (job, context) =>
            downloadClip(job, connection, context, {
              clock: test.clock,
              onBytes: () => undefined,
              findFfmpeg: () => Promise.reject(new Error('Not expected')),
              onBuffer: () => undefined,
            }),
          onRetry: (_job, { afterMs }) => void waits.push(afterMs),
          onSettled: (_job, outcome) => void outcomes.push(outcome),
        });
      const filename = join(test.path('videos'), 'clip.mp4');
      const work = aDownload({ connection: connection.id, clip: aClip(), filename, root: test.path('.') });
      const add = (engine: EmbeddedEngine) => engine.add({ nodeId: 'node', data: work, runAt: test.clock.now() });
      return { start, own, add, outcomes, waits, opened: () => count };
    }

    /** Moves the time on until something holds. */
    const until = (check: () => unknown): Promise<void> =>
      eventually(async () => {
        await test.clock.advance(1_000);
        return check();
      });

    it('is tried five times in all, with growing waits, and leaves nothing', async () => {
      const { start, own, add, outcomes, waits, opened } = node(() =>
        Promise.reject(new ClipError('ENETWORK', 'the server is down')),
      );
      const engine = start();
      own(engine);
      await add(engine);
      await until(() => outcomes.length > 0);
      assert.equal(opened(), 5);
      assert.equal(outcomes[0]?.type === 'failed' && outcomes[0].error.code, 'ENETWORK');
      assert.equal(waits.length, 4);
      assert.deepEqual(
        waits,
        [...waits].sort((a, b) => a - b),
      );
      await until(async () => assert.deepEqual(await test.files(), []));
    });

    it('saves the clip when a later try succeeds', async () => {
      const { start, own, add, outcomes, opened } = node(async (count) => {
        if (count < 3) throw new ClipError('ENETWORK', 'the server is down');
        return send(test.video);
      });
      const engine = start();
      own(engine);
      await add(engine);
      await until(() => outcomes.length > 0);
      assert.equal(opened(), 3);
      await until(async () => assert.deepEqual(await test.files(), ['clip.mp4']));
    });

    it('starts again after a redeploy in the middle, and yields one file', async () => {
      const body = new PassThrough();
      body.write(test.video.subarray(0, 3000));
      const { start, own, add, outcomes, opened } = node(async (count) => (count === 1 ? { body } : send(test.video)));
      const engine = start();
      const release = own(engine);
      await add(engine);
      await test.clock.advance(0);
      await eventually(() => assert.equal(body.readableLength, 0));
      await release();
      assert.ok(body.destroyed);
      assert.deepEqual(outcomes, []);
      own(engine);
      await until(() => outcomes.length > 0);
      assert.equal(opened(), 2);
      await until(async () => assert.deepEqual(await test.files(), ['clip.mp4']));
      assert.equal(sha256(await readFile(join(test.path('videos'), 'clip.mp4'))), sha256(test.video));
    });

    it('yields one file when the process dies before its outcome is told', async () => {
      const { start, own, add, outcomes, opened } = node(async () => send(test.video));
      const engine = start();
      const died = deferred();
      engine.register<DownloadJobData>('node', {
        run: async (job, context) => {
          const connection = connect({ openClip: async () => send(test.video) }, test.clock);
          await downloadClip(job, connection, context, {
            clock: test.clock,
            onBytes: () => undefined,
            findFfmpeg: () => Promise.reject(new Error('Not expected')),
            onBuffer: () => undefined,
          });
          died.resolve();
          return new Promise(() => undefined);
        },
        onRetry: () => undefined,
        onSettled: () => undefined,
      });
      await add(engine);
      await test.clock.advance(0);
      await died.promise;
      own(start());
      await until(() => outcomes.length > 0);
      assert.equal(opened(), 0);
      const [outcome] = outcomes;
      assert.equal(outcome?.type === 'done' && outcome.data.clip.file?.path, join(test.path('videos'), 'clip.mp4'));
      await until(async () => assert.deepEqual(await test.files(), ['clip.mp4']));
    });
  });
});
