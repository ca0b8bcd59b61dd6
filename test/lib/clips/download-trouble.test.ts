import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs, { mkdir, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { mock } from 'node:test';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { removeParts, type DownloadJobData } from '../../../lib/clips/download';
import { ClipError, type ErrorCode } from '../../../lib/errors';
import type { OpenClip } from '../../../lib/provider';
import { eventually } from '../../support/eventually';
import { untilAborted } from '../../support/promises';
import { aContext, connect } from './fake';
import { downloadRig, expectError, expectFile, send, sha256, type Download, type DownloadRig } from './download-rig';

/** What could not get its name is still there, whole. */
async function leftAsPart(test: DownloadRig): Promise<void> {
  const names = await test.files();
  assert.match(names.join(), /^clip\.mp4\.aaaabbbb\.[0-9a-f]{6}\.part$/);
  assert.ok((await readFile(test.path(`7/${names[0]}`))).equals(test.video));
  await rm(test.path(`7/${names[0]}`));
}

describe('a download in trouble', () => {
  const test = downloadRig();
  afterEach(() => mock.restoreAll());

  /** So many bytes of the video, then the end of the connection. */
  function cutAfter(bytes: number): Partial<OpenClip> & Pick<OpenClip, 'body'> {
    const source = async function* () {
      yield test.video.subarray(0, bytes);
      await turn();
      throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    };
    return { body: Readable.from(source()), size: test.video.length };
  }

  /** The last third is missing, and nobody said so. */
  const withoutIndex = (): Buffer => test.video.subarray(0, Math.floor((test.video.length * 2) / 3));

  interface Case extends Download {
    type: 'retry' | 'failed';
    code: ErrorCode;
    says: RegExp;
  }
  const page = '<!DOCTYPE html><html><head><title>503</title></head></html>';
  const notVideo: Record<string, { bytes: Buffer; as: string }> = {
    'an XML error': { bytes: Buffer.from('<?xml version="1.0"?><response code="-12"/>'), as: 'XML' },
    'a web page': { bytes: Buffer.from(page), as: 'HTML' },
    'a JSON error': { bytes: Buffer.from('{"error":"no such clip"}'), as: 'JSON' },
    nothing: { bytes: Buffer.alloc(0), as: 'nothing' },
    blanks: { bytes: Buffer.from(' \r\n\r\n '), as: 'nothing' },
    'random bytes': {
      bytes: Buffer.concat([Buffer.from([1, 2, 3, 4]), randomBytes(5000)]),
      as: 'something that is not MP4',
    },
    text: { bytes: Buffer.from('Service unavailable'), as: 'something that is not MP4' },
  };
  const cases: Record<string, () => Case> = {
    'breaks off in the middle': () => ({
      open: () => cutAfter(9000),
      type: 'retry',
      code: 'EINCOMPLETE',
      says: /broke off: .* 9000 of \d+ bytes/,
    }),
    'breaks off before the first byte': () => ({
      open: () => cutAfter(0),
      type: 'retry',
      code: 'EINCOMPLETE',
      says: /broke off: .* 0 of \d+ bytes/,
    }),
    'ends early without an error': () => ({
      open: () => send(withoutIndex(), { size: test.video.length }),
      type: 'retry',
      code: 'EINCOMPLETE',
      says: /broke off/,
    }),
    'has more than was announced': () => ({
      open: () => send(test.video, { size: 9500 }),
      type: 'retry',
      code: 'EINCOMPLETE',
      says: /more than the 9500 bytes/,
    }),
    'has the right length but was cut at its source': () => ({
      open: () => send(withoutIndex()),
      type: 'retry',
      code: 'EINCOMPLETE',
      says: /past the end of the file/,
    }),
    'has another SHA-256 than its transfer announced': () => ({
      open: () => send(test.video, { sha256: sha256(Buffer.from('other')) }),
      type: 'retry',
      code: 'EINCOMPLETE',
      says: /SHA-256 is not the one/,
    }),
    'has another SHA-256 than the list of clips announced': () => ({
      clip: { sha256: sha256(Buffer.from('other')) },
      type: 'retry',
      code: 'EINCOMPLETE',
      says: /SHA-256 is not the one/,
    }),
    'has less footage than was asked for, which no other try will change': () => ({
      clip: { end: '2025-03-01T08:50:10.000Z' },
      type: 'failed',
      code: 'EINCOMPLETE',
      says: /^The video has 2\.0 of 10\.0 s/,
    }),
    'is refused, as the clip is gone': () => ({
      open: () => Promise.reject(new ClipError('EEXPIRED', 'it was removed')),
      type: 'failed',
      code: 'EEXPIRED',
      says: /it was removed/,
    }),
    'is refused for the moment': () => ({
      open: () => Promise.reject(new ClipError('ENETWORK', 'the server is down')),
      type: 'retry',
      code: 'ENETWORK',
      says: /the server is down/,
    }),
  };
  for (const [what, { bytes, as }] of Object.entries(notVideo)) {
    cases[`brings ${what}`] = () => ({
      open: () => send(bytes),
      // A page of maintenance may stand where the video will be again.
      type: 'retry',
      code: 'EPROTOCOL',
      says: new RegExp(`^The server sent ${as} instead of video`),
    });
  }

  for (const output of ['file', 'buffer'] as const) {
    describe(`(output "${output}") that`, () => {
      for (const [what, make] of Object.entries(cases)) {
        it(`${what} leaves nothing and says so`, async () => {
          const { type, code, says, ...download } = make();
          const { answer, buffers } = await test.start({ ...download, work: { output } });
          const { message } = expectError(answer, type, code);
          assert.match(message, says);
          assert.deepEqual(await test.files(), []);
          assert.deepEqual(buffers, []);
        });
      }
    });
  }

  it('names the camera and the range', async () => {
    const { answer } = await test.start({ open: () => send(Buffer.from('<error/>')) });
    assert.match(
      expectError(answer, 'retry', 'EPROTOCOL').message,
      /^The server sent XML instead of video \(downloading the clip of camera 7\/2, 2025-03-01T08:50:00\.000Z to 2025-03-01T08:50:02\.000Z\)/,
    );
  });

  it('is tried again when the server falls silent', async () => {
    const body = new PassThrough();
    const downloading = test.start({ open: () => ({ body }) });
    body.write(test.video.subarray(0, 2000));
    await eventually(() => assert.equal(test.clock.waiting, 1));
    await eventually(() => assert.equal(body.readableLength, 0));
    await test.clock.advance(30_000);
    const error = expectError((await downloading).answer, 'retry', 'ETIMEOUT');
    assert.match(error.message, /no data for 30 s/);
    assert.deepEqual(await test.files(), []);
  });

  it('survives a body that breaks before it is read', async () => {
    const body = new PassThrough();
    const { mkdir: real } = fs;
    mock.method(fs, 'mkdir', async (...given: Parameters<typeof mkdir>) => {
      body.destroy(new Error('the connection was reset'));
      await turn();
      return real(...given);
    });
    const { answer } = await test.start({ open: () => ({ body, size: 5 }) });
    expectError(answer, 'retry', 'EINCOMPLETE');
  });

  describe('is tried five times in all', () => {
    for (const [failures, type] of [
      [0, 'retry'],
      [3, 'retry'],
      [4, 'failed'],
    ] as const) {
      it(`after ${failures} failures: ${type}`, async () => {
        const cut = await test.start({ open: () => cutAfter(100), job: { failures } });
        expectError(cut.answer, type, 'EINCOMPLETE');
        const down = await test.start({
          open: () => Promise.reject(new ClipError('ENETWORK', 'x')),
          job: { failures },
        });
        expectError(down.answer, type, 'ENETWORK');
      });
    }

    it('waits as long as the server asks for', async () => {
      const trouble = new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: 77_000 });
      const { answer } = await test.start({ open: () => Promise.reject(trouble) });
      assert.equal(answer.type === 'retry' && answer.afterMs, 77_000);
    });
  });

  describe('that need not be strict', () => {
    const work = { strict: false };

    it('keeps a short video, and says what is missing', async () => {
      const { answer } = await test.start({ work, clip: { end: '2025-03-01T08:50:10.000Z' } });
      const file = expectFile(answer);
      assert.deepEqual(file.problems, ['the video has 2.0 of 10.0 s']);
      assert.equal(file.missingAfter, 8);
      assert.deepEqual(await test.files(), ['clip.mp4']);
    });

    it('hopes for a whole video four times when it was cut at its source, and keeps the fifth, with what is wrong', async () => {
      for (const failures of [0, 1, 2, 3]) {
        const { answer } = await test.start({ work, open: () => send(withoutIndex()), job: { failures } });
        expectError(answer, 'retry', 'EINCOMPLETE');
        assert.deepEqual(await test.files(), []);
      }
      const { answer } = await test.start({ work, open: () => send(withoutIndex()), job: { failures: 4 } });
      assert.match(expectFile(answer).problems.join(), /past the end of the file/);
      assert.deepEqual(await test.files(), ['clip.mp4']);
    });

    it('hopes for a whole transfer four times, and keeps what there is of the fifth', async () => {
      for (const failures of [0, 1, 2, 3]) {
        const { answer } = await test.start({ work, open: () => cutAfter(9000), job: { failures } });
        expectError(answer, 'retry', 'EINCOMPLETE');
        assert.deepEqual(await test.files(), []);
      }
      const { answer } = await test.start({ work, open: () => cutAfter(9000), job: { failures: 4 } });
      const file = expectFile(answer);
      assert.equal(file.size, 9000);
      assert.match(file.problems[0]!, /broke off/);
    });

    const hopeless: Record<string, () => Download & { code: ErrorCode }> = {
      'nothing at all': () => ({ open: () => cutAfter(0), code: 'EINCOMPLETE' }),
      'no video': () => ({ open: () => send(Buffer.from('<error/>')), code: 'EPROTOCOL' }),
      'other bytes than announced': () => ({
        open: () => send(test.video, { sha256: sha256(Buffer.from('other')) }),
        code: 'EINCOMPLETE',
      }),
    };
    for (const [what, make] of Object.entries(hopeless)) {
      it(`still fails with ${what}, on the last try too`, async () => {
        const { code, ...download } = make();
        const { answer } = await test.start({ ...download, work, job: { failures: 4 } });
        expectError(answer, 'failed', code);
        assert.deepEqual(await test.files(), []);
      });
    }
  });

  describe('that is stopped', () => {
    const stalled = (): Download['open'] => () => {
      const body = new PassThrough();
      body.write(test.video.subarray(0, 2000));
      return { body, size: test.video.length };
    };
    const moments: Record<string, (stop: AbortController) => Download> = {
      'before it starts': (stop) => (stop.abort(), {}),
      'while the clip is being opened': (stop) => ({
        connection: connect(
          {
            openClip(_clip, { signal }) {
              stop.abort();
              return untilAborted(signal);
            },
          },
          test.clock,
        ),
      }),
      'when the clip has just been opened': (stop) => ({
        open: () => (queueMicrotask(() => stop.abort()), send(test.video)),
      }),
      'at the first byte': (stop) => ({ onBytes: () => stop.abort() }),
      'in the middle': (stop) => ({ open: stalled(), onBytes: () => setImmediate(() => stop.abort()) }),
      'at the last byte': (stop) => ({
        onBytes: (bytes) => void (bytes === test.video.length && stop.abort()),
      }),
    };
    for (const output of ['file', 'buffer'] as const) {
      for (const [moment, make] of Object.entries(moments)) {
        it(`${moment} ends with EABORTED and leaves nothing (output "${output}")`, async () => {
          const context = aContext<DownloadJobData>();
          const { answer, buffers } = await test.start({ ...make(context.stop), work: { output }, context });
          if (moment === 'at the last byte' && answer.type === 'done') return;
          expectError(answer, 'failed', 'EABORTED');
          assert.deepEqual(await test.files(), []);
          assert.deepEqual(buffers, []);
        });
      }
    }

    it('while it waits for its turn does not start, and lets others go on', async () => {
      const first = new PassThrough();
      let opened = 0;
      const openClip = async () => ((opened += 1), opened === 1 ? { body: first } : send(test.video));
      const connection = connect({ openClip }, test.clock, 1);
      const context = aContext<DownloadJobData>();
      const running = test.start({ connection, job: { id: 'number-1' } });
      await eventually(() => assert.equal(opened, 1));
      const waiting = test.start({ connection, context, job: { id: 'number-2' } });
      const next = test.start({ connection, job: { id: 'number-3' }, work: { filename: test.path('next.mp4') } });
      context.stop.abort();
      expectError((await waiting).answer, 'failed', 'EABORTED');
      first.end(test.video);
      expectFile((await running).answer);
      expectFile((await next).answer);
      assert.equal(opened, 2);
    });
  });

  describe('with the disk', () => {
    const refusal = (code: string) => Object.assign(new Error(`${code}: refused by the test`), { code });

    async function prototypeOfHandles(): Promise<FileHandle> {
      const handle = await fs.open(process.execPath, 'r');
      await handle.close();
      return Object.getPrototypeOf(handle) as FileHandle;
    }

    const says = (path: string, problem: string): RegExp =>
      new RegExp(
        `^${problem.replace(/[()]/g, '\\$&')} \\(saving the clip of camera 7/2, .* as ${path.replace(/[.\\]/g, '\\$&')}\\)$`,
        'i',
      );

    for (const code of ['ENOSPC', 'EDQUOT']) {
      for (const at of ['writev', 'sync'] as const) {
        it(`says that it is full (${code} at ${at}), and leaves nothing`, async () => {
          mock.method(await prototypeOfHandles(), at, () => Promise.reject(refusal(code)));
          const { answer } = await test.start();
          const { message } = expectError(answer, 'failed', 'ENOSPACE');
          assert.match(message, says(test.path('7/clip.mp4'), 'the disk is full'));
          assert.deepEqual(await test.files(), []);
        });
      }
    }

    it('says that it is full when the last bytes find no room, whatever was written before', async () => {
      const prototype = await prototypeOfHandles();
      const real = prototype.writev;
      let free = 7000;
      mock.method(prototype, 'writev', async function (this: FileHandle, buffers: Buffer[]) {
        if (free === 0) throw refusal('ENOSPC');
        const taken = Buffer.concat(buffers).subarray(0, free);
        free -= taken.length;
        return real.call(this, [taken]);
      });
      // Not strict, on the last try: exactly when a short file would be good enough.
      const { answer } = await test.start({ work: { strict: false }, job: { failures: 4 } });
      expectError(answer, 'failed', 'ENOSPACE');
      assert.deepEqual(await test.files(), []);
    });

    const refusals: Record<string, string> = {
      EACCES: 'this folder may not be written to (EACCES)',
      EPERM: 'this folder may not be written to (EPERM)',
      EROFS: 'this disk is read-only (EROFS)',
    };
    for (const [code, problem] of Object.entries(refusals)) {
      for (const at of ['mkdir', 'open'] as const) {
        it(`says that it may not be used (${code} at ${at}), and lets go of the server`, async () => {
          mock.method(fs, at, () => Promise.reject(refusal(code)));
          const { answer } = await test.start();
          const error = expectError(answer, 'failed', 'EFORBIDDEN');
          assert.match(error.message, says(test.path('7/clip.mp4'), problem));
        });
      }
    }

    it('says that a folder is needed where a file is', async () => {
      await writeFile(test.path('7'), 'a file');
      const { answer } = await test.start();
      const error = expectError(answer, 'failed', 'EINVALID');
      assert.match(error.message, /^A part of the path is a file, not a folder \(E(NOTDIR|EXIST)\) \(saving/);
      assert.deepEqual(await test.files(), ['7']);
    });

    it('says so when the file is further up', async () => {
      await writeFile(test.path('7'), 'a file');
      const { answer } = await test.start({ work: { filename: test.path('7/8/9/clip.mp4') } });
      assert.match(expectError(answer, 'failed', 'EINVALID').message, /^A part of the path is a file/);
    });

    it('says that a folder has the name that is to be overwritten', async function () {
      // Windows has other codes for this and the next.
      if (process.platform === 'win32') return this.skip();
      await mkdir(test.path('7/clip.mp4'), { recursive: true });
      const { answer } = await test.start({ work: { exists: 'overwrite' } });
      assert.match(
        expectError(answer, 'failed', 'EINVALID').message,
        /^There is a folder of this name \(EISDIR\) \(saving .*\)\. The whole, verified video/,
      );
      await leftAsPart(test);
    });

    describe('that refuses to give the file its name', () => {
      afterEach(() => mock.restoreAll());

      for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
        it(`for a moment (${code}) tries again, and downloads once`, async () => {
          const { rename } = fs;
          let refused = 0;
          mock.method(fs, 'rename', async (from: string, to: string) => {
            if ((refused += 1) <= 2) throw refusal(code);
            return rename(from, to);
          });
          const { answer } = await test.start({ work: { exists: 'overwrite' } });
          assert.ok((await readFile(expectFile(answer).path)).equals(test.video));
          assert.deepEqual([refused, test.opened], [3, 1]);
          assert.deepEqual(await test.files(), ['clip.mp4']);
        });
      }

      it('for longer keeps it, and goes on with it', async () => {
        mock.method(fs, 'rename', () => Promise.reject(refusal('EROFS')));
        const first = await test.start({ work: { exists: 'overwrite' } });
        expectError(first.answer, 'retry', 'EFORBIDDEN');
        mock.restoreAll();
        const [kept] = await test.files();
        assert.match(kept!, /\.part$/);
        assert.ok(first.answer.type === 'retry');
        const second = await test.start({ work: first.answer.data });
        assert.ok((await readFile(expectFile(second.answer).path)).equals(test.video));
        assert.equal(test.opened, 1);
        assert.deepEqual(await test.files(), ['clip.mp4']);
      });

      it('for good leaves it where it is, says where, and does not remove it with the job', async () => {
        mock.method(fs, 'rename', () => Promise.reject(refusal('EROFS')));
        const { answer } = await test.start({ work: { exists: 'overwrite' }, job: { failures: 5 } });
        const { message } = expectError(answer, 'failed', 'EFORBIDDEN');
        assert.match(
          message,
          /^This disk is read-only \(EROFS\) \(saving .*\)\. The whole, verified video is left there as .*\.part for a week$/,
        );
        assert.ok(answer.type === 'failed' && answer.data);
        await removeParts({ id: 'aaaabbbb', data: answer.data });
        await leftAsPart(test);
      });
    });

    for (const code of ['EINVAL', 'ENOSYS', 'ENOTSUP']) {
      it(`saves the clip where files cannot be synced (${code})`, async () => {
        mock.method(await prototypeOfHandles(), 'sync', () => Promise.reject(refusal(code)));
        expectFile((await test.start()).answer);
        assert.deepEqual(await test.files(), ['clip.mp4']);
      });
    }

    for (const [what, change] of [
      ['cut short', (path: string) => fs.truncate(path, 1_000)],
      ['written into', (path: string) => writeFile(path, Buffer.alloc(test.video.length))],
      ['replaced by a link', (path: string) => rm(path).then(() => fs.symlink('/etc/hostname', path))],
      ['removed', (path: string) => rm(path)],
    ] as const) {
      for (const exists of ['rename', 'overwrite'] as const) {
        it(`never gives its name (${exists}) to a part that another program has ${what}`, async () => {
          const context = aContext<DownloadJobData>();
          const { save } = context;
          context.save = async (data) => {
            await save(data);
            const [part] = (await fs.readdir(test.path('7'))).filter((name) => name.endsWith('.part'));
            if (data.publishing && part) await change(test.path(`7/${part}`));
          };
          const { answer } = await test.start({ context, work: { exists } });
          expectError(answer, 'retry', 'EINCOMPLETE');
          assert.ok(answer.type === 'retry' && answer.data);
          assert.deepEqual(
            (await test.files()).filter((name) => !name.endsWith('.part')),
            [],
          );
          const again = await test.start({ work: answer.data });
          assert.ok((await readFile(expectFile(again.answer).path)).equals(test.video));
          assert.deepEqual(await test.files(), ['clip.mp4']);
        });
      }
    }

    it('never gives its name to a part that another program writes into while it is hashed', async () => {
      mock.method(await prototypeOfHandles(), 'sync', async () => {
        const [part] = (await fs.readdir(test.path('7'))).filter((name) => name.endsWith('.part'));
        if (part) await writeFile(test.path(`7/${part}`), Buffer.alloc(test.video.length));
      });
      const { answer } = await test.start();
      expectError(answer, 'retry', 'EINCOMPLETE');
      assert.ok(answer.type === 'retry' && answer.data);
      for (const name of await test.files()) assert.match(name, /\.part$/);
      mock.restoreAll();
      expectFile((await test.start({ work: answer.data })).answer);
    });

    it('lets two processes run the same job: neither makes half a file', async () => {
      const both = await Promise.all([test.start(), test.start()]);
      for (const { answer } of both) {
        if (answer.type === 'done') assert.ok((await readFile(expectFile(answer).path)).equals(test.video));
        else expectError(answer, 'retry', 'EINCOMPLETE');
      }
      for (const name of await test.files()) {
        if (!name.endsWith('.part')) assert.ok((await readFile(test.path(`7/${name}`))).equals(test.video));
      }
      for (const name of await test.files()) if (name.endsWith('.part')) await rm(test.path(`7/${name}`));
    });

    it('says that the name is too long', async function () {
      if (process.platform === 'win32') return this.skip();
      const { answer } = await test.start({ work: { filename: test.path(`${'x'.repeat(300)}.mp4`) } });
      assert.match(
        expectError(answer, 'failed', 'EINVALID').message,
        /^The name is too long \(ENAMETOOLONG\) \(saving/,
      );
    });

    it('is no matter of trying again when it is something else', async () => {
      mock.method(await prototypeOfHandles(), 'writev', () => Promise.reject(refusal('EIO')));
      const { answer } = await test.start();
      assert.match(expectError(answer, 'failed', 'EFAILED').message, /EIO/);
      assert.deepEqual(await test.files(), []);
    });

    it('leaves no part when the file cannot be closed either', async () => {
      const { open } = fs;
      mock.method(fs, 'open', async (...given: Parameters<typeof fs.open>) => {
        const handle = await open(...given);
        const close = handle.close.bind(handle);
        handle.close = () => close().then(() => Promise.reject(refusal('EIO')));
        return handle;
      });
      const { answer } = await test.start({ open: () => send(Buffer.from('<error/>')) });
      assert.equal(answer.type, 'failed');
      mock.restoreAll();
      assert.deepEqual(await test.files(), []);
    });
  });
});
