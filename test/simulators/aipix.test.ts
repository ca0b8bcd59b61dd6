import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually';
import { aipixCamera, rtspUrl, startAipix, type Aipix, type AipixSettings } from './aipix';
import { boxesOf } from './video';

const NOON = '2025-03-01T12:00:00Z';
const minute = 60_000;
const hour = 60 * minute;

type Json = Record<string, unknown>;

describe('Aipix simulator', () => {
  let sim: Aipix;
  let token = '';

  /** Time stands still and somebody is logged in. */
  async function begin(settings: AipixSettings = {}): Promise<Aipix> {
    sim = await startAipix({ clock: { at: NOON }, ...settings });
    token = '';
    const reply = await login();
    if (reply.status === 200) token = ((await reply.json()) as { access_token: string }).access_token;
    return sim;
  }

  afterEach(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });

  const call = (path: string, init: RequestInit & { json?: unknown } = {}): Promise<Response> =>
    fetch(path.startsWith('http') ? path : `${sim.url}/api/${path}`, {
      ...init,
      ...(init.json === undefined ? {} : { body: JSON.stringify(init.json), method: 'POST' }),
      headers: { ...(token ? { authorization: token } : {}), ...init.headers },
    });
  const json = async (path: string, init?: Parameters<typeof call>[1]): Promise<Json & Json[]> =>
    (await (await call(path, init)).json()) as Json & Json[];
  const login = (more: Json = {}): Promise<Response> =>
    call('v1/token', { json: { login: 'nodered', password: 's3cret-passw0rd', ...more } });
  const range = { from: '2025-03-01T11:00:00Z', to: '2025-03-01T11:00:02Z' };
  const create = (more: Json = {}): Promise<Json & Json[]> =>
    json('v1/downloads', { json: { ...range, ids: [2], ...more } });
  const list = async (query = '', family = 'downloads'): Promise<Json[]> =>
    (await json(`v1/${family}${query}`)).data as Json[];

  describe('login', () => {
    it('gives a token and the name of its push channel', async () => {
      await begin();
      const { access_token, user } = (await (await login()).json()) as { access_token: string; user: Json };
      assert.match(access_token, /^Bearer eyJ/);
      assert.match(String(user.access_token_id), /^[0-9a-f]{80}$/);
      assert.deepEqual(
        (user.permissions as Json[]).map(({ name }) => name),
        ['archives-show', 'archives-download'],
      );
      assert.equal(sim.logins, 2);
      assert.equal((await json('v1/users/self')).login, 'nodered');
    });

    it('refuses wrong passwords and tokens', async () => {
      await begin();
      const reply = await login({ password: 'x' });
      assert.equal(reply.status, 422);
      assert.ok(((await reply.json()) as Json).errors);
      token = 'Bearer x';
      assert.equal((await call('v1/users/self')).status, 401);
      sim.options.login.unauthenticated = 419;
      assert.equal((await call('v1/users/self')).status, 419);
    });

    it('asks for a captcha, and takes a solved one', async () => {
      await begin({ login: { captcha: 'required' } });
      assert.ok(((await (await login()).json()) as { errors: Json }).errors.captcha);
      const { key, img } = await json('v1/captcha');
      assert.match(String(img), /^data:image\/png/);
      assert.equal((await login({ key, captcha: '0' })).status, 422);
      assert.equal((await json('v1/static/basic')).is_captcha_available, true);
    });

    it('keeps to a number of sessions, one of which can be given up', async () => {
      await begin({ login: { maxSessions: 1 } });
      const full = await login();
      assert.equal(full.status, 419);
      const { sessions, sessions_limit } = (await full.json()) as { sessions: Json[]; sessions_limit: number };
      assert.deepEqual([sessions.length, sessions_limit], [1, 1]);
      assert.equal((await login({ session_id: sessions[0]!.id })).status, 200);
      assert.equal((await call('v1/users/self')).status, 401);
    });

    it('ends by logout, by age, from the list of sessions, and on demand', async () => {
      await begin({ login: { lifetimeMs: hour } });
      assert.equal((await call('v1/logout', { json: {} })).status, 422);
      assert.equal((await call('v1/logout', { json: { uuid: 'x' } })).status, 200);
      assert.equal((await call('v1/users/self')).status, 401);
      assert.equal(sim.logouts, 1);
      const again = async (): Promise<void> => {
        token = ((await (await login()).json()) as { access_token: string }).access_token;
      };
      await again();
      sim.advance(hour + 1);
      assert.equal((await call('v1/users/self')).status, 401);
      await again();
      const [session] = await json('v1/sessions');
      await call(`v1/sessions/${String(session!.id)}`, { method: 'POST' });
      assert.equal((await call('v1/users/self')).status, 401);
      await again();
      sim.expireSessions();
      assert.equal((await call('v1/users/self')).status, 401);
    });

    it('is another one for administrators', async () => {
      await begin();
      const admin = (password: string) => call('admin/v1/auth/token', { json: { login: 'root', password } });
      assert.equal((await admin('x')).status, 422);
      const { user, token_type } = (await (await admin('r00t-passw0rd')).json()) as { user: Json; token_type: string };
      assert.deepEqual([user.access_token_id, token_type], [null, 'Bearer']);
      assert.equal((await call('admin/v1/downloads')).status, 401);
    });
  });

  describe('records', () => {
    it('look finished while they are not, and are some time later', async () => {
      await begin();
      const [fresh] = await create();
      assert.match(await (await call('v1/downloads')).text(), /"id":9007199254740993,/);
      assert.deepEqual(
        [fresh!.url, fresh!.is_file_exists, fresh!.from],
        [`${sim.url}/storage/`, true, '2025-03-01 11:00:00'],
      );
      assert.deepEqual(Object.keys(fresh!).includes('status'), false);
      assert.equal((await list('', 'users/downloads'))[0]!.status, 'in progress');
      sim.advance(150);
      const [done] = await list('', 'users/downloads');
      assert.equal(done!.status, 'done');
      assert.match(String(done!.url), /\/s3\/vms-backend\/archive\/[0-9a-f]+\.mp4$/);
      assert.equal(done!.name, 'Yard, file.20250301-110000-110002.mp4');
      const reply = await call(String(done!.url), { headers: { authorization: '' } });
      const bytes = Buffer.from(await reply.arrayBuffer());
      assert.ok(boxesOf(bytes).some(({ type }) => type === 'moov'));
      assert.equal(reply.headers.get('accept-ranges'), 'bytes');
    });

    it('are refused for what is wrong with them', async () => {
      await begin({ throttle: { downloads: { count: 8, windowMs: minute } } });
      const cases: [Json, number, string][] = [
        [{ from: '2025-03-01 11:00:00' }, 422, 'from'],
        [{ to: undefined }, 422, 'to'],
        [{ to: range.from }, 422, 'to'],
        [{ to: '2025-03-01T11:10:01Z' }, 422, 'to'],
        [{ ids: [] }, 422, 'ids'],
        [{ ids: [5] }, 422, 'ids'],
        [{ ids: [4] }, 403, 'camera'],
      ];
      for (const [more, status, field] of cases) {
        const reply = await call('v1/downloads', { json: { ...range, ids: [2], ...more } });
        assert.equal(reply.status, status);
        assert.deepEqual(Object.keys(((await reply.json()) as { errors: Json }).errors), [field]);
      }
      sim.options.users[0]!.permissions = [];
      assert.equal((await call('v1/downloads', { json: {} })).status, 403);
      const throttled = await call('v1/downloads', { json: {} });
      assert.deepEqual([throttled.status, throttled.headers.get('retry-after')], [429, '60']);
      assert.equal(sim.records.length, 0);
    });

    it('come in pages, filtered by when they were made', async () => {
      await begin();
      for (let count = 0; count < 3; count += 1) {
        await create();
        sim.advance(minute);
      }
      const page = await json('v1/downloads?per_page=2&page=2');
      assert.deepEqual(
        [(page.data as Json[]).length, (page.meta as Json).last_page, (page.links as Json).next],
        [1, 2, null],
      );
      assert.equal((await list(`?from=2025-03-01T12:00:30Z`)).length, 2);
      assert.equal((await list(`?to=2025-03-01T12:00:30Z`)).length, 1);
      sim.options.list.order = 'newest';
      assert.ok(String((await list())[0]!.created_at) > String((await list())[2]!.created_at));
      sim.options.list.wrapper = 'array';
      assert.equal((await json('v1/downloads')).length, 3);
    });

    it('belong to their account, and go when they are deleted', async () => {
      await begin();
      const [record] = await create();
      const foreign = sim.putRecord({ camera: '2', from: 0, to: 1000, login: 'other' });
      assert.equal((await list()).length, 1);
      const remove = (id: unknown) => call(`v1/users/downloads/${String(id)}`, { method: 'DELETE' });
      assert.equal((await remove(foreign.id)).status, 404);
      assert.equal((await remove(sim.records[0]!.id)).status, 200);
      assert.equal((await remove(record!.id)).status, 404);
      assert.equal((await call('v1/downloads/1', { method: 'DELETE' })).status, 404);
    });

    it('lose their file after 3 hours at the next clean-up, and get it again when asked', async () => {
      await begin();
      await create();
      const id = sim.records[0]!.id;
      sim.advance(1000);
      const { url } = (await list())[0]!;
      sim.advance(3 * hour - minute);
      assert.equal((await call(String(url))).status, 200);
      sim.advance(12 * minute);
      assert.equal((await list())[0]!.is_file_exists, false);
      assert.equal((await call(String(url))).status, 404);
      assert.equal((await call(`v1/downloads/${id}/repeat`, { method: 'POST' })).status, 200);
      sim.advance(1000);
      const again = (await list())[0]!;
      assert.equal(again.is_file_exists, true);
      assert.notEqual(again.url, url);
      assert.equal((await call(String(again.url))).status, 200);
    });

    it('fail, or are shorter, where there is no footage', async () => {
      const footage = [{ from: '2025-03-01T11:00:01Z', to: '2025-03-01T11:30:00Z' }];
      await begin({ cameras: [aipixCamera({ id: '2', footage }), aipixCamera({ id: '3', footage: [] })] });
      await create({ ids: [2, 3] });
      sim.advance(1000);
      assert.deepEqual(
        (await list('', 'users/downloads')).map(({ status, from }) => [status, from]),
        [
          ['done', '2025-03-01 11:00:01'],
          ['error', '2025-03-01 11:00:00'],
        ],
      );
      sim.options.making.partial = 'refused';
      assert.ok((await create()).errors);
    });

    it('of administrators show what must not be seen', async () => {
      await begin();
      const root = { login: 'root', password: 'r00t-passw0rd' };
      token = `Bearer ${String((await json('admin/v1/auth/token', { json: root })).access_token)}`;
      const made = await json('admin/v1/downloads', { json: { ...range, ids: [2] } });
      assert.equal((made.stream as Json).url, rtspUrl);
      sim.options.admin = { ...sim.options.admin, idInReply: false, list: false };
      assert.equal((await json('admin/v1/downloads', { json: { ...range, ids: [2] } })).id, undefined);
      assert.equal((await call('admin/v1/downloads')).status, 405);
      sim.options.licence = false;
      assert.equal((await call('admin/v1/downloads')).status, 402);
    });

    it('are made by a link to the archive, too, for one kind of client', async () => {
      await begin();
      const link = (client: string) =>
        json(`v1/cameras/2/archive/link?from=${range.from}&to=${range.to}`, { headers: { 'x-client': client } });
      assert.deepEqual(await link('web'), { status: 'ok' });
      assert.equal(sim.records.length, 0);
      assert.equal((await call(String((await link('thick-legal')).link))).status, 200);
      assert.equal(sim.records.length, 1);
    });
  });

  it('shows cameras in pages and trees', async () => {
    await begin();
    const page = await json('v1/cameras');
    assert.deepEqual([(page.data as Json[]).length, (page.meta as Json).total], [2, 4]);
    const [range_] = (page.data as { archive_ranges: { from: number; duration: number }[] }[])[0]!.archive_ranges;
    assert.deepEqual(range_, { from: Date.parse(NOON) / 1000 - 86_400, duration: 86_400 });
    const [all] = await json('v1/cameras/flat-tree');
    assert.equal((all!.cameras as Json[]).length, 4);
    assert.deepEqual(
      (await json('v1/cameras/flat-tree?search=yard')).map(({ name }) => name),
      ['Yard'],
    );
    assert.equal((await json('v1/cameras/tree')).length, 3);
    sim.options.tree = 'progressive';
    const [first] = await json('v1/cameras/tree');
    assert.deepEqual([first!.children, first!.has_items], [null, true]);
    assert.equal((await json(`v1/cameras/tree?group_id=${String(first!.id)}`)).length, 2);
    assert.equal((await json('v1/cameras/shows?ids[]=2&ids[]=99')).length, 1);
    assert.equal((await json('v1/cameras/3')).name, 'Ворота, ул. Ленина 5 "Север"');
    assert.equal((await call('v1/cameras/5')).status, 404);
  });

  describe('push server', () => {
    /** A client that has been greeted. */
    async function connect(path = '/pusher/app/app-key-01') {
      const socket = new WebSocket(`${sim.url.replace('http', 'ws')}${path}`);
      const frames: Json[] = [];
      const closed: number[] = [];
      socket.on('message', (data) => frames.push(JSON.parse((data as Buffer).toString()) as Json));
      socket.on('close', (code) => closed.push(code));
      socket.on('error', () => undefined);
      await eventually(() => frames.length > 0 || closed.length > 0);
      const greeting = JSON.parse(String(frames[0]?.data ?? '{}')) as { socket_id: string; activity_timeout: string };
      return {
        socket,
        frames,
        closed,
        greeting,
        say: (frame: unknown) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
      };
    }
    const channel = (): string => `private-token.${[...sim.sessions.values()][0]!.tokenId}`;
    const auth = (socketId: string, name = channel()) =>
      call('v1/broadcasting/auth', {
        method: 'POST',
        body: new URLSearchParams({ socket_id: socketId, channel_name: name }).toString(),
      });

    it('lets in who is signed in, and tells of what its token has asked for', async () => {
      await begin();
      const { frames, greeting, say, socket } = await connect();
      assert.equal(greeting.activity_timeout, '40');
      const signed = (await (await auth(greeting.socket_id)).json()) as { auth: string };
      const hmac = createHmac('sha256', 'push-server-secret')
        .update(`${greeting.socket_id}:${channel()}`)
        .digest('hex');
      assert.equal(signed.auth, `app-key-01:${hmac}`);
      say({ event: 'pusher:subscribe', data: { channel: channel(), auth: signed.auth } });
      await eventually(() => assert.equal(frames[1]?.event, 'pusher_internal:subscription_succeeded'));
      await create();
      sim.advance(1000);
      await eventually(() => assert.equal(frames.length, 3));
      assert.equal(frames[2]!.event, 'App\\Events\\TokenPush');
      const payload = JSON.parse(String(frames[2]!.data)) as { data: { type: string; data: { download: Json } } };
      assert.equal(payload.data.type, 'archive_generated');
      assert.equal(payload.data.data.download.url, (await list())[0]!.url);
      say({ event: 'pusher:ping' });
      await eventually(() => assert.deepEqual(frames[3], { event: 'pusher:pong' }));
      sim.putRecord({ camera: '2', from: 0, to: 1000 });
      sim.advance(1000);
      assert.equal(sim.push.sent.at(-1)!.receivers, 0);
      socket.close();
    });

    it('throws out whoever says what it does not know', async () => {
      await begin();
      const bad = [
        { event: 'pusher:pong' },
        { event: 'client-hello' },
        'no JSON',
        { event: 'pusher:subscribe', data: { channel: channel(), auth: 'app-key-01:00' } },
      ];
      for (const frame of bad) {
        const { say, closed } = await connect();
        say(frame);
        await eventually(() => assert.deepEqual(closed, [1002]));
      }
      const { socket, closed } = await connect();
      socket.pong();
      await eventually(() => assert.deepEqual(closed, [1003]));
    });

    it('throws out whoever is silent for twice the time, by either clock', async () => {
      await begin();
      const { closed } = await connect();
      sim.advance(79_999);
      assert.deepEqual(closed, []);
      sim.advance(1);
      await eventually(() => assert.deepEqual(closed, [1001]));
      await sim.close();
      await begin({ clock: 'real', push: { activityTimeout: '0.05' } });
      const idle = await connect();
      await eventually(() => assert.deepEqual(idle.closed, [1001]));
    });

    it('refuses other keys and paths, and may be silent below /ws', async () => {
      await begin({ push: { ws: 'silent' } });
      for (const path of ['/pusher/app/other', '/nowhere/app/app-key-01'])
        assert.equal((await connect(path)).frames.length, 0);
      assert.deepEqual(
        sim.push.refused.map(({ status }) => status),
        [403, 404],
      );
      const { socket } = await connect('/app/app-key-01');
      socket.close();
      const silent = new WebSocket(`${sim.url.replace('http', 'ws')}/ws/app/app-key-01`);
      await once(silent, 'open');
      silent.close();
    });

    it('signs only for channels of the session', async () => {
      await begin();
      assert.equal((await auth('1.2', 'private-user.7')).status, 200);
      assert.equal((await auth('1.2', 'private-user.8')).status, 403);
      assert.equal((await auth('1.2', 'private-token.ab')).status, 403);
    });

    it('has an address that may be asked for 20 times in 5 minutes', async () => {
      await begin();
      const { ws_url, app_key } = await json('v1/wsurl');
      assert.deepEqual([ws_url, app_key], [`${sim.url.replace('http', 'ws')}/pusher`, 'app-key-01']);
      for (let count = 0; count < 19; count += 1) assert.equal((await call('v1/wsurl')).status, 200);
      assert.equal((await call('v1/wsurl')).status, 429);
      sim.advance(5 * minute);
      assert.equal((await call('v1/wsurl')).status, 200);
    });
  });

  it('goes down and comes back with what it had, sockets included', async () => {
    await begin();
    await create();
    const { port } = sim;
    await sim.stop();
    await assert.rejects(call('v1/downloads'));
    await sim.start();
    assert.equal(sim.port, port);
    assert.equal((await list()).length, 1);
  });
});
