/** Holds the simulator of Frigate to what was seen of Frigate's own code at its three versions. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually';
import { frigateCamera, startFrigate, type Frigate, type FrigateSettings, type FrigateVersion } from './frigate';

const NOON = '2025-03-01T12:00:00Z';
const noon = Date.parse(NOON) / 1000;
const versions: FrigateVersion[] = ['0.16.4', '0.17.2', '0.18.0'];
const [, ...later] = versions;
type Json = Record<string, unknown>;

describe('Frigate simulator', () => {
  let sim: Frigate;
  let token = '';

  async function begin(settings: FrigateSettings = {}): Promise<Frigate> {
    token = '';
    sim = await startFrigate({ clock: { at: NOON }, ...settings, exports: { makeMs: 1_000, ...settings.exports } });
    return sim;
  }

  afterEach(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });

  const call = (path: string, { fresh = true, ...init }: RequestInit & { fresh?: boolean } = {}): Promise<Response> =>
    fetch(`${sim.url}${path}`, {
      ...init,
      headers: {
        ...(fresh ? { 'X-Cache-Bypass': '1' } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...init.headers,
      },
    });
  const json = async (path: string, init?: Parameters<typeof call>[1]): Promise<Json & Json[]> =>
    (await (await call(path, init)).json()) as Json & Json[];
  const post = (path: string, body: object = {}): Promise<Response> =>
    call(path, { method: 'POST', body: JSON.stringify(body) });
  const login = (user = 'admin', password = 's3cret-passw0rd'): Promise<Response> =>
    post('/api/login', { user, password });
  async function become(user: string, password: string): Promise<void> {
    const cookie = (await login(user, password)).headers.get('set-cookie')!;
    token = /=([^;]+)/.exec(cookie)![1]!;
  }
  /** Seconds are counted from an hour before noon. */
  const create = (from: number, to: number, body: object = { chapters: 'none' }): Promise<Response> =>
    post(`/api/export/front_door/start/${noon - 3600 + from}/end/${noon - 3600 + to}`, body);
  const created = async (from = 0, to = 4): Promise<string> =>
    ((await (await create(from, to)).json()) as { export_id: string }).export_id;

  describe('accounts', () => {
    it('gives a token in a cookie, with an end that is wrong and one that counts', async () => {
      await begin({ login: { required: true } });
      assert.equal((await call('/api/version')).status, 401);
      const reply = await login();
      assert.deepEqual([reply.status, await reply.text()], [200, '']);
      assert.match(reply.headers.get('set-cookie')!, /^frigate_token=[\w-]+\.[\w-]+\.[\w-]+; expires=.*2083/);
      await become('admin', 's3cret-passw0rd');
      assert.equal((await call('/api/version')).status, 200);
      sim.advance(86_400_000);
      assert.equal((await call('/api/version')).status, 401);
    });

    it('refuses wrong passwords, and too many logins, right ones included', async () => {
      await begin({ login: { required: true, limit: { count: 2, windowMs: 1_000 } } });
      const wrong = await login('admin', 'wrong');
      assert.deepEqual([wrong.status, await wrong.json()], [401, { message: 'Login failed' }]);
      assert.equal((await login()).status, 200);
      const limited = await login();
      assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, null]);
      assert.match(JSON.stringify(await limited.json()), /Rate limit exceeded/);
    });

    for (const version of versions) {
      it(`lets roles do what ${version} lets them do`, async () => {
        await begin({ version, login: { required: true } });
        await become('viewer', 'viewer-passw0rd');
        const id = await created();
        sim.advance(1_000);
        const remove = (): Promise<Response> =>
          version === '0.18.0'
            ? post('/api/exports/delete', { ids: [id] })
            : call(`/api/export/${id}`, { method: 'DELETE' });
        const refused = await remove();
        assert.equal(refused.status, 403);
        assert.match(JSON.stringify(await refused.json()), /Role viewer not authorized. Required: admin/);
        const { video_path } = await json(`/api/exports/${id}`);
        const file = `/exports/${String(video_path).split('/').at(-1)}`;

        await become('guard', 'guard-passw0rd');
        const knowsRoles = version !== '0.16.4';
        assert.equal((await json('/api/exports')).length, knowsRoles ? 0 : 1);
        assert.equal((await create(0, 4)).status, knowsRoles ? 403 : 200);
        // 0.17 hides the row and serves the file.
        assert.equal((await call(file)).status, version === '0.18.0' ? 403 : 200);
        assert.equal((await call('/exports/')).status, version === '0.18.0' ? 403 : 200);

        await become('admin', 's3cret-passw0rd');
        assert.equal((await remove()).status, 200);
        assert.equal((await remove()).status, 404);
      });
    }

    it('asks browsers for a header', async () => {
      await begin();
      const init = { method: 'POST', body: '{}', headers: { origin: 'http://elsewhere.example' } };
      const reply = await call(`/api/export/front_door/start/${noon - 60}/end/${noon - 50}`, init);
      assert.deepEqual(
        [reply.status, (await reply.json()) as Json],
        [401, { success: false, message: 'Missing CSRF header' }],
      );
    });
  });

  describe('recordings', () => {
    it('come some seconds behind the camera, with whole starts and other lengths', async () => {
      await begin();
      const list = (): Promise<Json[]> => json(`/api/front_door/recordings?after=${noon - 60}&before=${noon}`);
      const segments = await list();
      assert.ok(segments.every(({ start_time }) => Number.isInteger(start_time)));
      assert.ok(segments.some(({ duration }) => !Number.isInteger(duration)));
      const last = Number(segments.at(-1)!.end_time);
      assert.ok(last < noon - 10, String(last - noon));
      sim.advance(20_000);
      assert.ok(Number((await list()).at(-1)!.end_time) > last);
      assert.deepEqual(await json(`/api/nowhere/recordings?after=${noon - 60}&before=${noon}`), []);
    });

    it('tell gaps in whole steps, and fail without a range', async () => {
      const gap = { start: (noon - 600) * 1000, end: (noon - 480) * 1000 };
      await begin({ cameras: [frigateCamera({ id: 'front_door', gaps: [gap] })] });
      const path = `/api/recordings/unavailable?cameras=front_door&after=${noon - 905}&before=${noon - 300}`;
      const total = (gaps: Json[]): number =>
        gaps.reduce((sum, { start_time, end_time }) => sum + Number(end_time) - Number(start_time), 0);
      assert.ok(total(await json(path)) < total(await json(`${path}&scale=1`)));
      assert.equal((await call('/api/recordings/unavailable')).status, 500);
    });
  });

  describe('exports', () => {
    /** What was measured: seconds in the file, and where its content begins, by what was asked for. */
    const lengths: [from: number, to: number, old: [number, number], recent: [number, number]][] = [
      [105, 135, [30, 106], [31, 104]],
      [777, 783, [6, 778], [7, 776]],
      [590, 650, [10, 590], [12, 588]],
      [700, 730, [10, 700], [10, 700]],
      [540, 840, [180, 540], [182, 538]],
    ];
    for (const version of versions) {
      it(`have the length and the beginning that ${version} gives them`, async () => {
        const gap = { start: (noon - 3000) * 1000, end: (noon - 2880) * 1000 };
        await begin({ version, cameras: [frigateCamera({ id: 'front_door', gaps: [gap], width: 64, height: 36 })] });
        for (const [from, to, old, recent] of lengths) {
          await created(from, to);
          sim.advance(1_000);
          await json('/api/exports');
          const { content } = sim.exports.at(-1)!;
          const seen = [content.seconds, content.from / 1000 - noon + 3600];
          assert.deepEqual(seen, version === '0.16.4' ? old : recent, `${from} to ${to}`);
        }
      });

      it(`are refused, or taken, as ${version} does it`, async () => {
        await begin({ version });
        const range = `start/${noon - 60}/end/${noon - 50}`;
        assert.equal((await call(`/api/export/front_door/${range}`, { method: 'POST' })).status, 422);
        assert.equal((await post(`/api/export/nowhere/${range}`)).status, 404);
        const early = await post(`/api/export/front_door/start/${noon - 5}/end/${noon}`);
        assert.deepEqual([early.status, /No recordings found/.test(await early.text())], [400, true]);
        const backwards = await post(`/api/export/front_door/start/${noon - 50}/end/${noon - 60}`);
        assert.equal(backwards.status, version === '0.18.0' ? 202 : 200);
        assert.equal((await create(0, 4, { name: null })).status, version === '0.16.4' ? 422 : backwards.status);
        assert.equal((await create(0, 4, { name: 'x'.repeat(257) })).status, 422);
        const other = version === '0.18.0' ? '/api/export/x' : '/api/jobs/export';
        const missing = await call(other, { method: version === '0.18.0' ? 'DELETE' : 'GET' });
        assert.deepEqual([missing.status, await missing.json()], [404, { detail: 'Not Found' }]);
        if (version !== '0.18.0') assert.equal((await post('/api/exports/delete', { ids: ['x'] })).status, 405);
      });
    }

    it('have a third stream by default since 0.18', async () => {
      await begin();
      await create(0, 4, {});
      await create(0, 4);
      assert.deepEqual(
        sim.exports.map(({ hasChapters }) => hasChapters),
        [true, false],
      );
    });

    it('wait in a queue with an end (0.18), and are forgotten after 5 s', async () => {
      await begin({ exports: { makeMs: 10_000, workers: 3, queue: 5 } });
      const statuses = [];
      for (let count = 0; count < 9; count += 1) statuses.push((await create(0, 4)).status);
      assert.deepEqual(statuses, [202, 202, 202, 202, 202, 202, 202, 202, 503]);
      const jobs = await json('/api/jobs/export');
      assert.deepEqual(
        jobs.map(({ status }) => status),
        [...Array<string>(3).fill('running'), ...Array<string>(5).fill('queued')],
      );
      const [running, , , queued] = jobs;
      assert.equal((await call(`/api/exports/${String(queued!.id)}`)).status, 404);
      assert.equal((await json(`/api/exports/${String(running!.id)}`)).in_progress, true);
      sim.advance(10_000);
      const done = await json(`/api/jobs/export/${String(running!.id)}`);
      assert.deepEqual([done.status, (done.results as Json).export_id], ['success', running!.id]);
      sim.advance(5_001);
      assert.equal((await call(`/api/jobs/export/${String(running!.id)}`)).status, 404);
      assert.equal((await json('/api/jobs/export')).length, 5);
    });

    it('come in batches and cases (0.18)', async () => {
      await begin({ exports: { makeMs: Infinity, workers: 1 } });
      const item = { camera: 'front_door', start_time: noon - 60, end_time: noon - 50, client_item_id: 'mine' };
      const reply = await post('/api/exports/batch', { items: [item, { ...item, camera: 'garden' }] });
      const { export_ids, results } = (await reply.json()) as { export_ids: string[]; results: Json[] };
      assert.deepEqual([reply.status, export_ids.length, results[0]!.client_item_id], [202, 2, 'mine']);
      assert.equal((await post('/api/exports/batch', { items: [{ ...item, end_time: 0 }] })).status, 422);
      const { id } = (await (await post('/api/cases', { name: 'Theft' })).json()) as { id: string };
      sim.exports[1]!.caseId = id;
      await call(`/api/cases/${id}?delete_exports=true`, { method: 'DELETE' });
      assert.equal((await json(`/api/jobs/export/${export_ids[1]}`)).status, 'cancelled');
    });

    for (const version of versions) {
      it(`that fail leave the traces of ${version}`, async () => {
        await begin({ version, exports: { fails: () => true } });
        const id = await created();
        assert.equal((await json(`/api/exports/${id}`)).in_progress, true);
        sim.advance(1_000);
        assert.equal((await call(`/api/exports/${id}`)).status, 404);
        if (version !== '0.18.0') return;
        const { status, error_message } = await json(`/api/jobs/export/${id}`);
        assert.deepEqual([status, error_message], ['failed', "[Errno 21] Is a directory: '.'"]);
      });

      it(`that a restart meets are what ${version} makes of them`, async () => {
        await begin({ version, exports: { makeMs: 10_000, workers: 1 } });
        const [id, waiting] = [await created(), await created(4, 8)];
        sim.advance(5_000);
        const file = async (): Promise<Json | undefined> => (await json('/exports/'))[0];
        const before = await file();
        sim.restart();
        sim.advance(60_000);
        const isRunning = (await json(`/api/exports/${id}`)).in_progress;
        assert.equal(isRunning, version !== '0.18.0');
        assert.equal((await file())!.size, before!.size);
        if (version !== '0.18.0') return;
        assert.equal((await call(`/api/jobs/export/${waiting}`)).status, 404);
        const name = String((await file())!.name);
        const bytes = Buffer.from(await (await call(`/exports/${name}`)).arrayBuffer());
        const mdat = bytes.indexOf('mdat', 0, 'latin1');
        assert.deepEqual([bytes.readUInt32BE(mdat - 4), bytes.includes('moov')], [0, false]);
      });
    }

    for (const version of later.slice(0, 1)) {
      it(`have a row only after their thumbnail (${version})`, async () => {
        await begin({ version, exports: { rowDelayMs: 2_000 } });
        const id = await created();
        assert.equal((await call(`/api/exports/${id}`)).status, 404);
        sim.advance(2_000);
        assert.equal((await json(`/api/exports/${id}`)).in_progress, true);
      });
    }
  });

  describe('nginx', () => {
    it('keeps JSON of the API for 5 s, unless it is passed by', async () => {
      await begin();
      const id = await created();
      const row = async (fresh: boolean): Promise<unknown> => (await json(`/api/exports/${id}`, { fresh })).in_progress;
      assert.equal(await row(false), true);
      sim.advance(1_000);
      assert.equal(await row(false), true);
      assert.equal(await row(true), false);
      assert.equal(await row(false), false);
    });

    for (const version of versions) {
      it(`keeps it ${version === '0.16.4' ? 'whoever asks' : 'for each user'} (${version})`, async () => {
        await begin({ version, login: { required: true } });
        await become('admin', 's3cret-passw0rd');
        await json('/api/profile', { fresh: false });
        await become('viewer', 'viewer-passw0rd');
        const { role } = await json('/api/profile', { fresh: false });
        assert.equal(role, version === '0.16.4' ? 'admin' : 'viewer');
      });
    }

    it('remembers for two minutes how long a file was, in each worker', async () => {
      await begin({ exports: { makeMs: 10_000 } });
      const id = await created();
      sim.advance(5_000);
      const [listed] = await json('/exports/');
      const file = `/exports/${String(listed!.name)}`;
      const length = async (): Promise<number> =>
        Number((await call(file, { method: 'HEAD' })).headers.get('content-length'));
      const early = await length();
      sim.advance(5_000);
      const whole = (await sim.mediaOf(id)).size;
      assert.ok(early < whole);
      // The other worker has not looked yet.
      assert.deepEqual([await length(), await length(), await length()], [whole, early, whole]);
      assert.equal((await json('/exports/'))[0]!.size, whole);
      sim.advance(120_000);
      assert.deepEqual([await length(), await length()], [whole, whole]);
    });

    it('serves parts, with a tag, and goes on serving what was deleted', async () => {
      await begin();
      const id = await created();
      sim.advance(1_000);
      const [listed] = await json('/exports/');
      const file = `/exports/${String(listed!.name)}`;
      const whole = await call(file);
      const etag = whole.headers.get('etag')!;
      assert.match(etag, /^"[0-9a-f]+-[0-9a-f]+"$/);
      const part = await call(file, { headers: { range: 'bytes=10-', 'if-range': etag } });
      assert.deepEqual([part.status, part.headers.get('content-range')?.startsWith('bytes 10-')], [206, true]);
      assert.equal((await call(file, { headers: { range: 'bytes=10-', 'if-range': '"other"' } })).status, 200);
      await post('/api/exports/delete', { ids: [id] });
      assert.equal((await call(file)).status, 200);
      sim.advance(120_001);
      assert.equal((await call(file)).status, 404);
    });

    it('answers alone while the backend starts, with pages of its own, and below a prefix', async () => {
      await begin({ basePath: '/frigate' });
      assert.equal((await call('/api/version')).status, 200);
      const page = await fetch(`${sim.server.url}/api/version`);
      assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
      sim.options.isStarting = true;
      assert.equal((await call('/api/version')).status, 502);
    });
  });

  describe('the synchronous shortcut', () => {
    const path = `/api/front_door/start/${noon - 60}/end/${noon - 56}/clip.mp4`;

    it('answers 200 whether ffmpeg works or not, without a length', async () => {
      await begin();
      const whole = await call(path);
      assert.deepEqual([whole.status, whole.headers.get('content-length')], [200, null]);
      const { byteLength } = await whole.arrayBuffer();
      sim.options.shortcut = 'cut';
      assert.ok((await (await call(path)).arrayBuffer()).byteLength < byteLength);
      sim.options.shortcut = 'empty';
      const empty = await call(path);
      assert.deepEqual([empty.status, (await empty.arrayBuffer()).byteLength], [200, 0]);
    });

    for (const version of versions) {
      it(`${version === '0.16.4' ? 'does not notice' : 'says'} that there are no recordings (${version})`, async () => {
        await begin({ version });
        const reply = await call(`/api/front_door/start/${noon - 5}/end/${noon}/clip.mp4`);
        assert.equal(reply.status, version === '0.16.4' ? 200 : 400);
      });
    }
  });

  describe('the WebSocket', () => {
    async function listen(): Promise<{ socket: WebSocket; states: () => string[][] }> {
      const headers = token ? { authorization: `Bearer ${token}` } : {};
      const socket = new WebSocket(`${sim.url.replace('http', 'ws')}/ws`, { headers });
      const frames: string[] = [];
      socket.on('message', (data) => frames.push((data as Buffer).toString()));
      await once(socket, 'open');
      const jobsOf = (text: string): string[] => {
        const { topic, payload } = JSON.parse(text) as { topic: string; payload: string };
        assert.equal(topic, 'job_state');
        const state = JSON.parse(payload) as { export: { results: { jobs: { id: string }[] } } };
        return state.export.results.jobs.map(({ id }) => id);
      };
      return { socket, states: () => frames.map(jobsOf) };
    }

    it('tells of what is active only, so an end shows as absence (0.18)', async () => {
      await begin();
      const { socket, states } = await listen();
      const id = await created();
      await eventually(() => assert.deepEqual(states().at(-1), [id]));
      sim.advance(1_000);
      await eventually(() => assert.deepEqual(states().at(-1), []));
      socket.send('{"topic":"jobState","payload":""}');
      const { length } = states();
      await eventually(() => assert.ok(states().length > length));
      socket.terminate();
    });

    it('refuses who is not logged in, and tells restricted roles no empty list', async () => {
      await begin({ login: { required: true } });
      await assert.rejects(listen(), /401/);
      await become('guard', 'guard-passw0rd');
      const { socket, states } = await listen();
      socket.send('{"topic":"jobState","payload":""}');
      await eventually(() => assert.equal(sim.push.clients[0]?.frames.length, 1));
      assert.deepEqual(states(), []);
      socket.terminate();
    });
  });
});
