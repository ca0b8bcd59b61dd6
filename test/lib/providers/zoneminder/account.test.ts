import assert from 'node:assert/strict';
import { exampleUser } from '../../../simulators/zoneminder';
import { at, closeAll, connectTo, failsOn, never, openProvider, request, startServer } from './support';

describe('ZoneMinder: login and rights', () => {
  afterEach(closeAll);

  it('sends user, password and tokens in the body alone', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: Date.parse(at(-3610)), seconds: 60 });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    (await connection.openClip({ ...clip, status: 'finished' }, { offset: 0 }, never)).body.destroy();
    assert.ok(sim.requests.length > 4);
    for (const { target, method } of sim.requests) {
      assert.equal(method, 'POST');
      for (const secret of [...sim.secrets, exampleUser.password, exampleUser.name]) {
        assert.ok(!target.includes(encodeURIComponent(secret)) && !target.includes(secret), target);
      }
    }
  });

  const refusals: [
    name: string,
    change: Parameters<typeof startServer>[0],
    user: string,
    code: string,
    words: RegExp,
  ][] = [
    ['a user that is not known', {}, 'nobody', 'EAUTH', /Could not retrieve user nobody.*Check user and password/],
    ['a user that is not known (1.38)', { version: '1.38.4' }, 'nobody', 'EAUTH', /Invalid username or password/],
    ['a user that is switched off', {}, 'disabled', 'EAUTH', /Check user and password/],
    ['a user without the API', {}, 'no-api', 'EFORBIDDEN', /API Enabled/],
    ['a server without the API', { api: false }, exampleUser.name, 'EFORBIDDEN', /OPT_USE_API/],
    ['a server without a secret', { hashSecret: false }, exampleUser.name, 'EFORBIDDEN', /AUTH_HASH_SECRET/],
    ['a server without rewrite rules', { rewriteRules: false }, exampleUser.name, 'EPROTOCOL', /rewrite rules/],
    [
      'a server that is elsewhere',
      { redirectAll: 'https://cameras.example/zm/' },
      exampleUser.name,
      'EPROTOCOL',
      /redirects to https:\/\/cameras\.example\/zm\/.*address of the connection/,
    ],
  ];
  for (const [name, change, username, code, words] of refusals) {
    it(`names what to change for ${name}`, async () => {
      const sim = await startServer(change);
      const connection = connectTo(sim, { username });
      await assert.rejects(connection.listCameras(never), failsOn(sim)(code, words));
      assert.equal(sim.requests.length, 1);
    });
  }

  it('never logs in again for a right that is missing', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: Date.parse(at(-3610)), seconds: 60 });
    const connection = connectTo(sim, { username: 'no-events' });
    for (let times = 0; times < 3; times += 1) {
      await assert.rejects(connection.createClip(request(), never), failsOn(sim)('EFORBIDDEN', /"Events: View"/));
    }
    assert.equal(sim.requestsFor('login').length, 1);
    const { warnings } = await connection.check(never);
    assert.ok(warnings.some((warning) => /Events: View/.test(warning)));
  });

  it('says that a monitor does not exist, or that the user may not see it', async () => {
    const sim = await startServer();
    const words = /there is no monitor 2 .*\. Check the number, and which monitors the user may see/;
    await assert.rejects(
      connectTo(sim, { username: 'first-only' }).createClip(request({ camera: '2' }), never),
      failsOn(sim)('ENOTFOUND', words),
    );
  });

  it('does without a login where there is none', async () => {
    const sim = await startServer({ login: false });
    sim.addEvent({ startMs: Date.parse(at(-3610)), seconds: 60 });
    for (const credentials of [{ username: '', password: '' }, {}]) {
      const connection = connectTo(sim, credentials);
      const clip = await connection.createClip(request(), never);
      assert.equal(clip.status, 'finished');
      (await connection.openClip(clip, { offset: 0 }, never)).body.destroy();
    }
    assert.equal(sim.requestsFor('login').length, 1);
  });

  it('says that user and password are missing where the server wants them', async () => {
    const sim = await startServer();
    const connection = connectTo(sim, { username: '', password: '' });
    await assert.rejects(connection.listCameras(never), failsOn(sim)('EAUTH', /Enter user and password/));
    await assert.rejects(
      connectTo(sim, { password: '' }).listCameras(never),
      failsOn(sim)('EINVALID', /a login needs both user and password/),
    );
  });

  it('renews its tokens before they end, without the password', async () => {
    const sim = await startServer();
    const connection = connectTo(sim);
    await connection.listCameras(never);
    sim.advance(7200_000 - 30_000);
    await connection.listCameras(never);
    sim.advance(7200_000 + 1000);
    await connection.listCameras(never);
    const bodies = sim.requestsFor('login').map(({ body }) => new URLSearchParams(body.toString()));
    assert.deepEqual(
      bodies.map((body) => [...body.keys()]),
      [['user', 'pass'], ['token'], ['token']],
    );
    // No request was ever refused.
    assert.deepEqual([...new Set(sim.requests.map(({ status }) => status))], [200]);
  });

  it('takes the password again when the refresh token has ended, too', async () => {
    const sim = await startServer();
    const connection = connectTo(sim);
    await connection.listCameras(never);
    sim.advance(2 * 86_400_000);
    await connection.listCameras(never);
    const bodies = sim.requestsFor('login').map(({ body }) => [...new URLSearchParams(body.toString()).keys()]);
    assert.deepEqual(bodies, [
      ['user', 'pass'],
      ['user', 'pass'],
    ]);
  });

  for (const version of ['1.36.33', '1.38.4', '1.39.22'] as const) {
    it(`logs in again when a download finds the session over (${version})`, async () => {
      const sim = await startServer({ version });
      sim.addEvent({ startMs: Date.parse(at(-3610)), seconds: 60 });
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      // The searches before it find it over as well, so only the file is asked for with the revoked token.
      sim.failNext(
        { kind: 'reply', reply: version === '1.36.33' ? htmlLogin : { status: 302, headers: toLogin, body: '' } },
        'video',
      );
      (await connection.openClip(clip, { offset: 0 }, never)).body.destroy();
      assert.equal(sim.requestsFor('login').length, 2);
    });
  }

  it('tells a page for a missing right from one for a session that is over', async () => {
    const sim = await startServer();
    sim.addEvent({ startMs: Date.parse(at(-3610)), seconds: 60 });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    sim.failNext({ kind: 'reply', reply: htmlLogin }, 'video', 5);
    await assert.rejects(
      connection.openClip(clip, { offset: 0 }, never),
      failsOn(sim)('EFORBIDDEN', /a page instead of video.*Events: View/),
    );
    assert.equal(sim.requestsFor('login').length, 2);
  });

  it('names the privacy notice that is in the way', async () => {
    const sim = await startServer({ privacyDue: true });
    sim.addEvent({ startMs: Date.parse(at(-3610)), seconds: 60 });
    const connection = connectTo(sim, { username: 'admin' });
    const clip = await connection.createClip(request(), never);
    await assert.rejects(
      connection.openClip(clip, { offset: 0 }, never),
      failsOn(sim)('EFORBIDDEN', /privacy notice.*SHOW_PRIVACY/),
    );
    const { warnings } = await connection.check(never);
    assert.ok(warnings.some((warning) => /privacy notice/.test(warning)));
    assert.equal(sim.requestsFor('login').length, 1);
  });

  it('works below the addresses that people copy', async () => {
    const sim = await startServer();
    for (const end of ['', '/', '/index.php', '/index.php?view=console', '/api', '/api/']) {
      const { provider, call } = await openProvider(sim, { settings: { url: `${sim.url}${end}` } });
      assert.equal((await provider.listCameras!(call)).length, 2, end);
    }
    const { provider, call } = await openProvider(sim, { settings: { url: sim.url, apiUrl: `${sim.url}/api/` } });
    assert.equal((await provider.listCameras!(call)).length, 2);
  });

  it('lists cameras, and never what their streams are reached by', async () => {
    const sim = await startServer();
    sim.options.monitors[1]!.online = false;
    const cameras = await connectTo(sim).listCameras(never);
    assert.deepEqual(cameras, [
      { id: '1', name: 'Gate', online: true },
      { id: '2', name: 'Dock', online: false },
    ]);
  });

  describe('the test of a connection', () => {
    it('shows version, cameras, time zone and clock', async () => {
      const sim = await startServer({ timezone: 'Europe/Amsterdam' });
      sim.addEvent({ startMs: Date.parse(at(-60)), seconds: 30 });
      const check = await connectTo(sim).check(never);
      assert.deepEqual(
        { ...check, warnings: check.warnings.length },
        { name: 'ZoneMinder, Europe/Amsterdam', version: '1.36.33', cameras: 2, clockSkewMs: 0, warnings: 1 },
      );
      assert.match(check.warnings[0]!, /http without encryption/);
    });

    it('warns of cameras that keep pictures only, and of a recorder that is an hour ahead', async () => {
      const sim = await startServer({ timezone: 'Etc/UTC', recorderZone: 'Europe/Amsterdam' });
      sim.options.monitors[0]!.videoWriter = 0;
      sim.addEvent({ startMs: Date.parse(at(-60)), seconds: 30 });
      const { warnings } = await connectTo(sim).check(never);
      assert.ok(
        warnings.some((warning) => /No clips of Gate: only pictures/.test(warning)),
        warnings.join('\n'),
      );
      assert.ok(
        warnings.some((warning) => /59 minutes from now.*time zone/.test(warning)),
        warnings.join('\n'),
      );
    });
  });

  for (const timezone of ['', 'Middle-earth/Shire']) {
    it(`asks for the time zone where the server says "${timezone}"`, async () => {
      const sim = await startServer({ timezone: 'Etc/UTC' });
      sim.failNext({ kind: 'reply', reply: { body: JSON.stringify({ tz: timezone }) } }, 'zone', 9);
      await assert.rejects(
        connectTo(sim).createClip(request(), never),
        failsOn(sim)('EPROTOCOL', /Set the time zone of the connection/),
      );
    });
  }

  it('refuses a time zone that does not exist', async () => {
    const sim = await startServer();
    const connection = connectTo(sim, { settings: { timezone: 'Amsterdam' } });
    await assert.rejects(connection.createClip(request(), never), failsOn(sim)('EINVALID', /"Amsterdam" is not known/));
  });
});

const toLogin = { location: '/zm/index.php?view=login' };
const htmlLogin = {
  headers: { 'content-type': 'text/html; charset=UTF-8' },
  body: '<!DOCTYPE html>\n<html lang="en"><head><title>ZM - Error</title></head><body></body></html>',
};
