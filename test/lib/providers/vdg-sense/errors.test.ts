import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { ClipError, ErrorCode } from '../../../../lib/errors';
import { resultError } from '../../../../lib/providers/vdg-sense/errors';
import type { VdgSense } from '../../../simulators/vdg-sense';
import {
  closeAll,
  connectTo,
  createFinished,
  download,
  errorOf,
  never,
  ONE,
  request,
  startSense,
  TWO,
} from './support';

/** The published codes: ours, a word of the explanation, and whether it may pass. */
const codes: [number, ErrorCode, RegExp, boolean?][] = [
  [-1, 'EUNSUPPORTED', /API licence/i],
  [-2, 'ENOTFOUND', /no such device.*serverid\/deviceid/i],
  [-3, 'ENOFOOTAGE', /no recorded image/i],
  [-4, 'EINVALID', /without milliseconds/i],
  [-5, 'EFAILED', /live image/i],
  [-6, 'EFAILED', /recorded data/i],
  [-7, 'EINVALID', /preset/i],
  [-8, 'EUNSUPPORTED', /face recognition/i],
  [-9, 'ENOTFOUND', /record not found/i],
  [-10, 'EINVALID', /not enough parameters/i],
  [-11, 'ENOTFOUND', /no image/i],
  [-12, 'ENOTFOUND', /no such system/i],
  [-13, 'ENOTFOUND', /monitor/i],
  [-14, 'ENOTFOUND', /layout/i],
  [-15, 'ENOTFOUND', /panel/i],
  [-16, 'ENOTFOUND', /multi-layout/i],
  [-17, 'ENOTFOUND', /no such server.*serverid\/deviceid/i],
  [-18, 'EFAILED', /general error.*log of the server/i, true],
  [-19, 'EUNSUPPORTED', /dome/i],
  [-20, 'EUNSUPPORTED', /licence plate/i],
  [-21, 'EFAILED', /profile/i],
  [-22, 'EINVALID', /out of range/i],
  [-23, 'EINVALID', /empty/i],
  [-24, 'EINVALID', /action/i],
  [-25, 'ENOTFOUND', /macro/i],
  [-26, 'ENOTFOUND', /action or video tag/i],
  [-28, 'EUNSUPPORTED', /client/i],
  [-33, 'EINVALID', /server id is missing/i],
  [-34, 'EINVALID', /device id is missing/i],
  [-35, 'EINVALID', /start is missing/i],
  [-36, 'EINVALID', /end is missing/i],
  [-37, 'EINVALID', /end lies before the start/i],
  [-38, 'ELIMIT', /5 minutes/i],
  [-40, 'ENOTFOUND', /does not have this clip/i],
  [-48, 'ENOFOOTAGE', /no recordings/i],
  [-53, 'EFAILED', /connection to the device is lost/i, true],
  [-57, 'EINVALID', /missing/i],
  [-58, 'EINVALID', /not valid/i],
  [-60, 'ENOSPACE', /disk space/i],
  [-61, 'EFAILED', /folder/i],
];

const undocumented = [-27, -29, -32, -39, -41, -47, -49, -52, -54, -56, -59, -62, -1000];

const answer = (code: number, description: string) =>
  ({
    kind: 'reply',
    reply: { body: `<result errorcode="${code}"><description>${description}</description></result>` },
  }) as const;

async function codesOf(work: Promise<unknown>): Promise<[ErrorCode, string | undefined]> {
  const { code, vendorCode } = await errorOf(work);
  return [code, vendorCode];
}

