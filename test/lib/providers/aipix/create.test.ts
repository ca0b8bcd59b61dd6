import assert from 'node:assert/strict';
import { aipixCamera } from '../../../simulators/aipix';
import {
  calls,
  closeAll,
  connectTo,
  createFinished,
  download,
  errorOf,
  fails,
  never,
  plain,
  poll,
  readAll,
  request,
  root,
  start,
} from './support';

const far = '9007199254740995';

describe('Aipix: clips', () => {
  afterEach(closeAll);

  it('are asked for, made, downloaded and deleted', async () => {
    const sim = await start({ making: { makeMs: 1000 } });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    const asked = {
      // Beyond what a double holds.
      id: '9007199254740993',
      camera: '2',
      cameraName: 'Yard',
      start: '2025-03-01T11:00:00.000Z',
      end: '2025-03-01T11:00:02.000Z',
      ref: { createdAt: '2025-03-01T12:00:00.000Z' },
      connection: 'vms',
      provider: 'aipix',
    };
    assert.deepEqual(plain(clip), { ...asked, title: 'Alarm 17', status: 'pending', progress: 0 });
    const seen = { width: 320, height: 180 };
    assert.deepEqual(plain(await connection.pollClip(clip, 1000, never)), {
      ...asked,
      ...seen,
      status: 'busy',
      progress: 0,
    });
    sim.advance(1000);
    const finished = await poll(connection, clip);
    assert.deepEqual(plain(finished), {
      ...asked,
      ...seen,
      title: 'Alarm 17',
      status: 'finished',
      progress: 100,
      expires: '2025-03-01T15:00:01.000Z',
    });

    const media = await sim.mediaOf(clip.id);
    const { body, size, offset, resumable, etag } = await connection.openClip(finished!, { offset: 0 }, never);
    assert.deepEqual([size, offset, resumable, etag], [media.size, 0, true, `"${media.etag}"`]);
    assert.ok((await readAll(body)).equals(await readAll(media.read())));

    await connection.deleteClip(finished!, never);
    assert.deepEqual(sim.records, []);
    assert.equal(await poll(connection, clip), undefined);
    const file = sim.requestsFor('media')[0]!.path;
    assert.deepEqual(calls(sim), [
      ...['POST token', 'POST downloads', 'GET users/downloads', 'GET users/downloads', 'GET users/downloads'],
      ...[`GET ${file}`, 'DELETE users/downloads/9007199254740993', 'GET users/downloads'],
    ]);
  });

  it('are asked for in whole seconds that leave nothing out', async () => {
    const sim = await start();
    const clip = await connectTo(sim).createClip(
      request({ start: '2025-03-01T11:00:00.700Z', end: '2025-03-01T11:00:02.200Z' }),
      never,
    );
    assert.deepEqual([clip.start, clip.end], ['2025-03-01T11:00:00.000Z', '2025-03-01T11:00:03.000Z']);
    assert.deepEqual(JSON.parse(sim.requestsFor('create')[0]!.body.toString()), {
      from: '2025-03-01T11:00:00Z',
      to: '2025-03-01T11:00:03Z',
      ids: [2],
    });
  });

  it('do not grow beyond the longest clip by being made of whole seconds', async () => {
    const sim = await start();
    const clip = await connectTo(sim).createClip(
      request({ start: '2025-03-01T11:00:00.500Z', end: '2025-03-01T11:10:00.500Z' }),
      never,
    );
    assert.equal(Date.parse(clip.end) - Date.parse(clip.start), 600_000);
  });

  it('do not reach into the future by being made of whole seconds', async () => {
    const sim = await start();
    sim.advance(300);
    const range = { start: '2025-03-01T11:59:58.100Z', end: '2025-03-01T12:00:00.200Z' };
    assert.equal((await connectTo(sim).createClip(request(range), never)).end, '2025-03-01T12:00:00.000Z');
  });

  it('name a camera as a number where it is one, and as text where JSON would change it', async () => {
    const cameras = [aipixCamera({ id: '2' }), aipixCamera({ id: far })];
    const sim = await start({ cameras });
    const connection = connectTo(sim);
    await createFinished(connection, { camera: far });
    await errorOf(connection.createClip(request({ camera: '007' }), never));
    const ids = sim.requestsFor('create').map(({ body }) => /"ids":(\[.*?\])/.exec(body.toString())![1]);
    assert.deepEqual(ids, [`["${far}"]`, '["007"]']);
  });

  for (const reply of ['array', 'object', 'data'] as const) {
    it(`are understood in an answer that is ${reply}`, async () => {
      const sim = await start({ record: { reply } });
      assert.equal((await connectTo(sim).createClip(request(), never)).id, sim.records[0]!.id);
    });
  }

  it('with ids that are text keep them', async () => {
    const sim = await start({ record: { id: 'text' } });
    assert.equal((await createFinished(connectTo(sim))).id, '9007199254740993');
  });

  it('that the server says nothing about are found in its list', async () => {
    const sim = await start({ record: { reply: 'nothing' } });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    assert.equal(clip.id, sim.records[0]!.id);
    assert.deepEqual(clip.ref, { createdAt: '2025-03-01T12:00:00.000Z' });
  });

  it('that the server says nothing about, and does not list, are reported', async () => {
    const sim = await start({ record: { reply: 'nothing' }, list: { stream: false } });
    await assert.rejects(
      connectTo(sim).createClip(request(), never),
      fails('EPROTOCOL', /no record \(creating the clip of camera 2, 2025-03-01T11:00:00.000Z/),
    );
  });

  it('of another camera than the one asked for are refused', async () => {
    const sim = await start({ record: { wrongCamera: true } });
    const connection = connectTo(sim, { settings: { api: 'admin' }, credentials: root });
    await assert.rejects(connection.createClip(request(), never), fails('EPROTOCOL', /camera 3 instead/));
  });

  describe('that cannot be made', () => {
    it('of an unknown camera say so', async () => {
      const sim = await start();
      await assert.rejects(
        connectTo(sim).createClip(request({ camera: '99' }), never),
        fails('ENOTFOUND', /selected ids is invalid.*camera 99.*Check the camera id/, { retryable: false }),
      );
    });

    it("of somebody else's camera say so", async () => {
      const sim = await start();
      await assert.rejects(connectTo(sim).createClip(request({ camera: '5' }), never), fails('ENOTFOUND', /may see/));
    });

    it('of a blocked camera say so', async () => {
      const sim = await start();
      await assert.rejects(connectTo(sim).createClip(request({ camera: '4' }), never), fails('EFORBIDDEN', /blocked/));
    });

    it('for lack of a permission say so', async () => {
      const sim = await start();
      sim.options.users[0]!.permissions = ['archives-show'];
      await assert.rejects(connectTo(sim).createClip(request(), never), fails('EFORBIDDEN', /unauthorized/));
    });

    for (const errors of ['fields', 'text', 'page'] as const) {
      it(`since they are too long say so, when the server puts it as ${errors}`, async () => {
        const sim = await start({ errors, maxRangeMs: 1000 });
        await assert.rejects(
          connectTo(sim).createClip(request(), never),
          fails('EINVALID', errors === 'page' ? /HTTP 422 \(creating/ : /longer than 10 minutes/, {
            vendorCode: 'HTTP 422',
          }),
        );
      });
    }

    for (const retryAfter of [true, false]) {
      it(`while the server is throttled wait for as long as it wants${retryAfter ? '' : ', if it says so'}`, async () => {
        const sim = await start({ throttle: { downloads: { count: 1, windowMs: 5000 } }, retryAfter });
        const connection = connectTo(sim);
        await connection.createClip(request(), never);
        const pause = retryAfter ? 5000 : undefined;
        await assert.rejects(
          connection.createClip(request(), never),
          fails('ETHROTTLED', /HTTP 429/, { retryable: true, retryAfterMs: pause }),
        );
      });
    }

    it('never show the address of a camera that the server repeats', async () => {
      const sim = await start();
      const error = await errorOf(connectTo(sim).createClip(request({ end: request().start }), never));
      assert.match(error.message, /The range is empty for \(address\)/);
      assert.doesNotMatch(`${error.message}${error.stack}`, /rtsp|pa55word/);
    });
  });

  describe('whose answer was lost', () => {
    it('are found again by camera and range', async () => {
      const sim = await start();
      sim.putRecord({ camera: '3', from: Date.parse(request().start), to: Date.parse(request().end) });
      sim.putRecord({ camera: '2', from: Date.parse(request().start), to: Date.parse(request().end) + 1000 });
      const connection = connectTo(sim);
      const failure = sim.failNext({ kind: 'reset', when: 'reply' }, 'create');
      await assert.rejects(connection.createClip(request(), never), fails('ENETWORK'));
      assert.equal(failure.hits, 1);
      const found = await connection.findClip(request(), never);
      assert.equal(found?.id, sim.records.at(-1)!.id);
      assert.equal(found?.status, 'pending');
      assert.equal((await poll(connection, found))?.status, 'finished');
    });

    it('are found when the answer to something else comes in its place', async () => {
      const sim = await start();
      const headers = { 'content-type': 'application/json' };
      const dress = () => ({ status: 200, headers, body: '{"status":"ok"}' });
      sim.failNext({ kind: 'dress', dress }, 'create');
      const clip = await connectTo(sim).createClip(request(), never);
      assert.equal(clip.id, sim.records.at(-1)!.id);
    });

    it('are not found where nothing was made', async () => {
      const sim = await start();
      assert.equal(await connectTo(sim).findClip(request(), never), undefined);
    });

    it('are not mistaken for one that has failed, or whose file is gone', async () => {
      const sim = await start({ making: { fails: () => true } });
      const record = sim.putRecord({ camera: '2', from: Date.parse(request().start), to: Date.parse(request().end) });
      const connection = connectTo(sim);
      assert.equal(await connection.findClip(request(), never), undefined);
      record.state = 'gone';
      assert.equal(await connection.findClip(request(), never), undefined);
      record.state = 'ready';
      assert.equal((await connection.findClip(request(), never))?.id, record.id);
    });

    it('are not mistaken for one whose camera is not told', async () => {
      const sim = await start({ list: { stream: false } });
      sim.putRecord({ camera: '2', from: Date.parse(request().start), to: Date.parse(request().end) });
      assert.equal(await connectTo(sim).findClip(request(), never), undefined);
    });
  });

  describe('of the admin API', () => {
    const admin = { settings: { api: 'admin' }, credentials: root };

    it('are made and downloaded', async () => {
      const sim = await start();
      const connection = connectTo(sim, admin);
      const clip = await createFinished(connection);
      assert.ok((await download(connection, clip)).length > 0);
      assert.ok(sim.requests.every(({ path }) => path.startsWith('/api/admin/v1/') || path.startsWith('/s3/')));
    });

    it('without an id are found by camera and range', async () => {
      const sim = await start({ admin: { idInReply: false } });
      sim.putRecord({ camera: '3', from: Date.parse(request().start), to: Date.parse(request().end) });
      const connection = connectTo(sim, admin);
      const clip = await createFinished(connection);
      assert.deepEqual(clip.ref, { createdAt: '2025-03-01T12:00:00.000Z', found: 'range' });
      assert.ok((await download(connection, clip)).length > 0);
      await assert.rejects(connection.deleteClip(clip, never), fails('EUNSUPPORTED', /no id/));
    });

    it('name their camera as the server wants it', async () => {
      const sim = await start({ admin: { cameraField: 'camera_id' } });
      await assert.rejects(
        connectTo(sim, admin).createClip(request(), never),
        fails('ENOTFOUND', /Check the camera id/),
      );
      const connection = connectTo(sim, { ...admin, settings: { ...admin.settings, cameraField: 'camera_id' } });
      await createFinished(connection);
      assert.equal(JSON.parse(sim.requestsFor('create').at(-1)!.body.toString()).camera_id, 2);
    });

    it('say what is missing where the server does not list them', async () => {
      const sim = await start({ admin: { list: false } });
      const connection = connectTo(sim, admin);
      const clip = await connection.createClip(request(), never);
      await assert.rejects(poll(connection, clip), fails('EUNSUPPORTED', /no list.*use the client API/));
    });

    it('without a licence say so', async () => {
      const sim = await start({ licence: false });
      await assert.rejects(
        connectTo(sim, admin).createClip(request(), never),
        fails('EFORBIDDEN', /licence/i, { vendorCode: 'HTTP 402' }),
      );
    });

    it('never show the password of a camera', async () => {
      const sim = await start();
      const connection = connectTo(sim, admin);
      const clip = await createFinished(connection);
      assert.match(JSON.stringify(await (await adminList(sim.url)).text()), /rtsp:/);
      assert.doesNotMatch(JSON.stringify([clip, await connection.check(never)]), /rtsp|pa55word/);
    });
  });
});

/** What the server says, to prove that there is something to hide. */
async function adminList(url: string): Promise<Response> {
  const login = await fetch(`${url}/api/admin/v1/auth/token`, {
    method: 'POST',
    body: JSON.stringify({ login: root.username, password: root.password }),
  });
  const { access_token } = (await login.json()) as { access_token: string };
  return fetch(`${url}/api/admin/v1/downloads`, { headers: { authorization: `Bearer ${access_token}` } });
}
