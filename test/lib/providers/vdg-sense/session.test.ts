import assert from 'node:assert/strict';
import type { VdgSense } from '../../../simulators/vdg-sense';
import {
  closeAll,
  commands,
  connectTo,
  createFinished,
  download,
  errorOf,
  fails,
  never,
  request,
  startSense,
} from './support';

describe('VDG Sense: a session that has ended', () => {
  afterEach(closeAll);

  const endings: [string, (sim: VdgSense) => void][] = [
    ['by the server', (sim) => sim.expireSessions()],
    ['by being idle', (sim) => sim.advance(21 * 60_000)],
  ];
  for (const code of ['-1', '-9', '-10', '-18']) {
    const general = { kind: 'reply', reply: { body: `<result errorcode="${code}"/>` } } as const;

    it(`may be told by the general code ${code}: one fresh login, and the command again`, async () => {
      const sim = await startSense();
      const connection = connectTo(sim);
      await createFinished(connection);
      sim.failNext(general, 'addClip');
      await connection.createClip(request({ title: 'Another' }), never);
      assert.equal(sim.logins, 2);
    });

    it(`is not suspected behind ${code} of a session that has not worked yet, nor twice`, async () => {
      const sim = await startSense();
      const connection = connectTo(sim);
      sim.failNext(general, 'addClip');
      const first = await errorOf(connection.createClip(request(), never));
      assert.deepEqual([first.vendorCode, sim.logins], [code, 1]);
      await createFinished(connection);
      sim.failNext(general, 'addClip');
      sim.failNext(general, 'addClip');
      const second = await errorOf(connection.createClip(request({ title: 'Another' }), never));
      assert.deepEqual([second.vendorCode, sim.logins], [code, 2]);
    });
  }

  for (const unauthenticated of ['401', '403', 'errorcode', 'login-page'] as const) {
    for (const [name, end] of endings) {
      it(`${name} is renewed once for all who find out (${unauthenticated})`, async () => {
        const sim = await startSense({ unauthenticated });
        const connection = connectTo(sim);
        const clip = await createFinished(connection);
        end(sim);
        const [cameras, polled, bytes] = await Promise.all([
          connection.listCameras(never),
          connection.pollClip(clip, 1000, never),
          download(connection, clip),
        ]);
        assert.deepEqual([cameras.length, polled?.status], [3, 'finished']);
        assert.equal(bytes.length, clip.size);
        assert.deepEqual([sim.logins, sim.refusedLogins], [2, 0]);
      });
    }

    it(`is renewed in the middle of each kind of command (${unauthenticated})`, async () => {
      const sim = await startSense({ unauthenticated });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      for (const call of [
        () => connection.createClip(request(), never),
        () => connection.pollClip(clip, 1000, never),
        () => download(connection, clip),
        () => connection.listCameras(never),
        () => connection.check(never),
        () => connection.deleteClip(clip, never),
      ]) {
        const { logins } = sim;
        sim.expireSessions();
        await call();
        assert.equal(sim.logins, logins + 1);
      }
    });

    it(`and comes to nothing again is an error after one login (${unauthenticated})`, async () => {
      // The server wants its key under a name that nobody can know.
      const sim = await startSense({ unauthenticated, session: { in: ['element'], cookie: 'secret-name' } });
      const connection = connectTo(sim);
      const code = { '401': 'EAUTH', '403': 'EFORBIDDEN', errorcode: 'EAUTH', 'login-page': 'EPROTOCOL' }[
        unauthenticated
      ];
      await assert.rejects(connection.listCameras(never), fails(code, /\(asking for the camera list\)/));
      assert.deepEqual(commands(sim), ['webservice', 'getDeviceList', 'webservice', 'getDeviceList']);
    });
  }

  for (const unauthenticatedCode of [-1, -9, -18, -54]) {
    it(`is seen in words that ask for a login, beside the code ${unauthenticatedCode}`, async () => {
      const sim = await startSense({ unauthenticated: 'errorcode', unauthenticatedCode });
      const connection = connectTo(sim);
      await connection.listCameras(never);
      sim.expireSessions();
      assert.equal((await connection.listCameras(never)).length, 3);
      assert.equal(sim.logins, 2);
    });
  }

  it('is seen in a code that nobody knows, without any words', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    sim.failNext({ kind: 'reply', reply: { body: '<result errorcode="-54"/>' } }, 'getDeviceList');
    assert.equal((await connection.listCameras(never)).length, 3);
    assert.equal(sim.logins, 2);
  });

  it('is not seen in a code whose meaning is documented', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const body = '<result errorcode="-38"><description>Session "Login desk" too long</description></result>';
    sim.failNext({ kind: 'reply', reply: { body } }, 'addClip');
    await assert.rejects(connection.createClip(request(), never), fails('ELIMIT', /5 minutes/));
    assert.equal(sim.logins, 1);
  });

  it('because another program logged in is renewed, and both go on', async () => {
    const sim = await startSense({ session: { onePerUser: true } });
    const [one, other] = [connectTo(sim), connectTo(sim)];
    for (const connection of [one, other, one, other]) {
      assert.equal((await connection.listCameras(never)).length, 3);
    }
    assert.deepEqual([sim.logins, sim.sessions.size], [4, 1]);
  });

  it('because the server was restarted is renewed', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    await sim.stop();
    sim.expireSessions();
    await assert.rejects(connection.pollClip(clip, 1000, never), fails('ENETWORK', /./, { retryable: true }));
    await sim.start();
    assert.equal((await connection.pollClip(clip, 1000, never))?.status, 'finished');
    assert.equal(sim.logins, 2);
  });
});