describe('VDG Sense: result codes', () => {
  afterEach(closeAll);

  it('mean what they are documented to mean, with camera, range and the words of the server', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    for (const [code, ours, words, retryable = false] of codes) {
      sim.failNext(answer(code, 'as the vendor says'), 'addClip');
      const error = await errorOf(connection.createClip(request(), never));
      assert.deepEqual([error.code, error.retryable, error.vendorCode], [ours, retryable, String(code)], error.message);
      assert.match(error.message, words);
      assert.ok(
        error.message.includes(
          ` ("as the vendor says"), code ${code} (creating the clip of camera ${ONE}/2, 2025-03-01T11:00:00.000Z to 2025-03-01T11:00:02.000Z)`,
        ),
        error.message,
      );
    }
    assert.equal(sim.logins, 1);
  });

  it('that are not documented are a failure after one fresh session', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    for (const [index, code] of undocumented.entries()) {
      sim.failNext(answer(code, 'as the vendor says'), 'addClip', 2);
      const error = await errorOf(connection.createClip(request(), never));
      assert.deepEqual([error.code, error.retryable, error.vendorCode], ['EFAILED', false, String(code)]);
      assert.match(
        error.message,
        new RegExp(`code ${code} \\("as the vendor says"\\), which is not documented \\(creating `),
      );
      assert.equal(sim.logins, 2 + index);
    }
  });

  it('need no words from the server', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    sim.failNext({ kind: 'reply', reply: { body: '<result errorcode="-38"/>' } }, 'addClip');
    const error = await errorOf(connection.createClip(request(), never));
    assert.match(error.message, /at most, code -38 \(creating .*\)\. Ask for a shorter one$/);
  });

  const calls: [string, string, (connection: ReturnType<typeof connectTo>, clip: never) => Promise<unknown>, RegExp][] =
    [
      [
        'addClip',
        'creating',
        (connection) => connection.createClip(request(), never),
        /\(creating the clip of camera 69/,
      ],
      [
        'getClips',
        'polling',
        (connection, clip) => connection.pollClip(clip, 1, never),
        /\(asking for the clips of server 69/,
      ],
      ['downloadClip', 'downloading', download, /\(downloading the clip of camera 69.*2025-03-01T11:00:02\.000Z\)/],
      [
        'deleteClip',
        'deleting',
        (connection, clip) => connection.deleteClip(clip, never),
        /\(deleting the clip of camera 69/,
      ],
      ['getDeviceList', 'listing', (connection) => connection.listCameras(never), /\(asking for the camera list\)/],
    ];
  for (const [command, name, call, doing] of calls) {
    it(`say what was being done when ${name}`, async () => {
      const sim = await startSense();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.failNext(answer(-17, 'No such server'), command);
      const error = await errorOf(call(connection, clip as never));
      assert.match(error.message, doing);
      assert.equal(error.vendorCode, '-17');
    });
  }

  it('are told apart by command where the same number means two things', () => {
    const meaning = (command: string, code: string): string => resultError(command, code, '', 'x', false).message;
    assert.match(meaning('exportVideo', '-57'), /export id/);
    assert.match(meaning('exportVideo', '-58'), /path on the server/);
    assert.match(meaning('customMessage', '-57'), /index is missing/);
    assert.match(meaning('customMessage', '-58'), /index is not valid/);
    assert.doesNotMatch(meaning('addClip', '-57'), /export|index/);
  });

  it('of a missing licence or an old version say so', async () => {
    const sim = await startSense({ withoutLicence: ['addClip'] });
    const connection = connectTo(sim);
    assert.equal((await errorOf(connection.createClip(request(), never))).code, 'EUNSUPPORTED');
    sim.options.withoutLicence = 'all';
    assert.match((await errorOf(connection.listCameras(never))).message, /code -1 \(.*API licence or a newer version$/);
    sim.options.withoutLicence = [];
    sim.options.version = '2.5.3';
    assert.equal((await errorOf(connection.createClip(request(), never))).code, 'EUNSUPPORTED');
  });

  for (const failureStatus of [400, 404, 500] as const) {
    it(`keep the meaning that they have for clips beside HTTP ${failureStatus}`, async () => {
      const sim = await startSense({ replies: { failureStatus } });
      const connection = connectTo(sim);
      const long = request({ end: '2025-03-01T11:05:01.000Z' });
      assert.deepEqual(await codesOf(connection.createClip(long, never)), ['ELIMIT', '-38']);
      const elsewhere = request({ camera: `${ONE}/77` });
      assert.deepEqual(await codesOf(connection.createClip(elsewhere, never)), ['ENOTFOUND', '-2']);
      const clip = await createFinished(connection);
      sim.removeClip(clip.id);
      assert.deepEqual(await codesOf(download(connection, clip)), ['EEXPIRED', '-40']);
      await connection.deleteClip(clip, never);
      assert.equal(sim.logins, 1);
    });
  }

  const rates: [number, ErrorCode, boolean, number?][] = [
    [404, 'ENOTFOUND', false],
    [429, 'ETHROTTLED', true, 9000],
    [500, 'EFAILED', true, 9000],
    [503, 'ENETWORK', true, 9000],
  ];
  for (const [status, code, retryable, pause] of rates) {
    it(`may come with HTTP ${status}, or not at all`, async () => {
      const sim = await startSense();
      const body = '<result errorcode="-18"><description>Repairing</description></result>';
      for (const said of [body, '<html>Repairing</html>', '', '<not xml']) {
        sim.failNext({ kind: 'reply', reply: { status, headers: { 'retry-after': '9' }, body: said } }, 'addClip');
        // One of its own each time: a pause that was asked for holds for all requests of a connection.
        const error = await errorOf(connectTo(sim).createClip(request(), never));
        const isStarting = status === 404 && said !== body;
        assert.deepEqual([error.code, error.retryable], isStarting ? ['ENETWORK', true] : [code, retryable]);
        if (pause) assert.equal(error.retryAfterMs, pause);
        assert.match(
          error.message,
          new RegExp(
            `HTTP ${status}${said === body ? ': Repairing' : ''} \\(creating [^)]*\\)(\\. The server may be starting.*)?$`,
          ),
        );
      }
      assert.equal(sim.logins, 4);
    });
  }
});

describe('VDG Sense: secrets', () => {
  afterEach(closeAll);

  const password = `p&ss'"<wörd> 1`;
  const token = 'vendor-secret';
  const users = [{ username: 'nodered', password }];

  const basic = Buffer.from(`nodered:${password}`).toString('base64');
  const ownSecrets = [password, encodeURIComponent(password), basic, token];

  /** Everything that a server may echo. */
  function secretsOf(sim: VdgSense): string[] {
    return [...ownSecrets, ...sim.sessions.keys()];
  }

  const escape = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

  function assertClean(error: ClipError, secrets: string[]): void {
    const everything = `${error.message}\n${inspect(error, { depth: 10, showHidden: true })}\n${JSON.stringify(error)}`;
    for (const secret of secrets) assert.ok(!everything.includes(secret), `${secret} in ${everything}`);
    assert.ok(error.message.includes('***'), error.message);
  }

  const echoes: [string, (text: string) => object][] = [
    [
      'the description of a result',
      (text) => ({ body: `<result errorcode="-18"><description>${text}</description></result>` }),
    ],
    ['an unknown code', (text) => ({ body: `<result errorcode="-99"><description>${text}</description></result>` })],
    [
      'the words of a refusal',
      (text) => ({ body: `<result errorcode="-99"><description>Not logged in: ${text}</description></result>` }),
    ],
    [
      'an HTTP error',
      (text) => ({ status: 500, body: `<result errorcode="-18"><description>${text}</description></result>` }),
    ],
  ];

  for (const [name, reply] of echoes) {
    it(`never show in an error, even when the server puts them into ${name}`, async () => {
      const sim = await startSense({ users });
      const connection = connectTo(sim, { credentials: { password, token } });
      const clip = await createFinished(connection);
      const other = { ...clip, camera: `${TWO}/2` };
      const calls: [string, () => Promise<unknown>][] = [
        ['addClip', () => connection.createClip(request(), never)],
        ['getClips', () => connection.pollClip(clip, 1, never)],
        // Two servers: one may fail without the other.
        ['getClips', () => Promise.all([connection.pollClip(clip, 1, never), connection.pollClip(other, 1, never)])],
        ['downloadClip', () => download(connection, clip)],
        ['deleteClip', () => connection.deleteClip(clip, never)],
        ['getDeviceList', () => connection.listCameras(never)],
        ['getDeviceList', () => connection.check(never)],
      ];
      for (const [command, call] of calls) {
        // Keys are known only from the requests: a reply that seems to want a login gets one, and so a second request.
        const keys = new Set<string>();
        const echo = sim.failNext(
          { kind: 'reply', reply: {} },
          (seen) => {
            const isMeant = seen.query.get('command') === command;
            if (isMeant) keys.add(seen.headers.cookie?.replace('sessionkey=', '') ?? '');
            if (echo.fault.kind === 'reply') echo.fault.reply = reply(escape([...ownSecrets, ...keys].join(' ')));
            return isMeant;
          },
          4,
        );
        const error = await errorOf(call());
        sim.clearFaults();
        assertClean(error, [...ownSecrets, ...keys]);
      }
    });
  }

  it('never show in the error of a login', async () => {
    for (const reply of [
      { status: 401, body: password },
      { body: `<result errorcode="-55"><description>${escape(password)} is not the password</description></result>` },
    ]) {
      const sim = await startSense();
      sim.failNext({ kind: 'reply', reply }, 'login');
      const error = await errorOf(connectTo(sim, { credentials: { password } }).listCameras(never));
      assert.equal(error.code, 'EAUTH');
      assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(password));
      assert.ok(error.message.includes('status' in reply ? 'HTTP 401' : '*** is not the password'));
    }
  });

  it('never show when a command does not reach the server', async () => {
    const sim = await startSense({ users });
    const connection = connectTo(sim, { credentials: { password, token } });
    await connection.listCameras(never);
    for (const fault of [
      { kind: 'reset', when: 'request' },
      { kind: 'reset', when: 'headers' },
      { kind: 'truncate', afterBytes: 5 },
      { kind: 'redirect', location: 'http://127.0.0.1:1/' },
    ] as const) {
      // A GET on a kept connection that breaks is sent again at once.
      sim.failNext(fault, 'getDeviceList', 3);
      const error = await errorOf(connection.listCameras(never));
      sim.clearFaults();
      const everything = inspect(error, { depth: 10, showHidden: true });
      for (const secret of secretsOf(sim)) assert.ok(!everything.includes(secret), everything);
    }
  });

  it('never follow a redirect to another server', async () => {
    const sim = await startSense({ users });
    const other = await startSense({ auth: ['open'] });
    const plainLogin = connectTo(sim, { credentials: { password } });
    const elsewhere = { code: 'EPROTOCOL', message: /redirects to another server/ };
    sim.failNext({ kind: 'redirect', location: `${other.url}/command?command=getDeviceList` }, 'getDeviceList');
    await assert.rejects(plainLogin.listCameras(never), elsewhere);
    sim.options.auth = ['basic'];
    const basicLogin = connectTo(sim, { settings: { auth: 'basic' }, credentials: { password } });
    sim.failNext({ kind: 'redirect', location: `${other.url}/command?command=getDeviceList` }, 'getDeviceList');
    await assert.rejects(basicLogin.listCameras(never), elsewhere);
    assert.equal(other.requests.length, 0);
  });
});
