import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import fs, { appendFile, readdir, writeFile } from 'node:fs/promises';
import { mock } from 'node:test';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import threads, { Worker } from 'node:worker_threads';
import { growingHash } from '../../../lib/files/hash';
import { eventually } from '../../support/eventually';
import { expectNoUnhandledRejections } from '../../support/promises';
import { tempFolder } from '../../support/temp-folder';

const mebi = 2 ** 20;
const content = randomBytes(5 * mebi + 4321);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('the hash of a file that grows', () => {
  expectNoUnhandledRejections();
  const temp = tempFolder();
  const path = (name = 'file'): string => join(temp(), name);
  /** Threads that were started. */
  let started: Worker[];

  beforeEach(() => {
    started = [];
    const { postMessage } = Worker.prototype;
    mock.method(Worker.prototype, 'postMessage', function (this: Worker, ...given: [unknown]) {
      if (!started.includes(this)) started.push(this);
      postMessage.apply(this, given);
    });
  });
  afterEach(() => {
    mock.restoreAll();
    mock.timers.reset();
  });

  it('is that of all its bytes, however it grew', async () => {
    await writeFile(path(), '');
    const hash = growingHash(path());
    for (let at = 0; at < content.length; at += 700_001) {
      await appendFile(path(), content.subarray(at, at + 700_001));
      hash.grow(Math.min(at + 700_001, content.length));
    }
    assert.equal(await hash.digest(content.length), sha256(content));
  });

  it('does not look behind what it was told of', async () => {
    await writeFile(path(), content);
    const hash = growingHash(path());
    hash.grow(1000);
    assert.equal(await hash.digest(2000), sha256(content.subarray(0, 2000)));
  });

  it('may take for granted what the file starts with in the end', async () => {
    await writeFile(path(), content);
    const head = Buffer.from('another beginning');
    const digest = await growingHash(path(), head).digest(content.length);
    assert.equal(digest, sha256(Buffer.concat([head, content.subarray(head.length)])));
  });

  it('of an empty file is that of nothing', async () => {
    await writeFile(path(), '');
    assert.equal(await growingHash(path()).digest(0), sha256(Buffer.alloc(0)));
  });

  it('is that of each of many files at once, with one thread for all', async () => {
    const files = Array.from({ length: 20 }, (_, number) => content.subarray(number * 1000));
    const digests = await Promise.all(
      files.map(async (bytes, number) => {
        await writeFile(path(String(number)), bytes);
        return growingHash(path(String(number))).digest(bytes.length);
      }),
    );
    assert.deepEqual(digests, files.map(sha256));
    assert.equal(started.length, 1);
  });

  it('leaves this thread free meanwhile', async () => {
    await writeFile(path(), Buffer.alloc(64 * mebi));
    let turns = 0;
    let isTold = false;
    const digest = growingHash(path())
      .digest(64 * mebi)
      .finally(() => (isTold = true));
    while (!isTold) {
      turns += 1;
      await turn();
    }
    await digest;
    assert.ok(turns > 10, `${turns} turns`);
  });

  it('fails as reading the file does', async () => {
    await assert.rejects(growingHash(path('none')).digest(5), { code: 'ENOENT' });
    await writeFile(path(), 'abc');
    await assert.rejects(growingHash(path()).digest(5), /ends after 3 of 5 bytes/);
  });

  it('is told even if its thread could not read the file at first', async () => {
    const hash = growingHash(path());
    hash.grow(4);
    await turn();
    await writeFile(path(), 'abcd');
    assert.equal(await hash.digest(4), sha256(Buffer.from('abcd')));
  });

  it('is told even if its thread dies, and the next file gets another thread', async () => {
    await writeFile(path(), content);
    const hash = growingHash(path());
    hash.grow(1000);
    await started[0]!.terminate();
    assert.equal(await hash.digest(content.length), sha256(content));
    assert.equal(await growingHash(path()).digest(content.length), sha256(content));
    assert.equal(started.length, 2);
  });

  it('is told even if its thread dies while it is waited for', async () => {
    await writeFile(path(), content);
    const digest = growingHash(path()).digest(content.length);
    void started[0]!.terminate();
    assert.equal(await digest, sha256(content));
  });

  it('is told where there can be no threads', async () => {
    await writeFile(path(), content);
    // Whatever thread there is goes first.
    const last = growingHash(path());
    last.grow(1);
    await started[0]!.terminate();
    const { mock: tries } = mock.method(threads, 'Worker', function () {
      throw new Error('ERR_WORKER_INIT_FAILED');
    });
    assert.equal(await growingHash(path()).digest(content.length), sha256(content));
    assert.equal(tries.callCount(), 1);
  });

  it('ends in EABORTED when nobody wants it any more, and leaves no listener', async () => {
    await writeFile(path(), content);
    const stop = new AbortController();
    const digest = growingHash(path()).digest(content.length, stop.signal);
    stop.abort();
    await assert.rejects(digest, { code: 'EABORTED' });
    await assert.rejects(growingHash(path()).digest(content.length, stop.signal), { code: 'EABORTED' });
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  });

  it('lets go of the file in any case', async function () {
    if (process.platform !== 'linux') return this.skip();
    await writeFile(path(), content);
    const stop = new AbortController();
    const hashes = [1, 2, 3].map(() => growingHash(path()));
    for (const hash of hashes) hash.grow(mebi);
    const open = async (): Promise<number> => {
      const links = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => fs.readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      return links.filter((link) => link === path()).length;
    };
    await eventually(async () => assert.equal(await open(), 3));
    await hashes[0]!.digest(content.length);
    assert.equal(await open(), 2);
    await hashes[1]!.close();
    assert.equal(await open(), 1);
    const third = hashes[2]!.digest(content.length, stop.signal);
    stop.abort();
    await assert.rejects(third);
    assert.equal(await open(), 0);
    // What comes late changes nothing.
    for (const hash of hashes) hash.grow(content.length);
    await growingHash(path()).digest(content.length);
    assert.equal(await open(), 0);
  });

  it('has no thread any more when there is nothing to do for a while', async () => {
    await writeFile(path(), content);
    mock.timers.enable({ apis: ['setTimeout'] });
    await growingHash(path()).digest(content.length);
    mock.timers.tick(29_999);
    await growingHash(path()).digest(content.length);
    assert.equal(started.length, 1);
    mock.timers.tick(30_000);
    await once(started[0]!, 'exit');
    await growingHash(path()).digest(content.length);
    assert.equal(started.length, 2);
    mock.timers.tick(30_000);
  });
});
