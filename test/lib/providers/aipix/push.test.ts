import assert from 'node:assert/strict';
import { systemClock } from '../../../../lib/async/clock';
import type { Connection } from '../../../../lib/connection/connection';
import type { Clip } from '../../../../lib/provider';
import type { Aipix, AipixSettings } from '../../../simulators/aipix';
import { selfSignedCertificate } from '../../../simulators/vdg-sense/self-signed';
import { eventually } from '../../../support/eventually';
import {
  calls,
  closeAll,
  connectTo,
  createFinished,
  download,
  hour,
  never,
  pasted,
  poll,
  request,
  root,
  start,
} from './support';

/** The record's address as the list gives it before there is a file, so that only the push can tell. */
const silentList: AipixSettings['record'] = { statusIn: [] };

/** A connection that listens, in real time, and what it has heard. */
async function listen(settings: AipixSettings = {}, options: Parameters<typeof connectTo>[1] = {}) {
  const sim = await start({ clock: 'real', ...settings, making: { makeMs: Infinity, ...settings.making } });
  const connection = connectTo(sim, { clock: systemClock, ...options, settings: { push: true, ...options.settings } });
  const heard: (string | undefined)[] = [];
  connection.onClipChanged((id) => heard.push(id));
  await connection.listCameras(never);
  return { sim, connection, heard };
}

const create = (connection: Connection, seconds = 2): Promise<Clip> => {
  const end = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  const range = { start: new Date(end - seconds * 1000).toISOString(), end: new Date(end).toISOString() };
  return connection.createClip(request(range), never);
};

const isSubscribed = (sim: Aipix): boolean =>
  sim.push.clients.some(({ channels, isOpen }) => isOpen && channels.size === 1);

