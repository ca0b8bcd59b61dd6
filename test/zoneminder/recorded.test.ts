// Reads what a real ZoneMinder has recorded: how much of it is fetched and searched, and what stands in the way.
import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../lib/async/clock';
import { Connection } from '../../lib/connection/connection';
import type { ClipError } from '../../lib/errors';
import { readFields } from '../../lib/fields';
import { zoneMinder } from '../../lib/providers/zoneminder';
import { matcherOf, type Call } from '../simulators/zoneminder';
import { addCamera } from './cameras';
import { addEvents, videoOf } from './events';
import { clipOf, rangeOf, withClipFlow } from './flow';
import { hashPictures, makeFootage, numberPictures, picturesPerSecond } from './footage';
import { startProxy, type ZoneMinderProxy } from './proxy';
import { administrator, describeWithZoneMinder, startZoneMinder, viewer, type ZoneMinderServer } from './server';

const never = new AbortController().signal;

describeWithZoneMinder('recordings of a real ZoneMinder', function () {
  this.timeout(120_000);
  let server: ZoneMinderServer;
  let proxy: ZoneMinderProxy;
  let camera: string;
  let long: string;
  let short: string;
  const connections: Connection[] = [];
  /** The beginning of a second, so long ago that nothing of then is still to come. */
  const fromMs = Math.floor(Date.now() / 1000) * 1000 - 12 * 3600_000;

  before('a server with one camera', async () => {
    server = await startZoneMinder({ timeZone: 'Asia/Kathmandu' });
    camera = await addCamera(server, { name: 'Gate' });
    long = await makeFootage(server.pathOf('long.mp4'), { seconds: 374, keyFrames: 2 });
    short = await makeFootage(server.pathOf('short.mp4'), { seconds: 10 });
  });
  beforeEach(async () => {
    server.query('delete from Events');
    proxy = await startProxy(server);
  });
  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
    await proxy.close();
  });
  after(() => server.close());

  const requestsFor = (call: Call) => proxy.server.requests.filter(matcherOf(call));

  function connect(credentials = viewer): Connection {
    const settings = readFields(zoneMinder.settings, { url: proxy.url });
    const config = { settings, credentials: { ...credentials, token: '' }, now: systemClock.now };
    const options = { id: 'server', definition: zoneMinder, config, maxConcurrent: 2, clock: systemClock };
    const connection = new Connection(options);
    connections.push(connection);
    return connection;
  }

  const request = (startMs: number, seconds: number) => ({
    camera,
    ...rangeOf(startMs, seconds),
    title: '',
    options: {},
  });

  async function downloaded(connection: Connection): Promise<void> {
    const clip = await connection.createClip(request(fromMs + 2000, 5), never);
    (await connection.openClip(clip, { offset: 0 }, never)).body.destroy();
  }

  it('cuts 20 s out of an event of 374 s, and fetches a tenth of its bytes at most', async () => {
    addEvents(server, [{ camera, startMs: fromMs, seconds: 374, file: long }]);
    await withClipFlow(proxy.url, async (flow) => {
      const { file } = await clipOf(flow, camera, rangeOf(fromMs + 100_000, 20));
      assert.deepEqual([file.problems, file.gaps], [[], []]);
      const numbers = await numberPictures(file.path, await hashPictures(long));
      // With the margin of two seconds, from key frame to key frame.
      const first = 98 * picturesPerSecond;
      assert.deepEqual(
        numbers,
        Array.from({ length: 24 * picturesPerSecond }, (_, index) => first + index),
      );
    });
    const fetched = requestsFor('video').reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const { length } = requestsFor('video');
    const share = fetched / statSync(long).size;
    assert.ok(share < 0.1, `${(share * 100).toFixed(1)} % in ${length} requests`);
  });

  it('finds the right one of 250 events, and asks once for the state of 60 clips', async () => {
    const events = Array.from({ length: 250 }, (_, minute) => ({
      ...{ camera, startMs: fromMs + minute * 60_000, seconds: 10 },
      file: short,
    }));
    addEvents(server, events);
    const connection = connect();
    const starts = Array.from({ length: 60 }, (_, index) => fromMs + index * 4 * 60_000 + 2000);
    const made = await Promise.all(starts.map((startMs) => connection.createClip(request(startMs, 5), never)));
    const ids = server.query('select Id from Events order by Id').map(([id]) => id);
    assert.deepEqual(
      made.map(({ status, ref, gaps }) => [status, ref?.events, gaps]),
      starts.map((_, index) => ['finished', ids[index * 4], []]),
    );
    const searches = requestsFor('events').length;
    await Promise.all(made.map((clip) => connection.pollClip(clip, 1000, never)));
    // The API gives 100 events at a time.
    assert.equal(requestsFor('events').length - searches, 3);
    const none = connection.createClip(request(fromMs + 30_000, 5), never);
    await assert.rejects(none, { code: 'ENOFOOTAGE' });
  });

  it('logs in again, once, when its token has been revoked', async () => {
    addEvents(server, [{ camera, startMs: fromMs, seconds: 10, file: short }]);
    await withClipFlow(proxy.url, async (flow) => {
      await clipOf(flow, camera, rangeOf(fromMs + 2000, 5));
      await server.revokeTokens();
      await clipOf(flow, camera, rangeOf(fromMs + 3000, 5));
    });
    assert.equal(requestsFor('login').length, 2);
  });

  const damages: Record<string, { damage(path: string): void; error: RegExp }> = {
    'has lost its file': { damage: (path) => rmSync(path), error: /^ENOTFOUND: .*file of event \d+ is missing/ },
    'has an empty file': {
      damage: (path) => writeFileSync(path, ''),
      error: /^ENOTFOUND: .*file of event \d+ is empty/,
    },
    'has a file that is no video': {
      damage: (path) => writeFileSync(path, 'not a video '.repeat(99)),
      error: /^EPROTOCOL: .*instead of video/,
    },
  };
  for (const [name, { damage, error }] of Object.entries(damages)) {
    it(`says so where an event ${name}`, async () => {
      const [id] = addEvents(server, [{ camera, startMs: fromMs, seconds: 10, file: short }]);
      const path = videoOf(server, id!);
      // Its other name belongs to the footage.
      rmSync(path);
      writeFileSync(path, '');
      damage(path);
      await assert.rejects(downloaded(connect()), ({ code, message }: ClipError) => error.test(`${code}: ${message}`));
    });
  }

  it('says that an event was recorded as pictures only', async () => {
    addEvents(server, [{ camera, startMs: fromMs, seconds: 10 }]);
    const made = connect().createClip(request(fromMs + 2000, 5), never);
    await assert.rejects(made, { code: 'ENOFOOTAGE', message: /pictures only/ });
  });

  const refusals: { when: string; option?: [string, string]; user?: typeof viewer; code: string; message: RegExp }[] = [
    { when: 'the password is wrong', user: { ...viewer, password: 'no' }, code: 'EAUTH', message: /password/ },
    { when: 'the user is disabled', user: { ...viewer, username: 'disabled' }, code: 'EAUTH', message: /user/ },
    { when: 'the user may not use the API', user: { ...viewer, username: 'no-api' }, code: 'EFORBIDDEN', message: /API Enabled/ },
    { when: 'the user may not see events', user: { ...viewer, username: 'no-events' }, code: 'EFORBIDDEN', message: /Events: View/ },
    { when: 'the API is off', option: ['ZM_OPT_USE_API', '0'], code: 'EFORBIDDEN', message: /OPT_USE_API/ },
    { when: 'there is no secret', option: ['ZM_AUTH_HASH_SECRET', ''], code: 'EFORBIDDEN', message: /AUTH_HASH_SECRET/ },
    { when: 'the privacy notice is due', option: ['ZM_SHOW_PRIVACY', '1'], user: administrator, code: 'EFORBIDDEN', message: /SHOW_PRIVACY/ },
  ]; // prettier-ignore
  for (const { when, option, user, code, message } of refusals) {
    it(`names the setting to change when ${when}`, async () => {
      addEvents(server, [{ camera, startMs: fromMs, seconds: 10, file: short }]);
      const usual = option && server.query(`select Value from Config where Name = '${option[0]}'`)[0]![0]!;
      if (option) server.setOption(...option);
      try {
        await assert.rejects(downloaded(connect(user)), { code, message });
      } finally {
        if (option) server.setOption(option[0], usual!);
      }
    });
  }

  it('warns where the recorder is in another zone than PHP, as after a default installation', async () => {
    addEvents(server, [{ camera, startMs: Math.floor(Date.now() / 1000) * 1000, seconds: 10, file: short }]);
    server.setOption('ZM_TIMEZONE', '');
    try {
      const { warnings } = await connect().check(never);
      assert.match(warnings.join('\n'), /differ in their time zone/);
    } finally {
      server.setOption('ZM_TIMEZONE', server.timeZone);
    }
  });

  it('needs no user where the login is switched off', async () => {
    addEvents(server, [{ camera, startMs: fromMs, seconds: 10, file: short }]);
    server.setOption('ZM_OPT_USE_AUTH', '0');
    try {
      const made = await connect({ username: '', password: '' }).createClip(request(fromMs + 2000, 5), never);
      assert.equal(made.status, 'finished');
    } finally {
      server.setOption('ZM_OPT_USE_AUTH', '1');
    }
  });
});
