import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { receive } from '../../../lib/clips/receive';
import { fileSink, memorySink } from '../../../lib/clips/sink';
import { systemClock } from '../../../lib/async/clock';
import { startServer, type Reply, type SimulatorServer } from '../../simulators/http-server';
import { selfSignedCertificate } from '../../simulators/vdg-sense/self-signed';
import { tempFolder } from '../../support/temp-folder';

const pieceBytes = 256 * 1024;
const content = randomBytes(40 * pieceBytes + 4321);
const sha256 = createHash('sha256').update(content).digest('hex');

async function* pieces(): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

describe('the memory of downloaded bytes', () => {
  const folder = tempFolder();
  const options = { stallMs: 10_000, clock: systemClock, signal: new AbortController().signal };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let server: SimulatorServer;
  let reply: Reply;

  beforeEach(async () => {
    reply = { body: pieces(), size: content.length };
    server = await startServer({ handle: () => reply });
  });
  afterEach(() => server.stop());
  after(() => agent.destroy());

  async function respond(): Promise<IncomingMessage> {
    const [response] = (await once(get(server.url, { agent }), 'response')) as [IncomingMessage];
    return response;
  }

  async function save(body: Readable, name: string): Promise<{ chunks: Buffer[]; sha256: string; saved: Buffer }> {
    const chunks: Buffer[] = [];
    const path = join(folder(), name);
    const handle = await open(path, 'w');
    try {
      const sink = fileSink(path, handle);
      const write = (batch: Buffer[]): Promise<void> => {
        chunks.push(...batch);
        return sink.write(batch);
      };
      await receive(body, { ...sink, write }, options);
      return { chunks, sha256: await sink.end(options.signal), saved: await readFile(path) };
    } finally {
      await handle.close();
    }
  }

  /** Small ones come out of Node's pool, which must never be touched. */
  const isFreed = ({ buffer, length }: Buffer): boolean => length === 0 || length < buffer.byteLength;

  for (const framing of ['length', 'chunked', 'close'] as const) {
    it(`is free as soon as they are in the file, which is whole (${framing})`, async () => {
      reply.framing = framing;
      const { chunks, saved, ...found } = await save(await respond(), framing);
      assert.equal(found.sha256, sha256);
      assert.ok(saved.equals(content));
      assert.ok(chunks.every(isFreed));
      assert.ok(chunks.filter(({ length }) => length === 0).length > chunks.length / 2);
    });
  }

  it('is free where the socket read them, too', async () => {
    await save(await respond(), 'first');
    reply.body = pieces();
    const body = await respond();
    const read: Buffer[] = [];
    // Listening before the file does, so that this one still sees the bytes.
    body.socket.on('data', (data: Buffer) => read.push(data));
    const { saved } = await save(body, 'second');
    assert.ok(saved.equals(content));
    assert.ok(read.length > 2);
    assert.ok(read.slice(1, -1).every(isFreed));
  });

  it('is free behind TLS, too', async () => {
    const secure = await startServer({ handle: () => reply, tls: selfSignedCertificate() });
    try {
      const request = https.get(secure.url, { agent: false, rejectUnauthorized: false });
      const [body] = (await once(request, 'response')) as [IncomingMessage];
      const { chunks, saved } = await save(body, 'secure');
      assert.ok(saved.equals(content));
      assert.ok(chunks.every(isFreed));
    } finally {
      await secure.stop();
    }
  });

  it('does not belong to the next answer on the same connection', async () => {
    const ports = new Set<number | undefined>();
    for (const name of ['a', 'b', 'c']) {
      reply.body = pieces();
      const body = await respond();
      ports.add(body.socket.localPort);
      const listeners = body.socket.listenerCount('data');
      const { socket } = body;
      const { saved } = await save(body, name);
      assert.ok(saved.equals(content));
      assert.ok(socket.listenerCount('data') <= listeners);
    }
    assert.equal(ports.size, 1);
  });

  it('is no matter of an empty answer, which has let go of its connection', async () => {
    reply = { body: '' };
    const body = await respond();
    body.read();
    await once(body, 'end');
    await turn();
    assert.equal(body.socket, null);
    const { saved } = await save(body, 'empty');
    assert.equal(saved.length, 0);
  });

  it('stays where the video is kept in memory', async () => {
    const sink = memorySink(Infinity);
    await receive(await respond(), sink, options);
    assert.ok(sink.end().buffer.equals(content));
  });

  it('stays where the body is not a response, as its maker may still need it', async () => {
    const whole = Buffer.from(content);
    const { chunks, saved } = await save(Readable.from([whole]), 'stream');
    assert.ok(saved.equals(content));
    assert.deepEqual(chunks, [whole]);
  });
});
