import assert from 'node:assert/strict';
import type { Clip } from '../../../../lib/provider';
import { senseCamera, type VdgSense } from '../../../simulators/vdg-sense';
import {
  closeAll,
  connectTo,
  createFinished,
  download,
  fails,
  never,
  ONE,
  readAll,
  request,
  startSense,
  TWO,
} from './support';

/** Clips that are on the server, as another program or an earlier run made them. */
function putClips(sim: VdgSense, count: number, serverid = ONE): Clip[] {
  return Array.from({ length: count }, (_, index) => {
    const start = Date.parse('2025-03-01T10:00:00Z') + index * 1000;
    const { id } = sim.putClip({ serverid, deviceid: '2', start, end: start + 2000, description: `& ${index}` });
    return {
      id,
      camera: `${serverid}/2`,
      start: new Date(start).toISOString(),
      end: new Date(start + 2000).toISOString(),
      status: 'pending',
      connection: 'sense',
      provider: 'vdg-sense',
    };
  });
}

describe('VDG Sense: polling', () => {
  afterEach(closeAll);

  it('of a thousand clips is one request a round, and each caller gets its own', async () => {
    const sim = await startSense({ queue: { makeMs: Infinity } });
    const connection = connectTo(sim);
    const clips = putClips(sim, 1000);
    for (let round = 1; round <= 3; round += 1) {
      const found = await Promise.all(clips.map((clip) => connection.pollClip(clip, 1000, never)));
      assert.equal(sim.requestsFor('getClips').length, round);
      for (const [index, clip] of found.entries()) {
        assert.deepEqual([clip?.id, clip?.title, clip?.start], [clips[index]?.id, `& ${index}`, clips[index]?.start]);
      }
      assert.deepEqual([found[0]?.status, found[1]?.status], ['busy', 'pending']);
    }
  });

  it('of a slow server has one round at a time, however many ask meanwhile', async () => {
    const sim = await startSense({ latencyMs: 20, queue: { makeMs: Infinity } });
    const connection = connectTo(sim);
    const clips = putClips(sim, 50);
    const first = connection.pollClip(clips[0]!, 1, never);
    while (sim.requestsFor('getClips').length === 0) await new Promise(setImmediate);
    const others = clips.map((clip) => connection.pollClip(clip, 1, never));
    assert.equal((await first)?.status, 'busy');
    assert.equal((await Promise.all(others)).length, 50);
    assert.equal(sim.requestsFor('getClips').length, 2);
  });

  it('of clips of several servers is one request for each server, which it names', async () => {
    const servers = Array.from({ length: 5 }, (_, index) => String(6917529027641081901n + BigInt(index)));
    const sim = await startSense({
      devices: servers.map((serverid) => senseCamera({ serverid, deviceid: '2' })),
      queue: { makeMs: Infinity },
    });
    const connection = connectTo(sim);
    const clips = servers.flatMap((serverid) => putClips(sim, 20, serverid));
    const found = await Promise.all(clips.map((clip) => connection.pollClip(clip, 1000, never)));
    assert.deepEqual(
      found.map((clip) => [clip?.id, clip?.camera]),
      clips.map((clip) => [clip.id, clip.camera]),
    );
    const asked = sim.requestsFor('getClips').map(({ query }) => query.get('serverid'));
    assert.deepEqual(asked.sort(), servers);
  });

  for (const omittedServer of ['management', 'all'] as const) {
    it(`does not depend on what a list without a server holds (${omittedServer})`, async () => {
      const sim = await startSense({ omittedServer, managementServer: TWO });
      const connection = connectTo(sim);
      assert.equal((await createFinished(connection)).status, 'finished');
      assert.ok(sim.requestsFor('getClips').every(({ query }) => query.get('serverid') === ONE));
    });
  }

  it('with a server that fails tells only those who have a clip there', async () => {
    const sim = await startSense({ queue: { makeMs: Infinity } });
    const connection = connectTo(sim);
    const [one] = putClips(sim, 1, ONE);
    const [two] = putClips(sim, 1, TWO);
    const replies = [
      { body: '<result errorcode="-17"><description>No such server</description></result>' },
      { body: '<result errorcode="-49"/>' },
      { status: 403 },
      { status: 503 },
      { body: '<html>busy</html>' },
    ];
    const codes = ['ENOTFOUND', 'EFAILED', 'EFORBIDDEN', 'ENETWORK', 'EPROTOCOL'];
    for (const [index, reply] of replies.entries()) {
      sim.failNext({ kind: 'reply', reply }, ({ query }) => query.get('serverid') === TWO, 2);
      const [good, bad] = await Promise.allSettled([one, two].map((clip) => connection.pollClip(clip!, 1000, never)));
      assert.equal(good?.status, 'fulfilled');
      assert.ok(bad?.status === 'rejected');
      fails(codes[index]!, new RegExp(`\\(asking for the clips of server ${TWO}\\)`))(bad.reason);
      sim.clearFaults();
    }
  });

  it('has one login for all servers when the session has ended', async () => {
    const sim = await startSense({ queue: { makeMs: Infinity } });
    const connection = connectTo(sim);
    const clips = [...putClips(sim, 1, ONE), ...putClips(sim, 1, TWO)];
    for (const unauthenticated of ['401', '403', 'errorcode', 'login-page'] as const) {
      sim.options.unauthenticated = unauthenticated;
      const { logins } = sim;
      sim.expireSessions();
      const found = await Promise.all(clips.map((clip) => connection.pollClip(clip, 1000, never)));
      assert.deepEqual(
        found.map((clip) => clip?.id),
        clips.map((clip) => clip.id),
      );
      assert.equal(sim.logins, logins + 1);
    }
  });

  it('goes on after the server was away', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    await sim.stop();
    await assert.rejects(connection.pollClip(clip, 1000, never), fails('ENETWORK', /^Nothing listens.*\(asking/));
    await sim.start();
    assert.equal((await connection.pollClip(clip, 1000, never))?.status, 'finished');
  });

  it('reads a list of thousands', async () => {
    const sim = await startSense({ queue: { makeMs: Infinity }, replies: { indent: true, debugTags: true } });
    const [clip] = putClips(sim, 1);
    putClips(sim, 5000);
    assert.equal((await connectTo(sim).pollClip(clip!, 1000, never))?.status, 'busy');
  });
});

