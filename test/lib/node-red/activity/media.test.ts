import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { utimes, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import type { KnownFile } from '../../../../lib/node-red/activity/feed';
import { readRange, sendFile } from '../../../../lib/node-red/activity/media';
import { createTickets } from '../../../../lib/node-red/activity/tickets';
import { manualClock } from '../../../support/manual-clock';
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
  let known: KnownFile;
  let server: Server;
  let url: string;

  beforeEach(async () => {
    const path = join(folder(), 'clip.mp4');
    await writeFile(path, content);
    const { size, mtimeMs } = await stat(path);
    known = { path, size, mtimeMs };
    server = createServer((request, response) => void sendFile(known, 'video/mp4', request, response));
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

  it('is not found when another file lies there by now', async () => {
    await utimes(known.path, new Date(0), new Date(0));
    assert.equal((await fetch(url)).status, 404);
    known.path = folder();
    assert.equal((await fetch(url)).status, 404);
    known.path = join(folder(), 'gone.mp4');
    assert.equal((await fetch(url)).status, 404);
  });
});

describe('a ticket', () => {
  it('is for one thing, and cannot be guessed', () => {
    const office = createTickets(manualClock(), 1000, 10);
    const [one, other] = [office.issue('one'), office.issue('other')];
    assert.deepEqual([office.redeem(one), office.redeem(other)], ['one', 'other']);
    assert.ok(one.length >= 32 && one !== other);
    assert.equal(office.redeem('x'.repeat(one.length)), undefined);
  });

  it('lasts from its last use', async () => {
    const clock = manualClock();
    const office = createTickets(clock, 1000, 10);
    const ticket = office.issue('one');
    await clock.advance(900);
    assert.equal(office.redeem(ticket), 'one');
    await clock.advance(900);
    assert.equal(office.redeem(ticket), 'one');
    await clock.advance(1000);
    assert.equal(office.redeem(ticket), undefined);
  });

  it('gives way when there are too many', () => {
    const office = createTickets(manualClock(), 1000, 2);
    const tickets = ['one', 'two', 'three'].map((what) => office.issue(what));
    assert.deepEqual(
      tickets.map((ticket) => office.redeem(ticket)),
      [undefined, 'two', 'three'],
    );
  });
});
