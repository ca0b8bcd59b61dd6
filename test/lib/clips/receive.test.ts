import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { receive, type ReceiveOptions } from '../../../lib/clips/receive';
import { memorySink, type Sink } from '../../../lib/clips/sink';
import { ClipError } from '../../../lib/errors';
import { startServer, type Fault, type Reply, type SimulatorServer } from '../../simulators/http-server';
import { eventually } from '../../support/eventually';
import { manualClock, type ManualClock } from '../../support/manual-clock';
import { deferred, expectNoUnhandledRejections } from '../../support/promises';

const mebi = 2 ** 20;
const content = randomBytes(3 * mebi + 4321);

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield content.subarray(0, 64 * 1024);
}

async function* pieces(bytes: Buffer, size = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('receiving a body', () => {
  expectNoUnhandledRejections();
  let clock: ManualClock;
  let stop: AbortController;
  let got: number[];
  let options: ReceiveOptions;

  beforeEach(() => {
    clock = manualClock();
    stop = new AbortController();
    got = [];
    options = { stallMs: 30_000, clock, signal: stop.signal, onBytes: (bytes) => got.push(bytes) };
  });
  // Whatever happened: no timer, and no listener on a signal that may live long.
  afterEach(() => {
    assert.equal(clock.waiting, 0);
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  });

  describe('from a server', () => {
    let server: SimulatorServer;
    let reply: Reply;

    beforeEach(async () => {
      reply = { body: pieces(content), size: content.length };
      server = await startServer({ handle: () => reply });
    });
    afterEach(() => server.stop());

    async function open(fault?: Fault): Promise<IncomingMessage> {
      if (fault) server.fail(fault);
      const request = get(server.url, { agent: false });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      // What breaks the body is reported by the request as well.
      request.on('error', () => undefined);
      return response;
    }

    async function receiveAll(fault?: Fault, more: Partial<ReceiveOptions> = { size: content.length }) {
      const sink = memorySink(Infinity);
      const received = await receive(await open(fault), sink, { ...options, ...more });
      return { received, bytes: sink.end().buffer };
    }

    it('hands on every byte in order, and tells their number', async () => {
      const { received, bytes } = await receiveAll();
      assert.deepEqual(received, { size: content.length });
      assert.ok(bytes.equals(content));
      assert.equal(got.at(-1), content.length);
      assert.deepEqual(
        got,
        [...got].sort((a, b) => a - b),
      );
    });

    for (const framing of ['chunked', 'close'] as const) {
      it(`does not need to know the length beforehand (${framing})`, async () => {
        reply.framing = framing;
        const { received, bytes } = await receiveAll(undefined, {});
        assert.deepEqual(received, { size: content.length });
        assert.ok(bytes.equals(content));
      });
    }

    for (const at of [0, 1, 64 * 1024, mebi, content.length - 1]) {
      for (const how of ['end', 'reset'] as const) {
        it(`reports that the connection broke by ${how} after ${at} bytes, and keeps what came`, async () => {
          const { received, bytes } = await receiveAll({ kind: 'truncate', afterBytes: at, how });
          assert.equal(received.cut?.code, 'EINCOMPLETE');
          assert.equal(received.cut.retryable, true);
          assert.match(
            received.cut.message,
            new RegExp(`broke off: .* after ${received.size} of ${content.length} bytes`),
          );
          // A reset may overtake bytes that were sent before it.
          if (how === 'end') assert.equal(received.size, at);
          assert.ok(received.size <= at);
          assert.ok(bytes.equals(content.subarray(0, received.size)));
        });
      }
    }

    it('reports a body that ends early without any sign of it', async () => {
      const { received } = await receiveAll({ kind: 'truncate', afterBytes: 1000, how: 'clean' });
      assert.equal(received.cut?.code, 'EINCOMPLETE');
      assert.equal(received.size, 1000);
    });

    it('reports a chunked body that breaks off', async () => {
      reply.framing = 'chunked';
      const { received } = await receiveAll({ kind: 'truncate', afterBytes: 1000, how: 'end' }, {});
      assert.equal(received.cut?.code, 'EINCOMPLETE');
      assert.match(received.cut.message, /after 1000 bytes$/);
    });

    it('reports that nothing came where something was announced', async () => {
      reply = { body: '' };
      const { received, bytes } = await receiveAll(undefined, { size: 5 });
      assert.equal(received.cut?.code, 'EINCOMPLETE');
      assert.match(received.cut.message, /after 0 of 5 bytes/);
      assert.equal(bytes.length, 0);
    });

    it('is content with nothing where nothing was announced', async () => {
      reply = { body: '' };
      const { received } = await receiveAll(undefined, {});
      assert.deepEqual(received, { size: 0 });
      assert.deepEqual(got, []);
    });

    it('stops reading as soon as there is more than was announced, and says so', async () => {
      reply = { body: endless(), framing: 'chunked' };
      const { received } = await receiveAll(undefined, { size: 100_000 });
      assert.equal(received.cut?.code, 'EINCOMPLETE');
      assert.match(received.cut.message, /sent more than the 100000 bytes that it announced/);
      assert.ok(received.size < mebi);
      await eventually(() => assert.equal(server.connections, 0));
    });

    it('stops reading where nothing was announced and no video of that length has more', async () => {
      reply = { body: endless(), framing: 'chunked' };
      const { received } = await receiveAll(undefined, { mostBytes: 100_000 });
      assert.equal(received.cut?.code, 'EINCOMPLETE');
      assert.equal(received.cut.retryable, true);
      assert.match(received.cut.message, /more than a video of that length can have/);
      await eventually(() => assert.equal(server.connections, 0));
    });

    for (const afterBytes of [0, 1000, mebi + 5]) {
      it(`gives up when the server falls silent after ${afterBytes} bytes, and closes the connection`, async () => {
        const sink = memorySink(Infinity);
        const receiving = receive(await open({ kind: 'stall', afterBytes }), sink, {
          ...options,
          size: content.length,
        });
        await eventually(() => assert.equal(got.at(-1) ?? 0, afterBytes));
        await clock.advance(29_999);
        await turn();
        assert.equal(server.connections, 1);
        await clock.advance(1);
        const received = await receiving;
        assert.equal(received.cut?.code, 'ETIMEOUT');
        assert.equal(received.cut.retryable, true);
        assert.match(received.cut.message, /no data for 30 s/);
        assert.equal(received.size, afterBytes);
        await eventually(() => assert.equal(server.connections, 0));
      });
    }

    describe('that is no longer wanted', () => {
      const aborts: Record<string, { fault?: Fault; when(): boolean }> = {
        'before the first byte': { fault: { kind: 'stall', afterBytes: 0 }, when: () => true },
        'in the middle': { fault: { kind: 'stall', afterBytes: 2 * mebi }, when: () => got.at(-1) === 2 * mebi },
        'at the first byte': { when: () => got.length > 0 },
        'with one byte missing': {
          fault: { kind: 'stall', afterBytes: content.length - 1 },
          when: () => got.at(-1) === content.length - 1,
        },
      };
      for (const [moment, { fault, when }] of Object.entries(aborts)) {
        it(`(${moment}) ends with EABORTED and closes the connection`, async () => {
          const body = await open(fault);
          const receiving = receive(body, memorySink(Infinity), {
            ...options,
            onBytes(bytes) {
              got.push(bytes);
              if (!fault) stop.abort();
            },
          });
          const ended = assert.rejects(receiving, { code: 'EABORTED' });
          await eventually(when);
          stop.abort();
          await ended;
          await eventually(() => assert.equal(server.connections, 0));
        });
      }

      it('(before it is read at all) ends with EABORTED and closes the connection', async () => {
        const body = await open();
        stop.abort();
        await assert.rejects(receive(body, memorySink(Infinity), options), { code: 'EABORTED' });
        await eventually(() => assert.equal(server.connections, 0));
      });

      it('(while the disk is busy) ends with EABORTED once the disk is done', async () => {
        const disk = deferred();
        const order: string[] = [];
        const sink: Sink = { write: () => disk.promise.then(() => void order.push('written')) };
        const receiving = receive(await open(), sink, options);
        const ended = assert.rejects(receiving, { code: 'EABORTED' }).then(() => order.push('ended'));
        await eventually(() => got.at(-1)! >= mebi);
        stop.abort();
        await eventually(() => assert.equal(server.connections, 0));
        disk.resolve();
        await ended;
        assert.equal(order.at(-1), 'ended');
        assert.ok(order.length >= 2);
      });
    });

    it('surfaces the failure of the sink, and closes the connection', async () => {
      for (const failAt of [1, 2]) {
        let writes = 0;
        const sink: Sink = {
          async write() {
            writes += 1;
            if (writes === failAt) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
          },
        };
        reply.body = pieces(content);
        await assert.rejects(receive(await open(), sink, options), { code: 'ENOSPC' });
        await eventually(() => assert.equal(server.connections, 0));
      }
    });
  });

  it('surfaces the failure of the sink at once, also when the server is silent', async () => {
    const body = new PassThrough({ highWaterMark: 8 * mebi });
    const failing: Sink = { write: () => Promise.reject(new Error('the disk is full')) };
    const receiving = receive(body, failing, options);
    body.write(Buffer.alloc(mebi));
    await assert.rejects(receiving, /the disk is full/);
    assert.equal(body.destroyed, true);
  });

  it('counts silence from the last byte, and there is no limit to the whole', async () => {
    const body = new PassThrough();
    const receiving = receive(body, memorySink(Infinity), options);
    for (let count = 0; count < 20; count += 1) {
      await clock.advance(29_999);
      body.write(Buffer.alloc(40_000));
      await turn();
    }
    body.end();
    assert.deepEqual(await receiving, { size: 20 * 40_000 });
  });

  for (const [bytesPerSecond, isCut] of [
    [1, true],
    [900, true],
    [1100, false],
  ] as const) {
    it(`${isCut ? 'cuts' : 'waits for'} a transfer of ${bytesPerSecond} bytes per second`, async () => {
      const body = new PassThrough();
      const receiving = receive(body, memorySink(Infinity), options);
      // A fast beginning does not help for ever.
      body.write(Buffer.alloc(500_000));
      for (let seconds = 0; seconds < 1200 && !body.destroyed; seconds += 20) {
        await clock.advance(20_000);
        if (!body.destroyed) body.write(Buffer.alloc(20 * bytesPerSecond));
        await turn();
      }
      if (!body.destroyed) body.end();
      const { cut } = await receiving;
      assert.equal(cut !== undefined, isCut);
      if (!isCut) return;
      assert.deepEqual([cut?.code, cut?.retryable], ['ETIMEOUT', true]);
      assert.match(cut!.message, /less than 1 KiB\/s for 5 minutes/);
    });
  }

  it('is not misled by a clock that is set', async () => {
    for (const hours of [1, -1]) {
      const body = new PassThrough();
      const receiving = receive(body, memorySink(Infinity), options);
      body.write('x');
      await turn();
      clock.step(hours * 3600_000);
      await clock.advance(29_999);
      assert.equal(body.destroyed, false);
      await clock.advance(1);
      assert.match((await receiving).cut!.message, /no data for 30 s/);
    }
  });

  it('does not blame the server for a slow disk', async () => {
    const disk = deferred();
    let writes = 0;
    const sink: Sink = { write: () => ((writes += 1), disk.promise) };
    const body = Readable.from([1, 2, 3, 4].map((value) => Buffer.alloc(mebi, value)));
    const receiving = receive(body, sink, options);
    await eventually(() => assert.equal(got.length, 2));
    for (let minutes = 0; minutes < 60; minutes += 1) await clock.advance(60_000);
    assert.equal(body.destroyed, false);
    disk.resolve();
    const { cut, size } = await receiving;
    assert.equal(cut, undefined);
    assert.equal(size, 4 * mebi);
    assert.ok(writes >= 4);
  });

  it('notices a silent server again after a slow disk', async () => {
    const disk = deferred();
    const body = new PassThrough({ highWaterMark: 8 * mebi });
    const receiving = receive(body, { write: () => disk.promise }, options);
    body.write(Buffer.alloc(mebi));
    body.write(Buffer.alloc(mebi));
    await eventually(() => assert.equal(got.at(-1), 2 * mebi));
    await clock.advance(60_000);
    disk.resolve();
    await turn();
    await clock.advance(30_000);
    assert.equal((await receiving).cut?.code, 'ETIMEOUT');
  });

  it('reads no more than two batches ahead of the disk', async () => {
    const disk = deferred();
    let produced = 0;
    const source = async function* () {
      for (; produced < 100; produced += 1) yield Buffer.alloc(64 * 1024);
    };
    const body = Readable.from(source(), { objectMode: true, highWaterMark: 1 });
    const receiving = receive(body, { write: () => disk.promise }, options);
    await eventually(() => assert.ok(got.length > 0));
    let before = -1;
    while (before !== produced) {
      before = produced;
      await clock.advance(0);
    }
    assert.ok(produced * 64 * 1024 <= mebi + 4 * 64 * 1024, `${produced} pieces`);
    disk.resolve();
    assert.equal((await receiving).size, 100 * 64 * 1024);
  });

  it('writes one batch after the other, however slow', async () => {
    let writing = 0;
    const written: Buffer[] = [];
    const sink: Sink = {
      async write(chunks) {
        assert.equal(++writing, 1);
        await turn();
        await turn();
        written.push(...chunks);
        writing -= 1;
      },
    };
    await receive(Readable.from(pieces(content)), sink, options);
    assert.ok(Buffer.concat(written).equals(content));
  });

  it('reports the error of a body that names what went wrong, as worth another try', async () => {
    const body = new PassThrough();
    const receiving = receive(body, memorySink(Infinity), options);
    body.write('abc');
    await turn();
    body.destroy(new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: 5 }));
    const { cut, size } = await receiving;
    assert.equal(cut?.code, 'ETHROTTLED');
    assert.equal(cut.retryable, true);
    assert.match(cut.message, /broke off: slow down/);
    assert.equal(size, 3);
  });

  it('reports a body that was over before it was read', async () => {
    const body = new PassThrough();
    body.destroy();
    assert.equal((await receive(body, memorySink(Infinity), options)).cut?.code, 'EINCOMPLETE');
  });
});
