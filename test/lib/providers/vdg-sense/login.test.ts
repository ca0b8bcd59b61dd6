import assert from 'node:assert/strict';
import { manualClock } from '../../../support/manual-clock';
import type { SenseSettings } from '../../../simulators/vdg-sense';
import { selfSignedCertificate } from '../../../simulators/vdg-sense/self-signed';
import { closeAll, commands, connectTo, createFinished, download, fails, never, request, startSense } from './support';

type Session = NonNullable<SenseSettings['session']>;

describe('VDG Sense: a login', () => {
  afterEach(closeAll);

  it('sends name and password once, whatever signs they hold', async () => {
    const username = 'joe & <sons>';
    const password = `p&"ss'<w>ö🚨`;
    const sim = await startSense({ users: [{ username, password }] });
    const connection = connectTo(sim, { credentials: { username, password } });
    await Promise.all(Array.from({ length: 10 }, () => connection.listCameras(never)));
    await connection.createClip(request(), never);
    const [login, ...more] = sim.requestsFor('login');
    assert.deepEqual([more.length, sim.logins, sim.refusedLogins], [0, 1, 0]);
    assert.equal(login?.method, 'POST');
    assert.equal(login?.headers['content-type'], 'text/xml; charset=utf-8');
    assert.equal(login?.headers.authorization, undefined);
    assert.match(
      login?.body.toString('utf8') ?? '',
      /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<AuthenticateUser><username>.*<\/username><password>.*<\/password><\/AuthenticateUser>$/,
    );
  });

  const ways: [string, Session, Record<string, string>?][] = [
    ['as a cookie', { in: ['cookie'] }],
    ['as a cookie with attributes', { in: ['cookie'], cookieAttributes: '; Path=/; HttpOnly; Max-Age=60' }],
    ['as a cookie in capitals', { in: ['cookie'], cookie: 'SessionKey' }],
    ['as a cookie of another name', { in: ['cookie'], cookie: 'SID' }],
    ['as an element', { in: ['element'] }],
    ['as an attribute', { in: ['attribute'] }],
    ['everywhere', { in: ['cookie', 'element', 'attribute'] }],
    ['as all that there is', { in: ['root'] }],
    ['inside an element of its name', { in: ['inside'], name: 'Session' }],
    ['beside a cookie of something else', { in: ['element'], strayCookie: 'lang=en; Path=/' }],
    ['as sessionid', { in: ['element'], name: 'SessionID' }],
    ['as session', { in: ['attribute'], name: 'session' }],
    ['under another root', { in: ['attribute'], name: 'SESSIONKEY', root: 'AuthenticateUserResult' }],
    ['under a name that was set', { in: ['element'], name: 'Ticket' }, { sessionKeyName: 'ticket' }],
    ['for a cookie whose name was set', { in: ['element'], cookie: 'SID' }, { sessionKeyName: 'SID' }],
  ];
  for (const [name, session, settings = {}] of ways) {
    it(`finds the session key ${name}, and sends it with every command`, async () => {
      const sim = await startSense({ session });
      const connection = connectTo(sim, { settings });
      const clip = await createFinished(connection);
      await download(connection, clip);
      await connection.deleteClip(clip, never);
      assert.equal(sim.logins, 1);
      assert.deepEqual(
        sim.requests.map(({ status }) => status),
        sim.requests.map(() => 200),
      );
    });
  }

  it('finds the key in every dialect', async () => {
    for (const replies of [
      { upperCaseTags: true, upperCaseAttributes: true, debugTags: true, shuffleSeed: 3 },
      { prolog: 'comment', byteOrderMark: true, indent: true },
    ] as const) {
      for (const place of ['element', 'attribute'] as const) {
        const sim = await startSense({ replies, session: { in: [place] } });
        assert.equal((await connectTo(sim).listCameras(never)).length, 3);
      }
    }
  });

  it('that is a success without a key is refused for good, and the message says where to look', async () => {
    const sim = await startSense({ session: { in: ['element'], name: 'Ticket' } });
    const connection = connectTo(sim);
    const told = fails(
      'EAUTH',
      /^The answer \(result\) holds no session key \(logging in to http.* as "nodered"\).*name of the session key/,
    );
    await assert.rejects(connection.listCameras(never), told);
    await assert.rejects(connection.listCameras(never), told);
    assert.deepEqual(commands(sim), ['webservice']);
  });

  it('that brings only cookies of other names may do, and the check says what may be wrong', async () => {
    const sim = await startSense({ session: { in: ['cookie'], cookie: 'SID' } });
    const { warnings } = await connectTo(sim).check(never);
    assert.match(warnings.join('\n'), /holds no session key, only cookies.*set its name/);
    const sure = await connectTo(sim, { settings: { sessionKeyName: 'SID' } }).check(never);
    assert.doesNotMatch(sure.warnings.join('\n'), /session key/);
  });

  it('is not made without need', async () => {
    const sim = await startSense({ auth: ['open'] });
    await connectTo(sim, { settings: { auth: 'none' } }).listCameras(never);
    assert.deepEqual(commands(sim), ['getDeviceList']);
    assert.equal(sim.requests[0]?.headers.cookie, undefined);
    assert.equal(sim.requests[0]?.headers.authorization, undefined);
  });

  it('may fail on the way and be made later', async () => {
    const sim = await startSense();
    const clock = manualClock();
    const connection = connectTo(sim, { clock });
    const longestPauseMs = 300_000;
    for (const fault of [
      { kind: 'reset', when: 'request' },
      { kind: 'reset', when: 'reply' },
      { kind: 'reply', reply: { status: 503, headers: { 'retry-after': '3' } } },
      { kind: 'reply', reply: { status: 500 } },
      { kind: 'truncate', afterBytes: 10 },
    ] as const) {
      sim.failNext(fault, 'login');
      await assert.rejects(
        connection.listCameras(never),
        fails(fault.kind === 'reply' && fault.reply.status === 500 ? 'EFAILED' : 'ENETWORK', /\(logging in to /, {
          retryable: true,
        }),
      );
      await clock.advance(longestPauseMs);
    }
    await sim.stop();
    await assert.rejects(connection.listCameras(never), fails('ENETWORK', /^Nothing listens.*\(logging in/));
    await sim.start();
    await clock.advance(longestPauseMs);
    assert.equal((await connection.listCameras(never)).length, 3);
  });

  it('is not sent after a redirect', async () => {
    const sim = await startSense();
    const other = await startSense();
    sim.failNext({ kind: 'redirect', location: `${other.url}/webservice`, status: 307 }, 'login');
    await assert.rejects(connectTo(sim).listCameras(never), fails('EPROTOCOL', /redirects/));
    assert.equal(other.requests.length, 0);
  });
});

describe('VDG Sense: other ways to log in', () => {
  afterEach(closeAll);

  it('HTTP Basic goes with every command, beyond ASCII too, and needs no session', async () => {
    const users = [{ username: 'jürgen', password: 'päss:wörd' }];
    const sim = await startSense({ auth: ['basic'], users });
    const connection = connectTo(sim, { settings: { auth: 'basic' }, credentials: users[0]! });
    const clip = await createFinished(connection);
    await download(connection, clip);
    await connection.deleteClip(clip, never);
    assert.deepEqual([sim.requestsFor('login').length, sim.refusedLogins], [0, 0]);
  });

  it('HTTP Basic that worked survives a command that is not for this account', async () => {
    const sim = await startSense({ auth: ['basic'] });
    const clip = await createFinished(connectTo(sim, { settings: { auth: 'basic' } }));
    const connection = connectTo(sim, { settings: { auth: 'basic' } });
    await download(connection, clip);
    sim.failNext({ kind: 'reply', reply: { status: 403 } }, 'addClip');
    await assert.rejects(connection.createClip(request(), never), fails('EFORBIDDEN', /HTTP 403 \(creating/));
    sim.failNext({ kind: 'reply', reply: { body: '<html>busy</html>' } }, 'addClip');
    await assert.rejects(connection.createClip(request(), never), fails('EPROTOCOL'));
    await connection.createClip(request(), never);
  });

  it('HTTP Basic is not taken for refused while the server is only starting', async () => {
    const sim = await startSense({ auth: ['basic'] });
    const connection = connectTo(sim, { settings: { auth: 'basic' } });
    for (const [status, code] of [
      [503, 'ENETWORK'],
      [500, 'EFAILED'],
      [404, 'ENETWORK'],
    ] as const) {
      sim.failNext({ kind: 'reply', reply: { status, body: '<html>starting</html>' } });
      await assert.rejects(connection.listCameras(never), fails(code));
    }
    assert.equal((await connection.listCameras(never)).length, 3);
  });

  it('no login on a server that wants one is an error that says so', async () => {
    for (const unauthenticated of ['401', 'errorcode'] as const) {
      const sim = await startSense({ unauthenticated });
      const connection = connectTo(sim, { settings: { auth: 'none' } });
      await assert.rejects(connection.listCameras(never), fails('EAUTH', /\(asking for the camera list/));
    }
  });

  it('digest sends nonce, time and digest, and neither password nor secret', async () => {
    const sim = await startSense({ auth: ['digest'] });
    const settings = { auth: 'digest', digestNonce: 'VENDORISSUED0001' };
    const connection = connectTo(sim, { settings, credentials: { token: 'vendor-secret' } });
    assert.equal((await connection.listCameras(never)).length, 3);
    const body = sim.requestsFor('login')[0]!.body.toString('utf8');
    assert.match(body, /<AuthenticateUserDigest><username>nodered<\/username><nonce>VENDORISSUED0001<\/nonce>/);
    assert.match(body, /<timestamp>2025-03-01 12:00:00<\/timestamp><digest>[0-9a-f]{40}<\/digest>/);
    assert.ok(!body.includes('s3cret') && !body.includes('vendor-secret'));
  });

  it('digest is refused once where secret, nonce, clock or formula differ', async () => {
    const settings = { auth: 'digest', digestNonce: 'VENDORISSUED0001' };
    for (const [options, token] of [
      [{}, 'another-secret'],
      [{ digest: { order: 'secret-is-text' } }, 'vendor-secret'],
      [{ digest: { nonce: 'ANOTHER' } }, 'vendor-secret'],
      [{ digest: { skewMs: -1 } }, 'vendor-secret'],
    ] as [SenseSettings, string][]) {
      const sim = await startSense({ auth: ['digest'], ...options });
      const connection = connectTo(sim, { settings, credentials: { token } });
      await assert.rejects(connection.listCameras(never), fails('EAUTH'));
      await assert.rejects(connection.listCameras(never), fails('EAUTH'));
      assert.deepEqual([sim.refusedLogins, sim.requests.length], [1, 1]);
    }
  });

  it('digest without what the vendor issues sends nothing', async () => {
    const sim = await startSense({ auth: ['digest'] });
    for (const [digestNonce, token] of [
      ['', 'vendor-secret'],
      ['VENDORISSUED0001', ''],
    ] as const) {
      const connection = connectTo(sim, { settings: { auth: 'digest', digestNonce }, credentials: { token } });
      await assert.rejects(connection.listCameras(never), fails('EINVALID', /nonce and the secret/));
    }
    assert.equal(sim.requests.length, 0);
  });
});

describe('VDG Sense: over TLS', () => {
  const tls = selfSignedCertificate();
  afterEach(closeAll);

  it('a self-signed certificate is refused before any password is sent, and may be trusted later', async () => {
    const sim = await startSense({ tls });
    const connection = connectTo(sim);
    for (let count = 0; count < 2; count += 1) {
      await assert.rejects(
        connection.listCameras(never),
        fails('ENETWORK', /^The server's certificate is not trusted.*\(logging in.*TLS configuration/, {
          retryable: false,
        }),
      );
    }
    assert.equal(sim.requests.length, 0);
  });

  it('everything works with its CA, and the check has nothing to warn about', async () => {
    const sim = await startSense({ tls });
    const connection = connectTo(sim, { tls: { ca: tls.cert } });
    const clip = await createFinished(connection);
    assert.equal((await download(connection, clip)).length, clip.size);
    assert.deepEqual((await connection.check(never)).warnings, []);
  });
});
