// Holds the simulated ZoneMinder server to what was seen on real ones.
import assert from 'node:assert/strict';
import { bufferSource, readMp4 } from '../../lib/mp4';
import { exampleUser, startZoneMinder, type ZoneMinder, type ZoneMinderSettings } from './zoneminder';

const noon = '2026-11-29T12:00:00Z';
const noonMs = Date.parse(noon);
const versions = ['1.36.33', '1.38.4', '1.39.22'] as const;

describe('the simulator of ZoneMinder', function () {
  let sim: ZoneMinder;
  let token: string;

  async function start(settings: ZoneMinderSettings = {}): Promise<void> {
    await sim?.close();
    sim = await startZoneMinder({ clock: { at: noon }, ...settings });
    token = '';
    const login = await post('/api/host/login.json', { user: exampleUser.name, pass: exampleUser.password });
    token = ((await login.json()) as { access_token: string }).access_token;
  }
  beforeEach(() => start());
  afterEach(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });

  function post(path: string, fields: Record<string, string> = {}, headers = {}): Promise<Response> {
    const body = new URLSearchParams({ ...(token ? { token } : {}), ...fields });
    return fetch(`${sim.url}${path}`, { method: 'POST', body, headers, redirect: 'manual' });
  }

  const video = (event: number, range?: string, fields = {}): Promise<Response> =>
    post(`/index.php?view=view_video&mode=mp4&eid=${event}`, fields, range ? { range } : {});

  async function events(filters: string, query = 'limit=100&page=1&sort=StartDateTime&direction=desc') {
    const reply = await post(`/api/events/index/${filters.split('/').map(encodeURIComponent).join('/')}.json?${query}`);
    assert.equal(reply.status, 200);
    const json = (await reply.json()) as { events: { Event: Record<string, unknown> }[]; pagination: object };
    return { ids: json.events.map(({ Event }) => Event.Id), rows: json.events, pagination: json.pagination };
  }

  it('refuses everything of its API with 401, and repeats the address', async () => {
    const reply = await post('/api/events/index.json?token=mangled', { token: 'mangled' });
    assert.equal(reply.status, 401);
    const { data } = (await reply.json()) as { data: { url: string; exception: { message: string } } };
    assert.deepEqual(
      [data.exception.message, data.url],
      ['Wrong number of segments', '/zm/api/events/index.json?token=mangled'],
    );
    sim.expireSessions();
    const revoked = (await (await post('/api/host/getVersion.json')).json()) as typeof reply & { data: typeof data };
    assert.equal(revoked.data.exception.message, 'Token revoked. Please re-generate');
  });

  it('filters and pages events as the API does', async () => {
    for (let index = 0; index < 250; index += 1)
      sim.addEvent({ startMs: noonMs - 86_400_000 + index * 60_000, seconds: 60 });
    const running = sim.addEvent({ startMs: noonMs - 60_000, seconds: 600, monitorId: 2, state: 'running' });
    const first = await events('MonitorId:1');
    assert.equal(first.ids.length, 100);
    assert.deepEqual(first.ids.slice(0, 2), [250, 249]);
    assert.deepEqual(first.pagination, {
      ...{ page: 1, current: 100, count: 250, prevPage: false, nextPage: true, pageCount: 3, limit: 100 },
    });
    assert.equal((await events('MonitorId:1', 'limit=1000&page=3&sort=StartDateTime&direction=desc')).ids.length, 50);
    assert.equal((await post('/api/events/index.json?limit=100&page=9')).status, 404);
    assert.deepEqual((await events('MonitorId[]:1/MonitorId[]:2/StartDateTime >=:2026-11-29 11:59:00')).ids, [
      running.id,
    ]);
    // Nothing compares with the end that a running event does not have; an empty value finds it.
    assert.deepEqual((await events('MonitorId:2/EndDateTime >=:2026-11-29 00:00:00')).ids, []);
    assert.deepEqual((await events('EndDateTime:')).ids, [running.id]);
    assert.equal((await post('/api/events/index/Nonsense:1.json')).status, 500);
    assert.equal((await post(`/api/events/index/${encodeURIComponent('Id IN:1,2')}.json`)).status, 500);
  });

  for (const version of versions) {
    describe(`as ${version}`, () => {
      beforeEach(async () => {
        await start({ version });
        sim.addEvent({ startMs: noonMs - 600_000, seconds: 60 });
        sim.addEvent({ startMs: noonMs - 500_000, seconds: 60, video: 'pictures' });
        sim.addEvent({ startMs: noonMs - 400_000, seconds: 60, video: 'listed' });
      });

      it('sends the file of an event, and parts of it', async () => {
        const reply = await video(1);
        assert.deepEqual([reply.status, reply.headers.get('content-type')], [200, 'video/mp4']);
        assert.match(reply.headers.get('content-disposition')!, /filename="1-video(\.h264)?\.mp4"/);
        const whole = Buffer.from(await reply.arrayBuffer());
        const { problems, duration } = await readMp4(bufferSource(whole));
        assert.deepEqual([problems, duration], [[], 60]);
        const part = await video(1, 'bytes=100-299');
        assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes 100-299/${whole.length}`]);
        assert.ok(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(100, 300)));
        // A zero end counts as none, and so does a range without a beginning.
        assert.equal((await (await video(1, 'bytes=0-0')).arrayBuffer()).byteLength, whole.length);
        assert.equal((await (await video(1, 'bytes=-500')).arrayBuffer()).byteLength, whole.length);
      });

      it('answers with 200 or another status what is no video', async () => {
        const isOld = version === '1.36.33';
        const unknown = await statusOf(video(99));
        assert.deepEqual(unknown, isOld ? [200, '4096', ''] : [404, undefined, undefined]);
        const [status, length, name] = await statusOf(video(2));
        assert.deepEqual([status, length, name], [200, '4096', version === '1.39.22' ? '2' : '']);
        assert.deepEqual(await statusOf(video(3)), [404, undefined, undefined]);
        const refused = await video(1, undefined, { token: 'a.b.c' });
        assert.equal(refused.status, isOld ? 200 : 302);
        if (isOld) assert.match(await refused.text(), /<!DOCTYPE html>/);
        token = '';
        const without = await video(1);
        assert.equal(without.status, 302);
        assert.match(without.headers.get('location')!, /^\/zm\/index\.php\?view=login/);
      });
    });
  }

  /** Of the head alone: a folder is announced with bytes that never come. */
  async function statusOf(sent: Promise<Response>): Promise<[number, string?, string?]> {
    const reply = await sent;
    await reply.body?.cancel();
    if (reply.status !== 200) return [reply.status, undefined, undefined];
    const name = /filename="(.*)"/.exec(reply.headers.get('content-disposition') ?? '')?.[1];
    return [reply.status, reply.headers.get('content-length') ?? undefined, name];
  }

  it('lets the file of a running event grow in steps, as a prefix of what it will be', async () => {
    const event = sim.addEvent({ startMs: noonMs, seconds: 60, state: 'running', secondBytes: 100_000 });
    const sizes: number[] = [];
    for (let second = 0; second < 12; second += 1) {
      sizes.push((await sim.mediaOf(event.id)).size);
      sim.advance(1000);
    }
    assert.equal(sizes[0], 36);
    for (const size of sizes.slice(1).filter((bytes) => bytes !== 36)) assert.equal(size % (256 * 1024), 0);
    assert.ok(sizes.at(-1)! > 10 * 100_000 - 256 * 1024);
    const { rows } = await events('MonitorId:1');
    assert.deepEqual([rows[0]!.Event.EndDateTime, rows[0]!.Event.Name], [null, 'New Event']);
  });

  it('keeps users to what they may see', async () => {
    sim.addEvent({ startMs: noonMs - 600_000, seconds: 60, monitorId: 2 });
    token = '';
    const login = await post('/api/host/login.json', { user: 'first-only', pass: exampleUser.password });
    token = ((await login.json()) as { access_token: string }).access_token;
    assert.deepEqual((await events('MonitorId:2')).ids, []);
    const { monitors } = (await (await post('/api/monitors/index.json')).json()) as { monitors: unknown[] };
    assert.equal(monitors.length, 1);
  });
});