describe('VDG Sense: ids beyond 2^53', () => {
  afterEach(closeAll);

  it('are never confused, however alike they are', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const ends = ['02', '03', '04'].map((second) => `2025-03-01T11:00:${second}.000Z`);
    const clips = [];
    for (const end of ends) clips.push(await createFinished(connection, { end }));
    const ids = clips.map((clip) => clip.id);
    assert.deepEqual(ids, ['8070450532247928832', '8070450532247928833', '8070450532247928834']);
    // To a double they are one and the same.
    assert.equal(new Set(ids.map(Number)).size, 1);

    const sizes = [];
    for (const clip of clips) {
      const bytes = await download(connection, clip);
      assert.ok(bytes.equals(await readAll((await sim.mediaOf(clip.id)).read())));
      sizes.push(bytes.length);
    }
    assert.equal(new Set(sizes).size, 3);

    await connection.deleteClip(clips[1]!, never);
    assert.deepEqual(
      sim.clips.map((clip) => clip.id),
      [ids[0], ids[2]],
    );
    const left = await Promise.all(clips.map((clip) => connection.pollClip(clip, 1000, never)));
    assert.deepEqual(
      left.map((clip) => clip?.id),
      [ids[0], undefined, ids[2]],
    );
  });

  it('of servers and devices are never confused either', async () => {
    const [one, two] = ['9007199254740992', '9007199254740993'];
    const devices = [one, two].flatMap((serverid, server) =>
      [one, two].map((deviceid, device) =>
        senseCamera({
          serverid,
          deviceid,
          name: `${server}/${device}`,
          width: 320 + 16 * device,
          height: 240 + 16 * server,
        }),
      ),
    );
    const sim = await startSense({ devices });
    const connection = connectTo(sim);
    const cameras = await connection.listCameras(never);
    assert.deepEqual(
      cameras.map(({ id, name }) => [id, name]),
      devices.map(({ serverid, deviceid, name }) => [`${serverid}/${deviceid}`, name]),
    );
    for (const [index, { id }] of cameras.entries()) {
      const clip = await createFinished(connection, { camera: id });
      assert.deepEqual([clip.camera, clip.width, clip.height], [id, devices[index]?.width, devices[index]?.height]);
    }
  });

  it('are the business of one server: a clip of the same id elsewhere is another one', async () => {
    const sim = await startSense({ queue: { makeMs: Infinity } });
    const connection = connectTo(sim);
    const [clip] = putClips(sim, 1, ONE);
    assert.equal(await connection.pollClip({ ...clip!, camera: `${TWO}/2` }, 1000, never), undefined);
    // A server that lists the clips of others as well must not lend them out.
    const body = `<result errorcode="0"><clips><clip><id>${clip!.id}</id><serverid>${TWO}</serverid><status>finished</status></clip></clips></result>`;
    sim.failNext({ kind: 'reply', reply: { body } }, 'getClips');
    assert.equal(await connection.pollClip(clip!, 1000, never), undefined);
  });
});
