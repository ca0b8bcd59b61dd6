// Tests: logins, addresses, cameras and the test of a connection to Frigate.
import assert from 'node:assert/strict';
import { manualClock } from '../../../support/manual-clock';
import { frigateCamera } from '../../../simulators/frigate';
import { selfSignedCertificate } from '../../../simulators/vdg-sense/self-signed';
import {
  admin,
  at,
  calls,
  closeAll,
  connectTo,
  createFinished,
  errorOf,
  fails,
  guard,
  never,
  nobody,
  noon,
  start,
  versions,
  viewer,
} from './support';

const required = { login: { required: true } };

describe('Frigate: login', () => {
  afterEach(closeAll);

  for (const version of versions) {
    it(`is done once, and not at all on a port without (${version})`, async () => {
      const sim = await start({ version, ...required });
      const connection = connectTo(sim, { credentials: admin });
      await createFinished(connection);
      await connection.listCameras(never);
      assert.equal(sim.logins, 1);
      const open = await start({ version });
      await createFinished(connectTo(open));
      assert.equal(open.requestsFor('login').length, 0);
      assert.ok(open.requests.every(({ headers }) => headers.authorization === undefined));
    });
  }

  it('takes the token out of a cookie of any name, whatever its own end says', async () => {
    const sim = await start({ login: { required: true, cookieName: 'nvr', cookieExpires: new Date(0).toUTCString() } });
    await connectTo(sim, { credentials: admin }).check(never);
    assert.equal(sim.logins, 1);
  });

  it('is done again before the token ends, by its own word', async () => {
    const sim = await start({ login: { required: true, sessionSeconds: 3600 } });
    const connection = connectTo(sim, { credentials: admin });
    await connection.listCameras(never);
    sim.advance(3500_000);
    await connection.listCameras(never);
    assert.equal(sim.logins, 1);
    sim.advance(50_000);
    await connection.listCameras(never);
    assert.equal(sim.logins, 2);
    assert.ok(sim.requests.every(({ status }) => status === 200));
  });

  it('is done again when a restart has changed the secret', async () => {
    const sim = await start({ login: { required: true, restartEndsSessions: true } });
    const connection = connectTo(sim, { credentials: admin });
    await connection.listCameras(never);
    sim.restart();
    await connection.listCameras(never);
    assert.equal(sim.logins, 2);
  });

  it('that is limited is a reason to wait, and no refusal', async () => {
    const sim = await start({ login: { required: true, limit: { count: 1, windowMs: 60_000 } } });
    await connectTo(sim, { credentials: admin }).check(never);
    const clock = manualClock();
    const connection = connectTo(sim, { credentials: admin, clock });
    const error = await errorOf(connection.check(never));
    assert.deepEqual([error.code, error.retryable, error.retryAfterMs], ['ETHROTTLED', true, 60_000]);
    sim.advance(60_000);
    await clock.advance(60_000);
    await connection.check(never);
  });

  it('is not needed where the server says so', async () => {
    const sim = await start({ login: { enabled: false } });
    await connectTo(sim, { credentials: admin }).listCameras(never);
  });

  it('is refused for a wrong password, with advice', async () => {
    const sim = await start(required);
    const wrong = connectTo(sim, { credentials: { ...admin, password: 'wrong' } });
    await assert.rejects(wrong.check(never), fails('EAUTH', /user name or the password.*leave both empty/));
    const half = connectTo(sim, { credentials: { ...admin, password: '' } });
    await assert.rejects(half.check(never), fails('EAUTH', /both a user name and a password/));
  });

  it('is what port 8971 asks for', async () => {
    const sim = await start(required);
    await assert.rejects(
      connectTo(sim).check(never),
      fails('EAUTH', /user name and password \(port 8971\).*port 5000/),
    );
  });

  it('is replaced by a pasted token', async () => {
    const sim = await start(required);
    const token = sim.mint({ name: 'robot', role: 'viewer' });
    await createFinished(connectTo(sim, { credentials: { ...nobody, token: `Bearer ${token}` } }));
    assert.equal(sim.logins, 0);
    const wrong = connectTo(sim, { credentials: { ...nobody, token: 'no.such.token' } });
    await assert.rejects(wrong.check(never), fails('EAUTH', /bearer token is not accepted/));
    const impossible = connectTo(sim, { credentials: { ...nobody, token: 'tök en' } });
    await assert.rejects(impossible.check(never), fails('EAUTH', /characters/));
  });
});

