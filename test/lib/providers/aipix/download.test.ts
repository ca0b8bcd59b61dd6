import assert from 'node:assert/strict';
import { createAipixApi } from '../../../../lib/providers/aipix/api';
import { openFile } from '../../../../lib/providers/aipix/media';
import { readDownload } from '../../../../lib/providers/aipix/types';
import type { Aipix } from '../../../simulators/aipix';
import {
  closeAll,
  connectTo,
  createFinished,
  credentials,
  download,
  errorOf,
  fails,
  hour,
  minute,
  never,
  readAll,
  request,
  start,
} from './support';

const authorizations = (sim: Aipix) => sim.requestsFor('media').map(({ headers }) => headers.authorization);

describe('Aipix: download', () => {
  afterEach(closeAll);

  for (const file of ['s3', 'storage', 'relative', 'signed', 'plain text'] as const) {
    it(`fetches a file whose address is ${file}, without the token`, async () => {
      const sim = await start({ record: { file } });
      const connection = connectTo(sim);
      const clip = await createFinished(connection, { camera: '3' });
      const bytes = await download(connection, clip);
      assert.ok(bytes.equals(await readAll((await sim.mediaOf(clip.id)).read())));
      assert.deepEqual(authorizations(sim), [undefined]);
    });
  }

  it('keeps a signed address as it is', async () => {
    const sim = await start({ record: { file: 'signed' } });
    const connection = connectTo(sim);
    await download(connection, await createFinished(connection));
    assert.match(sim.requestsFor('media')[0]!.target, /X-Amz-Signature=[0-9a-f]{16}%2Fa%20b$/);
  });

  it('keeps the address and everything about it out of the clip', async () => {
    const sim = await start({ record: { file: 'signed' } });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    const text = JSON.stringify(clip);
    assert.ok(sim.secrets.length >= 4);
    for (const secret of sim.secrets) assert.ok(!text.includes(secret));
  });

  describe('shows the token', () => {
    it('to the server itself, when that does not give the file without', async () => {
      const sim = await start({ media: { access: 'token' } });
      const connection = connectTo(sim);
      await download(connection, await createFinished(connection));
      const [token] = sim.sessions.keys();
      assert.deepEqual(authorizations(sim), [undefined, `Bearer ${token}`]);
    });

    it('never to another host', async () => {
      const sim = await start({ media: { access: 'token' }, record: { host: 'other' } });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      await assert.rejects(download(connection, clip), fails('EFORBIDDEN', /HTTP 401/));
      assert.notEqual(sim.mediaUrl, sim.url);
      assert.deepEqual(authorizations(sim), [undefined]);
    });

    it('not to a storage that would take offence', async () => {
      const sim = await start({ media: { access: 'without token' }, record: { host: 'other' } });
      const connection = connectTo(sim);
      assert.ok((await download(connection, await createFinished(connection))).length > 0);
    });

    it('not to whom the server sends on', async () => {
      const sim = await start({ media: { access: 'token' } });
      const elsewhere = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.failNext(
        { kind: 'redirect', location: `${elsewhere.url}/storage/x.mp4` },
        ({ path, headers }) => path.startsWith('/s3/') && headers.authorization !== undefined,
      );
      await errorOf(download(connection, clip));
      assert.deepEqual(authorizations(elsewhere), [undefined]);
    });
  });

  describe('of a broken transfer', () => {
    it('goes on where it ended', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      const all = await download(connection, clip);
      const { etag } = await sim.mediaOf(clip.id);
      const rest = await connection.openClip(clip, { offset: 1000, etag: `"${etag}"` }, never);
      assert.deepEqual([rest.offset, rest.size, rest.resumable], [1000, all.length, true]);
      assert.ok((await readAll(rest.body)).equals(all.subarray(1000)));
    });

    it('starts again when the file is another one', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      const rest = await connection.openClip(clip, { offset: 1000, etag: '"other"' }, never);
      assert.equal(rest.offset, 0);
      assert.equal((await readAll(rest.body)).length, rest.size);
    });

    for (const media of [{ range: false }, { etag: 'none' }, { etag: 'weak' }] as const) {
      it(`starts again where the server has ${JSON.stringify(media)}`, async () => {
        const sim = await start({ media });
        const connection = connectTo(sim);
        const clip = await createFinished(connection);
        const first = await connection.openClip(clip, { offset: 0 }, never);
        first.body.destroy();
        assert.equal(first.resumable, false);
        const rest = await connection.openClip(
          clip,
          { offset: 1000, ...(first.etag ? { etag: first.etag } : {}) },
          never,
        );
        rest.body.destroy();
        assert.equal(rest.offset, 0);
      });
    }

    it('starts again where another part comes than the one it asked for', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      const reply = { status: 206, headers: { 'content-range': 'bytes 5-9/20' }, body: 'abcde' };
      sim.failNext({ kind: 'reply', reply }, 'media');
      const { offset, body } = await connection.openClip(clip, { offset: 1000, etag: '"x"' }, never);
      assert.equal(offset, 0);
      assert.ok(
        (await readAll(body)).equals(await readAll((await connection.openClip(clip, { offset: 0 }, never)).body)),
      );
    });
  });

  it('knows no size where the server announces none', async () => {
    const sim = await start({ media: { framing: 'chunked' } });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    const { size, body } = await connection.openClip(clip, { offset: 0 }, never);
    assert.equal(size, undefined);
    assert.ok((await readAll(body)).length > 0);
  });

  for (const answer of ['html', 'json', 'xml', 'empty'] as const) {
    it(`of something that is ${answer} is an error, whatever it is called`, async () => {
      const sim = await start({ media: { answer } });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      const refusal = fails(
        'EPROTOCOL',
        answer === 'empty' ? /nothing instead of video/ : /(document|web page) instead of video/,
      );
      await assert.rejects(download(connection, clip), refusal);
      if (answer === 'empty') return;
      for (const body of ['\n <?xml version="1.0"?><Error/>', '{"message":"x"}', '[]', '<!DOCTYPE html>']) {
        sim.failNext({ kind: 'reply', reply: { headers: { 'content-type': 'video/mp4' }, body } }, 'media');
        await assert.rejects(download(connection, clip), refusal);
      }
    });
  }

  for (const [status, code] of [
    [429, 'ETHROTTLED'],
    [500, 'EFAILED'],
    [503, 'ENETWORK'],
  ] as const) {
    it(`may be tried again after ${status}`, async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.failNext({ kind: 'reply', reply: { status, body: 'x' } }, 'media');
      await assert.rejects(
        download(connection, clip),
        fails(code, /downloading the clip of camera 2/, { retryable: true }),
      );
      assert.ok((await download(connection, clip)).length > 0);
    });
  }

  it('of a clip that is not finished may be tried again', async () => {
    const sim = await start({ making: { makeMs: minute } });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    await assert.rejects(
      connection.openClip(clip, { offset: 0 }, never),
      fails('EFAILED', /still making the clip.*poll-clip/, { retryable: true }),
    );
    assert.equal(sim.requestsFor('media').length, 0);
  });

  it('of a clip that could not be made fails', async () => {
    const sim = await start({ making: { fails: () => true } });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    await assert.rejects(download(connection, clip), fails('EFAILED', /could not make the clip/, { retryable: false }));
  });

  it('of a clip that is not listed is over', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.removeRecord(clip.id);
    await assert.rejects(download(connection, clip), fails('EEXPIRED', /does not list the clip/, { retryable: false }));
    await assert.rejects(download(connection, { ...clip, status: 'busy' }), fails('ENOTFOUND'));
  });

  describe('of an expired file', () => {
    for (const retention of [{ flag: true }, { flag: false }, { flag: false, answer: 410 }] as const) {
      it(`has it made again, and succeeds when asked again (${JSON.stringify(retention)})`, async () => {
        const sim = await start({ retention });
        const connection = connectTo(sim);
        const clip = await createFinished(connection);
        sim.advance(4 * hour);
        await assert.rejects(
          download(connection, clip),
          fails('EEXPIRED', /being made again/, { retryable: true, retryAfterMs: 15_000 }),
        );
        assert.ok((await download(connection, clip)).length > 0);
        assert.equal(sim.requestsFor('repeat').length, 1);
      });
    }

    it('says so again while that takes its time', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.expireFile(clip.id);
      sim.options.making.makeMs = minute;
      for (let count = 0; count < 3; count += 1) {
        await assert.rejects(download(connection, clip), fails('EEXPIRED', /made again|making/, { retryable: true }));
      }
      assert.equal(sim.requestsFor('repeat').length, 1);
      sim.advance(minute);
      assert.ok((await download(connection, clip)).length > 0);
    });

    it('is over when that did not help', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.expireFile(clip.id);
      await assert.rejects(download(connection, clip), fails('EEXPIRED', /./, { retryable: true }));
      sim.advance(11 * minute);
      sim.expireFile(clip.id);
      await assert.rejects(
        download(connection, clip),
        fails('EEXPIRED', /create the clip again/, { retryable: false }),
      );
      assert.equal(sim.requestsFor('repeat').length, 1);
    });

    it('that was only announced is waited for where the server makes no file again', async () => {
      const sim = await start({
        record: { url: 'early', statusIn: [] },
        making: { makeMs: minute },
        repeat: 'missing',
      });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      const early = fails('ENOTFOUND', /^The file is not there yet \(downloading/, {
        retryable: true,
        retryAfterMs: 15_000,
      });
      await assert.rejects(download(connection, clip), early);
      sim.advance(minute);
      assert.ok((await download(connection, clip)).length > 0);
      sim.advance(5 * hour);
      await assert.rejects(download(connection, clip), fails('EEXPIRED', /create the clip again/));
    });

    it('is over where the server makes no file again', async () => {
      const sim = await start({ repeat: 'missing' });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.expireFile(clip.id);
      await assert.rejects(
        download(connection, clip),
        fails('EEXPIRED', /create the clip again/, { retryable: false }),
      );
    });

    it('that shows as a refusal is tried in the same way, and stays a refusal if it was one', async () => {
      const sim = await start({ retention: { flag: false, answer: 403 } });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.advance(4 * hour);
      await assert.rejects(download(connection, clip), fails('EFORBIDDEN', /HTTP 403/, { retryable: true }));
      assert.ok((await download(connection, clip)).length > 0);
      sim.advance(11 * minute);
      sim.expireFile(clip.id);
      await assert.rejects(
        download(connection, clip),
        fails('EFORBIDDEN', /does not give the file out/, { retryable: false }),
      );
      // A refusal of a file is no refusal of the login.
      await connection.listCameras(never);
    });
  });

  it('is no login matter when the file server wants one', async () => {
    const sim = await start({ retention: { flag: false, answer: 401 } });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.expireFile(clip.id);
    await assert.rejects(download(connection, clip), fails('EFORBIDDEN'));
    await connection.listCameras(never);
    assert.equal(sim.logins, 1);
  });

  it('from a server that names itself "localhost" says what is wrong with that', async () => {
    const api = createAipixApi({ settings: { url: 'https://vms.example' }, credentials, now: Date.now });
    const asked = { url: 'http://localhost:1/storage/a.mp4', offset: 0, action: 'Downloading' };
    const error = await errorOf(openFile(api, asked, { signal: never, session: { token: 'x' } }));
    assert.match(error.message, /"localhost" as the host of the file, which is this computer itself/);
    await assert.rejects(
      openFile(api, { ...asked, url: 'ftp://x/y' }, { signal: never, session: { token: 'x' } }),
      fails('EPROTOCOL', /is none/),
    );
  });

  it('takes no root of a storage for a file', () => {
    const urlOf = (url: unknown): string | undefined => readDownload({ url }).url;
    for (const none of [
      null,
      '',
      7,
      'https://h',
      'https://h/',
      'https://h/storage/',
      'https://h/storage',
      '/storage/',
      'https://h/s3/?x=/a.mp4',
      'https://h/storage/#a',
    ]) {
      assert.equal(urlOf(none), undefined, String(none));
    }
    for (const file of [
      'https://h/storage/a.mp4',
      '/storage/a',
      'storage/a.mp4',
      'https://h/s3/b/archive/f.mp4?sig=/',
    ]) {
      assert.equal(urlOf(file), file);
    }
  });
});
