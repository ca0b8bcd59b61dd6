import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs, { readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { mock } from 'node:test';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { receive } from '../../../lib/clips/receive';
import { fileSink, memorySink } from '../../../lib/clips/sink';
import { manualClock } from '../../support/manual-clock';
import { tempFolder } from '../../support/temp-folder';

const mebi = 2 ** 20;
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe('bytes on their way into memory', () => {
  it('are there in the end, with their SHA-256', async () => {
    const sink = memorySink(10);
    await sink.write([Buffer.from('abc'), Buffer.from('de')]);
    await sink.write([Buffer.from('f')]);
    assert.deepEqual(sink.end(), { buffer: Buffer.from('abcdef'), sha256: sha256('abcdef') });
  });

  it('are refused as soon as there are too many', async () => {
    const sink = memorySink(10);
    await sink.write([Buffer.alloc(4), Buffer.alloc(6)]);
    await assert.rejects(sink.write([Buffer.alloc(1)]), {
      code: 'ELIMIT',
      retryable: false,
      message: /Save it as a file/,
    });
    assert.equal(sink.end().buffer.length, 10);
  });

  it('stop a transfer that announces no length', async () => {
    const source = async function* () {
      for (;;) yield Buffer.alloc(mebi);
    };
    const body = Readable.from(source());
    const options = { stallMs: 1_000, clock: manualClock(), signal: new AbortController().signal };
    await assert.rejects(receive(body, memorySink(3 * mebi), options), {
      code: 'ELIMIT',
      message: /larger than 3 MiB/,
    });
    assert.equal(body.destroyed, true);
  });
});

describe('bytes on their way into a file', () => {
  const temp = tempFolder();
  const path = (): string => join(temp(), 'file');
  const { signal } = new AbortController();

  it('all arrive, in order, and the SHA-256 is theirs', async () => {
    const handle = await fs.open(path(), 'w');
    const sink = fileSink(path(), handle);
    await sink.write([]);
    // More at once than the system takes in one call.
    await sink.write(Array.from({ length: 5_000 }, (_, number) => Buffer.from([number & 255])));
    await sink.write([Buffer.from('end')]);
    assert.equal(sink.position, 5_003);
    const digest = await sink.end(signal);
    await handle.close();
    const expected = Buffer.concat([Buffer.from(Array.from({ length: 5_000 }, (_, n) => n & 255)), Buffer.from('end')]);
    assert.ok((await readFile(path())).equals(expected));
    assert.equal(digest, sha256(expected));
  });

  /** How far the thread is told to hash, as these batches come; and what the SHA-256 is in the end. */
  async function hashing(batches: Buffer[]): Promise<{ told: number[]; digest: string }> {
    const { mock: orders } = mock.method(Worker.prototype, 'postMessage');
    const handle = await fs.open(path(), 'w+');
    const sink = fileSink(path(), handle);
    for (const batch of batches) await sink.write([batch]);
    const told = orders.calls.map((call) => (call.arguments[0] as { bytes: number }).bytes);
    mock.restoreAll();
    const digest = await sink.end(signal);
    await sink.close();
    await handle.close();
    return { told, digest };
  }

  it('are hashed by a thread while they come, from the first one on, as soon as there are many', async () => {
    const batches = [Buffer.from('abc'), Buffer.alloc(mebi, 1), Buffer.from('de')];
    const { told, digest } = await hashing(batches);
    assert.deepEqual(told, [mebi + 3, mebi + 5]);
    assert.equal(digest, sha256(Buffer.concat(batches)));
  });

  it('are hashed here while they are few', async () => {
    const { told, digest } = await hashing([Buffer.from('abc'), Buffer.from('de')]);
    assert.deepEqual(told, []);
    assert.equal(digest, sha256('abcde'));
  });

  for (const bytes of [3, mebi]) {
    it(`have no SHA-256 once ${bytes} of them are not wanted any more`, async () => {
      const handle = await fs.open(path(), 'w+');
      const sink = fileSink(path(), handle);
      await sink.write([Buffer.alloc(bytes)]);
      await assert.rejects(sink.end(AbortSignal.abort()), { code: 'EABORTED' });
      await sink.close();
      await handle.close();
    });
  }

  it('go on behind what is there, which counts for the SHA-256', async () => {
    await writeFile(path(), 'before');
    const handle = await fs.open(path(), 'r+');
    const sink = fileSink(path(), handle, { position: 6 });
    assert.equal(sink.position, 6);
    await sink.write([Buffer.from(' and'), Buffer.from(' after')]);
    assert.equal(await sink.end(signal), sha256('before and after'));
    await handle.close();
    assert.equal(await readFile(path(), 'utf8'), 'before and after');
  });

  it('are on disk before the SHA-256 is told', async () => {
    const handle = await fs.open(path(), 'w');
    let isSynced = false;
    const sync = handle.sync.bind(handle);
    handle.sync = () => sync().then(() => void (isSynced = true));
    const sink = fileSink(path(), handle);
    await sink.write([Buffer.from('abc')]);
    assert.equal(isSynced, false);
    await sink.end(signal);
    assert.equal(isSynced, true);
    await handle.close();
  });

  it('are checked for before each batch', async () => {
    const handle = await fs.open(path(), 'w');
    const asked: number[] = [];
    const check = async (bytes: number) => {
      asked.push(bytes);
      if (bytes > 5) throw new Error('no room');
    };
    const sink = fileSink(path(), handle, { check });
    await sink.write([Buffer.from('abc'), Buffer.from('d')]);
    await assert.rejects(sink.write([Buffer.from('abcdef')]), /no room/);
    assert.deepEqual(asked, [4, 6]);
    assert.equal(sink.position, 4);
    await sink.close();
    await handle.close();
  });

  /** A disk that behaves as told. */
  const disk = (writev: (buffers: Buffer[]) => number): FileHandle =>
    ({ writev: async (buffers: Buffer[]) => ({ bytesWritten: writev(buffers), buffers }) }) as unknown as FileHandle;

  it('all arrive when the disk takes them a few at a time', async () => {
    const written: Buffer[] = [];
    const handle = disk((buffers) => written.push(Buffer.concat(buffers).subarray(0, 3)) && written.at(-1)!.length);
    const sink = fileSink(path(), handle);
    await sink.write([Buffer.from('ab'), Buffer.alloc(0), Buffer.from('cdefg'), Buffer.from('h')]);
    assert.equal(Buffer.concat(written).toString(), 'abcdefgh');
    assert.equal(sink.position, 8);
    await sink.close();
  });

  it('tell of a disk that takes the first of them and is full then', async () => {
    let free = 5;
    const handle = disk((buffers) => {
      if (free === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      const taken = Math.min(free, Buffer.concat(buffers).length);
      free -= taken;
      return taken;
    });
    const sink = fileSink(path(), handle);
    await assert.rejects(sink.write([Buffer.alloc(4), Buffer.alloc(4)]), { code: 'ENOSPC' });
    await sink.close();
  });
});
