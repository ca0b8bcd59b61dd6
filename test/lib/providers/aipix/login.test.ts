import assert from 'node:assert/strict';
import { manualClock } from '../../../support/manual-clock';
import { deviceId } from '../../../../lib/providers/aipix/api';
import { calls, closeAll, connectTo, errorOf, fails, hour, never, pasted, request, root, start } from './support';

describe('Aipix: login', () => {
  afterEach(closeAll);

  it('happens once for all calls, and says what kind of client this is', async () => {
    const sim = await start();
    const connection = connectTo(sim, { settings: { clientType: 'thick-legal' } });
    await Promise.all([connection.listCameras(never), connection.listCameras(never)]);
    assert.equal(sim.logins, 1);
    const uuid = deviceId(sim.url, 'nodered');
    for (const { headers } of sim.requests) {
      assert.deepEqual(
        [headers['x-client'], headers['x-uuid'], headers.accept],
        ['thick-legal', uuid, 'application/json'],
      );
      assert.equal(headers['x-socket-id'], undefined);
      assert.equal(headers['x-version'], undefined);
    }
  });

  it('takes the token with or without the word before it', async () => {
    for (const bearerPrefix of [true, false]) {
      const sim = await start({ login: { bearerPrefix } });
      await connectTo(sim).listCameras(never);
      const [token] = sim.sessions.keys();
      assert.equal(sim.requestsFor('cameras')[0]!.headers.authorization, `Bearer ${token}`);
    }
  });

  it('is understood when it stands below "data"', async () => {
    const sim = await start({ login: { wrapped: true } });
    await connectTo(sim).listCameras(never);
    assert.equal(sim.logins, 1);
    await connectTo(sim, { credentials: pasted, settings: { push: true } }).listCameras(never);
  });

  it('sends the password in the body only, and no token along with it', async () => {
    const sim = await start();
    await connectTo(sim).listCameras(never);
    const [login] = sim.requestsFor('login');
    assert.deepEqual(JSON.parse(login!.body.toString()), { login: 'nodered', password: 's3cret-passw0rd' });
    assert.equal(login!.headers.authorization, undefined);
    assert.ok(sim.requests.every(({ target }) => !target.includes('passw0rd')));
  });

  const answers: [what: string, body: string, code: string][] = [
    ['of a wrong password', '{"status":"error","message":"Invalid credentials"}', 'EAUTH'],
    ['by field', '{"errors":{"login":["These credentials do not match"]}}', 'EAUTH'],
    ['of something else', '{"status":"error","message":"Try again later"}', 'EFAILED'],
  ];
  for (const [what, body, code] of answers) {
    it(`that is refused with words ${what} under 200 ends with ${code} and these words`, async () => {
      const sim = await start();
      sim.failNext({ kind: 'reply', reply: { status: 200, body } }, 'login');
      const connection = connectTo(sim);
      const error = await errorOf(connection.listCameras(never));
      assert.equal(error.code, code);
      assert.match(error.message, /Invalid credentials|do not match|Try again later/);
      if (code === 'EAUTH') await assert.rejects(connection.createClip(request(), never), fails('EAUTH'));
      assert.equal(sim.requests.length, 1);
    });
  }

  for (const [status, body] of [
    [400, '{"error":"token_expired"}'],
    [500, '{"message":"Token has expired"}'],
    [200, '{"status":"error","message":"Unauthenticated."}'],
  ] as const) {
    it(`is repeated where ${status} says in words that the session is over`, async () => {
      const sim = await start();
      const connection = connectTo(sim);
      await connection.listCameras(never);
      sim.failNext({ kind: 'reply', reply: { status, body } }, 'cameras');
      assert.ok((await connection.listCameras(never)).length > 0);
      assert.equal(sim.logins, 2);
    });
  }

  for (const refused of [400, 401, 403, 422] as const) {
    it(`that is refused with ${refused} is not tried again`, async () => {
      const sim = await start({ login: { refused } });
      const connection = connectTo(sim, { credentials: { password: 'wrong' } });
      const refusal = fails('EAUTH', /do not match.*as "nodered".*Check login and password/);
      await assert.rejects(connection.listCameras(never), refusal);
      await assert.rejects(connection.createClip(request(), never), refusal);
      assert.equal(sim.requests.length, 1);
    });
  }

  it('goes again once when the token is over, and logs out of neither', async () => {
    for (const unauthenticated of [401, 419] as const) {
      const sim = await start({ login: { unauthenticated } });
      const connection = connectTo(sim);
      await connection.listCameras(never);
      sim.expireSessions();
      await Promise.all([connection.listCameras(never), connection.createClip(request(), never)]);
      assert.deepEqual([sim.logins, sim.logouts], [2, 0]);
    }
  });

  it('gives up when a fresh token is not good either', async () => {
    const sim = await start({ login: { lifetimeMs: -1 } });
    await assert.rejects(connectTo(sim).listCameras(never), fails('EAUTH'));
    assert.equal(sim.logins, 2);
  });

  it('survives a token that ends by its age', async () => {
    const sim = await start({ login: { lifetimeMs: hour } });
    const connection = connectTo(sim);
    await connection.listCameras(never);
    sim.advance(2 * hour);
    await connection.listCameras(never);
    assert.equal(sim.logins, 2);
  });

  it('without a login or a token is not tried', async () => {
    const sim = await start();
    for (const missing of [{ username: '' }, { password: '' }]) {
      await assert.rejects(
        connectTo(sim, { credentials: missing }).listCameras(never),
        fails('EINVALID', /a login needs a password.*Enter both, or paste a token/),
      );
    }
    assert.deepEqual(sim.requests, []);
  });

  it('whose answer holds no token is reported', async () => {
    const sim = await start();
    sim.failNext({ kind: 'reply', reply: { body: '{"ok":true}' } }, 'login');
    await assert.rejects(connectTo(sim).listCameras(never), fails('EPROTOCOL', /no token.*address/));
  });

  it('on a page that is none of the API is reported', async () => {
    const sim = await start();
    sim.failNext({ kind: 'reply', reply: { body: '<html>Welcome</html>' } }, 'login');
    await assert.rejects(connectTo(sim).listCameras(never), fails('EPROTOCOL', /a page that is not JSON/));
  });

  it('is tried again after trouble on the way', async () => {
    const sim = await start();
    const clock = manualClock();
    const connection = connectTo(sim, { clock });
    for (const status of [500, 503, 429]) {
      sim.failNext({ kind: 'reply', reply: { status, body: '{}' } }, 'login');
      assert.equal((await errorOf(connection.listCameras(never))).retryable, true);
      await clock.advance(60_000);
    }
    await connection.listCameras(never);
  });

  it('to a server that wants a newer client says so', async () => {
    const sim = await start();
    sim.failNext({ kind: 'reply', reply: { status: 409, body: '{}' } }, 'login');
    await assert.rejects(connectTo(sim).listCameras(never), fails('EUNSUPPORTED', /newer client/));
  });

  describe('with a captcha', () => {
    it('cannot be done here, and says how it can', async () => {
      for (const errors of ['fields', 'text'] as const) {
        const sim = await start({ login: { captcha: 'required' }, errors });
        const connection = connectTo(sim);
        await assert.rejects(connection.listCameras(never), fails('EAUTH', /captcha.*only a person.*paste a token/));
        await assert.rejects(connection.listCameras(never), fails('EAUTH', /captcha/));
        assert.equal(sim.requests.length, 1);
      }
    });

    it('that is not asked for yet goes as usual', async () => {
      const sim = await start({ login: { captcha: 'available' } });
      await connectTo(sim).listCameras(never);
    });
  });

  describe('with too many sessions', () => {
    const other = (sim: Awaited<ReturnType<typeof start>>, userAgent: string) =>
      fetch(`${sim.url}/api/v1/token`, {
        method: 'POST',
        headers: { 'user-agent': userAgent },
        body: JSON.stringify({ login: 'nodered', password: 's3cret-passw0rd' }),
      });

    for (const limitStatus of [419, 429] as const) {
      for (const limitBody of ['object', 'array'] as const) {
        it(`gives one up, told by ${limitStatus} and an ${limitBody}`, async () => {
          const sim = await start({ login: { maxSessions: 1, limitStatus, limitBody } });
          await other(sim, 'Firefox');
          await connectTo(sim).listCameras(never);
          assert.equal(sim.sessions.size, 1);
          const [, , again] = sim.requestsFor('login');
          assert.deepEqual(JSON.parse(again!.body.toString()), {
            login: 'nodered',
            password: 's3cret-passw0rd',
            session_id: '501',
          });
        });
      }
    }

    it('gives up one of its own that was left behind, before any of a person', async () => {
      const sim = await start({ login: { maxSessions: 3 } });
      await other(sim, 'Firefox');
      await other(sim, 'node-red-video-clips');
      await other(sim, 'Chrome');
      await connectTo(sim).listCameras(never);
      assert.deepEqual(
        [...sim.sessions.values()].map(({ userAgent }) => userAgent),
        ['Firefox', 'Chrome', 'node-red-video-clips'],
      );
    });

    it('gives up the one that was used least lately, if they are all alike', async () => {
      const sim = await start({ login: { maxSessions: 2 } });
      await other(sim, 'Firefox');
      sim.advance(1000);
      await other(sim, 'Chrome');
      await connectTo(sim).listCameras(never);
      assert.deepEqual(
        [...sim.sessions.values()].map(({ userAgent }) => userAgent),
        ['Chrome', 'node-red-video-clips'],
      );
    });

    it('says so when that does not help, and tries again later', async () => {
      const sim = await start({ login: { maxSessions: 1, evicts: false } });
      await other(sim, 'Firefox');
      const clock = manualClock();
      const connection = connectTo(sim, { clock });
      await assert.rejects(connection.listCameras(never), fails('ELIMIT', /too many sessions/, { retryable: true }));
      sim.expireSessions();
      await clock.advance(5_000);
      await connection.listCameras(never);
    });
  });

  describe('with a pasted token', () => {
    it('checks it, and asks for no password', async () => {
      const sim = await start();
      await connectTo(sim, { credentials: pasted }).listCameras(never);
      assert.deepEqual(calls(sim).slice(0, 2), ['GET users/self', 'GET cameras']);
      assert.equal(sim.requests[0]!.headers.authorization, `Bearer ${pasted.token}`);
    });

    it('takes it with the word before it, too, and before login and password', async () => {
      const sim = await start();
      await connectTo(sim, { credentials: { token: ` Bearer ${pasted.token}\n` } }).listCameras(never);
      assert.equal(sim.requestsFor('login').length, 0);
    });

    it('that is refused sends nothing more', async () => {
      const sim = await start();
      const connection = connectTo(sim, { credentials: { token: 'no-such-token' } });
      for (let count = 0; count < 3; count += 1) {
        await assert.rejects(
          connection.listCameras(never),
          fails('EAUTH', /pasted token is not valid.*paste a new one/),
        );
      }
      assert.equal(sim.requests.length, 1);
    });

    it('that ends later sends nothing more', async () => {
      const sim = await start();
      const connection = connectTo(sim, { credentials: pasted });
      await connection.listCameras(never);
      sim.options.tokens = [];
      sim.expireSessions();
      await assert.rejects(connection.createClip(request(), never), fails('EAUTH', /paste a new one/));
      const count = sim.requests.length;
      await assert.rejects(connection.listCameras(never), fails('EAUTH'));
      assert.equal(sim.requests.length, count);
    });

    for (const self of [403, 404] as const) {
      it(`that may not be checked (${self}) is used all the same`, async () => {
        const sim = await start({ login: { self } });
        await connectTo(sim, { credentials: pasted }).listCameras(never);
      });
    }

    it('of an administrator is used without a check', async () => {
      const sim = await start({ tokens: [{ token: 'admin-token-0001', login: 'root' }] });
      const options = { settings: { api: 'admin' }, credentials: { token: 'admin-token-0001' } };
      await connectTo(sim, options).createClip(request(), never);
      assert.deepEqual(calls(sim), ['POST admin/v1/downloads']);
    });
  });

  describe('of an administrator', () => {
    it('goes to the admin API', async () => {
      const sim = await start();
      const connection = connectTo(sim, { settings: { api: 'admin' }, credentials: root });
      await connection.createClip(request(), never);
      sim.expireSessions();
      await connection.createClip(request(), never);
      assert.deepEqual(
        calls(sim).filter((call) => call.includes('token')),
        Array(2).fill('POST admin/v1/auth/token'),
      );
    });

    it('by a user who is none is refused', async () => {
      const sim = await start();
      await assert.rejects(connectTo(sim, { settings: { api: 'admin' } }).createClip(request(), never), fails('EAUTH'));
    });
  });

  describe('is followed by a logout', () => {
    it('when the connection closes', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      await connection.listCameras(never);
      await connection.close();
      assert.deepEqual([sim.logouts, sim.sessions.size], [1, 0]);
      assert.deepEqual(JSON.parse(sim.requestsFor('logout')[0]!.body.toString()), {
        uuid: deviceId(sim.url, 'nodered'),
      });
    });

    it('that may fail without harm', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      await connection.listCameras(never);
      sim.failNext({ kind: 'reset', when: 'request' }, 'logout');
      await connection.close();
      assert.equal(sim.logouts, 0);
    });

    it('but not with a token that was pasted, nor without a login', async () => {
      const sim = await start();
      const connection = connectTo(sim, { credentials: pasted });
      await connection.listCameras(never);
      await connection.close();
      await connectTo(sim).close();
      assert.equal(sim.requestsFor('logout').length, 0);
    });
  });

  it('never shows a secret in what goes wrong', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    await connection.listCameras(never);
    const [session] = sim.sessions.values();
    const body = JSON.stringify({
      errors: { from: [`${session!.token} ${session!.tokenId} s3cret-passw0rd https://host/s3/x?sig=abc`] },
    });
    sim.failNext({ kind: 'reply', reply: { status: 422, body } }, 'create');
    const { message, stack } = await errorOf(connection.createClip(request(), never));
    assert.match(message, /from: \*\*\* \*\*\* \*\*\* \(address\)/);
    for (const secret of [...sim.secrets, 's3cret-passw0rd', 'sig=abc'])
      assert.ok(!`${message}${stack}`.includes(secret));
  });

  it('names the same device each time, and another one for another account or server', () => {
    const one = deviceId('https://vms.local', 'a');
    assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(deviceId('https://VMS.local', 'a'), one);
    assert.notEqual(deviceId('https://vms.local', 'b'), one);
    assert.notEqual(deviceId('https://vms2.local', 'a'), one);
  });
});
