import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execFileSync } from 'node:child_process';
import { copyFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { recordFile, type WrittenFile } from '../../../../lib/files/written-file';
import { readRange, sendFile } from '../../../../lib/node-red/activity/media';
import { tempFolder } from '../../../support/temp-folder';

describe('a Range header', () => {
  const cases: [header: string | undefined, expected: ReturnType<typeof readRange>][] = [
    [undefined, undefined],
    ['bytes=0-', { first: 0, last: 99 }],
    ['bytes=10-19', { first: 10, last: 19 }],
    ['bytes=99-', { first: 99, last: 99 }],
    ['bytes=90-1000', { first: 90, last: 99 }],
    ['bytes=-10', { first: 90, last: 99 }],
    ['bytes=-1000', { first: 0, last: 99 }],
    ['bytes=-0', 'none'],
    ['bytes=100-', 'none'],
    ['bytes=19-10', undefined],
    ['bytes=0-1,5-6', undefined],
    ['seconds=0-1', undefined],
    ['bytes=-', undefined],
    ['nonsense', undefined],
  ];
  for (const [header, expected] of cases) {
    it(`"${header ?? ''}" of 100 bytes asks for ${JSON.stringify(expected) ?? 'all of it'}`, () => {
      assert.deepEqual(readRange(header, 100), expected);
    });
  }
});

describe('a file for a player', () => {
  const folder = tempFolder();
  const content = Buffer.from(Array.from({ length: 100 }, (_, index) => index));
  let written: WrittenFile;
  let server: Server;
  let url: string;

  beforeEach(async () => {
    const path = join(folder(), 'clip.mp4');
    await writeFile(path, content);
    written = (await recordFile(path))!;
    server = createServer((request, response) => void sendFile(written, 'video/mp4', request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(() => void server.close());

  it('comes whole, and says what it is', async () => {
    const response = await fetch(url);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'video/mp4');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), content);
  });

  it('comes in the part that is asked for', async () => {
    const response = await fetch(url, { headers: { range: 'bytes=10-19' } });
    assert.equal(response.status, 206);
    assert.equal(response.headers.get('content-range'), 'bytes 10-19/100');
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), content.subarray(10, 20));
  });

  it('says how long it is when a part beyond its end is asked for', async () => {
    const response = await fetch(url, { headers: { range: 'bytes=100-' } });
    assert.deepEqual([response.status, response.headers.get('content-range')], [416, 'bytes */100']);
  });

  it('is only described when that is asked for', async () => {
    const response = await fetch(url, { method: 'HEAD' });
    assert.deepEqual([response.status, response.headers.get('content-length')], [200, '100']);
  });

  it('may be empty', async () => {
    await truncate(written.path);
    written = (await recordFile(written.path))!;
    for (const headers of [{}, { range: 'bytes=0-' }, { range: 'bytes=-5' }] as Record<string, string>[]) {
      const response = await fetch(url, { headers });
      assert.equal(response.status, headers.range ? 416 : 200);
      assert.equal((await response.arrayBuffer()).byteLength, 0);
    }
  });

  describe('is not found when at its path', () => {
    const changes: Record<string, (path: string) => Promise<void>> = {
      'nothing lies any more': (path) => rm(path),
      'a file of another time lies': (path) => utimes(path, new Date(0), new Date(0)),
      'a file of another length lies': (path) => truncate(path, 10),
      'another file of the same length and time lies': async (path) => {
        const copy = `${path}.copy`;
        await copyFile(path, copy);
        await utimes(copy, new Date(written.mtimeMs), new Date(written.mtimeMs));
        await rename(copy, path);
        written = { ...written, mtimeMs: (await recordFile(path))!.mtimeMs };
      },
      'a link to it lies': async (path) => {
        await rename(path, `${path}.moved`);
        await symlink(`${path}.moved`, path);
      },
      'a pipe lies that nobody writes into': async (path) => {
        await rm(path);
        execFileSync('mkfifo', [path]);
      },
    };
    for (const [what, change] of Object.entries(changes)) {
      it(what, async function () {
        if (what.includes('pipe') && process.platform === 'win32') return this.skip();
        await change(written.path);
        assert.equal((await fetch(url)).status, 404);
      });
    }
  });

  it('breaks off when it becomes shorter on the way, so that no player waits for the rest', async () => {
    await writeFile(written.path, Buffer.alloc(64 * 2 ** 20));
    written = (await recordFile(written.path))!;
    const response = await fetch(url);
    const reader = response.body!.getReader();
    await reader.read();
    await truncate(written.path, 1000);
    await assert.rejects(async () => {
      for (let part = await reader.read(); !part.done;) part = await reader.read();
    });
    await truncate(written.path, 10);
    written = (await recordFile(written.path))!;
    assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, 10);
  });
});