describe('Frigate: addresses', () => {
  afterEach(closeAll);

  it('keep the path of a proxy, for files as well', async () => {
    const sim = await start({ basePath: '/frigate' });
    const clip = await createFinished(connectTo(sim));
    assert.ok(clip.size! > 0);
    assert.ok(calls(sim).every((call) => call.includes(' /frigate/')));
  });

  it('may be copied with /api at their end', async () => {
    const sim = await start();
    await connectTo(sim, { settings: { url: `${sim.url}/api/` } }).check(never);
  });

  for (const path of ['', '/nvr']) {
    it(`that lead elsewhere are told ("${path}")`, async () => {
      const sim = await start({ basePath: '/frigate' });
      const connection = connectTo(sim, { settings: { url: `${sim.server.url}${path}` } });
      await assert.rejects(connection.check(never), fails('EPROTOCOL', /a page.*path of a reverse proxy/));
    });
  }

  it('without TLS for a port with it are told', async () => {
    const sim = await start({ isPlainRefused: true });
    await assert.rejects(connectTo(sim).check(never), fails('EPROTOCOL', /https:/));
  });

  it('with the certificate that Frigate makes for itself need a word about it', async () => {
    const sim = await start({ tls: selfSignedCertificate() });
    const error = await errorOf(connectTo(sim).check(never));
    assert.deepEqual([error.code, error.retryable], ['ENETWORK', false]);
    assert.match(error.message, /can never be verified.*"Verify server certificate"/);
    await connectTo(sim, { tls: { rejectUnauthorized: false } }).check(never);
  });
});

describe('Frigate: cameras', () => {
  afterEach(closeAll);

  for (const version of versions) {
    it(`have the names and the state that ${version} gives`, async () => {
      const sim = await start({ version });
      sim.options.cameras.push(frigateCamera({ id: '_replay_front_door' }));
      const named = version !== '0.16.4';
      assert.deepEqual(await connectTo(sim).listCameras(never), [
        { id: 'front_door', name: named ? 'Front door' : 'front_door', online: true },
        { id: 'garden', name: 'garden', online: true },
        { id: 'attic', name: named ? 'Attic' : 'attic', online: false },
      ]);
    });
  }

  it('are those that the role may see', async () => {
    const sim = await start(required);
    const ids = async (credentials = guard) =>
      (await connectTo(sim, { credentials }).listCameras(never)).map(({ id }) => id);
    assert.deepEqual(await ids(), ['garden']);
    assert.deepEqual(await ids(viewer), ['front_door', 'garden', 'attic']);
  });
});

describe('Frigate: testing the connection', () => {
  afterEach(closeAll);

  it('finds nothing to say about a good one', async () => {
    const sim = await start({ cameras: [frigateCamera({ id: 'front_door' })] });
    const check = await connectTo(sim).check(never);
    assert.deepEqual(check, {
      name: 'Frigate',
      version: '0.18.0-5f6043a',
      cameras: 1,
      clockSkewMs: 0,
      warnings: [],
    });
  });

  const warned = async (settings: Parameters<typeof start>[0], credentials = nobody): Promise<string> => {
    const sim = await start(settings);
    return (await connectTo(sim, { credentials }).check(never)).warnings.join('\n');
  };

  it('warns of what speaks against using it like this', async () => {
    assert.match(await warned({}), /Recording is turned off for Attic/);
    assert.match(await warned(required, viewer), /"viewer" may not delete.*never deletes/);
    assert.match(await warned(required, viewer), /without encryption/);
    assert.match(await warned({ version: '0.16.4' }), /0\.16 begins clips up to one key-frame interval late/);
    assert.match(await warned({ versionText: '0.14.1-abcdef0' }), /too old.*0\.16/);
  });

  for (const version of versions) {
    it(`warns of recordings that are not kept, or not there (${version})`, async () => {
      const record = { enabled: true, continuousDays: 0 };
      const cameras = [frigateCamera({ id: 'front_door', record, until: (noon - 7200) * 1000 })];
      const warnings = await warned({ version, cameras });
      assert.match(warnings, /only recordings with activity of front_door/);
      assert.match(warnings, /no recording of the last hour/);
    });
  }

  it('measures the clock', async () => {
    const sim = await start();
    const before = sim.now;
    assert.equal(before(), Date.parse(at(0)));
    const { clockSkewMs } = await connectTo(sim).check(never);
    assert.equal(clockSkewMs, 0);
  });
});
