import assert from 'node:assert/strict';
import { mayPass, type ClipError } from '../../../../lib/errors';
import { htmlPage, type Reply } from '../../../simulators/http-server';
import { manualClock } from '../../../support/manual-clock';
import type { SenseSettings, VdgSense } from '../../../simulators/vdg-sense';
import { closeAll, commands, connectTo, fails, never, request, startSense } from './support';

describe('VDG Sense: a refused login', () => {
  afterEach(closeAll);

  async function assertOneTry(sim: VdgSense, settings: Record<string, unknown>, code: string): Promise<void> {
    const connection = connectTo(sim, { settings, credentials: { password: 'wrong-password' } });
    const clip = { ...request(), id: '1', connection: 'sense', provider: 'vdg-sense', status: 'busy' as const };
    const told = (error: unknown): boolean => {
      fails(code, /Nothing more is sent until the connection is corrected and deployed$/, { retryable: false })(error);
      return !String(error).includes('wrong-password');
    };
    const first = connection.listCameras(never);
    await assert.rejects(first, told);
    const { length } = sim.requests;
    assert.equal(length, 1);
    await Promise.all([
      assert.rejects(connection.createClip(request(), never), told),
      assert.rejects(connection.pollClip(clip, 1000, never), told),
      assert.rejects(connection.openClip(clip, { offset: 0 }, never), told),
      assert.rejects(connection.deleteClip(clip, never), told),
      assert.rejects(connection.check(never), told),
    ]);
    assert.equal(sim.requests.length, length, 'something was sent after the refusal');
  }

  const answers: [NonNullable<SenseSettings['refusedLogin']>, string][] = [
    ['401', 'EAUTH'],
    ['errorcode', 'EAUTH'],
    ['no-key', 'EAUTH'],
    ['zero-key', 'EAUTH'],
  ];
  for (const [refusedLogin, code] of answers) {
    it(`is the only one ever (${refusedLogin})`, async () => {
      const sim = await startSense({ refusedLogin, lockAfter: 2 });
      await assertOneTry(sim, {}, code);
      assert.deepEqual([sim.refusedLogins, sim.logins], [1, 0]);
      // The account is as good as before.
      assert.equal((await connectTo(sim).listCameras(never)).length, 3);
    });
  }

  for (const refusedLoginCode of [-1, -18, -40, -55, 0, 7]) {
    it(`is the only one ever, whatever its code (${refusedLoginCode})`, async () => {
      await assertOneTry(await startSense({ refusedLoginCode }), {}, 'EAUTH');
    });
  }

  for (const failureStatus of [400, 404, 500] as const) {
    it(`is the only one ever, whatever its status (${failureStatus})`, async () => {
      await assertOneTry(await startSense({ replies: { failureStatus } }), {}, 'EAUTH');
    });
  }

  it('is the only one ever when calls come all at once', async () => {
    const sim = await startSense();
    const connection = connectTo(sim, { credentials: { password: 'wrong' } });
    await Promise.all(Array.from({ length: 50 }, () => assert.rejects(connection.listCameras(never), fails('EAUTH'))));
    assert.deepEqual([sim.refusedLogins, commands(sim)], [1, ['webservice']]);
  });

  it('says who was refused where, and why', async () => {
    const sim = await startSense();
    await assert.rejects(
      connectTo(sim, { credentials: { password: 'guessed' } }).check(never),
      fails(
        'EAUTH',
        /^The server refused the login \(-55\): Unknown user or wrong password \(logging in to http:\/\/127.* as "nodered"\)\. Check user/,
        { vendorCode: '-55' },
      ),
    );
  });

  it('because the address is another one is tried once as well', async () => {
    const sim = await startSense();
    for (const [path, code] of [
      ['/elsewhere', 'ENOTFOUND'],
      ['/elsewhere/command', 'ENOTFOUND'],
    ] as const) {
      const connection = connectTo(sim, { settings: { url: sim.url + path } });
      await assert.rejects(connection.listCameras(never), fails(code, /HTTP 404/));
      await assert.rejects(connection.listCameras(never), fails(code));
    }
    assert.equal(sim.requests.length, 2);
  });

  it('because too many are logged in is tried again later, where the server says so', async () => {
    const sim = await startSense({ session: { max: 1 } });
    await connectTo(sim).listCameras(never);
    const clock = manualClock();
    const second = connectTo(sim, { clock });
    await assert.rejects(
      second.listCameras(never),
      fails('ELIMIT', /no more sessions \(-18\): Too many sessions/, { retryable: true, retryAfterMs: 60_000 }),
    );
    sim.expireSessions();
    await clock.advance(60_000);
    assert.equal((await second.listCameras(never)).length, 3);
  });

  const passing: [string, Reply][] = [
    ['a general error', { body: '<result errorcode="-18"/>' }],
    ['a page', htmlPage(200, 'Please log in')],
    ['the page of a gateway', htmlPage(403, 'Forbidden')],
    ['a bad gateway', htmlPage(502, 'Bad gateway')],
  ];
  for (const [name, reply] of passing) {
    it(`is not what ${name} says, and the login is repeated after a pause`, async () => {
      const sim = await startSense();
      const clock = manualClock();
      const connection = connectTo(sim, { clock });
      sim.failNext({ kind: 'reply', reply }, 'login');
      for (let count = 0; count < 2; count += 1) {
        await assert.rejects(
          connection.listCameras(never),
          (error: ClipError) => mayPass(error) && error.code !== 'EAUTH',
        );
      }
      assert.equal(sim.requestsFor('login').length, 1);
      await clock.advance(5_000);
      assert.equal((await connection.listCameras(never)).length, 3);
    });
  }

  for (const unauthenticated of ['401', '403', 'errorcode', 'login-page'] as const) {
    it(`that looks like one that was taken is the only one ever (${unauthenticated})`, async () => {
      const sim = await startSense({
        refusedLogin: 'no-key',
        session: { strayCookie: 'visitor=7; Path=/' },
        unauthenticated,
        lockAfter: 2,
      });
      const connection = connectTo(sim, { credentials: { password: 'wrong-password' } });
      for (let count = 0; count < 3; count += 1) await assert.rejects(connection.listCameras(never), fails('EAUTH'));
      assert.deepEqual([sim.refusedLogins, commands(sim)], [1, ['webservice', 'getDeviceList']]);
    });
  }

  it('after the password was changed ends a connection that worked', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    await connection.listCameras(never);
    sim.options.users = [{ username: 'nodered', password: 'changed' }];
    sim.expireSessions();
    for (let count = 0; count < 3; count += 1) {
      await assert.rejects(connection.listCameras(never), fails('EAUTH', /refused the login/));
    }
    assert.equal(sim.refusedLogins, 1);
  });

  for (const unauthenticated of ['401', '403', 'errorcode', 'login-page'] as const) {
    it(`is the only one ever with HTTP Basic too (${unauthenticated})`, async () => {
      const sim = await startSense({ auth: ['basic'], unauthenticated });
      await assertOneTry(sim, { auth: 'basic' }, 'EAUTH');
      assert.equal(sim.refusedLogins, 1);
    });
  }
});