describe('Aipix: pushes', () => {
  afterEach(closeAll);

  it('are listened for on the channel of the token before the first call goes out', async () => {
    const { sim } = await listen();
    const [session] = sim.sessions.values();
    assert.deepEqual([...sim.push.clients[0]!.channels], [`private-token.${session!.tokenId}`]);
    assert.deepEqual(calls(sim).slice(0, 4), ['POST token', 'GET wsurl', 'POST broadcasting/auth', 'GET cameras']);
    const { headers, target } = sim.push.clients[0]!;
    assert.match(target, /^\/pusher\/app\/app-key-01\?protocol=7&client=/);
    assert.equal(headers['sec-websocket-protocol'], undefined);
    assert.equal(headers.authorization, undefined);
  });

  it('name the clip that is finished', async () => {
    const { sim, connection, heard } = await listen();
    const clip = await create(connection);
    sim.finish(clip.id);
    await eventually(() => assert.deepEqual(heard, [clip.id]));
    assert.equal((await poll(connection, clip))?.status, 'finished');
  });

  for (const push of [{ data: 'object' }, { upperCase: true }, { extraKeys: false }] as const) {
    it(`are understood with ${JSON.stringify(push)}`, async () => {
      const { sim, connection, heard } = await listen({ push });
      const clip = await create(connection);
      sim.finish(clip.id);
      await eventually(() => assert.deepEqual(heard, [clip.id]));
    });
  }

  for (const [name, settings, api] of [
    ['users whose server has no list', { paths: { list: [] } }, 'client'],
    ['administrators, below their own path', { admin: { pushAt: 'admin', list: false, cameras: true } }, 'admin'],
    ['administrators, below the path of users', { admin: { pushAt: 'client', list: false, cameras: true } }, 'admin'],
  ] as [string, AipixSettings, string][]) {
    it(`alone finish and download a clip, for ${name}`, async () => {
      const { sim, connection, heard } = await listen(settings, {
        settings: { api },
        ...(api === 'admin' ? { credentials: root } : {}),
      });
      const clip = await create(connection);
      assert.equal((await poll(connection, clip))?.status, 'busy');
      sim.finish(clip.id);
      await eventually(() => assert.equal(heard.length, 1));
      const found = await poll(connection, clip);
      assert.equal(found?.status, 'finished');
      assert.ok(!JSON.stringify(found).includes('http'), 'the address stays in memory');
      assert.ok((await download(connection, found)).length > 0);
    });
  }

  it('make a clip finished that the list does not show as such yet', async () => {
    const { sim, connection, heard } = await listen({ record: silentList });
    const clip = await create(connection);
    sim.finish(clip.id);
    await eventually(() => assert.equal(heard.length, 1));
    const { state } = sim.records[0]!;
    sim.records[0]!.state = 'making';
    const found = await poll(connection, clip);
    assert.equal(found?.status, 'finished');
    sim.records[0]!.state = state;
    const { body } = await connection.openClip(found, { offset: 0 }, never);
    body.destroy();
  });

  it('make a clip failed of which the list does not tell', async () => {
    const { sim, connection, heard } = await listen({ record: silentList });
    const clip = await create(connection);
    sim.finish(clip.id, 'failed');
    await eventually(() => assert.deepEqual(heard, [clip.id]));
    const found = await poll(connection, clip);
    assert.deepEqual([found?.status, found?.reason], ['failed', 'the server reports an error, without a reason']);
  });

  describe('without an id', () => {
    const anonymous = { record: silentList, push: { failure: 'anonymous', success: 'legacy' } } as const;

    it('are about the only clip that is being made', async () => {
      const { sim, connection, heard } = await listen(anonymous);
      const clip = await create(connection);
      sim.finish(clip.id, 'failed');
      await eventually(() => assert.deepEqual(heard, [clip.id]));
      assert.equal((await poll(connection, clip))?.status, 'failed');
      // It is no longer one that is being made.
      const next = await create(connection);
      sim.finish(next.id);
      await eventually(() => assert.deepEqual(heard, [clip.id, next.id]));
    });

    it('are only a reason to ask while there are several', async () => {
      const { sim, connection, heard } = await listen(anonymous);
      const [one, two] = [await create(connection), await create(connection)];
      sim.finish(one.id, 'failed');
      await eventually(() => assert.deepEqual(heard, [undefined]));
      assert.equal((await poll(connection, one))?.status, 'busy');
      assert.equal((await poll(connection, two))?.status, 'busy');
    });
  });

  describe('before the answer to the request', () => {
    for (const failure of ['download', 'anonymous'] as const) {
      it(`are kept for it (${failure})`, async () => {
        const { sim, connection, heard } = await listen({ push: { sent: 'before the reply', failure } });
        const finished = await create(connection);
        assert.equal(finished.status, 'finished');
        sim.options.making.fails = () => true;
        const failed = await create(connection);
        assert.equal(failed.status, 'failed');
        assert.deepEqual(heard, [finished.id, failure === 'download' ? failed.id : undefined]);
      });
    }
  });

  it('that come twice do no harm', async () => {
    const { sim, connection, heard } = await listen({ push: { sent: 'twice' } });
    const clip = await create(connection);
    sim.finish(clip.id);
    await eventually(() => assert.deepEqual(heard, [clip.id, clip.id]));
    assert.equal((await poll(connection, clip))?.status, 'finished');
  });

  it('that never come are not needed', async () => {
    const { sim, connection, heard } = await listen({ push: { sent: 'never' } });
    const clip = await create(connection);
    sim.finish(clip.id);
    assert.equal((await poll(connection, clip))?.status, 'finished');
    assert.deepEqual(heard, []);
  });

  it('of a clip that is made again count for that making only', async () => {
    const { sim, connection, heard } = await listen({ record: silentList });
    const clip = await create(connection);
    sim.finish(clip.id);
    await eventually(() => assert.equal(heard.length, 1));
    const finished = await poll(connection, clip);
    sim.expireFile(clip.id);
    assert.equal((await poll(connection, finished!))?.status, 'busy');
    assert.equal((await poll(connection, finished!))?.status, 'busy');
    sim.finish(clip.id);
    await eventually(() => assert.equal(heard.length, 2));
    assert.equal((await poll(connection, finished!))?.status, 'finished');
  });

  it('of a clip that is made again as another record are about the clip', async () => {
    const { sim, connection, heard } = await listen({ repeat: 'new id', record: silentList });
    const clip = await create(connection);
    sim.finish(clip.id);
    await eventually(() => assert.equal(heard.length, 1));
    const finished = await poll(connection, clip);
    sim.expireFile(clip.id);
    assert.equal((await poll(connection, finished!))?.status, 'busy');
    sim.finish(sim.records.at(-1)!.id);
    await eventually(() => assert.deepEqual(heard, [clip.id, clip.id]));
    assert.equal((await poll(connection, finished!))?.status, 'finished');
  });

  describe('of a session', () => {
    it('are followed to the next one', async () => {
      const { sim, connection, heard } = await listen();
      sim.expireSessions();
      const clip = await create(connection);
      assert.equal(sim.logins, 2);
      const [before, after] = sim.push.clients;
      await eventually(() => assert.equal(before!.isOpen, false));
      assert.equal(after!.isOpen, true);
      sim.finish(clip.id);
      await eventually(() => assert.deepEqual(heard, [clip.id]));
    });

    it('that the server ends lead to a poll, which logs in again', async () => {
      const { sim, connection, heard } = await listen();
      sim.expireSessions({ tell: true });
      await eventually(() => assert.deepEqual(heard, [undefined]));
      await eventually(() => assert.equal(sim.push.clients[0]!.isOpen, false));
      await create(connection);
      assert.equal(sim.logins, 2);
      assert.equal(isSubscribed(sim), true);
    });

    it('end with the connection, before its logout', async () => {
      const { sim, connection } = await listen();
      await connection.close();
      await eventually(() => assert.equal(sim.push.clients[0]!.isOpen, false));
      assert.equal(sim.logouts, 1);
      assert.equal(sim.push.clients[0]!.thrownOut, undefined);
    });

    it('of a pasted token are heard, too', async () => {
      const { sim } = await listen({}, { credentials: pasted });
      assert.equal(isSubscribed(sim), true);
    });
  });

  describe('are not listened for', () => {
    it('when that is turned off', async () => {
      const { sim } = await listen({}, { settings: { push: false } });
      assert.deepEqual([sim.push.clients.length, sim.requestsFor('wsurl').length], [0, 0]);
    });

    it('as an administrator', async () => {
      const sim = await start();
      const connection = connectTo(sim, { settings: { api: 'admin', push: true }, credentials: root });
      await connection.createClip(request(), never);
      assert.equal(sim.requestsFor('wsurl').length, 0);
    });

    it('where the server names no channel, or no push server', async () => {
      for (const settings of [{ login: { tokenIdIn: [] } }, { push: { served: false } }]) {
        const { sim, connection } = await listen(settings);
        assert.equal(sim.push.clients.length, 0);
        const clip = await create(connection);
        sim.finish(clip.id);
        assert.equal((await poll(connection, clip))?.status, 'finished');
      }
    });

    for (const refused of [401, 403] as const) {
      it(`where the channel is refused with ${refused}`, async () => {
        const sim = await start({ clock: 'real', push: { refused } });
        sim.failNext({ kind: 'reply', reply: { status: refused, body: '{}' } }, 'broadcasting');
        const connection = connectTo(sim, { clock: systemClock, settings: { push: true } });
        await connection.listCameras(never);
        await eventually(() => assert.equal(sim.push.clients[0]!.isOpen, false));
        assert.equal(isSubscribed(sim), false);
      });
    }

    it('any longer when nobody answers within 3 s, and calls go out all the same', async () => {
      const sim = await start({ clock: 'real', push: { path: '/ws', ws: 'silent' } });
      const connection = connectTo(sim, { clock: systemClock, settings: { push: true } });
      await connection.listCameras(never);
      assert.equal(sim.push.clients.length, 1);
    });
  });

  describe('come back', () => {
    it('after the connection broke, with a reason to ask', async () => {
      const { sim, connection, heard } = await listen();
      const clip = await create(connection);
      sim.push.clients[0]!.close(1001);
      await eventually(() => assert.equal(sim.push.clients[0]!.isOpen, false));
      sim.finish(clip.id);
      assert.equal(sim.push.sent.at(-1)!.receivers, 0);
      await eventually(() => assert.deepEqual(heard, [undefined]));
      assert.equal(isSubscribed(sim), true);
      assert.equal(sim.requestsFor('wsurl').length, 1);
      assert.equal(sim.requestsFor('broadcasting').length, 2);
    });

    it('after a wrong signature', async () => {
      const sim = await start({ clock: 'real' });
      sim.failNext({ kind: 'reply', reply: { body: '{"auth":"app-key-01:0000"}' } }, 'broadcasting');
      const connection = connectTo(sim, { clock: systemClock, settings: { push: true } });
      await connection.listCameras(never);
      assert.deepEqual(sim.push.clients[0]!.thrownOut, { code: 1002, reason: 'signature' });
      await eventually(() => assert.equal(isSubscribed(sim), true));
    });
  });

  describe('are found', () => {
    const cases: [string, AipixSettings['push'], string][] = [
      ['below /ws where that speaks the protocol', { path: '/ws' }, '/ws/app/'],
      ['below /pusher where /ws is gone', { path: '/ws', ws: 'missing' }, '/pusher/app/'],
      ['below /pusher where no path is given', { path: '' }, '/pusher/app/'],
      ['by the parts of an address', { address: 'parts', encryptedAs: 'text' }, '/pusher/app/'],
    ];
    for (const [what, push, path] of cases) {
      it(what, async () => {
        const { sim } = await listen({ push });
        assert.equal(isSubscribed(sim), true);
        assert.ok(sim.push.clients[0]!.target.startsWith(path));
      });
    }

    it('over TLS, with the CA of the connection', async () => {
      const tls = selfSignedCertificate();
      const { sim } = await listen({ tls }, { tls: { ca: tls.cert } });
      assert.equal(isSubscribed(sim), true);
    });
  });

  it('are kept up with pings, and with nothing that the server would mind', async () => {
    const { sim } = await listen({ push: { activityTimeout: '0.4' } });
    const [client] = sim.push.clients;
    await eventually(() => client!.frames.filter((frame) => frame.includes('pusher:ping')).length >= 4);
    client!.pingFrame();
    await eventually(() => assert.equal(client!.pongs, 1));
    client!.send({ event: 'pusher:ping', data: {} });
    await eventually(() => client!.frames.length >= 7);
    assert.deepEqual([client!.isOpen, client!.thrownOut], [true, undefined]);
    assert.deepEqual(
      [...new Set(client!.frames.map((frame) => (JSON.parse(frame) as { event: string }).event))],
      ['pusher:subscribe', 'pusher:ping'],
    );
  });

  it('never show in a clip', async () => {
    const { sim, connection, heard } = await listen({ record: { file: 'signed' } });
    const clip = await create(connection);
    sim.finish(clip.id);
    await eventually(() => assert.equal(heard.length, 1));
    const text = JSON.stringify(await poll(connection, clip));
    for (const secret of sim.secrets) assert.ok(!text.includes(secret));
  });

  it('that are old do not bring an expired file back', async () => {
    const sim = await start({ clock: 'real', repeat: 'missing', record: { statusIn: [], exists: false } });
    const connection = connectTo(sim, { clock: systemClock, settings: { push: true } });
    const heard: unknown[] = [];
    connection.onClipChanged((id) => heard.push(id));
    await connection.listCameras(never);
    const end = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    const range = { start: new Date(end - 2000).toISOString(), end: new Date(end).toISOString() };
    const clip = await createFinished(connection, range);
    await eventually(() => assert.equal(heard.length, 1));
    sim.advance(4 * hour);
    assert.equal((await poll(connection, clip))?.status, 'expired');
  });
});
