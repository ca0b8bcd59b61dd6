/** Opening media over HTTP: what counts as the rest of the same bytes, what as video, and what becomes of all else. */
import assert from 'node:assert/strict';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { ClipError } from '../../../lib/errors';
import { createHttpClient } from '../../../lib/net/http';
import { openMedia, type MediaRequest } from '../../../lib/net/media';
import type { OpenClip } from '../../../lib/provider';
import { startServer, type Reply, type SimulatorServer } from '../../simulators/http-server';

const ftyp = Buffer.from('\0\0\0\x14ftypisom\0\0\0\x01isom', 'latin1');
const video = Buffer.concat([ftyp, Buffer.alloc(5000, 'video ')]);
const etag = '"v1"';

describe('media over HTTP', () => {
  let server: SimulatorServer;
  let answers: Reply[];
  const http = () => createHttpClient({ baseUrl: server.url });

  beforeEach(async () => {
    answers = [];
    server = await startServer({ handle: () => answers.shift() ?? whole() });
  });
  afterEach(() => server.stop());

  const whole = (headers: Record<string, string> = {}): Reply => ({
    headers: { 'content-type': 'video/mp4', 'accept-ranges': 'bytes', etag, ...headers },
    body: video,
  });
  const part = (headers: Record<string, string>, from = 1000): Reply => ({
    status: 206,
    headers: {
      'content-type': 'video/mp4',
      etag,
      'content-range': `bytes ${from}-${video.length - 1}/${video.length}`,
      ...headers,
    },
    body: video.subarray(from),
  });

  async function open(more: Partial<MediaRequest> = {}): Promise<OpenClip & { bytes: Buffer }> {
    const client = http();
    const signal = new AbortController().signal;
    try {
      const clip = await openMedia(client, { path: '/clip', signal, action: 'Downloading', ...more });
      const chunks: Buffer[] = [];
      for await (const chunk of clip.body) chunks.push(chunk as Buffer);
      return { ...clip, bytes: Buffer.concat(chunks) };
    } finally {
      client.close();
    }
  }

  const rest = (more: Partial<MediaRequest> = {}) => open({ offset: 1000, etag, size: video.length, ...more });

  it('brings all of it, with what is needed to continue', async () => {
    const { bytes, offset, size, resumable, etag: tag } = await open();
    assert.ok(bytes.equals(video));
    assert.deepEqual({ offset, size, resumable, tag }, { offset: 0, size: video.length, resumable: true, tag: etag });
  });

  for (const header of [
    `bytes 1000-${video.length - 1}/${video.length}`,
    `Bytes 1000 - ${video.length - 1} / ${video.length}`,
    ` bytes=1000-${video.length - 1}/*`,
  ]) {
    it(`continues where the server proves that it does: "${header}"`, async () => {
      answers = [part({ 'content-range': header })];
      const { bytes, offset, size } = await rest();
      assert.ok(bytes.equals(video.subarray(1000)));
      assert.deepEqual([offset, size], [1000, video.length]);
      const asked = server.requests.map(({ headers }) => [headers.range, headers['if-range']]);
      assert.deepEqual(asked, [['bytes=1000-', etag]]);
    });
  }

  const total = `${video.length - 1}/${video.length}`;
  const unproven: [string, Reply][] = [
    ['416', { status: 416, headers: { 'content-range': `bytes */${video.length}` } }],
    ['412', { status: 412, body: 'no' }],
    ['another version', part({ etag: '"v2"' })],
    ['a version without a name', { ...part({}), headers: { 'content-range': `bytes 1000-${total}` } }],
    ['a weak name of the version', part({ etag: 'W/"v1"' })],
    ['another total', part({ 'content-range': `bytes 1000-${video.length - 1}/99999` })],
    ['the beginning', part({ 'content-range': `bytes 0-${total}` }, 0)],
    ['an earlier place', part({ 'content-range': `bytes 500-${total}` }, 500)],
    ['a later place', part({ 'content-range': `bytes 2000-${total}` }, 2000)],
    ['no place', { ...part({}), headers: { etag } }],
    ['a place that makes no sense', part({ 'content-range': 'bytes of some kind' })],
    ['a length that is not the one of the place', part({ 'content-range': `bytes 1000-1100/${video.length}` })],
    ['several parts', part({ 'content-type': 'multipart/byteranges; boundary=x' })],
    ['an encoded part', part({ 'content-encoding': 'gzip' })],
  ];
  for (const [name, reply] of unproven) {
    it(`starts again, once, when a range is answered with ${name}`, async () => {
      answers = [reply];
      const { bytes, offset } = await rest();
      assert.ok(bytes.equals(video));
      assert.equal(offset, 0);
      assert.deepEqual(
        server.requests.map(({ headers }) => headers.range),
        ['bytes=1000-', undefined],
      );
    });
  }

  for (const name of ['W/"v1"', 'w/"v1"', '', '""', undefined]) {
    it(`asks for all of it where the version that is here is called ${name}`, async () => {
      const { offset } = await rest({ etag: name });
      assert.equal(offset, 0);
      assert.deepEqual(
        server.requests.map(({ headers }) => [headers.range, headers['if-range']]),
        [[undefined, undefined]],
      );
    });
  }

  it('cannot be continued where the server does not say that it serves ranges', async () => {
    for (const ranges of ['none', '']) {
      answers = [whole({ 'accept-ranges': ranges })];
      assert.equal((await open()).resumable, false);
    }
  });

  it('takes the whole where the server gives it in place of a part', async () => {
    const { bytes, offset } = await rest();
    assert.ok(bytes.equals(video));
    assert.equal(offset, 0);
    assert.equal(server.requests.length, 1);
  });

  it('says why when a range is refused for another reason', async () => {
    answers = [{ status: 503, headers: { 'retry-after': '3' }, body: 'busy' }];
    await assert.rejects(rest(), { code: 'ENETWORK', retryAfterMs: 3000 });
    assert.equal(server.requests.length, 1);
  });

  it('refuses a part that it never asked for', async () => {
    // Its bytes look like the beginning of a video.
    answers = [{ ...part({}), body: video.subarray(0, video.length - 1000) }];
    await assert.rejects(open(), { code: 'EPROTOCOL', message: /a part of the video/, retryable: true });
  });

  for (const type of ['text/html', 'application/json', 'application/xml', 'text/plain', 'nonsense', '']) {
    it(`knows a video that is labelled "${type}"`, async () => {
      answers = [whole({ 'content-type': type })];
      assert.ok((await open()).bytes.equals(video));
    });
  }

  it('knows a video whose first piece is one byte', async () => {
    async function* slowly() {
      yield video.subarray(0, 1);
      await new Promise((resolve) => setTimeout(resolve, 30));
      yield video.subarray(1);
    }
    answers = [{ ...whole({ 'content-type': 'text/html' }), body: slowly(), size: video.length }];
    assert.ok((await open()).bytes.equals(video));
  });

  const encodings: [string, Buffer][] = [
    ['gzip', gzipSync(video)],
    ['x-gzip', gzipSync(video)],
    ['deflate', deflateSync(video)],
    ['br', brotliCompressSync(video)],
    ['gzip', video],
  ];
  for (const [encoding, body] of encodings) {
    it(`decodes ${encoding} of ${body.length} bytes, and builds nothing upon its length`, async () => {
      answers = [{ ...whole({ 'content-encoding': encoding }), body }];
      const { bytes, size, resumable } = await open();
      assert.ok(bytes.equals(video));
      if (body !== video) assert.deepEqual([size, resumable], [undefined, false]);
    });
  }

  it('names an encoding that it cannot undo', async () => {
    answers = [{ ...whole({ 'content-encoding': 'zstd' }), body: Buffer.from('(\xb5/\xfd zstd', 'latin1') }];
    await assert.rejects(open(), { code: 'EPROTOCOL', message: /Content-Encoding: zstd/ });
  });

  it('fails in words when compressed bytes are damaged', async () => {
    answers = [{ ...whole({ 'content-encoding': 'gzip' }), body: Buffer.from('\x1f\x8b no gzip at all', 'latin1') }];
    await assert.rejects(open(), { code: 'EPROTOCOL', message: /compressed answer is damaged/ });
  });

  const documents: [string, string, string | Buffer][] = [
    ['a web page', 'video/mp4', '<!DOCTYPE html><html>'],
    ['a JSON document', 'video/mp4', '{"error":1}'],
    ['an XML document', 'video/mp4', '<?xml version="1.0"?><error/>'],
    ['something else', 'text/plain', 'Please wait'],
    ['nothing', 'video/mp4', ''],
  ];
  for (const [what, type, body] of documents) {
    it(`is an error that says what came when it is ${what}`, async () => {
      answers = [{ headers: { 'content-type': type }, body }];
      await assert.rejects(open(), { code: 'EPROTOCOL', message: new RegExp(`sent ${what} instead of video`) });
    });
  }

  it('lets the caller say what an answer in place of video means, compressed or not', async () => {
    const said: string[] = [];
    const explain: MediaRequest['explain'] = ({ text, status }) => {
      said.push(`${status} ${text}`);
      return new ClipError('EEXPIRED', 'gone');
    };
    answers = [
      { status: 404, headers: { 'content-encoding': 'gzip' }, body: gzipSync('not here') },
      { status: 200, body: '{"gone":true}' },
    ];
    await assert.rejects(open({ explain }), { code: 'EEXPIRED' });
    await assert.rejects(open({ explain }), { code: 'EEXPIRED' });
    assert.deepEqual(said, ['404 not here', '200 {"gone":true}']);
  });
});
