import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import type { SenseSettings } from '../../../simulators/vdg-sense';
import { htmlPage } from '../../../simulators/http-server';
import { closeAll, connectTo, createFinished, download, fails, never, ONE, readAll, startSense, TWO } from './support';

type Download = NonNullable<SenseSettings['download']>;

async function prepare(settings: Download = {}) {
  const sim = await startSense({ download: settings });
  const connection = connectTo(sim);
  const clip = await createFinished(connection);
  const bytes = await readAll((await sim.mediaOf(clip.id)).read());
  return { sim, connection, clip, bytes };
}

describe('VDG Sense: downloading a clip', () => {
  afterEach(closeAll);

  it('asks for it by id and server', async () => {
    const { sim, connection, clip } = await prepare();
    await download(connection, clip);
    assert.deepEqual(Object.fromEntries(sim.requestsFor('downloadClip')[0]!.query), {
      command: 'downloadClip',
      id: clip.id,
      serverid: ONE,
    });
  });

  for (const framing of ['length', 'chunked', 'close'] as const) {
    it(`yields every byte and the size where it is known (${framing})`, async () => {
      const { connection, clip, bytes } = await prepare({ framing });
      const opened = await connection.openClip(clip, { offset: 0 }, never);
      assert.deepEqual([opened.size, opened.offset], [framing === 'length' ? bytes.length : undefined, 0]);
      assert.ok((await readAll(opened.body)).equals(bytes));
    });
  }

  const types = ['video/mp4', 'application/octet-stream', 'application/mp4', 'text/plain', 'text/xml', 'text/html', ''];
  for (const contentType of types) {
    it(`takes a video for a video although it is called ${JSON.stringify(contentType)}`, async () => {
      const { connection, clip, bytes } = await prepare({ contentType, contentDisposition: true });
      assert.ok((await download(connection, clip)).equals(bytes));
    });
  }

  it('yields videos of any size piece by piece', async () => {
    const size = 24 * 1024 * 1024;
    const { connection, clip } = await prepare({ largeMedia: size });
    const opened = await connection.openClip(clip, { offset: 0 }, never);
    let bytes = 0;
    let largest = 0;
    for await (const chunk of opened.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      largest = Math.max(largest, chunk.length);
    }
    assert.deepEqual([opened.size, bytes], [size, size]);
    assert.ok(largest <= 1024 * 1024, `${largest} bytes at once`);
  });

  it('yields what there is of a body that ends early, and then an error', async () => {
    const { connection, clip, bytes } = await prepare({ truncateAfter: 1000 });
    const { body, size } = await connection.openClip(clip, { offset: 0 }, never);
    assert.equal(size, bytes.length);
    let received = 0;
    await assert.rejects(async () => {
      for await (const chunk of body as AsyncIterable<Buffer>) received += chunk.length;
    });
    assert.equal(received, 1000);
  });

  it('that is given up stops the server', async () => {
    const { sim, connection, clip } = await prepare({ largeMedia: 64 * 1024 * 1024 });
    const leaving = new AbortController();
    const { body } = await connection.openClip(clip, { offset: 0 }, leaving.signal);
    await assert.rejects(
      async () => {
        for await (const _ of body) leaving.abort();
      },
      fails('EABORTED', /\(downloading the clip of camera/),
    );
    assert.equal(sim.requestsFor('downloadClip')[0]?.complete, false);
  });

  it('that is given up before the server answers is over at once', async () => {
    const { sim, connection, clip } = await prepare();
    for (const fault of [
      { kind: 'delay', ms: 60_000 },
      { kind: 'stall', afterBytes: 0 },
    ] as const) {
      const hit = sim.failNext(fault, 'downloadClip');
      const leaving = new AbortController();
      const opening = assert.rejects(connection.openClip(clip, { offset: 0 }, leaving.signal), fails('EABORTED'));
      while (hit.hits === 0) await new Promise(setImmediate);
      leaving.abort();
      await opening;
    }
  });

  it('that is empty is an error that may pass: the file may still be written', async () => {
    for (const framing of ['length', 'chunked'] as const) {
      const { connection, clip } = await prepare({ answer: 'empty', framing });
      await assert.rejects(
        connection.openClip(clip, { offset: 0 }, never),
        fails('EPROTOCOL', /sent nothing instead of video/, { retryable: true }),
      );
    }
  });
});

describe('VDG Sense: what comes in place of a video', () => {
  afterEach(closeAll);

  const naming = /\(downloading the clip of camera 6917529027641081901\/2, 2025-03-01T11:00:00\.000Z to .*Z\)/;

  for (const contentType of ['text/xml', 'video/mp4', 'application/octet-stream', '']) {
    it(`is an error when it is one of the API, whatever it is called (${JSON.stringify(contentType)})`, async () => {
      const { sim, connection, clip } = await prepare({ answer: 'xml-error', errorCode: -18 });
      sim.options.replies.contentType = contentType;
      await assert.rejects(
        download(connection, clip),
        fails('EFAILED', /general error.*Cannot read clip/, { retryable: true }),
      );
      sim.options.download.errorCode = -40;
      await assert.rejects(download(connection, clip), fails('EEXPIRED', naming, { vendorCode: '-40' }));
    });
  }

  for (const dialect of [
    { prolog: 'comment', byteOrderMark: true, indent: true },
    { upperCaseTags: true, upperCaseAttributes: true, contentType: 'video/mp4' },
    { byteOrderMark: true, contentType: 'video/mp4' },
  ] as const) {
    it(`is an error in every dialect (${Object.keys(dialect).join(', ')})`, async () => {
      const { sim, connection, clip } = await prepare({ answer: 'xml-error', errorCode: -40 });
      Object.assign(sim.options.replies, dialect);
      await assert.rejects(download(connection, clip), fails('EEXPIRED', naming));
    });
  }

  const documents: [string, string, string][] = [
    ['a page', 'text/html', '<!DOCTYPE html><html><body>Busy</body></html>'],
    ['a page without a type', '', '  <html><body>Busy</body></html>'],
    ['a page called video', 'video/mp4', '\uFEFF\r\n<html><body>Busy</body></html>'],
    ['JSON', 'application/json', '{"error":"busy"}'],
    ['JSON called video', 'video/mp4', ' {"error":"busy"}'],
    ['plain text', 'text/plain; charset=utf-8', 'Clip is locked'],
    ['a good result', 'text/xml', '<result errorcode="0"/>'],
    ['broken XML', 'text/xml', '<result errorcode="0"'],
    ['an announced XML that is empty', 'text/xml', ''],
    ['an unfinished page of a megabyte', 'text/html', `<html>${'x'.repeat(1024 * 1024)}`],
  ];
  for (const [name, contentType, body] of documents) {
    it(`is an error when it is ${name}`, async () => {
      const { sim, connection, clip } = await prepare();
      sim.failNext({ kind: 'reply', reply: { headers: { 'content-type': contentType }, body } }, 'downloadClip', 2);
      await assert.rejects(download(connection, clip), fails('EPROTOCOL', naming));
    });
  }

  it('is an error after the page that the simulator sends, too', async () => {
    const { connection, clip } = await prepare({ answer: 'html' });
    await assert.rejects(download(connection, clip), fails('EPROTOCOL', /answered with <html> where a result/));
  });

  const statuses: [number, string, boolean][] = [
    [400, 'EPROTOCOL', false],
    [404, 'EEXPIRED', false],
    [429, 'ETHROTTLED', true],
    [500, 'EFAILED', true],
    [503, 'ENETWORK', true],
  ];
  for (const [status, code, retryable] of statuses) {
    it(`is an error when its status is ${status}, in the words of the server if it has any`, async () => {
      const { sim, clip } = await prepare();
      const headers = { 'content-type': 'video/mp4', 'retry-after': '9' };
      const body = '<result errorcode="-18"><description>Repairing &amp; sorting</description></result>';
      for (const reply of [
        { status, headers, body },
        { ...htmlPage(status, 'Sorry'), headers },
      ]) {
        sim.failNext({ kind: 'reply', reply }, 'downloadClip');
        const isStarting = status === 404 && reply.body !== body;
        const expected = isStarting ? (['ENETWORK', true] as const) : ([code, retryable] as const);
        // One of its own each time: a pause that was asked for holds for all requests of a connection.
        await assert.rejects(
          download(connectTo(sim), clip),
          fails(expected[0], new RegExp(`HTTP ${status}${reply.body === body ? ': Repairing & sorting' : ''}`), {
            retryable: expected[1],
          }),
        );
      }
    });
  }

  it('is trouble that may pass when it breaks off before it says anything, or in the middle', async () => {
    const { sim, connection, clip } = await prepare();
    sim.failNext({ kind: 'reset', when: 'headers' }, 'downloadClip');
    await assert.rejects(download(connection, clip), fails('ENETWORK', naming, { retryable: true }));
    sim.options.download.answer = 'html';
    sim.failNext({ kind: 'truncate', afterBytes: 20 }, 'downloadClip');
    await assert.rejects(download(connection, clip), fails('ENETWORK', naming, { retryable: true }));
  });

  it('has expired when the clip vanished between the list and the download', async () => {
    const { connection, clip } = await prepare({ vanishes: true });
    await assert.rejects(
      download(connection, clip),
      fails('EEXPIRED', naming, { vendorCode: '-40', retryable: false }),
    );
    assert.equal(await connection.pollClip(clip, 1000, never), undefined);
  });

  it('is not found, rather than expired, when the clip never was finished', async () => {
    const { sim, connection, clip } = await prepare();
    sim.removeClip(clip.id);
    await assert.rejects(download(connection, { ...clip, status: 'busy' }), fails('ENOTFOUND', naming));
  });

  it('is an error of the server when the clip is not finished', async () => {
    const { sim, connection, clip } = await prepare();
    sim.clips[0]!.state = 'busy';
    sim.options.queue.makeMs = Infinity;
    await assert.rejects(download(connection, clip), fails('EFAILED', /not finished/, { retryable: true }));
    sim.options.download.notFinishedCode = -9;
    await assert.rejects(download(connection, clip), fails('EEXPIRED', /not finished/));
  });

  it('is never the clip of another server with the same id', async () => {
    const { connection, clip } = await prepare();
    await assert.rejects(download(connection, { ...clip, camera: `${TWO}/2` }), fails('EEXPIRED'));
  });
});

describe('VDG Sense: continuing a download', () => {
  afterEach(closeAll);

  it('can be done where the server tells ranges and names the version', async () => {
    const { sim, connection, clip, bytes } = await prepare({ range: true });
    const first = await connection.openClip(clip, { offset: 0 }, never);
    first.body.destroy();
    assert.equal(first.resumable, true);
    const rest = await connection.openClip(clip, { offset: 1000, etag: first.etag! }, never);
    assert.deepEqual([rest.offset, rest.size, rest.resumable], [1000, bytes.length, true]);
    assert.ok((await readAll(rest.body)).equals(bytes.subarray(1000)));
    const { headers } = sim.requestsFor('downloadClip')[1]!;
    assert.deepEqual([headers.range, headers['if-range']], ['bytes=1000-', first.etag]);
  });

  it('starts again where the video has changed meanwhile', async () => {
    const { sim, connection, clip } = await prepare({ range: true });
    const first = await connection.openClip(clip, { offset: 0 }, never);
    first.body.destroy();
    sim.clips[0]!.revision = 1;
    const second = await connection.openClip(clip, { offset: 1000, etag: first.etag! }, never);
    const changed = await readAll((await sim.mediaOf(clip.id)).read());
    assert.deepEqual([second.offset, second.size], [0, changed.length]);
    assert.notEqual(second.etag, first.etag);
    assert.ok((await readAll(second.body)).equals(changed));
  });

  const unsure: [string, Download][] = [
    ['knows no ranges', { range: false }],
    ['names no version', { range: true, etag: 'none' }],
    ['names a version that may stand for other bytes', { range: true, etag: 'weak' }],
  ];
  for (const [name, settings] of unsure) {
    it(`is not promised where the server ${name}`, async () => {
      const { connection, clip, bytes } = await prepare(settings);
      const first = await connection.openClip(clip, { offset: 0 }, never);
      first.body.destroy();
      assert.equal(first.resumable, false);
      const second = await connection.openClip(
        clip,
        { offset: 1000, ...(first.etag ? { etag: first.etag } : {}) },
        never,
      );
      assert.deepEqual([second.offset, second.size], [0, bytes.length]);
      assert.ok((await readAll(second.body)).equals(bytes));
    });
  }

  it('never asks for a range that it could not check', async () => {
    const { sim, connection, clip } = await prepare({ range: true });
    const drop = ({ body }: { body: Readable }): unknown => body.destroy();
    drop(await connection.openClip(clip, { offset: 1000 }, never));
    drop(await connection.openClip(clip, { offset: 0, etag: '"x"' }, never));
    for (const { headers } of sim.requestsFor('downloadClip')) {
      assert.deepEqual([headers.range, headers['if-range']], [undefined, undefined]);
    }
  });

  it('starts again when the server takes another range', async () => {
    const { sim, connection, clip, bytes } = await prepare();
    const headers = {
      'content-type': 'video/mp4',
      'content-range': `bytes 500-${bytes.length - 1}/${bytes.length}`,
      etag: '"x"',
    };
    sim.failNext({ kind: 'reply', reply: { status: 206, headers, body: bytes.subarray(500) } }, 'downloadClip');
    const opened = await connection.openClip(clip, { offset: 1000, etag: '"x"' }, never);
    assert.deepEqual([opened.offset, opened.size], [0, bytes.length]);
    opened.body.destroy();
  });

  it('starts again when the server has nothing at that place', async () => {
    const { connection, clip, bytes } = await prepare({ range: true });
    const { etag, body } = await connection.openClip(clip, { offset: 0 }, never);
    body.destroy();
    const again = await connection.openClip(clip, { offset: bytes.length, etag: etag! }, never);
    assert.deepEqual([again.offset, again.size], [0, bytes.length]);
    again.body.destroy();
  });
});
