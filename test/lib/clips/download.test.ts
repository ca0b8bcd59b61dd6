import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { DownloadJobData } from '../../../lib/clips/download';
import { ClipError } from '../../../lib/errors';
import { makeVideo, openMedia, sha256Of } from '../../simulators/video';
import { eventually } from '../../support/eventually';
import { aContext, connect } from './fake';
import { downloadRig, expectError, expectFile, send, sha256 } from './download-rig';

describe('a downloaded clip', () => {
  const test = downloadRig();

  async function existing(name: string, content: Buffer | string): Promise<string> {
    await mkdir(dirname(test.path(name)), { recursive: true });
    await writeFile(test.path(name), content);
    return test.path(name);
  }

  it('is a whole file under its name, described with what is in it', async () => {
    const { answer } = await test.start({ clip: { title: 'Door', ref: { a: 'b' } } });
    const path = test.path('7/clip.mp4');
    assert.ok(answer.type === 'done');
    const { file, ...clip } = answer.data.clip;
    assert.deepEqual(file, {
      path,
      size: test.video.length,
      sha256: sha256(test.video),
      duration: 2,
      width: 160,
      height: 96,
      codec: 'h264',
      missingBefore: 0,
      missingAfter: 0,
      gaps: [],
      problems: [],
      resumed: false,
      seconds: 0,
    });
    assert.equal(clip.title, 'Door');
    assert.ok((await readFile(path)).equals(test.video));
    assert.deepEqual(await test.files(), ['clip.mp4']);
  });

  it('says how long the transfer took', async () => {
    const body = new PassThrough();
    const downloading = test.start({ open: () => ({ body }) });
    body.write(test.video.subarray(0, 1000));
    await eventually(() => readdirSync(test.path('7')).length > 0);
    await test.clock.advance(4_500);
    body.end(test.video.subarray(1000));
    assert.equal(expectFile((await downloading).answer).seconds, 4.5);
  });

  it('may be larger than what is held in memory', async () => {
    const media = await openMedia(await makeVideo({ seconds: 2, width: 160, height: 96 }), { bytes: 12_345_678 });
    const { answer } = await test.start({ open: () => ({ body: Readable.from(media.read()), size: media.size }) });
    const file = expectFile(answer);
    assert.equal(file.size, 12_345_678);
    assert.equal(file.sha256, await sha256Of(media));
    assert.equal(sha256(await readFile(file.path)), file.sha256);
  });

  it('is accepted with the SHA-256 that the server announced, in any case', async () => {
    const hash = sha256(test.video);
    for (const announced of [hash, hash.toUpperCase()]) {
      expectFile((await test.start({ open: () => send(test.video, { sha256: announced }) })).answer);
      expectFile((await test.start({ clip: { sha256: announced } })).answer);
    }
  });

  it('is accepted from a server that does not tell its length', async () => {
    const { answer } = await test.start({ open: () => ({ body: send(test.video).body }) });
    assert.deepEqual(expectFile(answer).problems, []);
  });

  it('with another size than the list of clips said is accepted with a note', async () => {
    const { answer } = await test.start({ clip: { size: 5 } });
    assert.match(expectFile(answer).problems.join(), /announced 5 bytes for this clip and sent \d+/);
  });

  it('tells how much has come, of how much', async () => {
    const totals = async (size: number | undefined, clipSize: number | undefined) => {
      const seen: [number, number | undefined][] = [];
      await test.start({
        open: () => send(test.video, { size }),
        clip: { size: clipSize },
        work: { exists: 'overwrite' },
        onBytes: (bytes, total) => seen.push([bytes, total]),
      });
      return { last: seen.at(-1), first: seen[0] };
    };
    const whole = test.video.length;
    assert.deepEqual(await totals(whole, 5), { first: [1000, whole], last: [whole, whole] });
    assert.deepEqual(await totals(undefined, whole), { first: [1000, whole], last: [whole, whole] });
    assert.deepEqual(await totals(undefined, undefined), { first: [1000, undefined], last: [whole, undefined] });
  });

  describe('whose name is taken', () => {
    it('gets a number, and the other file stays', async () => {
      const old = await existing('7/clip.mp4', 'old');
      const { answer } = await test.start();
      assert.equal(expectFile(answer).path, test.path('7/clip-1.mp4'));
      assert.equal(await readFile(old, 'utf8'), 'old');
      assert.deepEqual(await test.files(), ['clip-1.mp4', 'clip.mp4']);
    });

    it('replaces the other file when told to, and not before it is whole', async () => {
      const old = await existing('7/clip.mp4', 'old');
      let during = '';
      const broken = await test.start({ work: { exists: 'overwrite' }, open: () => send(Buffer.from('<error/>')) });
      expectError(broken.answer, 'retry', 'EPROTOCOL');
      assert.equal(await readFile(old, 'utf8'), 'old');
      const { answer } = await test.start({
        work: { exists: 'overwrite' },
        open: async () => ((during = await readFile(old, 'utf8')), send(test.video)),
      });
      assert.equal(expectFile(answer).path, old);
      assert.equal(during, 'old');
      assert.ok((await readFile(old)).equals(test.video));
      assert.deepEqual(await test.files(), ['clip.mp4']);
    });

    it('is not transferred again when told to skip, and the file there is the clip', async () => {
      const old = await existing('7/clip.mp4', test.video);
      const { answer } = await test.start({ work: { exists: 'skip' }, clip: { size: test.video.length } });
      const file = expectFile(answer);
      assert.equal(file.path, old);
      assert.equal(file.sha256, sha256(test.video));
      assert.equal(file.duration, 2);
      assert.equal(test.opened, 0);
    });

    it('is not transferred either when only the server tells that the file there is the clip', async () => {
      const old = await existing('7/clip.mp4', test.video);
      let bytes = 0;
      const { answer } = await test.start({ work: { exists: 'skip' }, onBytes: () => (bytes += 1) });
      assert.equal(expectFile(answer).path, old);
      assert.equal(test.opened, 1);
      assert.equal(bytes, 0);
      assert.deepEqual(await test.files(), ['clip.mp4']);
    });

    /** Another picture, and as whole as the video. */
    const otherPicture = (): Buffer => {
      const other = Buffer.from(test.video);
      const data = other.indexOf('mdat', 0, 'latin1') + 100;
      other[data] = other[data]! ^ 1;
      return other;
    };
    const others: Record<string, { content(): Buffer | string; announced?: 'size' | 'nothing' | 'size and SHA-256' }> =
      {
        'of another size': { content: () => 'old' },
        'of the same size but damaged': { content: () => Buffer.alloc(test.video.length) },
        'with another SHA-256': { content: otherPicture, announced: 'size and SHA-256' },
        'that cannot be compared': { content: () => test.video, announced: 'nothing' },
      };
    for (const [what, { content, announced = 'size' }] of Object.entries(others)) {
      for (const by of ['the list of clips', 'the transfer']) {
        it(`gets a number when told to skip, and the file there is one ${what}, says ${by}`, async () => {
          await existing('7/clip.mp4', content());
          const size = announced === 'nothing' ? undefined : test.video.length;
          const known = announced === 'size and SHA-256' ? { size, sha256: sha256(test.video) } : { size };
          const byList = by === 'the list of clips';
          const { answer } = await test.start({
            work: { exists: 'skip' },
            clip: byList ? known : {},
            open: () => send(test.video, byList ? { size: undefined } : known),
          });
          assert.equal(expectFile(answer).path, test.path('7/clip-1.mp4'));
          assert.equal(test.opened, 1);
        });
      }
    }

    describe('by one that is still on its way', () => {
      const work = { exists: 'skip' as const };
      const clip = () => ({ size: test.video.length });

      it('is transferred once when both are told to skip', async () => {
        const results = await Promise.all(
          ['number-1', 'number-2', 'number-3'].map((id) => test.start({ work, clip: clip(), job: { id } })),
        );
        const paths = results.map(({ answer }) => expectFile(answer).path);
        assert.deepEqual(new Set(paths), new Set([test.path('7/clip.mp4')]));
        assert.equal(test.opened, 1);
        assert.deepEqual(await test.files(), ['clip.mp4']);
      });

      it('is transferred by the second when the first fails', async () => {
        const open = (count: number) => (count === 1 ? send(Buffer.from('<error/>')) : send(test.video));
        const [first, second] = await Promise.all(
          ['number-1', 'number-2'].map((id) => test.start({ open, work, clip: clip(), job: { id } })),
        );
        assert.equal(first!.answer.type, 'retry');
        assert.equal(expectFile(second!.answer).path, test.path('7/clip.mp4'));
      });

      it('is not waited for by one that is cancelled', async () => {
        const body = new PassThrough();
        const first = test.start({ open: () => ({ body, size: test.video.length }), work, job: { id: 'number-1' } });
        await eventually(() => assert.equal(test.opened, 1));
        const context = aContext<DownloadJobData>();
        const second = test.start({ work, context, job: { id: 'number-2' } });
        context.stop.abort();
        expectError((await second).answer, 'failed', 'EABORTED');
        body.end(test.video);
        expectFile((await first).answer);
      });
    });
  });

  it('keeps its name and content when twenty race for one name', async () => {
    const connection = connect(
      { openClip: async ({ id }) => send(Buffer.concat([test.video, freeBox(id)])) },
      test.clock,
      20,
    );
    const names = Array.from({ length: 20 }, (_, number) => `clip number ${number + 10}`);
    const results = await Promise.all(
      names.map((id, number) =>
        test.start({ connection, clip: { id }, job: { id: `${number + 10}-job-of-the-clip` } }),
      ),
    );
    const paths = results.map(({ answer }) => expectFile(answer).path);
    assert.equal(new Set(paths).size, 20);
    for (const [number, path] of paths.entries()) {
      assert.ok((await readFile(path)).equals(Buffer.concat([test.video, freeBox(names[number]!)])));
    }
    assert.equal((await test.files()).length, 20);
  });

  describe('kept in memory', () => {
    it('is handed over whole, and no file is written', async () => {
      const { answer, buffers } = await test.start({ work: { output: 'buffer' } });
      const file = expectFile(answer);
      assert.equal(file.path, '');
      assert.equal(file.size, test.video.length);
      assert.equal(file.duration, 2);
      assert.equal(buffers.length, 1);
      assert.ok(buffers[0]?.equals(test.video));
      assert.deepEqual(await test.files(), []);
    });

    for (const by of ['the transfer', 'the list of clips']) {
      it(`is refused before its first byte when ${by} announces too much`, async () => {
        let reads = 0;
        const body = new Readable({ read: () => (reads += 1) });
        const { answer, buffers } = await test.start({
          work: { output: 'buffer', maxBufferBytes: 1000 },
          open: () => ({ body, size: by === 'the transfer' ? 1001 : undefined }),
          clip: by === 'the transfer' ? {} : { size: 1001 },
        });
        assert.match(expectError(answer, 'failed', 'ELIMIT').message, /Save it as a file/);
        assert.equal(reads, 0);
        assert.deepEqual(buffers, []);
      });
    }

    it('is refused while it comes when nothing was announced', async () => {
      const endless = async function* () {
        for (;;) yield Buffer.alloc(100_000);
      };
      const { answer, buffers } = await test.start({
        work: { output: 'buffer' },
        open: () => ({ body: Readable.from(endless()) }),
      });
      expectError(answer, 'failed', 'ELIMIT');
      assert.deepEqual(buffers, []);
    });

    it('may be exactly as large as allowed', async () => {
      const { answer } = await test.start({ work: { output: 'buffer', maxBufferBytes: test.video.length } });
      expectFile(answer);
    });

    it('is not handed over when it is not the video', async () => {
      for (const bytes of [Buffer.from('{"error":1}'), test.video.subarray(0, 5000)]) {
        const { answer, buffers } = await test.start({ work: { output: 'buffer' }, open: () => send(bytes) });
        assert.notEqual(answer.type, 'done');
        assert.deepEqual(buffers, []);
      }
    });
  });

  describe('that is to be deleted on the server', () => {
    const work = { deleteAfter: true };

    it('is deleted once, when the file is in its place', async () => {
      const deleted: [string, boolean][] = [];
      const { answer } = await test.start({
        work,
        methods: { deleteClip: async ({ id }) => void deleted.push([id, existsSync(test.path('7/clip.mp4'))]) },
      });
      assert.deepEqual(expectFile(answer).problems, []);
      assert.deepEqual(deleted, [['clip-1', true]]);
    });

    it('stays there when the file is not whole', async () => {
      const { answer } = await test.start({
        work,
        open: () => send(test.video.subarray(0, 9000)),
        methods: { deleteClip: () => assert.fail('it was deleted') },
      });
      expectError(answer, 'retry', 'EINCOMPLETE');
    });

    it('is a success with a note when that fails', async () => {
      const { answer } = await test.start({
        work,
        methods: { deleteClip: () => Promise.reject(new ClipError('EFORBIDDEN', 'no right to delete')) },
      });
      const { problems, path } = expectFile(answer);
      assert.deepEqual(problems, ['the clip was not deleted on the server: no right to delete']);
      assert.ok(existsSync(path));
    });

    it('is deleted by a later try where the first ones meet trouble that passes', async () => {
      let tries = 0;
      const deleteClip = async (): Promise<void> => {
        tries += 1;
        if (tries === 1) throw new ClipError('ENETWORK', 'the server is down');
        if (tries === 2) throw new ClipError('ENOTFOUND', 'HTTP 404', { inconclusive: true });
      };
      const downloading = test.start({ work, methods: { deleteClip } });
      await eventually(async () => (await test.clock.advance(1_000), tries === 3));
      assert.deepEqual(expectFile((await downloading).answer).problems, []);
      assert.equal(test.opened, 1);
    });

    it('is a success with a note when the server cannot do that', async () => {
      const { answer } = await test.start({ work });
      assert.match(expectFile(answer).problems.join(), /not deleted on the server: Fake cannot delete clips/);
    });

    for (const code of ['ENOTFOUND', 'EEXPIRED'] as const) {
      it(`is a plain success when it is gone already (${code})`, async () => {
        const { answer } = await test.start({
          work,
          methods: { deleteClip: () => Promise.reject(new ClipError(code, 'no such clip')) },
        });
        assert.deepEqual(expectFile(answer).problems, []);
      });
    }

    it('is deleted also when the file was there and the transfer skipped', async () => {
      await existing('7/clip.mp4', test.video);
      let deleted = 0;
      await test.start({
        work: { ...work, exists: 'skip' },
        clip: { size: test.video.length },
        methods: { deleteClip: async () => void (deleted += 1) },
      });
      assert.equal(deleted, 1);
      assert.equal(test.opened, 0);
    });
  });
});

/** Makes another file of a video, which plays as before. */
function freeBox(content: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + content.length);
  header.write('free', 4, 'latin1');
  return Buffer.concat([header, Buffer.from(content)]);
}
