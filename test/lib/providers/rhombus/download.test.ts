import assert from 'node:assert/strict';
import { usualSteps, type Rhombus } from '../../../simulators/rhombus';
import { startServer } from '../../../simulators/http-server';
import {
  clipOf,
  closeAll,
  connectTo,
  createFinished,
  dock,
  download,
  fails,
  never,
  operations,
  readAll,
  startCloud,
} from './support';

describe('Rhombus: downloading', () => {
  afterEach(closeAll);

  const opened = async (
    sim: Rhombus,
    from: { offset: number; etag?: string } = { offset: 0 },
    options: Parameters<typeof connectTo>[1] = {},
  ) => {
    const connection = connectTo(sim, options);
    const clip = await createFinished(connection);
    const { media } = await sim.mediaOf(clip.id);
    return { connection, clip, media, whole: await readAll(media.read()), from };
  };

  it('takes the file from the media host with the key, and says what it must be', async () => {
    const sim = await startCloud();
    const { connection, clip, whole } = await opened(sim);
    const { body, ...rest } = await connection.openClip(clip, { offset: 0 }, never);
    assert.ok((await readAll(body)).equals(whole));
    const { sha256 } = await sim.mediaOf(clip.id);
    const [request] = sim.requestsFor('download');
    assert.equal(request!.path, `/media/metadata/us-west-2/${clip.id}.mp4`);
    assert.equal(request!.headers['x-auth-scheme'], 'api-token');
    assert.deepEqual(rest, { offset: 0, size: whole.length, sha256, resumable: false, etag: rest.etag });
    assert.ok(sim.media.requests.length === 1 && sim.api.requests.length > 0, 'each from its own host');
  });

  it('announces what the vendor declares, so that a wrong file is noticed', async () => {
    const sim = await startCloud({ status: { sha256: 'wrong', byteCount: 'wrong' } });
    const { connection, clip, whole } = await opened(sim);
    const declared = async (): Promise<unknown[]> => {
      const { body, size, sha256 } = await connection.openClip(clip, { offset: 0 }, never);
      body.destroy();
      return [size, sha256];
    };
    // A checksum tells the bytes; only without one the vendor's count of bytes matters.
    assert.deepEqual(await declared(), [whole.length, 'f'.repeat(64)]);
    delete clip.sha256;
    sim.options.status.sha256 = 'null';
    assert.deepEqual(await declared(), [whole.length + 1, undefined]);
  });

  it('asks the vendor for what the clip of a message does not tell, and only then', async () => {
    const sim = await startCloud({ status: { location: 'thumbnail', region: 'eu-central-1' } });
    const { connection, clip, whole } = await opened(sim);
    sim.api.requests.length = 0;
    assert.ok((await download(connection, clip)).equals(whole));
    assert.deepEqual(operations(sim).slice(-1), [`${clip.id}.mp4`]);
    assert.equal(sim.api.requests.length, 0);
    for (const bare of [
      { ...clip, ref: undefined },
      { ...clip, size: undefined },
      { ...clip, sha256: undefined },
    ]) {
      const { body, size, sha256 } = await connection.openClip(bare, { offset: 0 }, never);
      assert.ok((await readAll(body)).equals(whole));
      assert.deepEqual([size, sha256], [whole.length, clip.sha256]);
    }
    assert.equal(sim.api.requests.length, 3);
  });

  it('goes by the length of the transfer where nothing else is declared', async () => {
    const sim = await startCloud({ status: { sha256: 'null', byteCount: 'null' } });
    const { connection, clip, whole } = await opened(sim);
    const known = await connection.openClip(clip, { offset: 0 }, never);
    known.body.destroy();
    assert.deepEqual([known.size, known.sha256], [whole.length, undefined]);
    sim.options.download.framing = 'chunked';
    const unknown = await connection.openClip(clip, { offset: 0 }, never);
    assert.ok((await readAll(unknown.body)).equals(whole));
    assert.equal(unknown.size, undefined);
  });

  it('takes the usual region where the vendor names none', async () => {
    for (const location of ['none', 'v2'] as const) {
      const sim = await startCloud({ status: { location } });
      const { connection, clip, whole } = await opened(sim);
      assert.equal(clip.ref?.region, undefined);
      assert.ok((await download(connection, clip)).equals(whole));
    }
  });

  it('does without the status when that cannot be had', async () => {
    const sim = await startCloud();
    const { connection, clip, whole } = await opened(sim);
    sim.failNext({ kind: 'reply', reply: { status: 500, body: '' } }, 'getClipWithProgress');
    assert.ok((await download(connection, { ...clip, ref: {}, sha256: undefined })).equals(whole));
  });

  it('does not need a certain content type', async () => {
    const sim = await startCloud();
    const { connection, clip, whole } = await opened(sim);
    for (const contentType of ['application/octet-stream', 'binary/octet-stream', 'text/plain', '']) {
      sim.options.download.contentType = contentType;
      assert.ok((await download(connection, clip)).equals(whole), contentType);
    }
  });

  it('goes on where it was cut, if the server can', async () => {
    const sim = await startCloud({ download: { range: true } });
    const { connection, clip, whole } = await opened(sim);
    const first = await connection.openClip(clip, { offset: 0 }, never);
    first.body.destroy();
    assert.equal(first.resumable, true);
    const rest = await connection.openClip(clip, { offset: 1000, etag: first.etag }, never);
    assert.deepEqual([rest.offset, rest.size, rest.resumable], [1000, whole.length, true]);
    assert.ok((await readAll(rest.body)).equals(whole.subarray(1000)));
    const other = await connection.openClip(clip, { offset: 1000, etag: '"another file"' }, never);
    assert.equal(other.offset, 0);
    assert.ok((await readAll(other.body)).equals(whole));
  });

  it('starts again where the server cannot, or where its tag is none', async () => {
    const sim = await startCloud();
    const { connection, clip, whole } = await opened(sim);
    const again = await connection.openClip(clip, { offset: 1000, etag: '"x"' }, never);
    assert.deepEqual([again.offset, again.resumable], [0, false]);
    assert.ok((await readAll(again.body)).equals(whole));
    Object.assign(sim.options.download, { range: true, etag: 'weak' });
    const weak = await connection.openClip(clip, { offset: 1000 }, never);
    weak.body.destroy();
    assert.deepEqual([weak.offset, weak.etag, weak.resumable], [0, undefined, false]);
  });

  it('never hands on what is not video', async () => {
    const sim = await startCloud();
    const { connection, clip } = await opened(sim);
    const expectations = [
      ['json-error', 'EFAILED', /Cannot read clip \(downloading /],
      ['html', 'EPROTOCOL', /a web page instead of video/],
      ['text', 'EPROTOCOL', /something else instead of video/],
      ['empty', 'EPROTOCOL', /nothing instead of video/],
    ] as const;
    for (const [answer, code, message] of expectations) {
      sim.options.download.answer = answer;
      await assert.rejects(download(connection, clip), fails(code, message));
    }
  });

  it('takes a document for one and a video for one, whatever their types say', async () => {
    const sim = await startCloud({ download: { contentType: 'application/json' } });
    const { connection, clip, whole } = await opened(sim);
    assert.ok((await download(connection, clip)).equals(whole));
    const reply = {
      headers: { 'content-type': 'video/mp4' },
      body: ' {"error":true,"msg":"Quota exceeded for today"}',
    };
    sim.failNext({ kind: 'reply', reply }, 'download');
    await assert.rejects(download(connection, clip), fails('EFAILED', /Quota exceeded for today/, { retryable: true }));
  });

  describe('a file that is not there', () => {
    it('may need a moment after the end of the making', async () => {
      const sim = await startCloud({ download: { delayMs: 1000 } });
      const { connection, clip, whole } = await opened(sim);
      await assert.rejects(download(connection, clip), fails('EFAILED', /need a moment more/, { retryable: true }));
      sim.advance(1000);
      assert.ok((await download(connection, clip)).equals(whole));
    });

    it('may be refused in place of missing, and is waited for as well', async () => {
      const sim = await startCloud({ download: { delayMs: 1000, missing: 403 } });
      const { connection, clip } = await opened(sim);
      await assert.rejects(
        download(connection, clip),
        fails('EFAILED', /HTTP 403.*need a moment more/, { retryable: true }),
      );
    });

    for (const [location, region] of [
      ['map', 'ap-south-1'],
      ['v2-region', 'eu-west-3'],
    ] as const) {
      it(`is fetched from the region that only ${location} names`, async () => {
        const { connection, clip, whole } = await opened(await startCloud({ status: { location, region } }));
        assert.ok((await download(connection, clip)).equals(whole));
      });
    }

    it('of an account in Europe is looked for in the regions there, where nothing names one', async () => {
      const sim = await startCloud({ status: { location: 'none', region: 'eu-west-1' } });
      const { connection, clip, whole } = await opened(sim, { offset: 0 }, { settings: { region: 'eu' } });
      assert.ok((await download(connection, clip)).equals(whole));
      assert.ok(sim.media.requests.every(({ path }) => !path.includes('us-')));
    });

    it('belongs to a clip that is not finished', async () => {
      const sim = await startCloud({ splice: { steps: () => usualSteps(1000) } });
      const connection = connectTo(sim);
      const { uuid } = sim.putClip({ deviceUuids: [dock], startMs: 1_740_000_000_000, durationSec: 2 });
      const error = fails('EFAILED', /not finished: wait for it with poll-clip/, { retryable: true });
      await assert.rejects(download(connection, clipOf(sim, uuid)), error);
    });

    it('belongs to a clip that was deleted', async () => {
      for (const deleted of ['nothing', 'DELETED'] as const) {
        const sim = await startCloud({ deleted });
        const { connection, clip } = await opened(sim);
        await connection.deleteClip(clip, never);
        const error = fails('EEXPIRED', /camera b0Yw.*has been deleted: create it again/, { retryable: false });
        await assert.rejects(download(connection, clip), error);
      }
    });

    it('belongs to a clip that the vendor does not know, and that was never seen finished', async () => {
      const sim = await startCloud();
      const { connection, clip } = await opened(sim);
      sim.removeClip(clip.id);
      await assert.rejects(download(connection, { ...clip, status: 'busy' }), fails('ENOTFOUND', /HTTP 404/));
    });

    it('is reported as such when nothing more can be found out', async () => {
      const sim = await startCloud();
      const { connection, clip } = await opened(sim);
      sim.options.status.region = 'us-east-2';
      sim.failNext({ kind: 'reply', reply: { status: 500 } }, 'getClipWithProgress');
      await assert.rejects(download(connection, clip), fails('ENOTFOUND', /HTTP 404: Not Found \(downloading/));
    });
  });

  it('never sends the key to another host', async () => {
    const sim = await startCloud();
    const { connection, clip, whole } = await opened(sim);
    const other = await startServer({
      handle: async () => ({ headers: { 'content-type': 'video/mp4' }, body: whole }),
    });
    try {
      sim.failNext({ kind: 'redirect', location: `${other.url}/elsewhere.mp4` }, 'download');
      assert.ok((await download(connection, clip)).equals(whole));
      const { headers } = other.requests[0]!;
      assert.deepEqual([headers['x-auth-apikey'], headers['x-auth-scheme']], [undefined, undefined]);
    } finally {
      await other.stop();
    }
  });

  it('tells which host it was that could not be reached', async () => {
    const sim = await startCloud();
    const { connection, clip } = await opened(sim);
    await sim.media.stop();
    await assert.rejects(
      download(connection, clip),
      fails('ENETWORK', /downloading the clip of camera/, { retryable: true }),
    );
  });

  it('ends at once when it is cancelled', async () => {
    const sim = await startCloud();
    const { connection, clip } = await opened(sim);
    const cancel = new AbortController();
    sim.failNext({ kind: 'delay', ms: Infinity }, 'download');
    const pending = connection.openClip(clip, { offset: 0 }, cancel.signal);
    while (sim.requestsFor('download').length === 0) await new Promise((resolve) => setImmediate(resolve));
    cancel.abort();
    await assert.rejects(pending, fails('EABORTED'));
  });
});
