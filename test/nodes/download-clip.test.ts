import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs, { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { mock } from 'node:test';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { sha256Of } from '../simulators/video';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { clipOf, credentials, finishedClip, outcome, senseFlow } from '../support/sense-flow';

describe('download-clip', () => {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense({ queue: { makeMs: 0 } });
  });
  afterEach(() => sim.close());

  const run = (download: Record<string, unknown>, test: (flow: Flow) => Promise<void>, settings = {}) =>
    withFlow(senseFlow(sim, { download }), test, { credentials, settings });

  /** Every file below a folder, without the job journal. */
  async function files(folder: string): Promise<string[]> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('video-clips') && !entry.name.startsWith('.'))
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  }

  it('saves under the default name, below the user directory', () =>
    run({}, async (flow) => {
      const clip = await finishedClip(sim);
      flow.send('download', { clip });
      const { file } = clipOf(await outcome(flow, 'file'));
      const stamp = /(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)/.exec(file!.path)?.[1];
      assert.equal(stamp, clip.start.slice(0, 19).replaceAll(':', '-'));
      assert.equal(dirname(file!.path), join(flow.userDir, '6917529027641081901_2'));
      assert.equal(file!.sha256, await sha256Of(await sim.mediaOf(clip.id)));
      assert.deepEqual(await files(flow.userDir), [file!.path.slice(flow.userDir.length + 1)]);
    }));

  it('resolves relative names against fileWorkingDirectory, and takes the name from the message', async () => {
    const folder = join(process.env.TMPDIR ?? '/tmp', `clips-files-${process.pid}`);
    await run(
      { filename: 'name', filenameType: 'msg' },
      async (flow) => {
        flow.send('download', { clip: await finishedClip(sim), name: 'a/{id}.mp4' });
        const message = await outcome(flow, 'file');
        assert.equal(dirname(message.filename as string), join(folder, 'a'));
      },
      { fileWorkingDirectory: folder },
    );
  });

  it('saves under a name that the file system of the folder takes', async () => {
    const { lstat } = fs.promises;
    // As eCryptfs does.
    const short = mock.method(fs.promises, 'lstat', async (path: string) => {
      if (Buffer.byteLength(basename(path)) > 143) throw Object.assign(new Error('too long'), { code: 'ENAMETOOLONG' });
      return lstat(path);
    });
    try {
      await run({ filename: '{title} {start}.mp4' }, async (flow) => {
        flow.send('download', { clip: { ...(await finishedClip(sim)), title: 'x'.repeat(300) } });
        const { file } = clipOf(await outcome(flow, 'file'));
        assert.ok(Buffer.byteLength(basename(file!.path)) < 143, file!.path);
      });
    } finally {
      short.mock.restore();
    }
  });

  it('gives the video in memory when asked to, and writes nothing', () =>
    run({ output: 'buffer' }, async (flow) => {
      const clip = await finishedClip(sim);
      flow.send('download', { clip });
      const message = await outcome(flow, 'file');
      assert.ok(Buffer.isBuffer(message.payload));
      assert.equal(message.payload.length, clipOf(message).file!.size);
      assert.equal(message.filename, undefined);
      assert.deepEqual(await files(flow.userDir), []);
    }));

  it('refuses to keep a large video in memory before it starts', () =>
    run({ output: 'buffer', maxBuffer: 0.001 }, async (flow) => {
      flow.send('download', { clip: await finishedClip(sim) });
      const { error, payload } = await flow.next('caught');
      assert.equal((error as { code: string }).code, 'ELIMIT');
      assert.equal(payload, undefined);
    }));

  describe('when the name is taken', () => {
    const name = 'same.mp4';

    it('takes a numbered one by default', () =>
      run({ filename: name }, async (flow) => {
        await writeFile(join(flow.userDir, name), 'mine');
        const clip = await finishedClip(sim);
        for (let i = 0; i < 3; i += 1) flow.send('download', { clip });
        for (let i = 0; i < 3; i += 1) await outcome(flow, 'file');
        assert.deepEqual((await files(flow.userDir)).sort(), ['same-1.mp4', 'same-2.mp4', 'same-3.mp4', 'same.mp4']);
        assert.equal(await readFile(join(flow.userDir, name), 'utf8'), 'mine');
      }));

    it('replaces it when told to', () =>
      run({ filename: name, exists: 'overwrite' }, async (flow) => {
        await writeFile(join(flow.userDir, name), 'mine');
        flow.send('download', { clip: await finishedClip(sim) });
        const { file } = clipOf(await outcome(flow, 'file'));
        assert.equal((await stat(join(flow.userDir, name))).size, file!.size);
        assert.deepEqual(await files(flow.userDir), [name]);
      }));

    it('skips the transfer when the file there is this clip, and only then', () =>
      run({ filename: name, exists: 'skip' }, async (flow) => {
        const clip = await finishedClip(sim);
        clip.size = (await sim.mediaOf(clip.id)).size;
        for (let i = 0; i < 2; i += 1) {
          flow.send('download', { clip });
          await outcome(flow, 'file');
        }
        assert.equal(sim.requestsFor('downloadClip').length, 1);
        await writeFile(join(flow.userDir, name), 'other');
        flow.send('download', { clip });
        assert.equal(clipOf(await outcome(flow, 'file')).file!.path, join(flow.userDir, 'same-1.mp4'));
        assert.equal(await readFile(join(flow.userDir, name), 'utf8'), 'other');
      }));

    it('has the one picture beside it, however often it is skipped', () =>
      run({ filename: name, exists: 'skip', snapshot: 'middle' }, async (flow) => {
        const clip = await finishedClip(sim);
        for (let i = 0; i < 3; i += 1) {
          flow.send('download', { clip });
          const { file } = clipOf(await outcome(flow, 'file'));
          assert.equal(file!.snapshot, join(flow.userDir, 'same.jpg'));
        }
        assert.deepEqual((await files(flow.userDir)).sort(), ['same.jpg', 'same.mp4']);
      }));
  });

  it('deletes the clip on the server after the file is safe', () =>
    run({ deleteAfter: true }, async (flow) => {
      flow.send('download', { clip: await finishedClip(sim) });
      await outcome(flow, 'file');
      assert.deepEqual(sim.clips, []);
    }));

  it('has a clip made once more that the server has removed, waits for it, and saves it', () =>
    run({ filename: 'door.mp4' }, async (flow) => {
      const clip = await finishedClip(sim);
      sim.removeClip(clip.id);
      flow.send('download', { clip, topic: 'door' });
      const message = await outcome(flow, 'file');
      const { id, file } = clipOf(message);
      assert.notEqual(id, clip.id);
      assert.equal(file!.sha256, await sha256Of(await sim.mediaOf(id)));
      assert.equal(message.topic, 'door');
      assert.deepEqual(await files(flow.userDir), ['door.mp4']);
      assert.equal(sim.requestsFor('addClip').length, 1);
    }));

  it('only notes that the clip could not be deleted', () =>
    run({ deleteAfter: true }, async (flow) => {
      sim.options.deleteMethods = ['DELETE'];
      flow.send('download', { clip: await finishedClip(sim) });
      const { file } = clipOf(await outcome(flow, 'file'));
      assert.match(file!.problems.join(), /not deleted/);
      assert.ok(existsSync(file!.path));
    }));

  describe('leaves nothing on disk and says what is wrong', function () {
    // Such answers are waited out first, with pauses that grow to several seconds.
    this.timeout(120_000);
    const cases: [what: string, prepare: (sim: VdgSense) => void, code: string][] = [
      [
        'when the server answers with an XML error',
        ({ options }) => (options.download.answer = 'xml-error'),
        'EEXPIRED',
      ],
      ['when the server answers with a web page', ({ options }) => (options.download.answer = 'html'), 'EPROTOCOL'],
      ['when the server answers with nothing', ({ options }) => (options.download.answer = 'empty'), 'EPROTOCOL'],
      ['when the clip has vanished', ({ options }) => (options.download.vanishes = true), 'EEXPIRED'],
      [
        'when the server refuses it in its own words',
        (server) => server.failNext({ kind: 'reply', reply: { body: '<result errorcode="-28"/>' } }, 'downloadClip', 9),
        'EUNSUPPORTED',
      ],
    ];
    for (const [what, prepare, code] of cases) {
      it(what, () =>
        run({}, async (flow) => {
          const clip = await finishedClip(sim);
          prepare(sim);
          flow.send('download', { clip });
          const { error } = await flow.next('caught');
          assert.equal((error as { code: string }).code, code, JSON.stringify(error));
          assert.deepEqual(await files(flow.userDir), []);
        }),
      );
    }
  });

  it('refuses a clip that is not finished, and names outside the folder', () =>
    run({ filename: 'name', filenameType: 'msg' }, async (flow) => {
      const clip = await finishedClip(sim);
      flow.send('download', { clip: { ...clip, status: 'busy' }, name: 'a.mp4' });
      assert.match(((await flow.next('caught')).error as { message: string }).message, /msg\.clip\.status/);
      flow.send('download', { clip, name: '../../outside.mp4' });
      assert.equal(((await flow.next('caught')).error as { code: string }).code, 'EINVALID');
      flow.send('download', { clip, name: 42 });
      assert.match(((await flow.next('caught')).error as { message: string }).message, /msg\.name/);
      assert.deepEqual(sim.requestsFor('downloadClip'), []);
    }));

  it('refuses to convert what is kept in memory', () =>
    run({ output: 'buffer', convert: 'h264' }, async (flow) => {
      flow.send('download', { clip: await finishedClip(sim) });
      assert.equal(((await flow.next('caught')).error as { code: string }).code, 'EUNSUPPORTED');
    }));

  it('never replaces a picture of the same name by a thumbnail, unless videos are replaced', () =>
    run({ filename: 'dock.mp4', thumbnail: true }, async (flow) => {
      await writeFile(join(flow.userDir, 'dock.jpg'), 'of the user');
      flow.send('download', { clip: await finishedClip(sim) });
      const { file } = clipOf(await outcome(flow, 'file'));
      assert.equal(file!.thumbnail, join(flow.userDir, 'dock-1.jpg'));
      assert.equal(await readFile(join(flow.userDir, 'dock.jpg'), 'utf8'), 'of the user');
    }));

  it('converts before the file gets its name, and adds a thumbnail', () =>
    run({ filename: 'small.mp4', convert: 'h264', maxHeight: 120, thumbnail: true }, async (flow) => {
      flow.send('download', { clip: await finishedClip(sim) });
      const { file } = clipOf(await outcome(flow, 'file'));
      assert.deepEqual([file!.codec, file!.height], ['h264', 120]);
      assert.equal(
        createHash('sha256')
          .update(await readFile(file!.path))
          .digest('hex'),
        file!.sha256,
      );
      assert.deepEqual((await files(flow.userDir)).sort(), ['small.jpg', 'small.mp4']);
      assert.equal(file!.thumbnail, join(flow.userDir, 'small.jpg'));
      assert.deepEqual(file!.problems, []);
    }));

  it('says when there is no ffmpeg to convert with, before anything is transferred', () =>
    run(
      { convert: 'faststart' },
      async (flow) => {
        flow.send('download', { clip: await finishedClip(sim) });
        assert.equal(((await flow.next('caught')).error as { code: string }).code, 'EFFMPEG');
        assert.deepEqual(sim.requestsFor('downloadClip'), []);
      },
      { clipProviderFfmpeg: '/nowhere/ffmpeg' },
    ));

  it('continues a transfer that broke off where the server can', () =>
    run({}, async (flow) => {
      Object.assign(sim.options.download, { largeMedia: 6_000_000, range: true, etag: 'strong' });
      const clip = await finishedClip(sim);
      sim.failNext({ kind: 'truncate', afterBytes: 4_000_000, how: 'reset' }, 'downloadClip');
      flow.send('download', { clip });
      const { file } = clipOf(await outcome(flow, 'file'));
      assert.equal(file!.resumed, true);
      assert.equal(file!.sha256, await sha256Of(await sim.mediaOf(clip.id)));
      const [, second] = sim.requestsFor('downloadClip');
      assert.match(String(second!.headers.range), /^bytes=[1-9]\d*-$/);
      assert.equal((await files(flow.userDir)).length, 1);
    }));

  it('removes what a broken transfer has left when it is cancelled before the next try', () =>
    run({}, async (flow) => {
      Object.assign(sim.options.download, { largeMedia: 6_000_000, range: true, etag: 'strong' });
      sim.failNext({ kind: 'truncate', afterBytes: 500_000, how: 'reset' }, 'downloadClip', 9);
      flow.send('download', { clip: await finishedClip(sim) });
      await eventually(() => flow.statuses('download').some(({ text }) => text?.includes('retrying')));
      flow.send('download', { cancel: true });
      await flow.next('caught');
      assert.deepEqual(await files(flow.userDir), []);
    }));

  it('does not follow a link that leads out of its folder', () =>
    run({ filename: 'clips/{title}/a.mp4' }, async (flow) => {
      await mkdir(join(flow.userDir, 'clips'), { recursive: true });
      await symlink(tmpdir(), join(flow.userDir, 'clips', 'door'));
      flow.send('download', { clip: { ...(await finishedClip(sim)), title: 'door' } });
      const { error } = await flow.next('caught');
      assert.equal((error as { code: string }).code, 'EINVALID');
      assert.match((error as { message: string }).message, /link leads out/);
    }));

  it('keeps a short video as a warning when it is not strict', async () => {
    const short = async (flow: Flow, arrivesAt: string) => {
      const clip = await finishedClip(sim);
      flow.send('download', { clip: { ...clip, start: new Date(Date.parse(clip.start) - 20_000).toISOString() } });
      return outcome(flow, arrivesAt);
    };
    await run({ strict: false }, async (flow) => {
      const { file } = clipOf(await short(flow, 'file'));
      assert.match(file!.problems.join(), /4\.0 of 24\.0 s/);
      assert.equal(Math.round(file!.missingBefore + file!.missingAfter), 20);
    });
    await run({ strict: true }, async (flow) => {
      const { error } = await short(flow, 'caught');
      assert.equal((error as { code: string }).code, 'EINCOMPLETE');
      assert.deepEqual(await files(flow.userDir), []);
    });
  });

  it('downloads no more at once than the connection allows', async () => {
    sim.options.download.largeMedia = 3_000_000;
    sim.options.latencyMs = 20;
    const flow = senseFlow(sim, { sense: { maxConcurrent: 2 } });
    await withFlow(
      [...flow, { id: 'second', type: 'download-clip', wires: [['file']] }],
      async ({ send, next }) => {
        const clip = { ...(await finishedClip(sim)), size: undefined };
        sim.failNext({ kind: 'stall', afterBytes: 100_000, ms: 150 }, 'downloadClip', 6);
        for (let i = 0; i < 6; i += 1) send(i % 2 ? 'download' : 'second', { clip });
        let most = 0;
        const watch = setInterval(() => {
          most = Math.max(most, sim.requestsFor('downloadClip').filter(({ complete }) => !complete).length);
        }, 5);
        for (let i = 0; i < 6; i += 1) await next('file');
        clearInterval(watch);
        assert.equal(most, 2);
      },
      { credentials },
    );
  });

  it('ends a transfer when cancelled, and removes what was written', () =>
    run({}, async (flow) => {
      sim.options.download.largeMedia = 50_000_000;
      const clip = await finishedClip(sim);
      sim.failNext({ kind: 'stall', afterBytes: 5_000_000 }, 'downloadClip');
      flow.send('download', { clip });
      await eventually(async () => (await files(flow.userDir)).some((name) => name.endsWith('.part')));
      flow.send('download', { cancel: true, clip });
      const { error } = await flow.next('caught');
      assert.equal((error as { code: string }).code, 'EABORTED');
      assert.deepEqual(await files(flow.userDir), []);
      await eventually(() => sim.requestsFor('downloadClip').length === 1);
      assert.ok(flow.received('downloading').length >= 1);
    }));

  it('ends a transfer when its node is deleted, and removes what was written', () =>
    run({}, async (flow) => {
      sim.options.download.largeMedia = 50_000_000;
      const clip = await finishedClip(sim);
      sim.failNext({ kind: 'stall', afterBytes: 5_000_000 }, 'downloadClip');
      flow.send('download', { clip });
      await eventually(async () => (await files(flow.userDir)).some((name) => name.endsWith('.part')));
      await flow.deploy(senseFlow(sim).filter(({ id }) => id !== 'download'));
      await eventually(() => flow.logged().some((line) => /dropped 1/i.test(line)));
      await eventually(async () => assert.deepEqual(await files(flow.userDir), []));
      assert.deepEqual(await readdir(join(flow.userDir, 'video-clips', 'jobs')), []);
      assert.deepEqual(flow.received('caught'), []);
    }));

  it('starts again after a redeploy in mid-transfer, and yields one file', async () => {
    sim.options.download.largeMedia = 5_000_000;
    const clip = await finishedClip(sim);
    const flow = senseFlow(sim);
    await withFlow(
      flow,
      async ({ send, deploy, next, userDir }) => {
        sim.failNext({ kind: 'stall', afterBytes: 2_000_000 }, 'downloadClip');
        send('download', { clip });
        await eventually(async () => (await files(userDir)).some((name) => name.endsWith('.part')));
        await deploy(flow);
        const { file } = clipOf(await next('file'));
        assert.equal((await files(userDir)).length, 1);
        assert.equal((await stat(file!.path)).size, file!.size);
      },
      { credentials },
    );
  });

  describe('after a redeploy in mid-transfer, from a server that can continue,', () => {
    /** Half of a clip is here when the flow is deployed anew. */
    async function redeployed(stalls: number, test: (flow: Flow) => Promise<void>): Promise<void> {
      Object.assign(sim.options.download, { largeMedia: 8_000_000, range: true, etag: 'strong' });
      const clip = await finishedClip(sim);
      const flow = senseFlow(sim);
      await withFlow(
        flow,
        async (running) => {
          sim.failNext({ kind: 'stall', afterBytes: 4_000_000 }, 'downloadClip', stalls);
          running.send('download', { clip });
          await eventually(() => assert.ok(sim.requestsFor('downloadClip')[0]!.bytesSent >= 4_000_000));
          await eventually(async () => {
            const [part] = await files(running.userDir);
            assert.ok((await stat(join(running.userDir, part!))).size > 3_000_000);
          });
          await running.deploy(flow);
          await eventually(() => assert.equal(sim.requestsFor('downloadClip').length, 2));
          await test(running);
        },
        { credentials },
      );
    }

    it('goes on where it was', () =>
      redeployed(1, async ({ next, userDir }) => {
        const { file } = clipOf(await next('file'));
        assert.equal(file!.resumed, true);
        const [clip] = sim.clips;
        assert.equal(file!.sha256, await sha256Of(await sim.mediaOf(clip!.id)));
        const [, second] = sim.requestsFor('downloadClip');
        assert.match(String(second!.headers.range), /^bytes=[1-9]\d{6}-$/);
        assert.equal((await files(userDir)).length, 1);
      }));

    it('leaves nothing when it is cancelled', () =>
      redeployed(2, async ({ next, send, userDir }) => {
        send('download', { cancel: true });
        assert.equal(((await next('caught')).error as { code: string }).code, 'EABORTED');
        assert.deepEqual(await files(userDir), []);
      }));

    it('leaves nothing when the node is deleted', () =>
      redeployed(2, async ({ deploy, userDir }) => {
        await deploy(senseFlow(sim).filter(({ id }) => id !== 'download'));
        await eventually(async () => assert.deepEqual(await files(userDir), []));
      }));
  });

  it('says when the folder cannot be used', () =>
    run({ filename: 'taken/clip.mp4' }, async (flow) => {
      await mkdir(flow.userDir, { recursive: true });
      await writeFile(join(flow.userDir, 'taken'), 'a file');
      flow.send('download', { clip: await finishedClip(sim) });
      const { error } = await flow.next('caught');
      assert.equal((error as { code: string }).code, 'EINVALID');
      assert.match((error as { message: string }).message, /not a folder/);
    }));
});
